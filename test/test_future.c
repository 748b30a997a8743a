/* SPDX-License-Identifier: MIT */
/* Futures: their results, their done callbacks, their waiters, and what is reported of them. */
#include "support.h"

#include <limits.h>
#include <stdio.h>

TASK_TEST(a_new_future_has_no_result)
{
    coro_future *future = coro_create_future();
    ck_assert_ptr_nonnull(future);
    ck_assert(!coro_done(future));
    ck_assert(!coro_cancelled(future));
    ck_assert_int_eq(coro_result(future, NULL), -EINPROGRESS);
    ck_assert_ptr_null(coro_error_message(future));
    coro_release(future);
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_constructor_without_loop */
START_TEST(no_future_is_made_outside_a_loop)
{
    ck_assert_ptr_null(coro_create_future());
}
END_TEST

/* CPython: test_futures.BaseFutureTests.test_future_stop_iteration_args */
TASK_TEST(a_result_comes_with_its_value)
{
    int value = 0;
    void *got = NULL;
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_set_result(future, 5, &value), 0);
    ck_assert(coro_done(future));
    ck_assert(!coro_cancelled(future));
    ck_assert_int_eq(coro_await(future, &got), 5);
    ck_assert_ptr_eq(got, &value);
    got = NULL;
    ck_assert_int_eq(coro_result(future, &got), 5);
    ck_assert_ptr_eq(got, &value);
    ck_assert_ptr_null(coro_error_message(future));
    coro_release(future);
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_exception_class */
TASK_TEST(a_failure_has_no_value)
{
    int value = 0;
    void *got = &value;
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_set_result(future, -EIO, &value), 0);
    ck_assert_int_eq(coro_result(future, &got), -EIO);
    ck_assert_ptr_null(got);
    ck_assert_str_eq(coro_error_message(future), strerror(EIO));
    coro_release(future);
    return 0;
}

TASK_TEST(an_error_comes_with_its_message)
{
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_set_error(future, -ENOENT, "no user %s", "bob"), 0);
    ck_assert_int_eq(coro_await(future, NULL), -ENOENT);
    ck_assert_str_eq(coro_error_message(future), "no user bob");
    ck_assert_str_eq(coro_error_message(coro_current_task()), "no user bob");
    coro_release(future);
    return 0;
}

TASK_TEST(an_error_must_be_one)
{
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_set_error(future, 0, "none"), -EINVAL);
    ck_assert_int_eq(coro_set_error(future, 3, "none"), -EINVAL);
    ck_assert(!coro_done(future));
    coro_release(future);
    return 0;
}

TASK_TEST(a_result_is_set_once)
{
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_set_result(future, 1, NULL), 0);
    ck_assert_int_eq(coro_set_result(future, 2, NULL), -EALREADY);
    ck_assert_int_eq(coro_set_error(future, -EIO, "late"), -EALREADY);
    ck_assert_int_eq(coro_result(future, NULL), 1);
    coro_release(future);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_task_set_methods */
/* CPython, stronger: the call is refused, and the task runs on to its own result:
 * test_tasks.SetMethodsTest.test_set_result_causes_invalid_state
 * test_tasks.SetMethodsTest.test_set_exception_causes_invalid_state */
TASK_TEST(a_tasks_result_cannot_be_set)
{
    coro_task *task = spawn(returns, ARG(4));
    ck_assert_int_eq(coro_set_result(task, 1, NULL), -EINVAL);
    ck_assert_int_eq(coro_set_error(task, -EIO, "no"), -EINVAL);
    return coro_join(task, NULL) == 4 ? 0 : -1;
}

/* CPython, stronger: test_futures.BaseFutureTests.test_uninitialized: NULL is a future that
 * failed, for every call */
TASK_TEST(a_future_that_could_not_be_made_failed)
{
    void *value = ARG(1);
    ck_assert_int_eq(coro_set_result(NULL, 1, NULL), -ENOMEM);
    ck_assert_int_eq(coro_set_error(NULL, -EIO, "no"), -ENOMEM);
    ck_assert(coro_done(NULL));
    ck_assert(!coro_cancelled(NULL));
    ck_assert(!coro_cancel(NULL));
    ck_assert_int_eq(coro_result(NULL, &value), -ENOMEM);
    ck_assert_int_eq(coro_await(NULL, NULL), -ENOMEM);
    ck_assert_int_eq(coro_add_done_callback(NULL, trace_done, NULL), -ENOMEM);
    ck_assert_uint_eq(coro_remove_done_callback(NULL, trace_done, NULL), 0);
    ck_assert_ptr_null(coro_retain(NULL));
    coro_release(NULL);
    return 0;
}

