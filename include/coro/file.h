/* SPDX-License-Identifier: MIT */
/*
 * Regular files and folders. A plain call makes its thread wait for the disk; here only the task
 * waits. With the poller "io_uring" threads of the kernel make the calls, those of one pass are
 * handed over together, and closing and coro_ftruncate() are left to the threads of
 * coro_to_thread(), which else make them all. Calls that are missing here go through
 * coro_to_thread() itself. asyncio has no such calls.
 *
 *     int fd = coro_open("notes.txt", O_RDWR | O_CREAT, 0666);
 *     ssize_t got = coro_pread(fd, buffer, sizeof buffer, 0);
 *     close(fd);
 *
 * Each returns what the call of POSIX does, and for a failure the negative errno of it, or
 *   -ECANCELED  the caller was cancelled. If the call had not begun it never will; if it had, the
 *               caller has waited for its end, which io_uring brings forward where it can, and what
 *               it has done stays done
 *   -EINVAL     a pointer is NULL
 *   -EPERM      the caller is no task (or the system says so)
 *   -EAGAIN     there is no thread and none could be started
 *   -ENOMEM     without memory
 *
 * The caller's message (coro_fail()) then names the path, where there is one.
 *
 * So no buffer is touched, no file is changed, and no descriptor is used, after a call has
 * returned. The price is that a cancel, or a timeout, waits for a disk that hangs.
 */
#ifndef CORO_FILE_H
#define CORO_FILE_H

#include "base.h"

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct iovec;
struct stat;

/*
 * open(2); the mode counts where the file is made. O_CLOEXEC and O_NONBLOCK are added, of which the
 * second means nothing to a regular file, and has a FIFO open at once. A cancelled call leaves no
 * descriptor behind. Returns a descriptor for close(2).
 */
CORO_API int coro_open(const char *path, int flags, mode_t mode);

/* pread(2), pwrite(2), preadv(2), pwritev(2): at an offset, whatever the position of the
 * descriptor. Fewer bytes than asked for may be read or written; 0 read is the end of the file.
 *
 * Up to 64 KiB that the system has in memory are read at once, without a suspension (but at every
 * 64th call), if it can tell: Linux can for most disks, but not for tmpfs or over a network. */
CORO_API ssize_t coro_pread(int fd, void *buffer, size_t size, off_t offset);
CORO_API ssize_t coro_pwrite(int fd, const void *buffer, size_t size, off_t offset);
CORO_API ssize_t coro_preadv(int fd, const struct iovec *parts, int count, off_t offset);
CORO_API ssize_t coro_pwritev(int fd, const struct iovec *parts, int count, off_t offset);

/* fsync(2), fdatasync(2), ftruncate(2). */
CORO_API int coro_fsync(int fd);
CORO_API int coro_fdatasync(int fd);
CORO_API int coro_ftruncate(int fd, off_t size);

/* fstat(2), stat(2), lstat(2). */
CORO_API int coro_fstat(int fd, struct stat *status);
CORO_API int coro_stat(const char *path, struct stat *status);
CORO_API int coro_lstat(const char *path, struct stat *status);

/* unlink(2), rename(2), mkdir(2), rmdir(2). */
CORO_API int coro_unlink(const char *path);
CORO_API int coro_rename(const char *from, const char *to);
CORO_API int coro_mkdir(const char *path, mode_t mode);
CORO_API int coro_rmdir(const char *path);

/*
 * Reads a whole file into memory, *data, for free(3), with a 0 byte behind it that *size does not
 * count. Any file that pread(2) takes, those of /proc among them. A cancel is heeded once a
 * mebibyte. pathlib.Path.read_bytes().
 *
 * Returns 0, or a negative errno with *data NULL and *size 0.
 */
CORO_API int coro_read_file(const char *path, void **data, size_t *size);

/*
 * Makes a file, or empties it, and writes this to it. A new one has the mode 0666 less the umask.
 * After a failure, or a cancel, which is heeded once a mebibyte, it has the beginning of the data
 * or nothing. pathlib.Path.write_bytes().
 *
 * Returns 0 or a negative errno.
 */
CORO_API int coro_write_file(const char *path, const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
