/* SPDX-License-Identifier: MIT */
#include "coro/io.h"
#include "io/operation.h"

static const struct coro__wait_kind kind = {.name = "poll", .abandon = coro__fd_abandon};

int coro__poll_now(const struct coro__fd *fd, short events)
{
    struct pollfd polled = {.fd = fd->number, .events = events};
    const int ahead = fd->ahead ? events & (POLLIN | POLLRDNORM) : 0;
    const int saved_errno = errno;
    int rc;
    do
        rc = (int)coro__system_result(poll(&polled, 1, 0), saved_errno);
    while (rc == -EINTR);
    if (rc < 0)
        return rc;
    return polled.revents & POLLNVAL ? -EBADF : polled.revents | ahead;
}

/* A hang-up or an error is reported in either direction. */
static unsigned directions_of(short events)
{
    const short writing = POLLOUT | POLLWRNORM | POLLWRBAND;
    const unsigned write = events & writing ? CORO__WRITE : 0;
    const unsigned urgent = events & (POLLPRI | POLLRDBAND) ? CORO__EXCEPTION : 0;
    return write && !(events & ~writing) ? CORO__WRITE : write | CORO__READ | urgent;
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
    while ((rc = coro__poll_now(fd, events)) == 0) {
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
