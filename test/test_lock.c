/* SPDX-License-Identifier: MIT */
/* Locks: who gets them when, and what becomes of one that was on its way to a cancelled task. */
#include "support.h"

/* CPython, does not apply: no text form of a lock, no await of the lock itself, no loop parameter,
 * and no with statement in C: test_locks.LockTests.test_repr test_locks.LockTests.test_lock
 * test_locks.LockTests.test_lock_doesnt_accept_loop_parameter
 * test_locks.LockTests.test_lock_by_with_statement
 * test_locks.LockTests.test_context_manager */

static coro_lock lock;

static void lock_it(void)
{
    ck_assert_int_eq(coro_lock_acquire(&lock), 0);
}

static void unlock_it(void)
{
    ck_assert_int_eq(coro_lock_release(&lock), 0);
}

/* Traces its number when it has the lock, which it keeps. */
static int acquires(void *number)
{
    const int rc = coro_lock_acquire(&lock);
    if (rc == 0)
        trace("%d", NUMBER(number));
    return rc;
}

/* Has the lock until a future is settled; NULL is at once. */
static int holds(void *until)
{
    int rc = coro_lock_acquire(&lock);
    if (rc < 0)
        return rc;
    rc = until ? coro_await((coro_future *)until, NULL) : 0;
    unlock_it();
    return rc;
}

static int cancels(void *task)
{
    return coro_cancel((coro_task *)task) ? 0 : -EALREADY;
}

TASK_TEST(zeros_and_the_initializer_are_unlocked)
{
    coro_lock zeros = {0}, initialized = CORO_LOCK_INITIALIZER;
    ck_assert(!coro_lock_locked(&zeros));
    ck_assert(!coro_lock_locked(&initialized));
    ck_assert_int_eq(coro_lock_acquire(&initialized), 0);
    ck_assert(coro_lock_locked(&initialized));
    return 0;
}

/* CPython: test_locks.LockTests.test_acquire */
TASK_TEST(a_release_lets_the_next_one_through)
{
    lock_it();
    coro_task *tasks[] = {spawn(acquires, ARG(1)), spawn(acquires, ARG(2)), NULL};
    passes(1);
    expect_trace("");
    unlock_it();
    passes(1);
    expect_trace("1");
    passes(1);
    expect_trace("");
    tasks[2] = spawn(acquires, ARG(3));
    unlock_it();
    passes(1);
    expect_trace("2");
    unlock_it();
    passes(1);
    expect_trace("3");
    for (int i = 0; i < 3; i++) {
        ck_assert(coro_done(tasks[i]));
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    }
    return 0;
}

/* CPython: test_locks.LockTests.test_acquire_cancel */
TASK_TEST(a_waiting_task_can_be_cancelled)
{
    lock_it();
    coro_task *task = spawn(acquires, ARG(1));
    coro_task *canceller = spawn(cancels, task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(canceller, NULL), 0);
    unlock_it();
    lock_it();
    return 0;
}

/* CPython: test_locks.LockTests.test_cancel_race */
TASK_TEST(a_release_passes_over_a_cancelled_task)
{
    coro_future *until = coro_create_future();
    coro_task *a = spawn(holds, until);
    passes(1);
    ck_assert(coro_lock_locked(&lock));
    coro_task *b = spawn(holds, NULL);
    passes(1);
    coro_task *c = spawn(holds, NULL);
    passes(1);
    coro_set_result(until, 0, NULL);
    coro_cancel(b);
    passes(1);
    ck_assert(!coro_lock_locked(&lock));
    ck_assert(coro_done(a));
    ck_assert(coro_cancelled(b));
    ck_assert_int_eq(coro_join(c, NULL), 0);
    coro_release(a);
    coro_release(b);
    coro_release(until);
    return 0;
}

static int cancels_and_releases(void *task)
{
    coro_cancel((coro_task *)task);
    unlock_it();
    return 0;
}

/* CPython: test_locks.LockTests.test_cancel_release_race */
TASK_TEST(only_one_task_gets_a_lock_that_another_was_cancelled_for)
{
    lock_it();
    coro_task *first = spawn(acquires, ARG(1));
    coro_task *second = spawn(acquires, ARG(2));
    coro_task *third = spawn(acquires, ARG(3));
    passes(1);
    coro_release(spawn(cancels_and_releases, first));
    ck_assert_int_eq(coro_await(first, NULL), -ECANCELED);
    expect_trace("2");
    ck_assert(coro_done(second));
    coro_cancel(third);
    passes(1);
    ck_assert(coro_cancelled(third));
    coro_release(first);
    coro_release(second);
    coro_release(third);
    return 0;
}

/* CPython: test_locks.LockTests.test_finished_waiter_cancelled */
TASK_TEST(a_cancelled_task_that_has_not_run_yet_is_in_nobodys_way)
{
    lock_it();
    coro_task *b = spawn(acquires, ARG(1));
    passes(1);
    coro_task *c = spawn(acquires, ARG(2));
    coro_cancel(b);
    unlock_it();
    passes(1);
    ck_assert(coro_lock_locked(&lock));
    ck_assert(coro_cancelled(b));
    ck_assert_int_eq(coro_join(c, NULL), 0);
    expect_trace("2");
    coro_release(b);
    return 0;
}

