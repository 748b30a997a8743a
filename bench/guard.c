/* SPDX-License-Identifier: MIT */
/*
 * Small scenarios whose instructions bench/run-guard counts. On the virtual clock: how often the
 * real one is read depends on how fast the machine is.
 *
 *     guard                 lists them
 *     guard NAME TIMES      does one of them so many times
 */
#include <coro.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t times;

static void must(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "guard: failed with %d\n", rc);
    exit(EXIT_FAILURE);
}

static int ends(void *arg)
{
    (void)arg;
    return 0;
}

static int yields(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < times; i++)
        must(coro_yield());
    return 0;
}

/* Each of so many tasks yields so many times. */
static void yield_in(size_t count)
{
    coro_task **tasks = calloc(count, sizeof *tasks);
    must(tasks ? 0 : -ENOMEM);
    for (size_t i = 0; i < count; i++)
        tasks[i] = coro_create_task(yields, NULL);
    for (size_t i = 0; i < count; i++)
        must(coro_join(tasks[i], NULL));
    free(tasks);
}

static void yield_two(void)
{
    yield_in(2);
}

static void yield_thousand(void)
{
    yield_in(1000);
}

static void create_and_join(void)
{
    for (size_t i = 0; i < times; i++)
        must(coro_join(coro_create_task(ends, NULL), NULL));
}

static void sleep_alone(void)
{
    for (size_t i = 0; i < times; i++)
        must(coro_sleep(CORO_MILLISECOND));
}

static coro_queue *there, *back;

static int echoes(void *arg)
{
    void *item;
    (void)arg;
    for (size_t i = 0; i < times; i++) {
        must(coro_queue_get(there, &item));
        must(coro_queue_put(back, item));
    }
    return 0;
}

static void ping_pong(void)
{
    const coro_queue_options options = {.maxsize = 1};
    void *item = NULL;
    there = coro_queue_create(&options);
    back = coro_queue_create(&options);
    coro_task *task = coro_create_task(echoes, NULL);
    for (size_t i = 0; i < times; i++) {
        must(coro_queue_put(there, item));
        must(coro_queue_get(back, &item));
    }
    must(coro_join(task, NULL));
    coro_queue_destroy(there);
    coro_queue_destroy(back);
}

static coro_lock lock;

static int takes_lock(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < times; i++) {
        must(coro_lock_acquire(&lock));
        must(coro_yield());
        must(coro_lock_release(&lock));
    }
    return 0;
}

static void lock_contended(void)
{
    coro_task *task = coro_create_task(takes_lock, NULL);
    must(takes_lock(NULL));
    must(coro_join(task, NULL));
}

static coro_event event, other_event;

static int answers(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < times; i++) {
        must(coro_event_wait(&event));
        coro_event_clear(&event);
        must(coro_event_set(&other_event));
    }
    return 0;
}

static void event_ping_pong(void)
{
    coro_task *task = coro_create_task(answers, NULL);
    for (size_t i = 0; i < times; i++) {
        must(coro_event_set(&event));
        must(coro_event_wait(&other_event));
        coro_event_clear(&other_event);
    }
    must(coro_join(task, NULL));
}

static int sleeps(void *arg)
{
    (void)arg;
    return coro_sleep(CORO_SECOND);
}

static void cancel_sleeping(void)
{
    for (size_t i = 0; i < times; i++) {
        coro_task *task = coro_create_task(sleeps, NULL);
        must(coro_yield());
        must(coro_cancel(task) ? 0 : -EINVAL);
        must(coro_join(task, NULL) == -ECANCELED ? 0 : -EINVAL);
    }
}

static void gather_ten(void)
{
    enum { TASKS = 10 };
    for (size_t i = 0; i < times; i++) {
        coro_task *tasks[TASKS];
        for (size_t k = 0; k < TASKS; k++)
            tasks[k] = coro_create_task(ends, NULL);
        must(coro_gather(tasks, TASKS, 0));
        for (size_t k = 0; k < TASKS; k++)
            coro_release(tasks[k]);
    }
}

static void on_call(void *arg)
{
    (void)arg;
}

static void call_soon(void)
{
    for (size_t i = 0; i < times; i++) {
        must(coro_call_soon(on_call, NULL, NULL));
        must(coro_yield());
    }
}

/* With a hundred others pending. */
static void timers(void)
{
    enum { PENDING = 100 };
    coro_handle pending[PENDING], handle;
    for (int i = 0; i < PENDING; i++)
        must(coro_call_later(CORO_SECOND + i * 37 % PENDING, on_call, NULL, &pending[i]));
    for (size_t i = 0; i < times; i++) {
        must(coro_call_later(CORO_SECOND + (coro_duration)(i * 31 % PENDING), on_call, NULL,
                             &handle));
        must(coro_handle_cancel(&handle) ? 0 : -EINVAL);
    }
    for (int i = 0; i < PENDING; i++)
        coro_handle_cancel(&pending[i]);
}

static void timeouts(void)
{
    for (size_t i = 0; i < times; i++) {
        coro_timeout timeout;
        must(coro_timeout_begin(&timeout, CORO_SECOND));
        must(coro_timeout_end(&timeout, 0));
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    {"yield-2", yield_two},     {"yield-1000", yield_thousand},  {"create-join", create_and_join},
    {"sleep", sleep_alone},     {"queue-ping-pong", ping_pong},  {"lock", lock_contended},
    {"event", event_ping_pong}, {"cancel", cancel_sleeping},     {"gather-10", gather_ten},
    {"call-soon", call_soon},   {"timer-insert-cancel", timers}, {"timeout", timeouts},
};

enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

static int guard_main(void *arg)
{
    const char *name = arg;
    for (size_t i = 0; i < SCENARIOS; i++) {
        if (strcmp(name, scenarios[i].name) == 0) {
            scenarios[i].run();
            return 0;
        }
    }
    return -ENOENT;
}

int main(int argc, char **argv)
{
    const coro_run_options options = {.virtual_clock = true};
    if (argc != 3) {
        for (size_t i = 0; i < SCENARIOS; i++)
            puts(scenarios[i].name);
        return EXIT_SUCCESS;
    }
    times = strtoul(argv[2], NULL, 10);
    return coro_run_with(&options, guard_main, argv[1]) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
