/* SPDX-License-Identifier: MIT */
/* A benchmark of libcoro: its rows run in the main task. BENCH_MAIN(rows) is its main(). */
#ifndef BENCH_CORO_H
#define BENCH_CORO_H

#include "bench.h"

#include <coro.h>

static inline void bench_must(int rc, const char *what)
{
    bench_check(rc >= 0, what);
}

/* What the column of libcoro stands for. */
static inline const char *bench_about(void)
{
    static char text[100];
    snprintf(text, sizeof text, "libcoro %s, stacks of 64 KiB with guard pages, timer slack 1 ms",
             coro_version());
    return text;
}

/* A task that nobody holds a reference to. */
static inline void bench_spawn(coro_fn *fn, void *arg)
{
    coro_task *task = coro_create_task(fn, arg);
    bench_check(task != NULL, "coro_create_task");
    coro_release(task);
}

/* Stacks are as large as those of the peers, and timers may be as late: they sleep by milliseconds.
 */
static inline int bench_coro_run(coro_fn *fn, void *arg)
{
    const coro_run_options options = {.stack_size = (size_t)64 * 1024,
                                      .timer_slack = CORO_MILLISECOND};
    return coro_run_with(&options, fn, arg) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define BENCH_MAIN(rows)                                                         \
    static int bench_all(void *argv)                                             \
    {                                                                            \
        return bench_run((char **)argv, bench_about(), rows, BENCH_COUNT(rows)); \
    }                                                                            \
    int main(int argc, char **argv)                                              \
    {                                                                            \
        (void)argc;                                                              \
        return bench_coro_run(bench_all, argv);                                  \
    }

#endif
