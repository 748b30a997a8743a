/* SPDX-License-Identifier: MIT */
/* Timeout scopes: when they expire, which cancel is theirs, and how they nest. */
#include "support.h"

static int cancelling(void)
{
    return coro_cancelling(coro_current_task());
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_basic
 * test_timeouts.TimeoutTests.test_waiter_cancelled */
TASK_TEST(a_body_that_takes_too_long_times_out)
{
    coro_timeout scope;
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_when(&scope), CORO_SECOND);
    ck_assert(!coro_timeout_expired(&scope));
    const int rc = coro_sleep(5 * CORO_SECOND);
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(cancelling(), 1);
    ck_assert_int_eq(coro_timeout_end(&scope, rc), -ETIMEDOUT);
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_timeout_when(&scope), CORO_SECOND);
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_int_eq(coro_yield(), 0);
    return 0;
}

TASK_TEST(a_body_in_time_keeps_its_result)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, 2 * CORO_SECOND);
    coro_sleep(CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, 3), 3);
    ck_assert(!coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_sleep(5 * CORO_SECOND), 0); /* nothing is left to fire */
    return 0;
}

TASK_TEST(a_scope_covers_several_calls)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, 5 * CORO_SECOND / 2);
    int calls = 0, rc = 0;
    while ((rc = coro_sleep(CORO_SECOND)) == 0)
        calls++;
    ck_assert_int_eq(calls, 2);
    ck_assert_int_eq(coro_timeout_end(&scope, rc), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 5 * CORO_SECOND / 2);
    return 0;
}

TASK_TEST(a_deadline_is_a_point_in_time)
{
    coro_timeout scope;
    coro_sleep(CORO_SECOND);
    ck_assert_int_eq(coro_timeout_begin_at(&scope, 3 * CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_when(&scope), 3 * CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 3 * CORO_SECOND);
    return 0;
}

TASK_TEST(a_timeout_has_not_the_text_of_the_cancel)
{
    coro_task *task = spawn(forever, NULL);
    coro_timeout scope;
    passes(1);
    coro_timeout_begin(&scope, CORO_SECOND);
    passes(1);
    coro_cancel_with(task, "not the timeout's");
    const int rc = coro_await(task, NULL);
    ck_assert_str_eq(coro_error_message(coro_current_task()), "not the timeout's");
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    ck_assert_int_eq(coro_await(task, NULL), rc);
    ck_assert_int_eq(coro_timeout_end(&scope, rc), -ETIMEDOUT);
    ck_assert_ptr_null(coro_error_message(coro_current_task()));
    coro_release(task);
    return 0;
}

TASK_TEST(without_a_deadline_a_scope_never_expires)
{
    coro_timeout scope;
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_FOREVER), 0);
    ck_assert_int_eq(coro_timeout_when(&scope), CORO_FOREVER);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(1000000 * CORO_SECOND)), 0);
    return 0;
}

TASK_TEST(what_is_awaited_is_cancelled_by_the_scope)
{
    coro_task *task = spawn(forever, NULL);
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_await(task, NULL)), -ETIMEDOUT);
    ck_assert(coro_cancelled(task));
    coro_release(task);
    return 0;
}

/* --- A deadline that has passed --------------------------------------------------------------- */
TASK_TEST(no_time_at_all_takes_effect_at_the_first_call_that_waits)
{
    const coro_duration limits[] = {0, -1, INT64_MIN};
    for (int i = 0; i < 3; i++) {
        coro_timeout scope;
        coro_timeout_begin(&scope, limits[i]);
        ck_assert(!coro_timeout_expired(&scope));
        ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_SECOND)), -ETIMEDOUT);
        ck_assert_int_eq(coro_now(), 0);
    }
    return 0;
}

TASK_TEST(no_time_at_all_is_enough_for_a_body_that_never_waits)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, 0);
    ck_assert_int_eq(coro_timeout_end(&scope, 8), 8);
    ck_assert(!coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_yield(), 0);
    return 0;
}

/* --- Which cancel it was ---------------------------------------------------------------------- */
TASK_TEST(a_body_that_swallows_the_cancel_does_not_time_out)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_sleep(5 * CORO_SECOND), -ECANCELED);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_end(&scope, 3), 3);
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_int_eq(coro_yield(), 0);
    return 0;
}

