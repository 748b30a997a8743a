/* SPDX-License-Identifier: MIT */
/* Gather: when it returns, with what, and what becomes of the tasks. */
#include "support.h"

static void release_all(coro_task *const tasks[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        coro_release(tasks[i]);
}

/* CPython: test_tasks.FutureGatherTests.test_constructor_empty_sequence_use_running_loop */
TASK_TEST(gathering_nothing_is_done_at_once)
{
    coro_task *other = spawn(returns, NULL);
    ck_assert_int_eq(coro_gather(NULL, 0, 0), 0);
    ck_assert_int_eq(coro_gather(NULL, 0, CORO_RETURN_EXCEPTIONS), 0);
    ck_assert(!coro_done(other));
    coro_release(other);
    return 0;
}

TASK_TEST(gathering_what_is_done_does_not_suspend)
{
    coro_task *tasks[] = {spawn(returns, ARG(1)), spawn(returns, ARG(2))};
    passes(1);
    coro_task *other = spawn(returns, NULL);
    ck_assert_int_eq(coro_gather(tasks, 2, 0), 0);
    ck_assert(!coro_done(other));
    release_all(tasks, 2);
    coro_release(other);
    return 0;
}

TASK_TEST(each_result_is_read_from_its_task)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(3000)), spawn(returns, ARG(5)),
                          spawn(sleeps, ARG(1000))};
    ck_assert_int_eq(coro_gather(tasks, 3, 0), 0);
    ck_assert_int_eq(coro_now(), 3 * CORO_SECOND);
    ck_assert_int_eq(coro_result(tasks[0], NULL), 0);
    ck_assert_int_eq(coro_result(tasks[1], NULL), 5);
    release_all(tasks, 3);
    return 0;
}

TASK_TEST(a_task_may_stand_in_several_places)
{
    coro_task *task = spawn(sleeps, ARG(1000)), *other = spawn(sleeps, ARG(2000));
    coro_task *tasks[] = {task, other, task, task, other};
    ck_assert_int_eq(coro_gather(tasks, 5, 0), 0);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    ck_assert_int_eq(coro_gather(tasks, 5, 0), 0);
    coro_release(task);
    coro_release(other);
    return 0;
}

TASK_TEST(futures_are_gathered_too)
{
    coro_future *futures[] = {coro_create_future(), coro_create_future()};
    coro_set_result(futures[1], 0, NULL);
    coro_set_result(futures[0], 0, NULL);
    ck_assert_int_eq(coro_gather(futures, 2, 0), 0);
    release_all(futures, 2);
    return 0;
}

static int fails_after(void *milliseconds)
{
    const int rc = sleeps(milliseconds);
    return rc < 0 ? rc : coro_fail(-EIO, "after %d ms", NUMBER(milliseconds));
}

TASK_TEST(the_first_error_returns_and_the_others_run_on)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(3000)), spawn(fails_after, ARG(1000)),
                          spawn(fails_after, ARG(2000))};
    ck_assert_int_eq(coro_gather(tasks, 3, 0), -EIO);
    ck_assert_str_eq(coro_error_message(coro_current_task()), "after 1000 ms");
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert(!coro_done(tasks[0]));
    ck_assert(!coro_done(tasks[2]));
    ck_assert_int_eq(coro_await(tasks[0], NULL), 0);
    ck_assert_int_eq(coro_now(), 3 * CORO_SECOND);
    release_all(tasks, 3); /* the second error counts as read */
    return 0;
}

TASK_TEST(an_error_from_before_returns_at_once)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(returns, ARG(-ENOENT)),
                          spawn(returns, ARG(-EIO))};
    passes(1);
    ck_assert_int_eq(coro_gather(tasks, 3, 0), -ENOENT);
    ck_assert_int_eq(coro_now(), 0);
    release_all(tasks, 3);
    return 0;
}

TASK_TEST(a_child_cancelled_on_its_own_ends_the_call_only)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(forever, NULL)};
    passes(1);
    coro_cancel_with(tasks[1], "alone");
    ck_assert_int_eq(coro_gather(tasks, 2, 0), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    ck_assert_str_eq(coro_error_message(coro_current_task()), "alone");
    ck_assert(!coro_done(tasks[0]));
    ck_assert_int_eq(coro_await(tasks[0], NULL), 0);
    release_all(tasks, 2);
    return 0;
}

TASK_TEST(with_the_flag_failures_and_cancels_are_results)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(2000)), spawn(fails_after, ARG(1000)),
                          spawn(forever, NULL)};
    passes(1);
    coro_cancel(tasks[2]);
    ck_assert_int_eq(coro_gather(tasks, 3, CORO_RETURN_EXCEPTIONS), 0);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    ck_assert_int_eq(coro_result(tasks[1], NULL), -EIO);
    ck_assert(coro_cancelled(tasks[2]));
    release_all(tasks, 3);
    return 0;
}

