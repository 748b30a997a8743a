/* SPDX-License-Identifier: MIT */
/* wait_for: a limit on the wait for one task, which is cancelled when the time is up. */
#include "support.h"

static int returns_value(void *value)
{
    coro_sleep(CORO_SECOND);
    return coro_return(value);
}

TASK_TEST(in_time_it_is_an_await)
{
    int value;
    void *got = NULL;
    coro_task *task = spawn(returns_value, &value);
    ck_assert_int_eq(coro_wait_for(task, 2 * CORO_SECOND, &got), 0);
    ck_assert_ptr_eq(got, &value);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    ck_assert_int_eq(coro_sleep(10 * CORO_SECOND), 0); /* no timer is left */
    coro_release(task);
    return 0;
}

TASK_TEST(out_of_time_the_task_is_cancelled)
{
    coro_task *task = spawn(sleeps, ARG(5000));
    ck_assert_int_eq(coro_wait_for(task, CORO_SECOND, NULL), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    ck_assert_int_eq(coro_yield(), 0);
    coro_release(task);
    return 0;
}

TASK_TEST(a_future_is_cancelled_too)
{
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_wait_for(future, CORO_SECOND, NULL), -ETIMEDOUT);
    ck_assert(coro_cancelled(future));
    coro_release(future);
    return 0;
}

TASK_TEST(without_a_limit_it_waits)
{
    coro_task *task = spawn(sleeps, ARG(5000));
    ck_assert_int_eq(coro_wait_for(task, CORO_FOREVER, NULL), 0);
    ck_assert_int_eq(coro_now(), 5 * CORO_SECOND);
    coro_release(task);
    return 0;
}

static int cleans_up(void *milliseconds)
{
    const int rc = coro_sleep(CORO_FOREVER);
    ck_assert_int_eq(sleeps(milliseconds), 0);
    return rc;
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_wait_for_waits_for_task_cancellation */
TASK_TEST(it_waits_until_the_task_has_cleaned_up)
{
    coro_task *task = spawn(cleans_up, ARG(3000));
    ck_assert_int_eq(coro_wait_for(task, CORO_SECOND, NULL), -ETIMEDOUT);
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_now(), 4 * CORO_SECOND);
    coro_release(task);
    return 0;
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_wait_for_cancellation_race_condition
 * test_waitfor.AsyncioWaitForTest.test_wait_for_cancel_suppressed */
TASK_TEST(a_task_that_refuses_gives_its_result)
{
    coro_task *task = spawn(refuses, ARG(5000));
    ck_assert_int_eq(coro_wait_for(task, CORO_SECOND, NULL), 7);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    coro_release(task);
    return 0;
}

static int fails_when_cancelled(void *arg)
{
    coro_sleep(CORO_FOREVER);
    return coro_fail(-EIO, "cleaning up");
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_wait_for_reraises_exception_during_cancellation */
TASK_TEST(a_task_that_fails_at_the_cancel_gives_its_error)
{
    coro_task *task = spawn(fails_when_cancelled, NULL);
    ck_assert_int_eq(coro_wait_for(task, CORO_SECOND, NULL), -EIO);
    ck_assert_str_eq(coro_error_message(coro_current_task()), "cleaning up");
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    coro_release(task);
    return 0;
}

TASK_TEST(a_task_cancelled_by_others_is_no_timeout)
{
    coro_task *task = spawn(forever, NULL);
    passes(1);
    coro_cancel(task);
    ck_assert_int_eq(coro_wait_for(task, CORO_SECOND, NULL), -ECANCELED);
    ck_assert_int_eq(coro_now(), 0);
    coro_release(task);
    return 0;
}

static int waits_for(void *task)
{
    return coro_wait_for((coro_task *)task, CORO_SECOND, NULL);
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_cancel_wait_for */
TASK_TEST(a_cancel_of_the_caller_cancels_the_task)
{
    coro_task *task = spawn(sleeps, ARG(5000)), *caller = spawn(waits_for, task);
    passes(1);
    coro_cancel_with(caller, "outer");
    ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(caller), 1);
    ck_assert_str_eq(coro_error_message(caller), "outer");
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_now(), 0);
    coro_release(task);
    coro_release(caller);
    return 0;
}

static int cancels_after(void *arg)
{
    coro_task **task = arg;
    const int rc = coro_sleep(CORO_SECOND);
    coro_cancel(*task);
    return rc;
}

TASK_TEST(a_cancel_of_the_caller_in_the_pass_of_the_timeout_wins)
{
    coro_task *task = spawn(sleeps, ARG(5000)), *caller = spawn(waits_for, task);
    coro_task *canceller = spawn(cancels_after, &caller);
    ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(caller), 1);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    coro_release(task);
    coro_release(caller);
    coro_release(canceller);
    return 0;
}

