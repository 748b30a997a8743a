/* SPDX-License-Identifier: MIT */
/* Tasks that sleep, timers that call a function, and those that are stopped before. */
#include "bench_coro.h"

enum { TIMERS = 1000000 };

static size_t left;
static coro_event all_done;

static void expect(size_t count)
{
    left = count;
    coro_event_clear(&all_done);
}

static void count_down(void)
{
    if (--left == 0)
        coro_event_set(&all_done);
}

static int sleeps(void *arg)
{
    bench_touch_stack();
    const int rc = coro_sleep((coro_duration)bench_sleep_ms((size_t)arg) * CORO_MILLISECOND);
    bench_must(rc, "coro_sleep");
    count_down();
    return rc;
}

static void sleepers(const struct bench_row *row)
{
    const double cpu = bench_cpu(), time = bench_now();
    expect(row->count);
    for (size_t i = 0; i < row->count; i++)
        bench_spawn(sleeps, (void *)i);
    bench_must(coro_event_wait(&all_done), "coro_event_wait");
    bench_print_sleepers(row, cpu, time);
}

static void on_time(void *arg)
{
    (void)arg;
    count_down();
}

static void timers(const struct bench_row *row)
{
    const double cpu = bench_cpu(), time = bench_now();
    expect(row->count);
    for (size_t i = 0; i < row->count; i++)
        bench_must(coro_call_later((coro_duration)bench_sleep_ms(i) * CORO_MILLISECOND, on_time,
                                   NULL, NULL),
                   "coro_call_later");
    bench_must(coro_event_wait(&all_done), "coro_event_wait");
    bench_print_sleepers(row, cpu, time);
}

static coro_handle start_timer(size_t i)
{
    const coro_duration delay = 3600 * CORO_SECOND + (coro_duration)bench_sleep_ms(i) * 1000;
    coro_handle handle;
    bench_must(coro_call_later(delay, on_time, NULL, &handle), "coro_call_later");
    return handle;
}

static void insert_and_cancel(const struct bench_row *row)
{
    coro_handle *pending = calloc(row->count, sizeof *pending);
    bench_check(pending != NULL, "memory");
    for (size_t i = 0; i < row->count; i++)
        pending[i] = start_timer(i);
    const double began = bench_now();
    for (size_t i = 0; i < TIMERS; i++) {
        const coro_handle handle = start_timer(i * 31);
        bench_check(coro_handle_cancel(&handle), "coro_handle_cancel");
    }
    bench_print(row, (bench_now() - began) / TIMERS, "ns");
    for (size_t i = 0; i < row->count; i++)
        coro_handle_cancel(&pending[i]);
    free(pending);
}

static void timeouts(const struct bench_row *row)
{
    const double began = bench_now();
    for (size_t i = 0; i < TIMERS; i++) {
        coro_timeout timeout;
        bench_must(coro_timeout_begin(&timeout, 3600 * CORO_SECOND), "coro_timeout_begin");
        bench_must(coro_timeout_end(&timeout, 0), "coro_timeout_end");
    }
    bench_print(row, (bench_now() - began) / TIMERS, "ns");
}

static const struct bench_row rows[] = {
    {"100,000 sleepers", sleepers, 100000, "of 1 to 1,000 ms, from their creation on", false},
    {"1,000,000 sleepers", sleepers, 1000000, "of 1 to 1,000 ms, from their creation on", true},
    {"100,000 timers", timers, 100000, "of 1 to 1,000 ms, which call a function", false},
    {"1,000,000 timers", timers, 1000000, "of 1 to 1,000 ms, which call a function", true},
    {"timer, insert and cancel", insert_and_cancel, 100000, "with 100,000 others pending", false},
    {"timeout that does not fire", timeouts, 0, "begin and end", false},
};

BENCH_MAIN(rows)
