/* SPDX-License-Identifier: MIT */
/*
 * UDP sockets by name. They are used with the calls of net.h and closed with coro_close().
 *
 *     const coro_datagram_options options = {.remote_host = "example.com", .remote_port = "53"};
 *     const int fd = coro_open_datagram(&options);
 *     if (fd < 0)
 *         return fd;
 *     ssize_t n = coro_send(fd, query, size, 0);
 *     if (n >= 0)
 *         n = coro_recv(fd, answer, sizeof answer, 0);
 *
 * Each call sends or receives one datagram. What does not fit the buffer of a receiver is cut off;
 * coro_recvmsg() tells (MSG_TRUNC). On a connected socket it is an error of the next call that the
 * peer has nobody who listens: -ECONNREFUSED. Other sockets are not told.
 */
#ifndef CORO_DATAGRAM_H
#define CORO_DATAGRAM_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Options of a socket. All zero but for an address or a family. */
typedef struct coro_datagram_options {
    /* The address to bind to. A host of NULL is any of this machine's, a port of NULL is one that
     * is free; both: the system chooses when something is sent. */
    const char *local_host, *local_port;
    /* The address to connect to: where coro_send() sends to, and the only one that is heard of.
     * NULL is none. */
    const char *remote_host, *remote_port;
    int family;           /* AF_INET or AF_INET6; 0 is that of the addresses */
    bool reuse_port;      /* others may bind to the same address: SO_REUSEPORT */
    bool allow_broadcast; /* SO_BROADCAST */
} coro_datagram_options;

/*
 * A UDP socket, close-on-exec and non-blocking. Where names have several addresses they are tried
 * in their order. loop.create_datagram_endpoint().
 *
 * Returns an fd, or
 *   -EINVAL        there is neither an address nor a family, or a remote host without a port or the
 *                  other way round
 *   -EAFNOSUPPORT  no such family, or the two addresses have none in common
 *   -ECANCELED     the caller was cancelled
 *   -EPERM         the caller is no task
 * or an error of coro_getaddrinfo(), or the first one of socket(2), setsockopt(2), bind(2) or
 * connect(2).
 */
CORO_API int coro_open_datagram(const coro_datagram_options *options);

#ifdef __cplusplus
}
#endif

#endif
