/* SPDX-License-Identifier: MIT */
/* The end of a loop: its tasks are brought to theirs. */
#ifndef CORO_TASK_SHUTDOWN_H
#define CORO_TASK_SHUTDOWN_H

#include "task/runner.h"

/* Requests cancellation of every task that has not ended, in the order of their creation. */
void coro__cancel_all(struct coro__ready *ready);

/* Cancels what is left, waits for it, and destroys what could not be brought to an end. */
void coro__shutdown(coro_runner *runner);

#endif