TASK_TEST(a_body_that_fails_at_the_cancel_keeps_its_error)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_sleep(5 * CORO_SECOND), -ECANCELED);
    ck_assert_int_eq(coro_timeout_end(&scope, -EIO), -EIO);
    ck_assert(coro_timeout_expired(&scope));
    ck_assert_int_eq(cancelling(), 0);
    return 0;
}

static int limited(void *milliseconds)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, NUMBER(milliseconds) * CORO_MILLISECOND);
    const int rc = coro_timeout_end(&scope, coro_sleep(CORO_FOREVER));
    trace(coro_timeout_expired(&scope) ? "expired" : "not-expired");
    return rc;
}

TASK_TEST(a_cancel_from_outside_is_no_timeout)
{
    coro_task *task = spawn(limited, ARG(1000));
    passes(1);
    coro_cancel(task);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    expect_trace("not-expired");
    coro_release(task);
    return 0;
}

TASK_TEST(a_cancel_from_outside_in_the_pass_of_the_timeout_wins)
{
    coro_task *task = spawn(limited, ARG(1000));
    coro_sleep(CORO_SECOND);
    ck_assert(!coro_done(task));
    coro_cancel(task);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(task), 1);
    expect_trace("expired");
    coro_release(task);
    return 0;
}

TASK_TEST(a_count_from_before_the_scope_stays)
{
    coro_task *self = coro_current_task();
    coro_cancel(self);
    ck_assert_int_eq(coro_yield(), -ECANCELED);
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(5 * CORO_SECOND)), -ETIMEDOUT);
    ck_assert_int_eq(cancelling(), 1);
    coro_uncancel(self);
    return 0;
}

TASK_TEST(a_body_that_ends_cancelled_on_its_own_is_no_timeout)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, -ECANCELED), -ECANCELED);
    ck_assert(!coro_timeout_expired(&scope));
    return 0;
}

/* --- Nesting ---------------------------------------------------------------------------------- */
TASK_TEST(the_inner_scope_may_expire_first)
{
    coro_timeout outer, inner;
    coro_timeout_begin(&outer, 2 * CORO_SECOND);
    coro_timeout_begin(&inner, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&inner, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&outer, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    ck_assert_int_eq(cancelling(), 0);
    return 0;
}

TASK_TEST(the_outer_scope_passes_through_the_inner_one)
{
    coro_timeout outer, inner;
    coro_timeout_begin(&outer, CORO_SECOND);
    coro_timeout_begin(&inner, 2 * CORO_SECOND);
    const int rc = coro_timeout_end(&inner, coro_sleep(CORO_FOREVER));
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert(!coro_timeout_expired(&inner));
    ck_assert_int_eq(coro_timeout_end(&outer, rc), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    return 0;
}

TASK_TEST(of_equal_deadlines_the_outer_scope_fires_first)
{
    coro_timeout outer, inner;
    coro_timeout_begin(&outer, CORO_SECOND);
    coro_timeout_begin(&inner, CORO_SECOND);
    int rc = coro_sleep(CORO_FOREVER);
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(cancelling(), 2); /* both have expired */
    rc = coro_timeout_end(&inner, rc);
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert(coro_timeout_expired(&inner));
    ck_assert_int_eq(coro_timeout_end(&outer, rc), -ETIMEDOUT);
    ck_assert_int_eq(cancelling(), 0);
    return 0;
}

TASK_TEST(a_busy_loop_past_both_deadlines_expires_both)
{
    /* The inner deadline is the earlier one, and both are past when the loop looks. */
    coro_timeout outer, inner;
    coro_timeout_begin_at(&outer, -1);
    coro_timeout_begin_at(&inner, -2);
    int rc = coro_timeout_end(&inner, coro_sleep(CORO_SECOND));
    rc = coro_timeout_end(&outer, rc);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    ck_assert(coro_timeout_expired(&inner));
    ck_assert(coro_timeout_expired(&outer));
    ck_assert_int_eq(cancelling(), 0);
    return 0;
}

TASK_TEST(scopes_follow_one_another)
{
    for (int i = 1; i <= 3; i++) {
        coro_timeout scope;
        coro_timeout_begin(&scope, CORO_SECOND);
        ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
        ck_assert_int_eq(coro_now(), i * CORO_SECOND);
    }
    return 0;
}

/* --- Moving the deadline ---------------------------------------------------------------------- */
TASK_TEST(a_deadline_can_be_moved)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_reschedule(&scope, 3 * CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_when(&scope), 3 * CORO_SECOND);
    ck_assert_int_eq(coro_sleep(2 * CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 3 * CORO_SECOND);
    return 0;
}

TASK_TEST(a_deadline_can_be_taken_away_and_set)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_reschedule(&scope, CORO_FOREVER), 0);
    ck_assert_int_eq(coro_timeout_when(&scope), CORO_FOREVER);
    ck_assert_int_eq(coro_sleep(5 * CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_reschedule(&scope, 6 * CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 6 * CORO_SECOND);
    return 0;
}

TASK_TEST(a_deadline_moved_into_the_past_fires)
{
    coro_timeout scope;
    coro_sleep(CORO_SECOND);
    coro_timeout_begin(&scope, CORO_FOREVER);
    ck_assert_int_eq(coro_timeout_reschedule(&scope, 0), 0);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    return 0;
}

/* CPython: test_timeouts.TimeoutTests.test_timeout_expired
 * test_timeouts.TimeoutTests.test_timeout_expiring */
TASK_TEST(a_deadline_that_has_fired_can_be_moved_until_the_scope_has_expired)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, 0);
    ck_assert_int_eq(coro_timeout_reschedule(&scope, CORO_SECOND), 0);
    ck_assert_int_eq(coro_yield(), 0);
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    ck_assert_int_eq(coro_timeout_reschedule(&scope, CORO_FOREVER), -EINVAL);
    ck_assert_int_eq(coro_timeout_end(&scope, -ECANCELED), -ETIMEDOUT);
    ck_assert_int_eq(coro_timeout_reschedule(&scope, CORO_FOREVER), -EINVAL);
    return 0;
}

