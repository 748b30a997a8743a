/* SPDX-License-Identifier: MIT */
/* Cancelling tasks that sleep, up to their ends. */
#include "bench_coro.h"

#include <errno.h>

enum { ROUNDS = 10 };

static int sleeps(void *arg)
{
    bench_touch_stack();
    return coro_sleep(3600 * CORO_SECOND + (coro_duration)(size_t)arg);
}

static void cancel_sleeping(const struct bench_row *row)
{
    coro_task **tasks = calloc(row->count, sizeof *tasks);
    bench_check(tasks != NULL, "memory");
    double taken = 0;
    for (size_t round = 0; round <= ROUNDS; round++) {
        for (size_t i = 0; i < row->count; i++)
            tasks[i] = coro_create_task(sleeps, (void *)(i * 7919 % row->count));
        coro_yield();
        const double began = bench_now();
        for (size_t i = 0; i < row->count; i++)
            coro_cancel(tasks[i]);
        for (size_t i = 0; i < row->count; i++)
            bench_check(coro_join(tasks[i], NULL) == -ECANCELED, "coro_cancel");
        if (round > 0)
            taken += bench_now() - began;
    }
    bench_print(row, taken / ROUNDS / (double)row->count, "ns");
    free(tasks);
}

static const struct bench_row rows[] = {
    {"cancel a sleeping task", cancel_sleeping, 10000, "one of 10,000; up to its end", false},
};

BENCH_MAIN(rows)
