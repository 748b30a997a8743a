/* SPDX-License-Identifier: MIT */
/* What CPython's cases show of tasks themselves: how they are created, named, run and sleep. */
#include "support.h"

#include <stdlib.h>

/* CPython, does not apply: no generic types: test_tasks.BaseTaskTests.test_generic_alias */
/* CPython, does not apply: no garbage collector that a result could start:
 * test_tasks.BaseTaskTests.test_task_del_collect */
/* CPython, does not apply: no awaitables other than tasks and futures, and the compiler finds other
 * types: test_tasks.BaseTaskTests.test_ensure_future_awaitable
 * test_tasks.BaseTaskTests.test_ensure_future_task_awaitable
 * test_tasks.BaseTaskTests.test_ensure_future_neither */
/* CPython, does not apply: no view of another task's stack:
 * test_tasks.BaseTaskTests.test_get_stack */
/* CPython, does not apply: no text form of a task: test_tasks.BaseTaskTests.test_task_repr */
/* CPython, does not apply: a name is a string: the compiler finds other types:
 * test_tasks.BaseTaskTests.test_task_repr_name_not_str */
/* CPython, does not apply: an error is a number and a text, without a chain of earlier ones:
 * test_tasks.BaseTaskTests.test_exception_chaining_after_await
 * test_tasks.BaseTaskTests.test_exception_chaining_after_await_with_context_cycle */
/* CPython, does not apply: a run ends with its main task, and nothing stops it before:
 * test_tasks.BaseTaskTests.test_stop_while_run_in_complete */
/* CPython, does not apply: a private attribute of Python's:
 * test_tasks.BaseTaskTests.test_log_traceback */
/* CPython, does not apply: a duration is an integer, and never NaN:
 * test_tasks.BaseTaskTests.test_sleep_when_delay_is_nan */
/* CPython, does not apply: every function of the right type is a task function:
 * test_tasks.BaseTaskTests.test_iscoroutinefunction */

static char ok[] = "ok";

static int returns_value(void *value)
{
    return coro_return(value);
}

/* --- Which loop ------------------------------------------------------------------------------- */
static int creates_a_task(void *arg)
{
    void *value = NULL;
    coro_task *task = spawn(returns_value, ok);
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_await(task, NULL), 0);
    ck_assert(coro_done(task));
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_result(task, &value), 0);
    ck_assert_ptr_eq(value, ok);
    coro_release(task);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_task_class */
/* CPython: test_tasks.BaseTaskTests.test_ensure_future_coroutine */
/* CPython: test_tasks.BaseTaskTests.test_coroutine_non_gen_function */
START_TEST(a_task_belongs_to_the_loop_that_runs)
{
    ck_assert_ptr_null(coro_create_task(returns_value, ok));
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(run_test(creates_a_task, NULL), 0);
        ck_assert_ptr_null(coro_create_task(returns_value, ok));
    }
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

struct two {
    coro_task *pending, *done;
};

static int leaves_two(void *arg)
{
    struct two *left = arg;
    left->pending = coro_create_future();
    left->done = spawn(returns, ARG(4));
    passes(1);
    return 0;
}

