/* SPDX-License-Identifier: MIT */
/*
 * Threads for what would block the loop: a computation, a library that knows only blocking calls.
 * The threads are the loop's own: started when they are needed, up to a limit
 * (coro_run_options.threads), and joined at its end.
 */
#ifndef CORO_THREAD_H
#define CORO_THREAD_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Options of a call in a thread. All zero is the default of each; so is a NULL for the whole. */
typedef struct coro_thread_options {
    /* Copies arg_size bytes from arg and hands the copy to fn, so that the caller's need not live
     * on after a cancel. Aligned as by malloc(). */
    size_t arg_size;
    /* A cancel does not end the call before fn has ended, unless fn has not begun: what fn uses may
     * then lie on the caller's stack. */
    bool wait_on_cancel;
} coro_thread_options;

/*
 * Calls fn(arg) in another thread and waits until it has ended; other tasks run meanwhile.
 * asyncio.to_thread().
 *
 * There fn finds copies of the caller's task-locals, and no loop: what waits returns -EPERM. The
 * message of coro_fail() and the value of coro_return() are then the caller's, as if it had called
 * fn plainly. fn may run a loop of its own with coro_run(). All signals but those of faults
 * are blocked.
 *
 * Returns what fn returned, or
 *   -ECANCELED  the caller was cancelled. If fn has not begun it never will. If it has, it runs on,
 *               its result is dropped, and what arg points to must be there until it has ended:
 *               see the options. The run does not end before it has.
 *   -EINVAL     fn is NULL, or arg is and has an arg_size
 *   -EPERM      the caller is no task
 *   -EAGAIN     there is no thread and none could be started
 *   -ENOMEM     without memory
 */
CORO_API int coro_to_thread(coro_fn *fn, void *arg);

/* coro_to_thread() with options; NULL is the default of each. */
CORO_API int coro_to_thread_with(const coro_thread_options *options, coro_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif
