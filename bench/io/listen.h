/* SPDX-License-Identifier: MIT */
/* A listening socket, for servers without a library that makes it. */
#ifndef BENCH_IO_LISTEN_H
#define BENCH_IO_LISTEN_H

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 4096 };

static inline int listen_on(const char *port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, LISTEN_BACKLOG) < 0) {
        perror(port);
        exit(EXIT_FAILURE);
    }
    return fd;
}

#endif
