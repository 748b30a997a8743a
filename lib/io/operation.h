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

#endif
