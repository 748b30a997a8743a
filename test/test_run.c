/* SPDX-License-Identifier: MIT */
/* Running: results, what becomes of left-over tasks, deadlocks, options and the environment. */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>

static int returns_argument(void *number)
{
    return *(int *)number;
}

START_TEST(a_run_returns_the_result_of_its_main_task)
{
    int number = 42;
    ck_assert_int_eq(coro_run(returns_argument, &number), 42);
    number = -ENOENT;
    ck_assert_int_eq(coro_run(returns_argument, &number), -ENOENT);
    ck_assert_int_eq(coro_run_with(NULL, returns_argument, &number), -ENOENT);
    ck_assert_int_eq(run_test(returns_argument, &number), -ENOENT);
    ck_assert_uint_eq(logged(), 0); /* the caller has it */
}
END_TEST

START_TEST(runs_follow_one_another)
{
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(run_test(sleeps, ARG(1000)), 0);
        ck_assert_int_eq(run_test(returns, ARG(i)), i);
    }
    ck_assert_ptr_null(coro_current_task());
}
END_TEST

/* CPython: test_runners.RunTests.test_asyncio_run_from_running_loop */
/* CPython: test_events.EventLoopTestsMixin.test_run_until_complete_nesting
 * test_base_events.RunningLoopTests.test_running_loop_within_a_loop */
TASK_TEST(runs_do_not_nest)
{
    ck_assert_int_eq(coro_run(returns, NULL), -EPERM);
    ck_assert_int_eq(run_test(returns, NULL), -EPERM);
    ck_assert_int_eq(coro_yield(), 0);
    return 0;
}

static void run_in_callback(coro_task *task, void *rc)
{
    *(int *)rc = coro_run(returns, NULL);
}

TASK_TEST(runs_do_not_nest_in_callbacks_either)
{
    int rc = 0;
    coro_task *task = spawn(returns, NULL);
    coro_add_done_callback(task, run_in_callback, &rc);
    passes(2);
    ck_assert_int_eq(rc, -EPERM);
    coro_release(task);
    return 0;
}