TASK_TEST(the_result_ECANCELED_cancels)
{
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_set_result(future, -ECANCELED, NULL), 0);
    ck_assert(coro_cancelled(future));
    ck_assert_int_eq(coro_await(future, NULL), -ECANCELED);
    coro_release(future);
    return 0;
}

TASK_TEST(a_future_is_cancelled_at_once_and_once)
{
    coro_future *future = coro_create_future();
    ck_assert(coro_cancel_with(future, "enough"));
    ck_assert(coro_cancelled(future));
    ck_assert(!coro_cancel_with(future, "more"));
    ck_assert_int_eq(coro_set_result(future, 0, NULL), -EALREADY);
    ck_assert_int_eq(coro_await(future, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    ck_assert_str_eq(coro_error_message(future), "enough");
    coro_release(future);
    return 0;
}

static int waiter(void *arg)
{
    coro_future *const *future = arg;
    const int rc = coro_await(*future, NULL);
    trace("task");
    return rc;
}

TASK_TEST(callbacks_and_waiters_run_in_the_order_they_came)
{
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, trace_done, (void *)"a");
    coro_task *task = spawn(waiter, &future);
    passes(1);
    coro_add_done_callback(future, trace_done, (void *)"b");
    coro_set_result(future, 0, NULL);
    trace("set");
    passes(1);
    expect_trace("set a task b");
    coro_release(future);
    return coro_join(task, NULL);
}

TASK_TEST(waiters_wake_in_the_order_they_came)
{
    static char *const names[] = {"a", "b", "c"};
    coro_future *future = coro_create_future();
    coro_task *tasks[3];
    for (int i = 0; i < 3; i++) {
        tasks[i] = spawn(awaits, future);
        coro_add_done_callback(tasks[i], trace_done, names[i]);
    }
    passes(1);
    coro_set_result(future, 0, NULL);
    passes(2);
    expect_trace("a b c");
    for (int i = 0; i < 3; i++)
        coro_release(tasks[i]);
    coro_release(future);
    return 0;
}

TASK_TEST(a_callback_added_to_what_is_done_runs_in_the_next_pass)
{
    coro_future *future = coro_create_future();
    coro_set_result(future, 0, NULL);
    ck_assert_int_eq(coro_add_done_callback(future, trace_done, (void *)"late"), 0);
    trace("added");
    passes(1);
    expect_trace("added late");
    coro_release(future);
    return 0;
}

static void add_another(coro_task *future, void *arg)
{
    trace("first");
    coro_add_done_callback(future, trace_done, (void *)"another");
}

TASK_TEST(a_callback_may_add_another)
{
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, add_another, NULL);
    coro_add_done_callback(future, trace_done, (void *)"second");
    coro_set_result(future, 0, NULL);
    passes(1);
    trace("pass");
    passes(1);
    expect_trace("first second pass another");
    coro_release(future);
    return 0;
}

TASK_TEST(a_removed_callback_does_not_run)
{
    char a[] = "a";
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, trace_done, a);
    coro_add_done_callback(future, trace_done, (void *)"b");
    coro_add_done_callback(future, trace_done, a);
    coro_add_done_callback(future, add_another, a);
    ck_assert_uint_eq(coro_remove_done_callback(future, trace_done, a), 2);
    ck_assert_uint_eq(coro_remove_done_callback(future, trace_done, a), 0);
    ck_assert_uint_eq(coro_remove_done_callback(future, add_another, a), 1);
    coro_set_result(future, 0, NULL);
    passes(2);
    expect_trace("b");
    coro_release(future);
    return 0;
}

TASK_TEST(a_scheduled_callback_is_not_taken_back)
{
    char a[] = "a";
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, trace_done, a);
    coro_set_result(future, 0, NULL);
    ck_assert_uint_eq(coro_remove_done_callback(future, trace_done, a), 0);
    passes(1);
    expect_trace("a");
    coro_release(future);
    return 0;
}

static void remove_it(coro_task *future, void *arg)
{
    trace("%zu", coro_remove_done_callback(future, trace_done, arg));
}

/* CPython: test_futures.BaseFutureDoneCallbackTests.test_schedule_callbacks_list_mutation_1 */
TASK_TEST(a_callback_may_remove_another)
{
    char a[] = "a";
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, remove_it, a);
    coro_add_done_callback(future, trace_done, a);
    coro_set_result(future, 0, NULL);
    passes(1);
    expect_trace("0 a"); /* too late: both were scheduled together */
    coro_release(future);
    return 0;
}

static void settle_next(coro_task *future, void *next)
{
    coro_set_result((coro_future *)next, coro_result(future, NULL) + 1, NULL);
}

TASK_TEST(a_callback_may_settle_a_future)
{
    coro_future *first = coro_create_future(), *second = coro_create_future();
    coro_add_done_callback(first, settle_next, second);
    coro_set_result(first, 1, NULL);
    ck_assert_int_eq(coro_join(second, NULL), 2);
    coro_release(first);
    return 0;
}

