/* SPDX-License-Identifier: MIT */
/* Debug mode: what it reports, and that without it nothing of that is reported. Slow steps take
 * real time. */
#include "support.h"

#include <pthread.h>
#include <time.h>

static int run_debug(coro_fn *fn, bool debug)
{
    coro_run_options options = test_options();
    options.debug = debug;
    return coro_run_with(&options, fn, NULL);
}

static void block(void)
{
    const struct timespec time = {.tv_nsec = 110 * 1000 * 1000};
    nanosleep(&time, NULL);
}

static int blocks(void *arg)
{
    coro_yield();
    block();
    return 0;
}

static int has_a_slow_task(void *arg)
{
    const coro_task_options options = {.name = "slow one"};
    return coro_join(coro_create_task_with(&options, blocks, NULL), NULL);
}

/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_log_slow_callbacks */
START_TEST(a_slow_step_is_reported_with_its_task)
{
    slow_steps_wanted = true;
    ck_assert_int_eq(run_debug(has_a_slow_task, true), 0);
    expect_log(CORO_LOG_SLOW_STEP, 0, "task 'slow one' (entry: blocks) ran for 0.");
    forget_log(); /* there may be others on a busy machine */
    ck_assert_int_eq(run_debug(has_a_slow_task, false), 0);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static void blocking_call(void *arg)
{
    block();
}

static int has_a_slow_callback(void *arg)
{
    coro_call_soon(blocking_call, NULL, NULL);
    return coro_yield();
}

START_TEST(a_slow_callback_is_reported)
{
    slow_steps_wanted = true;
    ck_assert_int_eq(run_debug(has_a_slow_callback, true), 0);
    expect_log(CORO_LOG_SLOW_STEP, 0, "a callback of the loop ran for 0.");
    forget_log();
}
END_TEST

static void at_once(void *arg)
{
}

static int waits_for_a_callback(void *arg)
{
    coro_call_later(110 * CORO_MILLISECOND, at_once, NULL, NULL);
    return coro_sleep(120 * CORO_MILLISECOND);
}

/* On a busy machine a step may really be slow, but not again and again. */
START_TEST(the_time_before_a_callback_is_not_its_own)
{
    coro_run_options options = test_options();
    options.debug = true;
    options.virtual_clock = false;
    slow_steps_wanted = true;
    size_t reports = 1;
    for (int i = 0; i < 20 && reports > 0; i++) {
        forget_log();
        ck_assert_int_eq(coro_run_with(&options, waits_for_a_callback, NULL), 0);
        reports = logged();
    }
    ck_assert_uint_eq(reports, 0);
}
END_TEST

static coro_task *kept[2];

static int keeps_handles(void *arg)
{
    kept[0] = spawn(returns, NULL);
    kept[1] = coro_create_future();
    return coro_yield();
}

START_TEST(handles_that_are_held_at_the_end_are_reported)
{
    ck_assert_int_eq(run_debug(keeps_handles, true), 0);
    expect_log(CORO_LOG_HANDLES_HELD, 0, "2 handles to tasks or futures are held");
    coro_release(kept[0]);
    coro_release(kept[1]);
    ck_assert_int_eq(run_debug(keeps_handles, false), 0);
    coro_release(kept[0]);
    coro_release(kept[1]);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int cancels_foreign(void *task)
{
    ck_assert(!coro_cancel(task));
    ck_assert_int_eq(coro_await(task, NULL), -EXDEV);
    return 0;
}

/* Another thread, with a loop of its own, while this one waits. */
static void *runs_a_loop(void *task)
{
    coro_run_options options = test_options();
    coro_run_with(&options, cancels_foreign, task);
    return NULL;
}

static int is_used_from_another_thread(void *arg)
{
    pthread_t thread;
    coro_task *task = spawn(forever, NULL);
    coro_set_name(task, "victim");
    ck_assert_int_eq(pthread_create(&thread, NULL, runs_a_loop, task), 0);
    pthread_join(thread, NULL);
    coro_release(task);
    return 0;
}

/* CPython: test_base_events.BaseEventLoopTests.test_check_thread */
START_TEST(calls_from_the_wrong_thread_are_reported)
{
    ck_assert_int_eq(run_debug(is_used_from_another_thread, true), 0);
    expect_log(CORO_LOG_WRONG_THREAD, 0, "'victim' (entry: forever) was used outside the thread");
    expect_log(CORO_LOG_WRONG_THREAD, 0, "'victim'");
    ck_assert_int_eq(run_debug(is_used_from_another_thread, false), 0);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_slow_step_is_reported_with_its_task,     a_slow_callback_is_reported,
        the_time_before_a_callback_is_not_its_own, handles_that_are_held_at_the_end_are_reported,
        calls_from_the_wrong_thread_are_reported,  NULL,
    };
    return run_suite("debug", tests);
}
