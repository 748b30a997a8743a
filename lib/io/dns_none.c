/* SPDX-License-Identifier: MIT */
/* Without c-ares libc looks all names up. */
#include "io/dns.h"

bool coro__dns_serves(struct coro__dns_setup *setup)
{
    (void)setup;
    return false;
}

int coro__dns_find_host(const struct coro__dns_setup *setup, const char *name, int family,
                        struct coro__outcome *outcome, struct coro__host **host)
{
    (void)setup, (void)name, (void)family, (void)outcome, (void)host;
    return -EOPNOTSUPP;
}

int coro__dns_find_name(const struct coro__dns_setup *setup, const void *address, size_t length,
                        struct coro__outcome *outcome, char *name, size_t size)
{
    (void)setup, (void)address, (void)length, (void)outcome, (void)name, (void)size;
    return -EOPNOTSUPP;
}
