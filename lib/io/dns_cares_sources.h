/* SPDX-License-Identifier: MIT */
/* Where this machine looks names of hosts up. */
#ifndef CORO_IO_DNS_CARES_SOURCES_H
#define CORO_IO_DNS_CARES_SOURCES_H

#include <stdbool.h>

/* Whether that is the hosts file and DNS alone, as nsswitch.conf(5) has it, or by default. */
bool coro__dns_knows_the_sources(void);

#endif