static int takes_what_was_left(void *arg)
{
    const struct two *left = arg;
    coro_task *const both[] = {left->pending, left->done};
    ck_assert_int_eq(coro_await(left->pending, NULL), -EXDEV);
    ck_assert_int_eq(coro_wait(both, 2, CORO_FIRST_COMPLETED, CORO_FOREVER), -EXDEV);
    ck_assert_int_eq(coro_gather(both, 2, 0), -EXDEV);
    ck_assert_int_eq(coro_shield(left->pending, NULL), -EXDEV);
    ck_assert(!coro_done(left->pending));
    ck_assert_int_eq(coro_result(left->done, NULL), 4);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_other_loop_future */
/* CPython: test_tasks.BaseTaskTests.test_ensure_future_error_msg */
START_TEST(what_another_loop_left_cannot_be_waited_for)
{
    struct two left;
    ck_assert_int_eq(run_test(leaves_two, &left), 0);
    ck_assert_int_eq(run_test(takes_what_was_left, &left), 0);
    ck_assert_uint_eq(logged(), 0);
    coro_release(left.pending);
    coro_release(left.done);
}
END_TEST

/* CPython: test_tasks.BaseTaskTests.test_ensure_future_future */
/* CPython: test_tasks.BaseTaskTests.test_ensure_future_task */
TASK_TEST(a_future_and_a_task_stand_for_the_same_wherever_one_is_awaited)
{
    void *value = NULL;
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_set_result(future, 0, ok), 0);
    coro_task *tasks[] = {future, spawn(returns_value, ok)};
    ck_assert_int_eq(coro_gather(tasks, 2, 0), 0);
    for (int i = 0; i < 2; i++) {
        value = NULL;
        ck_assert_int_eq(coro_await(tasks[i], &value), 0);
        ck_assert_ptr_eq(value, ok);
        value = NULL;
        ck_assert_int_eq(coro_shield(tasks[i], &value), 0);
        ck_assert_ptr_eq(value, ok);
        coro_release(tasks[i]);
    }
    return 0;
}

/* --- Names ------------------------------------------------------------------------------------ */
/* The number in a name that nobody gave. */
static long number_of(coro_task *task)
{
    static const char prefix[] = "Task-";
    const char *name = coro_get_name(task);
    char *end;
    ck_assert_int_eq(strncmp(name, prefix, sizeof prefix - 1), 0);
    const long number = strtol(name + sizeof prefix - 1, &end, 10);
    ck_assert_str_eq(end, "");
    return number;
}

