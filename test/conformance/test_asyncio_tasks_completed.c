/* SPDX-License-Identifier: MIT */
/* What CPython's cases show of as_completed: what is handed out, in which order, and when. */
#include "support.h"

struct nap {
    coro_duration length;
    int result;
};

static int naps(void *arg)
{
    const struct nap *nap = arg;
    const int rc = coro_sleep(nap->length);
    return rc < 0 ? rc : nap->result;
}

static coro_completed begun(coro_task *const tasks[], size_t n, coro_duration timeout)
{
    coro_completed completed;
    ck_assert_int_eq(coro_completed_begin(&completed, tasks, n, timeout), 0);
    return completed;
}

/* The next one, which there must be. */
static coro_task *next_task(coro_completed *completed)
{
    coro_task *task = NULL;
    ck_assert_int_eq(coro_completed_next(completed, &task), 1);
    ck_assert(coro_done(task));
    return task;
}

/* Its result, traced with the milliseconds at which it came. */
static void trace_next(coro_completed *completed)
{
    const int result = coro_result(next_task(completed), NULL);
    trace("%c@%d", result, (int)(coro_now() / CORO_MILLISECOND));
}

static int end(coro_completed *completed)
{
    coro_task *task = NULL;
    const int rc = coro_completed_next(completed, &task);
    coro_completed_end(completed);
    return rc;
}

/* CPython: test_tasks.BaseTaskTests.test_as_completed */
TASK_TEST(tasks_are_handed_out_as_they_end)
{
    struct nap a = {10 * CORO_MILLISECOND, 'a'}, b = {10 * CORO_MILLISECOND, 'b'},
               c = {150 * CORO_MILLISECOND, 'c'};
    coro_task *tasks[] = {spawn(naps, &b), spawn(naps, &c), spawn(naps, &a)};
    coro_completed completed = begun(tasks, 3, CORO_FOREVER);
    for (int i = 0; i < 3; i++)
        trace_next(&completed);
    expect_trace("b@10 a@10 c@150");
    ck_assert_int_eq(end(&completed), 0);
    for (int i = 0; i < 3; i++)
        coro_release(tasks[i]);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_as_completed_same_tasks_in_as_out */
TASK_TEST(what_is_handed_out_are_the_tasks_themselves)
{
    coro_task *tasks[5];
    int seen[5] = {0};
    for (int i = 0; i < 4; i++)
        tasks[i] = spawn(returns, ARG(i));
    tasks[4] = coro_create_future();
    ck_assert_int_eq(coro_set_result(tasks[4], 4, NULL), 0);
    coro_completed completed = begun(tasks, 5, CORO_FOREVER);
    for (int i = 0; i < 5; i++) {
        coro_task *task = next_task(&completed);
        const int result = coro_result(task, NULL);
        ck_assert_int_ge(result, 0);
        ck_assert_int_lt(result, 5);
        ck_assert_ptr_eq(task, tasks[result]);
        seen[result]++;
    }
    ck_assert_int_eq(end(&completed), 0);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(seen[i], 1);
        coro_release(tasks[i]);
    }
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_as_completed_with_timeout */
TASK_TEST(after_the_timeout_nothing_comes_and_nobody_is_cancelled)
{
    struct nap a = {100 * CORO_MILLISECOND, 'a'}, b = {150 * CORO_MILLISECOND, 'b'};
    coro_task *tasks[] = {spawn(naps, &a), spawn(naps, &b)}, *task = tasks[0];
    coro_completed completed = begun(tasks, 2, 120 * CORO_MILLISECOND);
    trace_next(&completed);
    expect_trace("a@100");
    ck_assert_int_eq(coro_completed_next(&completed, &task), -ETIMEDOUT);
    ck_assert_ptr_null(task);
    ck_assert_int_eq(coro_now(), 120 * CORO_MILLISECOND);
    ck_assert_int_eq(end(&completed), 0);
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_result(tasks[1], NULL), 'b');
    ck_assert_int_eq(coro_now(), 150 * CORO_MILLISECOND);
    coro_release(tasks[0]);
    coro_release(tasks[1]);
    return 0;
}

