/* SPDX-License-Identifier: MIT */
/* coro_wait_for() as CPython's cases have it. */
#include "../support.h"

static char done[] = "done";

static int cancelling(void)
{
    return coro_cancelling(coro_current_task());
}

static int returns_done(void *milliseconds)
{
    if (milliseconds) {
        const int rc = sleeps(milliseconds);
        if (rc < 0)
            return rc;
    }
    return coro_return(done);
}

/* Sleeps on for 200 ms, however often it is cancelled. */
static int stubborn(void *arg)
{
    const coro_time until = coro_now() + 200 * CORO_MILLISECOND;
    int cancels = 0;
    while (coro_now() < until)
        cancels += coro_sleep(until - coro_now()) == -ECANCELED;
    trace("exited:%d", cancels);
    return 9;
}

static int traces_its_run(void *started)
{
    trace("running");
    if (started)
        coro_set_result((coro_future *)started, 0, NULL);
    const int rc = coro_sleep(10 * CORO_SECOND);
    trace("ended:%s", rc == -ECANCELED ? "cancelled" : "?");
    return rc;
}

/* --- In time, or without a limit -------------------------------------------------------------- */
/* CPython: test_waitfor.AsyncioWaitForTest.test_wait_for_blocking */
TASK_TEST(without_a_limit_it_has_the_result)
{
    void *value = NULL;
    coro_task *task = spawn(returns_done, NULL);
    ck_assert_int_eq(coro_wait_for(task, CORO_FOREVER, &value), 0);
    ck_assert_ptr_eq(value, done);
    ck_assert_int_eq(coro_now(), 0);
    coro_release(task);
    return 0;
}

static void settles(void *future)
{
    coro_set_result((coro_future *)future, 6, done);
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_wait_for_race_condition */
TASK_TEST(a_future_that_is_settled_in_the_same_pass_is_in_time)
{
    void *value = NULL;
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_call_soon(settles, future, NULL), 0);
    ck_assert_int_eq(coro_wait_for(future, 200 * CORO_MILLISECOND, &value), 6);
    ck_assert_ptr_eq(value, done);
    ck_assert_int_eq(coro_now(), 0);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0); /* no timer is left */
    coro_release(future);
    return 0;
}

