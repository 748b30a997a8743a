/* SPDX-License-Identifier: MIT */
/* Sleeping in epoll, for whole milliseconds: a limit is rounded up. */
#ifndef CORO_IO_EPOLL_MILLISECONDS_H
#define CORO_IO_EPOLL_MILLISECONDS_H

#include "coro/base.h"

#include <limits.h>
#include <sys/epoll.h>

static inline int coro__epoll_wait_milliseconds(int fd, struct epoll_event *events, int most,
                                                coro_duration limit)
{
    const coro_duration milliseconds = limit / CORO_MILLISECOND + (limit % CORO_MILLISECOND != 0);
    if (limit == CORO_FOREVER)
        return epoll_wait(fd, events, most, -1);
    return epoll_wait(fd, events, most, milliseconds < INT_MAX ? (int)milliseconds : INT_MAX);
}

#endif
