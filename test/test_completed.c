/* SPDX-License-Identifier: MIT */
/* as_completed: in which order tasks are handed out, and what a timeout and a cancel do to them. */
#include "support.h"

static coro_completed begun(coro_task *const tasks[], size_t n, coro_duration timeout)
{
    coro_completed completed;
    ck_assert_int_eq(coro_completed_begin(&completed, tasks, n, timeout), 0);
    return completed;
}

/* The result of the next one, which must have come. */
static int next_result(coro_completed *completed)
{
    coro_task *task = NULL;
    ck_assert_int_eq(coro_completed_next(completed, &task), 1);
    return coro_result(task, NULL);
}

static int next(coro_completed *completed)
{
    coro_task *task = coro_current_task();
    const int rc = coro_completed_next(completed, &task);
    ck_assert(rc == 1 || task == NULL);
    return rc;
}

static int numbered(void *number)
{
    const int rc = coro_sleep(NUMBER(number) * CORO_SECOND);
    return rc < 0 ? rc : NUMBER(number);
}

static void release_all(coro_task *tasks[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        coro_release(tasks[i]);
}

TASK_TEST(tasks_come_in_the_order_in_which_they_end)
{
    coro_task *tasks[] = {spawn(numbered, ARG(3)), spawn(numbered, ARG(1)),
                          spawn(numbered, ARG(2))};
    coro_completed completed = begun(tasks, 3, CORO_FOREVER);
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(next_result(&completed), i);
        ck_assert_int_eq(coro_now(), i * CORO_SECOND);
    }
    ck_assert_int_eq(next(&completed), 0);
    coro_completed_end(&completed);
    release_all(tasks, 3);
    return 0;
}

TASK_TEST(what_has_ended_comes_without_suspending)
{
    coro_task *tasks[] = {spawn(returns, ARG(1)), spawn(returns, ARG(2))};
    coro_completed completed = begun(tasks, 2, CORO_FOREVER);
    passes(3);
    coro_task *other = spawn(returns, ARG(0));
    ck_assert_int_eq(next_result(&completed), 1);
    ck_assert_int_eq(next_result(&completed), 2);
    ck_assert(!coro_done(other));
    coro_completed_end(&completed);
    coro_release(other);
    release_all(tasks, 2);
    return 0;
}

TASK_TEST(no_tasks_are_none_to_hand_out)
{
    coro_completed completed = begun(NULL, 0, CORO_SECOND);
    ck_assert_int_eq(next(&completed), 0);
    coro_completed_end(&completed);
    ck_assert_int_eq(next(&completed), -EINVAL);
    return 0;
}

TASK_TEST(a_task_in_several_places_comes_once)
{
    coro_task *task = spawn(numbered, ARG(1));
    coro_task *tasks[] = {task, task};
    coro_completed completed = begun(tasks, 2, CORO_FOREVER);
    ck_assert_int_eq(next_result(&completed), 1);
    ck_assert_int_eq(next(&completed), 0);
    coro_completed_end(&completed);
    coro_release(task);
    return 0;
}

