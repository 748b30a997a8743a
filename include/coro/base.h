/* SPDX-License-Identifier: MIT */
/*
 * What every other header uses: results, durations and the type of a task function.
 *
 * Results. A call that returns int returns a value >= 0 for success and a negative errno for
 * failure. errno itself is never set by the library, and each task keeps its own across switches.
 *
 * -ECANCELED from a call that waits means that the caller was cancelled or that what it awaited
 * was; coro_cancelling(coro_current_task()) and coro_cancelled(t) tell which.
 *
 * Calls that wait can be made only by a task; from anywhere else they return -EPERM. Each thread
 * has a loop of its own, and what belongs to a loop is used only in its thread.
 *
 * NULL where a task or future is expected stands for one that could not be created: it is done,
 * and its result is -ENOMEM. coro_await(coro_create_task(f, a), NULL) is therefore safe to write.
 */
#ifndef CORO_BASE_H
#define CORO_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CORO_API                   __attribute__((visibility("default")))
#define CORO_NODISCARD             __attribute__((warn_unused_result))
#define CORO_PRINTF(string, first) __attribute__((format(printf, string, first)))
#else
#define CORO_API
#define CORO_NODISCARD
#define CORO_PRINTF(string, first)
#endif

#define CORO_VERSION_MAJOR 0
#define CORO_VERSION_MINOR 1
#define CORO_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

/* A task, or a future: one type, two names. A task is the future of its function's result. */
typedef struct coro_task coro_task;
typedef coro_task coro_future;

/*
 * What a task runs: asyncio's `async def`. Calling one from another is `await f(arg)`. The value
 * that it returns is the result of the task: >= 0, or a negative errno. A task whose function
 * returns -ECANCELED ended cancelled.
 */
typedef int coro_fn(void *arg);

/* A length of time in nanoseconds. */
typedef int64_t coro_duration;

/* A point in time in nanoseconds on the clock that coro_now() reads. */
typedef int64_t coro_time;

#define CORO_MICROSECOND INT64_C(1000)
#define CORO_MILLISECOND INT64_C(1000000)
#define CORO_SECOND      INT64_C(1000000000)

/* As a duration: no limit. As a point in time: never. */
#define CORO_FOREVER INT64_MAX

/* The version of the library that the program runs with, such as "0.1.0". */
CORO_API const char *coro_version(void);

#ifdef __cplusplus
}
#endif

#endif
