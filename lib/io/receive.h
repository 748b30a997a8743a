/* SPDX-License-Identifier: MIT */
/* Receiving from a socket without blocking: first what the back end has taken ahead. */
#ifndef CORO_IO_RECEIVE_H
#define CORO_IO_RECEIVE_H

#include "io/fd.h"

/* recv(2) and recvmsg(2), with MSG_DONTWAIT: how many bytes, or a negative errno. */
ssize_t coro__receive(struct coro__fd *fd, void *buffer, size_t size, int flags);
ssize_t coro__receive_message(struct coro__fd *fd, struct msghdr *message, int flags);

#endif
