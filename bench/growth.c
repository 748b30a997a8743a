/* SPDX-License-Identifier: MIT */
/*
 * What an operation costs as the number of tasks grows. The first argument names the operation:
 * each is a column of its own, for `make bench-growth`. On the virtual clock, so that sleeping
 * costs what the timers cost, and no time passes.
 */
#include "bench_coro.h"

#include <errno.h>

enum { OPERATIONS = 500000 };

static coro_task **tasks;
static size_t arrived, left, rounds;
static bool stopped;

static void create(const struct bench_row *row, coro_fn *fn)
{
    for (size_t i = 0; i < row->count; i++)
        tasks[i] = coro_create_task(fn, (void *)i);
}

static void join(const struct bench_row *row, int expected)
{
    for (size_t i = 0; i < row->count; i++)
        bench_check(coro_join(tasks[i], NULL) == expected, "coro_join");
}

static void begin(const struct bench_row *row)
{
    rounds = bench_rounds(OPERATIONS, row->count) + 1;
    arrived = left = 0;
    stopped = false;
    tasks = calloc(row->count, sizeof *tasks);
    bench_check(tasks != NULL, "memory");
}

static void end(const struct bench_row *row, double taken)
{
    free(tasks);
    bench_print(row, taken / (double)rounds / (double)row->count, "ns");
}

/* The main task yields between two rounds of the others, and is not counted. */
static int yields(void *arg)
{
    (void)arg;
    bench_touch_stack();
    while (!stopped)
        coro_yield();
    return 0;
}

static void yield(const struct bench_row *row)
{
    begin(row);
    create(row, yields);
    coro_yield();
    coro_yield();
    const double began = bench_now();
    for (size_t i = 0; i < rounds; i++)
        coro_yield();
    const double taken = bench_now() - began;
    stopped = true;
    join(row, 0);
    end(row, taken);
}

static int yields_once(void *arg)
{
    (void)arg;
    bench_touch_stack();
    return coro_yield();
}

static void create_and_join(const struct bench_row *row)
{
    double began = 0;
    begin(row);
    for (size_t i = 0; i <= rounds; i++) {
        if (i == 1)
            began = bench_now();
        create(row, yields_once);
        join(row, 0);
    }
    end(row, bench_now() - began);
}

static coro_event gate;

static int sleeps_often(void *arg)
{
    bench_touch_stack();
    arrived++;
    int rc = coro_event_wait(&gate);
    for (size_t i = 0; i < rounds && rc == 0; i++)
        rc = coro_sleep((coro_duration)bench_sleep_ms((size_t)arg + i) * CORO_MILLISECOND);
    left++;
    return rc;
}

/* From the opening of the gate until all have slept that often. */
static void sleep_scattered(const struct bench_row *row)
{
    begin(row);
    create(row, sleeps_often);
    while (arrived < row->count)
        coro_yield();
    const double began = bench_now();
    bench_must(coro_event_set(&gate), "coro_event_set");
    join(row, 0);
    end(row, bench_now() - began);
    bench_check(left == row->count, "all have slept");
}

static int sleeps(void *arg)
{
    bench_touch_stack();
    return coro_sleep(3600 * CORO_SECOND + (coro_duration)bench_sleep_ms((size_t)arg));
}

static void cancel(const struct bench_row *row)
{
    double taken = 0;
    begin(row);
    for (size_t i = 0; i <= rounds; i++) {
        create(row, sleeps);
        coro_yield();
        const double began = bench_now();
        for (size_t k = 0; k < row->count; k++)
            coro_cancel(tasks[k]);
        join(row, -ECANCELED);
        if (i > 0)
            taken += bench_now() - began;
    }
    end(row, taken);
}

/* The rows of an operation. */
#define ROWS(fn)                                                                              \
    {                                                                                         \
        {"10 tasks", fn, 10, NULL, false}, {"100 tasks", fn, 100, NULL, false},               \
            {"1,000 tasks", fn, 1000, NULL, false}, {"10,000 tasks", fn, 10000, NULL, false}, \
            {"100,000 tasks", fn, 100000, NULL, false},                                       \
            {"1,000,000 tasks", fn, 1000000, NULL, true},                                     \
    }

enum { SIZES = 6 };

static const struct {
    const char *name;
    struct bench_row rows[SIZES];
} operations[] = {
    {"yield", ROWS(yield)},
    {"create+join", ROWS(create_and_join)},
    {"sleep", ROWS(sleep_scattered)},
    {"cancel", ROWS(cancel)},
};

static int growth_main(void *arg)
{
    char **argv = arg;
    for (size_t i = 0; i < BENCH_COUNT(operations); i++)
        if (strcmp(argv[0], operations[i].name) == 0)
            return bench_run(argv, bench_about(), operations[i].rows, SIZES);
    return -ENOENT;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s yield|create+join|sleep|cancel [ROW...]\n", argv[0]);
        return EXIT_FAILURE;
    }
    return bench_coro_run(true, growth_main, argv + 1);
}
