/* SPDX-License-Identifier: MIT */
#include "coro/file.h"
#include "config.h"
#include "io/file_call.h"
#include "io/io.h"
#include "io/iov.h"
#include "io/system.h"
#include "util/memory.h"
#include CORO_CACHED_HEADER

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int call_on_fd(enum coro__file_call_kind kind, int fd)
{
    return (int)coro__file_make(&(struct coro__file_call){.kind = kind, .fd = fd});
}

static int call_on_path(enum coro__file_call_kind kind, const char *path, mode_t mode)
{
    if (!path)
        return -EINVAL;
    return coro__result_at(path, (int)coro__file_make(&(struct coro__file_call){
                                     .kind = kind, .path = path, .mode = mode}));
}

static void close_quietly(int fd)
{
    const int saved_errno = errno;
    close(fd);
    errno = saved_errno;
}

int coro_open(const char *path, int flags, mode_t mode)
{
    if (!path)
        return -EINVAL;
    struct coro__file_call call = {.kind = CORO__FILE_OPEN,
                                   .path = path,
                                   .flags = flags | O_CLOEXEC | O_NONBLOCK,
                                   .mode = mode};
    const int rc = (int)coro__file_make(&call);
    if (rc < 0 && call.made && call.result >= 0)
        close_quietly((int)call.result);
    return coro__result_at(path, rc);
}

/* --- Data ------------------------------------------------------------------------------------- */
enum { MOST_AT_ONCE = 1 << 16 };

/* A read of what is in memory, without waiting for anything: false if not all of it is, or it might
 * keep other tasks from running. At the end of a file there is less than asked for. */
static bool read_now(int fd, const struct iovec *parts, int count, off_t offset, ssize_t *got)
{
    char beyond;
    const struct iovec next = {.iov_base = &beyond, .iov_len = 1};
    size_t size;
    if (!coro__iov_size(parts, count, &size) || size == 0 || size > MOST_AT_ONCE)
        return false;
    const int saved_errno = errno;
    *got = coro__read_cached(fd, parts, count, offset);
    const bool all = *got == 0 || *got == (ssize_t)size ||
                     (*got > 0 && coro__read_cached(fd, &next, 1, offset + *got) == 0);
    errno = saved_errno;
    return all;
}

static ssize_t transfer(enum coro__file_call_kind kind, int fd, const struct iovec *parts,
                        int count, off_t offset)
{
    if (!parts && count != 0)
        return -EINVAL;
    return coro__file_make(&(struct coro__file_call){
        .kind = kind, .fd = fd, .parts = parts, .count = count, .offset = offset});
}

ssize_t coro_preadv(int fd, const struct iovec *parts, int count, off_t offset)
{
    struct coro__io *io;
    ssize_t got;
    const int rc = coro__io_begin(&io);
    if (rc == -ECANCELED)
        return rc;
    if (rc == 0 && parts && read_now(fd, parts, count, offset, &got))
        return got;
    return transfer(CORO__FILE_READ, fd, parts, count, offset);
}

ssize_t coro_pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return transfer(CORO__FILE_WRITE, fd, parts, count, offset);
}

ssize_t coro_pread(int fd, void *buffer, size_t size, off_t offset)
{
    const struct iovec part = {.iov_base = buffer, .iov_len = size};
    return !buffer && size > 0 ? -EINVAL : coro_preadv(fd, &part, 1, offset);
}

ssize_t coro_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    const struct iovec part = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = size};
    return !buffer && size > 0 ? -EINVAL : transfer(CORO__FILE_WRITE, fd, &part, 1, offset);
}

int coro_fsync(int fd)
{
    return call_on_fd(CORO__FILE_SYNC, fd);
}

int coro_fdatasync(int fd)
{
    return call_on_fd(CORO__FILE_SYNC_DATA, fd);
}

int coro_ftruncate(int fd, off_t size)
{
    return (int)coro__file_make(
        &(struct coro__file_call){.kind = CORO__FILE_TRUNCATE, .fd = fd, .offset = size});
}

/* --- Status and folders ----------------------------------------------------------------------- */
int coro_fstat(int fd, struct stat *status)
{
    if (!status)
        return -EINVAL;
    return (int)coro__file_make(
        &(struct coro__file_call){.kind = CORO__FILE_STATUS_OF_FD, .fd = fd, .status = status});
}

