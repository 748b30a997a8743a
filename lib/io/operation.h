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

#endif