static int moves(void *scope)
{
    return coro_timeout_reschedule((coro_timeout *)scope, CORO_SECOND);
}

TASK_TEST(another_task_may_move_a_deadline)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_FOREVER);
    coro_task *task = spawn(moves, &scope);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    return 0;
}

/* --- Misuse ----------------------------------------------------------------------------------- */
START_TEST(a_scope_needs_a_task)
{
    coro_timeout scope;
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_SECOND), -EPERM);
    ck_assert_int_eq(coro_timeout_end(&scope, -ECANCELED), -ECANCELED);
    ck_assert_int_eq(coro_timeout_begin_at(&scope, CORO_SECOND), -EPERM);
    ck_assert_int_eq(coro_timeout_end(&scope, 5), 5);
    ck_assert(!coro_timeout_expired(&scope));
    ck_assert_int_eq(coro_timeout_reschedule(&scope, 0), -EPERM);
}
END_TEST

static int ends(void *scope)
{
    return coro_timeout_end((coro_timeout *)scope, 5);
}

TASK_TEST(a_scope_is_ended_by_the_task_that_began_it)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_join(spawn(ends, &scope), NULL), -EPERM);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
    return 0;
}

static int begins_only(void *arg)
{
    coro_timeout scope;
    return coro_timeout_begin(&scope, NUMBER(arg) * CORO_MILLISECOND);
}

TASK_TEST(a_scope_that_is_left_open_is_reported)
{
    const coro_task_options options = {.name = "forgetful"};
    coro_task *task = coro_create_task_with(&options, begins_only, ARG(1000));
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_log(CORO_LOG_TIMEOUT_NOT_ENDED, 0, "'forgetful' (entry: begins_only)");
    ck_assert_int_eq(coro_sleep(5 * CORO_SECOND), 0); /* nothing fires after all */
    return 0;
}

static coro_timeout longer_lived;

static int begins_longer_lived(void *arg)
{
    return coro_timeout_begin(&longer_lived, CORO_SECOND);
}

TASK_TEST(a_scope_may_outlive_its_task)
{
    ck_assert_int_eq(coro_join(spawn(begins_longer_lived, NULL), NULL), 0);
    expect_log(CORO_LOG_TIMEOUT_NOT_ENDED, 0, "begins_longer_lived");
    /* Another scope may be where it was. */
    coro_timeout scope;
    coro_timeout_begin(&scope, 5 * CORO_SECOND);
    ck_assert(!coro_timeout_expired(&longer_lived));
    coro_timeout_when(&longer_lived);
    ck_assert_int_eq(coro_timeout_reschedule(&longer_lived, 2 * CORO_SECOND), -EINVAL);
    coro_timeout_end(&longer_lived, 0);
    ck_assert_int_eq(coro_timeout_when(&scope), 5 * CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 5 * CORO_SECOND);
    return 0;
}

