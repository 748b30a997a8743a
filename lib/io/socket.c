/* SPDX-License-Identifier: MIT */
#include "coro/io.h"
#include "coro/net.h"
#include "io/iov.h"
#include "io/operation.h"
#include "io/receive.h"

#include <netinet/in.h>

/* Flags of the caller's that a call does not take. */
static bool may_have(int flags)
{
    return !(flags & MSG_WAITALL);
}

int coro_socket(int domain, int type, int protocol)
{
    const int saved_errno = errno;
    const int fd = (int)coro__system_result(
        socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol), saved_errno);
    if (fd >= 0)
        coro__io_made(fd, coro__fd_type_of_socket(fd));
    return fd;
}

/* --- recv and send ---------------------------------------------------------------------------- */
struct plain {
    struct coro__operation operation;
    void *buffer;
    size_t size;
    int flags;
};

CORO__INLINE ssize_t perform_plain(const struct coro__operation_kind *kind, int fd, void *buffer,
                                   size_t n, int flags)
{
    struct plain call = {
        {.kind = kind, .fd = fd, .only_now = flags & MSG_DONTWAIT}, buffer, n, flags};
    return CORO__LIKELY(n <= SSIZE_MAX) && CORO__LIKELY(may_have(flags))
               ? coro__perform_as(kind, &call.operation)
               : -EINVAL;
}

/* This one and try_send() are part of the calls below: after a system call the processor does not
 * know any more where a function returns to. */
CORO__INLINE ssize_t try_recv(struct coro__operation *operation, struct coro__fd *fd)
{
    const struct plain *call = CORO__CONTAINER_OF(operation, struct plain, operation);
    const ssize_t n = coro__receive(fd, call->buffer, call->size, call->flags);
    if (call->flags == 0)
        coro__fd_note_read(fd, n, call->size);
    return n;
}

static const struct coro__operation_kind kind_of_recv = {.wait = CORO__OPERATION_WAIT("recv"),
                                                         .direction = CORO__READ | CORO__RECEIVE,
                                                         .attempt = try_recv};

static const struct coro__operation_kind kind_of_recv_with_flags = {
    .wait = CORO__OPERATION_WAIT("recv"), .direction = CORO__READ, .attempt = try_recv};

/* It may be announced before it is there. */
static const struct coro__operation_kind kind_of_urgent_recv = {
    .wait = CORO__OPERATION_WAIT("recv"),
    .direction = CORO__READ | CORO__EXCEPTION,
    .attempt = try_recv};

static __attribute__((noinline)) ssize_t recv_with_flags(int fd, void *buffer, size_t n, int flags)
{
    return perform_plain(flags & MSG_OOB ? &kind_of_urgent_recv : &kind_of_recv_with_flags, fd,
                         buffer, n, flags);
}

ssize_t coro_recv(int fd, void *buffer, size_t n, int flags)
{
    return flags ? recv_with_flags(fd, buffer, n, flags)
                 : perform_plain(&kind_of_recv, fd, buffer, n, 0);
}

CORO__INLINE ssize_t try_send(struct coro__operation *operation, struct coro__fd *fd)
{
    const struct plain *call = CORO__CONTAINER_OF(operation, struct plain, operation);
    const int saved_errno = errno;
    const ssize_t n = coro__system_result(
        send(operation->fd, call->buffer, call->size, call->flags | MSG_DONTWAIT | MSG_NOSIGNAL),
        saved_errno);
    coro__fd_note_written(fd, n, call->size);
    return n;
}

static void plain_as_send(const struct coro__operation *operation, struct coro__send *send)
{
    const struct plain *call = CORO__CONTAINER_OF(operation, struct plain, operation);
    send->buffer = call->buffer;
    send->size = call->size;
    send->flags = call->flags;
}

static const struct coro__operation_kind kind_of_send = {.wait = CORO__OPERATION_WAIT("send"),
                                                         .direction = CORO__WRITE,
                                                         .attempt = try_send,
                                                         .as_send = plain_as_send};

CORO__INLINE ssize_t send_some(int fd, const void *buffer, size_t n, int flags)
{
    return perform_plain(&kind_of_send, fd, (void *)(uintptr_t)buffer, n, flags);
}

ssize_t coro_send(int fd, const void *buffer, size_t n, int flags)
{
    return send_some(fd, buffer, n, flags);
}

ssize_t coro_send_all(int fd, const void *buffer, size_t n, int flags, size_t *done)
{
    const char *at = buffer;
    size_t count = 0;
    ssize_t rc;
    do {
        rc = send_some(fd, at, n - count, flags);
        if (rc > 0) {
            at += rc;
            count += (size_t)rc;
        }
    } while (rc >= 0 && count < n);
    if (done)
        *done = count;
    return rc < 0 ? rc : (ssize_t)count;
}