/* --- Out of time ------------------------------------------------------------------------------ */
/* CPython: test_waitfor.AsyncioWaitForTest.test_wait_for */
TASK_TEST(out_of_time_a_running_task_is_cancelled_and_has_ended)
{
    coro_task *task = spawn(traces_its_run, NULL);
    ck_assert_int_eq(coro_wait_for(task, 100 * CORO_MILLISECOND, NULL), -ETIMEDOUT);
    expect_trace("running ended:cancelled");
    ck_assert(coro_done(task));
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    ck_assert_int_eq(cancelling(), 0);
    coro_release(task);
    return 0;
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_asyncio_wait_for_timeout */
TASK_TEST(out_of_time_it_waits_for_a_task_that_refuses)
{
    coro_task *task = spawn(stubborn, NULL);
    ck_assert_int_eq(coro_wait_for(task, 100 * CORO_MILLISECOND, NULL), 9);
    expect_trace("exited:1");
    ck_assert_int_eq(coro_now(), 200 * CORO_MILLISECOND);
    ck_assert_int_eq(cancelling(), 0);
    ck_assert(!coro_cancelled(task));
    coro_release(task);
    return 0;
}

/* --- No time at all --------------------------------------------------------------------------- */
/* CPython: test_waitfor.AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0_future_done */
TASK_TEST(no_time_at_all_is_enough_for_a_future_with_a_result)
{
    void *value = NULL;
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_set_result(future, 6, done), 0);
    coro_task *other = spawn(returns, NULL);
    ck_assert_int_eq(coro_wait_for(future, 0, &value), 6);
    ck_assert_ptr_eq(value, done);
    ck_assert(!coro_done(other)); /* it did not wait */
    coro_release(other);
    coro_release(future);
    return 0;
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_wait_for_timeout_less_then_0_or_0 */
TASK_TEST(no_time_at_all_cancels_a_running_task)
{
    const coro_duration limits[] = {0, -CORO_SECOND};
    for (int i = 0; i < 2; i++) {
        coro_future *started = coro_create_future();
        coro_task *task = spawn(traces_its_run, started);
        ck_assert_int_eq(coro_join(started, NULL), 0);
        expect_trace("running");
        ck_assert_int_eq(coro_wait_for(task, limits[i], NULL), -ETIMEDOUT);
        expect_trace("ended:cancelled");
        ck_assert(coro_cancelled(task));
        ck_assert_int_eq(coro_cancelling(task), 1);
        ck_assert_int_eq(cancelling(), 0);
        ck_assert_int_eq(coro_now(), 0);
        coro_release(task);
    }
    return 0;
}

/* --- Cancels of the caller -------------------------------------------------------------------- */
static int waits_400_ms_for(void *task)
{
    return coro_wait_for((coro_task *)task, 400 * CORO_MILLISECOND, NULL);
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_asyncio_wait_for_cancelled */
TASK_TEST(a_cancelled_caller_waits_for_a_task_that_refuses)
{
    coro_task *task = spawn(stubborn, NULL), *caller = spawn(waits_400_ms_for, task);
    passes(1);
    ck_assert(coro_cancel(caller));
    ck_assert_int_eq(coro_wait(&caller, 1, CORO_ALL_COMPLETED, CORO_FOREVER), 1);
    expect_trace("exited:1");
    ck_assert_int_eq(coro_now(), 200 * CORO_MILLISECOND);
    ck_assert_int_eq(coro_result(caller, NULL), 9); /* the task has dealt with the cancel */
    ck_assert_int_eq(coro_cancelling(caller), 1);
    coro_release(task);
    coro_release(caller);
    return 0;
}

static int waits_for_ever_for(void *task)
{
    return coro_wait_for((coro_task *)task, CORO_FOREVER, NULL);
}

static void cancels(void *task)
{
    coro_cancel((coro_task *)task);
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_cancel_blocking_wait_for */
TASK_TEST(a_cancel_of_a_caller_without_a_limit_cancels_the_task)
{
    coro_future *never = coro_create_future();
    coro_task *task = spawn(awaits, never), *caller = spawn(waits_for_ever_for, task);
    ck_assert_int_eq(coro_call_soon(cancels, caller, NULL), 0);
    ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
    ck_assert(coro_cancelled(caller));
    ck_assert(coro_cancelled(task));
    ck_assert(coro_cancelled(never));
    ck_assert_int_eq(coro_cancelling(caller), 1);
    coro_release(never);
    coro_release(task);
    coro_release(caller);
    return 0;
}

static int waits_and_goes_on(void *task)
{
    int rc = coro_wait_for((coro_task *)task, 100 * CORO_SECOND, NULL);
    trace("wait_for:%s", rc == -ECANCELED ? "cancelled" : rc == 0 ? "done" : "?");
    if (rc < 0)
        return rc;
    rc = coro_sleep(CORO_SECOND);
    trace("sleep:%s", rc == -ECANCELED ? "cancelled" : "?");
    return rc;
}

/* Lets some passes go by, in which the task ends, and then cancels a caller that waits for it. */
static void cancel_after_the_end(coro_fn *fn, int count)
{
    void *value = NULL;
    coro_task *task = spawn(fn, NULL), *caller = spawn(waits_and_goes_on, task);
    ck_assert(!coro_done(caller));
    passes(count);
    ck_assert(coro_done(task));
    ck_assert(!coro_done(caller));
    ck_assert(coro_cancel(caller));
    ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
    ck_assert(coro_cancelled(caller));
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_await(task, &value), 0);
    ck_assert_ptr_eq(value, done);
    ck_assert_int_eq(coro_now(), 0);
    coro_release(task);
    coro_release(caller);
}

static int yields_and_returns_done(void *arg)
{
    const int rc = coro_yield();
    return rc < 0 ? rc : coro_return(done);
}

/* CPython: test_waitfor.AsyncioWaitForTest.test_wait_for_issue86296 */
TASK_TEST(a_cancel_in_the_pass_in_which_the_task_ends_ends_the_caller)
{
    cancel_after_the_end(returns_done, 1); /* ends before the caller runs */
    expect_trace("wait_for:done sleep:cancelled");
    cancel_after_the_end(yields_and_returns_done, 2); /* ends when the caller waits */
    expect_trace("wait_for:cancelled");
    return 0;
}

/* --- With a shield ---------------------------------------------------------------------------- */
/* Here a shield is a call, and what asyncio.shield() returns a task that makes it. */
static int shields(void *task)
{
    void *value = NULL;
    const int rc = coro_shield((coro_task *)task, &value);
    return rc < 0 ? rc : coro_return(value);
}

static void expect_done_at(coro_task *task, coro_time when)
{
    void *value = NULL;
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert_int_eq(coro_await(task, &value), 0);
    ck_assert_ptr_eq(value, done);
    ck_assert_int_eq(coro_now(), when);
}

/* CPython: test_waitfor.WaitForShieldTests.test_zero_timeout */
TASK_TEST(no_time_at_all_cancels_the_shield_and_not_the_task)
{
    coro_task *task = spawn(returns_done, ARG(10)), *shield = spawn(shields, task);
    ck_assert_int_eq(coro_wait_for(shield, 0, NULL), -ETIMEDOUT);
    ck_assert(coro_cancelled(shield));
    expect_done_at(task, 10 * CORO_MILLISECOND);
    coro_release(shield);
    coro_release(task);

    /* Nor in a scope. */
    coro_timeout scope;
    task = spawn(returns_done, ARG(10));
    ck_assert_int_eq(coro_timeout_begin(&scope, 0), 0);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_shield(task, NULL)), -ETIMEDOUT);
    expect_done_at(task, 20 * CORO_MILLISECOND);
    coro_release(task);
    return 0;
}

