/* SPDX-License-Identifier: MIT */
/* Results of system calls as the library's own. */
#ifndef CORO_IO_SYSTEM_H
#define CORO_IO_SYSTEM_H

#include "coro/task.h"
#include "util/message.h"

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

/* The result of a call on a path, which the text of an error names. */
static inline int coro__result_at(const char *path, int rc)
{
    return rc >= 0 || rc == -ECANCELED ? rc : coro_fail(rc, "%s: %s", path, coro__error_text(rc));
}

#endif
