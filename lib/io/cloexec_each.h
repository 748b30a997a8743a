/* SPDX-License-Identifier: MIT */
/* Close-on-exec for all fds from one on, on systems that can set it for one after another only. */
#ifndef CORO_IO_CLOEXEC_EACH_H
#define CORO_IO_CLOEXEC_EACH_H

#include <stdbool.h>

static inline bool coro__cloexec_from_possible(void)
{
    return false;
}

static inline void coro__cloexec_from(int first)
{
    (void)first;
}

#endif
