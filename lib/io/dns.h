/* SPDX-License-Identifier: MIT */
/*
 * Names of hosts, found in the hosts file and asked of the servers by the calling task itself: its
 * sockets are fds that it waits for, no thread has to, and a cancel ends it all.
 */
#ifndef CORO_IO_DNS_H
#define CORO_IO_DNS_H

#include "io/resolver.h"

#include <stdbool.h>
#include <sys/socket.h>

/* Whether a lookup by the caller can go this way. It cannot where this machine asks for names also
 * elsewhere (nsswitch.conf(5)), on a small stack, and with a virtual clock, since the servers live
 * in real time. */
bool coro__dns_serves(void);

/* The addresses of a host, best first, as getaddrinfo() sorts them. */
struct coro__host {
    const char *name; /* the canonical one */
    size_t count;
    struct sockaddr_storage addresses[];
};

/* Of the family, or of IPv4 and IPv6 where it is AF_UNSPEC. 0 with the outcome and, if that is 0,
 * the host, which is freed by free(); or a negative errno. */
int coro__dns_find_host(const char *name, int family, struct coro__outcome *outcome,
                        struct coro__host **host);

/* The name of an IPv4 or IPv6 address, of a family that is known. EAI_NONAME where there is none,
 * EAI_OVERFLOW where name[0..size) is too small. 0 with the outcome; or a negative errno. */
int coro__dns_find_name(const struct sockaddr *address, socklen_t length,
                        struct coro__outcome *outcome, char *name, size_t size);

#endif