TASK_TEST(a_task_that_is_cancelled_when_the_lock_is_on_its_way_passes_it_on)
{
    lock_it();
    coro_task *first = spawn(acquires, ARG(1));
    coro_task *second = spawn(acquires, ARG(2));
    passes(1);
    unlock_it();
    ck_assert(coro_cancel(first));
    ck_assert_int_eq(coro_join(first, NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(second, NULL), 0);
    expect_trace("2");
    return 0;
}

TASK_TEST(a_cancel_that_is_taken_back_in_time_does_not_cost_the_lock)
{
    lock_it();
    coro_task *first = spawn(acquires, ARG(1));
    passes(1);
    unlock_it();
    ck_assert(coro_cancel(first));
    ck_assert_int_eq(coro_uncancel(first), 0);
    ck_assert_int_eq(coro_join(first, NULL), 0);
    expect_trace("1");
    return 0;
}

TASK_TEST(nobody_overtakes_a_task_that_the_lock_is_on_its_way_to)
{
    lock_it();
    coro_task *first = spawn(acquires, ARG(1));
    passes(1);
    unlock_it();
    ck_assert(!coro_lock_locked(&lock));
    coro_task *second = spawn(acquires, ARG(2));
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_lock_acquire(&lock)), -ETIMEDOUT);
    expect_trace("1");
    unlock_it();
    ck_assert_int_eq(coro_join(second, NULL), 0);
    expect_trace("2");
    coro_release(first);
    return 0;
}

TASK_TEST(a_lock_that_is_free_is_no_cancellation_point)
{
    coro_cancel(coro_current_task());
    lock_it();
    unlock_it();
    ck_assert_int_eq(coro_yield(), -ECANCELED);
    return 0;
}

TASK_TEST(a_request_made_before_is_delivered_by_a_call_that_has_to_wait)
{
    lock_it();
    coro_cancel(coro_current_task());
    ck_assert_int_eq(coro_lock_acquire(&lock), -ECANCELED);
    ck_assert(coro_lock_locked(&lock));
    unlock_it();
    lock_it();
    return 0;
}

/* CPython: test_locks.LockTests.test_release_not_acquired */
TASK_TEST(an_unlocked_lock_cannot_be_released)
{
    ck_assert_int_eq(coro_lock_release(&lock), -EPERM);
    lock_it();
    coro_task *task = spawn(acquires, ARG(1));
    passes(1);
    unlock_it();
    ck_assert_int_eq(coro_lock_release(&lock), -EPERM);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("1");
    return 0;
}

/* CPython: test_locks.LockTests.test_release_no_waiters */
TASK_TEST(a_release_without_waiting_tasks_unlocks)
{
    lock_it();
    ck_assert(coro_lock_locked(&lock));
    unlock_it();
    ck_assert(!coro_lock_locked(&lock));
    return 0;
}

static void in_a_callback(coro_task *task, void *arg)
{
    ck_assert_int_eq(coro_lock_acquire(&lock), -EPERM);
    unlock_it();
}

TASK_TEST(a_callback_may_release_and_not_wait)
{
    lock_it();
    coro_task *task = spawn(returns, ARG(0));
    coro_add_done_callback(task, in_a_callback, NULL);
    ck_assert_int_eq(coro_lock_acquire(&lock), 0);
    coro_release(task);
    return 0;
}

START_TEST(outside_of_a_run_a_lock_works_as_long_as_nobody_waits)
{
    coro_lock own = {0};
    ck_assert_int_eq(coro_lock_acquire(&own), 0);
    ck_assert_int_eq(coro_lock_acquire(&own), -EPERM);
    ck_assert_int_eq(coro_lock_release(&own), 0);
    ck_assert_int_eq(coro_lock_release(&own), -EPERM);
}
END_TEST

static int main_relocks(void *arg)
{
    lock_it();
    return coro_lock_acquire(&lock);
}

START_TEST(a_deadlock_report_names_the_lock)
{
    ck_assert_int_eq(run_test(main_relocks, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in lock");
}
END_TEST

static int never_gives_up(void *on)
{
    for (;;)
        if (coro_lock_acquire((coro_lock *)on) == 0)
            return 0;
}

/* Its lock lies on the stack of a task that is destroyed before the one that waits for it. */
static int refuses_with_a_lock(void *arg)
{
    coro_lock own = {0};
    ck_assert_int_eq(coro_lock_acquire(&own), 0);
    coro_release(spawn(never_gives_up, &own));
    coro_release(spawn(never_gives_up, &own));
    return never_gives_up(&own);
}

static int main_that_leaves_waiting_tasks(void *arg)
{
    lock_it();
    coro_release(spawn(refuses_with_a_lock, NULL));
    coro_release(spawn(never_gives_up, &lock));
    passes(2);
    return 0;
}

START_TEST(destroyed_tasks_wait_no_longer)
{
    ck_assert_int_eq(run_test(main_that_leaves_waiting_tasks, NULL), -EDEADLK);
    forget_log();
    ck_assert(coro_lock_locked(&lock));
    ck_assert_int_eq(coro_lock_release(&lock), 0);
    ck_assert_int_eq(coro_lock_acquire(&lock), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        zeros_and_the_initializer_are_unlocked,
        a_release_lets_the_next_one_through,
        a_waiting_task_can_be_cancelled,
        a_release_passes_over_a_cancelled_task,
        only_one_task_gets_a_lock_that_another_was_cancelled_for,
        a_cancelled_task_that_has_not_run_yet_is_in_nobodys_way,
        a_task_that_is_cancelled_when_the_lock_is_on_its_way_passes_it_on,
        a_cancel_that_is_taken_back_in_time_does_not_cost_the_lock,
        nobody_overtakes_a_task_that_the_lock_is_on_its_way_to,
        a_lock_that_is_free_is_no_cancellation_point,
        a_request_made_before_is_delivered_by_a_call_that_has_to_wait,
        an_unlocked_lock_cannot_be_released,
        a_release_without_waiting_tasks_unlocks,
        a_callback_may_release_and_not_wait,
        outside_of_a_run_a_lock_works_as_long_as_nobody_waits,
        a_deadlock_report_names_the_lock,
        destroyed_tasks_wait_no_longer,
        NULL,
    };
    return run_suite("lock", tests);
}
