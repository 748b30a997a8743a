/* SPDX-License-Identifier: MIT */
#include "coro/io.h"
#include "io/iov.h"
#include "io/operation.h"
#include "io/sigpipe.h"

#include <sys/socket.h>
#include <unistd.h>

/* --- write ------------------------------------------------------------------------------------ */
struct write {
    struct coro__operation operation;
    const void *buffer;
    size_t size;
};

static ssize_t write_quietly(const struct write *call)
{
    struct coro__sigpipe sigpipe;
    const int saved_errno = errno;
    coro__sigpipe_begin(&sigpipe);
    const ssize_t n =
        coro__system_result(write(call->operation.fd, call->buffer, call->size), saved_errno);
    coro__sigpipe_end(&sigpipe, n);
    return n;
}

static ssize_t try_write(struct coro__operation *operation, struct coro__fd *fd)
{
    const struct write *call = CORO__CONTAINER_OF(operation, struct write, operation);
    const int saved_errno = errno;
    ssize_t n;
    if (coro__fd_is_socket(fd))
        n = coro__system_result(
            send(operation->fd, call->buffer, call->size, MSG_DONTWAIT | MSG_NOSIGNAL),
            saved_errno);
    else
        n = write_quietly(call);
    coro__fd_note_written(fd, n, call->size);
    return n;
}

static void write_as_send(const struct coro__operation *operation, struct coro__send *send)
{
    const struct write *call = CORO__CONTAINER_OF(operation, struct write, operation);
    send->buffer = call->buffer;
    send->size = call->size;
}

static const struct coro__operation_kind kind = {.wait = CORO__OPERATION_WAIT("write"),
                                                 .direction = CORO__WRITE,
                                                 .attempt = try_write,
                                                 .as_send = write_as_send};

ssize_t coro_write(int fd, const void *buffer, size_t n)
{
    struct write call = {{.kind = &kind, .fd = fd}, buffer, n};
    return n <= SSIZE_MAX ? coro__perform(&call.operation) : -EINVAL;
}

ssize_t coro_write_all(int fd, const void *buffer, size_t n, size_t *done)
{
    const char *at = buffer;
    size_t count = 0;
    ssize_t rc;
    do {
        rc = coro_write(fd, at, n - count);
        if (rc > 0) {
            at += rc;
            count += (size_t)rc;
        }
    } while (rc >= 0 && count < n);
    if (done)
        *done = count;
    return rc < 0 ? rc : (ssize_t)count;
}

/* --- writev ----------------------------------------------------------------------------------- */
struct writev {
    struct coro__operation operation;
    const struct iovec *iov;
    int count;
    size_t size;
    struct msghdr message; /* of the same, for a socket */
};

static ssize_t send_from(const struct writev *call)
{
    return sendmsg(call->operation.fd, &call->message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t writev_quietly(const struct writev *call)
{
    struct coro__sigpipe sigpipe;
    const int saved_errno = errno;
    coro__sigpipe_begin(&sigpipe);
    const ssize_t n =
        coro__system_result(writev(call->operation.fd, call->iov, call->count), saved_errno);
    coro__sigpipe_end(&sigpipe, n);
    return n;
}

static ssize_t try_writev(struct coro__operation *operation, struct coro__fd *fd)
{
    const struct writev *call = CORO__CONTAINER_OF(operation, struct writev, operation);
    const int saved_errno = errno;
    const ssize_t n = coro__fd_is_socket(fd) ? coro__system_result(send_from(call), saved_errno)
                                             : writev_quietly(call);
    coro__fd_note_written(fd, n, call->size);
    return n;
}

static void writev_as_send(const struct coro__operation *operation, struct coro__send *send)
{
    const struct writev *call = CORO__CONTAINER_OF(operation, struct writev, operation);
    send->message = &call->message;
    send->size = call->size;
}

static const struct coro__operation_kind kind_of_writev = {.wait = CORO__OPERATION_WAIT("writev"),
                                                           .direction = CORO__WRITE,
                                                           .attempt = try_writev,
                                                           .as_send = writev_as_send};

static struct writev begin_writev(int fd, const struct iovec *iov, int count)
{
    struct writev call = {{.kind = &kind_of_writev, .fd = fd}, iov, count, 0, {0}};
    call.message.msg_iov = (struct iovec *)(uintptr_t)iov;
    call.message.msg_iovlen = (size_t)count;
    return call;
}

ssize_t coro_writev(int fd, const struct iovec *iov, int count)
{
    struct writev call = begin_writev(fd, iov, count);
    if (count > CORO__IOV_MAX || !coro__iov_size(iov, count, &call.size))
        return -EINVAL;
    return coro__perform(&call.operation);
}

ssize_t coro__writev_now(struct coro__io *io, int fd, const struct iovec *iov, int count)
{
    struct writev call = begin_writev(fd, iov, count);
    coro__iov_size(iov, count, &call.size);
    return coro__perform_now(io, &call.operation);
}

/* --- writev_all ------------------------------------------------------------------------------- */
enum { PIECES_AT_ONCE = 64 };

/* The next pieces from an offset in the first one on. */
static int take_pieces(struct iovec *pieces, const struct iovec *iov, int count, size_t offset)
{
    const int taken = count < PIECES_AT_ONCE ? count : PIECES_AT_ONCE;
    for (int i = 0; i < taken; i++)
        pieces[i] = iov[i];
    if (offset > 0) {
        pieces[0].iov_base = (char *)pieces[0].iov_base + offset;
        pieces[0].iov_len -= offset;
    }
    return taken;
}

ssize_t coro_writev_all(int fd, const struct iovec *iov, int count, size_t *done)
{
    struct iovec pieces[PIECES_AT_ONCE];
    size_t size, written = 0, offset = 0; /* in iov[at] */
    int at = 0;
    ssize_t rc = coro__iov_size(iov, count, &size) ? 0 : -EINVAL;
    if (rc == 0 && count == 0)
        rc = coro_writev(fd, iov, 0);
    while (rc >= 0 && at < count) {
        rc = coro_writev(fd, pieces, take_pieces(pieces, iov + at, count - at, offset));
        if (rc < 0)
            break;
        written += (size_t)rc;
        offset += (size_t)rc;
        for (; at < count && offset >= iov[at].iov_len; at++)
            offset -= iov[at].iov_len;
    }
    if (done)
        *done = written;
    return rc < 0 ? rc : (ssize_t)written;
}
