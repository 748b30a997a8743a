/* SPDX-License-Identifier: MIT */
/* Shield: an await whose cancel stops at the caller. */
#include "support.h"

static int shields(void *task)
{
    const int rc = coro_shield((coro_task *)task, NULL);
    trace("shield:%d", rc == -ECANCELED ? -1 : rc);
    return rc;
}

static int sleeps_and_returns_value(void *value)
{
    coro_sleep(CORO_SECOND);
    return coro_return(value);
}

TASK_TEST(without_a_cancel_it_is_an_await)
{
    int value;
    void *got = NULL;
    coro_task *task = spawn(sleeps_and_returns_value, &value);
    ck_assert_int_eq(coro_shield(task, &got), 0);
    ck_assert_ptr_eq(got, &value);
    coro_release(task);
    task = spawn(returns, ARG(-EIO));
    ck_assert_int_eq(coro_shield(task, NULL), -EIO);
    coro_release(task);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_shield_shortcut */
TASK_TEST(what_is_done_is_returned_at_once)
{
    coro_task *task = spawn(returns, ARG(3));
    passes(1);
    coro_task *other = spawn(returns, NULL);
    ck_assert_int_eq(coro_shield(task, NULL), 3);
    ck_assert(!coro_done(other));
    coro_release(task);
    coro_release(other);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_shield_effect */
TASK_TEST(a_cancel_of_the_caller_leaves_the_task_running)
{
    coro_task *task = spawn(sleeps, ARG(1000)), *caller = spawn(shields, task);
    passes(1);
    ck_assert(coro_cancel(caller));
    ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert_int_eq(coro_await(task, NULL), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    expect_trace("shield:-1");
    coro_release(task);
    coro_release(caller);
    return 0;
}

TASK_TEST(a_cancel_of_the_task_cancels_the_caller)
{
    coro_task *task = spawn(forever, NULL), *caller = spawn(shields, task);
    passes(1);
    coro_cancel_with(task, "inner");
    ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(caller), 0);
    expect_trace("shield:-1");
    coro_release(task);
    coro_release(caller);
    return 0;
}

TASK_TEST(a_cancel_of_the_caller_keeps_its_text_if_the_task_was_cancelled_too)
{
    coro_future *future = coro_create_future();
    coro_task *caller = spawn(shields, future);
    passes(1);
    coro_cancel_with(future, "inner");
    coro_cancel_with(caller, "outer");
    ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(caller), "outer");
    expect_trace("shield:-1");
    coro_release(future);
    coro_release(caller);
    return 0;
}

TASK_TEST(a_cancel_of_the_caller_when_the_task_has_ended_still_wins)
{
    coro_future *future = coro_create_future();
    coro_task *caller = spawn(shields, future);
    passes(1);
    coro_set_result(future, 4, NULL);
    coro_cancel(caller);
    ck_assert_int_eq(coro_join(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_result(future, NULL), 4);
    expect_trace("shield:-1");
    coro_release(future);
    return 0;
}

static int fails_after_a_second(void *arg)
{
    coro_sleep(CORO_SECOND);
    return coro_fail(-EIO, "nobody hears this");
}

TASK_TEST(a_failure_after_the_caller_has_gone_is_reported)
{
    coro_task *task = spawn(fails_after_a_second, NULL), *caller = spawn(shields, task);
    passes(1);
    coro_cancel(caller);
    ck_assert_int_eq(coro_join(caller, NULL), -ECANCELED);
    coro_sleep(2 * CORO_SECOND);
    expect_log(CORO_LOG_SHIELD_ERROR, -EIO, "nobody hears this");
    expect_trace("shield:-1");
    coro_release(task); /* reported once is enough */
    return 0;
}

TASK_TEST(a_failure_after_several_callers_have_gone_is_reported_once)
{
    coro_task *task = spawn(fails_after_a_second, NULL);
    coro_task *callers[] = {spawn(shields, task), spawn(shields, task)};
    passes(1);
    coro_cancel(callers[0]);
    coro_cancel(callers[1]);
    coro_sleep(2 * CORO_SECOND);
    expect_log(CORO_LOG_SHIELD_ERROR, -EIO, "nobody hears this");
    expect_trace("shield:-1 shield:-1");
    coro_release(callers[0]);
    coro_release(callers[1]);
    coro_release(task);
    return 0;
}

TASK_TEST(a_future_that_fails_after_the_caller_has_gone_is_reported_too)
{
    coro_future *future = coro_create_future();
    coro_task *caller = spawn(shields, future);
    passes(1);
    coro_cancel(caller);
    ck_assert_int_eq(coro_join(caller, NULL), -ECANCELED);
    ck_assert_uint_eq(logged(), 0);
    coro_set_error(future, -EIO, "nobody hears this");
    passes(2);
    expect_log(CORO_LOG_SHIELD_ERROR, -EIO, "nobody hears this");
    expect_trace("shield:-1");
    coro_release(future); /* reported once is enough */
    return 0;
}

TASK_TEST(a_success_after_the_caller_has_gone_is_nobodys_business)
{
    coro_task *task = spawn(sleeps, ARG(1000)), *caller = spawn(shields, task);
    passes(1);
    coro_cancel(caller);
    coro_release(task);
    coro_release(caller);
    coro_sleep(2 * CORO_SECOND);
    expect_trace("shield:-1");
    return 0;
}

static int gathers_two(void *tasks)
{
    return coro_gather((coro_task *const *)tasks, 2, 0);
}

TASK_TEST(a_shielded_gather_goes_on)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(sleeps, ARG(2000))};
    coro_task *gather = spawn(gathers_two, tasks), *caller = spawn(shields, gather);
    passes(1);
    coro_cancel(caller);
    ck_assert_int_eq(coro_join(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_await(gather, NULL), 0);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    expect_trace("shield:-1");
    coro_release(gather);
    coro_release(tasks[0]);
    coro_release(tasks[1]);
    return 0;
}

TASK_TEST(gathered_shields_are_cancelled_and_what_they_shield_is_not)
{
    coro_task *inner[] = {spawn(sleeps, ARG(1000)), spawn(sleeps, ARG(2000))};
    coro_task *outer[] = {spawn(shields, inner[0]), spawn(shields, inner[1])};
    coro_task *gather = spawn(gathers_two, outer);
    passes(1);
    coro_cancel(gather);
    ck_assert_int_eq(coro_join(gather, NULL), -ECANCELED);
    ck_assert_int_eq(coro_gather(inner, 2, 0), 0);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    expect_trace("shield:-1 shield:-1");
    for (int i = 0; i < 2; i++) {
        coro_release(inner[i]);
        coro_release(outer[i]);
    }
    return 0;
}

TASK_TEST(a_timeout_ends_the_shield_and_not_the_task)
{
    coro_task *task = spawn(sleeps, ARG(3000));
    coro_timeout scope;
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_shield(task, NULL)), -ETIMEDOUT);
    ck_assert_int_eq(coro_await(task, NULL), 0);
    ck_assert_int_eq(coro_now(), 3 * CORO_SECOND);
    coro_release(task);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        without_a_cancel_it_is_an_await,
        what_is_done_is_returned_at_once,
        a_cancel_of_the_caller_leaves_the_task_running,
        a_cancel_of_the_task_cancels_the_caller,
        a_cancel_of_the_caller_keeps_its_text_if_the_task_was_cancelled_too,
        a_cancel_of_the_caller_when_the_task_has_ended_still_wins,
        a_failure_after_the_caller_has_gone_is_reported,
        a_failure_after_several_callers_have_gone_is_reported_once,
        a_future_that_fails_after_the_caller_has_gone_is_reported_too,
        a_success_after_the_caller_has_gone_is_nobodys_business,
        a_shielded_gather_goes_on,
        gathered_shields_are_cancelled_and_what_they_shield_is_not,
        a_timeout_ends_the_shield_and_not_the_task,
        NULL,
    };
    return run_suite("shield", tests);
}
