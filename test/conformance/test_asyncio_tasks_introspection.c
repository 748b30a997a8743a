/* SPDX-License-Identifier: MIT */
/* asyncio's cases for looking around: which tasks there are, which one runs, and what a task is. */
#include "support.h"

/* CPython, does not apply: only the loop itself registers, enters and leaves a task, so nobody can
 * do so out of turn: test_tasks.BaseTaskIntrospectionTests.test__enter_task_failure
 * test_tasks.BaseTaskIntrospectionTests.test__leave_task_failure1
 * test_tasks.BaseTaskIntrospectionTests.test__leave_task_failure2
 * test_tasks.BaseTaskIntrospectionTests.test__unregister_task_not_registered */

/* CPython, does not apply: there is one implementation, and it has no subclasses:
 * test_tasks.GenericTaskTests.test_asyncio_module_compiled
 * test_tasks.CTask_Future_Tests.test_foobar */

/* CPython, does not apply: a call runs its function, there is no coroutine object to ask for:
 * test_tasks.BaseTaskTests.test_get_coro */

/* --- All tasks -------------------------------------------------------------------------------- */
/* CPython: test_tasks.BaseTaskIntrospectionTests.test__register_task_1
 * test_tasks.BaseTaskIntrospectionTests.test__register_task_2 */
TASK_TEST(a_task_is_one_of_all_as_soon_as_it_is_created)
{
    coro_task *all[2] = {NULL};
    ck_assert_uint_eq(coro_all_tasks(all, 2), 1);
    ck_assert_ptr_eq(all[0], coro_current_task());
    coro_task *task = spawn(forever, NULL);
    ck_assert_uint_eq(coro_all_tasks(all, 2), 2);
    ck_assert_ptr_eq(all[1], task);
    passes(2);
    ck_assert_uint_eq(coro_all_tasks(all, 2), 2);
    ck_assert_ptr_eq(all[1], task);
    coro_release(task);
    return 0;
}

/* CPython: test_tasks.BaseTaskIntrospectionTests.test__register_task_3
 * test_tasks.BaseTaskIntrospectionTests.test__unregister_task */
TASK_TEST(a_task_that_has_ended_is_none_of_all_whoever_has_a_handle)
{
    const coro_task_options eager = {.eager_start = true};
    coro_task *tasks[] = {
        spawn(returns, ARG(1)),
        spawn(returns, ARG(-EIO)),
        spawn(forever, NULL),
        coro_create_task_with(&eager, returns, ARG(2)),
    };
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 4); /* the eager one has ended */
    ck_assert(coro_cancel(tasks[2]));
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 4);
    passes(1);
    coro_task *all[4] = {NULL};
    ck_assert_uint_eq(coro_all_tasks(all, 4), 1);
    ck_assert_ptr_eq(all[0], coro_current_task());
    ck_assert_int_eq(coro_join(tasks[0], NULL), 1);
    ck_assert_int_eq(coro_join(tasks[1], NULL), -EIO);
    ck_assert_int_eq(coro_join(tasks[2], NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(tasks[3], NULL), 2);
    return 0;
}

/* --- The current task ------------------------------------------------------------------------- */
static void sees_no_task(void *arg)
{
    ck_assert_ptr_null(coro_current_task());
    trace("%s", (const char *)arg);
}

static void sees_no_task_when_done(coro_task *task, void *arg)
{
    sees_no_task(arg);
}

static int is_current(void *place)
{
    coro_task *const *task = place;
    trace("current:%d", coro_current_task() == *task);
    return coro_yield();
}

/* CPython: test_tasks.BaseTaskIntrospectionTests.test__enter_task
 * test_tasks.BaseTaskIntrospectionTests.test__leave_task */
TASK_TEST(a_task_is_current_only_while_it_runs)
{
    coro_task *self = coro_current_task(), *task = NULL;
    coro_call_soon(sees_no_task, (void *)"before", NULL);
    task = spawn(is_current, &task);
    coro_call_soon(sees_no_task, (void *)"between", NULL);
    coro_add_done_callback(task, sees_no_task_when_done, (void *)"after");
    ck_assert_ptr_eq(coro_current_task(), self);
    passes(1);
    ck_assert_ptr_eq(coro_current_task(), self);
    passes(2);
    expect_trace("before current:1 between after");
    coro_release(task);
    return 0;
}

static int is_the_only_task(void *arg)
{
    coro_task *self = NULL;
    ck_assert_uint_eq(coro_all_tasks(&self, 1), 1);
    ck_assert_ptr_nonnull(self);
    ck_assert_ptr_eq(coro_current_task(), self);
    const int rc = coro_yield();
    ck_assert_ptr_eq(coro_current_task(), self);
    trace("ran");
    return rc;
}

/* CPython: test_tasks.BaseCurrentLoopTests.test_current_task_no_running_loop
 * test_tasks.BaseCurrentLoopTests.test_current_task_no_running_loop_implicit
 * test_tasks.BaseCurrentLoopTests.test_current_task_with_implicit_loop */
START_TEST(no_task_is_current_before_and_after_a_run)
{
    ck_assert_ptr_null(coro_current_task());
    ck_assert_int_eq(run_test(is_the_only_task, NULL), 0);
    expect_trace("ran");
    ck_assert_ptr_null(coro_current_task());
}
END_TEST

/* --- What a task is --------------------------------------------------------------------------- */
static int returns_text(void *text)
{
    return coro_return(text);
}

/* CPython: test_tasks.GenericTaskTests.test_future_subclass */
TASK_TEST(a_task_is_a_future)
{
    coro_future *future = spawn(returns_text, (void *)"text");
    void *text = NULL;
    ck_assert_int_eq(coro_result(future, &text), -EINPROGRESS);
    ck_assert_int_eq(coro_add_done_callback(future, trace_done, (void *)"first"), 0);
    ck_assert_int_eq(coro_add_done_callback(future, trace_done, (void *)"second"), 0);
    ck_assert_uint_eq(coro_remove_done_callback(future, trace_done, (void *)"first"), 1);
    ck_assert_int_eq(coro_await(future, NULL), 0);
    expect_trace("second");
    ck_assert(coro_done(future));
    ck_assert(!coro_cancelled(future));
    ck_assert_int_eq(coro_result(future, &text), 0);
    ck_assert_str_eq((const char *)text, "text");
    coro_release(future);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_task_is_one_of_all_as_soon_as_it_is_created,
        a_task_that_has_ended_is_none_of_all_whoever_has_a_handle,
        a_task_is_current_only_while_it_runs,
        no_task_is_current_before_and_after_a_run,
        a_task_is_a_future,
        NULL,
    };
    return run_suite("asyncio_tasks_introspection", tests);
}
