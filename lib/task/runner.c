/* SPDX-License-Identifier: MIT */
#include "task/runner.h"
#include "coro/task.h"
#include "sched/deadlock.h"
#include "sched/environment.h"
#include "sched/fork.h"
#include "sched/start.h"
#include "task/callbacks.h"
#include "task/current.h"
#include "task/shutdown.h"
#include "thread/pool.h"
#include "util/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the environment sets where the program left the default. */
static coro_run_options with_environment(const coro_run_options *given)
{
    coro_run_options options = given ? *given : (coro_run_options){0};
    const char *clock = secure_getenv("CORO_CLOCK");
    const char *seed = secure_getenv("CORO_SEED");
    const char *debug = secure_getenv("CORO_DEBUG");
    const char *poller = secure_getenv("CORO_POLLER");
    if (clock && strcmp(clock, "virtual") == 0)
        options.virtual_clock = true;
    if (seed && options.seed == 0)
        options.seed = strtoull(seed, NULL, 0);
    if (debug && *debug && strcmp(debug, "0") != 0)
        options.debug = true;
    if (poller && !options.poller)
        options.poller = poller;
    return options;
}

/* The main task is cancelled first, as the one to deal with it; if that leads to another deadlock,
 * all are, and if that does too, the run ends without them. */
static void on_deadlock(struct coro__loop *loop)
{
    coro_runner *runner = CORO__CONTAINER_OF(loop, coro_runner, loop);
    struct coro__ready *ready = &loop->ready;
    runner->deadlocks++;
    if (runner->deadlocks == 1)
        coro__deadlock_report(loop);
    if (runner->deadlocks == 1 && runner->main && !runner->main->done)
        coro__cancel(ready, runner->main, NULL);
    else if (runner->deadlocks < CORO__MOST_DEADLOCKS)
        coro__cancel_all(ready);
    else
        coro__loop_stop(loop);
}

static void on_main_ended(struct coro__ready *ready, struct coro__callback *callback)
{
    (void)callback;
    coro__loop_stop(coro__loop_of(ready));
}

/* --- Opening and closing ---------------------------------------------------------------------- */
static int open_ready(struct coro__ready *ready, const coro_run_options *options)
{
    struct coro__log log = {options->log, options->log_arg, coro__ready_call_hook};
    struct coro__task_pool *pool = coro__task_pool_create(log);
    if (!pool)
        return -ENOMEM;
    pool->discard = coro__done_callback_discard;
    pool->debug = options->debug;
    const int rc = coro__ready_init(ready, pool);
    if (rc < 0) {
        coro__task_pool_abandon(pool);
        return rc;
    }
    coro__stacks_init(&ready->stacks, coro__task_main, &pool->log);
    ready->start = coro__task_start;
    ready->debug = options->debug;
    return 0;
}

static int open_loop(struct coro__loop *loop, const coro_run_options *options)
{
    int rc = coro__inbox_create(&loop->inbox);
    if (rc < 0)
        return rc;
    rc = open_ready(&loop->ready, options);
    if (rc < 0) {
        coro__inbox_abandon(loop->inbox);
        return rc;
    }
    loop->most_threads = options->threads;
    loop->stack_size = coro__stack_round(
        &loop->ready.stacks, options->stack_size ? options->stack_size : CORO__STACK_DEFAULT);
    if (options->poller)
        snprintf(loop->poller_name, sizeof loop->poller_name, "%s", options->poller);
    loop->forks = coro__forks;
    loop->seed = options->seed;
    loop->clock.is_virtual = options->virtual_clock;
    loop->timer_slack = options->timer_slack;
    loop->last_visit = coro__loop_now(loop);
    loop->deadlocked = on_deadlock;
    coro__cells_init(&loop->cells);
    coro__list_init(&loop->owned);
    return 0;
}

int coro__runner_open(coro_runner **opened, const coro_run_options *given)
{
    if (given && (given->stack_size > CORO__STACK_MAXIMUM || given->timer_slack < 0))
        return -EINVAL;
    const coro_run_options options = with_environment(given);
    int rc = coro__fork_watch();
    if (rc < 0)
        return rc;
    coro_runner *runner = coro__calloc(1, sizeof *runner);
    if (!runner)
        return -ENOMEM;
    rc = open_loop(&runner->loop, &options);
    if (rc < 0) {
        free(runner);
        return rc;
    }
    runner->eager_start = options.eager_start;
    *opened = runner;
    return 0;
}

/* In debug mode, with the loop gone: a hook that creates a task gets none. */
static void report_held(const struct coro__task_pool *pool)
{
    const size_t held = coro__task_pool_alive(pool);
    if (pool->debug && held > 0)
        coro__log(&pool->log, CORO_LOG_HANDLES_HELD, NULL, 0,
                  "%zu %s to tasks or futures %s held when the run ended", held,
                  held == 1 ? "handle" : "handles", held == 1 ? "is" : "are");
}

