/* SPDX-License-Identifier: MIT */
#ifndef CORO_IO_SENDFILE_H
#define CORO_IO_SENDFILE_H

#include "io/io.h"

/* coro_sendfile() in a call that has begun: no other task runs before it first tries. */
ssize_t coro__sendfile(struct coro__io *io, int to, int file, off_t *offset, size_t n);

#endif
