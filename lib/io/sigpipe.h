/* SPDX-License-Identifier: MIT */
/*
 * SIGPIPE, for calls that have no flag against it: the signal is blocked in this thread around the
 * call, and what the call has raised is taken back. What the program does about the signal, in this
 * thread or others, is left as it is.
 */
#ifndef CORO_IO_SIGPIPE_H
#define CORO_IO_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct coro__sigpipe {
    sigset_t mask; /* as it was before */
    bool pending;  /* so is this: somebody else's */
};

void coro__sigpipe_begin(struct coro__sigpipe *sigpipe);

/* rc is what the call returned, as by coro__system_result(). */
void coro__sigpipe_end(const struct coro__sigpipe *sigpipe, ssize_t rc);

#endif