static void discard_owned(struct coro__loop *loop)
{
    while (!coro__list_empty(&loop->owned)) {
        struct coro__owned *owned = CORO__CONTAINER_OF(loop->owned.next, struct coro__owned, link);
        owned->discard(loop, owned);
    }
}

static void close_loop(struct coro__loop *loop)
{
    struct coro__task_pool *pool = loop->ready.pool;
    if (loop->poller)
        loop->poller->kind->destroy(loop->poller);
    coro__inbox_close(loop->inbox);
    coro__inbox_abandon(loop->inbox);
    coro__stacks_destroy(&loop->ready.stacks);
    coro__timers_destroy(&loop->timers);
    coro__cells_destroy(&loop->cells);
    coro__ready_destroy(&loop->ready);
    report_held(pool);
    coro__task_pool_abandon(pool);
}

/* --- Running ---------------------------------------------------------------------------------- */
/* 0, or why it cannot be run here and now. */
static int check(const coro_runner *runner)
{
    if (coro__ready_here)
        return -EPERM;
    return coro__check_thread(&runner->loop);
}

static void enter(coro_runner *runner)
{
    coro__environment_init(&runner->loop.ready);
    coro__ready_here = &runner->loop.ready;
    coro__overflow_begin(&runner->overflow_guard);
    runner->loop.stop = false;
    runner->loop.ending = false;
    runner->deadlocks = 0;
}

static void leave(coro_runner *runner)
{
    coro__overflow_end(&runner->overflow_guard);
    coro__ready_here = NULL;
}

/* The result of the main task; if it is what SIGINT asked for, that is the result. */
static int end_main(coro_runner *runner)
{
    coro_task *main = runner->main;
    const bool interrupted = coro__interrupt_end(&runner->interrupt, &runner->loop);
    const int status = coro__task_result(main, NULL);
    const bool only = interrupted && status == -ECANCELED && coro_uncancel(main) == 0;
    coro__locals_release(runner->locals);
    runner->locals = coro__locals_retain(main->locals);
    runner->main = NULL;
    coro__task_release(main);
    return only ? -EINTR : status;
}

static int run_main(coro_runner *runner, coro_fn *fn, void *arg)
{
    struct coro__loop *loop = &runner->loop;
    coro__callback_init(&runner->main_ended, on_main_ended);
    if (coro__ready_reserve(&loop->ready, 1) < 0)
        return -ENOMEM;
    /* What was posted before comes before the main task. */
    coro__loop_deliver_posts(loop);
    loop->eager_start = false;
    loop->ready.callback_locals = &runner->locals;
    runner->main = coro_create_task(fn, arg);
    loop->ready.callback_locals = NULL;
    loop->eager_start = runner->eager_start;
    if (!runner->main) {
        coro__ready_unreserve(&loop->ready, 1);
        return -ENOMEM;
    }
    coro__add_callback(&loop->ready, runner->main, &runner->main_ended);
    coro__interrupt_begin(&runner->interrupt, loop, runner->main);
    coro__loop_run(loop);
    if (!runner->main->done)
        coro__shutdown(runner);
    coro__ready_unreserve(&loop->ready, 1);
    return end_main(runner);
}

int coro_runner_run(coro_runner *runner, coro_fn *fn, void *arg)
{
    if (!runner)
        return -ENOMEM;
    if (!fn)
        return -EINVAL;
    int rc = check(runner);
    if (rc < 0)
        return rc;
    enter(runner);
    rc = run_main(runner, fn, arg);
    leave(runner);
    return runner->deadlocks > 0 ? -EDEADLK : rc;
}

int coro_runner_close(coro_runner *runner)
{
    if (!runner)
        return 0;
    int rc = check(runner);
    if (rc < 0)
        return rc;
    struct coro__loop *loop = &runner->loop;
    enter(runner);
    coro__shutdown(runner);
    coro__pool_destroy(loop->pool);
    coro__pool_destroy(loop->resolver_pool);
    discard_owned(loop);
    leave(runner);
    coro__locals_release(runner->locals);
    close_loop(loop);
    rc = runner->deadlocks > 0 ? -EDEADLK : 0;
    free(runner);
    return rc;
}

coro_runner *coro_runner_create(const coro_run_options *options)
{
    coro_runner *runner;
    return coro__runner_open(&runner, options) < 0 ? NULL : runner;
}

coro_loop *coro_runner_get_loop(coro_runner *runner)
{
    return runner ? runner->loop.inbox : NULL;
}
