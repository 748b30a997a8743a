/* SPDX-License-Identifier: MIT */
/* Addresses of streams and servers: where names and paths lead, and how errors name them. */
#ifndef CORO_IO_ENDPOINT_H
#define CORO_IO_ENDPOINT_H

#include "coro/base.h"

#include <netdb.h>
#include <sys/un.h>

/* The addresses of a host and a port for streams; see coro_getaddrinfo(). */
int coro__endpoint_look_up(const char *host, const char *port, int family, int flags,
                           struct addrinfo **found);

/* The address of a path. 0, -EINVAL, or -ENAMETOOLONG. */
int coro__endpoint_of_path(const char *path, struct sockaddr_un *address, socklen_t *size);

/* 0 for a socket of streams, -EINVAL for another kind, -ENOTSOCK for what is none, or -EBADF. */
int coro__endpoint_check(int fd);

/* The port that a socket is bound to, -EINVAL for one of another family, or an error. */
int coro__endpoint_port(int fd);

enum { CORO__ENDPOINT_TEXT = 128 };

/* An address as a text, such as "[::1]:80". Returns the buffer. */
const char *coro__endpoint_text(const struct sockaddr *address, socklen_t size,
                                char text[CORO__ENDPOINT_TEXT]);

#endif
