/* SPDX-License-Identifier: MIT */
#include "coro/io.h"
#include "io/io.h"
#include "io/receive.h"
#include "io/sigpipe.h"
#include "io/system.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

struct side {
    int fd;
    off_t *offset;
};

static ssize_t try_splice(struct side from, struct side to, size_t n, unsigned flags)
{
    loff_t from_offset = from.offset ? *from.offset : 0;
    loff_t to_offset = to.offset ? *to.offset : 0;
    struct coro__sigpipe sigpipe;
    const int saved_errno = errno;
    coro__sigpipe_begin(&sigpipe);
    const ssize_t rc =
        coro__system_result(splice(from.fd, from.offset ? &from_offset : NULL, to.fd,
                                   to.offset ? &to_offset : NULL, n, flags | SPLICE_F_NONBLOCK),
                            saved_errno);
    coro__sigpipe_end(&sigpipe, rc);
    if (from.offset)
        *from.offset = (off_t)from_offset;
    if (to.offset)
        *to.offset = (off_t)to_offset;
    return rc;
}

/* What was received ahead is written. */
static ssize_t write_ahead(struct coro__fd *from, int to, size_t n)
{
    char buffer[1024];
    const ssize_t there =
        coro__receive(from, buffer, n < sizeof buffer ? n : sizeof buffer, MSG_PEEK);
    if (there < 0)
        return coro__receive(from, buffer, 1, 0);
    struct coro__sigpipe sigpipe;
    const int saved_errno = errno;
    coro__sigpipe_begin(&sigpipe);
    const ssize_t rc = coro__system_result(write(to, buffer, (size_t)there), saved_errno);
    coro__sigpipe_end(&sigpipe, rc);
    return rc > 0 ? coro__receive(from, buffer, (size_t)rc, 0) : rc;
}

/* Finds what is known of it, and sees to it that it never blocks: the flag of the call is for the
 * pipe alone. */
static int find(struct coro__io *io, int number, struct coro__fd **fd)
{
    const int rc = coro__io_find(io, number, fd);
    return rc == 0 && coro__fd_is_socket(*fd) ? coro__fd_set_nonblocking(*fd) : rc;
}

/* One of them is not ready, or was not. */
static int wait_for_both(int from, int to)
{
    const int rc = coro_poll(from, POLLIN);
    return rc < 0 ? rc : coro_poll(to, POLLOUT);
}

ssize_t coro_splice(int from, off_t *from_offset, int to, off_t *to_offset, size_t n,
                    unsigned flags)
{
    struct coro__io *io;
    struct coro__fd *from_fd, *to_fd;
    ssize_t rc = n <= SSIZE_MAX ? coro__io_begin(&io) : -EINVAL;
    while (rc >= 0) {
        rc = find(io, from, &from_fd);
        if (rc == 0)
            rc = find(io, to, &to_fd);
        if (rc < 0)
            return rc;
        if (to_fd->queued)
            io->backend->kind->calls->submit(io->backend);
        do
            rc = from_fd->ahead ? write_ahead(from_fd, to, n)
                                : try_splice((struct side){from, from_offset},
                                             (struct side){to, to_offset}, n, flags);
        while (rc == -EINTR);
        if (rc != -EAGAIN || flags & SPLICE_F_NONBLOCK)
            return rc;
        rc = wait_for_both(from, to);
    }
    return rc;
}
