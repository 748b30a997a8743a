/* SPDX-License-Identifier: MIT */
/* Events: whom set wakes, and when. */
#include "support.h"

/* CPython, does not apply: no text form of an event in C:
 * test_locks.EventTests.test_repr */

static coro_event event;

/* Traces its number when it has seen the event. */
static int waits(void *number)
{
    const int rc = coro_event_wait(&event);
    trace("%d:%d", NUMBER(number), rc);
    return rc;
}

static void set(void)
{
    ck_assert_int_eq(coro_event_set(&event), 0);
}

static int cancels(void *task)
{
    return coro_cancel((coro_task *)task) ? 0 : -EALREADY;
}

TASK_TEST(zeros_and_the_initializer_are_not_set)
{
    coro_event zeros = {0}, initialized = CORO_EVENT_INITIALIZER;
    ck_assert(!coro_event_is_set(&zeros));
    ck_assert(!coro_event_is_set(&initialized));
    return 0;
}

/* CPython: test_locks.EventTests.test_wait */
TASK_TEST(set_wakes_all_that_wait)
{
    ck_assert(!coro_event_is_set(&event));
    coro_task *tasks[] = {spawn(waits, ARG(1)), spawn(waits, ARG(2)), NULL};
    passes(1);
    expect_trace("");
    tasks[2] = spawn(waits, ARG(3));
    set();
    passes(1);
    expect_trace("3:0 1:0 2:0");
    for (int i = 0; i < 3; i++) {
        ck_assert(coro_done(tasks[i]));
        coro_release(tasks[i]);
    }
    return 0;
}

/* CPython: test_locks.EventTests.test_wait_on_set */
TASK_TEST(an_event_that_is_set_is_no_suspension_and_no_cancellation_point)
{
    coro_task *other = spawn(returns, ARG(0));
    set();
    coro_cancel(coro_current_task());
    ck_assert_int_eq(coro_event_wait(&event), 0);
    ck_assert(!coro_done(other));
    ck_assert_int_eq(coro_yield(), -ECANCELED);
    coro_release(other);
    return 0;
}

/* CPython: test_locks.EventTests.test_wait_cancel */
TASK_TEST(a_waiting_task_can_be_cancelled)
{
    coro_task *task = spawn(waits, ARG(1));
    coro_task *canceller = spawn(cancels, task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    expect_trace("1:-125");
    set();
    coro_release(canceller);
    return 0;
}

/* CPython: test_locks.EventTests.test_clear */
TASK_TEST(clear_clears)
{
    set();
    ck_assert(coro_event_is_set(&event));
    coro_event_clear(&event);
    ck_assert(!coro_event_is_set(&event));
    return 0;
}

/* CPython: test_locks.EventTests.test_clear_with_waiters */
TASK_TEST(a_clear_that_follows_does_not_take_the_wake_up_back)
{
    coro_task *task = spawn(waits, ARG(1));
    passes(1);
    set();
    coro_event_clear(&event);
    ck_assert(!coro_event_is_set(&event));
    set();
    set();
    passes(1);
    expect_trace("1:0");
    ck_assert_int_eq(coro_join(task, NULL), 0);
    return 0;
}

TASK_TEST(a_task_that_comes_after_the_clear_waits)
{
    coro_task *first = spawn(waits, ARG(1));
    passes(1);
    set();
    coro_event_clear(&event);
    coro_task *second = spawn(waits, ARG(2));
    passes(3);
    expect_trace("1:0");
    set();
    coro_join(second, NULL);
    expect_trace("2:0");
    coro_release(first);
    return 0;
}

TASK_TEST(a_cancel_wins_over_a_set_before_the_task_has_run)
{
    coro_task *first = spawn(waits, ARG(1)), *second = spawn(waits, ARG(2));
    passes(1);
    set();
    coro_cancel(first);
    coro_cancel(second);
    ck_assert_int_eq(coro_uncancel(second), 0);
    ck_assert_int_eq(coro_join(first, NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(second, NULL), 0);
    expect_trace("1:-125 2:0");
    return 0;
}

static int waits_for(void *shared)
{
    return coro_event_wait((coro_event *)shared);
}

TASK_TEST(an_event_may_go_as_soon_as_it_is_set)
{
    coro_task *task, *cancelled;
    {
        coro_event local = {0};
        task = spawn(waits_for, &local);
        cancelled = spawn(waits_for, &local);
        passes(1);
        coro_cancel(cancelled);
        ck_assert_int_eq(coro_event_set(&local), 0);
        memset(&local, 0xff, sizeof local);
    }
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_int_eq(coro_join(cancelled, NULL), -ECANCELED);
    return 0;
}

static void in_a_callback(coro_task *task, void *arg)
{
    ck_assert_int_eq(coro_event_wait(&event), -EPERM);
    set();
    ck_assert_int_eq(coro_event_wait(&event), 0);
}

TASK_TEST(a_callback_may_set_and_not_wait)
{
    coro_task *task = spawn(returns, ARG(0));
    coro_add_done_callback(task, in_a_callback, NULL);
    ck_assert_int_eq(coro_event_wait(&event), 0);
    coro_release(task);
    return 0;
}

START_TEST(outside_of_a_run_nobody_waits)
{
    coro_event own = {0};
    ck_assert_int_eq(coro_event_wait(&own), -EPERM);
    ck_assert_int_eq(coro_event_set(&own), 0);
    ck_assert_int_eq(coro_event_wait(&own), 0);
}
END_TEST

START_TEST(a_deadlock_report_names_the_event)
{
    ck_assert_int_eq(run_test(waits, ARG(1)), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in event");
    expect_trace("1:-125");
}
END_TEST

static int never_gives_up(void *arg)
{
    while (coro_event_wait(&event) != 0)
        continue;
    return 0;
}

START_TEST(destroyed_tasks_wait_no_longer)
{
    ck_assert_int_eq(run_test(never_gives_up, NULL), -EDEADLK);
    forget_log();
    ck_assert_int_eq(coro_event_set(&event), 0);
    ck_assert(coro_event_is_set(&event));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        zeros_and_the_initializer_are_not_set,
        set_wakes_all_that_wait,
        an_event_that_is_set_is_no_suspension_and_no_cancellation_point,
        a_waiting_task_can_be_cancelled,
        clear_clears,
        a_clear_that_follows_does_not_take_the_wake_up_back,
        a_task_that_comes_after_the_clear_waits,
        a_cancel_wins_over_a_set_before_the_task_has_run,
        an_event_may_go_as_soon_as_it_is_set,
        a_callback_may_set_and_not_wait,
        outside_of_a_run_nobody_waits,
        a_deadlock_report_names_the_event,
        destroyed_tasks_wait_no_longer,
        NULL,
    };
    return run_suite("event", tests);
}
