/* SPDX-License-Identifier: MIT */
/*
 * From a task's first step to its end, on a stack.
 *
 * Every stack runs coro__task_main for as long as it has a context: it runs the task that it was
 * entered for, ends it, puts the stack into the cache and leaves for the next ready task. The next
 * task on that stack continues there. If the next ready task is a fresh one it gets this very
 * stack, being the hottest, and no switch is made at all.
 */
#ifndef CORO_SCHED_START_H
#define CORO_SCHED_START_H

#include "sched/loop.h"

/* Places on the ready queue that a task needs: its own, and that of the timer that it sleeps by. */
enum { CORO__TASK_PLACES = 2 };

/* What every stack runs. */
void coro__task_main(void);

/* Gives a fresh task its stack; false if it ended without running, cancelled or for want of memory.
 * See ready->start. */
bool coro__task_start(struct coro__ready *ready, coro_task *task);

/* Copies the argument of a fresh task onto its stack, which it gets for that. 0, or -ENOMEM. */
int coro__task_copy_argument(struct coro__ready *ready, coro_task *task, size_t size);

/* Ends a task that is not running: it settles, and the loop's reference goes. */
void coro__task_end(struct coro__ready *ready, coro_task *task, int status);

#endif
