/* SPDX-License-Identifier: MIT */
#include "io/backend.h"
#include "io/io_uring.h"
#include "io/system.h"
#include "util/memory.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* The serial number and the tag, below the fd's number. */
enum { NUMBER_SHIFT = 32, SERIAL_SHIFT = 3, TAG_MASK = 7 };

enum {
    /* Requests that one wait makes at most. */
    ROOM = 8,
    /* In a row, should the kernel fail for good. */
    MOST_ENTERS = 10000,
};

/* --- Requests --------------------------------------------------------------------------------- */
struct io_uring_sqe *coro__uring_request(struct coro__uring *uring)
{
    struct io_uring_sqe *request;
    while (!(request = coro__ring_request(&uring->ring)))
        coro__uring_enter(uring, 0);
    return request;
}

void coro__uring_name(struct coro__uring *uring, struct coro__fd *fd, struct io_uring_sqe *request,
                      unsigned slot, enum coro__uring_tag tag)
{
    const uint32_t serial = ++uring->serial << SERIAL_SHIFT;
    const uint64_t name = (uint64_t)(uint32_t)fd->number << NUMBER_SHIFT | serial | tag;
    request->user_data = name;
    coro__uring_fd_of(fd)->requests[slot] = name;
}

static void cancel(struct coro__uring *uring, uint64_t name, int flags)
{
    struct io_uring_sqe *request = coro__uring_request(uring);
    io_uring_prep_cancel64(request, name, flags);
    request->flags |= IOSQE_CQE_SKIP_SUCCESS;
    request->user_data = CORO__URING_NOTHING;
}

void coro__uring_cancel(struct coro__uring *uring, struct coro__uring_fd *own, unsigned slot,
                        bool awaited)
{
    const uint64_t name = own->requests[slot];
    if (!awaited)
        own->requests[slot] = 0;
    own->cancelled = true;
    cancel(uring, name, 0);
}

/* --- Completions ------------------------------------------------------------------------------ */
static void watch_wake_fd(struct coro__uring *uring)
{
    struct io_uring_sqe *request = coro__uring_request(uring);
    io_uring_prep_poll_multishot(request, uring->wake_fd, POLLIN);
    request->user_data = CORO__URING_WAKE_UP;
}

/* No CORO__EXCEPTION: what that is for, that a short read may not be the last one, does no harm
 * here, as each poll begins with a look. */
static unsigned bits_of(unsigned events)
{
    unsigned bits = 0;
    if (events & (POLLIN | POLLRDHUP | POLLPRI | POLLHUP | POLLERR))
        bits |= CORO__READ;
    if (events & (POLLOUT | POLLHUP | POLLERR))
        bits |= CORO__WRITE;
    return bits;
}

static void poll_writing_by_changes(struct coro__uring *uring, struct coro__fd *fd)
{
    struct io_uring_sqe *request = coro__uring_request(uring);
    io_uring_prep_poll_multishot(request, fd->number, POLLOUT);
    coro__uring_name(uring, fd, request, CORO__URING_WRITE_SLOT, CORO__URING_POLL_WRITE);
}

/* All polls tell of the peer's end as well. Who writes does not ask for that: he waits for what
 * comes after it. */
static bool tells_of_end_only(unsigned slot, int result)
{
    return slot == CORO__URING_WRITE_SLOT && result == POLLRDHUP;
}

/* A poll of one direction. If it has failed, who waits tries again. */
static void polled(struct coro__uring *uring, struct coro__fd *fd, unsigned slot,
                   const struct io_uring_cqe *completion)
{
    const bool goes_on = completion->flags & IORING_CQE_F_MORE;
    const unsigned direction = 1u << slot;
    const int result = completion->res;
    unsigned bits = direction;
    if (tells_of_end_only(slot, result)) {
        if (!goes_on)
            poll_writing_by_changes(uring, fd);
        return;
    }
    if (result == -EBADF)
        bits = CORO__CLOSED;
    else if (result > 0)
        bits |= bits_of((unsigned)result);
    if (goes_on)
        coro__uring_cancel(uring, coro__uring_fd_of(fd), slot, false);
    coro__uring_fd_of(fd)->requests[slot] = 0;
    fd->watched &= (uint8_t) ~(direction & CORO__READ ? direction | CORO__EXCEPTION : direction);
    coro__io_report(uring->io, fd, bits);
}