TASK_TEST(with_the_flag_failures_count_as_read)
{
    coro_task *tasks[] = {spawn(returns, ARG(-EIO)), spawn(returns, ARG(-ENOENT))};
    ck_assert_int_eq(coro_gather(tasks, 2, CORO_RETURN_EXCEPTIONS), 0);
    release_all(tasks, 2);
    return 0;
}

/* --- The caller is cancelled ------------------------------------------------------------------ */
static const coro_task_options eager = {.eager_start = true};

struct gathering {
    coro_task **tasks;
    size_t n;
    unsigned flags;
};

static int gathers(void *arg)
{
    const struct gathering *gathering = arg;
    return coro_gather(gathering->tasks, gathering->n, gathering->flags);
}

TASK_TEST(a_cancelled_gather_cancels_every_unfinished_child)
{
    coro_task *tasks[] = {spawn(returns, NULL), spawn(forever, NULL), spawn(forever, NULL)};
    struct gathering gathering = {tasks, 3, 0};
    coro_task *caller = spawn(gathers, &gathering);
    passes(2);
    ck_assert(coro_cancel_with(caller, "all"));
    ck_assert(!coro_done(caller));
    ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(caller), 1);
    ck_assert_str_eq(coro_error_message(caller), "all");
    ck_assert_int_eq(coro_result(tasks[0], NULL), 0);
    ck_assert(coro_cancelled(tasks[1]));
    ck_assert(coro_cancelled(tasks[2]));
    ck_assert_int_eq(coro_cancelling(tasks[2]), 1);
    release_all(tasks, 3);
    coro_release(caller);
    return 0;
}

static int cleans_up(void *milliseconds)
{
    const int rc = coro_sleep(CORO_FOREVER);
    sleeps(milliseconds);
    return rc;
}

TASK_TEST(a_cancelled_gather_returns_with_the_first_child_that_ends_cancelled)
{
    coro_task *tasks[] = {spawn(cleans_up, ARG(2000)), spawn(cleans_up, ARG(1000))};
    struct gathering gathering = {tasks, 2, 0};
    coro_task *caller = spawn(gathers, &gathering);
    passes(1);
    coro_cancel(caller);
    ck_assert_int_eq(coro_join(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert(!coro_done(tasks[0]));
    ck_assert_int_eq(coro_await(tasks[0], NULL), -ECANCELED);
    release_all(tasks, 2);
    return 0;
}

TASK_TEST(with_the_flag_a_cancelled_gather_waits_for_all)
{
    coro_task *tasks[] = {spawn(cleans_up, ARG(2000)), spawn(cleans_up, ARG(1000))};
    struct gathering gathering = {tasks, 2, CORO_RETURN_EXCEPTIONS};
    coro_task *caller = spawn(gathers, &gathering);
    passes(1);
    coro_cancel(caller);
    ck_assert_int_eq(coro_join(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    release_all(tasks, 2);
    return 0;
}

TASK_TEST(a_cancelled_gather_is_cancelled_even_if_all_children_refuse)
{
    for (unsigned flags = 0; flags <= CORO_RETURN_EXCEPTIONS; flags++) {
        coro_task *tasks[] = {spawn(refuses, ARG(5000)), spawn(refuses, ARG(5000))};
        struct gathering gathering = {tasks, 2, flags};
        coro_task *caller = spawn(gathers, &gathering);
        passes(1);
        coro_cancel(caller);
        ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
        ck_assert_int_eq(coro_result(tasks[0], NULL), 7);
        ck_assert_int_eq(coro_result(tasks[1], NULL), 7);
        release_all(tasks, 2);
        coro_release(caller);
    }
    return 0;
}

TASK_TEST(a_cancelled_gather_has_the_text_of_the_cancel_even_if_all_children_refuse)
{
    for (unsigned flags = 0; flags <= CORO_RETURN_EXCEPTIONS; flags++) {
        coro_task *task = spawn(refuses, ARG(5000));
        struct gathering gathering = {&task, 1, flags};
        coro_task *caller = spawn(gathers, &gathering);
        passes(1);
        coro_cancel_with(caller, "why");
        ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
        ck_assert_str_eq(coro_error_message(caller), "why");
        coro_release(task);
        coro_release(caller);
    }
    return 0;
}

TASK_TEST(a_cancelled_gather_keeps_its_text_over_a_later_cancel)
{
    for (int later = 0; later <= 1; later++) {
        coro_future *future = coro_create_future();
        struct gathering gathering = {&future, 1, CORO_RETURN_EXCEPTIONS};
        coro_task *caller = spawn(gathers, &gathering);
        passes(1);
        coro_cancel_with(caller, "first");
        passes(later);
        coro_cancel_with(caller, "second");
        ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
        ck_assert_str_eq(coro_error_message(caller), "first");
        ck_assert_int_eq(coro_cancelling(caller), 2);
        coro_release(future);
        coro_release(caller);
    }
    return 0;
}

TASK_TEST(a_gather_that_is_settled_cancels_nobody)
{
    coro_task *tasks[] = {spawn(returns, ARG(-EIO)), spawn(sleeps, ARG(1000))};
    struct gathering gathering = {tasks, 2, 0};
    coro_task *caller = coro_create_task_with(&eager, gathers, &gathering);
    passes(2);
    ck_assert(coro_done(tasks[0]));
    ck_assert(!coro_done(caller)); /* woken, but it has not run */
    ck_assert(coro_cancel(caller));
    ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(tasks[1]), 0);
    ck_assert_int_eq(coro_await(tasks[1], NULL), 0);
    release_all(tasks, 2);
    coro_release(caller);
    return 0;
}

TASK_TEST(a_cancel_when_all_children_have_ended_still_wins)
{
    coro_task *tasks[] = {spawn(returns, NULL), spawn(returns, NULL)};
    struct gathering gathering = {tasks, 2, 0};
    coro_task *caller = coro_create_task_with(&eager, gathers, &gathering);
    passes(1);
    ck_assert(coro_done(tasks[1]));
    ck_assert(coro_cancel(caller));
    ck_assert_int_eq(coro_join(caller, NULL), -ECANCELED);
    release_all(tasks, 2);
    return 0;
}

TASK_TEST(a_cancelled_gather_cancels_a_task_in_several_places_once_for_each)
{
    coro_task *task = spawn(forever, NULL);
    coro_task *tasks[] = {task, task};
    struct gathering gathering = {tasks, 2, 0};
    coro_task *caller = spawn(gathers, &gathering);
    passes(1);
    coro_cancel(caller);
    ck_assert_int_eq(coro_join(caller, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(task), 2);
    coro_release(task);
    return 0;
}

TASK_TEST(gathers_nest)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(forever, NULL)};
    struct gathering inner = {tasks, 2, 0};
    coro_task *inners[] = {spawn(gathers, &inner), spawn(sleeps, ARG(5000))};
    struct gathering outer = {inners, 2, 0};
    coro_task *caller = spawn(gathers, &outer);
    passes(1);
    coro_cancel(caller);
    ck_assert_int_eq(coro_join(caller, NULL), -ECANCELED);
    ck_assert(coro_cancelled(tasks[0]));
    ck_assert(coro_cancelled(tasks[1]));
    ck_assert(coro_cancelled(inners[0]));
    release_all(tasks, 2);
    release_all(inners, 2);
    return 0;
}

TASK_TEST(two_may_gather_the_same_tasks)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(fails_after, ARG(2000))};
    struct gathering plain = {tasks, 2, 0}, all = {tasks, 2, CORO_RETURN_EXCEPTIONS};
    coro_task *callers[] = {spawn(gathers, &plain), spawn(gathers, &all)};
    ck_assert_int_eq(coro_await(callers[0], NULL), -EIO);
    ck_assert_int_eq(coro_await(callers[1], NULL), 0);
    release_all(tasks, 2);
    release_all(callers, 2);
    return 0;
}

