/* SPDX-License-Identifier: MIT */
/* Wait: its three modes, its timeout, and that it touches nobody. */
#include "support.h"

static void release_all(coro_task *const tasks[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        coro_release(tasks[i]);
}

TASK_TEST(ALL_COMPLETED_waits_for_all)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(returns, ARG(-EIO)),
                          spawn(sleeps, ARG(2000))};
    ck_assert_int_eq(coro_wait(tasks, 3, CORO_ALL_COMPLETED, CORO_FOREVER), 3);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    ck_assert_int_eq(coro_result(tasks[1], NULL), -EIO);
    release_all(tasks, 3);
    return 0;
}

TASK_TEST(FIRST_COMPLETED_returns_with_the_first)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(2000)), spawn(sleeps, ARG(1000)),
                          spawn(sleeps, ARG(3000))};
    ck_assert_int_eq(coro_wait(tasks, 3, CORO_FIRST_COMPLETED, CORO_FOREVER), 1);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert(!coro_done(tasks[0]));
    ck_assert(coro_done(tasks[1]));
    ck_assert(!coro_done(tasks[2]));
    release_all(tasks, 3);
    return 0;
}

TASK_TEST(FIRST_COMPLETED_may_find_more_than_one)
{
    coro_task *tasks[] = {spawn(returns, NULL), spawn(returns, NULL), spawn(sleeps, ARG(1000))};
    ck_assert_int_eq(coro_wait(tasks, 3, CORO_FIRST_COMPLETED, CORO_FOREVER), 2);
    release_all(tasks, 3);
    return 0;
}

static int fails_after(void *milliseconds)
{
    const int rc = sleeps(milliseconds);
    return rc < 0 ? rc : -EIO;
}

TASK_TEST(FIRST_EXCEPTION_returns_with_the_first_failure)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(fails_after, ARG(2000)),
                          spawn(sleeps, ARG(3000))};
    ck_assert_int_eq(coro_wait(tasks, 3, CORO_FIRST_EXCEPTION, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    release_all(tasks, 3);
    return 0;
}

TASK_TEST(FIRST_EXCEPTION_takes_no_notice_of_a_cancelled_task)
{
    coro_task *tasks[] = {spawn(forever, NULL), spawn(sleeps, ARG(1000))};
    passes(1);
    coro_cancel(tasks[0]);
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_FIRST_EXCEPTION, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    release_all(tasks, 2);
    return 0;
}

TASK_TEST(FIRST_EXCEPTION_without_one_waits_for_all)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(sleeps, ARG(2000))};
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_FIRST_EXCEPTION, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    release_all(tasks, 2);
    return 0;
}

TASK_TEST(FIRST_EXCEPTION_finds_a_failure_from_before)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(returns, ARG(-EIO))};
    passes(2);
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_FIRST_EXCEPTION, CORO_FOREVER), 1);
    ck_assert_int_eq(coro_now(), 0);
    release_all(tasks, 2);
    return 0;
}

TASK_TEST(an_error_that_only_ended_the_wait_is_still_to_be_read)
{
    coro_task *task = spawn(returns, ARG(-EIO));
    ck_assert_int_eq(coro_wait(&task, 1, CORO_FIRST_COMPLETED, CORO_FOREVER), 1);
    coro_release(task);
    expect_log(CORO_LOG_NEVER_RETRIEVED, -EIO, "never retrieved");
    return 0;
}

TASK_TEST(waiting_for_what_is_done_suspends)
{
    coro_task *task = spawn(returns, NULL);
    passes(1);
    coro_task *other = spawn(returns, NULL);
    ck_assert_int_eq(coro_wait(&task, 1, CORO_ALL_COMPLETED, CORO_FOREVER), 1);
    ck_assert(coro_done(other));
    coro_release(task);
    coro_release(other);
    return 0;
}

TASK_TEST(the_timeout_touches_nobody)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(sleeps, ARG(3000))};
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_ALL_COMPLETED, 2 * CORO_SECOND), 1);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    ck_assert(!coro_done(tasks[1]));
    ck_assert_int_eq(coro_cancelling(tasks[1]), 0);
    ck_assert_int_eq(coro_await(tasks[1], NULL), 0);
    ck_assert_int_eq(coro_now(), 3 * CORO_SECOND);
    release_all(tasks, 2);
    return 0;
}

