/* SPDX-License-Identifier: MIT */
/* Callbacks by the loop: when they are called, in which order, and how they are cancelled. */
#include "support.h"

static void traces(void *name)
{
    trace("%s", (const char *)name);
}

static void traces_time(void *name)
{
    trace("%s@%d", (const char *)name, (int)(coro_now() / CORO_MILLISECOND));
}

/* CPython: test_events.EventLoopTestsMixin.test_call_soon
 * test_base_events.BaseEventLoopTests.test_call_soon */
TASK_TEST(calls_come_in_the_next_pass_in_order)
{
    ck_assert_int_eq(coro_call_soon(traces, (void *)"a", NULL), 0);
    ck_assert_int_eq(coro_call_soon(traces, (void *)"b", NULL), 0);
    trace("body");
    coro_yield();
    expect_trace("body a b");
    return 0;
}

static void calls_again(void *name)
{
    traces(name);
    coro_call_soon(traces, (void *)"inner", NULL);
}

/* CPython: test_base_events.BaseEventLoopTests.test__run_once_schedule_handle
 * test_base_events.BaseEventLoopTests.test_run_once */
TASK_TEST(what_a_call_schedules_comes_a_pass_later)
{
    coro_call_soon(calls_again, (void *)"outer", NULL);
    coro_yield();
    expect_trace("outer");
    coro_yield();
    expect_trace("inner");
    return 0;
}

/* CPython: test_base_events.BaseEventLoopTests.test_call_later_negative_delays */
TASK_TEST(a_delay_of_zero_comes_after_what_is_ready)
{
    coro_call_later(0, traces, (void *)"later", NULL);
    coro_call_soon(traces, (void *)"soon", NULL);
    passes(2);
    expect_trace("soon later");
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_call_later
 * test_base_events.BaseEventLoopTests.test_call_later
 * test_base_events.BaseEventLoopTests.test_time_and_call_at
 * test_events.TimerTests.test_when */
TASK_TEST(delayed_calls_come_at_their_time)
{
    coro_call_later(2 * CORO_SECOND, traces_time, (void *)"two", NULL);
    coro_call_later(CORO_SECOND, traces_time, (void *)"one", NULL);
    coro_call_at(3 * CORO_SECOND, traces_time, (void *)"three", NULL);
    coro_sleep(4 * CORO_SECOND);
    expect_trace("one@1000 two@2000 three@3000");
    return 0;
}

TASK_TEST(calls_for_one_time_come_in_the_order_of_scheduling)
{
    coro_call_at(CORO_SECOND, traces, (void *)"a", NULL);
    coro_call_at(CORO_SECOND, traces, (void *)"b", NULL);
    coro_call_at(CORO_SECOND, traces, (void *)"c", NULL);
    coro_sleep(2 * CORO_SECOND);
    expect_trace("a b c");
    return 0;
}

/* CPython: test_base_events.BaseEventLoopTests.test__run_once_cancelled_event_cleanup
 * test_base_events.BaseEventLoopTests.test__add_callback_cancelled_handle
 * test_events.HandleTests.test_handle
 * test_events.TimerTests.test_timer */
TASK_TEST(a_call_that_is_cancelled_does_not_come)
{
    coro_handle soon, later;
    coro_call_soon(traces, (void *)"soon", &soon);
    coro_call_later(CORO_SECOND, traces, (void *)"later", &later);
    ck_assert(coro_handle_cancel(&soon));
    ck_assert(coro_handle_cancel(&later));
    ck_assert(!coro_handle_cancel(&soon));
    ck_assert(!coro_handle_cancel(&later));
    ck_assert_int_eq(coro_sleep(2 * CORO_SECOND), 0);
    return 0;
}

static void cancels(void *handle)
{
    trace("cancel:%d", coro_handle_cancel(handle));
}

TASK_TEST(a_call_of_the_same_pass_can_be_cancelled)
{
    coro_handle handle;
    coro_call_soon(cancels, &handle, NULL);
    coro_call_soon(traces, (void *)"second", &handle);
    coro_yield();
    expect_trace("cancel:1");
    return 0;
}

TASK_TEST(a_handle_may_outlive_its_call)
{
    coro_handle old, next;
    coro_call_later(CORO_SECOND, traces, (void *)"a", &old);
    ck_assert_int_eq(coro_handle_when(&old), CORO_SECOND);
    coro_sleep(2 * CORO_SECOND);
    coro_call_later(CORO_SECOND, traces, (void *)"b", &next);
    ck_assert(!coro_handle_cancel(&old)); /* whatever has its memory now */
    ck_assert_int_eq(coro_handle_when(&old), CORO_FOREVER);
    coro_sleep(2 * CORO_SECOND);
    expect_trace("a b");
    return 0;
}

static void tries_to_wait(void *arg)
{
    ck_assert_ptr_null(coro_current_task());
    ck_assert_int_eq(coro_yield(), -EPERM);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), -EPERM);
}

TASK_TEST(a_call_is_no_task)
{
    coro_call_soon(tries_to_wait, NULL, NULL);
    return coro_yield();
}

static void settles(void *future)
{
    coro_set_result(future, 5, NULL);
}

TASK_TEST(a_call_may_wake_a_task)
{
    coro_future *future = coro_create_future();
    coro_call_later(CORO_SECOND, settles, future, NULL);
    ck_assert_int_eq(coro_join(future, NULL), 5);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    return 0;
}

TASK_TEST(a_call_that_is_never_to_come_wakes_nobody)
{
    coro_handle handle;
    ck_assert_int_eq(coro_call_at(CORO_FOREVER, traces, (void *)"never", &handle), 0);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert(coro_handle_cancel(&handle));
    return 0;
}

TASK_TEST(calls_that_are_left_go_with_the_run)
{
    coro_call_later(CORO_SECOND, traces, (void *)"never", NULL);
    return 0;
}

/* CPython: test_base_events.BaseEventLoopTests.test_call_soon_non_callable */
TASK_TEST(a_call_needs_a_function)
{
    coro_handle handle;
    ck_assert_int_eq(coro_call_soon(NULL, NULL, &handle), -EINVAL);
    ck_assert(!coro_handle_cancel(&handle));
    return 0;
}

START_TEST(a_call_needs_a_loop)
{
    coro_handle handle;
    ck_assert_int_eq(coro_call_soon(traces, NULL, &handle), -EPERM);
    ck_assert_int_eq(coro_call_later(CORO_SECOND, traces, NULL, NULL), -EPERM);
    ck_assert(!coro_handle_cancel(&handle));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        calls_come_in_the_next_pass_in_order,
        what_a_call_schedules_comes_a_pass_later,
        a_delay_of_zero_comes_after_what_is_ready,
        delayed_calls_come_at_their_time,
        calls_for_one_time_come_in_the_order_of_scheduling,
        a_call_that_is_cancelled_does_not_come,
        a_call_of_the_same_pass_can_be_cancelled,
        a_handle_may_outlive_its_call,
        a_call_is_no_task,
        a_call_may_wake_a_task,
        a_call_that_is_never_to_come_wakes_nobody,
        calls_that_are_left_go_with_the_run,
        a_call_needs_a_function,
        a_call_needs_a_loop,
        NULL,
    };
    return run_suite("call", tests);
}
