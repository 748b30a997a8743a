/* SPDX-License-Identifier: MIT */
/*
 * State Threads. Its queue, lock and event rows are built from what it has: a condition variable
 * and a mutex. Its stacks have no guard pages.
 */
#include "bench.h"

#include <errno.h>
#include <st.h>

enum {
    YIELDS = 2000000,
    ONE_BY_ONE = 500000,
    ROUNDS_HOT = 30,
    TRIPS = 500000,
    UNCONTENDED = 10000000,
    CONTENDED = 500000,
    CANCEL_ROUNDS = 10,
    STACK = 64 * 1024,
};

static st_thread_t spawn(void *(*fn)(void *), void *arg, int joinable)
{
    st_thread_t thread = st_thread_create(fn, arg, joinable, STACK);
    bench_check(thread != NULL, "st_thread_create");
    return thread;
}

static void join(st_thread_t thread)
{
    bench_check(st_thread_join(thread, NULL) == 0, "st_thread_join");
}

/* There is no yield but this one: it runs the others that are ready. */
static void yield(void)
{
    st_usleep(0);
}

/* --- yield ------------------------------------------------------------------------------------ */
static bool stopped;
static size_t started, ended, most, fewest;

/* All yield from this place: a processor predicts where a call returns to by where the last one was
 * made, and so wrongly for two places. */
static __attribute__((noinline)) size_t yield_while(bool forever, size_t rounds)
{
    size_t yields = 0;
    for (; forever ? !stopped : yields < rounds; yields++)
        yield();
    return yields;
}

static void yield_until_stopped(void)
{
    started++;
    const size_t yields = yield_while(true, 0);
    most = yields > most ? yields : most;
    fewest = yields < fewest ? yields : fewest;
    ended++;
}

static void *yields_at_once(void *arg)
{
    bench_touch_stack();
    yield_until_stopped();
    return arg;
}

static void *yields_when_woken(void *arg)
{
    bench_touch_stack();
    st_cond_wait(arg);
    yield_until_stopped();
    return NULL;
}

static void measure_yields(const struct bench_row *row)
{
    const size_t rounds = bench_rounds(YIELDS, row->count);
    for (size_t i = 0; i < 2; i++)
        yield();
    bench_check(started == row->count - 1, "all yield");
    const double began = bench_now();
    yield_while(false, rounds);
    const double taken = bench_now() - began;
    stopped = true;
    while (ended < row->count - 1)
        yield();
    bench_check(most - fewest <= 2 && fewest >= rounds, "all yield alike");
    bench_print(row, taken / (double)rounds / (double)row->count, "ns");
}

static void begin_yields(void)
{
    stopped = false;
    started = ended = most = 0;
    fewest = (size_t)-1;
}

static void yield_in_order(const struct bench_row *row)
{
    begin_yields();
    for (size_t i = 1; i < row->count; i++)
        spawn(yields_at_once, NULL, 0);
    measure_yields(row);
}

static void yield_shuffled(const struct bench_row *row)
{
    begin_yields();
    st_cond_t *conds = calloc(row->count, sizeof *conds);
    size_t *order = bench_shuffled(row->count - 1);
    bench_check(conds && order, "memory");
    for (size_t i = 1; i < row->count; i++) {
        conds[i - 1] = st_cond_new();
        spawn(yields_when_woken, conds[i - 1], 0);
    }
    yield();
    for (size_t i = 1; i < row->count; i++)
        st_cond_signal(conds[order[i - 1]]);
    measure_yields(row);
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
        join(spawn(ends, NULL, 1));
    }
    bench_print(row, (bench_now() - began) / ONE_BY_ONE, "ns");
}

static void *yields_once(void *arg)
{
    bench_touch_stack();
    yield();
    return arg;
}

static void create_and_join(st_thread_t *threads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        threads[i] = spawn(yields_once, NULL, 1);
    for (size_t i = 0; i < count; i++)
        join(threads[i]);
}

static void create_many(const struct bench_row *row, size_t warm_up, size_t rounds)
{
    st_thread_t *threads = calloc(row->count, sizeof *threads);
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
    create_many(row, 3, ROUNDS_HOT);
}

static void create_in_bursts(const struct bench_row *row)
{
    st_thread_t *threads = calloc(row->count, sizeof *threads);
    bench_check(threads != NULL, "memory");
    create_and_join(threads, row->count);
    const double began = bench_cpu();
    for (size_t i = 0; i < BENCH_BURSTS; i++) {
        st_usleep(BENCH_PAUSE_MS * 1000);
        create_and_join(threads, row->count);
    }
    bench_print(row, (bench_cpu() - began) / (double)row->count / BENCH_BURSTS, "ns");
    free(threads);
}

