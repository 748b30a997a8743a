/* SPDX-License-Identifier: MIT */
#include "coro/io.h"
#include "io/operation.h"
#include "io/sigpipe.h"

#include <limits.h>
#include <sys/sendfile.h>

struct sendfile {
    struct coro__operation operation;
    int file;
    off_t *offset;
    size_t size;
};

static ssize_t try_sendfile(struct coro__operation *operation, struct coro__fd *fd)
{
    const struct sendfile *call = CORO__CONTAINER_OF(operation, struct sendfile, operation);
    struct coro__sigpipe sigpipe;
    const int blocks = coro__fd_is_socket(fd) ? coro__fd_set_nonblocking(fd) : 0;
    if (blocks < 0)
        return blocks;
    const int saved_errno = errno;
    coro__sigpipe_begin(&sigpipe);
    const ssize_t n = coro__system_result(
        sendfile(operation->fd, call->file, call->offset, call->size), saved_errno);
    coro__sigpipe_end(&sigpipe, n);
    return n;
}

static const struct coro__operation_kind kind = {
    .wait = CORO__OPERATION_WAIT("sendfile"), .direction = CORO__WRITE, .attempt = try_sendfile};

/* Whether reading it may block for long. */
static bool is_stream(int fd)
{
    enum coro__fd_type type;
    return coro__fd_identify(fd, &type) == 0 && type >= CORO__FD_PIPE;
}

ssize_t coro_sendfile(int to, int file, off_t *offset, size_t n)
{
    struct sendfile call = {{.kind = &kind, .fd = to}, file, offset, n};
    if (n > SSIZE_MAX || (coro__caller() && is_stream(file)))
        return -EINVAL;
    return coro__perform(&call.operation);
}
