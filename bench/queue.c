/* SPDX-License-Identifier: MIT */
/* Items from one task to another, through a queue. */
#include "bench_coro.h"

enum { TRIPS = 500000 };

static coro_queue *there, *back;

static int echoes(void *arg)
{
    void *item;
    int rc = 0;
    bench_touch_stack();
    for (size_t n = *(size_t *)arg; n > 0 && rc == 0; n--) {
        rc = coro_queue_get(there, &item);
        if (rc == 0)
            rc = coro_queue_put(back, item);
    }
    return rc;
}

static coro_queue *queue_of(size_t size)
{
    const coro_queue_options options = {.maxsize = size};
    coro_queue *queue = coro_queue_create(&options);
    bench_check(queue != NULL, "coro_queue_create");
    return queue;
}

/* A queue has no capacity 0: at 1 each item still waits for its task. */
static void ping_pong(const struct bench_row *row)
{
    size_t trips = TRIPS;
    there = queue_of(row->count);
    back = queue_of(row->count);
    coro_task *task = coro_create_task(echoes, &trips);
    void *item = &trips;
    coro_yield();
    const double began = bench_now();
    for (size_t i = 0; i < TRIPS; i++) {
        bench_must(coro_queue_put(there, item), "put");
        bench_must(coro_queue_get(back, &item), "get");
    }
    const double taken = bench_now() - began;
    bench_must(coro_join(task, NULL), "join");
    coro_queue_destroy(there);
    coro_queue_destroy(back);
    bench_print(row, taken / TRIPS / 2, "ns");
}

static int sends(void *arg)
{
    int rc = 0;
    bench_touch_stack();
    for (size_t n = *(size_t *)arg; n > 0 && rc == 0; n--)
        rc = coro_queue_put(there, arg);
    return rc;
}

static void stream(const struct bench_row *row)
{
    size_t items = 4 * TRIPS;
    void *item;
    there = queue_of(row->count);
    coro_task *task = coro_create_task(sends, &items);
    coro_yield();
    const double began = bench_now();
    for (size_t i = 0; i < 4 * TRIPS; i++)
        bench_must(coro_queue_get(there, &item), "get");
    const double taken = bench_now() - began;
    bench_must(coro_join(task, NULL), "join");
    coro_queue_destroy(there);
    bench_print(row, taken / (4 * TRIPS), "ns");
}

static const struct bench_row rows[] = {
    {"queue ping-pong, unbuffered", ping_pong, 1, "one way", false},
    {"queue ping-pong, buffered", ping_pong, BENCH_QUEUE_CAPACITY, "one way", false},
    {"queue stream, buffered", stream, BENCH_QUEUE_CAPACITY, "an item", false},
};

BENCH_MAIN(rows)
