/* SPDX-License-Identifier: MIT */
/*
 * Runners: one loop for several main tasks, one after another. asyncio.Runner.
 *
 *     coro_runner *runner = coro_runner_create(NULL);
 *     int rc = coro_runner_run(runner, set_up, &server);
 *     if (rc == 0)
 *         rc = coro_runner_run(runner, serve, &server);
 *     coro_runner_close(runner);
 */
#ifndef CORO_RUNNER_H
#define CORO_RUNNER_H

#include "base.h"
#include "loop.h"
#include "threadsafe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A loop that is kept over several runs, and used in the thread that has created it. */
typedef struct coro_runner coro_runner;

/* A runner with the options of its loop; NULL is the default of each. Returns NULL without memory
 * or file descriptors, or for options that cannot be met. asyncio.Runner(). */
CORO_API CORO_NODISCARD coro_runner *coro_runner_create(const coro_run_options *options);

/*
 * Runs fn(arg) as a main task until it ends. Other tasks stay as they are, and go on in the next
 * run. Its task-locals are those that the main task before it had at its end. Runner.run().
 *
 * Returns as coro_run(), or -EXDEV in a thread that has not created the runner. A NULL runner is
 * one that could not be created: -ENOMEM.
 */
CORO_API int coro_runner_run(coro_runner *runner, coro_fn *fn, void *arg);

/* Its loop, borrowed, also while it does not run. Runner.get_loop(). */
CORO_API coro_loop *coro_runner_get_loop(coro_runner *runner);

/*
 * Cancels all tasks that are left, together, waits until none is, and frees the runner. NULL is
 * none. Runner.close().
 *
 * Returns 0, or -EDEADLK if tasks refused the cancel and waited for ever. Or, and then nothing has
 * happened, -EPERM while this thread runs a loop, or -EXDEV in a thread that has not created it.
 */
CORO_API int coro_runner_close(coro_runner *runner);

#ifdef __cplusplus
}
#endif

#endif
