/* SPDX-License-Identifier: MIT */
/* Timeout scopes as CPython's cases have them. */
#include "../support.h"

/* CPython, does not apply: scopes have no text form: test_timeouts.TimeoutTests.test_repr_active
 * test_timeouts.TimeoutTests.test_repr_expired test_timeouts.TimeoutTests.test_repr_finished
 * test_timeouts.TimeoutTests.test_repr_disabled */

static const coro_duration ms = CORO_MILLISECOND;

static int cancelling(void)
{
    return coro_cancelling(coro_current_task());
}

static coro_timeout begun(coro_duration limit)
{
    coro_timeout scope;
    ck_assert_int_eq(coro_timeout_begin(&scope, limit), 0);
    return scope;
}

static const char *message(void)
{
    return coro_error_message(coro_current_task());
}

/* --- Deadlines -------------------------------------------------------------------------------- */
/* CPython: test_timeouts.TimeoutTests.test_timeout_at_basic */
TASK_TEST(a_scope_expires_at_its_deadline)
{
    ck_assert_int_eq(coro_sleep(5 * ms), 0);
    const coro_time deadline = coro_now() + 10 * ms;
    coro_timeout scope;
    ck_assert_int_eq(coro_timeout_begin_at(&scope, deadline), 0);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(10 * CORO_SECOND)), -ETIMEDOUT);
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_timeout_when(&scope), deadline);
    ck_assert_int_eq(coro_now(), deadline);
    return 0;
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_not_called */
TASK_TEST(a_scope_that_ends_in_time_has_its_deadline_ahead)
{
    coro_timeout scope = begun(10 * CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(10 * ms)), 0);
    ck_assert_int_eq(coro_now(), 10 * ms);
    ck_assert(!coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_timeout_when(&scope), 10 * CORO_SECOND);
    ck_assert_int_eq(coro_sleep(20 * CORO_SECOND), 0);
    ck_assert(!coro_timeout_expired(&scope));
    return 0;
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_disabled
 * test_timeouts.TimeoutTests.test_timeout_at_disabled */
TASK_TEST(a_scope_without_a_deadline_does_not_expire)
{
    coro_timeout scope = begun(CORO_FOREVER);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(10 * ms)), 0);
    ck_assert(!coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_timeout_when(&scope), CORO_FOREVER);

    ck_assert_int_eq(coro_timeout_begin_at(&scope, CORO_FOREVER), 0);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(10 * ms)), 0);
    ck_assert(!coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_timeout_when(&scope), CORO_FOREVER);
    ck_assert_int_eq(coro_now(), 20 * ms);
    return 0;
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_zero */
TASK_TEST(a_scope_without_time_expires_when_the_body_waits)
{
    ck_assert_int_eq(coro_sleep(20 * CORO_SECOND), 0);
    coro_timeout scope = begun(0);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(10 * CORO_SECOND)), -ETIMEDOUT);
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_timeout_when(&scope), 20 * CORO_SECOND);
    ck_assert_int_eq(coro_now(), 20 * CORO_SECOND);
    return 0;
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_zero_sleep_zero */
TASK_TEST(a_yield_is_enough_for_a_scope_without_time_to_expire)
{
    ck_assert_int_eq(coro_sleep(20 * CORO_SECOND), 0);
    coro_timeout scope = begun(0);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_yield()), -ETIMEDOUT);
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_timeout_when(&scope), 20 * CORO_SECOND);
    ck_assert_int_eq(coro_now(), 20 * CORO_SECOND);
    return 0;
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_in_the_past_sleep_zero */
TASK_TEST(a_yield_is_enough_for_a_scope_in_the_past_to_expire)
{
    ck_assert_int_eq(coro_sleep(20 * CORO_SECOND), 0);
    coro_timeout scope = begun(-11 * CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_yield()), -ETIMEDOUT);
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_timeout_when(&scope), 9 * CORO_SECOND);
    ck_assert_int_eq(coro_now(), 20 * CORO_SECOND);
    return 0;
}

