/* SPDX-License-Identifier: MIT */
#include "coro/io.h"
#include "io/iov.h"
#include "io/operation.h"
#include "io/receive.h"

#include <sys/socket.h>
#include <unistd.h>

/* --- read ------------------------------------------------------------------------------------- */
struct read {
    struct coro__operation operation;
    void *buffer;
    size_t size;
};

/* recv(2) would wait for bytes also where none are asked for. */
static ssize_t try_read(struct coro__operation *operation, struct coro__fd *fd)
{
    const struct read *call = CORO__CONTAINER_OF(operation, struct read, operation);
    const int saved_errno = errno;
    ssize_t n = 0;
    if (!coro__fd_is_socket(fd))
        n = coro__system_result(read(operation->fd, call->buffer, call->size), saved_errno);
    else if (call->size > 0)
        n = coro__receive(fd, call->buffer, call->size, 0);
    coro__fd_note_read(fd, n, call->size);
    return n;
}

static const struct coro__operation_kind kind = {.wait = CORO__OPERATION_WAIT("read"),
                                                 .direction = CORO__READ | CORO__RECEIVE,
                                                 .attempt = try_read};

ssize_t coro_read(int fd, void *buffer, size_t n)
{
    struct read call = {{.kind = &kind, .fd = fd}, buffer, n};
    return n <= SSIZE_MAX ? coro__perform(&call.operation) : -EINVAL;
}

ssize_t coro__read_now(struct coro__io *io, int fd, void *buffer, size_t n)
{
    struct read call = {{.kind = &kind, .fd = fd}, buffer, n};
    return coro__perform_now(io, &call.operation);
}

ssize_t coro_read_all(int fd, void *buffer, size_t n, size_t *done)
{
    char *at = buffer;
    size_t count = 0;
    ssize_t rc;
    do {
        rc = coro_read(fd, at, n - count);
        if (rc > 0) {
            at += rc;
            count += (size_t)rc;
        }
    } while (rc > 0 && count < n);
    if (done)
        *done = count;
    return rc < 0 ? rc : (ssize_t)count;
}

/* --- readv ------------------------------------------------------------------------------------ */
struct readv {
    struct coro__operation operation;
    const struct iovec *iov;
    int count;
    size_t size;
};

static ssize_t receive_into(struct coro__fd *fd, const struct readv *call)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)call->iov,
                             .msg_iovlen = (size_t)call->count};
    return call->size > 0 ? coro__receive_message(fd, &message, 0) : 0;
}

static ssize_t try_readv(struct coro__operation *operation, struct coro__fd *fd)
{
    const struct readv *call = CORO__CONTAINER_OF(operation, struct readv, operation);
    const int saved_errno = errno;
    const ssize_t n =
        coro__fd_is_socket(fd)
            ? receive_into(fd, call)
            : coro__system_result(readv(operation->fd, call->iov, call->count), saved_errno);
    coro__fd_note_read(fd, n, call->size);
    return n;
}

static const struct coro__operation_kind kind_of_readv = {.wait = CORO__OPERATION_WAIT("readv"),
                                                          .direction = CORO__READ | CORO__RECEIVE,
                                                          .attempt = try_readv};

ssize_t coro_readv(int fd, const struct iovec *iov, int count)
{
    struct readv call = {{.kind = &kind_of_readv, .fd = fd}, iov, count, 0};
    if (count > CORO__IOV_MAX || !coro__iov_size(iov, count, &call.size))
        return -EINVAL;
    return coro__perform(&call.operation);
}
