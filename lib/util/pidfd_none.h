/* SPDX-License-Identifier: MIT */
/* On systems without fds for processes. */
#ifndef CORO_UTIL_PIDFD_NONE_H
#define CORO_UTIL_PIDFD_NONE_H

#include <errno.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/uio.h>

static inline int coro__pidfd_open(pid_t pid)
{
    (void)pid;
    errno = ENOSYS;
    return -1;
}

static inline int coro__pidfd_send_signal(int fd, int number)
{
    (void)fd;
    (void)number;
    errno = ENOSYS;
    return -1;
}

static inline int coro__pidfd_wait(int fd, siginfo_t *info, int options)
{
    (void)fd;
    (void)info;
    (void)options;
    errno = ENOSYS;
    return -1;
}

static inline ssize_t coro__pidfd_madvise(int fd, const struct iovec *pieces, size_t n, int advice)
{
    (void)fd;
    (void)pieces;
    (void)n;
    (void)advice;
    errno = ENOSYS;
    return -1;
}

#endif