/* --- Errors ----------------------------------------------------------------------------------- */
/* CPython: test_timeouts.TimeoutTests.test_foreign_exception_passed */
TASK_TEST(an_error_of_the_body_passes)
{
    coro_timeout scope = begun(10 * ms);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_fail(-ENOENT, "no key")), -ENOENT);
    ck_assert_str_eq(message(), "no key");
    ck_assert(!coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_sleep(20 * ms), 0);
    return 0;
}

/* Fails, and returns what its cleanup does, which waits. */
static int fails_and_waits(void *arg)
{
    const int rc = coro_fail(-EDOM, "body");
    const int cleanup = coro_sleep(CORO_SECOND);
    return cleanup < 0 ? cleanup : rc;
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_exception_context */
TASK_TEST(a_timeout_in_the_cleanup_after_an_error_is_a_timeout)
{
    coro_timeout scope = begun(10 * ms);
    ck_assert_int_eq(coro_timeout_end(&scope, fails_and_waits(NULL)), -ETIMEDOUT);
    ck_assert_ptr_null(message());
    ck_assert_int_eq(coro_now(), 10 * ms);
    ck_assert_int_eq(cancelling(), 0);
    return 0;
}

static int crashes(void *arg)
{
    ck_assert_int_eq(coro_sleep(CORO_SECOND), -ECANCELED);
    return coro_fail(-EDOM, "crash");
}

/* CPython: test_timeouts.TimeoutTests.test_foreign_exception_on_timeout */
TASK_TEST(an_error_that_a_timeout_led_to_passes)
{
    coro_timeout scope = begun(10 * ms);
    ck_assert_int_eq(coro_timeout_end(&scope, crashes(NULL)), -EDOM);
    ck_assert_str_eq(message(), "crash");
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_int_eq(coro_yield(), 0);
    return 0;
}

/* Each step of the cleanup fails anew, the last one after the time is up. */
static int crashes_again_and_again(void *arg)
{
    coro_fail(-EINVAL, "first");
    ck_assert_int_eq(coro_sleep(CORO_SECOND), -ECANCELED);
    coro_fail(-ENOENT, "second");
    return coro_fail(-EDOM, "third");
}

/* CPython: test_timeouts.TimeoutTests.test_foreign_exception_on_timeout_2 */
TASK_TEST(of_several_errors_around_a_timeout_the_last_one_passes)
{
    coro_timeout scope = begun(10 * ms);
    ck_assert_int_eq(coro_timeout_end(&scope, crashes_again_and_again(NULL)), -EDOM);
    ck_assert_str_eq(message(), "third");
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(cancelling(), 0);
    return 0;
}

static int crashes_in_a_group(void *arg)
{
    coro_group group;
    ck_assert_int_eq(coro_group_begin(&group), 0);
    ck_assert_int_eq(coro_group_create_task(&group, crashes, NULL), 0);
    const int rc = coro_group_end(&group, fails_and_waits(NULL));
    coro_group_error errors[2];
    ck_assert_uint_eq(coro_group_errors(&group, errors, 2), 1);
    ck_assert_int_eq(errors[0].error, -EDOM);
    ck_assert_str_eq(errors[0].message, "crash");
    ck_assert_int_eq(cancelling(), 1);
    return rc;
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_taskgroup */
TASK_TEST(errors_of_a_group_that_a_timeout_led_to_pass)
{
    coro_timeout scope = begun(10 * ms);
    ck_assert_int_eq(coro_timeout_end(&scope, crashes_in_a_group(NULL)), -EDOM);
    ck_assert_str_eq(message(), "crash");
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_int_eq(coro_yield(), 0); /* the group had the cancel come again */
    ck_assert_int_eq(coro_now(), 10 * ms);
    return 0;
}

/* --- Cancels ---------------------------------------------------------------------------------- */
static int cancels_itself_in_a_scope(void *arg)
{
    coro_timeout scope = begun(10 * CORO_SECOND);
    coro_cancel(coro_current_task());
    const int rc = coro_timeout_end(&scope, coro_sleep(10 * CORO_SECOND));
    ck_assert(!coro_timeout_expired(&scope));
    return rc;
}

/* CPython: test_timeouts.TimeoutTests.test_foreign_cancel_doesnt_timeout_if_not_expired */
TASK_TEST(a_cancel_of_the_bodys_own_is_no_timeout)
{
    coro_task *task = spawn(cancels_itself_in_a_scope, NULL);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert_int_eq(coro_now(), 0);
    coro_release(task);
    return 0;
}

static int deals_with_a_timeout(void *arg)
{
    coro_timeout scope = begun(ms);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(10 * CORO_SECOND)), -ETIMEDOUT);
    return 0;
}

/* CPython: test_timeouts.TimeoutTests.test_outer_task_is_not_cancelled */
TASK_TEST(a_task_that_has_dealt_with_a_timeout_is_not_cancelled)
{
    coro_task *task = spawn(deals_with_a_timeout, NULL);
    ck_assert_int_eq(coro_await(task, NULL), 0);
    ck_assert(coro_done(task));
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert_int_eq(coro_now(), ms);
    coro_release(task);
    return 0;
}

static void is_cancelled_and_goes_on(void)
{
    coro_cancel(coro_current_task());
    ck_assert_int_eq(coro_sleep(CORO_SECOND), -ECANCELED);
    ck_assert_int_eq(cancelling(), 1);
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_after_cancellation */
TASK_TEST(cleanup_after_a_cancel_may_time_out)
{
    is_cancelled_and_goes_on();
    coro_timeout scope = begun(0);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_SECOND)), -ETIMEDOUT);
    ck_assert_int_eq(cancelling(), 1);
    ck_assert_int_eq(coro_now(), 0);
    ck_assert_int_eq(coro_yield(), 0);
    return 0;
}

/* CPython: test_timeouts.TimeoutTests.test_cancel_in_timeout_after_cancellation */
TASK_TEST(cleanup_after_a_cancel_may_be_cancelled)
{
    is_cancelled_and_goes_on();
    coro_timeout scope = begun(CORO_SECOND);
    coro_cancel(coro_current_task());
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(2 * CORO_SECOND)), -ECANCELED);
    ck_assert(!coro_timeout_expired(&scope));
    ck_assert_int_eq(cancelling(), 2);
    ck_assert_int_eq(coro_now(), 0);
    return 0;
}

/* --- Nested scopes ---------------------------------------------------------------------------- */
/* CPython: test_timeouts.TimeoutTests.test_nested_timeouts */
TASK_TEST(of_scopes_with_one_deadline_the_outer_one_has_the_timeout)
{
    const coro_time deadline = coro_now() + 10 * ms;
    coro_timeout outer, inner;
    ck_assert_int_eq(coro_timeout_begin_at(&outer, deadline), 0);
    ck_assert_int_eq(coro_timeout_begin_at(&inner, deadline), 0);
    const int rc = coro_timeout_end(&inner, coro_sleep(10 * CORO_SECOND));
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(coro_timeout_end(&outer, rc), -ETIMEDOUT);
    ck_assert(coro_timeout_expired(&outer));
    ck_assert(coro_timeout_expired(&inner));
    ck_assert_int_eq(coro_now(), deadline);
    ck_assert_int_eq(cancelling(), 0);
    return 0;
}

static void compute(coro_duration duration)
{
    for (const coro_time until = coro_now() + duration; coro_now() < until;)
        ;
}

/* On the clock that goes on while a task computes. */
static int run_in_real_time(coro_fn *fn)
{
    coro_run_options options = test_options();
    options.virtual_clock = false;
    return coro_run_with(&options, fn, NULL);
}

static int outer_passes_while_it_computes(void *arg)
{
    coro_timeout outer = begun(10 * ms), inner = begun(3600 * CORO_SECOND);
    compute(20 * ms);
    int rc = coro_sleep(CORO_FOREVER);
    trace("%d", cancelling());
    rc = coro_timeout_end(&inner, rc);
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert(!coro_timeout_expired(&inner));
    ck_assert_int_eq(cancelling(), 1);
    return coro_timeout_end(&outer, rc);
}

