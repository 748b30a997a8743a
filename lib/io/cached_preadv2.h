/* SPDX-License-Identifier: MIT */
/* Reading what a file has in memory, with preadv2(2). */
#ifndef CORO_IO_CACHED_PREADV2_H
#define CORO_IO_CACHED_PREADV2_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Whether it is read past the memory, and so from the disk in any case. What is not aligned cannot
 * be. */
static inline bool coro__reads_directly(int fd, const struct iovec *part, off_t offset)
{
    const uintptr_t place = (uintptr_t)part->iov_base | part->iov_len | (uintptr_t)offset;
    return place % 512 == 0 && fcntl(fd, F_GETFL) & O_DIRECT;
}

/* preadv(2) of at least one part, as far as it need not wait for the disk. Below 0 where that is no
 * byte, and for all errors. errno may change. An offset below 0 would be that of the fd. */
static inline ssize_t coro__read_cached(int fd, const struct iovec *parts, int count, off_t offset)
{
    if (offset < 0 || coro__reads_directly(fd, parts, offset))
        return -1;
    return preadv2(fd, parts, count, offset, RWF_NOWAIT);
}

#endif
