/* SPDX-License-Identifier: MIT */
/*
 * What locks, semaphores, events and queues cost: without waiting, and handing over between two
 * tasks. The best of several rounds, so that interruptions do not count. Prints name, ns and note,
 * separated by tabs.
 */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 20, FEW = 100000, MANY = 1000000 };

static coro_lock lock;
static coro_semaphore semaphore = CORO_SEMAPHORE_INITIALIZER(1);
static coro_event event;
static coro_queue *queue, *back;
static int failed;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* Has the compiler forget what it knows of memory, as between any two calls in a program. */
static inline void barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

static void measure(const char *name, const char *note, void (*fn)(int n), int n)
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        const double began = now();
        fn(n);
        const double each = (now() - began) / n;
        if (each < best)
            best = each;
    }
    printf("%s\t%.2f\tns: %s\n", name, best, note);
}

static void uncontended_lock(int n)
{
    while (n-- > 0) {
        failed |= coro_lock_acquire(&lock);
        barrier();
        failed |= coro_lock_release(&lock);
        barrier();
    }
}

static void uncontended_semaphore(int n)
{
    while (n-- > 0) {
        failed |= coro_semaphore_acquire(&semaphore);
        barrier();
        failed |= coro_semaphore_release(&semaphore);
        barrier();
    }
}

static void set_event(int n)
{
    coro_event_set(&event);
    while (n-- > 0) {
        failed |= coro_event_wait(&event);
        barrier();
    }
}

static void put_and_get(int n)
{
    void *item;
    while (n-- > 0) {
        failed |= coro_queue_put(queue, &lock);
        failed |= coro_queue_get(queue, &item);
    }
}

static int echoes(void *arg)
{
    void *item;
    int rc = 0;
    for (int n = *(int *)arg; n > 0 && rc == 0; n--) {
        rc = coro_queue_get(queue, &item);
        if (rc == 0)
            rc = coro_queue_put(back, item);
    }
    return rc;
}

static void ping_pong(int n)
{
    int half = n / 2;
    void *item = &half;
    coro_task *task = coro_create_task(echoes, &half);
    for (int i = 0; i < half; i++) {
        failed |= coro_queue_put(queue, item);
        failed |= coro_queue_get(back, &item);
    }
    failed |= coro_join(task, NULL);
}

static int takes_turns(void *arg)
{
    int rc = 0;
    for (int n = *(int *)arg; n > 0 && rc == 0; n--) {
        rc = coro_lock_acquire(&lock);
        if (rc == 0)
            rc = coro_yield();
        failed |= coro_lock_release(&lock);
    }
    return rc;
}

/* Each holds the lock for a pass, so that the other one waits for it. */
static void contended_lock(int n)
{
    int half = n / 2;
    coro_task *tasks[] = {coro_create_task(takes_turns, &half),
                          coro_create_task(takes_turns, &half)};
    failed |= coro_gather(tasks, 2, 0);
    coro_release(tasks[0]);
    coro_release(tasks[1]);
}

static int yields(void *arg)
{
    int rc = 0;
    for (int n = *(int *)arg; n > 0 && rc == 0; n--)
        rc = coro_yield();
    return rc;
}

static void two_that_yield(int n)
{
    int half = n / 2;
    coro_task *tasks[] = {coro_create_task(yields, &half), coro_create_task(yields, &half)};
    failed |= coro_gather(tasks, 2, 0);
    coro_release(tasks[0]);
    coro_release(tasks[1]);
}

static int sync_main(void *arg)
{
    (void)arg;
    queue = coro_queue_create(NULL);
    back = coro_queue_create(NULL);
    measure("lock", "acquire and release, nobody waits", uncontended_lock, MANY);
    measure("semaphore", "acquire and release, nobody waits", uncontended_semaphore, MANY);
    measure("event", "wait when it is set", set_event, MANY);
    measure("queue", "put and get, nobody waits", put_and_get, MANY);
    measure("queue ping-pong", "from one task to another, one way", ping_pong, FEW);
    measure("lock hand-over", "from one task to another that waits, with one yield", contended_lock,
            FEW);
    measure("yield", "for comparison: one of two tasks that yield", two_that_yield, FEW);
    coro_queue_destroy(queue);
    coro_queue_destroy(back);
    return 0;
}

int main(void)
{
    const int rc = coro_run(sync_main, NULL);
    return rc < 0 || failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