static void try_to_wait(coro_task *future, void *arg)
{
    coro_timeout scope;
    ck_assert_ptr_null(coro_current_task());
    ck_assert_int_eq(coro_yield(), -EPERM);
    ck_assert_int_eq(coro_sleep(1), -EPERM);
    ck_assert_int_eq(coro_await(future, NULL), -EPERM);
    ck_assert_int_eq(coro_gather(&future, 1, 0), -EPERM);
    ck_assert_int_eq(coro_wait(&future, 1, CORO_ALL_COMPLETED, CORO_FOREVER), -EPERM);
    ck_assert_int_eq(coro_wait_for(future, CORO_SECOND, NULL), -EPERM);
    ck_assert_int_eq(coro_shield(future, NULL), -EPERM);
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_SECOND), -EPERM);
    trace("tried");
}

TASK_TEST(a_callback_is_no_task_and_must_not_wait)
{
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, try_to_wait, NULL);
    coro_set_result(future, 0, NULL);
    passes(1);
    expect_trace("tried");
    coro_release(future);
    return 0;
}

static void create_from_callback(coro_task *future, void *task)
{
    *(coro_task **)task = coro_create_task(returns, ARG(3));
}

TASK_TEST(a_callback_may_create_a_task)
{
    coro_task *task = NULL;
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, create_from_callback, &task);
    coro_set_result(future, 0, NULL);
    passes(1);
    coro_release(future);
    return coro_join(task, NULL) == 3 ? 0 : -1;
}

TASK_TEST(a_callback_gets_a_future_that_all_others_have_released)
{
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, trace_done, (void *)"alive");
    coro_set_result(future, 0, NULL);
    coro_release(future);
    passes(1);
    expect_trace("alive");
    return 0;
}

TASK_TEST(a_callback_needs_a_function)
{
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_add_done_callback(future, NULL, NULL), -EINVAL);
    coro_release(future);
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_tb_logger_exception_unretrieved */
TASK_TEST(an_error_that_nobody_read_is_reported)
{
    coro_future *future = coro_create_future();
    coro_set_error(future, -ENOENT, "no user bob");
    coro_retain(future);
    coro_release(future);
    ck_assert_uint_eq(logged(), 0);
    coro_release(future);
    expect_log(CORO_LOG_NEVER_RETRIEVED, -ENOENT, "no user bob");
    return 0;
}

