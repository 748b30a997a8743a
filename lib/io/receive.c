/* SPDX-License-Identifier: MIT */
#include "io/receive.h"
#include "io/io.h"
#include "io/system.h"

static bool receive_ahead(struct coro__fd *fd, const struct msghdr *into, int flags, ssize_t *n)
{
    struct coro__backend *backend = coro__io_here()->backend;
    return backend->kind->calls->receive(backend, fd, into, flags, n);
}

ssize_t coro__receive(struct coro__fd *fd, void *buffer, size_t size, int flags)
{
    if (fd->ahead) {
        struct iovec iov = {buffer, size};
        const struct msghdr into = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n;
        if (receive_ahead(fd, &into, flags, &n))
            return n;
    }
    const int saved_errno = errno;
    return coro__system_result(recv(fd->number, buffer, size, flags | MSG_DONTWAIT), saved_errno);
}

ssize_t coro__receive_message(struct coro__fd *fd, struct msghdr *message, int flags)
{
    ssize_t n;
    if (fd->ahead && receive_ahead(fd, message, flags, &n)) {
        message->msg_namelen = 0;
        message->msg_controllen = 0;
        message->msg_flags = 0;
        return n;
    }
    const int saved_errno = errno;
    return coro__system_result(recvmsg(fd->number, message, flags | MSG_DONTWAIT), saved_errno);
}
