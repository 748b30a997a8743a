/* SPDX-License-Identifier: MIT */
/* coro_run() as CPython's cases have asyncio.run(). */
#include "../support.h"

#include <stdlib.h>

/* CPython, does not apply: no event loop policy and no loop of another kind:
 * test_runners.RunTests.test_asyncio_run_set_event_loop
 * test_runners.RunTests.test_asyncio_run_loop_factory
 * test_runners.RunTests.test_loop_factory_default_event_loop */

/* CPython, does not apply: no tasks of another kind, without uncancel:
 * test_runners.RunTests.test_asyncio_run_without_uncancel */

/* CPython: test_runners.RunTests.test_asyncio_run_return */
START_TEST(a_run_returns_what_its_main_task_returned_after_a_wait)
{
    ck_assert_int_eq(coro_run(yields_and_returns, ARG(42)), 42);
}
END_TEST

static coro_task *kept;

static int fails_after_a_pass(void *arg)
{
    kept = coro_retain(coro_current_task());
    const int rc = coro_yield();
    return rc < 0 ? rc : coro_fail(-EDOM, "spam");
}

/* CPython: test_runners.RunTests.test_asyncio_run_raises */
START_TEST(a_run_returns_the_error_of_its_main_task)
{
    ck_assert_int_eq(run_test(fails_after_a_pass, NULL), -EDOM);
    ck_assert_str_eq(coro_error_message(kept), "spam");
    ck_assert_uint_eq(logged(), 0);
    coro_release(kept);
}
END_TEST

/* Only debug mode knows how much stack a task has used that has ended. */
static int is_in_debug_mode(void *arg)
{
    coro_task *task = spawn(returns, NULL);
    passes(1);
    const bool known = coro_stack_high_water(task) > 0;
    coro_release(task);
    return known;
}

static int run_debug(bool debug)
{
    coro_run_options options = test_options();
    options.debug = debug;
    return coro_run_with(&options, is_in_debug_mode, NULL);
}

/* CPython: test_runners.RunTests.test_asyncio_run_debug */
START_TEST(debug_mode_is_an_option_or_comes_from_the_environment)
{
    unsetenv("CORO_DEBUG");
    ck_assert_int_eq(run_debug(false), 0);
    ck_assert_int_eq(run_debug(true), 1);
    ck_assert_int_eq(coro_run(is_in_debug_mode, NULL), 0);
    setenv("CORO_DEBUG", "1", 1);
    ck_assert_int_eq(coro_run(is_in_debug_mode, NULL), 1);
    setenv("CORO_DEBUG", "0", 1);
    ck_assert_int_eq(run_debug(true), 1);
    ck_assert_int_eq(coro_run(is_in_debug_mode, NULL), 0);
    unsetenv("CORO_DEBUG");
}
END_TEST

/* --- Left-over tasks -------------------------------------------------------------------------- */
static int sleeps_100_ms(void *arg)
{
    const int rc = sleeps(ARG(100));
    trace("%s", rc == -ECANCELED ? "cancelled" : "?");
    return rc;
}

static int leaves_one(void *fn)
{
    kept = spawn(*(coro_fn **)fn, NULL);
    return 123;
}

/* CPython: test_runners.RunTests.test_asyncio_run_cancels_hanging_tasks */
START_TEST(a_left_over_task_has_ended_when_the_run_returns)
{
    coro_fn *fn = sleeps_100_ms;
    ck_assert_int_eq(run_test(leaves_one, &fn), 123);
    ck_assert(coro_done(kept));
    ck_assert(coro_cancelled(kept));
    expect_trace("cancelled");
    ck_assert_uint_eq(logged(), 0);
    coro_release(kept);
}
END_TEST

static int fails_at_the_cancel(void *arg)
{
    return sleeps_100_ms(NULL) == -ECANCELED ? coro_fail(-EDOM, "no cleanup") : 0;
}

static void expect_shutdown_error(void *count, const coro_log_record *record)
{
    ck_assert_int_eq(record->event, CORO_LOG_SHUTDOWN_ERROR);
    ck_assert_ptr_eq(record->task, kept);
    ck_assert_int_eq(record->error, -EDOM);
    ck_assert_ptr_nonnull(strstr(record->message, "no cleanup"));
    ++*(int *)count;
}

/* CPython: test_runners.RunTests.test_asyncio_run_reports_hanging_tasks_errors */
START_TEST(an_error_of_a_left_over_task_is_reported_and_not_the_runs)
{
    coro_fn *fn = fails_at_the_cancel;
    int count = 0;
    coro_run_options options = test_options();
    options.log = expect_shutdown_error;
    options.log_arg = &count;
    ck_assert_int_eq(coro_run_with(&options, leaves_one, &fn), 123);
    ck_assert_int_eq(count, 1);
    ck_assert(coro_done(kept));
    ck_assert(!coro_cancelled(kept));
    expect_trace("cancelled");
    coro_release(kept);
    ck_assert_int_eq(count, 1);
}
END_TEST

static int leaves_one_and_fails(void *fn)
{
    leaves_one(fn);
    return coro_fail(-ENOENT, "main");
}

/* The generator that the task runs through there is a plain call here. */
/* CPython: test_runners.RunTests.test_asyncio_run_closes_gens_after_hanging_tasks_errors */
START_TEST(the_error_of_the_main_task_stays_when_a_left_over_task_fails)
{
    coro_fn *fn = fails_at_the_cancel;
    ck_assert_int_eq(run_test(leaves_one_and_fails, &fn), -ENOENT);
    expect_trace("cancelled");
    expect_log(CORO_LOG_SHUTDOWN_ERROR, -EDOM, "no cleanup");
    ck_assert_uint_eq(logged(), 0);
    ck_assert_int_eq(coro_result(kept, NULL), -EDOM);
    coro_release(kept);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_run_returns_what_its_main_task_returned_after_a_wait,
        a_run_returns_the_error_of_its_main_task,
        debug_mode_is_an_option_or_comes_from_the_environment,
        a_left_over_task_has_ended_when_the_run_returns,
        an_error_of_a_left_over_task_is_reported_and_not_the_runs,
        the_error_of_the_main_task_stays_when_a_left_over_task_fails,
        NULL,
    };
    return run_suite("asyncio_runners_run", tests);
}