/* What has come of a request that does not count any more. */
static void dispose(struct coro__uring *uring, const struct io_uring_cqe *completion)
{
    struct coro__held held = {0};
    if ((completion->user_data & TAG_MASK) == CORO__URING_ACCEPT && completion->res >= 0)
        close(completion->res);
    if (completion->flags & IORING_CQE_F_BUFFER)
        coro__held_push(&uring->buffers, &held, completion->flags >> IORING_CQE_BUFFER_SHIFT, 0);
}

static void complete_for_fd(struct coro__uring *uring, const struct io_uring_cqe *completion)
{
    static const unsigned char slots[CORO__URING_TAGS] = {
        [CORO__URING_POLL_READ] = CORO__URING_READ_SLOT,
        [CORO__URING_POLL_WRITE] = CORO__URING_WRITE_SLOT,
        [CORO__URING_RECEIVE] = CORO__URING_AHEAD_SLOT,
        [CORO__URING_ACCEPT] = CORO__URING_AHEAD_SLOT,
    };
    const unsigned tag = completion->user_data & TAG_MASK;
    struct coro__fd *fd =
        coro__fds_find(&uring->io->fds, (int)(completion->user_data >> NUMBER_SHIFT));
    if (coro__uring_fd_of(fd)->requests[slots[tag]] != completion->user_data)
        dispose(uring, completion);
    else if (tag == CORO__URING_RECEIVE)
        coro__uring_received(uring, fd, completion);
    else if (tag == CORO__URING_ACCEPT)
        coro__uring_accepted(uring, fd, completion);
    else
        polled(uring, fd, slots[tag], completion);
}

static void complete(struct coro__uring *uring, const struct io_uring_cqe *completion)
{
    switch (completion->user_data & TAG_MASK) {
    case CORO__URING_NOTHING:
        break;
    case CORO__URING_WAKE_UP:
        if (!(completion->flags & IORING_CQE_F_MORE) && !uring->closing)
            watch_wake_fd(uring);
        break;
    case CORO__URING_SEND:
        coro__uring_sent(
            (struct coro__send *)(uintptr_t)(completion->user_data & ~(uint64_t)TAG_MASK),
            completion->res);
        break;
    default:
        complete_for_fd(uring, completion);
    }
}

static void enter(struct coro__uring *uring, coro_duration limit)
{
    struct io_uring_cqe completion;
    coro__ring_enter(&uring->ring, limit);
    while (coro__ring_take(&uring->ring, &completion))
        complete(uring, &completion);
}

/* A send that was made is told of before its task can be cancelled. */
void coro__uring_enter(struct coro__uring *uring, coro_duration limit)
{
    enter(uring, limit);
    for (int i = 0; i < MOST_ENTERS && coro__ring_overflown(&uring->ring); i++)
        enter(uring, 0);
}

/* Has all be done that the kernel can do, the cancels before it among that. */
static void finish(struct coro__uring *uring)
{
    for (int i = 0; i < MOST_ENTERS && !coro__ring_idle(&uring->ring); i++)
        enter(uring, 0);
}

/* --- Watching --------------------------------------------------------------------------------- */
struct coro__uring_fd *coro__uring_find(struct coro__uring *uring, struct coro__fd *fd)
{
    if (fd->own)
        return fd->own;
    struct coro__uring_fd *own = coro__calloc(1, sizeof *own);
    if (!own)
        return NULL;
    coro__list_init(&own->sends);
    own->next = uring->fds;
    own->fd = fd;
    return fd->own = uring->fds = own;
}

