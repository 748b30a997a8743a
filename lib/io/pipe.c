/* SPDX-License-Identifier: MIT */
#include "coro/pipe.h"
#include "io/io.h"
#include "io/system.h"

#include <fcntl.h>
#include <unistd.h>

int coro_pipe(int fds[2])
{
    const int saved_errno = errno;
    const int rc = (int)coro__system_result(pipe2(fds, O_CLOEXEC | O_NONBLOCK), saved_errno);
    if (rc < 0)
        return rc;
    coro__io_made(fds[0], CORO__FD_PIPE);
    coro__io_made(fds[1], CORO__FD_PIPE);
    return 0;
}
