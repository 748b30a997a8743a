/* SPDX-License-Identifier: MIT */
/*
 * Futures: a result that is not there yet. Every call here takes tasks as well, and every call
 * that waits for a task takes a future.
 *
 * Ownership. Who creates one has a reference to it, and gives it up with coro_release() or
 * coro_join(). The loop holds a reference of its own to each task until the task has ended, so
 * releasing a running task detaches it. A handle may outlive its loop.
 */
#ifndef CORO_FUTURE_H
#define CORO_FUTURE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A future without a result; NULL when there is no memory or this thread runs no loop.
 * loop.create_future().
 */
CORO_API CORO_NODISCARD coro_future *coro_create_future(void);

/*
 * Settles a future: status >= 0 is success and comes with a value, a negative errno is failure,
 * and -ECANCELED cancels. Its waiters run in the next pass. Future.set_result().
 *
 * Returns 0, or
 *   -EALREADY  it has a result already
 *   -EINVAL    it is a task: a task's result is what its function returns
 *   -ENOMEM    it is NULL
 *   -EXDEV     it belongs to another loop
 */
CORO_API int coro_set_result(coro_future *future, int status, void *value);

/*
 * Settles a future with an error (a negative errno) and a message, formatted as by printf.
 * Future.set_exception().
 *
 * Returns 0, or what coro_set_result() returns, or -EINVAL for an error >= 0. Without memory for
 * the message the future is settled without it.
 */
CORO_API int coro_set_error(coro_future *future, int error, const char *format, ...)
    CORO_PRINTF(3, 4);

/* Another reference to the same task or future. Returns its argument. */
CORO_API coro_task *coro_retain(coro_task *task);

/*
 * Gives up a reference; NULL is allowed. The last one frees it: a failure whose result nobody read
 * is then reported (CORO_LOG_NEVER_RETRIEVED).
 */
CORO_API void coro_release(coro_task *task);

/* Whether it has ended: with a result, with an error, or cancelled. Future.done(). */
CORO_API bool coro_done(const coro_task *task);

/* Whether it ended cancelled. Future.cancelled(). */
CORO_API bool coro_cancelled(const coro_task *task);

/*
 * The result of what has ended, without waiting: its status, and the value in *value where that is
 * not NULL. A failed or cancelled one has the value NULL. The message of an error goes with it to
 * the task that calls, as with coro_await(). Future.result().
 *
 * Returns the status, or -EINPROGRESS while it has none.
 */
CORO_API int coro_result(coro_task *task, void **value);

/*
 * Why it failed or was cancelled: the text given to coro_fail(), coro_set_error() or
 * coro_cancel_with(), or the system's text for the error. Valid as long as the caller's reference
 * to the task. NULL for a success, and for what has not ended. Of the current task: the text of the
 * last failure that it made with coro_fail(), got from a task that it waited for, or from a cancel,
 * NULL if that had none; errors of a call's own, such as -EINVAL, do not change it.
 * Future.exception().
 */
CORO_API const char *coro_error_message(coro_task *task);

/*
 * Requests cancellation. A task gets -ECANCELED from the call that it waits in, or from the next
 * one that has to wait; one that has not started never starts. What it awaits is cancelled with
 * it, through any number of tasks, and the request then comes back to it from there. A future is
 * cancelled at once. Task.cancel().
 *
 * Returns false if it had ended already or belongs to another loop, else true. The task may still
 * refuse: it ends cancelled only when its function returns -ECANCELED.
 */
CORO_API bool coro_cancel(coro_task *task);

/* coro_cancel() with a message for coro_error_message(); the text is copied. Task.cancel(msg). */
CORO_API bool coro_cancel_with(coro_task *task, const char *message);

/* Called when a task or future has ended, by the loop and not by a task: it must not wait. */
typedef void coro_done_fn(coro_task *task, void *arg);

/*
 * Has fn(task, arg) called when it has ended; in the next pass if it has already. Callbacks run in
 * the order in which they were added, the wake-ups of waiting tasks among them.
 * Future.add_done_callback().
 *
 * Returns 0, -ENOMEM, -EINVAL if fn is NULL, or -EXDEV if the task belongs to another loop.
 */
CORO_API int coro_add_done_callback(coro_task *task, coro_done_fn *fn, void *arg);

/*
 * Takes back every done callback that was added with this fn and arg and has not been scheduled.
 * Returns how many there were. Future.remove_done_callback().
 */
CORO_API size_t coro_remove_done_callback(coro_task *task, coro_done_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif
