/* SPDX-License-Identifier: MIT */
/*
 * GNU Pth. It has no semaphores; its events are a condition variable with a mutex, and its queues
 * message ports, which have no limit. Its stacks have no guard pages. Each yield walks all that
 * are ready, and each pass all that wait, so there are no rows of more threads.
 */
#include "bench.h"

#include <pth.h>

enum {
    YIELDS = 200000,
    ONE_BY_ONE = 20000,
    ROUNDS_HOT = 1,
    TRIPS = 50000,
    UNCONTENDED = 1000000,
    CONTENDED = 50000,
};

static pth_attr_t attributes;

static pth_t spawn(void *(*fn)(void *), void *arg, bool joinable)
{
    pth_attr_set(attributes, PTH_ATTR_JOINABLE, (int)joinable);
    pth_t thread = pth_spawn(attributes, fn, arg);
    bench_check(thread != NULL, "pth_spawn");
    return thread;
}

static void join(pth_t thread)
{
    bench_check(pth_join(thread, NULL) != 0, "pth_join");
}

static void yield(void)
{
    pth_yield(NULL);
}

/* --- yield ------------------------------------------------------------------------------------ */
static bool stopped;
static size_t started, ended, all_yields;

/* All from this place: see st.c. */
static __attribute__((noinline)) void yield_up_to(size_t limit)
{
    for (; !stopped && all_yields < limit; all_yields++)
        yield();
}

/* The rounds of Pth are not strict: what counts is how many yields there were in all. */
static void *yields(void *arg)
{
    bench_touch_stack();
    started++;
    yield_up_to((size_t)-1);
    ended++;
    return arg;
}

static void yield_in_order(const struct bench_row *row)
{
    for (size_t i = 1; i < row->count; i++)
        spawn(yields, NULL, false);
    while (started < row->count - 1)
        yield();
    yield();
    all_yields = 0;
    const double began = bench_now();
    yield_up_to(YIELDS);
    const double taken = bench_now() - began;
    bench_print(row, taken / (double)all_yields, "ns");
    stopped = true;
    while (ended < row->count - 1)
        yield();
}

/* --- create ----------------------------------------------------------------------------------- */
static void *ends(void *arg)
{
    bench_touch_stack();
    return arg;
}

static void create_one_at_a_time(const struct bench_row *row)
{
    double began = 0;
    for (size_t i = 0; i < ONE_BY_ONE + 1000; i++) {
        if (i == 1000)
            began = bench_now();
        join(spawn(ends, NULL, true));
    }
    bench_print(row, (bench_now() - began) / ONE_BY_ONE, "ns");
}

static void *yields_once(void *arg)
{
    bench_touch_stack();
    yield();
    return arg;
}

static void create_and_join(pth_t *threads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        threads[i] = spawn(yields_once, NULL, true);
    for (size_t i = 0; i < count; i++)
        join(threads[i]);
}

static void create_many(const struct bench_row *row, size_t warm_up, size_t rounds)
{
    pth_t *threads = calloc(row->count, sizeof *threads);
    bench_check(threads != NULL, "memory");
    for (size_t i = 0; i < warm_up; i++)
        create_and_join(threads, row->count);
    const double began = bench_now();
    for (size_t i = 0; i < rounds; i++)
        create_and_join(threads, row->count);
    bench_print(row, (bench_now() - began) / (double)(row->count * rounds), "ns");
    free(threads);
}

static void create_cold(const struct bench_row *row)
{
    create_many(row, 0, 1);
}

static void create_hot(const struct bench_row *row)
{
    create_many(row, 1, ROUNDS_HOT);
}

/* --- queue ------------------------------------------------------------------------------------ */
static pth_msgport_t there, back;

static void *wait_for_message(pth_msgport_t port, pth_event_t event)
{
    pth_message_t *message;
    while (!(message = pth_msgport_get(port)))
        pth_wait(event);
    return message;
}

static void *echoes(void *arg)
{
    pth_event_t event = pth_event(PTH_EVENT_MSG, there);
    bench_touch_stack();
    for (size_t n = *(size_t *)arg; n > 0; n--)
        pth_msgport_put(back, wait_for_message(there, event));
    pth_event_free(event, PTH_FREE_THIS);
    return NULL;
}

