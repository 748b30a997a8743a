/* SPDX-License-Identifier: MIT */
/* Creating tasks and joining them: one at a time, and many that live at the same time. */
#include "bench_coro.h"

enum { ONE_BY_ONE = 500000, ROUNDS_HOT = 30 };

static int ends(void *arg)
{
    (void)arg;
    bench_touch_stack();
    return 0;
}

static void one_at_a_time(const struct bench_row *row)
{
    double began = 0;
    for (size_t i = 0; i < ONE_BY_ONE + 1000; i++) {
        if (i == 1000)
            began = bench_now();
        bench_must(coro_join(coro_create_task(ends, NULL), NULL), "coro_join");
    }
    bench_print(row, (bench_now() - began) / ONE_BY_ONE, "ns");
}

/* All have started before the first one ends. */
static int yields_once(void *arg)
{
    (void)arg;
    bench_touch_stack();
    return coro_yield();
}

static coro_task **room_for(const struct bench_row *row)
{
    coro_task **tasks = calloc(row->count, sizeof *tasks);
    bench_check(tasks != NULL, "memory");
    return tasks;
}

static void create_and_join(coro_task **tasks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tasks[i] = coro_create_task(yields_once, NULL);
    for (size_t i = 0; i < count; i++)
        bench_must(coro_join(tasks[i], NULL), "coro_join");
}

static void first_touch(const struct bench_row *row)
{
    bench_print(row, bench_first_touch(row->count, (size_t)64 * 1024), "ns");
}

static void cold(const struct bench_row *row)
{
    coro_task **tasks = room_for(row);
    const double began = bench_now();
    create_and_join(tasks, row->count);
    bench_print(row, (bench_now() - began) / (double)row->count, "ns");
    free(tasks);
}

static void hot(const struct bench_row *row)
{
    coro_task **tasks = room_for(row);
    for (size_t i = 0; i < 3; i++)
        create_and_join(tasks, row->count);
    const double began = bench_now();
    for (size_t i = 0; i < ROUNDS_HOT; i++)
        create_and_join(tasks, row->count);
    bench_print(row, (bench_now() - began) / (double)row->count / ROUNDS_HOT, "ns");
    free(tasks);
}

/* Its processor time, as the pauses cost some, too. */
static void in_bursts(const struct bench_row *row)
{
    coro_task **tasks = room_for(row);
    create_and_join(tasks, row->count);
    const double began = bench_cpu();
    for (size_t i = 0; i < BENCH_BURSTS; i++) {
        bench_must(coro_sleep(BENCH_PAUSE_MS * CORO_MILLISECOND), "coro_sleep");
        create_and_join(tasks, row->count);
    }
    bench_print(row, (bench_cpu() - began) / (double)row->count / BENCH_BURSTS, "ns");
    free(tasks);
}

static const struct bench_row rows[] = {
    {"create and join, one at a time", one_at_a_time, 0, NULL, false},
    {"first touch of a page", first_touch, 10000, "each of 10,000, apart from the others", false},
    {"create 10,000, join all, cold", cold, 10000, "each; the first in a process", false},
    {"create 10,000, join all, hot", hot, 10000, "each; not the first", false},
    {"create 1,000, join all, in bursts", in_bursts, 1000, "each; CPU, 2 ms between bursts", false},
};

BENCH_MAIN(rows)
