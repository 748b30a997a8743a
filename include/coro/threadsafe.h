/* SPDX-License-Identifier: MIT */
/*
 * What other threads may do with a loop: have it call a function, or run a task and wait for its
 * result. All calls here but coro_current_loop() and coro_wrap_future() may be made from any
 * thread.
 *
 *     static void *in_another_thread(void *loop)
 *     {
 *         coro_concurrent_future *future = coro_run_coroutine_threadsafe(loop, fetch, "a");
 *         void *page;
 *         int rc = coro_concurrent_result(future, 5 * CORO_SECOND, &page);
 *         coro_concurrent_release(future);
 *         coro_loop_release(loop);
 *         return rc < 0 ? NULL : page;
 *     }
 *
 *     coro_loop *loop = coro_loop_retain(coro_current_loop());    // in the loop's thread
 *     pthread_create(&thread, NULL, in_another_thread, loop);
 */
#ifndef CORO_THREADSAFE_H
#define CORO_THREADSAFE_H

#include "base.h"
#include "call.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A loop, as other threads see it. It may outlive the loop itself, which then refuses what it is
 * asked for. */
typedef struct coro__inbox coro_loop;

/* The loop that this thread runs, borrowed; NULL outside one. asyncio.get_running_loop(). */
CORO_API coro_loop *coro_current_loop(void);

/*
 * Takes a reference, for another thread; given up with coro_loop_release(). While there is one the
 * loop does not take itself for deadlocked: it waits to be asked for something. Both take NULL.
 */
CORO_API coro_loop *coro_loop_retain(coro_loop *loop);
CORO_API void coro_loop_release(coro_loop *loop);

/*
 * Has the loop call fn(arg), as coro_call_soon() does, and wakes it for that. The calls of a thread
 * come in their order. loop.call_soon_threadsafe().
 *
 * Returns 0, -EINVAL if fn or the loop is NULL, -ENOMEM, or -ESHUTDOWN if the loop has ended. If it
 * ends before it has come to it, fn is not called.
 */
CORO_API int coro_call_soon_threadsafe(coro_loop *loop, coro_call_fn *fn, void *arg);

/*
 * The result of a task for threads other than its loop's. A call that takes one takes NULL, too,
 * which stands for one that could not be created. concurrent.futures.Future.
 */
typedef struct coro_concurrent_future coro_concurrent_future;

/*
 * Has the loop run fn(arg) as a task. asyncio.run_coroutine_threadsafe().
 *
 * Returns a reference that the caller gives up with coro_concurrent_release(); NULL without memory,
 * fn or loop. If the loop has ended, or is about to, the result is -ESHUTDOWN.
 */
CORO_API CORO_NODISCARD coro_concurrent_future *
coro_run_coroutine_threadsafe(coro_loop *loop, coro_fn *fn, void *arg);

CORO_API coro_concurrent_future *coro_concurrent_retain(coro_concurrent_future *future);
CORO_API void coro_concurrent_release(coro_concurrent_future *future);

/*
 * Waits until the task has ended, at most for the timeout; CORO_FOREVER is no limit, and one <= 0
 * only looks. It blocks the thread, and with it the loop that the thread may run: a task waits with
 * coro_wrap_future(). Future.result().
 *
 * Returns the status of the task, with its value in *value where that is not NULL, or
 *   -ETIMEDOUT  it has not ended; coro_concurrent_done() tells this from a task that failed so
 *   -EDEADLK    it has not ended, and the calling thread is the one that runs it
 *   -ENOMEM     the future is NULL
 */
CORO_API int coro_concurrent_result(coro_concurrent_future *future, coro_duration timeout,
                                    void **value);

/* The text of a failed task's error; NULL if it has not failed. Valid while there is a reference.
 * Future.exception(). */
CORO_API const char *coro_concurrent_error_message(coro_concurrent_future *future);

/* Whether there is a result, and whether it is that it was cancelled. Future.done(), cancelled().
 */
CORO_API bool coro_concurrent_done(coro_concurrent_future *future);
CORO_API bool coro_concurrent_cancelled(coro_concurrent_future *future);

/* Cancels the future at once, and requests cancellation of its task. Returns whether there was no
 * result yet. Future.cancel(). */
CORO_API bool coro_concurrent_cancel(coro_concurrent_future *future);

/*
 * A future of this thread's loop that gets the result of a concurrent one, to wait for it as a task
 * does. A cancel of either cancels the other. asyncio.wrap_future().
 *
 * Returns a reference that the caller gives up with coro_join() or coro_release(); NULL without
 * memory, future or loop.
 */
CORO_API CORO_NODISCARD coro_future *coro_wrap_future(coro_concurrent_future *future);

#ifdef __cplusplus
}
#endif

#endif
