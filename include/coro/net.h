/* SPDX-License-Identifier: MIT */
/*
 * Sockets: the calls of POSIX, of which each suspends only the task that makes it. What io.h says
 * of its calls holds for these as well.
 *
 *     int client = coro_accept(listener, NULL, NULL);
 *     if (client < 0)
 *         return client;
 *     ssize_t n = coro_recv(client, buffer, sizeof buffer, 0);
 *
 * Fds that they make are close-on-exec and non-blocking. Sockets from elsewhere may block:
 * MSG_DONTWAIT is used, and where there is no flag they get O_NONBLOCK.
 *
 * Flags. MSG_DONTWAIT returns -EAGAIN instead of waiting. MSG_WAITALL is -EINVAL: coro_read_all()
 * does that. MSG_NOSIGNAL goes without saying.
 */
#ifndef CORO_NET_H
#define CORO_NET_H

#include "base.h"

#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* socket(2). It never waits and may be called from anywhere. */
CORO_API int coro_socket(int domain, int type, int protocol);

/* recv(2). loop.sock_recv(), sock_recv_into(). */
CORO_API ssize_t coro_recv(int fd, void *buffer, size_t n, int flags);

/* recvfrom(2). loop.sock_recvfrom(), sock_recvfrom_into(). */
CORO_API ssize_t coro_recvfrom(int fd, void *buffer, size_t n, int flags, struct sockaddr *address,
                               socklen_t *size);

/* recvmsg(2). Fds that come with the message are close-on-exec. */
CORO_API ssize_t coro_recvmsg(int fd, struct msghdr *message, int flags);

/* send(2): at least one byte of n, and maybe not all. */
CORO_API ssize_t coro_send(int fd, const void *buffer, size_t n, int flags);

/* Sends all n bytes: see coro_write_all(). loop.sock_sendall(). */
CORO_API ssize_t coro_send_all(int fd, const void *buffer, size_t n, int flags, size_t *done);

/* sendto(2). loop.sock_sendto(). */
CORO_API ssize_t coro_sendto(int fd, const void *buffer, size_t n, int flags,
                             const struct sockaddr *address, socklen_t size);

/* sendmsg(2). */
CORO_API ssize_t coro_sendmsg(int fd, const struct msghdr *message, int flags);

/*
 * accept(2): a new fd, which the caller closes. A cancel loses no connection: it stays in the
 * backlog. Connections that end before they are accepted are passed over.
 *
 * -EMFILE, -ENFILE, -ENOBUFS and -ENOMEM mean that there is no room for another connection now; who
 * goes on to accept should wait for some time first. loop.sock_accept().
 */
CORO_API int coro_accept(int fd, struct sockaddr *address, socklen_t *size);

/*
 * connect(2). When it was cancelled the socket may go on connecting: close it. A Unix socket whose
 * peer has no room for it is tried again until there is. loop.sock_connect().
 *
 * Returns 0, or an error; with most of them the socket is of no more use.
 */
CORO_API int coro_connect(int fd, const struct sockaddr *address, socklen_t size);

#ifdef __cplusplus
}
#endif

#endif
