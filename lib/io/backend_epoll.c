/* SPDX-License-Identifier: MIT */
/* epoll, edge-triggered: each fd is registered once for reading, and once more for writing. */
#include "io/backend.h"
#include "io/io.h"
#include "io/system.h"
#include CORO_EPOLL_HEADER
#include "util/memory.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MOST_EVENTS = 256 };

/* In place of an fd's number: the inbox's eventfd. It is never read, and tells of every write. */
enum { WAKE_UP = -1 };

struct epoll {
    struct coro__backend backend;
    struct coro__io *io;
    int fd;
    struct epoll_event events[MOST_EVENTS];
};

static struct epoll *epoll_of(struct coro__backend *backend)
{
    return CORO__CONTAINER_OF(backend, struct epoll, backend);
}

static int control(struct epoll *epoll, int operation, int fd, uint32_t events, int number)
{
    const int saved_errno = errno;
    struct epoll_event event = {.events = events | EPOLLET, .data.fd = number};
    return (int)coro__system_result(epoll_ctl(epoll->fd, operation, fd, &event), saved_errno);
}

static void close_epoll(struct coro__backend *backend)
{
    close(epoll_of(backend)->fd);
    free(epoll_of(backend));
}

static int open_epoll(struct coro__io *io, int wake_fd, struct coro__backend **backend)
{
    struct epoll *epoll = coro__calloc(1, sizeof *epoll);
    if (!epoll)
        return -ENOMEM;
    epoll->backend.kind = &coro__epoll;
    epoll->io = io;
    const int saved_errno = errno;
    int rc = epoll->fd = (int)coro__system_result(epoll_create1(EPOLL_CLOEXEC), saved_errno);
    if (rc >= 0)
        rc = control(epoll, EPOLL_CTL_ADD, wake_fd, EPOLLIN, WAKE_UP);
    if (rc < 0) {
        if (epoll->fd >= 0)
            close(epoll->fd);
        free(epoll);
        return rc;
    }
    *backend = &epoll->backend;
    return 0;
}

static int watch(struct coro__backend *backend, struct coro__fd *fd, unsigned directions)
{
    struct epoll *epoll = epoll_of(backend);
    uint32_t events = 0;
    directions = (directions | fd->watched) & CORO__BOTH;
    if (directions & CORO__READ) {
        events |= EPOLLIN | EPOLLRDHUP | EPOLLPRI;
        directions |= CORO__EXCEPTION;
    }
    if (directions & CORO__WRITE)
        events |= EPOLLOUT;
    int rc = -ENOENT;
    if (fd->watched)
        rc = control(epoll, EPOLL_CTL_MOD, fd->number, events, fd->number);
    if (rc != -ENOENT)
        return rc < 0 ? rc : (int)directions;
    rc = control(epoll, EPOLL_CTL_ADD, fd->number, events, fd->number);
    if (rc == -EEXIST) /* it was closed, and is back as a copy */
        rc = control(epoll, EPOLL_CTL_MOD, fd->number, events, fd->number);
    return rc < 0 ? rc : (int)directions | CORO__NEW;
}

/* Closing does it too, but not while there is a copy of the fd, in another process perhaps. */
static void forget(struct coro__backend *backend, struct coro__fd *fd)
{
    control(epoll_of(backend), EPOLL_CTL_DEL, fd->number, 0, 0);
}

static unsigned bits_of(uint32_t events)
{
    unsigned bits = 0;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR))
        bits |= CORO__READ;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        bits |= CORO__WRITE;
    if (events & (EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR))
        bits |= CORO__EXCEPTION;
    return bits;
}

/* The event may be of a file that had the number before, and has a copy: then it is a false alarm.
 */
static void report(struct epoll *epoll, const struct epoll_event *event)
{
    struct coro__fd *fd = coro__fds_find(&epoll->io->fds, event->data.fd);
    coro__io_report(epoll->io, fd, bits_of(event->events));
}

static void wait(struct coro__backend *backend, coro_duration limit)
{
    struct epoll *epoll = epoll_of(backend);
    const int count = CORO_EPOLL_WAIT(epoll->fd, epoll->events, MOST_EVENTS, limit);
    for (int i = 0; i < count; i++)
        if (epoll->events[i].data.fd != WAKE_UP)
            report(epoll, &epoll->events[i]);
}

const struct coro__backend_kind coro__epoll = {
    .name = "epoll",
    .remembers = true,
    .open = open_epoll,
    .close = close_epoll,
    .watch = watch,
    .forget = forget,
    .wait = wait,
};
