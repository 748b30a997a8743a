/* SPDX-License-Identifier: MIT */
#include "io/operation.h"

bool coro__queue_send(struct coro__io *io, struct coro__operation *operation, struct coro__fd *fd,
                      ssize_t *rc)
{
    struct coro__send send = {0};
    if (!operation->kind->as_send || operation->only_now || !coro__fd_is_socket(fd))
        return false;
    operation->kind->as_send(operation, &send);
    if (!coro__send_queued(io, fd, &send, rc))
        return false;
    coro__fd_note_written(fd, *rc, send.size);
    return true;
}

CORO__COLD bool coro__find_again(struct coro__io *io, struct coro__fd **fd, ssize_t rc)
{
    const bool was_socket = coro__fd_is_socket(*fd);
    coro__io_forget(io, *fd, -EBADF);
    return rc == -ENOTSOCK && was_socket && coro__io_find(io, (*fd)->number, fd) == 0;
}

ssize_t coro__perform(struct coro__operation *operation)
{
    return coro__perform_as(operation->kind, operation);
}

ssize_t coro__perform_begun(struct coro__io *io, struct coro__operation *operation)
{
    return coro__perform_begun_as(operation->kind, io, operation);
}

ssize_t coro__perform_now(struct coro__io *io, struct coro__operation *operation)
{
    struct coro__fd *fd;
    const int rc = coro__io_find(io, operation->fd, &fd);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    return fd->ready & operation->kind->direction
               ? coro__attempt_or_find_again(operation->kind, io, operation, &fd, false)
               : -EAGAIN;
}
