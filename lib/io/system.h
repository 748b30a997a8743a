/* SPDX-License-Identifier: MIT */
/* Results of system calls as the library's own. */
#ifndef CORO_IO_SYSTEM_H
#define CORO_IO_SYSTEM_H

#include <errno.h>
#include <sys/types.h>

/* What a system call returned, with its error as a negative errno, and errno as it was before. */
static inline ssize_t coro__system_result(ssize_t rc, int saved_errno)
{
    if (rc >= 0)
        return rc;
    const int error = errno;
    errno = saved_errno;
    return error == EWOULDBLOCK ? -EAGAIN : -error;
}

#endif
