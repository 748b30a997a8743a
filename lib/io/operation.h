/* SPDX-License-Identifier: MIT */
/*
 * A call on one fd that may have to wait: it is tried, and tried again when the fd is ready, until
 * it does not block. Its arguments lie behind the struct, in one of its own.
 */
#ifndef CORO_IO_OPERATION_H
#define CORO_IO_OPERATION_H

#include "io/io.h"
#include "io/send.h"
#include "io/system.h"

#include <sys/socket.h>
#include <sys/uio.h>

struct coro__operation;

struct coro__operation_kind {
    struct coro__wait_kind wait; /* CORO__OPERATION_WAIT(name) */
    unsigned direction;          /* with CORO__RECEIVE or CORO__ACCEPT where that holds */
    /* Makes the system call without blocking. What it returns, or a negative errno: -EAGAIN where
     * it would have to block, -EINTR to be called again at once. */
    ssize_t (*attempt)(struct coro__operation *operation, struct coro__fd *fd);
    /* The same call to a socket as one send; NULL where it is none. */
    void (*as_send)(const struct coro__operation *operation, struct coro__send *send);
};

#define CORO__OPERATION_WAIT(text)                  \
    {                                               \
        .name = (text), .abandon = coro__fd_abandon \
    }

struct coro__operation {
    const struct coro__operation_kind *kind;
    int fd;
    bool only_now; /* -EAGAIN instead of a wait */
};

/* Where the back end makes calls itself: has it make this one as a send, in order. False if it is
 * to be made as any other. */
bool coro__queue_send(struct coro__io *io, struct coro__operation *operation, struct coro__fd *fd,
                      ssize_t *rc);

/* The system says that the fd is not what is remembered. True if the call is to be made again, with
 * what it is. */
CORO__COLD bool coro__find_again(struct coro__io *io, struct coro__fd **fd, ssize_t rc);

/* What the last attempt returned, or -EPERM, -ENOMEM, -ECANCELED, -EBADF. */
ssize_t coro__perform(struct coro__operation *operation);

/* The same in a call that has begun: no other task runs before the first attempt. */
ssize_t coro__perform_begun(struct coro__io *io, struct coro__operation *operation);

/* One attempt, or none while it is remembered that it would block: -EAGAIN then. For callbacks as
 * well; who gets -EAGAIN waits or listens for the direction. */
ssize_t coro__perform_now(struct coro__io *io, struct coro__operation *operation);

/* These calls made so. The caller sees to it that the lengths are such as the calls take. */
ssize_t coro__read_now(struct coro__io *io, int fd, void *buffer, size_t n);
ssize_t coro__recvmsg_now(struct coro__io *io, int fd, struct msghdr *message);
ssize_t coro__writev_now(struct coro__io *io, int fd, const struct iovec *iov, int count);
/* poll(2) without waiting, with what was taken ahead: the events that are there; 0 is none. */
int coro__poll_now(const struct coro__fd *fd, short events);
int coro__accept_now(struct coro__io *io, int fd, struct sockaddr *address, socklen_t *size);

/* --- coro__perform() inline, for calls that are to be fast: the kind is a constant there ------ */
CORO__INLINE ssize_t coro__attempt(const struct coro__operation_kind *kind,
                                   struct coro__operation *operation, struct coro__fd *fd)
{
    ssize_t rc;
    do
        rc = kind->attempt(operation, fd);
    while (CORO__UNLIKELY(rc == -EINTR));
    return rc;
}

/* What is written keeps its order, where the back end makes calls itself. */
CORO__INLINE ssize_t coro__attempt_in_order(const struct coro__operation_kind *kind,
                                            struct coro__io *io, struct coro__operation *operation,
                                            struct coro__fd *fd, bool may_queue)
{
    const struct coro__backend_calls *calls = io->backend->kind->calls;
    ssize_t rc;
    if (kind->direction == CORO__WRITE && calls) {
        if (may_queue && coro__queue_send(io, operation, fd, &rc))
            return rc;
        if (fd->queued)
            calls->submit(io->backend);
    }
    return coro__attempt(kind, operation, fd);
}

/* Attempts it, and clears what is remembered if it would block: -EAGAIN. */
CORO__INLINE ssize_t coro__attempt_or_find_again(const struct coro__operation_kind *kind,
                                                 struct coro__io *io,
                                                 struct coro__operation *operation,
                                                 struct coro__fd **fd, bool may_queue)
{
    const uint32_t generation = (*fd)->generation;
    ssize_t rc = coro__attempt_in_order(kind, io, operation, *fd, may_queue);
    if (CORO__LIKELY(rc >= 0))
        return rc;
    if ((rc == -EBADF || rc == -ENOTSOCK) && (*fd)->generation == generation &&
        coro__find_again(io, fd, rc))
        rc = coro__attempt(kind, operation, *fd);
    if (rc == -EAGAIN && !operation->only_now)
        (*fd)->ready &= (uint8_t)~kind->direction;
    return rc;
}

/* Waits until it may be tried again. */
CORO__INLINE int coro__wait_to_attempt(const struct coro__operation_kind *kind, struct coro__io *io,
                                       struct coro__fd *fd)
{
    const uint32_t generation = fd->generation;
    const int rc = coro__io_wait(io, fd, kind->direction, &kind->wait);
    if (CORO__UNLIKELY(rc < 0))
        return rc == -EPERM ? -EAGAIN : rc;
    if (CORO__UNLIKELY(fd->generation != generation))
        return -EBADF;
    return CORO__LIKELY(coro__fd_is_known(fd)) ? 0 : coro__io_find(io, fd->number, &fd);
}

CORO__INLINE ssize_t coro__perform_begun_as(const struct coro__operation_kind *kind,
                                            struct coro__io *io, struct coro__operation *operation)
{
    struct coro__fd *fd;
    ssize_t rc = coro__io_find(io, operation->fd, &fd);
    while (CORO__LIKELY(rc == 0)) {
        if (fd->ready & kind->direction || operation->only_now) {
            rc = coro__attempt_or_find_again(kind, io, operation, &fd, true);
            if (CORO__LIKELY(rc != -EAGAIN) || operation->only_now)
                return rc;
        }
        rc = coro__wait_to_attempt(kind, io, fd);
    }
    return rc;
}

CORO__INLINE ssize_t coro__perform_as(const struct coro__operation_kind *kind,
                                      struct coro__operation *operation)
{
    struct coro__io *io;
    const int rc = coro__io_begin(&io);
    return CORO__LIKELY(rc == 0) ? coro__perform_begun_as(kind, io, operation) : rc;
}

#endif
