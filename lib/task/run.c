/* SPDX-License-Identifier: MIT */
#include "coro/loop.h"
#include "coro/task.h"
#include "sched/deadlock.h"
#include "sched/environment.h"
#include "sched/overflow.h"
#include "sched/start.h"
#include "task/call.h"
#include "task/callbacks.h"
#include "task/current.h"
#include "util/memory.h"

#include <stdlib.h>
#include <string.h>

/* Deadlocks after which a run no longer waits for tasks that refuse to be cancelled. */
enum { MOST_DEADLOCKS = 3 };

struct run {
    struct coro__loop loop; /* first: loop->deadlocked gets it */
    struct coro__callback main_ended;
    struct coro__overflow_guard overflow_guard;
    coro_task *main;
    unsigned deadlocks;
};

/* What the environment sets where the program left the default. */
static coro_run_options with_environment(const coro_run_options *given)
{
    coro_run_options options = given ? *given : (coro_run_options){0};
    const char *clock = secure_getenv("CORO_CLOCK");
    const char *seed = secure_getenv("CORO_SEED");
    const char *debug = secure_getenv("CORO_DEBUG");
    if (clock && strcmp(clock, "virtual") == 0)
        options.virtual_clock = true;
    if (seed && options.seed == 0)
        options.seed = strtoull(seed, NULL, 0);
    if (debug && *debug && strcmp(debug, "0") != 0)
        options.debug = true;
    return options;
}

/* Requests cancellation of every task that has not ended, in the order of their creation. */
static void cancel_all(struct coro__ready *ready)
{
    struct coro__list *tasks = &ready->pool->tasks;
    for (struct coro__list *link = tasks->next; link != tasks; link = link->next)
        coro__cancel(ready, CORO__CONTAINER_OF(link, coro_task, siblings), NULL);
}

/* The main task is cancelled first, as the one to deal with it; if that leads to another deadlock,
 * all are, and if that does too, the run ends without them. */
static void on_deadlock(struct coro__loop *loop)
{
    struct run *run = CORO__CONTAINER_OF(loop, struct run, loop);
    struct coro__ready *ready = &loop->ready;
    run->deadlocks++;
    if (run->deadlocks == 1)
        coro__deadlock_report(loop);
    if (run->deadlocks == 1 && !run->main->done)
        coro__cancel(ready, run->main, NULL);
    else if (run->deadlocks < MOST_DEADLOCKS)
        cancel_all(ready);
    else
        coro__loop_stop(loop);
}

static void on_main_ended(struct coro__ready *ready, struct coro__callback *callback)
{
    (void)callback;
    coro__loop_stop(coro__loop_of(ready));
}

static int open_run(struct run *run, const coro_run_options *options)
{
    struct coro__loop *loop = &run->loop;
    struct coro__log log = {options->log, options->log_arg, coro__ready_call_hook};
    struct coro__task_pool *pool = coro__task_pool_create(log);
    if (!pool)
        return -ENOMEM;
    pool->discard = coro__done_callback_discard;
    pool->debug = options->debug;
    if (coro__ready_init(&loop->ready, pool) < 0) {
        coro__task_pool_abandon(pool);
        return -ENOMEM;
    }
    coro__stacks_init(&loop->ready.stacks, coro__task_main, &pool->log);
    loop->ready.start = coro__task_start;
    loop->ready.debug = options->debug;
    loop->stack_size = coro__stack_round(
        &loop->ready.stacks, options->stack_size ? options->stack_size : CORO__STACK_DEFAULT);
    loop->seed = options->seed;
    loop->clock.is_virtual = options->virtual_clock;
    loop->last_visit = coro__loop_now(loop);
    loop->deadlocked = on_deadlock;
    coro__cells_init(&loop->cells);
    coro__list_init(&loop->calls);
    coro__environment_init(&loop->ready);
    coro__ready_here = &loop->ready;
    coro__overflow_begin(&run->overflow_guard);
    return 0;
}

/* In debug mode, with the loop gone: a hook that creates a task gets none. */
static void report_held(const struct coro__task_pool *pool)
{
    const size_t held = pool->alive - 1;
    if (pool->debug && held > 0)
        coro__log(&pool->log, CORO_LOG_HANDLES_HELD, NULL, 0,
                  "%zu %s to tasks or futures %s held when the run ended", held,
                  held == 1 ? "handle" : "handles", held == 1 ? "is" : "are");
}

static void close_run(struct run *run)
{
    struct coro__loop *loop = &run->loop;
    coro__overflow_end(&run->overflow_guard);
    coro__calls_discard(loop);
    coro__ready_here = NULL;
    coro__stacks_destroy(&loop->ready.stacks);
    coro__timers_destroy(&loop->timers);
    coro__cells_destroy(&loop->cells);
    coro__ready_destroy(&loop->ready);
    report_held(loop->ready.pool);
    coro__task_pool_abandon(loop->ready.pool);
}

