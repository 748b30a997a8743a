/* SPDX-License-Identifier: MIT */
/*
 * A million tasks asleep at once, each on a stack with a guard page, that wake over a second: how
 * long that takes, what memory it takes, and whether they wake in the order of their deadlines. The
 * first touch of a page, which each of them costs, stands beside it. An argument is another number
 * of tasks. Prints name, value and unit, separated by tabs.
 */
#include "bench_coro.h"

enum { LONGEST_MS = 1000 };

static size_t count = 1000000;
static coro_future *all_there;
static coro_time first_deadline;
static coro_time last_deadline; /* of those that woke */
static size_t asleep, woken, out_of_order, failed;

static void print(const char *name, double value, const char *unit)
{
    printf("%s\t%.2f\t%s\n", name, value, unit);
}

static int sleeper(void *arg)
{
    const size_t number = (size_t)arg;
    asleep++;
    coro_await(all_there, NULL);
    const coro_time deadline =
        first_deadline + (coro_time)(number * 7919 % LONGEST_MS) * CORO_MILLISECOND;
    const int rc = coro_sleep(deadline - coro_now());
    woken++;
    failed += rc < 0;
    out_of_order += deadline < last_deadline;
    last_deadline = deadline;
    return rc;
}

/* Returns how long it took. */
static coro_duration create_all(void)
{
    const double memory = bench_kib("VmRSS:");
    const double tables = bench_kib("VmPTE:");
    const double began = bench_now();
    for (size_t i = 0; i < count; i++) {
        coro_task *task = coro_create_task(sleeper, (void *)i);
        failed += !task;
        coro_release(task);
    }
    while (asleep + failed < count)
        coro_yield();
    const double ended = bench_now();
    print("create and park", (ended - began) / (double)count, "ns each");
    print("resident memory", (bench_kib("VmRSS:") - memory) / (double)count, "KiB each");
    print("page tables", (bench_kib("VmPTE:") - tables) / (double)count, "KiB each");
    return (coro_duration)(ended - began);
}

static int sleepers(void *arg)
{
    (void)arg;
    all_there = coro_create_future();
    const coro_duration creation = create_all();
    /* Time enough for all to start their timers. */
    first_deadline = coro_now() + creation / 2;
    coro_set_result(all_there, 0, NULL);
    while (woken + failed < count)
        coro_sleep(CORO_MILLISECOND);
    coro_release(all_there);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        count = strtoul(argv[1], NULL, 10);
    print("first touch of a page",
          bench_first_touch(count < 20000 ? count : 20000, (size_t)256 * 1024), "ns each");
    const double cpu = bench_cpu(), began = bench_now();
    const int rc = coro_run(sleepers, NULL);
    print("woken", (double)woken, "tasks");
    print("woken before an earlier deadline", (double)out_of_order, "tasks");
    print("peak memory", bench_peak_mib(), "MiB");
    print("CPU in all", (bench_cpu() - cpu) / 1e9, "s");
    print("time in all", (bench_now() - began) / 1e9, "s");
    return rc < 0 || failed > 0 || woken != count;
}