/* CPython: test_timeouts.TimeoutTests.test_nested_timeouts_concurrent */
START_TEST(an_outer_deadline_that_passes_while_the_body_computes_expires_the_outer_scope)
{
    ck_assert_int_eq(run_in_real_time(outer_passes_while_it_computes), -ETIMEDOUT);
    expect_trace("1");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int both_pass_while_it_computes(void *arg)
{
    coro_timeout outer = begun(20 * ms), inner = begun(10 * ms);
    compute(30 * ms);
    int rc = coro_sleep(CORO_FOREVER);
    trace("%d", cancelling());
    rc = coro_timeout_end(&inner, rc);
    ck_assert(coro_timeout_expired(&inner));
    ck_assert_int_eq(rc, -ECANCELED);
    rc = coro_timeout_end(&outer, rc);
    ck_assert(coro_timeout_expired(&outer));
    ck_assert_int_eq(cancelling(), 0);
    return rc;
}

/* Then the inner one leaves the timeout to the outer one. */
/* CPython: test_timeouts.TimeoutTests.test_nested_timeouts_loop_busy */
START_TEST(deadlines_that_both_pass_while_the_body_computes_expire_both_scopes)
{
    ck_assert_int_eq(run_in_real_time(both_pass_while_it_computes), -ETIMEDOUT);
    expect_trace("2");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* CPython: test_timeouts.TimeoutTests.test_nested_timeout_in_finally */
TASK_TEST(cleanup_after_a_timeout_may_time_out_itself)
{
    coro_timeout outer = begun(10 * ms);
    const int rc = coro_sleep(CORO_SECOND);
    ck_assert_int_eq(rc, -ECANCELED);
    coro_timeout inner = begun(10 * ms);
    ck_assert_int_eq(coro_timeout_end(&inner, coro_sleep(10 * CORO_SECOND)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 20 * ms);
    ck_assert_int_eq(cancelling(), 1);
    ck_assert_int_eq(coro_timeout_end(&outer, rc), -ETIMEDOUT);
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_int_eq(coro_yield(), 0);
    return 0;
}

/* --- Moving the deadline ---------------------------------------------------------------------- */
static int hands_out_its_scope(void *future)
{
    coro_timeout scope;
    ck_assert_int_eq(coro_timeout_begin_at(&scope, 10 * CORO_SECOND), 0);
    ck_assert_int_eq(coro_set_result((coro_future *)future, 0, &scope), 0);
    const int rc = coro_timeout_end(&scope, coro_sleep(50 * CORO_SECOND));
    trace("%s", coro_timeout_expired(&scope) ? "expired" : "not-expired");
    return rc;
}

/* CPython: test_timeouts.TimeoutTests.test_reschedule */
TASK_TEST(another_task_may_move_a_deadline_and_take_it_away)
{
    coro_future *future = coro_create_future();
    coro_task *task = spawn(hands_out_its_scope, future);
    void *value = NULL;
    ck_assert_int_eq(coro_join(future, &value), 0);
    coro_timeout *scope = value;
    ck_assert_int_eq(coro_timeout_when(scope), 10 * CORO_SECOND);
    ck_assert_int_eq(coro_timeout_reschedule(scope, 30 * CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_when(scope), 30 * CORO_SECOND);
    ck_assert_int_eq(coro_sleep(20 * CORO_SECOND), 0);
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_timeout_reschedule(scope, CORO_FOREVER), 0);
    ck_assert_int_eq(coro_timeout_when(scope), CORO_FOREVER);
    ck_assert_int_eq(coro_sleep(20 * CORO_SECOND), 0);
    ck_assert(!coro_done(task));
    ck_assert(coro_cancel(task));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_now(), 40 * CORO_SECOND);
    expect_trace("not-expired");
    coro_release(task);
    return 0;
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_finished */
TASK_TEST(the_deadline_of_a_scope_that_has_ended_cannot_be_moved)
{
    coro_timeout scope = begun(10 * ms);
    ck_assert_int_eq(coro_timeout_end(&scope, 0), 0);
    ck_assert_int_eq(coro_timeout_reschedule(&scope, 20 * ms), -EINVAL);
    ck_assert_int_eq(coro_timeout_when(&scope), 10 * ms);
    ck_assert_int_eq(coro_sleep(30 * ms), 0);
    return 0;
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_not_entered */
TASK_TEST(a_scope_that_has_not_begun_has_no_deadline_to_move)
{
    coro_timeout scope = {0};
    ck_assert_int_eq(coro_timeout_reschedule(&scope, 20 * ms), -EINVAL);
    ck_assert_int_eq(coro_sleep(30 * ms), 0);
    return 0;
}

/* --- Begin ------------------------------------------------------------------------------------ */
static int begins_twice(void *arg)
{
    coro_timeout scope = begun(10 * ms);
    ck_assert_int_eq(coro_timeout_begin(&scope, 10 * ms), 0);
    return coro_timeout_end(&scope, 5);
}

/* Begin cannot refuse: it may be handed memory with anything in it. */
/* CPython: test_timeouts.TimeoutTests.test_timeout_already_entered */
TASK_TEST(a_scope_that_is_begun_again_while_it_is_active_is_reported)
{
    ck_assert_int_eq(coro_join(spawn(begins_twice, NULL), NULL), 5);
    expect_log(CORO_LOG_TIMEOUT_NOT_ENDED, 0, "begins_twice");
    return 0;
}

/* CPython, stronger: test_timeouts.TimeoutTests.test_timeout_double_enter: what has ended may be
 * begun again */
TASK_TEST(a_scope_may_be_begun_again_after_its_end)
{
    coro_timeout scope = begun(10 * ms);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_SECOND)), -ETIMEDOUT);
    ck_assert_int_eq(coro_timeout_begin(&scope, 20 * ms), 0);
    ck_assert(!coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_timeout_when(&scope), 30 * ms);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_SECOND)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 30 * ms);
    return 0;
}