static unsigned watched(const struct coro__uring_fd *own)
{
    return (own->requests[CORO__URING_READ_SLOT] ? CORO__READ : 0u) |
           (own->requests[CORO__URING_READ_SLOT] && own->urgent ? CORO__EXCEPTION : 0u) |
           (own->requests[CORO__URING_WRITE_SLOT] ? CORO__WRITE : 0u) |
           (own->requests[CORO__URING_AHEAD_SLOT] && !own->stopping ? CORO__AHEAD : 0u);
}

static void poll_fd(struct coro__uring *uring, struct coro__fd *fd, unsigned slot)
{
    const unsigned reading = POLLIN | POLLRDHUP,
                   urgent = coro__uring_fd_of(fd)->urgent ? POLLPRI : 0;
    const unsigned events[] = {reading | urgent, POLLOUT};
    static const enum coro__uring_tag tags[] = {CORO__URING_POLL_READ, CORO__URING_POLL_WRITE};
    if (coro__uring_fd_of(fd)->requests[slot])
        return;
    struct io_uring_sqe *request = coro__uring_request(uring);
    io_uring_prep_poll_add(request, fd->number, events[slot]);
    coro__uring_name(uring, fd, request, slot, tags[slot]);
}

/* A poll that is under way without is made anew. */
static void ask_for_urgent(struct coro__uring *uring, struct coro__uring_fd *own, bool wanted)
{
    const bool polls = own->requests[CORO__URING_READ_SLOT];
    if (wanted && polls && !own->urgent)
        coro__uring_cancel(uring, own, CORO__URING_READ_SLOT, false);
    own->urgent = wanted || (polls && own->urgent);
}

static int watch(struct coro__backend *backend, struct coro__fd *fd, unsigned directions)
{
    struct coro__uring *uring = coro__uring_of(backend);
    struct coro__uring_fd *own = coro__uring_find(uring, fd);
    if (!own)
        return -ENOMEM;
    if (directions & CORO__READ && coro__uring_go_ahead(uring, fd, directions))
        directions &= ~(unsigned)CORO__READ;
    if (directions & CORO__READ)
        ask_for_urgent(uring, own, directions & CORO__EXCEPTION);
    for (unsigned slot = 0; slot < CORO__FD_DIRECTIONS; slot++)
        if (directions & (1u << slot))
            poll_fd(uring, fd, slot);
    return (int)watched(own);
}

static void unwatch(struct coro__backend *backend, struct coro__fd *fd, unsigned directions)
{
    struct coro__uring *uring = coro__uring_of(backend);
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    for (unsigned slot = 0; slot < CORO__FD_DIRECTIONS; slot++)
        if (directions & (1u << slot))
            coro__uring_cancel(uring, own, slot, false);
    if (directions & CORO__AHEAD)
        coro__uring_stop_ahead(uring, own);
    fd->watched &= (uint8_t)~directions;
}

static void cancel_all(struct coro__uring *uring, struct coro__uring_fd *own)
{
    for (unsigned slot = 0; slot < CORO__URING_SLOTS; slot++)
        if (own->requests[slot])
            coro__uring_cancel(uring, own, slot, false);
    own->stopping = false;
}

/* Those that the kernel has taken have been made, and are told of soon. */
static void take_sends_back(struct coro__uring *uring, struct coro__uring_fd *own)
{
    struct coro__list *next;
    for (struct coro__list *link = own->sends.next; link != &own->sends; link = next) {
        struct coro__send *send = CORO__CONTAINER_OF(link, struct coro__send, link);
        next = link->next;
        if (coro__ring_taken(&uring->ring, send->position))
            continue;
        coro__uring_unsend(&uring->backend, send);
        send->result = -EBADF;
        coro__wake(&uring->io->loop->ready, &send->wait, 0);
    }
}