/* CPython: test_tasks.BaseTaskTests.test_task_repr_autogenerated */
TASK_TEST(names_that_nobody_gave_count_up)
{
    coro_task *first = spawn(returns, NULL), *second = spawn(returns, NULL);
    ck_assert_int_lt(number_of(coro_current_task()), number_of(first));
    ck_assert_int_lt(number_of(first), number_of(second));
    coro_release(first);
    coro_release(second);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_task_set_name_pylong */
TASK_TEST(a_name_of_digits_is_not_taken_for_a_number)
{
    const coro_task_options options = {.name = "987654321"};
    coro_task *task = coro_create_task_with(&options, returns, NULL);
    ck_assert_str_eq(coro_get_name(task), "987654321");
    ck_assert_int_eq(coro_set_name(task, "123456789"), 0);
    ck_assert_str_eq(coro_get_name(task), "123456789");
    ck_assert_int_eq(coro_await(task, NULL), 0);
    ck_assert_str_eq(coro_get_name(task), "123456789");
    coro_release(task);
    return 0;
}

/* --- Running ---------------------------------------------------------------------------------- */
static int adds_two_calls(void *arg)
{
    const int a = returns(ARG(42));
    const int b = yields_and_returns(ARG(1000));
    return a + b;
}

/* CPython: test_tasks.BaseTaskTests.test_task_basics */
TASK_TEST(a_task_awaits_functions_by_calling_them)
{
    ck_assert_int_eq(adds_two_calls(NULL), 1042);
    ck_assert_int_eq(coro_join(spawn(adds_two_calls, NULL), NULL), 1042);
    return 0;
}

struct handover {
    coro_future *future;
    void *got;
};

static int takes_a_value(void *arg)
{
    struct handover *handover = arg;
    return coro_await(handover->future, &handover->got);
}

/* CPython: test_tasks.BaseTaskTests.test_step_result_future */
TASK_TEST(a_task_goes_on_with_the_value_of_the_future_that_it_awaits)
{
    struct handover handover = {.future = coro_create_future()};
    coro_task *task = spawn(takes_a_value, &handover);
    passes(3);
    ck_assert(!coro_done(task));
    ck_assert_ptr_null(handover.got);
    ck_assert_int_eq(coro_set_result(handover.future, 0, ok), 0);
    ck_assert_ptr_null(handover.got);
    passes(1);
    ck_assert_ptr_eq(handover.got, ok);
    ck_assert(coro_done(task));
    void *value = ok;
    ck_assert_int_eq(coro_result(task, &value), 0);
    ck_assert_ptr_null(value); /* the future's, and not the task's */
    coro_release(task);
    coro_release(handover.future);
    return 0;
}

static int settles(void *future)
{
    return coro_set_result((coro_future *)future, 0, ok);
}

/* CPython: test_tasks.BaseTaskTests.test_coroutine_non_gen_function_return_future */
TASK_TEST(a_future_that_a_task_returns_is_its_value_and_not_awaited)
{
    coro_future *future = coro_create_future();
    coro_task *returner = spawn(returns_value, future), *settler = spawn(settles, future);
    void *value = NULL;
    coro_task *only[] = {returner};
    ck_assert_int_eq(coro_wait(only, 1, CORO_ALL_COMPLETED, CORO_FOREVER), 1);
    ck_assert_int_eq(coro_result(returner, &value), 0);
    ck_assert_ptr_eq(value, future);
    ck_assert_int_eq(coro_result(settler, &value), 0);
    ck_assert_ptr_null(value);
    ck_assert_int_eq(coro_result(future, &value), 0);
    ck_assert_ptr_eq(value, ok);
    coro_release(returner);
    coro_release(settler);
    coro_release(future);
    return 0;
}

static int fails_instead_of_ending_cancelled(void *arg)
{
    ck_assert_int_eq(coro_sleep(10 * CORO_SECOND), -ECANCELED);
    return coro_fail(-ESHUTDOWN, "exit");
}

/* CPython: test_tasks.BaseTaskTests.test_baseexception_during_cancel */
TASK_TEST(a_task_that_answers_a_cancel_with_an_error_has_failed)
{
    coro_task *task = spawn(fails_instead_of_ending_cancelled, NULL);
    passes(1);
    ck_assert(coro_cancel(task));
    ck_assert(!coro_done(task));
    passes(1);
    ck_assert(coro_done(task));
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_result(task, NULL), -ESHUTDOWN);
    ck_assert_str_eq(coro_error_message(task), "exit");
    ck_assert_int_eq(coro_now(), 0);
    coro_release(task);
    return 0;
}

/* --- The current task ------------------------------------------------------------------------- */
static int is_current(void *task)
{
    coro_task *const *expected = task;
    ck_assert_ptr_nonnull(*expected);
    ck_assert_ptr_eq(coro_current_task(), *expected);
    trace("seen");
    return 0;
}

static int has_one_check_itself(void *arg)
{
    coro_task *task;
    task = spawn(is_current, &task);
    ck_assert_ptr_ne(coro_current_task(), task);
    return coro_join(task, NULL);
}

/* CPython: test_tasks.BaseTaskTests.test_current_task */
START_TEST(there_is_a_current_task_only_while_one_runs)
{
    ck_assert_ptr_null(coro_current_task());
    ck_assert_int_eq(run_test(has_one_check_itself, NULL), 0);
    ck_assert_ptr_null(coro_current_task());
    expect_trace("seen");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

struct side {
    coro_task *task;
    coro_future *own, *others;
    const char *name;
    bool settles_first;
};

static void check_side(const struct side *side, const char *when)
{
    ck_assert_ptr_eq(coro_current_task(), side->task);
    trace("%s:%s", side->name, when);
}

static int alternates(void *arg)
{
    const struct side *side = arg;
    check_side(side, "start");
    if (side->settles_first)
        ck_assert_int_eq(coro_set_result(side->others, 0, NULL), 0);
    ck_assert_int_eq(coro_await(side->own, NULL), 0);
    check_side(side, "end");
    if (!side->settles_first)
        ck_assert_int_eq(coro_set_result(side->others, 0, NULL), 0);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_current_task_with_interleaving_tasks */
TASK_TEST(the_current_task_changes_with_every_switch)
{
    coro_task *self = coro_current_task();
    coro_future *one = coro_create_future(), *two = coro_create_future();
    struct side sides[] = {{NULL, one, two, "one", false}, {NULL, two, one, "two", true}};
    sides[0].task = spawn(alternates, &sides[0]);
    sides[1].task = spawn(alternates, &sides[1]);
    coro_task *tasks[] = {sides[0].task, sides[1].task};
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_ALL_COMPLETED, CORO_FOREVER), 2);
    expect_trace("one:start two:start one:end two:end");
    ck_assert_ptr_eq(coro_current_task(), self);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    coro_release(one);
    coro_release(two);
    return 0;
}

