/* SPDX-License-Identifier: MIT */
/* Close-on-exec for all fds from one on, where the kernel can set it (Linux 5.11). */
#ifndef CORO_IO_CLOEXEC_RANGE_H
#define CORO_IO_CLOEXEC_RANGE_H

#include <limits.h>
#include <stdbool.h>
#include <unistd.h>

#include <linux/close_range.h>

static inline bool coro__cloexec_from_possible(void)
{
    return close_range(INT_MAX, INT_MAX, CLOSE_RANGE_CLOEXEC) == 0;
}

static inline void coro__cloexec_from(int first)
{
    close_range((unsigned)first, UINT_MAX, CLOSE_RANGE_CLOEXEC);
}

#endif
