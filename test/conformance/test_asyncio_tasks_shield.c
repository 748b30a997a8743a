/* SPDX-License-Identifier: MIT */
/* asyncio's cases for shield(): what comes through it, and what does not. */
#include "support.h"

/* CPython, does not apply: the only loop of a thread is the one that runs:
 * test_tasks.BaseTaskTests.test_shield_coroutine_use_global_loop */

static int shields(void *task)
{
    void *value = NULL;
    const int rc = coro_shield((coro_task *)task, &value);
    if (rc != 0)
        return rc;
    trace("%s", (const char *)value);
    return coro_return(value);
}

/* CPython: test_tasks.BaseTaskTests.test_shield_result */
TASK_TEST(a_result_comes_through)
{
    coro_future *inner = coro_create_future();
    coro_task *outer = spawn(shields, inner);
    passes(1);
    char text[] = "forty-two";
    void *value = NULL;
    ck_assert_int_eq(coro_set_result(inner, 0, text), 0);
    ck_assert(!coro_done(outer));
    ck_assert_int_eq(coro_join(outer, &value), 0);
    ck_assert_ptr_eq(value, text);
    expect_trace("forty-two");

    ck_assert_int_eq(coro_result(inner, NULL), 0);
    coro_release(inner);

    inner = coro_create_future();
    outer = spawn(shields, inner);
    passes(1);
    coro_set_result(inner, 42, NULL);
    ck_assert_int_eq(coro_join(outer, NULL), 42);
    coro_release(inner);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_shield_exception */
TASK_TEST(an_error_comes_through_with_its_message)
{
    coro_future *inner = coro_create_future();
    coro_task *outer = spawn(shields, inner);
    passes(1);
    coro_set_error(inner, -EIO, "disk %d is gone", 3);
    passes(2);
    ck_assert(coro_done(outer));
    ck_assert_int_eq(coro_result(outer, NULL), -EIO);
    ck_assert_str_eq(coro_error_message(outer), "disk 3 is gone");
    coro_release(inner); /* read by the shield */
    coro_release(outer);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_shield_cancel_inner */
TASK_TEST(a_cancel_of_a_future_comes_through)
{
    coro_future *inner = coro_create_future();
    coro_task *outer = spawn(shields, inner);
    passes(1);
    ck_assert(coro_cancel(inner));
    ck_assert(coro_cancelled(inner));
    passes(2);
    ck_assert(coro_cancelled(outer));
    ck_assert_int_eq(coro_cancelling(outer), 0);
    coro_release(inner);
    coro_release(outer);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_shield_cancel_outer */
TASK_TEST(a_cancel_of_the_caller_leaves_nothing_behind_in_the_future)
{
    coro_future *inner = coro_create_future();
    coro_task *outer = spawn(shields, inner);
    passes(1);
    ck_assert(coro_cancel(outer));
    ck_assert(!coro_done(inner));
    passes(1);
    ck_assert(coro_cancelled(outer));
    ck_assert_int_eq(coro_cancelling(outer), 1);
    ck_assert(!coro_done(inner));
    coro_release(outer);
    coro_release(inner); /* with a callback left this would be reported */
    return 0;
}

/* --- Gather ----------------------------------------------------------------------------------- */
struct pair {
    coro_future *of[2];
};

static int gathers_and_adds(void *arg)
{
    struct pair *pair = arg;
    const int rc = coro_gather(pair->of, 2, 0);
    if (rc < 0)
        return rc;
    return 10 * coro_result(pair->of[0], NULL) + coro_result(pair->of[1], NULL);
}

/* CPython: test_tasks.BaseTaskTests.test_shield_gather */
TASK_TEST(a_shielded_gather_has_the_results_after_the_caller_was_cancelled)
{
    struct pair children = {{coro_create_future(), coro_create_future()}};
    coro_task *parent = spawn(gathers_and_adds, &children), *outer = spawn(shields, parent);
    passes(1);
    ck_assert(coro_cancel(outer));
    passes(1);
    ck_assert(coro_cancelled(outer));
    ck_assert(!coro_done(parent));
    ck_assert_int_eq(coro_cancelling(parent), 0);
    coro_set_result(children.of[0], 1, NULL);
    coro_set_result(children.of[1], 2, NULL);
    passes(2);
    ck_assert_int_eq(coro_result(parent, NULL), 12);
    coro_release(parent);
    coro_release(outer);
    coro_release(children.of[0]);
    coro_release(children.of[1]);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_gather_shield */
TASK_TEST(a_cancelled_gather_of_shields_stops_at_them)
{
    struct pair children = {{coro_create_future(), coro_create_future()}};
    struct pair shields_of = {{spawn(shields, children.of[0]), spawn(shields, children.of[1])}};
    coro_task *parent = spawn(gathers_and_adds, &shields_of);
    passes(1);
    ck_assert(coro_cancel(parent));
    ck_assert(!coro_done(parent));
    ck_assert_int_eq(coro_await(parent, NULL), -ECANCELED);
    ck_assert(coro_cancelled(parent));
    for (int i = 0; i < 2; i++) {
        ck_assert(coro_cancelled(shields_of.of[i]));
        ck_assert_int_eq(coro_cancelling(shields_of.of[i]), 1);
        ck_assert(!coro_done(children.of[i]));
        ck_assert_int_eq(coro_set_result(children.of[i], i + 1, NULL), 0);
        ck_assert_int_eq(coro_await(children.of[i], NULL), i + 1);
        coro_release(shields_of.of[i]);
        coro_release(children.of[i]);
    }
    passes(1);
    coro_release(parent);
    return 0;
}

/* --- Loops ------------------------------------------------------------------------------------ */
static int keeps_a_future(void *kept)
{
    coro_future *future = coro_create_future();
    *(coro_future **)kept = future;
    return coro_yield();
}

/* CPython: test_tasks.BaseTaskTests.test_shield_coroutine_without_loop */
START_TEST(nothing_is_shielded_outside_a_loop)
{
    coro_future *left = NULL;
    ck_assert_int_eq(coro_shield(NULL, NULL), -EPERM);
    ck_assert_ptr_null(coro_create_task(returns, ARG(42)));
    ck_assert_int_eq(run_test(keeps_a_future, &left), 0);
    ck_assert_int_eq(coro_shield(left, NULL), -EPERM);
    ck_assert_uint_eq(logged(), 0);
    coro_release(left);
}
END_TEST

/* CPython: test_tasks.BaseTaskTests.test_shield_coroutine_use_running_loop */
TASK_TEST(a_new_task_is_shielded_in_the_loop_that_runs)
{
    coro_task *inner = spawn(yields_and_returns, ARG(42)), *outer = spawn(shields, inner);
    coro_task *all[3] = {NULL};
    ck_assert_uint_eq(coro_all_tasks(all, 3), 3);
    ck_assert_ptr_eq(all[1], inner);
    ck_assert_ptr_eq(all[2], outer);
    ck_assert_int_eq(coro_join(outer, NULL), 42);
    ck_assert_int_eq(coro_join(inner, NULL), 42);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_result_comes_through,
        an_error_comes_through_with_its_message,
        a_cancel_of_a_future_comes_through,
        a_cancel_of_the_caller_leaves_nothing_behind_in_the_future,
        a_shielded_gather_has_the_results_after_the_caller_was_cancelled,
        a_cancelled_gather_of_shields_stops_at_them,
        nothing_is_shielded_outside_a_loop,
        a_new_task_is_shielded_in_the_loop_that_runs,
        NULL,
    };
    return run_suite("asyncio_tasks_shield", tests);
}
