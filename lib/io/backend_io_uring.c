/* SPDX-License-Identifier: MIT */
#include "io/backend.h"
#include "io/io_uring.h"
#include "util/memory.h"

#include <errno.h>
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

void coro__uring_cancel_request(struct coro__uring *uring, uint64_t name)
{
    cancel(uring, name, 0);
}

void coro__uring_take_back(struct io_uring_sqe *request)
{
    io_uring_prep_nop(request);
    request->flags = IOSQE_CQE_SKIP_SUCCESS;
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
        coro__uring_polled(uring, fd, slots[tag], completion);
}

static void complete(struct coro__uring *uring, const struct io_uring_cqe *completion)
{
    void *object = (void *)(uintptr_t)(completion->user_data & ~(uint64_t)TAG_MASK);
    switch (completion->user_data & TAG_MASK) {
    case CORO__URING_NOTHING:
        break;
    case CORO__URING_WAKE_UP:
        if (!(completion->flags & IORING_CQE_F_MORE) && !uring->closing)
            watch_wake_fd(uring);
        break;
    case CORO__URING_SEND:
        coro__uring_sent(object, completion->res);
        break;
    case CORO__URING_FILE:
        coro__uring_made(object, completion->res);
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

void coro__uring_finish(struct coro__uring *uring)
{
    for (int i = 0; i < MOST_ENTERS && !coro__ring_idle(&uring->ring); i++)
        enter(uring, 0);
}

/* --- Entering it ------------------------------------------------------------------------------ */
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
    coro__uring_finish(uring);
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
    .unwatch = coro__uring_unwatch,
    .verify = coro__uring_verify,
    .receive = coro__uring_take_bytes,
    .accept = coro__uring_take_connection,
    .send = coro__uring_send,
    .unsend = coro__uring_unsend,
    .submit = submit,
    .make_file_call = coro__uring_make_file_call,
};

const struct coro__backend_kind coro__io_uring = {
    .name = "io_uring",
    .remembers = true,
    .calls = &calls,
    .open = open_uring,
    .close = close_uring,
    .watch = coro__uring_watch,
    .forget = coro__uring_forget,
    .wait = wait,
};
