/* SPDX-License-Identifier: MIT */
#include "io/sendfile.h"
#include "coro/io.h"
#include "io/operation.h"
#include "io/sigpipe.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>

struct sendfile {
    struct coro__operation operation;
    int file;
    off_t *offset;
    size_t size;
    bool file_is_bad;
};

static bool is_readable(int file)
{
    const int saved_errno = errno;
    const int flags = (int)coro__system_result(fcntl(file, F_GETFL), saved_errno);
    return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY;
}

static ssize_t try_sendfile(struct coro__operation *operation, struct coro__fd *fd)
{
    struct sendfile *call = CORO__CONTAINER_OF(operation, struct sendfile, operation);
    struct coro__sigpipe sigpipe;
    const int blocks = coro__fd_is_socket(fd) ? coro__fd_set_nonblocking(fd) : 0;
    if (blocks < 0)
        return blocks;
    const int saved_errno = errno;
    coro__sigpipe_begin(&sigpipe);
    const ssize_t n = coro__system_result(
        sendfile(operation->fd, call->file, call->offset, call->size), saved_errno);
    coro__sigpipe_end(&sigpipe, n);
    /* That says nothing of the fd that is sent to. */
    call->file_is_bad = n == -EBADF && !is_readable(call->file);
    return call->file_is_bad ? 0 : n;
}

static const struct coro__operation_kind kind = {
    .wait = CORO__OPERATION_WAIT("sendfile"), .direction = CORO__WRITE, .attempt = try_sendfile};

/* Whether reading it may block for long. */
static bool is_stream(int fd)
{
    enum coro__fd_type type;
    return coro__fd_identify(fd, &type) == 0 && type >= CORO__FD_PIPE;
}

ssize_t coro__sendfile(struct coro__io *io, int to, int file, off_t *offset, size_t n)
{
    struct sendfile call = {{.kind = &kind, .fd = to}, file, offset, n, false};
    if (n > SSIZE_MAX || is_stream(file))
        return -EINVAL;
    const ssize_t rc = coro__perform_begun(io, &call.operation);
    return call.file_is_bad ? -EBADF : rc;
}

ssize_t coro_sendfile(int to, int file, off_t *offset, size_t n)
{
    struct coro__io *io;
    const int rc = coro__io_begin(&io);
    return rc == 0 ? coro__sendfile(io, to, file, offset, n) : rc;
}
