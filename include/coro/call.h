/* SPDX-License-Identifier: MIT */
/*
 * Callbacks by the loop: functions that are called in a later pass, soon or at some time. They are
 * called by the loop and not by a task: they must not wait, and what waits returns -EPERM in them.
 */
#ifndef CORO_CALL_H
#define CORO_CALL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void coro_call_fn(void *arg);

/* Stands for a callback that was scheduled, to cancel it. It may outlive the callback and the loop;
 * there is nothing to release. Its fields belong to the library. asyncio.Handle. */
typedef struct coro_handle {
    struct coro__cell *cell;
    uint64_t number;
} coro_handle;

/*
 * Has fn(arg) called in the next pass, after everything that is ready already. handle may be NULL.
 * loop.call_soon().
 *
 * Returns 0, -EINVAL if fn is NULL, -EPERM outside a loop, or -ENOMEM; *handle then stands for
 * nothing.
 */
CORO_API int coro_call_soon(coro_call_fn *fn, void *arg, coro_handle *handle);

/*
 * Has fn(arg) called when at least this long has passed; callbacks for the same time are called in
 * the order in which they were scheduled. A delay <= 0 comes after what is ready already.
 * loop.call_later(). Returns as coro_call_soon().
 */
CORO_API int coro_call_later(coro_duration delay, coro_call_fn *fn, void *arg, coro_handle *handle);

/* coro_call_later() with a point in time on coro_now()'s clock; CORO_FOREVER is never.
 * loop.call_at(). */
CORO_API int coro_call_at(coro_time when, coro_call_fn *fn, void *arg, coro_handle *handle);

/*
 * Takes a callback back. Returns whether it was still to be called; not if it has been called or
 * cancelled, or in another loop. Handle.cancel().
 */
CORO_API bool coro_handle_cancel(const coro_handle *handle);

/* When the callback is to be called; CORO_FOREVER if it is not to be called any more, and the time
 * of scheduling for coro_call_soon(). TimerHandle.when(). */
CORO_API coro_time coro_handle_when(const coro_handle *handle);

#ifdef __cplusplus
}
#endif

#endif
