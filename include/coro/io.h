/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing fds: the calls of POSIX, of which each suspends only the task that makes it.
 * Sockets have more of them in net.h.
 *
 *     char buffer[4096];
 *     ssize_t n = coro_read(fd, buffer, sizeof buffer);
 *     if (n > 0)
 *         n = coro_write_all(fd, buffer, (size_t)n, NULL);
 *
 * All results are those of the POSIX call, but for errors, which are negative errnos and not in
 * errno. A call first tries, and waits only if it would block: then it is a cancellation point, and
 * every time limit holds for it. What has been read or written is never dropped: a call that has
 * done something returns how much. After its return, also when it was cancelled, it does not touch
 * the buffer.
 *
 * All of them return
 *   -EPERM      the caller is no task
 *   -ECANCELED  the caller was cancelled while it waited; nothing was read or written
 *   -EBADF      the fd is not open, or was closed while the call waited
 *   -EINVAL     a length over SSIZE_MAX
 *   -ENOMEM     without memory
 *   -EAGAIN     the fd blocks, and is of a kind that cannot be waited for
 * and what the system calls do. SIGPIPE is never sent: writing to what nobody reads is -EPIPE. Also
 * a task whose calls never have to wait lets others run now and then, and may be cancelled there.
 *
 * The fds. Several tasks may wait for one, in either direction; those that wait for the same are
 * woken together, and try in their order. Fds other than sockets get O_NONBLOCK at their first use
 * here; regular files are read and written directly, and block the loop as long as the disk does.
 * An fd that was used here is closed with coro_close(), because things about it are remembered. If
 * it is closed otherwise, a task that waits for it gets -EBADF, but only after a while.
 */
#ifndef CORO_IO_H
#define CORO_IO_H

#include "base.h"

#include <poll.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* read(2): at most n bytes; 0 is the end of the file. */
CORO_API ssize_t coro_read(int fd, void *buffer, size_t n);

/* readv(2). -EINVAL for a count below 0 or over IOV_MAX. */
CORO_API ssize_t coro_readv(int fd, const struct iovec *iov, int count);

/* write(2): at least one byte of n, and maybe not all. */
CORO_API ssize_t coro_write(int fd, const void *buffer, size_t n);

/* writev(2). -EINVAL for a count below 0 or over IOV_MAX. */
CORO_API ssize_t coro_writev(int fd, const struct iovec *iov, int count);

/*
 * Reads until there are n bytes, or the file ends. Returns how many there are, or an error; *done,
 * where it is not NULL, says in any case how many were read before, and are in the buffer.
 */
CORO_API ssize_t coro_read_all(int fd, void *buffer, size_t n, size_t *done);

/*
 * Writes all n bytes. Returns n, or an error; *done, where it is not NULL, says in any case how
 * many were written. loop.sock_sendall().
 */
CORO_API ssize_t coro_write_all(int fd, const void *buffer, size_t n, size_t *done);

/* coro_write_all() of several pieces, however many they are; the array is not changed. */
CORO_API ssize_t coro_writev_all(int fd, const struct iovec *iov, int count, size_t *done);

/*
 * Waits until one of the events of poll(2) is there, and returns all that are: those asked for,
 * and POLLERR and POLLHUP also unasked. It takes nothing, and so another task may be first.
 * loop.add_reader(), loop.add_writer().
 */
CORO_API int coro_poll(int fd, short events);

/*
 * Closes an fd. Tasks of this loop that wait for it get -EBADF. No call that waits, and may be made
 * from anywhere.
 *
 * Returns 0, -EBADF, or an error of a file that was written: the fd is closed all the same.
 */
CORO_API int coro_close(int fd);

#ifdef __cplusplus
}
#endif

#endif
