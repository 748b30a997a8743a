/* SPDX-License-Identifier: MIT */
/* libpcl: coroutines that are switched to by name, without a scheduler. */
#include "bench.h"

#include <pcl.h>

enum { SWITCHES = 2000000, CREATIONS = 200000, STACK = 64 * 1024 };

static void bounces(void *arg)
{
    (void)arg;
    bench_touch_stack();
    for (;;)
        co_resume();
}

static void bench_switch(const struct bench_row *row)
{
    coroutine_t coroutine = co_create(bounces, NULL, NULL, STACK);
    bench_check(coroutine != NULL, "co_create");
    co_call(coroutine);
    const double began = bench_now();
    for (size_t i = 0; i < SWITCHES; i += 2)
        co_call(coroutine);
    bench_print(row, (bench_now() - began) / SWITCHES, "ns");
    co_delete(coroutine);
}

static void ends(void *arg)
{
    (void)arg;
    bench_touch_stack();
}

static void create_one_at_a_time(const struct bench_row *row)
{
    double began = 0;
    for (size_t i = 0; i < CREATIONS + 1000; i++) {
        if (i == 1000)
            began = bench_now();
        coroutine_t coroutine = co_create(ends, NULL, NULL, STACK);
        bench_check(coroutine != NULL, "co_create");
        co_call(coroutine); /* deletes itself at its end */
    }
    bench_print(row, (bench_now() - began) / CREATIONS, "ns");
}

static const struct bench_row rows[] = {
    {"raw switch", bench_switch, 0, NULL, false},
    {"create and join, one at a time", create_one_at_a_time, 0, NULL, false},
};

int main(int argc, char **argv)
{
    (void)argc;
    if (co_thread_init() < 0)
        return EXIT_FAILURE;
    return bench_run(argv, "libpcl, stacks of 64 KiB from malloc", rows, BENCH_COUNT(rows));
}
