/* SPDX-License-Identifier: MIT */
/* Sleeping in epoll, exactly as long as asked, where the kernel can (Linux 5.11). */
#ifndef CORO_IO_EPOLL_NANOSECONDS_H
#define CORO_IO_EPOLL_NANOSECONDS_H

#include "io/epoll_milliseconds.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

static inline int coro__epoll_wait_nanoseconds(int fd, struct epoll_event *events, int most,
                                               coro_duration limit)
{
    static atomic_bool missing;
    const struct timespec time = {.tv_sec = limit / CORO_SECOND, .tv_nsec = limit % CORO_SECOND};
    if (limit > 0 && limit != CORO_FOREVER &&
        !atomic_load_explicit(&missing, memory_order_relaxed)) {
        const int count = epoll_pwait2(fd, events, most, &time, NULL);
        if (count >= 0 || errno != ENOSYS)
            return count;
        atomic_store_explicit(&missing, true, memory_order_relaxed);
    }
    return coro__epoll_wait_milliseconds(fd, events, most, limit);
}

#endif