static int does_not_need_its_timeout(void *arg)
{
    struct nap a = {10 * CORO_MILLISECOND, 'a'};
    coro_task *task = spawn(naps, &a);
    coro_completed completed = begun(&task, 1, CORO_SECOND);
    trace_next(&completed);
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    trace("end@%d", (int)(coro_now() / CORO_MILLISECOND));
    ck_assert_int_eq(end(&completed), 0);
    coro_release(task);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_as_completed_with_unused_timeout */
/* With its timer left there would be no deadlock before that is due. */
START_TEST(a_timeout_that_is_not_needed_goes_with_the_last_task)
{
    ck_assert_int_eq(run_test(does_not_need_its_timeout, NULL), -EDEADLK);
    expect_trace("a@10 end@10");
    forget_log();
}
END_TEST

/* CPython: test_tasks.BaseTaskTests.test_as_completed_resume_iterator */
TASK_TEST(who_stops_taking_can_go_on_later)
{
    coro_task *tasks[4];
    for (int i = 0; i < 4; i++)
        tasks[i] = spawn(returns, ARG('0' + i));
    coro_completed completed = begun(tasks, 4, CORO_FOREVER);
    trace_next(&completed);
    trace_next(&completed);
    ck_assert_int_eq(coro_sleep(20 * CORO_MILLISECOND), 0);
    trace_next(&completed);
    trace_next(&completed);
    expect_trace("0@0 1@0 2@20 3@20");
    ck_assert_int_eq(end(&completed), 0);
    for (int i = 0; i < 4; i++)
        coro_release(tasks[i]);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_as_completed_reverse_wait */
TASK_TEST(the_first_one_handed_out_is_the_first_to_end_wherever_it_stands)
{
    struct nap a = {50 * CORO_MILLISECOND, 'a'}, b = {100 * CORO_MILLISECOND, 'b'};
    for (int first = 0; first < 2; first++) {
        coro_task *of_a = spawn(naps, &a), *of_b = spawn(naps, &b);
        coro_task *tasks[] = {first ? of_b : of_a, first ? of_a : of_b};
        coro_completed completed = begun(tasks, 2, CORO_FOREVER);
        trace_next(&completed);
        trace_next(&completed);
        ck_assert_int_eq(end(&completed), 0);
        coro_release(of_a);
        coro_release(of_b);
    }
    expect_trace("a@50 b@100 a@150 b@200");
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_as_completed_concurrent */
TASK_TEST(what_was_handed_out_can_be_waited_for_together)
{
    struct nap a = {50 * CORO_MILLISECOND, 'a'}, b = {50 * CORO_MILLISECOND, 'b'};
    coro_task *tasks[] = {spawn(naps, &a), spawn(naps, &b)};
    coro_completed completed = begun(tasks, 2, CORO_FOREVER);
    coro_task *out[] = {next_task(&completed), next_task(&completed)};
    ck_assert_ptr_ne(out[0], out[1]);
    ck_assert_int_eq(coro_wait(out, 2, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
    ck_assert_int_eq(coro_result(out[0], NULL) + coro_result(out[1], NULL), 'a' + 'b');
    ck_assert_int_eq(coro_now(), 50 * CORO_MILLISECOND);
    ck_assert_int_eq(end(&completed), 0);
    coro_release(tasks[0]);
    coro_release(tasks[1]);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_as_completed_duplicate_coroutines */
TASK_TEST(a_task_that_stands_twice_is_handed_out_once)
{
    coro_task *ham = spawn(returns, ARG('h')), *spam = spawn(returns, ARG('s'));
    coro_task *tasks[] = {ham, ham, spam};
    coro_completed completed = begun(tasks, 3, CORO_FOREVER);
    trace_next(&completed);
    trace_next(&completed);
    expect_trace("h@0 s@0");
    ck_assert_int_eq(end(&completed), 0);
    coro_release(ham);
    coro_release(spam);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_as_completed_coroutine_use_running_loop */
TASK_TEST(one_task_is_handed_out_alone)
{
    coro_task *task = spawn(returns, ARG(42));
    coro_completed completed = begun(&task, 1, CORO_FOREVER);
    ck_assert_int_eq(coro_await(next_task(&completed), NULL), 42);
    ck_assert_int_eq(end(&completed), 0);
    coro_release(task);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        tasks_are_handed_out_as_they_end,
        what_is_handed_out_are_the_tasks_themselves,
        after_the_timeout_nothing_comes_and_nobody_is_cancelled,
        a_timeout_that_is_not_needed_goes_with_the_last_task,
        who_stops_taking_can_go_on_later,
        the_first_one_handed_out_is_the_first_to_end_wherever_it_stands,
        what_was_handed_out_can_be_waited_for_together,
        a_task_that_stands_twice_is_handed_out_once,
        one_task_is_handed_out_alone,
        NULL,
    };
    return run_suite("asyncio_tasks_completed", tests);
}
