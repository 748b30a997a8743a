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
    static char text[80];
    snprintf(text, sizeof text, "libcoro %s, stacks of 256 KiB with guard pages", coro_version());
    return text;
}

/* A task that nobody holds a reference to. */
static inline void bench_spawn(coro_fn *fn, void *arg)
{
    coro_task *task = coro_create_task(fn, arg);
    bench_check(task != NULL, "coro_create_task");
    coro_release(task);
}

#define BENCH_MAIN(rows)                                                         \
    static int bench_all(void *argv)                                             \
    {                                                                            \
        return bench_run((char **)argv, bench_about(), rows, BENCH_COUNT(rows)); \
    }                                                                            \
    int main(int argc, char **argv)                                              \
    {                                                                            \
        (void)argc;                                                              \
        return coro_run(bench_all, argv) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;     \
    }

#endif