/* CPython: test_waitfor.WaitForShieldTests.test_none_timeout */
TASK_TEST(without_a_limit_a_shield_has_the_result)
{
    void *value = NULL;
    coro_task *task = spawn(returns_done, ARG(100)), *shield = spawn(shields, task);
    ck_assert_int_eq(coro_wait_for(shield, CORO_FOREVER, &value), 0);
    ck_assert_ptr_eq(value, done);
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    coro_release(shield);
    coro_release(task);
    return 0;
}

/* CPython: test_waitfor.WaitForShieldTests.test_shielded_timeout */
TASK_TEST(out_of_time_the_shield_is_cancelled_and_not_the_task)
{
    coro_task *task = spawn(returns_done, ARG(100)), *shield = spawn(shields, task);
    ck_assert_int_eq(coro_wait_for(shield, 10 * CORO_MILLISECOND, NULL), -ETIMEDOUT);
    ck_assert(coro_cancelled(shield));
    ck_assert_int_eq(coro_now(), 10 * CORO_MILLISECOND);
    expect_done_at(task, 100 * CORO_MILLISECOND);
    coro_release(shield);
    coro_release(task);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        without_a_limit_it_has_the_result,
        a_future_that_is_settled_in_the_same_pass_is_in_time,
        out_of_time_a_running_task_is_cancelled_and_has_ended,
        out_of_time_it_waits_for_a_task_that_refuses,
        no_time_at_all_is_enough_for_a_future_with_a_result,
        no_time_at_all_cancels_a_running_task,
        a_cancelled_caller_waits_for_a_task_that_refuses,
        a_cancel_of_a_caller_without_a_limit_cancels_the_task,
        a_cancel_in_the_pass_in_which_the_task_ends_ends_the_caller,
        no_time_at_all_cancels_the_shield_and_not_the_task,
        without_a_limit_a_shield_has_the_result,
        out_of_time_the_shield_is_cancelled_and_not_the_task,
        NULL,
    };
    return run_suite("asyncio_waitfor", tests);
}
