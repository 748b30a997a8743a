/* SPDX-License-Identifier: MIT */
/* Eager tasks, by the run's option: what runs inside the create call, and what is as ever. */
#include "support.h"

static int run_eager(coro_fn *fn)
{
    coro_run_options options = test_options();
    options.eager_start = true;
    return coro_run_with(&options, fn, NULL);
}

#define EAGER_TEST(name)                             \
    static int name##_main(void *arg);               \
    START_TEST(name)                                 \
    {                                                \
        ck_assert_int_eq(run_eager(name##_main), 0); \
        expect_trace("");                            \
        ck_assert_uint_eq(logged(), 0);              \
    }                                                \
    END_TEST                                         \
    static int name##_main(void *arg)

static int traces(void *name)
{
    trace("%s", (const char *)name);
    return 3;
}

static int traces_twice(void *name)
{
    traces(name);
    coro_yield();
    return traces(name);
}

EAGER_TEST(a_task_that_need_not_wait_is_done_at_once)
{
    coro_task *task = coro_create_task(traces, (void *)"task");
    trace("main");
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_result(task, NULL), 3);
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
    expect_trace("task main");
    coro_release(task);
    return 0;
}

EAGER_TEST(a_task_runs_to_its_first_wait)
{
    coro_task *task = coro_create_task(traces_twice, (void *)"task");
    trace("main");
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_join(task, NULL), 3);
    expect_trace("task main task");
    return 0;
}

static int sees_itself(void *seen)
{
    *(coro_task **)seen = coro_current_task();
    return 0;
}

EAGER_TEST(the_current_task_is_swapped)
{
    coro_task *main_task = coro_current_task(), *seen = NULL;
    coro_task *task = coro_create_task(sees_itself, &seen);
    ck_assert_ptr_eq(seen, task);
    ck_assert_ptr_eq(coro_current_task(), main_task);
    coro_release(task);
    return 0;
}

static int creates(void *depth)
{
    trace("%d", NUMBER(depth));
    if (NUMBER(depth) == 0)
        return coro_yield();
    return coro_join(coro_create_task(creates, ARG(NUMBER(depth) - 1)), NULL);
}

EAGER_TEST(eager_tasks_create_eager_tasks)
{
    coro_task *task = coro_create_task(creates, ARG(3));
    expect_trace("3 2 1 0");
    ck_assert(!coro_done(task));
    return coro_join(task, NULL);
}

static void traces_pass(void *arg)
{
    trace("pass");
}

EAGER_TEST(a_gather_of_tasks_that_are_done_does_not_suspend)
{
    coro_task *tasks[] = {coro_create_task(returns, ARG(1)), coro_create_task(returns, ARG(2))};
    coro_call_soon(traces_pass, NULL, NULL);
    ck_assert_int_eq(coro_gather(tasks, 2, 0), 0);
    expect_trace("");
    coro_yield();
    expect_trace("pass");
    coro_release(tasks[0]);
    coro_release(tasks[1]);
    return 0;
}

static int cancels_itself(void *arg)
{
    coro_cancel(coro_current_task());
    return coro_yield();
}

EAGER_TEST(an_eager_task_may_cancel_itself)
{
    ck_assert_int_eq(coro_join(coro_create_task(cancels_itself, NULL), NULL), -ECANCELED);
    return 0;
}

EAGER_TEST(a_group_sees_members_that_are_done_at_once)
{
    coro_group group;
    coro_group_begin(&group);
    ck_assert_int_eq(coro_group_create_task(&group, returns, ARG(1)), 0);
    ck_assert_int_eq(coro_group_create_task(&group, returns, ARG(-EIO)), 0);
    ck_assert_int_eq(coro_group_create_task(&group, returns, NULL), -ESHUTDOWN);
    ck_assert_int_eq(coro_group_end(&group, coro_yield()), -EIO);
    return 0;
}

enum { CALLS = 1000, DEPTH = 480 };

static coro_handle calls[CALLS];

static void schedule_calls(void)
{
    for (int i = 0; i < CALLS; i++)
        ck_assert_int_eq(coro_call_soon(traces_pass, NULL, &calls[i]), 0);
}

static void cancel_calls(void)
{
    for (int i = 0; i < CALLS; i++)
        ck_assert(coro_handle_cancel(&calls[i]));
}

static int nests(void *depth)
{
    const coro_task_options options = {.eager_start = true, .stack_size = 16 * 1024};
    if (NUMBER(depth) == 0)
        return 0;
    coro_task *task = coro_create_task_with(&options, nests, ARG(NUMBER(depth) - 1));
    ck_assert(task && coro_done(task));
    const int deepest = coro_result(task, NULL);
    coro_release(task);
    return deepest + 1;
}

static int cancels_calls_and_nests(void *arg)
{
    cancel_calls();
    return nests(ARG(DEPTH));
}

/* They go in front of what the pass still has, in which the calls have left holes. */
TASK_TEST(eager_tasks_find_room_in_a_pass_of_cancelled_calls)
{
    coro_task *task = spawn(cancels_calls_and_nests, NULL);
    schedule_calls();
    cancel_calls();
    schedule_calls();
    coro_yield();
    ck_assert_int_eq(coro_join(task, NULL), DEPTH);
    expect_trace("");
    return 0;
}

static int main_is_traced(void *arg)
{
    trace("main");
    return 0;
}

START_TEST(the_main_task_starts_in_the_loop)
{
    ck_assert_int_eq(run_eager(main_is_traced), 0);
    expect_trace("main");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_task_that_need_not_wait_is_done_at_once,
        a_task_runs_to_its_first_wait,
        the_current_task_is_swapped,
        eager_tasks_create_eager_tasks,
        a_gather_of_tasks_that_are_done_does_not_suspend,
        an_eager_task_may_cancel_itself,
        a_group_sees_members_that_are_done_at_once,
        the_main_task_starts_in_the_loop,
        eager_tasks_find_room_in_a_pass_of_cancelled_calls,
        NULL,
    };
    return run_suite("eager", tests);
}
