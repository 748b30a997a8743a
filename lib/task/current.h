/* SPDX-License-Identifier: MIT */
/* What every call that waits checks first: who calls, and what for. */
#ifndef CORO_TASK_CURRENT_H
#define CORO_TASK_CURRENT_H

#include "sched/fork.h"
#include "sched/loop.h"

/* The calling task, or NULL where none may wait: outside a loop, in a callback, in a log hook. */
CORO__INLINE coro_task *coro__caller(void)
{
    return coro__ready_current(coro__ready_here);
}

CORO__INLINE struct coro__loop *coro__loop_here(void)
{
    return coro__loop_of(coro__ready_here);
}

/* For what belongs to a loop, until that is closed (NULL): 0, or -EXDEV in another thread or in a
 * child of fork(). */
CORO__INLINE int coro__check_thread(const struct coro__loop *loop)
{
    return !loop || CORO__LIKELY(loop->ready.errno_location == &errno && loop->forks == coro__forks)
               ? 0
               : -EXDEV;
}

/* The same for calls that wait: also -EPERM where no task calls, and -EXDEV in another loop. */
CORO__INLINE int coro__check_caller(const struct coro__loop *loop)
{
    const int rc = coro__check_thread(loop);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    if (CORO__UNLIKELY(!coro__caller()))
        return -EPERM;
    return !loop || CORO__LIKELY(loop == coro__loop_here()) ? 0 : -EXDEV;
}

/* Whether the task is of this thread's loop. If not, that is reported in debug mode. */
CORO__COLD bool coro__report_foreign(const coro_task *task);

CORO__INLINE bool coro__is_ours(const coro_task *task)
{
    const struct coro__ready *ready = coro__ready_here;
    return (CORO__LIKELY(ready != NULL) && CORO__LIKELY(ready->pool == task->pool)) ||
           coro__report_foreign(task);
}

/* Why the caller cannot wait for the task: -EPERM, -ENOMEM, -EDEADLK or -EXDEV. */
CORO__COLD int coro__refuse_target(const coro_task *caller, const coro_task *task);

CORO__INLINE bool coro__is_target(const coro_task *caller, const coro_task *task)
{
    return CORO__LIKELY(caller != NULL) && CORO__LIKELY(task != NULL) &&
           CORO__LIKELY(task != caller) && CORO__LIKELY(task->pool == coro__ready_here->pool);
}

/* 0 if it can, or why not. */
CORO__INLINE int coro__check_target(const coro_task *caller, const coro_task *task)
{
    return coro__is_target(caller, task) ? 0 : coro__refuse_target(caller, task);
}

/* The same for several tasks, of which NULLs are no reason. */
int coro__check_targets(const coro_task *caller, coro_task *const tasks[], size_t n);

/* The message of a done task's error becomes that of its waiter. */
void coro__hand_message_over(coro_task *caller, const coro_task *task);

/* The result of a done task for its waiter, with the message of its error. */
CORO__INLINE int coro__hand_over(coro_task *caller, coro_task *task, void **value)
{
    const int status = coro__task_result(task, value);
    if (CORO__UNLIKELY(status < 0))
        coro__hand_message_over(caller, task);
    return status;
}

/* Reads the result of a done task, with the message of its error if a task calls. */
int coro__read_result(coro_task *task, void **value);

/* Whether a waiter that was cancelled as well gets the task's result all the same: one cancellation
 * is like another, but for the message, and the task's came first. */
CORO__INLINE bool coro__ended_cancelled(const coro_task *task)
{
    return task->done && task->status == -ECANCELED;
}

#endif
