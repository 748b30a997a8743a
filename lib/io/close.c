/* SPDX-License-Identifier: MIT */
#include "coro/io.h"
#include "io/io.h"
#include "io/system.h"

#include <unistd.h>

int coro__io_close(struct coro__io *io, int number)
{
    struct coro__fd *fd = io ? coro__fds_find(&io->fds, number) : NULL;
    if (fd)
        coro__io_forget(io, fd, -EBADF);
    const int saved_errno = errno;
    const int rc = (int)coro__system_result(close(number), saved_errno);
    return rc == -EINTR ? 0 : rc; /* it is closed, on Linux */
}

int coro_close(int number)
{
    return coro__io_close(coro__io_here(), number);
}
