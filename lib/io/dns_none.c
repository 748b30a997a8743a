/* SPDX-License-Identifier: MIT */
/* Without c-ares all names are looked up in threads. */
#include "io/dns.h"

bool coro__dns_serves(void)
{
    return false;
}

int coro__dns_find_host(const char *name, int family, struct coro__outcome *outcome,
                        struct coro__host **host)
{
    (void)name, (void)family, (void)outcome, (void)host;
    return -EOPNOTSUPP;
}

int coro__dns_find_name(const struct sockaddr *address, socklen_t length,
                        struct coro__outcome *outcome, char *name, size_t size)
{
    (void)address, (void)length, (void)outcome, (void)name, (void)size;
    return -EOPNOTSUPP;
}
