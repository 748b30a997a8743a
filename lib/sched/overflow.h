/* SPDX-License-Identifier: MIT */
/*
 * A task that runs into the guard page of its stack is named before the program dies of it. The
 * handler runs on a stack of its own, says which task it was and what to set, and then lets happen
 * what would have happened without it: the application's own handler, or the default action and its
 * core dump.
 */
#ifndef CORO_SCHED_OVERFLOW_H
#define CORO_SCHED_OVERFLOW_H

#include <signal.h>
#include <stdbool.h>

struct coro__overflow_guard {
    void *memory; /* the signal stack; NULL where the thread had one already */
    stack_t previous;
};

/* For the thread that runs a loop. Without memory for the signal stack an overflow is a bare
 * SIGSEGV. */
void coro__overflow_begin(struct coro__overflow_guard *guard);
void coro__overflow_end(struct coro__overflow_guard *guard);

/* In a child of fork(), where no loop runs: puts the previous handlers back. */
void coro__overflow_forget(void);

#endif