/* Cancels all tasks that are left, together, and runs them to their ends; again for those that they
 * have created meanwhile. */
static void cancel_left_over(struct run *run)
{
    struct coro__ready *ready = &run->loop.ready;
    struct coro__list *tasks = &ready->pool->tasks;
    while (!coro__list_empty(tasks) && run->deadlocks < MOST_DEADLOCKS) {
        run->loop.stop = false;
        for (struct coro__list *link = tasks->next; link != tasks; link = link->next) {
            coro_task *task = CORO__CONTAINER_OF(link, coro_task, siblings);
            task->left_over = true;
            ready->pool->left_over++;
        }
        cancel_all(ready);
        coro__loop_run(&run->loop);
    }
}

/* Ends a task that will never run again, and takes from it what it holds. */
static void destroy(struct coro__ready *ready, coro_task *task)
{
    char who[160];
    coro__log(&ready->pool->log, CORO_LOG_DESTROYED_PENDING, task, 0,
              "task %s was destroyed while it was pending",
              coro__task_describe(task, who, sizeof who));
    if (task->stack)
        coro__stack_put_dead(task->stack);
    task->stack = NULL;
    coro__task_end(ready, task, -ECANCELED);
}

static void abandon_wait(struct coro__ready *ready, coro_task *task)
{
    if (task->wait->kind->abandon)
        task->wait->kind->abandon(ready, task->wait);
    task->wait = NULL;
}

/* With nothing ready, so that all tasks that are left are parked. Done callbacks and log hooks may
 * create others meanwhile, which stay. All give up their waits before the first stack goes, because
 * what they wait for may lie on the stack of another one of them. */
static void destroy_parked(struct coro__ready *ready)
{
    struct coro__list doomed;
    coro__list_init(&doomed);
    coro__list_move_all(&doomed, &ready->pool->tasks);
    /* Whatever happens now, none of them is woken again. */
    for (struct coro__list *link = doomed.next; link != &doomed; link = link->next)
        CORO__CONTAINER_OF(link, coro_task, siblings)->wait->done = true;
    for (struct coro__list *link = doomed.next; link != &doomed; link = link->next)
        abandon_wait(ready, CORO__CONTAINER_OF(link, coro_task, siblings));
    while (!coro__list_empty(&doomed))
        destroy(ready, CORO__CONTAINER_OF(doomed.next, coro_task, siblings));
}

/* Destroys what the run could not bring to an end, and runs the done callbacks that this schedules,
 * or that were queued before; tasks which these create are cancelled before they start. */
static void destroy_pending(struct run *run)
{
    struct coro__loop *loop = &run->loop;
    coro__loop_stop(loop);
    do {
        while (coro__loop_anything_ready(loop)) {
            cancel_all(&loop->ready);
            coro__loop_run(loop);
        }
        destroy_parked(&loop->ready);
    } while (coro__loop_anything_ready(loop));
}

static int run_main(struct run *run, const coro_run_options *options, coro_fn *fn, void *arg)
{
    struct coro__ready *ready = &run->loop.ready;
    coro__callback_init(&run->main_ended, on_main_ended);
    if (coro__ready_reserve(ready, 1) < 0)
        return -ENOMEM;
    run->main = coro_create_task(fn, arg);
    if (!run->main)
        return -ENOMEM;
    run->loop.eager_start = options->eager_start;
    coro__add_callback(ready, run->main, &run->main_ended);
    coro__loop_run(&run->loop);
    cancel_left_over(run);
    destroy_pending(run);
    const int status = coro__task_result(run->main, NULL);
    coro__task_release(run->main);
    return run->deadlocks > 0 ? -EDEADLK : status;
}

int coro_run_with(const coro_run_options *given, coro_fn *fn, void *arg)
{
    if (!fn || (given && given->stack_size > CORO__STACK_MAXIMUM))
        return -EINVAL;
    if (coro__ready_here)
        return -EPERM;
    const coro_run_options options = with_environment(given);
    struct run *run = coro__calloc(1, sizeof *run);
    if (!run)
        return -ENOMEM;
    int rc = open_run(run, &options);
    if (rc == 0) {
        rc = run_main(run, &options, fn, arg);
        close_run(run);
    }
    free(run);
    return rc;
}

int coro_run(coro_fn *fn, void *arg)
{
    return coro_run_with(NULL, fn, arg);
}

coro_time coro_now(void)
{
    return coro__ready_here ? coro__loop_now(coro__loop_here()) : coro__clock_monotonic();
}

size_t coro_all_tasks(coro_task *tasks[], size_t capacity)
{
    size_t count = 0;
    if (!coro__ready_here)
        return 0;
    struct coro__list *list = &coro__ready_here->pool->tasks;
    for (struct coro__list *link = list->next; link != list; link = link->next, count++)
        if (count < capacity)
            tasks[count] = CORO__CONTAINER_OF(link, coro_task, siblings);
    return count;
}
