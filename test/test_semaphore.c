/* SPDX-License-Identifier: MIT */
/* Semaphores: in which order permits are given, and what becomes of one that was on its way to a
 * cancelled task. */
#include "support.h"

/* CPython, does not apply: no text form of a semaphore, and no value below zero in C:
 * test_locks.SemaphoreTests.test_repr
 * test_locks.SemaphoreTests.test_semaphore_value */

static coro_semaphore semaphore;

static void with(size_t value)
{
    semaphore = (coro_semaphore)CORO_SEMAPHORE_INITIALIZER(value);
}

static void acquire(void)
{
    ck_assert_int_eq(coro_semaphore_acquire(&semaphore), 0);
}

static void release(void)
{
    ck_assert_int_eq(coro_semaphore_release(&semaphore), 0);
}

static bool locked(void)
{
    return coro_semaphore_locked(&semaphore);
}

/* Traces its number when it has a permit, which it keeps. */
static int acquires(void *number)
{
    const int rc = coro_semaphore_acquire(&semaphore);
    if (rc == 0)
        trace("%d", NUMBER(number));
    return rc;
}

static int cancels(void *task)
{
    return coro_cancel((coro_task *)task) ? 0 : -EALREADY;
}

/* CPython: test_locks.SemaphoreTests.test_initial_value_zero */
TASK_TEST(zeros_have_no_permit)
{
    coro_semaphore zeros = {0}, none = CORO_SEMAPHORE_INITIALIZER(0);
    ck_assert(coro_semaphore_locked(&zeros));
    ck_assert(coro_semaphore_locked(&none));
    ck_assert_int_eq(coro_semaphore_release(&zeros), 0);
    ck_assert(!coro_semaphore_locked(&zeros));
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_semaphore */
TASK_TEST(the_initializer_sets_the_value)
{
    with(1);
    ck_assert(!locked());
    acquire();
    ck_assert(locked());
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_acquire */
TASK_TEST(permits_are_given_in_the_order_of_asking)
{
    with(3);
    acquire();
    acquire();
    ck_assert(!locked());
    coro_task *tasks[4] = {spawn(acquires, ARG(1)), spawn(acquires, ARG(2)),
                           spawn(acquires, ARG(3))};
    passes(1);
    expect_trace("1");
    ck_assert(locked());
    tasks[3] = spawn(acquires, ARG(4));
    release();
    release();
    ck_assert(locked());
    passes(1);
    expect_trace("2 3");
    ck_assert(locked());
    ck_assert(!coro_done(tasks[3]));
    release();
    ck_assert_int_eq(coro_gather(tasks, 4, 0), 0);
    expect_trace("4");
    for (int i = 0; i < 4; i++)
        coro_release(tasks[i]);
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_acquire_cancel */
TASK_TEST(a_waiting_task_can_be_cancelled)
{
    with(1);
    acquire();
    coro_task *task = spawn(acquires, ARG(1)), *canceller = spawn(cancels, task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    release();
    ck_assert(!locked());
    coro_release(canceller);
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_acquire_cancel_before_awoken */
TASK_TEST(a_permit_passes_over_cancelled_tasks)
{
    coro_task *tasks[4];
    with(0);
    for (int i = 0; i < 4; i++)
        tasks[i] = spawn(acquires, ARG(i));
    passes(1);
    coro_cancel(tasks[0]);
    coro_cancel(tasks[1]);
    release();
    passes(2);
    expect_trace("2");
    ck_assert(coro_done(tasks[2]));
    ck_assert(!coro_done(tasks[3]));
    coro_cancel(tasks[3]);
    passes(1);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(coro_cancelled(tasks[i]), i != 2);
        coro_release(tasks[i]);
    }
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_acquire_hang */
TASK_TEST(the_task_behind_a_cancelled_one_gets_its_permit)
{
    with(0);
    coro_task *first = spawn(acquires, ARG(1)), *second = spawn(acquires, ARG(2));
    passes(1);
    coro_cancel(first);
    release();
    passes(2);
    ck_assert(locked());
    ck_assert(coro_done(second));
    expect_trace("2");
    coro_release(first);
    coro_release(second);
    return 0;
}

TASK_TEST(a_task_that_is_cancelled_with_a_permit_on_its_way_passes_it_on)
{
    with(0);
    coro_task *first = spawn(acquires, ARG(1)), *second = spawn(acquires, ARG(2));
    passes(1);
    release();
    ck_assert(coro_cancel(first));
    ck_assert_int_eq(coro_join(first, NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(second, NULL), 0);
    expect_trace("2");
    ck_assert(locked());
    return 0;
}

static int holds_for_a_pass_and_cancels(void *other)
{
    int rc = coro_semaphore_acquire(&semaphore);
    if (rc < 0)
        return rc;
    rc = coro_yield();
    release();
    coro_cancel(*(coro_task **)other);
    return rc;
}

/* CPython: test_locks.SemaphoreTests.test_acquire_no_hang */
TASK_TEST(a_permit_that_nobody_took_can_be_acquired)
{
    with(1);
    coro_task *second;
    coro_task *first = spawn(holds_for_a_pass_and_cancels, &second);
    second = spawn(acquires, ARG(2));
    coro_task *both[] = {first, second};
    ck_assert_int_eq(coro_gather(both, 2, CORO_RETURN_EXCEPTIONS), 0);
    ck_assert_int_eq(coro_join(first, NULL), 0);
    ck_assert_int_eq(coro_join(second, NULL), -ECANCELED);
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_semaphore_acquire(&semaphore)), 0);
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_release_not_acquired */
TASK_TEST(a_bounded_one_has_no_more_permits_than_at_first)
{
    coro_semaphore bounded = CORO_BOUNDED_SEMAPHORE_INITIALIZER(1);
    ck_assert_int_eq(coro_semaphore_release(&bounded), -EOVERFLOW);
    ck_assert_int_eq(coro_semaphore_acquire(&bounded), 0);
    ck_assert_int_eq(coro_semaphore_release(&bounded), 0);
    ck_assert_int_eq(coro_semaphore_release(&bounded), -EOVERFLOW);
    coro_semaphore none = CORO_BOUNDED_SEMAPHORE_INITIALIZER(0);
    ck_assert_int_eq(coro_semaphore_release(&none), -EOVERFLOW);
    coro_semaphore most = CORO_SEMAPHORE_INITIALIZER(SIZE_MAX);
    ck_assert_int_eq(coro_semaphore_release(&most), -EOVERFLOW);
    return 0;
}

TASK_TEST(a_bounded_one_hands_permits_to_waiting_tasks)
{
    semaphore = (coro_semaphore)CORO_BOUNDED_SEMAPHORE_INITIALIZER(1);
    acquire();
    coro_task *task = spawn(acquires, ARG(1));
    passes(1);
    release();
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("1");
    release();
    ck_assert_int_eq(coro_semaphore_release(&semaphore), -EOVERFLOW);
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_release_no_waiters */
TASK_TEST(a_release_without_waiting_tasks_leaves_a_permit)
{
    with(1);
    acquire();
    ck_assert(locked());
    release();
    ck_assert(!locked());
    return 0;
}

static int acquires_twice(void *number)
{
    for (int round = 1; round <= 2; round++) {
        acquire();
        trace("%d.%d", NUMBER(number), round);
        coro_sleep(10 * CORO_MILLISECOND);
        release();
    }
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_acquire_fifo_order */
TASK_TEST(who_comes_again_is_the_last)
{
    coro_group group;
    with(1);
    ck_assert_int_eq(coro_group_begin(&group), 0);
    for (int i = 1; i <= 3; i++)
        ck_assert_int_eq(coro_group_create_task(&group, acquires_twice, ARG(i)), 0);
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    expect_trace("1.1 2.1 3.1 1.2 2.2 3.2");
    return 0;
}

static int releases_and_acquires_again(void *arg)
{
    acquire();
    trace("2");
    release();
    acquire();
    trace("4");
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_acquire_fifo_order_2 */
TASK_TEST(who_has_just_released_does_not_overtake_the_next)
{
    with(1);
    coro_task *tasks[] = {spawn(acquires, ARG(1)), spawn(releases_and_acquires_again, NULL),
                          spawn(acquires, ARG(3))};
    passes(1);
    release();
    release();
    ck_assert_int_eq(coro_gather(tasks, 3, 0), 0);
    expect_trace("1 2 3 4");
    for (int i = 0; i < 3; i++)
        coro_release(tasks[i]);
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_acquire_fifo_order_3 */
TASK_TEST(a_cancelled_first_task_does_not_change_the_order)
{
    with(0);
    coro_task *tasks[] = {spawn(acquires, ARG(1)), spawn(acquires, ARG(2)),
                          spawn(acquires, ARG(3))};
    passes(1);
    coro_cancel(tasks[0]);
    passes(1);
    release();
    release();
    ck_assert_int_eq(coro_gather(tasks, 3, CORO_RETURN_EXCEPTIONS), 0);
    expect_trace("2 3");
    for (int i = 0; i < 3; i++)
        coro_release(tasks[i]);
    return 0;
}

static int traces(void *number)
{
    trace("%d", NUMBER(number));
    return 0;
}

static coro_task *fourth;

static int acquires_and_creates(void *arg)
{
    acquire();
    fourth = spawn(traces, ARG(4));
    trace("1");
    return 0;
}

static int releases_for_three(void *arg)
{
    for (int i = 0; i < 3; i++)
        release();
    /* Two permits are left, but the first task has not had its turn yet. */
    ck_assert(locked());
    acquire();
    trace("2");
    return 0;
}

/* CPython: test_locks.SemaphoreTests.test_acquire_fifo_order_4 */
TASK_TEST(a_task_that_got_a_permit_lets_those_behind_it_through)
{
    with(0);
    coro_task *tasks[] = {spawn(acquires_and_creates, NULL), spawn(releases_for_three, NULL),
                          spawn(acquires, ARG(3))};
    passes(2);
    ck_assert_int_eq(coro_gather(tasks, 3, 0), 0);
    ck_assert_int_eq(coro_join(fourth, NULL), 0);
    expect_trace("1 2 3 4");
    ck_assert(locked());
    for (int i = 0; i < 3; i++)
        coro_release(tasks[i]);
    return 0;
}

TASK_TEST(a_permit_that_is_there_is_no_cancellation_point)
{
    with(1);
    coro_cancel(coro_current_task());
    acquire();
    ck_assert_int_eq(coro_semaphore_acquire(&semaphore), -ECANCELED);
    release();
    ck_assert(!locked());
    return 0;
}

static void in_a_callback(coro_task *task, void *arg)
{
    ck_assert_int_eq(coro_semaphore_acquire(&semaphore), -EPERM);
    release();
}

TASK_TEST(a_callback_may_release_and_not_wait)
{
    with(0);
    coro_task *task = spawn(returns, ARG(0));
    coro_add_done_callback(task, in_a_callback, NULL);
    acquire();
    ck_assert(locked());
    coro_release(task);
    return 0;
}

START_TEST(outside_of_a_run_permits_can_be_taken_while_there_are_any)
{
    with(1);
    acquire();
    ck_assert_int_eq(coro_semaphore_acquire(&semaphore), -EPERM);
    release();
    acquire();
}
END_TEST

START_TEST(a_deadlock_report_names_the_semaphore)
{
    with(0);
    ck_assert_int_eq(run_test(acquires, ARG(1)), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in semaphore");
}
END_TEST

static int never_gives_up(void *arg)
{
    while (coro_semaphore_acquire(&semaphore) != 0)
        continue;
    return 0;
}

START_TEST(destroyed_tasks_wait_no_longer)
{
    with(0);
    ck_assert_int_eq(run_test(never_gives_up, NULL), -EDEADLK);
    forget_log();
    release();
    ck_assert(!locked());
    acquire();
}
END_TEST

static int only_acquires(void *arg)
{
    return coro_semaphore_acquire(&semaphore);
}

TASK_TEST(many_releases_in_one_pass_take_their_time_once)
{
    enum { TASKS = 5000 };
    const int count = many(TASKS);
    coro_group group;
    with(0);
    ck_assert_int_eq(coro_group_begin(&group), 0);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(coro_group_create_task(&group, only_acquires, NULL), 0);
    passes(1);
    for (int i = 0; i < count; i++)
        release();
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert(locked());
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        zeros_have_no_permit,
        the_initializer_sets_the_value,
        permits_are_given_in_the_order_of_asking,
        a_waiting_task_can_be_cancelled,
        a_permit_passes_over_cancelled_tasks,
        the_task_behind_a_cancelled_one_gets_its_permit,
        a_task_that_is_cancelled_with_a_permit_on_its_way_passes_it_on,
        a_permit_that_nobody_took_can_be_acquired,
        a_bounded_one_has_no_more_permits_than_at_first,
        a_bounded_one_hands_permits_to_waiting_tasks,
        a_release_without_waiting_tasks_leaves_a_permit,
        who_comes_again_is_the_last,
        who_has_just_released_does_not_overtake_the_next,
        a_cancelled_first_task_does_not_change_the_order,
        a_task_that_got_a_permit_lets_those_behind_it_through,
        a_permit_that_is_there_is_no_cancellation_point,
        a_callback_may_release_and_not_wait,
        outside_of_a_run_permits_can_be_taken_while_there_are_any,
        a_deadlock_report_names_the_semaphore,
        destroyed_tasks_wait_no_longer,
        many_releases_in_one_pass_take_their_time_once,
        NULL,
    };
    return run_suite("semaphore", tests);
}