static void ping_pong(const struct bench_row *row)
{
    size_t trips = TRIPS;
    pth_message_t message = {0};
    there = pth_msgport_create("there");
    back = pth_msgport_create("back");
    pth_event_t event = pth_event(PTH_EVENT_MSG, back);
    pth_t thread = spawn(echoes, &trips, true);
    yield();
    const double began = bench_now();
    for (size_t i = 0; i < TRIPS; i++) {
        pth_msgport_put(there, &message);
        bench_check(wait_for_message(back, event) == &message, "the same message");
    }
    const double taken = bench_now() - began;
    join(thread);
    bench_print(row, taken / TRIPS / 2, "ns");
}

/* --- sync ------------------------------------------------------------------------------------- */
static pth_mutex_t lock = PTH_MUTEX_INIT;

static void lock_uncontended(const struct bench_row *row)
{
    int ok = TRUE;
    const double began = bench_now();
    for (size_t i = 0; i < UNCONTENDED; i++) {
        ok &= pth_mutex_acquire(&lock, FALSE, NULL);
        bench_barrier();
        ok &= pth_mutex_release(&lock);
        bench_barrier();
    }
    bench_print(row, (bench_now() - began) / UNCONTENDED, "ns");
    bench_check(ok, "lock");
}

static void *takes_lock(void *arg)
{
    int ok = TRUE;
    bench_touch_stack();
    for (size_t n = *(size_t *)arg; n > 0; n--) {
        ok &= pth_mutex_acquire(&lock, FALSE, NULL);
        yield();
        ok &= pth_mutex_release(&lock);
    }
    bench_check(ok, "lock");
    return NULL;
}

static void lock_contended(const struct bench_row *row)
{
    size_t half = CONTENDED / 2;
    pth_t threads[] = {spawn(takes_lock, &half, true), spawn(takes_lock, &half, true)};
    const double began = bench_now();
    join(threads[0]);
    join(threads[1]);
    bench_print(row, (bench_now() - began) / CONTENDED, "ns");
}

struct event {
    pth_cond_t cond;
    pth_mutex_t mutex;
    bool set;
};

static struct event event = {PTH_COND_INIT, PTH_MUTEX_INIT, false};
static struct event other_event = {PTH_COND_INIT, PTH_MUTEX_INIT, false};

static void event_set(struct event *one)
{
    pth_mutex_acquire(&one->mutex, FALSE, NULL);
    one->set = true;
    pth_cond_notify(&one->cond, TRUE);
    pth_mutex_release(&one->mutex);
}

static void wait_and_set(size_t n, struct event *mine, struct event *others)
{
    bench_touch_stack();
    for (; n > 0; n--) {
        pth_mutex_acquire(&mine->mutex, FALSE, NULL);
        while (!mine->set)
            pth_cond_await(&mine->cond, &mine->mutex, NULL);
        mine->set = false;
        pth_mutex_release(&mine->mutex);
        event_set(others);
    }
}

static void *answers(void *arg)
{
    wait_and_set(*(size_t *)arg, &event, &other_event);
    return NULL;
}

static void event_wake(const struct bench_row *row)
{
    size_t half = CONTENDED / 2;
    pth_t thread = spawn(answers, &half, true);
    yield();
    const double began = bench_now();
    event_set(&event);
    wait_and_set(half, &other_event, &event);
    bench_print(row, (bench_now() - began) / CONTENDED, "ns");
    join(thread);
}

static const struct bench_row rows[] = {
    {"yield, 2 tasks", yield_in_order, 2, NULL, false},
    {"yield, 1,000 tasks", yield_in_order, 1000, NULL, false},
    {"create and join, one at a time", create_one_at_a_time, 0, NULL, false},
    {"create 10,000, join all, cold", create_cold, 10000, NULL, true},
    {"create 10,000, join all, hot", create_hot, 10000, NULL, true},
    {"queue ping-pong, buffered", ping_pong, 0, NULL, false},
    {"lock, uncontended", lock_uncontended, 0, NULL, false},
    {"lock, contended", lock_contended, 0, NULL, false},
    {"event, wake", event_wake, 0, NULL, false},
};

int main(int argc, char **argv)
{
    (void)argc;
    if (!pth_init())
        return EXIT_FAILURE;
    attributes = pth_attr_new();
    pth_attr_set(attributes, PTH_ATTR_STACK_SIZE, 64 * 1024u);
    return bench_run(argv, "GNU Pth " PTH_VERSION_STR ", stacks of 64 KiB without guard pages",
                     rows, BENCH_COUNT(rows));
}
