/* SPDX-License-Identifier: MIT */
/* Conditions: whom a notify wakes, and that the lock is held again however a wait ends. */
#include "support.h"

/* CPython, does not apply: no text form of a condition and no with statement in C:
 * test_locks.ConditionTests.test_repr
 * test_locks.ConditionTests.test_context_manager */

static coro_condition condition;

static void acquire(void)
{
    ck_assert_int_eq(coro_condition_acquire(&condition), 0);
}

static void release(void)
{
    ck_assert_int_eq(coro_condition_release(&condition), 0);
}

static void notify(size_t n)
{
    ck_assert_int_eq(coro_condition_notify(&condition, n), 0);
}

static bool locked(void)
{
    return coro_condition_locked(&condition);
}

static bool is_true(void *flag)
{
    return *(const bool *)flag;
}

static bool truth;

/* Traces its number when it was notified, and keeps the lock. */
static int waits(void *number)
{
    acquire();
    const int rc = coro_condition_wait(&condition);
    ck_assert(locked());
    trace("%d:%d", NUMBER(number), rc);
    return rc;
}

/* The same, and releases the lock. */
static int waits_and_releases(void *number)
{
    const int rc = waits(number);
    release();
    return rc;
}

static int waits_for_truth(void *number)
{
    acquire();
    const int rc = coro_condition_wait_for(&condition, is_true, &truth);
    trace("%d:%d", NUMBER(number), rc);
    release();
    return rc;
}

static int cancels(void *task)
{
    return coro_cancel((coro_task *)task) ? 0 : -EALREADY;
}

static int releases(void *arg)
{
    release();
    return 0;
}

static void release_all(coro_task *const tasks[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ck_assert(coro_done(tasks[i]));
        coro_release(tasks[i]);
    }
}

/* CPython: test_locks.ConditionTests.test_wait */
TASK_TEST(a_notified_task_goes_on_when_it_has_the_lock)
{
    coro_task *tasks[] = {spawn(waits, ARG(1)), spawn(waits, ARG(2)), spawn(waits, ARG(3))};
    passes(1);
    ck_assert(!locked());
    acquire();
    notify(1);
    passes(1);
    expect_trace("");
    ck_assert(locked());
    release();
    passes(1);
    expect_trace("1:0");
    ck_assert(locked());
    notify(2);
    passes(1);
    expect_trace("");
    ck_assert(locked());
    release();
    passes(1);
    expect_trace("2:0");
    ck_assert(locked());
    release();
    passes(1);
    expect_trace("3:0");
    ck_assert(locked());
    release_all(tasks, 3);
    return 0;
}

static int only_waits(void *arg)
{
    return coro_condition_wait(&condition);
}

/* CPython: test_locks.ConditionTests.test_wait_cancel */
TASK_TEST(a_cancelled_wait_has_the_lock_again)
{
    acquire();
    coro_task *task = spawn(only_waits, NULL), *canceller = spawn(cancels, task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert(locked());
    release();
    coro_release(canceller);
    return 0;
}

/* CPython: test_locks.ConditionTests.test_wait_cancel_contested */
TASK_TEST(a_wait_that_is_cancelled_while_it_contests_for_the_lock_has_it)
{
    acquire();
    coro_task *task = spawn(only_waits, NULL);
    passes(1);
    ck_assert(!locked());
    acquire();
    notify(1);
    coro_task *helpers[] = {spawn(cancels, task), spawn(releases, NULL)};
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert(locked());
    release_all(helpers, 2);
    return 0;
}

/* CPython: test_locks.ConditionTests.test_wait_cancel_after_notify */
TASK_TEST(a_cancel_after_the_notify_is_delivered)
{
    coro_task *waiter = spawn(waits_and_releases, ARG(1));
    passes(1);
    acquire();
    notify(1);
    passes(1);
    coro_cancel(waiter);
    passes(1);
    release();
    passes(1);
    ck_assert(coro_cancelled(waiter));
    expect_trace("1:-125");
    ck_assert(!locked());
    coro_release(waiter);
    return 0;
}

/* CPython: test_locks.ConditionTests.test_wait_unacquired */
TASK_TEST(a_wait_needs_the_lock)
{
    ck_assert_int_eq(coro_condition_wait(&condition), -EPERM);
    ck_assert(!locked());
    return 0;
}

/* CPython: test_locks.ConditionTests.test_wait_for */
TASK_TEST(wait_for_goes_on_when_its_predicate_is_true)
{
    coro_task *task = spawn(waits_for_truth, ARG(1));
    passes(1);
    acquire();
    notify(1);
    release();
    passes(1);
    expect_trace("");
    truth = true;
    acquire();
    notify(1);
    release();
    passes(1);
    expect_trace("1:0");
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_join(task, NULL), 0);
    return 0;
}

