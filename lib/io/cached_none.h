/* SPDX-License-Identifier: MIT */
/* Reading what a file has in memory, on systems that cannot tell. */
#ifndef CORO_IO_CACHED_NONE_H
#define CORO_IO_CACHED_NONE_H

#include <sys/types.h>
#include <sys/uio.h>

static inline ssize_t coro__read_cached(int fd, const struct iovec *parts, int count, off_t offset)
{
    (void)fd;
    (void)parts;
    (void)count;
    (void)offset;
    return -1;
}

#endif
