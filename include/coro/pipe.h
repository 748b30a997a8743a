/* SPDX-License-Identifier: MIT */
/* Pipes between tasks, threads and processes. They are read and written with the calls of io.h. */
#ifndef CORO_PIPE_H
#define CORO_PIPE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * pipe(2): what is written to fds[1] is read from fds[0]. Both are close-on-exec and non-blocking,
 * and closed with coro_close(). It never waits and may be called from anywhere.
 *
 * Returns 0, -EMFILE or -ENFILE.
 */
CORO_API int coro_pipe(int fds[2]);

#ifdef __cplusplus
}
#endif

#endif