static void begins_a_scope(void *arg)
{
    coro_timeout scope;
    trace("%d", coro_timeout_begin(&scope, 10 * ms) == -EPERM);
    trace("%d", coro_timeout_reschedule(&scope, 20 * ms) == -EINVAL);
    trace("%d", coro_timeout_end(&scope, 5));
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_without_task */
TASK_TEST(a_callback_cannot_begin_a_scope)
{
    ck_assert_int_eq(coro_call_soon(begins_a_scope, NULL, NULL), 0);
    ck_assert_int_eq(coro_sleep(30 * ms), 0);
    expect_trace("1 1 5");
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_scope_expires_at_its_deadline,
        a_scope_that_ends_in_time_has_its_deadline_ahead,
        a_scope_without_a_deadline_does_not_expire,
        a_scope_without_time_expires_when_the_body_waits,
        a_yield_is_enough_for_a_scope_without_time_to_expire,
        a_yield_is_enough_for_a_scope_in_the_past_to_expire,
        an_error_of_the_body_passes,
        a_timeout_in_the_cleanup_after_an_error_is_a_timeout,
        an_error_that_a_timeout_led_to_passes,
        of_several_errors_around_a_timeout_the_last_one_passes,
        errors_of_a_group_that_a_timeout_led_to_pass,
        a_cancel_of_the_bodys_own_is_no_timeout,
        a_task_that_has_dealt_with_a_timeout_is_not_cancelled,
        cleanup_after_a_cancel_may_time_out,
        cleanup_after_a_cancel_may_be_cancelled,
        of_scopes_with_one_deadline_the_outer_one_has_the_timeout,
        an_outer_deadline_that_passes_while_the_body_computes_expires_the_outer_scope,
        deadlines_that_both_pass_while_the_body_computes_expire_both_scopes,
        cleanup_after_a_timeout_may_time_out_itself,
        another_task_may_move_a_deadline_and_take_it_away,
        the_deadline_of_a_scope_that_has_ended_cannot_be_moved,
        a_scope_that_has_not_begun_has_no_deadline_to_move,
        a_scope_that_is_begun_again_while_it_is_active_is_reported,
        a_scope_may_be_begun_again_after_its_end,
        a_callback_cannot_begin_a_scope,
        NULL,
    };
    return run_suite("asyncio_timeouts", tests);
}