/* CPython: test_runners.RunTests.test_asyncio_run_only_coro */
/* CPython: test_base_events.BaseEventLoopTests.test_run_until_complete_type_error */
START_TEST(a_run_needs_a_function)
{
    const coro_run_options options = test_options();
    ck_assert_int_eq(coro_run(NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_run_with(&options, NULL, NULL), -EINVAL);
}
END_TEST

START_TEST(a_stack_that_is_too_large_is_refused)
{
    coro_run_options options = test_options();
    options.stack_size = SIZE_MAX;
    ck_assert_int_eq(coro_run_with(&options, returns, NULL), -EINVAL);
}
END_TEST

START_TEST(timers_are_not_to_be_early)
{
    coro_run_options options = test_options();
    options.timer_slack = -1;
    ck_assert_int_eq(coro_run_with(&options, returns, NULL), -EINVAL);
}
END_TEST

static int uses_stack(void *bytes)
{
    volatile char used[1024 * 1024];
    for (int i = 0; i < NUMBER(bytes); i++)
        used[i] = 1;
    return used[0];
}

static int uses_stack_in_a_task(void *bytes)
{
    return uses_stack(bytes) + coro_join(spawn(uses_stack, bytes), NULL);
}

START_TEST(the_stack_size_is_for_all_tasks)
{
    coro_run_options options = test_options();
    options.stack_size = 2 * 1024 * 1024;
    ck_assert_int_eq(coro_run_with(&options, uses_stack_in_a_task, ARG(1024 * 1024)), 2);
}
END_TEST

static void *run_in_thread(void *number)
{
    return ARG(run_test(sleeps, number));
}

static int joins_thread(void *arg)
{
    pthread_t thread;
    void *rc = ARG(-1);
    ck_assert_int_eq(pthread_create(&thread, NULL, run_in_thread, ARG(1000)), 0);
    ck_assert_int_eq(pthread_join(thread, &rc), 0);
    return NUMBER(rc);
}

START_TEST(each_thread_has_a_loop_of_its_own)
{
    ck_assert_int_eq(run_test(joins_thread, NULL), 0);
}
END_TEST

/* --- Left-over tasks -------------------------------------------------------------------------- */
static int traces_cancel(void *name)
{
    const int rc = coro_sleep(CORO_FOREVER);
    trace("%s:%s", (const char *)name, rc == -ECANCELED ? "cancelled" : "?");
    return rc;
}

static int leaves_three(void *arg)
{
    coro_release(spawn(traces_cancel, (void *)"a"));
    coro_release(spawn(traces_cancel, (void *)"b"));
    passes(1);
    coro_release(spawn(traces_cancel, (void *)"c")); /* still starts: the main task ends after it */
    return 5;
}

START_TEST(left_over_tasks_are_cancelled)
{
    ck_assert_int_eq(run_test(leaves_three, NULL), 5);
    expect_trace("a:cancelled b:cancelled c:cancelled");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int cleans_up_slowly(void *milliseconds)
{
    coro_sleep(CORO_FOREVER);
    const int rc = sleeps(milliseconds);
    trace("%lld", (long long)(coro_now() / CORO_MILLISECOND));
    return rc;
}

static int leaves_slow_ones(void *arg)
{
    coro_release(spawn(cleans_up_slowly, ARG(2000)));
    coro_release(spawn(cleans_up_slowly, ARG(1000)));
    return coro_yield();
}

START_TEST(the_run_waits_for_left_over_tasks_together)
{
    ck_assert_int_eq(run_test(leaves_slow_ones, NULL), 0);
    expect_trace("1000 2000");
}
END_TEST

static int fails_when_cancelled(void *arg)
{
    coro_sleep(CORO_FOREVER);
    return coro_fail(-EIO, "could not save");
}

static int leaves_failing_one(void *arg)
{
    const coro_task_options options = {.name = "saver"};
    coro_release(coro_create_task_with(&options, fails_when_cancelled, NULL));
    return coro_yield();
}

START_TEST(an_error_while_the_run_ends_is_reported)
{
    ck_assert_int_eq(run_test(leaves_failing_one, NULL), 0);
    expect_log(CORO_LOG_SHUTDOWN_ERROR, -EIO, "'saver' (entry: fails_when_cancelled)");
    ck_assert_uint_eq(logged(), 0); /* once */
}
END_TEST

static int respawns(void *count)
{
    const int rc = coro_sleep(CORO_FOREVER);
    trace("%d", NUMBER(count));
    if (NUMBER(count) > 0)
        coro_release(spawn(respawns, ARG(NUMBER(count) - 1)));
    passes(2);
    return rc;
}

static int leaves_respawning_one(void *arg)
{
    coro_release(spawn(respawns, ARG(3)));
    return coro_yield();
}

START_TEST(tasks_created_while_the_run_ends_are_cancelled_too)
{
    ck_assert_int_eq(run_test(leaves_respawning_one, NULL), 0);
    expect_trace("3 2 1 0");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int leaves_a_pair(void *arg)
{
    coro_task *inner = spawn(cleans_up_slowly, ARG(1000));
    coro_release(spawn(awaits, inner));
    coro_release(inner);
    return coro_yield();
}

START_TEST(left_over_tasks_may_wait_for_each_other)
{
    ck_assert_int_eq(run_test(leaves_a_pair, NULL), 0);
    expect_trace("1000");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int awaits_main(void *main)
{
    trace("%d", coro_await((coro_task *)main, NULL));
    return 0;
}

static int is_awaited(void *arg)
{
    coro_release(spawn(awaits_main, coro_current_task()));
    passes(1);
    return 5;
}

START_TEST(the_main_task_can_be_awaited)
{
    ck_assert_int_eq(run_test(is_awaited, NULL), 5);
    expect_trace("5");
}
END_TEST

static void trace_late(coro_task *task, void *name)
{
    trace("%s", (const char *)name);
}

static int leaves_callbacks(void *arg)
{
    coro_add_done_callback(coro_current_task(), trace_late, (void *)"main-ended");
    coro_task *task = spawn(forever, NULL);
    coro_add_done_callback(task, trace_late, (void *)"other-ended");
    coro_release(task);
    return coro_yield();
}

START_TEST(done_callbacks_run_before_the_run_ends)
{
    ck_assert_int_eq(run_test(leaves_callbacks, NULL), 0);
    expect_trace("main-ended other-ended");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* --- Deadlocks -------------------------------------------------------------------------------- */
static int deadlocks(void *arg)
{
    trace("%s", coro_sleep(CORO_FOREVER) == -ECANCELED ? "cancelled" : "?");
    return 3;
}

START_TEST(a_deadlock_cancels_the_main_task_and_ends_the_run)
{
    ck_assert_int_eq(run_test(deadlocks, NULL), -EDEADLK);
    expect_trace("cancelled");
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "  task 'Task-1' (entry: deadlocks) waits in sleep");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int waits_for_the_world(void *arg)
{
    const coro_task_options reader = {.name = "reader"}, pair = {.name = "pair"};
    coro_future *future = coro_create_future();
    coro_task *tasks[] = {coro_create_task_with(&reader, awaits, future),
                          coro_create_task_with(&pair, forever, NULL)};
    coro_set_name(coro_current_task(), "main");
    const int rc = coro_gather(tasks, 2, 0);
    coro_release(tasks[0]);
    coro_release(tasks[1]);
    coro_release(future);
    return rc;
}

/* CPython: test_tasks.BaseTaskTests.test_task_repr_wait_for */
START_TEST(a_deadlock_is_reported_as_a_tree)
{
    ck_assert_int_eq(run_test(waits_for_the_world, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "  task 'main' (entry: waits_for_the_world) waits in gather");
    expect_log(CORO_LOG_DEADLOCK, 0, "    task 'reader' (entry: awaits) waits in await");
    expect_log(CORO_LOG_DEADLOCK, 0, "      future 'Future-1' has no result");
    expect_log(CORO_LOG_DEADLOCK, 0, "    task 'pair' (entry: forever) waits in sleep");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int awaits_next(void *next)
{
    return coro_await(*(coro_task **)next, NULL);
}

static int rings(void *arg)
{
    const coro_task_options a = {.name = "a"}, b = {.name = "b"};
    coro_task *tasks[2];
    tasks[0] = coro_create_task_with(&a, awaits_next, &tasks[1]);
    tasks[1] = coro_create_task_with(&b, awaits_next, &tasks[0]);
    coro_set_name(coro_current_task(), "main");
    const int rc = coro_await(tasks[0], NULL);
    coro_release(tasks[0]);
    coro_release(tasks[1]);
    return rc;
}

START_TEST(a_ring_is_reported_and_broken)
{
    ck_assert_int_eq(run_test(rings, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "  task 'main' (entry: rings) waits in await");
    expect_log(CORO_LOG_DEADLOCK, 0, "    task 'a' (entry: awaits_next) waits in await");
    expect_log(CORO_LOG_DEADLOCK, 0, "      task 'b' (entry: awaits_next) waits in await");
    expect_log(CORO_LOG_DEADLOCK, 0,
               "        task 'a' (entry: awaits_next) waits in await (see above)");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int refuses_always(void *arg)
{
    while (coro_sleep(CORO_FOREVER) == -ECANCELED)
        trace("%s", coro_get_name(coro_current_task()));
    return 0;
}

START_TEST(a_deadlocked_task_that_refuses_to_end_is_destroyed)
{
    ck_assert_int_eq(run_test(refuses_always, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "refuses_always");
    expect_log(CORO_LOG_DESTROYED_PENDING, 0, "task 'Task-1' (entry: refuses_always)");
    ck_assert_uint_eq(logged(), 0);
    expect_trace("Task-1 Task-1");
}
END_TEST

static int leaves_one_that_refuses(void *arg)
{
    const coro_task_options options = {.name = "mule"};
    coro_task *task = coro_create_task_with(&options, refuses_always, NULL);
    coro_add_done_callback(task, trace_late, (void *)"destroyed");
    coro_release(task);
    passes(1);
    return 4;
}

/* CPython: test_tasks.BaseTaskTests.test_log_destroyed_pending_task */
START_TEST(a_left_over_task_that_refuses_to_end_is_a_deadlock)
{
    ck_assert_int_eq(run_test(leaves_one_that_refuses, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "'mule'");
    expect_log(CORO_LOG_DESTROYED_PENDING, 0, "'mule'");
    ck_assert_uint_eq(logged(), 0);
    expect_trace("mule mule mule destroyed");
}
END_TEST

static coro_task *mule;
static coro_future *never;

static int refuses_in(void *way)
{
    coro_timeout scope;
    while (!coro_done(mule)) {
        switch (NUMBER(way)) {
        case 0:
            coro_await(mule, NULL);
            break;
        case 1:
            coro_gather(&mule, 1, 0);
            break;
        case 2:
            coro_wait(&never, 1, CORO_ALL_COMPLETED, CORO_FOREVER);
            break;
        case 3:
            coro_shield(never, NULL);
            break;
        case 4:
            coro_wait_for(mule, 0, NULL);
            break;
        default:
            coro_timeout_begin(&scope, CORO_FOREVER);
            coro_timeout_end(&scope, coro_sleep(CORO_FOREVER));
        }
    }
    return 0;
}

static int sleeps_on(void *arg)
{
    while (coro_sleep(CORO_FOREVER) < 0)
        ;
    return 0;
}

enum { WAYS = 6 };

static int leaves_all_that_refuse(void *arg)
{
    mule = spawn(sleeps_on, NULL);
    never = coro_create_future();
    for (int way = 0; way < WAYS; way++)
        coro_release(spawn(refuses_in, ARG(way)));
    return coro_yield();
}

START_TEST(a_task_may_refuse_in_any_call_that_waits)
{
    ck_assert_int_eq(run_test(leaves_all_that_refuse, NULL), -EDEADLK);
    forget_log();
    ck_assert(coro_cancelled(mule));
    coro_release(mule);
    coro_release(never);
}
END_TEST

START_TEST(a_thread_can_run_again_after_a_deadlock)
{
    ck_assert_int_eq(run_test(deadlocks, NULL), -EDEADLK);
    ck_assert_int_eq(run_test(sleeps, ARG(1)), 0);
    forget_log();
    expect_trace("cancelled");
}
END_TEST

static int settles(void *future)
{
    return coro_set_result((coro_future *)future, 6, NULL);
}

static int a_future_is_settled_in_time(void *arg)
{
    coro_future *future = coro_create_future();
    coro_release(spawn(settles, future));
    return coro_join(future, NULL);
}

START_TEST(a_wait_that_somebody_can_end_is_no_deadlock)
{
    ck_assert_int_eq(run_test(a_future_is_settled_in_time, NULL), 6);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* --- The environment -------------------------------------------------------------------------- */
static int sleeps_an_hour(void *arg)
{
    return coro_sleep(3600 * CORO_SECOND);
}

START_TEST(CORO_CLOCK_sets_a_virtual_clock)
{
    setenv("CORO_CLOCK", "virtual", 1);
    ck_assert_int_eq(coro_run(sleeps_an_hour, NULL), 0); /* or libcheck ends it */
}
END_TEST

static int traces_number(void *number)
{
    trace("%d", NUMBER(number));
    return 0;
}

static int traces_order(void *arg)
{
    for (int i = 0; i < 10; i++)
        coro_release(spawn(traces_number, ARG(i)));
    return coro_yield() + coro_yield();
}

static const char fifo[] = "0 1 2 3 4 5 6 7 8 9";

/* The order that a run with this seed has, as an option. */
static void order_of(uint64_t seed, char *order, size_t size)
{
    coro_run_options options = test_options();
    options.seed = seed;
    ck_assert_int_eq(coro_run_with(&options, traces_order, NULL), 0);
    take_trace(order, size);
}

START_TEST(CORO_SEED_shuffles_a_run_that_has_no_seed)
{
    char order[64], again[64], other[64];
    setenv("CORO_SEED", "7", 1);
    order_of(0, order, sizeof order);
    ck_assert_str_ne(order, fifo);
    unsetenv("CORO_SEED");
    order_of(7, again, sizeof again);
    ck_assert_str_eq(again, order);
    order_of(8, other, sizeof other);
    setenv("CORO_SEED", "7", 1);
    order_of(8, again, sizeof again);
    ck_assert_str_eq(again, other);
    setenv("CORO_SEED", "0x7", 1);
    order_of(0, again, sizeof again);
    ck_assert_str_eq(again, order);
}
END_TEST

static int knows_high_water(void *arg)
{
    coro_task *task = spawn(returns, NULL);
    passes(1);
    const bool known = coro_stack_high_water(task) > 0;
    coro_release(task);
    return known;
}

/* CPython: test_tasks.GatherTestsBase.test_env_var_debug */
/* CPython: test_base_events.BaseEventLoopTests.test_env_var_debug
 * test_base_events.BaseEventLoopTests.test_set_debug */
START_TEST(CORO_DEBUG_sets_debug_mode)
{
    setenv("CORO_DEBUG", "1", 1);
    ck_assert_int_eq(run_test(knows_high_water, NULL), 1);
    setenv("CORO_DEBUG", "0", 1);
    ck_assert_int_eq(run_test(knows_high_water, NULL), 0);
    setenv("CORO_DEBUG", "", 1);
    ck_assert_int_eq(run_test(knows_high_water, NULL), 0);
}
END_TEST

TASK_TEST(a_task_that_has_not_started_has_used_no_stack)
{
    coro_task *task = spawn(returns, NULL);
    ck_assert_uint_eq(coro_stack_high_water(task), 0);
    coro_cancel(task);
    passes(1);
    ck_assert(coro_done(task));
    ck_assert_uint_eq(coro_stack_high_water(task), 0);
    coro_release(task);
    return 0;
}

START_TEST(other_values_in_the_environment_change_nothing)
{
    char order[64];
    setenv("CORO_SEED", "0", 1);
    setenv("CORO_CLOCK", "sundial", 1);
    order_of(0, order, sizeof order);
    ck_assert_str_eq(order, fifo);
    setenv("CORO_SEED", "", 1);
    order_of(0, order, sizeof order);
    ck_assert_str_eq(order, fifo);
    ck_assert_int_eq(coro_run(returns, ARG(3)), 3);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_run_returns_the_result_of_its_main_task,
        runs_follow_one_another,
        runs_do_not_nest,
        runs_do_not_nest_in_callbacks_either,
        a_run_needs_a_function,
        a_stack_that_is_too_large_is_refused,
        timers_are_not_to_be_early,
        the_stack_size_is_for_all_tasks,
        each_thread_has_a_loop_of_its_own,
        left_over_tasks_are_cancelled,
        the_run_waits_for_left_over_tasks_together,
        an_error_while_the_run_ends_is_reported,
        tasks_created_while_the_run_ends_are_cancelled_too,
        left_over_tasks_may_wait_for_each_other,
        the_main_task_can_be_awaited,
        done_callbacks_run_before_the_run_ends,
        a_deadlock_cancels_the_main_task_and_ends_the_run,
        a_deadlock_is_reported_as_a_tree,
        a_ring_is_reported_and_broken,
        a_deadlocked_task_that_refuses_to_end_is_destroyed,
        a_left_over_task_that_refuses_to_end_is_a_deadlock,
        a_task_may_refuse_in_any_call_that_waits,
        a_thread_can_run_again_after_a_deadlock,
        a_wait_that_somebody_can_end_is_no_deadlock,
        CORO_CLOCK_sets_a_virtual_clock,
        CORO_SEED_shuffles_a_run_that_has_no_seed,
        CORO_DEBUG_sets_debug_mode,
        a_task_that_has_not_started_has_used_no_stack,
        other_values_in_the_environment_change_nothing,
        NULL,
    };
    return run_suite("run", tests);
}