/* --- Misuse ----------------------------------------------------------------------------------- */
TASK_TEST(a_task_that_could_not_be_created_is_a_failure)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), NULL};
    ck_assert_int_eq(coro_gather(tasks, 2, 0), -ENOMEM);
    ck_assert_int_eq(coro_now(), 0);
    ck_assert_int_eq(coro_gather(tasks, 2, CORO_RETURN_EXCEPTIONS), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    coro_release(tasks[0]);
    return 0;
}

TASK_TEST(unknown_flags_are_refused)
{
    coro_task *task = spawn(returns, NULL);
    ck_assert_int_eq(coro_gather(&task, 1, 2), -EINVAL);
    ck_assert_int_eq(coro_gather(NULL, 0, ~0u), -EINVAL);
    ck_assert(!coro_done(task));
    coro_release(task);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        gathering_nothing_is_done_at_once,
        gathering_what_is_done_does_not_suspend,
        each_result_is_read_from_its_task,
        a_task_may_stand_in_several_places,
        futures_are_gathered_too,
        the_first_error_returns_and_the_others_run_on,
        an_error_from_before_returns_at_once,
        a_child_cancelled_on_its_own_ends_the_call_only,
        with_the_flag_failures_and_cancels_are_results,
        with_the_flag_failures_count_as_read,
        a_cancelled_gather_cancels_every_unfinished_child,
        a_cancelled_gather_returns_with_the_first_child_that_ends_cancelled,
        with_the_flag_a_cancelled_gather_waits_for_all,
        a_cancelled_gather_is_cancelled_even_if_all_children_refuse,
        a_cancelled_gather_has_the_text_of_the_cancel_even_if_all_children_refuse,
        a_cancelled_gather_keeps_its_text_over_a_later_cancel,
        a_gather_that_is_settled_cancels_nobody,
        a_cancel_when_all_children_have_ended_still_wins,
        a_cancelled_gather_cancels_a_task_in_several_places_once_for_each,
        gathers_nest,
        two_may_gather_the_same_tasks,
        a_task_that_could_not_be_created_is_a_failure,
        unknown_flags_are_refused,
        NULL,
    };
    return run_suite("gather", tests);
}
