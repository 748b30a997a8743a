/* SPDX-License-Identifier: MIT */
/* libuv: an event loop without tasks. Its timers and its threads are compared. */
#include "bench.h"

#include <semaphore.h>
#include <uv.h>

enum { TIMERS = 1000000, TRIPS = 20000, WARM_UP = 100 };

static uv_loop_t *loop;

/* --- timers ----------------------------------------------------------------------------------- */
static uv_timer_t *timers_of(size_t count)
{
    uv_timer_t *all = calloc(count, sizeof *all);
    bench_check(all != NULL, "memory");
    for (size_t i = 0; i < count; i++)
        uv_timer_init(loop, &all[i]);
    return all;
}

static size_t fired;

static void on_time(uv_timer_t *timer)
{
    (void)timer;
    fired++;
}

static void timers(const struct bench_row *row)
{
    const double cpu = bench_cpu(), time = bench_now();
    fired = 0;
    uv_timer_t *all = timers_of(row->count);
    uv_update_time(loop);
    for (size_t i = 0; i < row->count; i++)
        uv_timer_start(&all[i], on_time, bench_sleep_ms(i), 0);
    uv_run(loop, UV_RUN_DEFAULT);
    bench_check(fired == row->count, "all fire");
    bench_print_sleepers(row, cpu, time);
}

static void insert_and_cancel(const struct bench_row *row)
{
    uv_timer_t *all = timers_of(row->count + 1), *one = &all[row->count];
    for (size_t i = 0; i < row->count; i++)
        uv_timer_start(&all[i], on_time, 3600000 + bench_sleep_ms(i), 0);
    const double began = bench_now();
    for (size_t i = 0; i < TIMERS; i++) {
        uv_timer_start(one, on_time, 3600000 + bench_sleep_ms(i * 31), 0);
        uv_timer_stop(one);
    }
    bench_print(row, (bench_now() - began) / TIMERS, "ns");
    for (size_t i = 0; i < row->count; i++)
        uv_timer_stop(&all[i]);
}

/* --- threads ---------------------------------------------------------------------------------- */
static sem_t answered;
static uv_async_t async;
static double taken;
static size_t calls;

static void on_async(uv_async_t *handle)
{
    sem_post(&answered);
    if (++calls == TRIPS + WARM_UP)
        uv_close((uv_handle_t *)handle, NULL);
}

static void asks(void *arg)
{
    double began = 0;
    (void)arg;
    for (size_t i = 0; i < TRIPS + WARM_UP; i++) {
        if (i == WARM_UP)
            began = bench_now();
        uv_async_send(&async);
        while (sem_wait(&answered) < 0)
            ;
    }
    taken = bench_now() - began;
}

static void call_soon_threadsafe(const struct bench_row *row)
{
    uv_thread_t thread;
    bench_check(sem_init(&answered, 0, 0) == 0, "sem_init");
    uv_async_init(loop, &async, on_async);
    bench_check(uv_thread_create(&thread, asks, NULL) == 0, "uv_thread_create");
    uv_run(loop, UV_RUN_DEFAULT);
    uv_thread_join(&thread);
    bench_print(row, taken / TRIPS, "ns");
}

static size_t trips;
static double trips_began;

static void does_nothing(uv_work_t *work)
{
    (void)work;
}

static void again(uv_work_t *work, int status)
{
    bench_check(status == 0, "uv_queue_work");
    if (trips == WARM_UP)
        trips_began = bench_now();
    if (trips++ < TRIPS + WARM_UP)
        uv_queue_work(loop, work, does_nothing, again);
}

static void to_thread(const struct bench_row *row)
{
    uv_work_t work;
    trips = 0;
    again(&work, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    bench_print(row, (bench_now() - trips_began) / TRIPS, "ns");
}

static const struct bench_row rows[] = {
    {"100,000 timers", timers, 100000, NULL, false},
    {"1,000,000 timers", timers, 1000000, NULL, true},
    {"timer, insert and cancel", insert_and_cancel, 100000, NULL, false},
    {"call_soon_threadsafe round trip", call_soon_threadsafe, 0, NULL, false},
    {"to_thread round trip", to_thread, 0, NULL, false},
};

int main(int argc, char **argv)
{
    (void)argc;
    static char about[80];
    snprintf(about, sizeof about, "libuv %s, without tasks", uv_version_string());
    loop = uv_default_loop();
    return bench_run(argv, about, rows, BENCH_COUNT(rows));
}