/* --- queue ------------------------------------------------------------------------------------ */
struct queue {
    void *items[BENCH_QUEUE_CAPACITY];
    size_t capacity, first, count;
    st_cond_t not_empty, not_full;
};

static struct queue *there, *back;

static struct queue *queue_of(size_t capacity)
{
    struct queue *queue = calloc(1, sizeof *queue);
    bench_check(queue != NULL, "memory");
    queue->capacity = capacity;
    queue->not_empty = st_cond_new();
    queue->not_full = st_cond_new();
    return queue;
}

static void put(struct queue *queue, void *item)
{
    while (queue->count == queue->capacity)
        st_cond_wait(queue->not_full);
    queue->items[(queue->first + queue->count++) % BENCH_QUEUE_CAPACITY] = item;
    st_cond_signal(queue->not_empty);
}

static void *get(struct queue *queue)
{
    while (queue->count == 0)
        st_cond_wait(queue->not_empty);
    void *item = queue->items[queue->first];
    queue->first = (queue->first + 1) % BENCH_QUEUE_CAPACITY;
    queue->count--;
    st_cond_signal(queue->not_full);
    return item;
}

static void *echoes(void *arg)
{
    bench_touch_stack();
    for (size_t n = *(size_t *)arg; n > 0; n--)
        put(back, get(there));
    return NULL;
}

static void ping_pong(const struct bench_row *row)
{
    size_t trips = TRIPS;
    there = queue_of(row->count);
    back = queue_of(row->count);
    st_thread_t thread = spawn(echoes, &trips, 1);
    yield();
    const double began = bench_now();
    for (size_t i = 0; i < TRIPS; i++) {
        put(there, &trips);
        bench_check(get(back) == &trips, "the same item");
    }
    const double taken = bench_now() - began;
    join(thread);
    bench_print(row, taken / TRIPS / 2, "ns");
}

static void *sends(void *arg)
{
    bench_touch_stack();
    for (size_t n = *(size_t *)arg; n > 0; n--)
        put(there, arg);
    return NULL;
}

static void stream(const struct bench_row *row)
{
    size_t items = 4 * TRIPS;
    there = queue_of(row->count);
    st_thread_t thread = spawn(sends, &items, 1);
    yield();
    const double began = bench_now();
    for (size_t i = 0; i < 4 * TRIPS; i++)
        bench_check(get(there) == &items, "the same item");
    const double taken = bench_now() - began;
    join(thread);
    bench_print(row, taken / (4 * TRIPS), "ns");
}

/* --- sync ------------------------------------------------------------------------------------- */
static st_mutex_t lock;

static void lock_uncontended(const struct bench_row *row)
{
    int rc = 0;
    lock = st_mutex_new();
    const double began = bench_now();
    for (size_t i = 0; i < UNCONTENDED; i++) {
        rc |= st_mutex_lock(lock);
        bench_barrier();
        rc |= st_mutex_unlock(lock);
        bench_barrier();
    }
    bench_print(row, (bench_now() - began) / UNCONTENDED, "ns");
    bench_check(rc == 0, "lock");
}

static void *takes_lock(void *arg)
{
    int rc = 0;
    bench_touch_stack();
    for (size_t n = *(size_t *)arg; n > 0; n--) {
        rc |= st_mutex_lock(lock);
        yield();
        rc |= st_mutex_unlock(lock);
    }
    bench_check(rc == 0, "lock");
    return NULL;
}

static void lock_contended(const struct bench_row *row)
{
    size_t half = CONTENDED / 2;
    lock = st_mutex_new();
    st_thread_t threads[] = {spawn(takes_lock, &half, 1), spawn(takes_lock, &half, 1)};
    const double began = bench_now();
    join(threads[0]);
    join(threads[1]);
    bench_print(row, (bench_now() - began) / CONTENDED, "ns");
}

struct event {
    st_cond_t cond;
    bool set;
};

static void event_set(struct event *event)
{
    event->set = true;
    st_cond_broadcast(event->cond);
}

static struct event event, other_event;

