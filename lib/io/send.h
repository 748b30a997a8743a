/* SPDX-License-Identifier: MIT */
/*
 * Sends that the back end gathers: the task is parked until its one has been made, together with
 * those of others, and without blocking. Until then it can be taken back, so that a cancel finds
 * all of it done or nothing. Those on one fd are made in their order.
 */
#ifndef CORO_IO_SEND_H
#define CORO_IO_SEND_H

#include "io/io.h"

struct coro__send {
    /* What to send: a message, or where that is NULL a buffer. Aligned, so that the lowest bits of
     * its address are a back end's to use. */
    _Alignas(8) const struct msghdr *message;
    const void *buffer;
    size_t size;    /* in either case */
    int flags;      /* besides MSG_DONTWAIT and MSG_NOSIGNAL */
    ssize_t result; /* valid when it has been made, or refused */
    struct coro__wait wait;
    struct coro__io *io;
    /* Valid while it is queued. */
    struct coro__list link; /* in those of the fd */
    struct coro__fd *fd;
    void *request;     /* the back end's; NULL when it is not queued */
    unsigned position; /* of that, among all requests */
};

/* Makes a send by way of the queue: what sendmsg(2) returned, or a negative errno, in *result.
 * False if that would not be cheaper, and nothing was done. */
bool coro__send_queued(struct coro__io *io, struct coro__fd *fd, struct coro__send *send,
                       ssize_t *result);

#endif
