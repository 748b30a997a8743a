/* SPDX-License-Identifier: MIT */
/* What CPython's cases show of wait: which tasks have ended when it returns, and when it does. */
#include "support.h"

/* A wait for two tasks, in a task of its own that starts after them. */
struct wait {
    coro_task *tasks[2];
    enum coro_when when;
    coro_duration timeout;
};

static int waits(void *arg)
{
    const struct wait *wait = arg;
    return coro_wait(wait->tasks, 2, wait->when, wait->timeout);
}

static int wait_for_two(coro_task *a, coro_task *b, enum coro_when when, coro_duration timeout)
{
    struct wait wait = {{a, b}, when, timeout};
    return coro_join(spawn(waits, &wait), NULL);
}

static void release_two(coro_task *a, coro_task *b)
{
    coro_release(a);
    coro_release(b);
}

/* CPython: test_tasks.BaseTaskTests.test_wait */
/* CPython: test_tasks.BaseTaskTests.test_wait_with_iterator_of_tasks */
TASK_TEST(a_wait_for_all_lasts_as_long_as_the_last_and_takes_no_time_again)
{
    coro_task *a = spawn(sleeps, ARG(100)), *b = spawn(sleeps, ARG(150));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(wait_for_two(b, a, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
        ck_assert(coro_done(a));
        ck_assert(coro_done(b));
        ck_assert_int_eq(coro_now(), 150 * CORO_MILLISECOND);
    }
    release_two(a, b);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_wait_duplicate_coroutines */
TASK_TEST(a_task_that_is_waited_for_twice_counts_once)
{
    coro_task *test = spawn(returns, ARG(1)), *spam = spawn(returns, ARG(2));
    coro_task *tasks[] = {test, test, spam};
    ck_assert_int_eq(coro_wait(tasks, 3, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_result(test, NULL), 1);
    ck_assert_int_eq(coro_result(spam, NULL), 2);
    release_two(test, spam);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_wait_generator */
TASK_TEST(a_wait_may_be_for_many)
{
    coro_task *tasks[10];
    for (int i = 0; i < 10; i++)
        tasks[i] = spawn(returns, ARG(i));
    ck_assert_int_eq(coro_wait(tasks, 10, CORO_ALL_COMPLETED, CORO_FOREVER), 10);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(coro_result(tasks[i], NULL), i);
        coro_release(tasks[i]);
    }
    return 0;
}

/* --- The first -------------------------------------------------------------------------------- */
/* CPython: test_tasks.BaseTaskTests.test_wait_first_completed */
TASK_TEST(a_wait_for_the_first_leaves_the_other_pending)
{
    coro_task *a = spawn(sleeps, ARG(10000)), *b = spawn(sleeps, ARG(100));
    ck_assert_int_eq(wait_for_two(b, a, CORO_FIRST_COMPLETED, CORO_FOREVER), 1);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    ck_assert(!coro_done(a));
    ck_assert(coro_done(b));
    ck_assert_int_eq(coro_result(b, NULL), 0);
    ck_assert_int_eq(wait_for_two(a, b, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_result(a, NULL), 0);
    ck_assert_int_eq(coro_now(), 10 * CORO_SECOND);
    release_two(a, b);
    return 0;
}

static int yields(void *times)
{
    passes(NUMBER(times));
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_wait_really_done */
TASK_TEST(a_task_that_ends_before_the_wait_has_returned_counts)
{
    coro_task *a = spawn(yields, ARG(1)), *b = spawn(yields, ARG(2));
    ck_assert_int_eq(wait_for_two(b, a, CORO_FIRST_COMPLETED, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_result(a, NULL), 0);
    ck_assert_int_eq(coro_result(b, NULL), 0);
    release_two(a, b);
    return 0;
}

/* One that ends a pass later is too late: so the count above is one of passes. */
TASK_TEST(a_task_that_ends_when_the_wait_returns_does_not_count)
{
    coro_task *a = spawn(yields, ARG(1)), *b = spawn(yields, ARG(3));
    ck_assert_int_eq(wait_for_two(b, a, CORO_FIRST_COMPLETED, CORO_FOREVER), 1);
    release_two(a, b);
    return 0;
}

static int fails_after(void *milliseconds)
{
    if (milliseconds)
        ck_assert_int_eq(sleeps(milliseconds), 0);
    return coro_fail(-EDOM, "division by zero");
}

static void wait_for_the_failure(coro_task *fails, coro_task *other)
{
    ck_assert_int_eq(wait_for_two(fails, other, CORO_FIRST_EXCEPTION, CORO_FOREVER), 1);
    ck_assert(coro_done(fails));
    ck_assert(!coro_done(other));
}

static void wait_for_the_rest(coro_task *fails, coro_task *other)
{
    ck_assert_int_eq(wait_for_two(other, fails, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_now(), 10 * CORO_SECOND);
    ck_assert_int_eq(coro_result(other, NULL), 0);
    ck_assert_int_eq(coro_result(fails, NULL), -EDOM);
    ck_assert_str_eq(coro_error_message(fails), "division by zero");
}

/* CPython: test_tasks.BaseTaskTests.test_wait_first_exception */
TASK_TEST(a_failure_from_before_the_wait_ends_it_at_once)
{
    coro_task *a = spawn(sleeps, ARG(10000)), *b = spawn(fails_after, NULL);
    wait_for_the_failure(b, a);
    ck_assert_int_eq(coro_now(), 0);
    wait_for_the_rest(b, a);
    release_two(a, b);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_wait_first_exception_in_wait */
TASK_TEST(a_failure_during_the_wait_ends_it)
{
    coro_task *a = spawn(sleeps, ARG(10000)), *b = spawn(fails_after, ARG(10));
    wait_for_the_failure(b, a);
    ck_assert_int_eq(coro_now(), 10 * CORO_MILLISECOND);
    wait_for_the_rest(b, a);
    release_two(a, b);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_wait_with_exception */
TASK_TEST(a_failure_does_not_end_a_wait_for_all)
{
    coro_task *a = spawn(sleeps, ARG(100)), *b = spawn(fails_after, ARG(150));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(wait_for_two(b, a, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
        ck_assert_int_eq(coro_result(a, NULL), 0);
        ck_assert_int_eq(coro_result(b, NULL), -EDOM);
        ck_assert_int_eq(coro_now(), 150 * CORO_MILLISECOND);
    }
    release_two(a, b);
    return 0;
}

/* --- With a timeout --------------------------------------------------------------------------- */
static void wait_until(coro_duration timeout)
{
    coro_task *a = spawn(sleeps, ARG(100)), *b = spawn(sleeps, ARG(150));
    ck_assert_int_eq(wait_for_two(b, a, CORO_ALL_COMPLETED, timeout), 1);
    ck_assert(coro_done(a));
    ck_assert(!coro_done(b));
    ck_assert_int_eq(coro_now(), timeout);
    ck_assert_int_eq(wait_for_two(a, b, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_result(b, NULL), 0); /* it was not touched */
    ck_assert_int_eq(coro_now(), 150 * CORO_MILLISECOND);
    release_two(a, b);
}

/* CPython: test_tasks.BaseTaskTests.test_wait_with_timeout */
TASK_TEST(a_wait_returns_with_what_has_ended_in_time)
{
    wait_until(110 * CORO_MILLISECOND);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_wait_concurrent_complete */
TASK_TEST(a_task_that_ends_just_at_the_timeout_counts)
{
    wait_until(100 * CORO_MILLISECOND);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_wait_for_all_lasts_as_long_as_the_last_and_takes_no_time_again,
        a_task_that_is_waited_for_twice_counts_once,
        a_wait_may_be_for_many,
        a_wait_for_the_first_leaves_the_other_pending,
        a_task_that_ends_before_the_wait_has_returned_counts,
        a_task_that_ends_when_the_wait_returns_does_not_count,
        a_failure_from_before_the_wait_ends_it_at_once,
        a_failure_during_the_wait_ends_it,
        a_failure_does_not_end_a_wait_for_all,
        a_wait_returns_with_what_has_ended_in_time,
        a_task_that_ends_just_at_the_timeout_counts,
        NULL,
    };
    return run_suite("asyncio_tasks_wait", tests);
}