TASK_TEST(the_timeout_comes_once_for_each_task_that_is_left)
{
    coro_task *tasks[] = {spawn(numbered, ARG(1)), spawn(numbered, ARG(5)),
                          spawn(numbered, ARG(6))};
    coro_completed completed = begun(tasks, 3, 2 * CORO_SECOND);
    ck_assert_int_eq(next_result(&completed), 1);
    ck_assert_int_eq(next(&completed), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    ck_assert_int_eq(next(&completed), -ETIMEDOUT);
    ck_assert_int_eq(next(&completed), 0);
    coro_completed_end(&completed);
    ck_assert_int_eq(coro_await(tasks[2], NULL), 6); /* they were not touched */
    ck_assert_int_eq(coro_result(tasks[1], NULL), 5);
    release_all(tasks, 3);
    return 0;
}

TASK_TEST(a_task_that_ends_after_the_timeout_does_not_come)
{
    coro_task *tasks[] = {spawn(numbered, ARG(2))};
    coro_completed completed = begun(tasks, 1, CORO_SECOND);
    coro_sleep(3 * CORO_SECOND);
    ck_assert_int_eq(next(&completed), -ETIMEDOUT);
    ck_assert_int_eq(next(&completed), 0);
    coro_completed_end(&completed);
    release_all(tasks, 1);
    return 0;
}

static int takes_one(void *tasks)
{
    coro_completed completed = begun(tasks, 1, CORO_FOREVER);
    const int rc = next(&completed);
    trace("cancelled:%d", rc);
    const int again = next_result(&completed);
    coro_completed_end(&completed);
    return again;
}

TASK_TEST(a_cancel_touches_no_task_and_loses_none)
{
    coro_task *tasks[] = {spawn(numbered, ARG(2))};
    coro_task *taker = spawn(takes_one, tasks);
    coro_sleep(CORO_SECOND);
    coro_cancel(taker);
    ck_assert_int_eq(coro_join(taker, NULL), 2);
    expect_trace("cancelled:-125");
    release_all(tasks, 1);
    return 0;
}

TASK_TEST(a_failure_is_handed_out_like_a_result)
{
    coro_task *tasks[] = {spawn(returns, ARG(-EIO)), NULL};
    coro_completed completed = begun(tasks, 2, CORO_FOREVER);
    coro_task *task = coro_current_task();
    ck_assert_int_eq(coro_completed_next(&completed, &task), 1);
    ck_assert_ptr_null(task); /* the one that could not be created */
    ck_assert_int_eq(next_result(&completed), -EIO);
    ck_assert_int_eq(next(&completed), 0);
    coro_completed_end(&completed);
    release_all(tasks, 1);
    return 0;
}

static int takes_anothers(void *completed)
{
    coro_completed_end(completed);
    return next(completed);
}

TASK_TEST(only_the_task_that_began_takes)
{
    coro_task *tasks[] = {spawn(numbered, ARG(1))};
    coro_completed completed = begun(tasks, 1, CORO_FOREVER);
    ck_assert_int_eq(coro_join(spawn(takes_anothers, &completed), NULL), -EPERM);
    ck_assert_int_eq(next_result(&completed), 1);
    coro_completed_end(&completed);
    release_all(tasks, 1);
    return 0;
}

static int forgets_to_end(void *tasks)
{
    coro_completed completed = begun(tasks, 1, CORO_SECOND);
    return next_result(&completed);
}

TASK_TEST(a_missing_end_is_reported)
{
    coro_task *tasks[] = {spawn(returns, ARG(4))};
    ck_assert_int_eq(coro_join(spawn(forgets_to_end, tasks), NULL), 4);
    expect_log(CORO_LOG_COMPLETED_NOT_ENDED, 0, "coro_completed_end");
    release_all(tasks, 1);
    return 0;
}

TASK_TEST(ending_early_leaves_the_tasks_alone)
{
    coro_task *tasks[] = {spawn(numbered, ARG(1)), spawn(numbered, ARG(2))};
    coro_completed completed = begun(tasks, 2, 5 * CORO_SECOND);
    ck_assert_int_eq(next_result(&completed), 1);
    coro_completed_end(&completed);
    coro_completed_end(&completed);
    ck_assert_int_eq(coro_await(tasks[1], NULL), 2);
    release_all(tasks, 2);
    return 0;
}

TASK_TEST(nobody_takes_oneself)
{
    coro_task *tasks[] = {coro_current_task()};
    coro_completed completed;
    ck_assert_int_eq(coro_completed_begin(&completed, tasks, 1, CORO_FOREVER), -EDEADLK);
    ck_assert_int_eq(next(&completed), -EINVAL);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_as_completed_coroutine_without_loop */
START_TEST(taking_needs_a_task)
{
    coro_completed completed;
    ck_assert_int_eq(coro_completed_begin(&completed, NULL, 0, CORO_FOREVER), -EPERM);
    coro_completed_end(&completed);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        tasks_come_in_the_order_in_which_they_end,
        what_has_ended_comes_without_suspending,
        no_tasks_are_none_to_hand_out,
        a_task_in_several_places_comes_once,
        the_timeout_comes_once_for_each_task_that_is_left,
        a_task_that_ends_after_the_timeout_does_not_come,
        a_cancel_touches_no_task_and_loses_none,
        a_failure_is_handed_out_like_a_result,
        only_the_task_that_began_takes,
        a_missing_end_is_reported,
        ending_early_leaves_the_tasks_alone,
        nobody_takes_oneself,
        taking_needs_a_task,
        NULL,
    };
    return run_suite("completed", tests);
}