/* Requests hold the file, which closing is to close: so it is done before. */
static void forget(struct coro__backend *backend, struct coro__fd *fd)
{
    struct coro__uring *uring = coro__uring_of(backend);
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    take_sends_back(uring, own);
    cancel_all(uring, own);
    coro__uring_drop_ahead(uring, fd);
    fd->watched = 0;
    if (own->cancelled)
        finish(uring);
    own->cancelled = false;
}

/* Whether the number is that of what was taken ahead, and of the same kind as what is polled. */
static bool seems_same(const struct coro__uring_fd *own)
{
    const struct coro__fd *fd = own->fd;
    enum coro__fd_type type;
    if (fd->ahead || own->requests[CORO__URING_AHEAD_SLOT])
        return coro__uring_same_file(fd);
    return fd->type == CORO__FD_UNKNOWN ||
           (coro__fd_identify(fd->number, &type) == 0 && type == fd->type);
}

/* Polls are made anew: so they are of what has the number now. */
static int verify(struct coro__backend *backend, struct coro__fd *fd)
{
    struct coro__uring *uring = coro__uring_of(backend);
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    if (!seems_same(own)) {
        cancel_all(uring, own);
        coro__uring_drop_ahead(uring, fd);
        return coro__fd_is_open(fd->number) ? CORO__NEW : -EBADF;
    }
    for (unsigned slot = 0; slot < CORO__FD_DIRECTIONS; slot++)
        if (own->requests[slot]) {
            coro__uring_cancel(uring, own, slot, false);
            poll_fd(uring, fd, slot);
        }
    return (int)watched(own);
}

static bool make_room(struct coro__backend *backend)
{
    struct coro__uring *uring = coro__uring_of(backend);
    if (CORO__LIKELY(coro__ring_room(&uring->ring) >= ROOM))
        return false;
    coro__uring_enter(uring, 0);
    return true;
}

static void submit(struct coro__backend *backend)
{
    coro__uring_enter(coro__uring_of(backend), 0);
}

static void wait(struct coro__backend *backend, coro_duration limit)
{
    coro__uring_enter(coro__uring_of(backend), limit);
}

/* --- The beginning and the end ---------------------------------------------------------------- */
static int open_uring(struct coro__io *io, int wake_fd, struct coro__backend **backend)
{
    struct coro__uring *uring = coro__calloc(1, sizeof *uring);
    if (!uring)
        return -ENOMEM;
    uring->backend.kind = &coro__io_uring;
    uring->io = io;
    uring->wake_fd = wake_fd;
    int rc = coro__ring_open(&uring->ring);
    if (rc == 0) {
        rc = coro__buffers_open(&uring->buffers, &uring->ring);
        if (rc < 0)
            coro__ring_close(&uring->ring);
    }
    if (rc < 0) {
        free(uring);
        return rc;
    }
    watch_wake_fd(uring);
    *backend = &uring->backend;
    return 0;
}

/* The kernel would end what is in the ring some time after it is closed. */
static void close_uring(struct coro__backend *backend)
{
    struct coro__uring *uring = coro__uring_of(backend);
    uring->closing = true;
    cancel(uring, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
    finish(uring);
    while (uring->fds) {
        struct coro__uring_fd *own = uring->fds;
        uring->fds = own->next;
        coro__uring_drop_ahead(uring, own->fd);
        free(own);
    }
    coro__ring_close(&uring->ring);
    coro__buffers_close(&uring->buffers);
    free(uring);
}

static const struct coro__backend_calls calls = {
    .make_room = make_room,
    .unwatch = unwatch,
    .verify = verify,
    .receive = coro__uring_take_bytes,
    .accept = coro__uring_take_connection,
    .send = coro__uring_send,
    .unsend = coro__uring_unsend,
    .submit = submit,
};

const struct coro__backend_kind coro__io_uring = {
    .name = "io_uring",
    .remembers = true,
    .calls = &calls,
    .open = open_uring,
    .close = close_uring,
    .watch = watch,
    .forget = forget,
    .wait = wait,
};
