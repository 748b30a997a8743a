/* SPDX-License-Identifier: MIT */
/*
 * Names of hosts, found in the hosts file and asked of the servers by the calling task itself: its
 * sockets are fds that it waits for, no thread has to, and a cancel ends it all. It finds what
 * libc does, or leaves it to libc.
 */
#ifndef CORO_IO_DNS_H
#define CORO_IO_DNS_H

#include "io/resolver.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* How this machine looks names up. */
struct coro__dns_setup {
    bool file;     /* hosts in their file, */
    bool servers;  /* and then at the servers */
    bool services; /* services in files alone: libc looks them up at once */
    int timeout;   /* of the first try, in seconds */
    int tries;
};

/* Whether a lookup by the caller can go this way, with the setup. It cannot where this machine asks
 * for names elsewhere as well, or otherwise, on a small stack, and with a virtual clock, since the
 * servers live in real time. */
bool coro__dns_serves(struct coro__dns_setup *setup);

/* The addresses of a host, best first, as getaddrinfo() sorts them. */
struct coro__host {
    const char *name; /* the canonical one */
    size_t count;
    struct sockaddr_storage addresses[];
};

/* Of the family, or of IPv4 and IPv6 where it is AF_UNSPEC. 0 with the outcome and, if that is 0,
 * the host, which is freed by free(); -EOPNOTSUPP, and libc is to be asked; or another negative
 * errno. */
int coro__dns_find_host(const struct coro__dns_setup *setup, const char *name, int family,
                        struct coro__outcome *outcome, struct coro__host **host);

/* The name of an IPv4 (4 bytes) or IPv6 (16) address. EAI_NONAME where there is none, EAI_OVERFLOW
 * where name[0..size) is too small. 0 with the outcome; or a negative errno. */
int coro__dns_find_name(const struct coro__dns_setup *setup, const void *address, size_t length,
                        struct coro__outcome *outcome, char *name, size_t size);

#endif
