/* SPDX-License-Identifier: MIT */
/*
 * What belongs to a thread and not to a stack, and yet must follow a task: besides errno (ready.h)
 * the fp control words of a task with the option fp_env, and in a program with C++ the exceptions
 * that are being handled. All other tasks share the loop's. Debug mode looks at every task for
 * control words that it changed without the option, reports it and puts them right.
 *
 * A task with nothing to keep does not come here; that decides coro__environment_wanted, once.
 */
#ifndef CORO_SCHED_ENVIRONMENT_H
#define CORO_SCHED_ENVIRONMENT_H

#include "sched/ready.h"

/* Reads what is the loop's. */
void coro__environment_init(struct coro__ready *ready);

/* Whether the task has to keep its environment over switches. */
static inline bool coro__environment_wanted(const struct coro__ready *ready, const coro_task *task)
{
    return task->fp_env || ready->debug || ready->cxx;
}

/* In debug mode: the step of the task, or of a callback (NULL), is over, and another begins. */
void coro__environment_step(struct coro__ready *ready, coro_task *task);

/* A task that keeps its environment has ended: the loop's is put back. */
void coro__environment_end(struct coro__ready *ready, coro_task *task);

#endif
