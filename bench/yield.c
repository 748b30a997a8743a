/* SPDX-License-Identifier: MIT */
/*
 * Tasks that all yield, again and again. The main task is one of them: between two of its yields
 * each of the others has yielded once.
 */
#include "bench_coro.h"

enum { YIELDS = 2000000 };

static bool stopped;
static size_t started, ended, most, fewest;

/* All yield from this place: a processor predicts where a call returns to by where the last one was
 * made, and so wrongly for two places. */
static __attribute__((noinline)) size_t yield_while(bool forever, size_t rounds)
{
    size_t yields = 0;
    for (; forever ? !stopped : yields < rounds; yields++)
        coro_yield();
    return yields;
}

/* What the caller does until it is stopped; notes how often. */
static void yield_until_stopped(void)
{
    started++;
    const size_t yields = yield_while(true, 0);
    most = yields > most ? yields : most;
    fewest = yields < fewest ? yields : fewest;
    ended++;
}

static int yields_at_once(void *arg)
{
    (void)arg;
    bench_touch_stack();
    yield_until_stopped();
    return 0;
}

/* The argument is an event: the order in which these are set is the one in which the tasks run. */
static int yields_when_set(void *arg)
{
    bench_touch_stack();
    const int rc = coro_event_wait(arg);
    yield_until_stopped();
    return rc;
}

static void yields_there(size_t rounds)
{
    yield_while(false, rounds);
}

static void yields_elsewhere(size_t rounds)
{
    for (size_t i = 0; i < rounds; i++)
        coro_yield();
}

/* Everybody else is there and yields. */
static void measure(const struct bench_row *row, void (*measured)(size_t rounds))
{
    const size_t rounds = bench_rounds(YIELDS, row->count);
    for (size_t i = 0; i < 2; i++)
        coro_yield();
    bench_check(started == row->count - 1, "all yield");
    const double began = bench_now();
    measured(rounds);
    const double taken = bench_now() - began;
    stopped = true;
    while (ended < row->count - 1)
        coro_yield();
    bench_check(most - fewest <= 2 && fewest >= rounds, "all yield alike");
    bench_print(row, taken / (double)rounds / (double)row->count, "ns");
}

static void begin(void)
{
    stopped = false;
    started = ended = most = 0;
    fewest = (size_t)-1;
}

static void in_order(const struct bench_row *row)
{
    begin();
    for (size_t i = 1; i < row->count; i++)
        bench_spawn(yields_at_once, NULL);
    measure(row, yields_there);
}

static void from_two_places(const struct bench_row *row)
{
    begin();
    for (size_t i = 1; i < row->count; i++)
        bench_spawn(yields_at_once, NULL);
    measure(row, yields_elsewhere);
}

static void shuffled(const struct bench_row *row)
{
    begin();
    coro_event *events = calloc(row->count, sizeof *events);
    size_t *order = bench_shuffled(row->count - 1);
    bench_check(events && order, "memory");
    for (size_t i = 1; i < row->count; i++)
        bench_spawn(yields_when_set, &events[i - 1]);
    coro_yield();
    for (size_t i = 1; i < row->count; i++)
        bench_must(coro_event_set(&events[order[i - 1]]), "coro_event_set");
    measure(row, yields_there);
    free(order);
    free(events);
}

static const struct bench_row rows[] = {
    {"yield, 2 tasks", in_order, 2, NULL, false},
    {"yield, 2 tasks, 2 places", from_two_places, 2, "where a return would be mispredicted", false},
    {"yield, 1,000 tasks", in_order, 1000, NULL, false},
    {"yield, 100,000 tasks", in_order, 100000, NULL, false},
    {"yield, 100,000 tasks, shuffled", shuffled, 100000, "in an order random in memory", false},
    {"yield, 1,000,000 tasks", in_order, 1000000, NULL, true},
};

BENCH_MAIN(rows)
