/* SPDX-License-Identifier: MIT */
/*
 * Tasks: functions that run concurrently, each on its own stack.
 */
#ifndef CORO_TASK_H
#define CORO_TASK_H

#include "base.h"
#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Options of a task. All zero is the default of each; so is a NULL for the whole. */
typedef struct coro_task_options {
    /* Its name in reports; copied. NULL is "Task-" and a number. */
    const char *name;
    /* Bytes of stack; 0 is the run's default. Rounded up to whole pages, at least 16 KiB. */
    size_t stack_size;
    /* Copies arg_size bytes from arg onto the task's stack and hands the copy to fn, so that the
     * creator's need not live on. At most half the stack; aligned to 16 bytes. */
    size_t arg_size;
    /* Runs the task at once, inside the create call, until it first has to wait. */
    bool eager_start;
    /* Keeps the task's own floating-point control words (rounding, exceptions) over switches. */
    bool fp_env;
} coro_task_options;

/*
 * A task that runs fn(arg). It starts in the next pass of the loop. asyncio.create_task().
 *
 * Returns a reference that the caller gives up with coro_join() or coro_release(); NULL without
 * memory, without fn, or where this thread runs no loop.
 */
CORO_API CORO_NODISCARD coro_task *coro_create_task(coro_fn *fn, void *arg);

/* coro_create_task() with options; NULL is the default of each. NULL, too, for options that cannot
 * be met (an arg_size over half the stack, a stack_size over 1 TiB). */
CORO_API CORO_NODISCARD coro_task *coro_create_task_with(const coro_task_options *options,
                                                         coro_fn *fn, void *arg);

/*
 * Ends a task function with a value: `return coro_return(p);`. Returns 0. The value is the
 * caller's to keep alive; coro_await(), coro_join() and coro_result() hand it out. It belongs to
 * the task: a function that is also called plainly had better hand its value out through an
 * argument, because the last call wins.
 */
CORO_API int coro_return(void *value);

/*
 * Fails with a negative errno and a message, formatted as by printf:
 * `return coro_fail(-ENOENT, "no user %s", name);`. Returns the error. The message stays with the
 * error through plain returns and through coro_await(), until the task succeeds or fails with
 * another. `raise`.
 */
CORO_API int coro_fail(int error, const char *format, ...) CORO_PRINTF(2, 3);

/*
 * Waits until the task has ended. `await task`. A task that has ended is no suspension and no
 * cancellation point.
 *
 * Returns its status, with its value in *value where that is not NULL, or
 *   -ECANCELED  the task ended cancelled, or the caller was cancelled. A cancel of the caller
 *               cancels the task, and the caller waits on until it has ended; if it refuses, the
 *               caller gets its result. coro_shield() keeps a cancel from it.
 *   -EDEADLK    the task is the caller
 *   -EXDEV      the task belongs to another loop
 *   -EPERM      the caller is no task
 */
CORO_API int coro_await(coro_task *task, void **value);

/* coro_await(), then coro_release(), whatever the result: the caller's reference is gone. */
CORO_API int coro_join(coro_task *task, void **value);

/*
 * Lets every other ready task run once. asyncio.sleep(0).
 * Returns 0, or -ECANCELED if the caller was cancelled.
 */
CORO_API int coro_yield(void);

/*
 * Waits for at least this long; a duration <= 0 is coro_yield(). CORO_FOREVER waits until
 * cancelled. asyncio.sleep().
 * Returns 0, -ECANCELED if the caller was cancelled, or -ENOMEM.
 */
CORO_API int coro_sleep(coro_duration duration);

/* The task that is running, borrowed; NULL outside a task and in callbacks.
 * asyncio.current_task(). */
CORO_API coro_task *coro_current_task(void);

/* How many requests to cancel the task has had, less those taken back. Task.cancelling(). */
CORO_API int coro_cancelling(const coro_task *task);

/*
 * Takes one request to cancel back, for code that has dealt with it, and returns how many remain.
 * When none does, a request that was not yet delivered is dropped. Task.uncancel().
 */
CORO_API int coro_uncancel(coro_task *task);

/* The task's name, valid until it is set again or the last reference goes. Task.get_name(). */
CORO_API const char *coro_get_name(coro_task *task);

/* Names the task; the text is copied. Returns 0, -ENOMEM, or -EINVAL for NULL. Task.set_name(). */
CORO_API int coro_set_name(coro_task *task, const char *name);

/*
 * The most bytes of its stack that the task has used so far, to choose a stack_size by. Outside
 * debug mode a stack is not wiped between tasks, and the figure covers all that have used it. 0
 * for a future, a task that has not started, and, outside debug mode, one that has ended.
 */
CORO_API size_t coro_stack_high_water(const coro_task *task);

#ifdef __cplusplus
}
#endif

#endif
