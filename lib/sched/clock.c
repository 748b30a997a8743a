/* SPDX-License-Identifier: MIT */
#include "sched/clock.h"

#include <time.h>

coro_time coro__clock_monotonic(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * CORO_SECOND + time.tv_nsec;
}
