/* SPDX-License-Identifier: MIT */
/* asyncio's cases for creating a task, and for what is reported of it when it has gone. */
#include "support.h"

/* CPython, does not apply: the C compiler finds an argument of another type:
 * test_tasks.BaseTaskTests.test_as_completed_invalid_args */

/* CPython, does not apply: whatever has the type of a task function is one:
 * test_tasks.BaseTaskTests.test_create_task_with_asynclike_function */

/* CPython, does not apply: neither errors nor tasks have a traceback:
 * test_tasks.BaseTaskTests.test_exception_traceback
 * test_tasks.BaseTaskTests.test_task_source_traceback */

/* CPython, does not apply: a task cannot be initialised again, and its fields are hidden:
 * test_tasks.CTask_CFuture_Tests.test_refleaks_in_task___init__
 * test_tasks.CTask_CFuture_Tests.test_del__log_destroy_pending_segfault */

/* --- Creating --------------------------------------------------------------------------------- */
/* CPython: test_tasks.BaseTaskTests.test_bare_create_task
 * test_tasks.BaseTaskTests.test_create_task_with_async_function */
TASK_TEST(a_function_becomes_a_task_as_often_as_one_likes)
{
    coro_task *task = coro_create_task(returns, ARG(1));
    ck_assert_ptr_nonnull(task);
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_await(task, NULL), 1);
    coro_task *second = coro_create_task(returns, ARG(2));
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_ne(second, task);
    ck_assert_int_eq(coro_join(second, NULL), 2);
    ck_assert_int_eq(coro_join(task, NULL), 1);
    return 0;
}

/* --- Waiting ---------------------------------------------------------------------------------- */
static int awaits_and_traces(coro_future *waiter)
{
    const int rc = coro_await(waiter, NULL);
    trace("inner:%s", rc == -ECANCELED ? "cancelled" : "?");
    return rc;
}

static int catches(void *waiter)
{
    const int rc = awaits_and_traces((coro_future *)waiter);
    trace("outer:%s", rc == -ECANCELED ? "cancelled" : "?");
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_yield_future_passes_cancel */
TASK_TEST(a_cancel_reaches_the_future_below_the_called_function)
{
    coro_future *waiter = coro_create_future();
    coro_task *task = spawn(catches, waiter);
    passes(1);
    ck_assert(coro_cancel(task));
    ck_assert(coro_cancelled(waiter));
    expect_trace("");
    ck_assert_int_eq(coro_await(task, NULL), 0);
    expect_trace("inner:cancelled outer:cancelled");
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    coro_release(task);
    coro_release(waiter);
    return 0;
}

static int sum;

static void add_to_sum(void *number)
{
    sum += NUMBER(number);
}

/* CPython: test_tasks.SleepTests.test_sleep_zero */
TASK_TEST(a_sleep_of_nothing_lets_the_callbacks_run_that_were_scheduled)
{
    ck_assert_int_eq(coro_call_soon(add_to_sum, ARG(1), NULL), 0);
    ck_assert_int_eq(sum, 0);
    ck_assert_int_eq(coro_sleep(0), 0);
    ck_assert_int_eq(sum, 1);
    ck_assert_int_eq(coro_now(), 0);
    return 0;
}

/* --- Reports ---------------------------------------------------------------------------------- */
static int fails(void *arg)
{
    return coro_fail(-EINVAL, "a wrong type");
}

/* CPython: test_tasks.BaseTaskTests.test_tb_logger_not_called_after_cancel */
TASK_TEST(an_error_of_a_task_that_is_cancelled_after_its_end_is_not_reported)
{
    coro_task *task = spawn(fails, NULL);
    ck_assert_int_eq(coro_sleep(50 * CORO_MILLISECOND), 0);
    ck_assert(coro_done(task));
    ck_assert(!coro_cancel(task));
    coro_release(task);
    ck_assert_uint_eq(logged(), 0);

    task = spawn(fails, NULL);
    ck_assert_int_eq(coro_sleep(50 * CORO_MILLISECOND), 0);
    coro_release(task);
    expect_log(CORO_LOG_NEVER_RETRIEVED, -EINVAL, "a wrong type");
    return 0;
}

static int waits_for_nobody(void *arg)
{
    coro_future *future = coro_create_future();
    const int rc = coro_await(future, NULL);
    trace("tidy:%s", rc == -ECANCELED ? "cancelled" : "?");
    coro_release(future);
    return rc;
}

static int leaves_a_task_to_itself(void *arg)
{
    coro_task *all[2] = {NULL}, *task = spawn(waits_for_nobody, NULL);
    coro_release(task);
    passes(1);
    ck_assert_uint_eq(coro_all_tasks(all, 2), 2);
    ck_assert_ptr_eq(all[1], task);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 2);
    expect_trace("");
    return 0;
}

/* CPython, stronger: the loop keeps a task that nobody has a handle to, and cancels it in the end:
 * test_tasks.BaseTaskTests.test_log_destroyed_pending_task */
START_TEST(a_pending_task_that_nobody_has_is_not_destroyed)
{
    coro_run_options options = test_options();
    options.debug = true;
    ck_assert_int_eq(coro_run_with(&options, leaves_a_task_to_itself, NULL), 0);
    expect_trace("tidy:cancelled");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_function_becomes_a_task_as_often_as_one_likes,
        a_cancel_reaches_the_future_below_the_called_function,
        a_sleep_of_nothing_lets_the_callbacks_run_that_were_scheduled,
        an_error_of_a_task_that_is_cancelled_after_its_end_is_not_reported,
        a_pending_task_that_nobody_has_is_not_destroyed,
        NULL,
    };
    return run_suite("asyncio_tasks_life", tests);
}
