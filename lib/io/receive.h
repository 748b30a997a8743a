/* SPDX-License-Identifier: MIT */
/* Receiving from a socket without blocking: first what the back end has taken ahead. */
#ifndef CORO_IO_RECEIVE_H
#define CORO_IO_RECEIVE_H

#include "io/fd.h"
#include "io/system.h"

#include <sys/socket.h>

/* The part that was taken ahead; false if there is nothing, or it cannot be had with these flags.
 */
bool coro__receive_ahead(struct coro__fd *fd, void *buffer, size_t size, int flags, ssize_t *n);

/* recv(2) and recvmsg(2), with MSG_DONTWAIT: how many bytes, or a negative errno. */
CORO__INLINE ssize_t coro__receive(struct coro__fd *fd, void *buffer, size_t size, int flags)
{
    ssize_t n;
    if (CORO__UNLIKELY(fd->ahead) && coro__receive_ahead(fd, buffer, size, flags, &n))
        return n;
    const int saved_errno = errno;
    return coro__system_result(recv(fd->number, buffer, size, flags | MSG_DONTWAIT), saved_errno);
}

ssize_t coro__receive_message(struct coro__fd *fd, struct msghdr *message, int flags);

#endif