/* CPython: test_locks.ConditionTests.test_wait_for_unacquired */
TASK_TEST(wait_for_needs_the_lock_only_if_it_has_to_wait)
{
    truth = true;
    ck_assert_int_eq(coro_condition_wait_for(&condition, is_true, &truth), 0);
    truth = false;
    ck_assert_int_eq(coro_condition_wait_for(&condition, is_true, &truth), -EPERM);
    ck_assert_int_eq(coro_condition_wait_for(&condition, NULL, NULL), -EINVAL);
    return 0;
}

/* CPython: test_locks.ConditionTests.test_notify */
TASK_TEST(notify_wakes_as_many_as_it_is_told)
{
    coro_task *tasks[] = {spawn(waits_and_releases, ARG(1)), spawn(waits_and_releases, ARG(2)),
                          spawn(waits_and_releases, ARG(3))};
    passes(1);
    acquire();
    notify(0);
    notify(1);
    release();
    passes(1);
    expect_trace("1:0");
    acquire();
    notify(1);
    notify(2048);
    release();
    passes(1);
    expect_trace("2:0 3:0");
    release_all(tasks, 3);
    return 0;
}

/* CPython: test_locks.ConditionTests.test_notify_all */
TASK_TEST(notify_all_wakes_all)
{
    coro_task *tasks[] = {spawn(waits_and_releases, ARG(1)), spawn(waits_and_releases, ARG(2))};
    passes(1);
    acquire();
    ck_assert_int_eq(coro_condition_notify_all(&condition), 0);
    release();
    passes(1);
    expect_trace("1:0 2:0");
    release_all(tasks, 2);
    return 0;
}

/* CPython: test_locks.ConditionTests.test_notify_unacquired */
/* CPython: test_locks.ConditionTests.test_notify_all_unacquired */
TASK_TEST(a_notify_needs_the_lock)
{
    ck_assert_int_eq(coro_condition_notify(&condition, 1), -EPERM);
    ck_assert_int_eq(coro_condition_notify_all(&condition), -EPERM);
    return 0;
}

/* CPython: test_locks.ConditionTests.test_explicit_lock */
TASK_TEST(a_given_lock_is_the_conditions_lock)
{
    coro_lock lock = {0};
    coro_condition first = CORO_CONDITION_INITIALIZER(&lock);
    coro_condition second = CORO_CONDITION_INITIALIZER(&lock);
    coro_condition own = CORO_CONDITION_INITIALIZER(NULL);
    ck_assert_ptr_eq(coro_condition_lock(&first), &lock);
    ck_assert_ptr_ne(coro_condition_lock(&own), NULL);
    ck_assert(!coro_condition_locked(&first));
    ck_assert_int_eq(coro_condition_acquire(&first), 0);
    ck_assert(coro_lock_locked(&lock));
    ck_assert(coro_condition_locked(&first) && coro_condition_locked(&second));
    ck_assert(!coro_condition_locked(&own));
    ck_assert_int_eq(coro_condition_release(&second), 0);
    ck_assert(!coro_lock_locked(&lock));
    ck_assert_int_eq(coro_lock_acquire(&lock), 0);
    ck_assert(coro_condition_locked(&first));
    ck_assert_int_eq(coro_lock_release(&lock), 0);
    ck_assert(!coro_condition_locked(&first));
    return 0;
}

/* CPython: test_locks.ConditionTests.test_timeout_in_block */
TASK_TEST(a_wait_can_be_limited)
{
    coro_timeout scope;
    acquire();
    coro_timeout_begin(&scope, 500 * CORO_MILLISECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_condition_wait(&condition)), -ETIMEDOUT);
    ck_assert(locked());
    release();
    return 0;
}

/* CPython: test_locks.ConditionTests.test_cancelled_error_wakeup */
TASK_TEST(the_message_of_a_cancel_comes_through)
{
    coro_task *task = spawn(waits_for_truth, ARG(1));
    passes(1);
    coro_cancel_with(task, "foo");
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "foo");
    expect_trace("1:-125");
    coro_release(task);
    return 0;
}

/* CPython: test_locks.ConditionTests.test_cancelled_error_re_aquire */
TASK_TEST(the_message_of_a_cancel_comes_through_the_wait_for_the_lock)
{
    coro_task *task = spawn(waits_for_truth, ARG(1));
    passes(1);
    acquire();
    truth = true;
    notify(1);
    passes(1);
    coro_cancel_with(task, "foo");
    release();
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "foo");
    expect_trace("1:-125");
    coro_release(task);
    return 0;
}

