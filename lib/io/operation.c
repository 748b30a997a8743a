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

/* Not inline: the tasks that wait have the frame of the caller on their stacks. */
static __attribute__((noinline)) bool
queue_send(struct coro__io *io, struct coro__operation *operation, struct coro__fd *fd, ssize_t *rc)
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

/* What is written keeps its order, where the back end makes calls itself. */
CORO__INLINE ssize_t attempt_in_order(struct coro__io *io, struct coro__operation *operation,
                                      struct coro__fd *fd, bool may_queue)
{
    const struct coro__backend_calls *calls = io->backend->kind->calls;
    ssize_t rc;
    if (calls && operation->kind->direction == CORO__WRITE) {
        if (may_queue && queue_send(io, operation, fd, &rc))
            return rc;
        if (fd->queued)
            calls->submit(io->backend);
    }
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

/* Attempts it, and clears what is remembered if it would block: -EAGAIN. */
CORO__INLINE ssize_t attempt_or_find_again(struct coro__io *io, struct coro__operation *operation,
                                           struct coro__fd **fd, bool may_queue)
{
    const uint32_t generation = (*fd)->generation;
    ssize_t rc = attempt_in_order(io, operation, *fd, may_queue);
    if ((CORO__UNLIKELY(rc == -EBADF) || CORO__UNLIKELY(rc == -ENOTSOCK)) &&
        (*fd)->generation == generation && find_again(io, fd, rc))
        rc = attempt(operation, *fd);
    if (rc == -EAGAIN && !operation->only_now)
        (*fd)->ready &= (uint8_t)~operation->kind->direction;
    return rc;
}

CORO__INLINE ssize_t perform(struct coro__io *io, struct coro__operation *operation)
{
    const struct coro__operation_kind *kind = operation->kind;
    struct coro__fd *fd;
    ssize_t rc = coro__io_find(io, operation->fd, &fd);
    while (CORO__LIKELY(rc == 0)) {
        if (fd->ready & kind->direction || operation->only_now) {
            rc = attempt_or_find_again(io, operation, &fd, true);
            if (CORO__LIKELY(rc != -EAGAIN) || operation->only_now)
                return rc;
        }
        rc = wait(io, fd, kind);
    }
    return rc;
}

ssize_t coro__perform(struct coro__operation *operation)
{
    struct coro__io *io;
    const int rc = coro__io_begin(&io);
    return CORO__LIKELY(rc == 0) ? perform(io, operation) : rc;
}

ssize_t coro__perform_begun(struct coro__io *io, struct coro__operation *operation)
{
    return perform(io, operation);
}

ssize_t coro__perform_now(struct coro__io *io, struct coro__operation *operation)
{
    struct coro__fd *fd;
    const int rc = coro__io_find(io, operation->fd, &fd);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    return fd->ready & operation->kind->direction ? attempt_or_find_again(io, operation, &fd, false)
                                                  : -EAGAIN;
}
