/* SPDX-License-Identifier: MIT */
/* How this machine looks names of hosts up. */
#ifndef CORO_IO_DNS_CARES_SETUP_H
#define CORO_IO_DNS_CARES_SETUP_H

#include "io/dns.h"

/* False where c-ares might find something else than libc does. */
bool coro__dns_read_setup(struct coro__dns_setup *setup);

#endif
