/* SPDX-License-Identifier: MIT */
/* Watching fds, by polls of a single shot. */
#include "io/io_uring.h"
#include "util/memory.h"

#include <poll.h>

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

/* --- Polls ------------------------------------------------------------------------------------ */
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

void coro__uring_polled(struct coro__uring *uring, struct coro__fd *fd, unsigned slot,
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

/* --- Watching --------------------------------------------------------------------------------- */
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

int coro__uring_watch(struct coro__backend *backend, struct coro__fd *fd, unsigned directions)
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

void coro__uring_unwatch(struct coro__backend *backend, struct coro__fd *fd, unsigned directions)
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
void coro__uring_forget(struct coro__backend *backend, struct coro__fd *fd)
{
    struct coro__uring *uring = coro__uring_of(backend);
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    take_sends_back(uring, own);
    cancel_all(uring, own);
    coro__uring_drop_ahead(uring, fd);
    fd->watched = 0;
    if (own->cancelled)
        coro__uring_finish(uring);
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
int coro__uring_verify(struct coro__backend *backend, struct coro__fd *fd)
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
