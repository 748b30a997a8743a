/* SPDX-License-Identifier: MIT */
/* Callbacks by the loop: of futures that are done, and plain ones. */
#include "bench_coro.h"

enum { ROUNDS = 500 };

static size_t called;

static void on_done(coro_task *task, void *arg)
{
    (void)task, (void)arg;
    called++;
}

/* A future from its creation to its end, with a callback. */
static void done_callback(const struct bench_row *row)
{
    coro_future **futures = calloc(row->count, sizeof *futures);
    bench_check(futures != NULL, "memory");
    double began = 0;
    for (size_t round = 0; round <= ROUNDS; round++) {
        if (round == 1)
            began = bench_now();
        for (size_t i = 0; i < row->count; i++) {
            futures[i] = coro_create_future();
            bench_must(coro_add_done_callback(futures[i], on_done, NULL), "callback");
        }
        for (size_t i = 0; i < row->count; i++)
            bench_must(coro_set_result(futures[i], 0, NULL), "coro_set_result");
        coro_yield();
        for (size_t i = 0; i < row->count; i++)
            coro_release(futures[i]);
    }
    bench_print(row, (bench_now() - began) / ROUNDS / (double)row->count, "ns");
    bench_check(called == (ROUNDS + 1) * row->count, "all are called");
    free(futures);
}

static void on_call(void *arg)
{
    (void)arg;
    called++;
}

static void call_soon(const struct bench_row *row)
{
    double began = 0;
    called = 0;
    for (size_t round = 0; round <= ROUNDS; round++) {
        if (round == 1)
            began = bench_now();
        for (size_t i = 0; i < row->count; i++)
            bench_must(coro_call_soon(on_call, NULL, NULL), "coro_call_soon");
        coro_yield();
    }
    bench_print(row, (bench_now() - began) / ROUNDS / (double)row->count, "ns");
    bench_check(called == (ROUNDS + 1) * row->count, "all are called");
}

static const struct bench_row rows[] = {
    {"done callback", done_callback, 1000, "with the future that it waits for", false},
    {"call_soon", call_soon, 1000, NULL, false},
};

BENCH_MAIN(rows)
