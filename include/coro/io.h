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
 * it was closed otherwise, a call gets -EBADF, or goes to whatever has the number then, but may
 * need some 200 ms to find out; one that was waiting at that time may not find out at all. The same
 * holds for a number that has become another file's: O_NONBLOCK may be taken for set.
 *
 * With the poller "io_uring" system calls are saved by doing things early and together:
 *   - A TCP socket that a task waits for repeatedly in coro_read(), coro_readv() or coro_recv()
 *     without flags, or that a stream reads from, is received from ahead of the calls, up to
 *     some 64 KiB, and a listener is accepted from in the same way. What was taken is handed out
 *     by the calls of this library alone, in its order, for as long as the run lasts; closing
 *     the fd gives it up. So an fd that others read as well, such as a child or a C library, is
 *     received from with coro_recvmsg() or coro_recvfrom(), or waited for with coro_poll(),
 *     which take nothing ahead.
 *   - A send to a socket waits, while other tasks run, to be made together with theirs. It is a
 *     suspension, and what was sent before a cancel is told all the same: the cancel then comes at
 *     the next wait.
 *   - Only coro_close() closes an fd for its peer at once: whatever the kernel is still to do with
 *     it keeps it open.
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
 * sendfile(2): from a file, at its offset or at *offset, which is moved on, to an fd of any kind.
 * It waits for the fd only, and stops short where that takes no more. -EINVAL if the file is a pipe
 * or a socket: see coro_splice(). loop.sock_sendfile().
 */
CORO_API ssize_t coro_sendfile(int to, int file, off_t *offset, size_t n);

/*
 * splice(2), Linux's own: between two fds of which one is a pipe. It waits for both, unless the
 * flags have SPLICE_F_NONBLOCK.
 */
CORO_API ssize_t coro_splice(int from, off_t *from_offset, int to, off_t *to_offset, size_t n,
                             unsigned flags);

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