/* --- recvmsg and sendmsg, and with them recvfrom and sendto ----------------------------------- */
struct message {
    struct coro__operation operation;
    struct msghdr *header;
    int flags;
};

static ssize_t perform_message(const struct coro__operation_kind *kind, int fd,
                               struct msghdr *header, int flags)
{
    struct message call = {
        {.kind = kind, .fd = fd, .only_now = flags & MSG_DONTWAIT}, header, flags};
    return may_have(flags) ? coro__perform(&call.operation) : -EINVAL;
}

static size_t size_of(const struct msghdr *header)
{
    size_t size = 0;
    for (size_t i = 0; i < header->msg_iovlen; i++)
        size += header->msg_iov[i].iov_len;
    return size;
}

static ssize_t try_recvmsg(struct coro__operation *operation, struct coro__fd *fd)
{
    const struct message *call = CORO__CONTAINER_OF(operation, struct message, operation);
    const ssize_t n = coro__receive_message(fd, call->header, call->flags | MSG_CMSG_CLOEXEC);
    if (call->flags == 0 && n > 0)
        coro__fd_note_read(fd, n, size_of(call->header));
    return n;
}

static const struct coro__operation_kind kind_of_recvmsg = {
    .wait = CORO__OPERATION_WAIT("recvmsg"), .direction = CORO__READ, .attempt = try_recvmsg};

static const struct coro__operation_kind kind_of_urgent_recvmsg = {
    .wait = CORO__OPERATION_WAIT("recvmsg"),
    .direction = CORO__READ | CORO__EXCEPTION,
    .attempt = try_recvmsg};

ssize_t coro__recvmsg_now(struct coro__io *io, int fd, struct msghdr *message)
{
    struct message call = {{.kind = &kind_of_recvmsg, .fd = fd}, message, 0};
    return coro__perform_now(io, &call.operation);
}

ssize_t coro_recvmsg(int fd, struct msghdr *message, int flags)
{
    const struct coro__operation_kind *kind =
        flags & MSG_OOB ? &kind_of_urgent_recvmsg : &kind_of_recvmsg;
    return perform_message(kind, fd, message, flags);
}

static ssize_t try_sendmsg(struct coro__operation *operation, struct coro__fd *fd)
{
    const struct message *call = CORO__CONTAINER_OF(operation, struct message, operation);
    const int saved_errno = errno;
    const ssize_t n = coro__system_result(
        sendmsg(operation->fd, call->header, call->flags | MSG_DONTWAIT | MSG_NOSIGNAL),
        saved_errno);
    if (n > 0)
        coro__fd_note_written(fd, n, size_of(call->header));
    return n;
}

static void message_as_send(const struct coro__operation *operation, struct coro__send *send)
{
    const struct message *call = CORO__CONTAINER_OF(operation, struct message, operation);
    send->message = call->header;
    send->size = size_of(call->header);
    send->flags = call->flags;
}

static const struct coro__operation_kind kind_of_sendmsg = {.wait = CORO__OPERATION_WAIT("sendmsg"),
                                                            .direction = CORO__WRITE,
                                                            .attempt = try_sendmsg,
                                                            .as_send = message_as_send};

ssize_t coro_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return perform_message(&kind_of_sendmsg, fd, (struct msghdr *)(uintptr_t)message, flags);
}

static const struct coro__operation_kind kind_of_recvfrom = {
    .wait = CORO__OPERATION_WAIT("recvfrom"), .direction = CORO__READ, .attempt = try_recvmsg};

ssize_t coro_recvfrom(int fd, void *buffer, size_t n, int flags, struct sockaddr *address,
                      socklen_t *size)
{
    struct iovec iov = {buffer, n};
    struct msghdr header = {
        .msg_name = address, .msg_namelen = address ? *size : 0, .msg_iov = &iov, .msg_iovlen = 1};
    if (n > SSIZE_MAX)
        return -EINVAL;
    const struct coro__operation_kind *kind =
        flags & MSG_OOB ? &kind_of_urgent_recvmsg : &kind_of_recvfrom;
    const ssize_t rc = perform_message(kind, fd, &header, flags);
    if (rc >= 0 && address)
        *size = header.msg_namelen;
    return rc;
}

static const struct coro__operation_kind kind_of_sendto = {.wait = CORO__OPERATION_WAIT("sendto"),
                                                           .direction = CORO__WRITE,
                                                           .attempt = try_sendmsg,
                                                           .as_send = message_as_send};

ssize_t coro_sendto(int fd, const void *buffer, size_t n, int flags, const struct sockaddr *address,
                    socklen_t size)
{
    struct iovec iov = {(void *)(uintptr_t)buffer, n};
    struct msghdr header = {.msg_name = (void *)(uintptr_t)address,
                            .msg_namelen = size,
                            .msg_iov = &iov,
                            .msg_iovlen = 1};
    return n <= SSIZE_MAX ? perform_message(&kind_of_sendto, fd, &header, flags) : -EINVAL;
}