TASK_TEST(repeated_cancels_do_not_keep_the_lock_from_a_wait_and_the_last_one_is_raised)
{
    coro_task *task = spawn(waits_for_truth, ARG(1));
    passes(1);
    acquire();
    coro_cancel_with(task, "first");
    passes(1);
    coro_cancel_with(task, "second");
    passes(1);
    coro_cancel_with(task, "third");
    passes(3);
    ck_assert(!coro_done(task));
    release();
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "third");
    ck_assert_int_eq(coro_cancelling(task), 3);
    ck_assert(!locked());
    expect_trace("1:-125");
    coro_release(task);
    return 0;
}

static int state;

static bool state_is_set(void *arg)
{
    return state != 0;
}

static bool state_is_zero(void *arg)
{
    return state == 0;
}

static int consumes(void *arg)
{
    acquire();
    int rc;
    while ((rc = coro_condition_wait_for(&condition, state_is_set, NULL)) == 0 && state > 0)
        state--;
    release();
    return rc;
}

/* One item for two consumers; the first one is cancelled when it was notified. */
static void lose_no_notify(bool when_it_waits_for_the_lock)
{
    coro_task *consumers[] = {spawn(consumes, NULL), spawn(consumes, NULL)};
    coro_timeout scope;
    passes(1);
    acquire();
    state++;
    notify(1);
    if (when_it_waits_for_the_lock)
        passes(1);
    coro_cancel(consumers[0]);
    coro_timeout_begin(&scope, 10 * CORO_MILLISECOND);
    const int rc = coro_condition_wait_for(&condition, state_is_zero, NULL);
    coro_timeout_end(&scope, rc);
    ck_assert_int_eq(state, 0);
    state = -1;
    ck_assert_int_eq(coro_condition_notify_all(&condition), 0);
    release();
    ck_assert_int_eq(coro_join(consumers[0], NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(consumers[1], NULL), 0);
}

/* CPython: test_locks.ConditionTests.test_cancelled_wakeup */
TASK_TEST(a_cancel_does_not_lose_the_notify)
{
    lose_no_notify(false);
    return 0;
}

/* CPython: test_locks.ConditionTests.test_cancelled_wakeup_relock */
TASK_TEST(a_cancel_in_the_wait_for_the_lock_does_not_lose_the_notify)
{
    lose_no_notify(true);
    return 0;
}

static void in_a_callback(coro_task *task, void *arg)
{
    acquire();
    ck_assert_int_eq(coro_condition_wait(&condition), -EPERM);
    ck_assert(locked());
    notify(1);
    release();
}

TASK_TEST(a_callback_may_notify_and_not_wait)
{
    coro_task *task = spawn(returns, ARG(0));
    coro_add_done_callback(task, in_a_callback, NULL);
    acquire();
    ck_assert_int_eq(coro_condition_wait(&condition), 0);
    release();
    coro_release(task);
    return 0;
}

START_TEST(a_deadlock_report_names_the_condition)
{
    ck_assert_int_eq(run_test(waits_and_releases, ARG(1)), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in condition");
    expect_trace("1:-125");
}
END_TEST

static int never_gives_up(void *arg)
{
    acquire();
    for (;;)
        coro_condition_wait(&condition);
    return 0;
}

static int main_holds_the_lock(void *arg)
{
    coro_release(spawn(never_gives_up, NULL));
    coro_release(spawn(never_gives_up, NULL));
    passes(2);
    acquire();
    return 0;
}

START_TEST(destroyed_tasks_wait_no_longer)
{
    ck_assert_int_eq(run_test(never_gives_up, NULL), -EDEADLK);
    ck_assert(!locked());
    ck_assert_int_eq(run_test(main_holds_the_lock, NULL), -EDEADLK);
    forget_log();
    ck_assert(locked());
    ck_assert_int_eq(coro_condition_notify_all(&condition), 0);
    release();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_notified_task_goes_on_when_it_has_the_lock,
        a_cancelled_wait_has_the_lock_again,
        a_wait_that_is_cancelled_while_it_contests_for_the_lock_has_it,
        a_cancel_after_the_notify_is_delivered,
        a_wait_needs_the_lock,
        wait_for_goes_on_when_its_predicate_is_true,
        wait_for_needs_the_lock_only_if_it_has_to_wait,
        notify_wakes_as_many_as_it_is_told,
        notify_all_wakes_all,
        a_notify_needs_the_lock,
        a_given_lock_is_the_conditions_lock,
        a_wait_can_be_limited,
        the_message_of_a_cancel_comes_through,
        the_message_of_a_cancel_comes_through_the_wait_for_the_lock,
        repeated_cancels_do_not_keep_the_lock_from_a_wait_and_the_last_one_is_raised,
        a_cancel_does_not_lose_the_notify,
        a_cancel_in_the_wait_for_the_lock_does_not_lose_the_notify,
        a_callback_may_notify_and_not_wait,
        a_deadlock_report_names_the_condition,
        destroyed_tasks_wait_no_longer,
        NULL,
    };
    return run_suite("condition", tests);
}
