/* SPDX-License-Identifier: MIT */
/* Task-locals: who inherits which values, and whose a change is. */
#include "support.h"

static const coro_local color = CORO_LOCAL_INITIALIZER((void *)"none");
static const coro_local size = CORO_LOCAL_INITIALIZER(NULL);

static const char *color_here(void)
{
    return coro_local_get(&color);
}

static int set_color(const char *value)
{
    return coro_local_set(&color, (void *)(uintptr_t)value, NULL);
}

TASK_TEST(a_variable_starts_with_its_initial_value)
{
    ck_assert_str_eq(color_here(), "none");
    ck_assert_ptr_null(coro_local_get(&size));
    ck_assert_int_eq(set_color("red"), 0);
    ck_assert_str_eq(color_here(), "red");
    ck_assert_ptr_null(coro_local_get(&size));
    return 0;
}

static int traces_color(void *arg)
{
    trace("%s", color_here());
    return 0;
}

static int changes_color(void *value)
{
    const int rc = set_color(value);
    coro_yield();
    trace("%s", color_here());
    return rc;
}

TASK_TEST(a_task_inherits_the_values_of_its_creator_as_they_are_then)
{
    set_color("red");
    coro_task *task = spawn(traces_color, NULL);
    set_color("blue");
    coro_join(task, NULL);
    coro_join(spawn(traces_color, NULL), NULL);
    expect_trace("red blue");
    return 0;
}

TASK_TEST(a_change_is_the_tasks_own)
{
    set_color("red");
    coro_task *tasks[] = {spawn(changes_color, (void *)"green"),
                          spawn(changes_color, (void *)"black")};
    coro_gather(tasks, 2, 0);
    ck_assert_str_eq(color_here(), "red");
    expect_trace("green black");
    coro_release(tasks[0]);
    coro_release(tasks[1]);
    return 0;
}

TASK_TEST(a_plain_call_sees_the_callers_values)
{
    set_color("red");
    changes_color((void *)"green");
    ck_assert_str_eq(color_here(), "green");
    expect_trace("green");
    return 0;
}

TASK_TEST(a_reset_puts_back_what_was_there)
{
    coro_local_token first, second;
    ck_assert_int_eq(coro_local_set(&color, (void *)"red", &first), 0);
    ck_assert_int_eq(coro_local_set(&color, (void *)"blue", &second), 0);
    ck_assert_int_eq(coro_local_reset(&color, &second), 0);
    ck_assert_str_eq(color_here(), "red");
    ck_assert_int_eq(coro_local_reset(&color, &first), 0);
    ck_assert_str_eq(color_here(), "none");
    return 0;
}

static int resets(void *token)
{
    return coro_local_reset(&color, token);
}

TASK_TEST(a_token_is_for_one_reset_by_its_own_task)
{
    coro_local_token token;
    coro_local_set(&color, (void *)"red", &token);
    ck_assert_int_eq(coro_local_reset(&size, &token), -EINVAL);
    ck_assert_int_eq(coro_join(spawn(resets, &token), NULL), -EINVAL);
    ck_assert_int_eq(coro_local_reset(&color, &token), 0);
    ck_assert_int_eq(coro_local_reset(&color, &token), -EINVAL);
    return 0;
}

TASK_TEST(many_variables_keep_their_values_apart)
{
    enum { MANY = 50 };
    static const coro_local many[MANY];
    coro_local_token tokens[MANY];
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(coro_local_set(&many[i], ARG(i + 1), &tokens[i]), 0);
    for (int i = 0; i < MANY; i += 2)
        ck_assert_int_eq(coro_local_reset(&many[i], &tokens[i]), 0);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(NUMBER(coro_local_get(&many[i])), i % 2 ? i + 1 : 0);
    return 0;
}

static void calls(void *arg)
{
    trace("%s", color_here());
    ck_assert_int_eq(set_color("mine"), 0);
    trace("%s", color_here());
}

static void is_done(coro_task *task, void *arg)
{
    calls(arg);
}

TASK_TEST(a_callback_has_the_values_of_whoever_scheduled_it)
{
    coro_future *future = coro_create_future();
    set_color("red");
    coro_call_soon(calls, NULL, NULL);
    set_color("blue");
    coro_call_later(CORO_SECOND, calls, NULL, NULL);
    set_color("green");
    coro_add_done_callback(future, is_done, NULL);
    set_color("black");
    coro_set_result(future, 0, NULL);
    coro_sleep(2 * CORO_SECOND);
    ck_assert_str_eq(color_here(), "black");
    expect_trace("red mine green mine blue mine");
    coro_release(future);
    return 0;
}

static void creates(void *task)
{
    set_color("callback");
    *(coro_task **)task = spawn(traces_color, NULL);
}

TASK_TEST(a_task_inherits_from_the_callback_that_creates_it)
{
    coro_task *task = NULL;
    coro_call_soon(creates, &task, NULL);
    coro_yield();
    coro_join(task, NULL);
    expect_trace("callback");
    return 0;
}

TASK_TEST(an_eager_task_has_values_of_its_own)
{
    const coro_task_options eager = {.eager_start = true};
    set_color("red");
    coro_join(coro_create_task_with(&eager, changes_color, (void *)"green"), NULL);
    ck_assert_str_eq(color_here(), "red");
    expect_trace("green");
    return 0;
}

TASK_TEST(callbacks_that_do_not_run_leave_nothing_behind)
{
    coro_handle handle;
    set_color("red");
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, is_done, NULL);
    coro_add_done_callback(future, is_done, future);
    ck_assert_uint_eq(coro_remove_done_callback(future, is_done, NULL), 1);
    coro_release(future);
    expect_log(CORO_LOG_DESTROYED_PENDING, 0, "future");
    coro_call_soon(calls, NULL, &handle);
    ck_assert(coro_handle_cancel(&handle));
    coro_call_later(CORO_SECOND, calls, NULL, NULL); /* goes with the run */
    return 0;
}

START_TEST(outside_a_loop_there_are_only_initial_values)
{
    coro_local_token token = {0};
    ck_assert_str_eq(color_here(), "none");
    ck_assert_int_eq(set_color("red"), -EPERM);
    ck_assert_int_eq(coro_local_reset(&color, &token), -EPERM);
    ck_assert_str_eq(color_here(), "none");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_variable_starts_with_its_initial_value,
        a_task_inherits_the_values_of_its_creator_as_they_are_then,
        a_change_is_the_tasks_own,
        a_plain_call_sees_the_callers_values,
        a_reset_puts_back_what_was_there,
        a_token_is_for_one_reset_by_its_own_task,
        many_variables_keep_their_values_apart,
        a_callback_has_the_values_of_whoever_scheduled_it,
        a_task_inherits_from_the_callback_that_creates_it,
        an_eager_task_has_values_of_its_own,
        callbacks_that_do_not_run_leave_nothing_behind,
        outside_a_loop_there_are_only_initial_values,
        NULL,
    };
    return run_suite("local", tests);
}
