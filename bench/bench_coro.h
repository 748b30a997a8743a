/* SPDX-License-Identifier: MIT */
/* A benchmark of libcoro: its rows run in the main task. BENCH_MAIN(rows) is its main(). */
#ifndef BENCH_CORO_H
#define BENCH_CORO_H

#include "bench.h"

#include <coro.h>

#include <sys/mman.h>
#include <unistd.h>

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

/* Nanoseconds that the system takes for the first touch of each of n pages at distances like those
 * of stacks of this size: what the page that each task needs would cost alone. */
static inline double bench_first_touch(size_t n, size_t stack_size)
{
    const size_t stride = stack_size + (size_t)sysconf(_SC_PAGESIZE);
    char *memory = (char *)mmap(NULL, n * stride, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    bench_check(memory != MAP_FAILED, "mmap");
    madvise(memory, n * stride, MADV_NOHUGEPAGE);
    const double began = bench_now();
    for (size_t i = 0; i < n; i++)
        *(volatile char *)(memory + i * stride) = 1;
    const double taken = bench_now() - began;
    munmap(memory, n * stride);
    return taken / (double)n;
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
static inline int bench_coro_run(bool virtual_clock, coro_fn *fn, void *arg)
{
    const coro_run_options options = {.stack_size = (size_t)64 * 1024,
                                      .timer_slack = CORO_MILLISECOND,
                                      .virtual_clock = virtual_clock};
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
        return bench_coro_run(false, bench_all, argv);                           \
    }

#endif