TASK_TEST(a_timeout_that_is_not_needed_leaves_no_timer)
{
    coro_task *task = spawn(sleeps, ARG(1000));
    ck_assert_int_eq(coro_wait(&task, 1, CORO_ALL_COMPLETED, 100 * CORO_SECOND), 1);
    coro_future *never = coro_create_future();
    ck_assert_int_eq(coro_wait(&never, 1, CORO_ALL_COMPLETED, CORO_SECOND), 0);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    coro_release(task);
    coro_release(never);
    return 0;
}

TASK_TEST(a_timeout_of_nothing_is_a_look)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(returns, NULL)};
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_ALL_COMPLETED, 0), 1);
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_ALL_COMPLETED, -CORO_SECOND), 1);
    ck_assert_int_eq(coro_now(), 0);
    release_all(tasks, 2);
    return 0;
}

static int waits(void *task)
{
    coro_task *const tasks[] = {task};
    return coro_wait(tasks, 1, CORO_ALL_COMPLETED, 10 * CORO_SECOND);
}

/* CPython: test_tasks.BaseTaskTests.test_yield_wait_does_not_shield_cancel */
TASK_TEST(a_cancelled_wait_touches_nobody)
{
    coro_task *task = spawn(sleeps, ARG(1000)), *waiter = spawn(waits, task);
    passes(1);
    ck_assert(coro_cancel(waiter));
    ck_assert_int_eq(coro_join(waiter, NULL), -ECANCELED);
    ck_assert_int_eq(coro_now(), 0);
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    return 0;
}

TASK_TEST(each_task_counts_once)
{
    coro_task *a = spawn(sleeps, ARG(1000)), *b = spawn(sleeps, ARG(2000));
    coro_task *tasks[] = {a, b, a, a, b};
    ck_assert_int_eq(coro_wait(tasks, 5, CORO_FIRST_COMPLETED, CORO_FOREVER), 1);
    ck_assert_int_eq(coro_wait(tasks, 5, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
    coro_release(a);
    coro_release(b);
    return 0;
}

TASK_TEST(the_losers_are_cancelled_by_the_caller)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(forever, NULL), spawn(forever, NULL)};
    ck_assert_int_eq(coro_wait(tasks, 3, CORO_FIRST_COMPLETED, CORO_FOREVER), 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(coro_cancel(tasks[i]), i > 0);
    ck_assert_int_eq(coro_wait(tasks, 3, CORO_ALL_COMPLETED, CORO_FOREVER), 3);
    ck_assert(coro_cancelled(tasks[1]));
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    release_all(tasks, 3);
    return 0;
}

TASK_TEST(a_task_that_could_not_be_created_has_ended_with_an_error)
{
    coro_task *tasks[] = {NULL, spawn(sleeps, ARG(1000))};
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_FIRST_COMPLETED, CORO_FOREVER), 1);
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_FIRST_EXCEPTION, CORO_FOREVER), 1);
    ck_assert_int_eq(coro_now(), 0);
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    coro_release(tasks[1]);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_wait_errors */
/* CPython: test_tasks.BaseTaskTests.test_wait_invalid_args */
TASK_TEST(there_must_be_something_to_wait_for)
{
    coro_task *task = spawn(returns, NULL);
    ck_assert_int_eq(coro_wait(NULL, 0, CORO_ALL_COMPLETED, CORO_FOREVER), -EINVAL);
    ck_assert_int_eq(coro_wait(&task, 1, (enum coro_when)0, CORO_FOREVER), -EINVAL);
    ck_assert_int_eq(coro_wait(&task, 1, (enum coro_when)4, CORO_FOREVER), -EINVAL);
    coro_release(task);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        ALL_COMPLETED_waits_for_all,
        FIRST_COMPLETED_returns_with_the_first,
        FIRST_COMPLETED_may_find_more_than_one,
        FIRST_EXCEPTION_returns_with_the_first_failure,
        FIRST_EXCEPTION_takes_no_notice_of_a_cancelled_task,
        FIRST_EXCEPTION_without_one_waits_for_all,
        FIRST_EXCEPTION_finds_a_failure_from_before,
        an_error_that_only_ended_the_wait_is_still_to_be_read,
        waiting_for_what_is_done_suspends,
        the_timeout_touches_nobody,
        a_timeout_that_is_not_needed_leaves_no_timer,
        a_timeout_of_nothing_is_a_look,
        a_cancelled_wait_touches_nobody,
        each_task_counts_once,
        the_losers_are_cancelled_by_the_caller,
        a_task_that_could_not_be_created_has_ended_with_an_error,
        there_must_be_something_to_wait_for,
        NULL,
    };
    return run_suite("wait", tests);
}
