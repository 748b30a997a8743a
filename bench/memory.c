/* SPDX-License-Identifier: MIT */
/* The memory of a task that waits, with its stack and guard page, and its share of page tables. */
#include "bench_coro.h"

static size_t parked;

static int parks(void *arg)
{
    bench_touch_stack();
    parked++;
    return coro_event_wait(arg);
}

static void memory(const struct bench_row *row)
{
    coro_event event = CORO_EVENT_INITIALIZER;
    const double rss = bench_kib("VmRSS:"), tables = bench_kib("VmPTE:");
    parked = 0;
    for (size_t i = 0; i < row->count; i++)
        bench_spawn(parks, &event);
    while (parked < row->count)
        coro_yield();
    bench_print_memory(row, rss, tables);
    bench_must(coro_event_set(&event), "coro_event_set");
    coro_yield();
}

static const struct bench_row rows[] = {
    {"memory, 10,000 parked tasks", memory, 10000, "each", false},
    {"memory, 100,000 parked tasks", memory, 100000, "each", false},
    {"memory, 1,000,000 parked tasks", memory, 1000000, "each", true},
};

BENCH_MAIN(rows)
