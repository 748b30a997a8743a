/* SPDX-License-Identifier: MIT */
/* From another thread to the loop and back, and from a task to another thread and back. */
#include "bench_coro.h"

#include <pthread.h>
#include <semaphore.h>

enum { TRIPS = 20000, WARM_UP = 100 };

static sem_t answered;
static size_t calls;
static double taken;

static void on_call(void *arg)
{
    (void)arg;
    calls++;
    sem_post(&answered);
}

static void finish(void *arg)
{
    coro_set_result(arg, 0, NULL);
}

static coro_future *finished;

static void *asks(void *arg)
{
    coro_loop *loop = arg;
    double began = 0;
    for (size_t i = 0; i < TRIPS + WARM_UP; i++) {
        if (i == WARM_UP)
            began = bench_now();
        bench_must(coro_call_soon_threadsafe(loop, on_call, NULL), "coro_call_soon_threadsafe");
        while (sem_wait(&answered) < 0)
            ;
    }
    taken = bench_now() - began;
    bench_must(coro_call_soon_threadsafe(loop, finish, finished), "coro_call_soon_threadsafe");
    coro_loop_release(loop);
    return NULL;
}

static void call_soon_threadsafe(const struct bench_row *row)
{
    pthread_t thread;
    finished = coro_create_future();
    bench_check(sem_init(&answered, 0, 0) == 0, "sem_init");
    coro_loop *loop = coro_loop_retain(coro_current_loop());
    bench_check(pthread_create(&thread, NULL, asks, loop) == 0, "pthread_create");
    bench_must(coro_join(finished, NULL), "coro_join");
    pthread_join(thread, NULL);
    bench_print(row, taken / TRIPS, "ns");
}

static int does_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void to_thread(const struct bench_row *row)
{
    double began = 0;
    for (size_t i = 0; i < TRIPS + WARM_UP; i++) {
        if (i == WARM_UP)
            began = bench_now();
        bench_must(coro_to_thread(does_nothing, NULL), "coro_to_thread");
    }
    bench_print(row, (bench_now() - began) / TRIPS, "ns");
}

static const struct bench_row rows[] = {
    {"call_soon_threadsafe round trip", call_soon_threadsafe, 0, NULL, false},
    {"to_thread round trip", to_thread, 0, NULL, false},
};

BENCH_MAIN(rows)