TASK_TEST(a_limit_in_the_pass_in_which_the_task_is_due_wins)
{
    /* Both timers fire in one pass, and the task has not run yet. */
    coro_task *task = spawn(sleeps, ARG(1000)), *caller = spawn(waits_for, task);
    ck_assert_int_eq(coro_await(caller, NULL), -ETIMEDOUT);
    ck_assert(coro_cancelled(task));
    coro_release(task);
    coro_release(caller);
    return 0;
}

static int traces(void *word)
{
    trace("%s", (const char *)word);
    return 0;
}

/* CPython:
 * test_waitfor.AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started
 */
TASK_TEST(no_time_at_all_cancels_a_task_before_it_starts)
{
    coro_task *task = spawn(traces, (void *)"body");
    ck_assert_int_eq(coro_wait_for(task, 0, NULL), -ETIMEDOUT);
    ck_assert(coro_cancelled(task));
    coro_release(task);

    task = spawn(traces, (void *)"body");
    ck_assert_int_eq(coro_wait_for(task, -CORO_SECOND, NULL), -ETIMEDOUT);
    coro_release(task);
    ck_assert_int_eq(coro_now(), 0);
    return 0;
}

static int cancels_itself(void *text)
{
    coro_sleep(CORO_FOREVER);
    return coro_fail(-ECANCELED, "%s", (const char *)text);
}

TASK_TEST(no_time_at_all_has_not_the_text_of_the_cancel)
{
    coro_task *task = spawn(cancels_itself, (void *)"cleaned up");
    passes(1);
    ck_assert_int_eq(coro_wait_for(task, 0, NULL), -ETIMEDOUT);
    ck_assert_ptr_null(coro_error_message(coro_current_task()));
    ck_assert_str_eq(coro_error_message(task), "cleaned up");
    coro_release(task);
    return 0;
}

TASK_TEST(no_time_at_all_is_enough_for_what_is_done)
{
    coro_task *task = spawn(returns, ARG(4)), *failed = spawn(returns, ARG(-EIO));
    passes(1);
    coro_task *other = spawn(returns, NULL);
    ck_assert_int_eq(coro_wait_for(task, 0, NULL), 4);
    ck_assert_int_eq(coro_wait_for(failed, 0, NULL), -EIO);
    ck_assert_int_eq(coro_wait_for(task, CORO_SECOND, NULL), 4);
    ck_assert(!coro_done(other));
    coro_release(task);
    coro_release(failed);
    coro_release(other);
    return 0;
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_wait_for_waits_for_task_cancellation_w_timeout_0 */
TASK_TEST(no_time_at_all_still_waits_for_the_end)
{
    coro_task *task = spawn(cleans_up, ARG(1000)), *refusing = spawn(refuses, ARG(5000));
    passes(1);
    ck_assert_int_eq(coro_wait_for(task, 0, NULL), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_int_eq(coro_wait_for(refusing, 0, NULL), 7);
    coro_release(task);
    coro_release(refusing);
    return 0;
}

TASK_TEST(limits_nest)
{
    coro_task *task = spawn(sleeps, ARG(5000)), *inner = spawn(waits_for, task);
    ck_assert_int_eq(coro_wait_for(inner, CORO_SECOND / 2, NULL), -ETIMEDOUT);
    ck_assert(coro_cancelled(task));
    ck_assert(coro_cancelled(inner));
    coro_release(task);
    coro_release(inner);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        in_time_it_is_an_await,
        out_of_time_the_task_is_cancelled,
        a_future_is_cancelled_too,
        without_a_limit_it_waits,
        it_waits_until_the_task_has_cleaned_up,
        a_task_that_refuses_gives_its_result,
        a_task_that_fails_at_the_cancel_gives_its_error,
        a_task_cancelled_by_others_is_no_timeout,
        a_cancel_of_the_caller_cancels_the_task,
        a_cancel_of_the_caller_in_the_pass_of_the_timeout_wins,
        a_limit_in_the_pass_in_which_the_task_is_due_wins,
        no_time_at_all_cancels_a_task_before_it_starts,
        no_time_at_all_has_not_the_text_of_the_cancel,
        no_time_at_all_is_enough_for_what_is_done,
        no_time_at_all_still_waits_for_the_end,
        limits_nest,
        NULL,
    };
    return run_suite("wait_for", tests);
}
