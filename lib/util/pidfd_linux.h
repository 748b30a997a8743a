/* SPDX-License-Identifier: MIT */
/* Fds that stand for processes, of Linux 5.3 and later. errno as the system calls leave it. */
#ifndef CORO_UTIL_PIDFD_LINUX_H
#define CORO_UTIL_PIDFD_LINUX_H

#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int coro__pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int coro__pidfd_send_signal(int fd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, fd, number, NULL, 0);
}

/* waitid(2) for the process of a pidfd. */
static inline int coro__pidfd_wait(int fd, siginfo_t *info, int options)
{
    enum { PIDFD = 3 }; /* P_PIDFD, which older headers do not have */
    return waitid((idtype_t)PIDFD, (id_t)fd, info, options);
}

/* process_madvise(2), which is of Linux 5.10. */
static inline ssize_t coro__pidfd_madvise(int fd, const struct iovec *pieces, size_t n, int advice)
{
#ifndef SYS_process_madvise
    enum { SYS_process_madvise = -1 }; /* no call at all: ENOSYS */
#endif
    return syscall(SYS_process_madvise, fd, pieces, n, advice, 0);
}

#endif
