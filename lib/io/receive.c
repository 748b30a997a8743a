/* SPDX-License-Identifier: MIT */
#include "io/receive.h"
#include "io/io.h"

static bool message_ahead(struct coro__fd *fd, const struct msghdr *into, int flags, ssize_t *n)
{
    struct coro__backend *backend = coro__io_here()->backend;
    return backend->kind->calls->receive(backend, fd, into, flags, n);
}

bool coro__receive_ahead(struct coro__fd *fd, void *buffer, size_t size, int flags, ssize_t *n)
{
    struct iovec iov = {buffer, size};
    const struct msghdr into = {.msg_iov = &iov, .msg_iovlen = 1};
    return message_ahead(fd, &into, flags, n);
}

ssize_t coro__receive_message(struct coro__fd *fd, struct msghdr *message, int flags)
{
    ssize_t n;
    if (fd->ahead && message_ahead(fd, message, flags, &n)) {
        message->msg_namelen = 0;
        message->msg_controllen = 0;
        message->msg_flags = 0;
        return n;
    }
    const int saved_errno = errno;
    return coro__system_result(recvmsg(fd->number, message, flags | MSG_DONTWAIT), saved_errno);
}
