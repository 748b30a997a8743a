/* SPDX-License-Identifier: MIT */
#include "sched/clock.h"

#include <time.h>

coro_time coro__clock_monotonic(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * CORO_SECOND + time.tv_nsec;
}

void coro__clock_wait_until(struct coro__clock *clock, coro_time deadline)
{
    if (clock->is_virtual) {
        if (clock->now < deadline)
            clock->now = deadline;
        return;
    }
    if (deadline <= 0)
        return;
    const struct timespec time = {.tv_sec = deadline / CORO_SECOND,
                                  .tv_nsec = deadline % CORO_SECOND};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}
