/* SPDX-License-Identifier: MIT */
/* What the lookups of addresses and of names have in common. */
#ifndef CORO_IO_RESOLVER_H
#define CORO_IO_RESOLVER_H

#include "coro/base.h"
#include "coro/thread.h"

#include <errno.h>
#include <netdb.h>

/* Codes that not all systems have. */
#ifndef EAI_ADDRFAMILY
#define EAI_ADDRFAMILY EAI_FAMILY
#endif
#ifndef EAI_NODATA
#define EAI_NODATA EAI_NONAME
#endif

/* What getaddrinfo() or getnameinfo() returned, and errno after it. Only the public calls keep
 * errno. */
struct coro__outcome {
    int code;
    int system_error;
};

/* 0, or the error with its text. What is said of what was looked up comes before that. */
int coro__outcome_result(const struct coro__outcome *outcome, const char *node,
                         const char *service);

/* Runs fn(lookup) in one of the threads that the loop has for this. A lookup is memory of its own,
 * with copies of all that it is about, and goes to the thread whole: a caller that is cancelled
 * leaves it behind, to be discarded. 0, or a negative errno. */
int coro__look_up_in_thread(coro_fn *fn, void *lookup, void (*discard)(void *lookup));

#endif
