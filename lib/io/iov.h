/* SPDX-License-Identifier: MIT */
/* Arrays of struct iovec. */
#ifndef CORO_IO_IOV_H
#define CORO_IO_IOV_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { CORO__IOV_MAX = 1024 };

/* How many bytes they have room for. False if that is more than SSIZE_MAX, or the count below 0. */
static inline bool coro__iov_size(const struct iovec *iov, int count, size_t *size)
{
    *size = 0;
    for (int i = 0; i < count; i++) {
        if (iov[i].iov_len > SSIZE_MAX - *size)
            return false;
        *size += iov[i].iov_len;
    }
    return count >= 0;
}

#endif
