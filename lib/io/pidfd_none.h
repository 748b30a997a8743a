/* SPDX-License-Identifier: MIT */
/* On systems without fds for processes. */
#ifndef CORO_IO_PIDFD_NONE_H
#define CORO_IO_PIDFD_NONE_H

#include <errno.h>
#include <signal.h>
#include <sys/types.h>

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

#endif