START_TEST(a_scope_may_outlive_its_run)
{
    ck_assert_int_eq(run_test(begins_longer_lived, NULL), 0);
    expect_log(CORO_LOG_TIMEOUT_NOT_ENDED, 0, "begins_longer_lived");
    ck_assert(!coro_timeout_expired(&longer_lived));
    coro_timeout_when(&longer_lived);
    ck_assert_int_eq(coro_timeout_reschedule(&longer_lived, CORO_SECOND), -EPERM);
    coro_timeout_end(&longer_lived, 0);
}
END_TEST

static int begins_two_and_ends_the_outer(void *arg)
{
    coro_timeout outer, inner;
    coro_timeout_begin(&outer, CORO_SECOND);
    coro_timeout_begin(&inner, CORO_SECOND);
    return coro_timeout_end(&outer, 0);
}

TASK_TEST(an_inner_scope_that_is_left_open_is_reported)
{
    ck_assert_int_eq(coro_join(spawn(begins_two_and_ends_the_outer, NULL), NULL), 0);
    expect_log(CORO_LOG_TIMEOUT_NOT_ENDED, 0, "begins_two_and_ends_the_outer");
    return 0;
}

TASK_TEST(an_eager_task_has_scopes_of_its_own)
{
    const coro_task_options options = {.eager_start = true};
    coro_timeout scope;
    coro_timeout_begin(&scope, 2 * CORO_SECOND);
    coro_task *task = coro_create_task_with(&options, limited, ARG(1000));
    ck_assert_int_eq(coro_await(task, NULL), -ETIMEDOUT);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_sleep(CORO_FOREVER)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    expect_trace("expired");
    coro_release(task);
    return 0;
}

static void compute(coro_duration duration)
{
    for (const coro_time until = coro_now() + duration; coro_now() < until;)
        continue;
}

static int yields_until_timed_out(void *count)
{
    coro_timeout scope;
    int rc = coro_yield();
    coro_timeout_begin(&scope, CORO_MILLISECOND);
    while (rc == 0) {
        compute(2 * CORO_MILLISECOND);
        rc = coro_yield();
        ++*(int *)count;
    }
    return coro_timeout_end(&scope, rc);
}

/* The first timer after a time without any. */
START_TEST(long_steps_do_not_hold_up_a_timeout)
{
    int count = 0;
    ck_assert_int_eq(coro_run(yields_until_timed_out, &count), -ETIMEDOUT);
    ck_assert_int_le(count, 3);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_body_that_takes_too_long_times_out,
        a_body_in_time_keeps_its_result,
        a_scope_covers_several_calls,
        a_deadline_is_a_point_in_time,
        a_timeout_has_not_the_text_of_the_cancel,
        without_a_deadline_a_scope_never_expires,
        what_is_awaited_is_cancelled_by_the_scope,
        no_time_at_all_takes_effect_at_the_first_call_that_waits,
        no_time_at_all_is_enough_for_a_body_that_never_waits,
        a_body_that_swallows_the_cancel_does_not_time_out,
        a_body_that_fails_at_the_cancel_keeps_its_error,
        a_cancel_from_outside_is_no_timeout,
        a_cancel_from_outside_in_the_pass_of_the_timeout_wins,
        a_count_from_before_the_scope_stays,
        a_body_that_ends_cancelled_on_its_own_is_no_timeout,
        the_inner_scope_may_expire_first,
        the_outer_scope_passes_through_the_inner_one,
        of_equal_deadlines_the_outer_scope_fires_first,
        a_busy_loop_past_both_deadlines_expires_both,
        scopes_follow_one_another,
        a_deadline_can_be_moved,
        a_deadline_can_be_taken_away_and_set,
        a_deadline_moved_into_the_past_fires,
        a_deadline_that_has_fired_can_be_moved_until_the_scope_has_expired,
        another_task_may_move_a_deadline,
        a_scope_needs_a_task,
        a_scope_is_ended_by_the_task_that_began_it,
        a_scope_that_is_left_open_is_reported,
        a_scope_may_outlive_its_task,
        a_scope_may_outlive_its_run,
        an_inner_scope_that_is_left_open_is_reported,
        an_eager_task_has_scopes_of_its_own,
        long_steps_do_not_hold_up_a_timeout,
        NULL,
    };
    return run_suite("timeout", tests);
}