static void wait_and_set(size_t n, struct event *mine, struct event *others)
{
    bench_touch_stack();
    for (; n > 0; n--) {
        while (!mine->set)
            st_cond_wait(mine->cond);
        mine->set = false;
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
    event.cond = st_cond_new();
    other_event.cond = st_cond_new();
    st_thread_t thread = spawn(answers, &half, 1);
    yield();
    const double began = bench_now();
    event_set(&event);
    wait_and_set(half, &other_event, &event);
    bench_print(row, (bench_now() - began) / CONTENDED, "ns");
    join(thread);
}

/* --- cancel ----------------------------------------------------------------------------------- */
static size_t interrupted;

static void *sleeps_long(void *arg)
{
    bench_touch_stack();
    interrupted += st_usleep(3600000000ull + (st_utime_t)(size_t)arg) < 0 && errno == EINTR;
    return NULL;
}

static void cancel_sleeping(const struct bench_row *row)
{
    st_thread_t *threads = calloc(row->count, sizeof *threads);
    bench_check(threads != NULL, "memory");
    double taken = 0;
    for (size_t round = 0; round <= CANCEL_ROUNDS; round++) {
        for (size_t i = 0; i < row->count; i++)
            threads[i] = spawn(sleeps_long, (void *)(i * 7919 % row->count), 1);
        yield();
        const double began = bench_now();
        for (size_t i = 0; i < row->count; i++)
            st_thread_interrupt(threads[i]);
        for (size_t i = 0; i < row->count; i++)
            join(threads[i]);
        if (round > 0)
            taken += bench_now() - began;
    }
    bench_check(interrupted == row->count * (CANCEL_ROUNDS + 1), "st_thread_interrupt");
    bench_print(row, taken / CANCEL_ROUNDS / (double)row->count, "ns");
    free(threads);
}

/* --- timers and memory ------------------------------------------------------------------------ */
static size_t slept, parked;

static void *sleeps(void *arg)
{
    bench_touch_stack();
    st_usleep(bench_sleep_ms((size_t)arg) * 1000ull);
    slept++;
    return NULL;
}

static void sleepers(const struct bench_row *row)
{
    const double cpu = bench_cpu(), time = bench_now();
    slept = 0;
    for (size_t i = 0; i < row->count; i++)
        spawn(sleeps, (void *)i, 0);
    while (slept < row->count)
        st_usleep(1000);
    bench_print_sleepers(row, cpu, time);
}

static void *parks(void *arg)
{
    bench_touch_stack();
    parked++;
    st_cond_wait(arg);
    return NULL;
}

static void memory(const struct bench_row *row)
{
    st_cond_t cond = st_cond_new();
    const double rss = bench_kib("VmRSS:"), tables = bench_kib("VmPTE:");
    parked = 0;
    for (size_t i = 0; i < row->count; i++)
        spawn(parks, cond, 0);
    while (parked < row->count)
        yield();
    bench_print_memory(row, rss, tables);
    st_cond_broadcast(cond);
    yield();
}

static const struct bench_row rows[] = {
    {"yield, 2 tasks", yield_in_order, 2, NULL, false},
    {"yield, 1,000 tasks", yield_in_order, 1000, NULL, false},
    {"yield, 100,000 tasks", yield_in_order, 100000, NULL, false},
    {"yield, 100,000 tasks, shuffled", yield_shuffled, 100000, NULL, false},
    {"yield, 1,000,000 tasks", yield_in_order, 1000000, NULL, true},
    {"create and join, one at a time", create_one_at_a_time, 0, NULL, false},
    {"create 10,000, join all, cold", create_cold, 10000, NULL, false},
    {"create 10,000, join all, hot", create_hot, 10000, NULL, false},
    {"create 1,000, join all, in bursts", create_in_bursts, 1000, NULL, false},
    {"queue ping-pong, unbuffered", ping_pong, 1, NULL, false},
    {"queue ping-pong, buffered", ping_pong, BENCH_QUEUE_CAPACITY, NULL, false},
    {"queue stream, buffered", stream, BENCH_QUEUE_CAPACITY, NULL, false},
    {"lock, uncontended", lock_uncontended, 0, NULL, false},
    {"lock, contended", lock_contended, 0, NULL, false},
    {"event, wake", event_wake, 0, NULL, false},
    {"cancel a sleeping task", cancel_sleeping, 10000, NULL, false},
    {"100,000 sleepers", sleepers, 100000, NULL, false},
    {"1,000,000 sleepers", sleepers, 1000000, NULL, true},
    {"memory, 10,000 parked tasks", memory, 10000, NULL, false},
    {"memory, 100,000 parked tasks", memory, 100000, NULL, false},
    {"memory, 1,000,000 parked tasks", memory, 1000000, NULL, true},
};

int main(int argc, char **argv)
{
    (void)argc;
    st_set_eventsys(ST_EVENTSYS_ALT);
    if (st_init() < 0)
        return EXIT_FAILURE;
    return bench_run(argv,
                     "State Threads " ST_VERSION ", epoll, stacks of 64 KiB without guard pages",
                     rows, BENCH_COUNT(rows));
}