TASK_TEST(an_error_number_of_the_programs_own_has_a_text_that_stays)
{
    static const int errors[] = {-5001, -6002, -1000000, INT_MIN + 1};
    const char *texts[4];
    char copies[4][64];
    coro_task *tasks[4];
    for (int i = 0; i < 4; i++) {
        tasks[i] = spawn(returns, ARG(errors[i]));
        ck_assert_int_eq(coro_await(tasks[i], NULL), errors[i]);
        texts[i] = coro_error_message(tasks[i]);
        ck_assert_ptr_nonnull(texts[i]);
        snprintf(copies[i], sizeof copies[i], "%s", texts[i]);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(texts[i], copies[i]);
    for (int i = 0; i < 4; i++)
        coro_release(tasks[i]);
    return 0;
}

static void cancel_waiter(coro_task *task, void *waiter)
{
    coro_cancel(*(coro_task **)waiter);
}

/* The waiter is cancelled after what it awaits has failed and before it wakes. */
static void cancel_between(coro_fn *waits)
{
    coro_future *future = coro_create_future();
    coro_task *waiter;
    coro_add_done_callback(future, cancel_waiter, &waiter);
    waiter = spawn(waits, future);
    passes(1);
    coro_set_error(future, -EIO, "known to its waiter");
    ck_assert_int_eq(coro_join(waiter, NULL), -ECANCELED);
    coro_release(future);
}

static int shields(void *future)
{
    return coro_shield((coro_future *)future, NULL);
}

TASK_TEST(an_error_whose_waiter_was_cancelled_before_it_woke_is_not_reported)
{
    cancel_between(awaits);
    cancel_between(shields);
    return 0;
}

static coro_future *failed(void)
{
    coro_future *future = coro_create_future();
    coro_set_error(future, -EIO, "unread");
    return future;
}

/* CPython: test_futures.BaseFutureTests.test_tb_logger_exception_retrieved */
/* CPython: test_futures.BaseFutureTests.test_tb_logger_exception_result_retrieved */
/* CPython: test_futures.BaseFutureTests.test_tb_logger_not_called_after_cancel */
TASK_TEST(an_error_that_was_read_is_not_reported)
{
    coro_future *future = failed();
    ck_assert_int_eq(coro_result(future, NULL), -EIO);
    coro_release(future);

    future = failed();
    ck_assert_str_eq(coro_error_message(future), "unread");
    coro_release(future);

    ck_assert_int_eq(coro_join(failed(), NULL), -EIO);

    future = failed();
    ck_assert(!coro_cancel(future)); /* whoever cancels does not want the result */
    coro_release(future);

    future = failed();
    ck_assert_int_eq(coro_gather(&future, 1, 0), -EIO);
    coro_release(future);
    return 0;
}

TASK_TEST(a_cancelled_future_is_not_reported)
{
    coro_future *future = coro_create_future();
    coro_cancel(future);
    coro_release(future);
    return 0;
}

TASK_TEST(a_pending_future_that_goes_with_its_callbacks_is_reported)
{
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, trace_done, (void *)"never");
    coro_release(future);
    expect_log(CORO_LOG_DESTROYED_PENDING, 0, "destroyed while it was pending");
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_tb_logger_abandoned */
TASK_TEST(a_pending_future_that_nobody_wants_goes_silently)
{
    coro_release(coro_create_future());
    return 0;
}

TASK_TEST(a_cancelled_waiter_cancels_the_future_and_with_it_the_others)
{
    coro_future *future = coro_create_future();
    coro_task *a = spawn(awaits, future), *b = spawn(awaits, future);
    passes(1);
    coro_cancel(a);
    ck_assert(coro_cancelled(future));
    passes(1);
    ck_assert(coro_cancelled(a));
    ck_assert(coro_cancelled(b));
    ck_assert_int_eq(coro_cancelling(a), 1);
    ck_assert_int_eq(coro_cancelling(b), 0);
    coro_release(a);
    coro_release(b);
    coro_release(future);
    return 0;
}

static int hand_out(void *arg)
{
    coro_future **futures = arg;
    futures[0] = coro_create_future();
    futures[1] = coro_create_future();
    return coro_set_error(futures[0], -EIO, "settled");
}

START_TEST(a_handle_outlives_its_loop)
{
    coro_future *futures[2];
    ck_assert_int_eq(run_test(hand_out, futures), 0);
    ck_assert_int_eq(coro_result(futures[0], NULL), -EIO);
    ck_assert_str_eq(coro_error_message(futures[0]), "settled");
    ck_assert_int_eq(coro_result(futures[1], NULL), -EINPROGRESS);
    ck_assert_int_eq(coro_set_result(futures[1], 0, NULL), -EXDEV);
    ck_assert_int_eq(coro_add_done_callback(futures[1], trace_done, NULL), -EXDEV);
    ck_assert(!coro_cancel(futures[1]));
    ck_assert_int_eq(coro_await(futures[0], NULL), -EPERM);
    coro_release(futures[0]);
    coro_release(futures[1]);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int fail_one(void *arg)
{
    *(coro_future **)arg = coro_create_future();
    return coro_set_error(*(coro_future **)arg, -EIO, "unread to the end");
}

START_TEST(an_unread_error_is_reported_after_the_loop_as_well)
{
    coro_future *future;
    ck_assert_int_eq(run_test(fail_one, &future), 0);
    coro_release(future);
    expect_log(CORO_LOG_NEVER_RETRIEVED, -EIO, "unread to the end");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_future_has_no_result,
        no_future_is_made_outside_a_loop,
        a_result_comes_with_its_value,
        a_failure_has_no_value,
        an_error_comes_with_its_message,
        an_error_must_be_one,
        a_result_is_set_once,
        a_tasks_result_cannot_be_set,
        a_future_that_could_not_be_made_failed,
        the_result_ECANCELED_cancels,
        a_future_is_cancelled_at_once_and_once,
        callbacks_and_waiters_run_in_the_order_they_came,
        waiters_wake_in_the_order_they_came,
        a_callback_added_to_what_is_done_runs_in_the_next_pass,
        a_callback_may_add_another,
        a_removed_callback_does_not_run,
        a_scheduled_callback_is_not_taken_back,
        a_callback_may_remove_another,
        a_callback_may_settle_a_future,
        a_callback_is_no_task_and_must_not_wait,
        a_callback_may_create_a_task,
        a_callback_gets_a_future_that_all_others_have_released,
        a_callback_needs_a_function,
        an_error_that_nobody_read_is_reported,
        an_error_number_of_the_programs_own_has_a_text_that_stays,
        an_error_whose_waiter_was_cancelled_before_it_woke_is_not_reported,
        an_error_that_was_read_is_not_reported,
        a_cancelled_future_is_not_reported,
        a_pending_future_that_goes_with_its_callbacks_is_reported,
        a_pending_future_that_nobody_wants_goes_silently,
        a_cancelled_waiter_cancels_the_future_and_with_it_the_others,
        a_handle_outlives_its_loop,
        an_unread_error_is_reported_after_the_loop_as_well,
        NULL,
    };
    return run_suite("future", tests);
}