static int status_of_path(enum coro__file_call_kind kind, const char *path, struct stat *status)
{
    if (!path || !status)
        return -EINVAL;
    return coro__result_at(path, (int)coro__file_make(&(struct coro__file_call){
                                     .kind = kind, .path = path, .status = status}));
}

int coro_stat(const char *path, struct stat *status)
{
    return status_of_path(CORO__FILE_STATUS, path, status);
}

int coro_lstat(const char *path, struct stat *status)
{
    return status_of_path(CORO__FILE_STATUS_OF_LINK, path, status);
}

int coro_unlink(const char *path)
{
    return call_on_path(CORO__FILE_UNLINK, path, 0);
}

int coro_rename(const char *from, const char *to)
{
    if (!from || !to)
        return -EINVAL;
    return coro__result_at(from, (int)coro__file_make(&(struct coro__file_call){
                                     .kind = CORO__FILE_RENAME, .path = from, .to = to}));
}

int coro_mkdir(const char *path, mode_t mode)
{
    return call_on_path(CORO__FILE_MAKE_FOLDER, path, mode);
}

int coro_rmdir(const char *path)
{
    return call_on_path(CORO__FILE_REMOVE_FOLDER, path, 0);
}

/* --- Whole files ------------------------------------------------------------------------------ */
enum { STEP = 1 << 20, SMALL = 4096 };

static size_t step(size_t left)
{
    return left < STEP ? left : STEP;
}

/* What has been read of a file. There is room for a byte more. */
struct content {
    char *data;
    size_t size;
    size_t capacity;
};

/* 0, -ENOMEM or -EFBIG. */
static int make_room(struct content *content, size_t capacity)
{
    if (capacity > PTRDIFF_MAX)
        return -EFBIG;
    char *data = coro__realloc(content->data, capacity);
    if (!data)
        return -ENOMEM;
    content->data = data;
    content->capacity = capacity;
    return 0;
}

/* Up to the end of the file. At the size that it had it is taken for the end where a read has
 * brought less than asked for; files of /proc have none, and bring what they like. */
static int read_content(int fd, struct content *content, size_t expected)
{
    int rc = make_room(content, expected > 0 ? expected + 1 : SMALL);
    while (rc == 0) {
        const size_t asked = step(content->capacity - content->size);
        const ssize_t got =
            coro_pread(fd, content->data + content->size, asked, (off_t)content->size);
        if (got < 0)
            return (int)got;
        content->size += (size_t)got;
        if (got == 0 || ((size_t)got < asked && content->size == expected))
            return 0;
        if (content->size == content->capacity)
            rc = make_room(content, 2 * content->capacity);
    }
    return rc;
}

static int read_open_file(int fd, struct content *content)
{
    struct stat status;
    const int rc = coro_fstat(fd, &status);
    if (rc < 0)
        return rc;
    if ((uintmax_t)status.st_size >= PTRDIFF_MAX)
        return -EFBIG;
    return read_content(fd, content, (size_t)status.st_size);
}

int coro_read_file(const char *path, void **data, size_t *size)
{
    struct content content = {0};
    if (!data || !size)
        return -EINVAL;
    *data = NULL;
    *size = 0;
    const int fd = coro_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    const int rc = read_open_file(fd, &content);
    close_quietly(fd);
    if (rc < 0) {
        free(content.data);
        return rc;
    }
    content.data[content.size] = '\0';
    *data = content.data;
    *size = content.size;
    return 0;
}

static int write_content(int fd, const char *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        const ssize_t written = coro_pwrite(fd, data + at, step(size - at), (off_t)at);
        if (written <= 0)
            return written < 0 ? (int)written : -EIO;
        at += (size_t)written;
    }
    return 0;
}

/* What has been written may go to the disk only now, and fail; but it is closed in any case. */
static int close_written(int fd)
{
    struct coro__file_call call = {.kind = CORO__FILE_CLOSE, .fd = fd};
    const int rc = (int)coro__file_make(&call);
    if (!call.made)
        close_quietly(fd);
    return rc;
}

int coro_write_file(const char *path, const void *data, size_t size)
{
    if (!data && size > 0)
        return -EINVAL;
    const int fd = coro_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0)
        return fd;
    const int rc = write_content(fd, data, size);
    const int close_rc = close_written(fd);
    return rc < 0 ? rc : close_rc;
}
