/* SPDX-License-Identifier: MIT */
/* Locks, semaphores and events: where nobody waits, and from one task to another that waits. */
#include "bench_coro.h"

enum { UNCONTENDED = 10000000, CONTENDED = 500000 };

static coro_lock lock;
static coro_semaphore semaphore = CORO_SEMAPHORE_INITIALIZER(1);
static coro_event event, other_event;

static void lock_uncontended(const struct bench_row *row)
{
    int rc = 0;
    const double began = bench_now();
    for (size_t i = 0; i < UNCONTENDED; i++) {
        rc |= coro_lock_acquire(&lock);
        bench_barrier();
        rc |= coro_lock_release(&lock);
        bench_barrier();
    }
    bench_print(row, (bench_now() - began) / UNCONTENDED, "ns");
    bench_must(rc, "lock");
}

static void semaphore_uncontended(const struct bench_row *row)
{
    int rc = 0;
    const double began = bench_now();
    for (size_t i = 0; i < UNCONTENDED; i++) {
        rc |= coro_semaphore_acquire(&semaphore);
        bench_barrier();
        rc |= coro_semaphore_release(&semaphore);
        bench_barrier();
    }
    bench_print(row, (bench_now() - began) / UNCONTENDED, "ns");
    bench_must(rc, "semaphore");
}

static void event_set(const struct bench_row *row)
{
    int rc = coro_event_set(&event);
    const double began = bench_now();
    for (size_t i = 0; i < UNCONTENDED; i++) {
        rc |= coro_event_wait(&event);
        bench_barrier();
    }
    bench_print(row, (bench_now() - began) / UNCONTENDED, "ns");
    bench_must(rc, "event");
}

/* Runs two tasks of fn, each with half of the operations. */
static void two(const struct bench_row *row, coro_fn *fn)
{
    size_t half = CONTENDED / 2;
    coro_task *tasks[] = {coro_create_task(fn, &half), coro_create_task(fn, &half)};
    const double began = bench_now();
    bench_must(coro_gather(tasks, 2, 0), "gather");
    bench_print(row, (bench_now() - began) / CONTENDED, "ns");
    coro_release(tasks[0]);
    coro_release(tasks[1]);
}

/* Each yields with the lock in hand, so that the other one waits for it. */
static int takes_lock(void *arg)
{
    int rc = 0;
    bench_touch_stack();
    for (size_t n = *(size_t *)arg; n > 0 && rc >= 0; n--) {
        rc = coro_lock_acquire(&lock);
        if (rc == 0)
            rc = coro_yield();
        rc |= coro_lock_release(&lock);
    }
    return rc;
}

static void lock_contended(const struct bench_row *row)
{
    two(row, takes_lock);
}

static int takes_permit(void *arg)
{
    int rc = 0;
    bench_touch_stack();
    for (size_t n = *(size_t *)arg; n > 0 && rc >= 0; n--) {
        rc = coro_semaphore_acquire(&semaphore);
        if (rc == 0)
            rc = coro_yield();
        rc |= coro_semaphore_release(&semaphore);
    }
    return rc;
}

static void semaphore_contended(const struct bench_row *row)
{
    two(row, takes_permit);
}

/* Wakes the other one, and waits for its own event. */
static int wait_and_set(size_t n, coro_event *mine, coro_event *others)
{
    int rc = 0;
    bench_touch_stack();
    for (; n > 0 && rc == 0; n--) {
        rc = coro_event_wait(mine);
        coro_event_clear(mine);
        rc |= coro_event_set(others);
    }
    return rc;
}

static int answers(void *arg)
{
    return wait_and_set(*(size_t *)arg, &event, &other_event);
}

static void event_wake(const struct bench_row *row)
{
    size_t half = CONTENDED / 2;
    coro_task *task = coro_create_task(answers, &half);
    coro_yield();
    const double began = bench_now();
    bench_must(coro_event_set(&event), "event");
    bench_must(wait_and_set(half, &other_event, &event), "event");
    bench_print(row, (bench_now() - began) / CONTENDED, "ns");
    bench_must(coro_join(task, NULL), "join");
}

static const struct bench_row rows[] = {
    {"lock, uncontended", lock_uncontended, 0, "acquire and release", false},
    {"lock, contended", lock_contended, 0, "handed over, and a yield with it in hand", false},
    {"semaphore, uncontended", semaphore_uncontended, 0, "acquire and release", false},
    {"semaphore, contended", semaphore_contended, 0, "handed over, and a yield in between", false},
    {"event, set", event_set, 0, "wait for what is set", false},
    {"event, wake", event_wake, 0, "from one task to another", false},
};

BENCH_MAIN(rows)
