/* SPDX-License-Identifier: MIT */
#include "coro/io.h"
#include "io/io.h"
#include "io/system.h"

static const struct coro__wait_kind kind = {.name = "poll", .abandon = coro__fd_abandon};

/* The events that are there; 0 is none. */
static int look(int number, short events)
{
    struct pollfd fd = {.fd = number, .events = events};
    const int saved_errno = errno;
    int rc;
    do
        rc = (int)coro__system_result(poll(&fd, 1, 0), saved_errno);
    while (rc == -EINTR);
    if (rc < 0)
        return rc;
    return fd.revents & POLLNVAL ? -EBADF : fd.revents;
}

/* A hang-up or an error is reported in either direction. */
static unsigned directions_of(short events)
{
    const short writing = POLLOUT | POLLWRNORM | POLLWRBAND;
    const unsigned write = events & writing ? CORO__WRITE : 0;
    return write && !(events & ~writing) ? CORO__WRITE : write | CORO__READ;
}

int coro_poll(int number, short events)
{
    struct coro__io *io;
    struct coro__fd *fd;
    int rc = coro__io_begin(&io);
    if (rc == 0)
        rc = coro__io_find(io, number, &fd);
    if (rc < 0)
        return rc;
    const uint32_t generation = fd->generation;
    while ((rc = look(number, events)) == 0) {
        rc = coro__io_wait(io, fd, directions_of(events), &kind);
        if (rc == 0 && fd->generation != generation)
            rc = -EBADF;
        if (rc < 0)
            return rc == -EPERM ? -EAGAIN : rc;
    }
    if (rc == -EBADF)
        coro__io_forget(io, fd, -EBADF);
    return rc;
}
