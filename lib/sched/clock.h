/* SPDX-License-Identifier: MIT */
/* The loop's clock: the system's monotonic one, or a virtual one that stands still until the loop
 * has nothing else to do, and then jumps. */
#ifndef CORO_SCHED_CLOCK_H
#define CORO_SCHED_CLOCK_H

#include "coro/base.h"

struct coro__clock {
    bool is_virtual;
    coro_time now; /* of a virtual clock */
};

coro_time coro__clock_monotonic(void);

static inline coro_time coro__clock_now(const struct coro__clock *clock)
{
    return clock->is_virtual ? clock->now : coro__clock_monotonic();
}

/* A virtual clock jumps to a later time. */
static inline void coro__clock_jump(struct coro__clock *clock, coro_time to)
{
    if (clock->now < to)
        clock->now = to;
}

/* A point in time this long after another; at the end of time it stays there. */
static inline coro_time coro__time_after(coro_time start, coro_duration duration)
{
    if (duration > 0 && start > CORO_FOREVER - duration)
        return CORO_FOREVER;
    if (duration < 0 && start < INT64_MIN - duration)
        return INT64_MIN;
    return start + duration;
}

#endif
