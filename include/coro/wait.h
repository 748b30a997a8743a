/* SPDX-License-Identifier: MIT */
/*
 * Waiting for several tasks, for a limited time, or without passing a cancel on. All of them wait,
 * and so return -EPERM to a caller that is no task, -EXDEV for a task of another loop, -EDEADLK
 * where a task would wait for itself, -ENOMEM without memory. These four happen before anything
 * else does.
 */
#ifndef CORO_WAIT_H
#define CORO_WAIT_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of coro_gather(). */
#define CORO_RETURN_EXCEPTIONS 1u

/*
 * Waits until all n tasks have ended; each result is then read from its task. The same task may
 * stand in several places. asyncio.gather().
 *
 * Without flags the first task that fails, or is cancelled, ends the call with its error at once;
 * the others keep running, and their failures count as read. With CORO_RETURN_EXCEPTIONS a failure
 * is a result like another, and all count as read.
 *
 * A cancel of the caller cancels every task that has not ended. The call then returns -ECANCELED:
 * without flags as soon as one of them has ended cancelled, otherwise, and also if they refuse,
 * when all have ended.
 *
 * Returns 0, the first error, -ECANCELED, or -EINVAL for unknown flags. n == 0 returns 0.
 */
CORO_API int coro_gather(coro_task *const tasks[], size_t n, unsigned flags);

/* When coro_wait() returns. */
enum coro_when {
    CORO_FIRST_COMPLETED = 1, /* as soon as one has ended */
    CORO_FIRST_EXCEPTION, /* as soon as one has failed (a cancelled one has not), or all ended */
    CORO_ALL_COMPLETED,   /* when all have ended */
};

/*
 * Waits for some or all of n tasks, at most for the timeout (CORO_FOREVER: no limit). Neither the
 * timeout nor a cancel of the caller touches the tasks. coro_done() tells which have ended. Even
 * if all had ended before, the call suspends. asyncio.wait().
 *
 * Returns how many different tasks have ended, -ECANCELED if the caller was cancelled, or -EINVAL
 * for n == 0 or an unknown `when`.
 */
CORO_API int coro_wait(coro_task *const tasks[], size_t n, enum coro_when when,
                       coro_duration timeout);

/*
 * Waits for a task, at most for the timeout; then cancels it and waits until it has ended. If it
 * refuses the cancel, the call has its result. A timeout <= 0 cancels at once what has not ended:
 * a task that has not started never does. asyncio.wait_for().
 *
 * Returns as coro_await(), or -ETIMEDOUT if the task ended cancelled by the timeout.
 */
CORO_API int coro_wait_for(coro_task *task, coro_duration timeout, void **value);

/*
 * Waits as coro_await() does, but a cancel of the caller ends only the call: the task runs on. If
 * it fails after that, the failure is logged (CORO_LOG_SHIELD_ERROR). asyncio.shield().
 */
CORO_API int coro_shield(coro_task *task, void **value);

/* Hands out tasks as they end, usually a local variable. Its fields belong to the library. */
typedef struct coro_completed {
    struct coro__cell *cell;
    uint64_t number;
} coro_completed;

/*
 * Begins to hand out n tasks in the order in which they end; the same task in several places comes
 * once. The timeout covers all of them. coro_completed_end() must follow, by the same task.
 * asyncio.as_completed().
 *
 * Returns 0, or an error: there is then nothing to hand out, and nothing to end.
 */
CORO_API int coro_completed_begin(coro_completed *completed, coro_task *const tasks[], size_t n,
                                  coro_duration timeout);

/*
 * Waits for the next task to end, and hands it out in *task. The reference is borrowed: whoever
 * began has one. What has ended already is handed out without suspending.
 *
 * Returns 1, or with *task NULL
 *   0           all have been handed out
 *   -ETIMEDOUT  the time was up first; once for each task that is left, which is not touched
 *   -ECANCELED  the caller was cancelled; no task is touched, and none is lost
 *   -EINVAL     it has not begun or has ended, -EPERM in another task than the one that began it
 */
CORO_API int coro_completed_next(coro_completed *completed, coro_task **task);

/* Lets go of the tasks, in whatever state they are. Does nothing if it has not begun or has ended,
 * or in another task than the one that began it. */
CORO_API void coro_completed_end(coro_completed *completed);

#ifdef __cplusplus
}
#endif

#endif
