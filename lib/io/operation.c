/* SPDX-License-Identifier: MIT */
#include "io/operation.h"

static ssize_t attempt(struct coro__operation *operation, struct coro__fd *fd)
{
    ssize_t rc;
    do
        rc = operation->kind->attempt(operation, fd);
    while (rc == -EINTR);
    return rc;
}

/* Where the back end makes calls itself. What is written keeps its order. */
static ssize_t attempt_write(struct coro__io *io, struct coro__operation *operation,
                             struct coro__fd *fd)
{
    const struct coro__operation_kind *kind = operation->kind;
    struct coro__send send = {0};
    ssize_t rc;
    if (kind->as_send && !operation->only_now && coro__fd_is_socket(fd)) {
        kind->as_send(operation, &send);
        if (coro__send_queued(io, fd, &send, &rc)) {
            coro__fd_note_written(fd, rc, send.size);
            return rc;
        }
    }
    if (fd->queued)
        io->backend->kind->calls->submit(io->backend);
    return attempt(operation, fd);
}

/* The system says that the fd is not what is remembered. True if the call is to be made again, with
 * what it is. */
static CORO__COLD bool find_again(struct coro__io *io, struct coro__fd **fd, ssize_t rc)
{
    const bool was_socket = coro__fd_is_socket(*fd);
    coro__io_forget(io, *fd, -EBADF);
    return rc == -ENOTSOCK && was_socket && coro__io_find(io, (*fd)->number, fd) == 0;
}

/* Waits until it may be tried again. */
static int wait(struct coro__io *io, struct coro__fd *fd, const struct coro__operation_kind *kind)
{
    const uint32_t generation = fd->generation;
    const int rc = coro__io_wait(io, fd, kind->direction, &kind->wait);
    if (CORO__UNLIKELY(rc < 0))
        return rc == -EPERM ? -EAGAIN : rc;
    if (CORO__UNLIKELY(fd->generation != generation))
        return -EBADF;
    return CORO__LIKELY(coro__fd_is_known(fd)) ? 0 : coro__io_find(io, fd->number, &fd);
}

ssize_t coro__perform(struct coro__operation *operation)
{
    const struct coro__operation_kind *kind = operation->kind;
    struct coro__io *io;
    struct coro__fd *fd;
    ssize_t rc = coro__io_begin(&io);
    if (CORO__LIKELY(rc == 0))
        rc = coro__io_find(io, operation->fd, &fd);
    while (CORO__LIKELY(rc == 0)) {
        if (fd->ready & kind->direction || operation->only_now) {
            const uint32_t generation = fd->generation;
            rc = io->backend->kind->calls && kind->direction == CORO__WRITE
                     ? attempt_write(io, operation, fd)
                     : attempt(operation, fd);
            if ((CORO__UNLIKELY(rc == -EBADF) || CORO__UNLIKELY(rc == -ENOTSOCK)) &&
                fd->generation == generation && find_again(io, &fd, rc)) {
                rc = 0;
                continue;
            }
            if (CORO__LIKELY(rc != -EAGAIN) || operation->only_now)
                return rc;
            fd->ready &= (uint8_t)~kind->direction;
        }
        rc = wait(io, fd, kind);
    }
    return rc;
}
