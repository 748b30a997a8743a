/* SPDX-License-Identifier: MIT */
/* The making of connections, from either side. */
#include "coro/net.h"
#include "coro/task.h"
#include "io/operation.h"

#include <unistd.h>

/* --- accept ----------------------------------------------------------------------------------- */
struct accept {
    struct coro__operation operation;
    struct sockaddr *address;
    socklen_t *size;
};

/* One that the back end has accepted. Who is at its other end is found out only now: if it has
 * ended since, it is passed over. */
static int accept_ahead(const struct accept *call, struct coro__fd *fd)
{
    struct coro__backend *backend = coro__io_here()->backend;
    const int accepted = backend->kind->calls->accept(backend, fd);
    if (accepted < 0)
        return accepted;
    const int saved_errno = errno;
    if (!call->address || getpeername(accepted, call->address, call->size) == 0) {
        coro__io_made(accepted, fd->type);
        return accepted;
    }
    close(accepted);
    errno = saved_errno;
    return -EINTR;
}

static ssize_t try_accept(struct coro__operation *operation, struct coro__fd *fd)
{
    const struct accept *call = CORO__CONTAINER_OF(operation, struct accept, operation);
    if (fd->ahead)
        return accept_ahead(call, fd);
    const int blocks = coro__fd_set_nonblocking(fd);
    if (blocks < 0)
        return blocks;
    const int saved_errno = errno;
    const int accepted = (int)coro__system_result(
        accept4(operation->fd, call->address, call->size, SOCK_CLOEXEC | SOCK_NONBLOCK),
        saved_errno);
    if (accepted == -ECONNABORTED)
        return -EINTR;
    if (accepted >= 0)
        coro__io_made(accepted, fd->type);
    return accepted;
}

static const struct coro__operation_kind kind_of_accept = {.wait = CORO__OPERATION_WAIT("accept"),
                                                           .direction = CORO__READ | CORO__ACCEPT,
                                                           .attempt = try_accept};

int coro_accept(int fd, struct sockaddr *address, socklen_t *size)
{
    struct accept call = {{.kind = &kind_of_accept, .fd = fd}, address, size};
    return (int)coro__perform(&call.operation);
}

int coro__accept_now(struct coro__io *io, int fd, struct sockaddr *address, socklen_t *size)
{
    struct accept call = {{.kind = &kind_of_accept, .fd = fd}, address, size};
    return (int)coro__perform_now(io, &call.operation);
}

/* --- connect ---------------------------------------------------------------------------------- */
struct connect {
    struct coro__operation operation;
    const struct sockaddr *address;
    socklen_t size;
    bool begun;
    bool no_room; /* at a Unix socket's peer, who will not say when there is */
};

/* Asked again, the system tells how it has ended. */
static ssize_t try_connect(struct coro__operation *operation, struct coro__fd *fd)
{
    struct connect *call = CORO__CONTAINER_OF(operation, struct connect, operation);
    const int blocks = coro__fd_set_nonblocking(fd);
    if (blocks < 0)
        return blocks;
    const int saved_errno = errno;
    const ssize_t rc =
        coro__system_result(connect(operation->fd, call->address, call->size), saved_errno);
    call->no_room = rc == -EAGAIN;
    if (rc == -EISCONN && call->begun)
        return 0;
    if (rc == -EINPROGRESS || rc == -EALREADY) {
        call->begun = true;
        return -EAGAIN;
    }
    return call->no_room ? 0 : rc;
}

static const struct coro__operation_kind kind_of_connect = {
    .wait = CORO__OPERATION_WAIT("connect"), .direction = CORO__WRITE, .attempt = try_connect};

#define FIRST_PAUSE   CORO_MILLISECOND
#define LONGEST_PAUSE (50 * CORO_MILLISECOND)

int coro_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    struct connect call = {{.kind = &kind_of_connect, .fd = fd}, address, size, false, false};
    coro_duration pause = FIRST_PAUSE;
    int rc = (int)coro__perform(&call.operation);
    while (rc == 0 && call.no_room) {
        rc = address->sa_family == AF_UNIX ? coro_sleep(pause) : -EAGAIN;
        if (rc == 0)
            rc = (int)coro__perform(&call.operation);
        pause = pause < LONGEST_PAUSE / 2 ? pause * 2 : LONGEST_PAUSE;
    }
    return rc;
}