/* --- Sleeping --------------------------------------------------------------------------------- */
static int sleeps_in_halves(void *value)
{
    ck_assert_int_eq(coro_sleep(50 * CORO_MILLISECOND), 0);
    ck_assert_int_eq(coro_now(), 50 * CORO_MILLISECOND);
    ck_assert_int_eq(coro_sleep(50 * CORO_MILLISECOND), 0);
    return coro_return(value);
}

/* CPython: test_tasks.BaseTaskTests.test_sleep */
TASK_TEST(sleeps_add_up)
{
    void *value = NULL;
    coro_task *task = spawn(sleeps_in_halves, ok);
    ck_assert_int_eq(coro_await(task, &value), 0);
    ck_assert(coro_done(task));
    ck_assert_ptr_eq(value, ok);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    coro_release(task);
    return 0;
}

static int cancels_a_sleep_then_waits_for_nothing(void *arg)
{
    coro_task *task = spawn(sleeps, ARG(10000));
    passes(1);
    coro_cancel(task);
    passes(1);
    ck_assert(coro_cancelled(task));
    coro_release(task);
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    trace("%d", (int)coro_now());
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_sleep_cancel */
/* With a timer left this would be no deadlock yet, and time would go on to it. */
START_TEST(a_cancelled_sleep_takes_its_timer_with_it)
{
    ck_assert_int_eq(run_test(cancels_a_sleep_then_waits_for_nothing, NULL), -EDEADLK);
    expect_trace("0");
    forget_log();
}
END_TEST

static void cancel_it(void *task)
{
    ck_assert(coro_cancel((coro_task *)task));
}

static int has_a_sleeper_cancelled(void *arg)
{
    coro_task *sleeper = spawn(sleeps, ARG(5000 * 1000));
    coro_handle handle;
    ck_assert_int_eq(coro_call_later(100 * CORO_MILLISECOND, cancel_it, sleeper, &handle), 0);
    return coro_join(sleeper, NULL) == -ECANCELED ? 1 : 2;
}

/* CPython: test_tasks.BaseTaskTests.test_task_cancel_sleeping_task */
TASK_TEST(a_sleeping_task_is_cancelled_by_a_timer_in_time)
{
    ck_assert_int_eq(coro_join(spawn(has_a_sleeper_cancelled, NULL), NULL), 1);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_task_belongs_to_the_loop_that_runs,
        what_another_loop_left_cannot_be_waited_for,
        a_future_and_a_task_stand_for_the_same_wherever_one_is_awaited,
        names_that_nobody_gave_count_up,
        a_name_of_digits_is_not_taken_for_a_number,
        a_task_awaits_functions_by_calling_them,
        a_task_goes_on_with_the_value_of_the_future_that_it_awaits,
        a_future_that_a_task_returns_is_its_value_and_not_awaited,
        a_task_that_answers_a_cancel_with_an_error_has_failed,
        there_is_a_current_task_only_while_one_runs,
        the_current_task_changes_with_every_switch,
        sleeps_add_up,
        a_cancelled_sleep_takes_its_timer_with_it,
        a_sleeping_task_is_cancelled_by_a_timer_in_time,
        NULL,
    };
    return run_suite("asyncio_tasks", tests);
}
