/* SPDX-License-Identifier: MIT */
/* Cancelling: what gets the request, when it is delivered, what wins, and how it is counted. */
#include "support.h"

#include <stdlib.h>

static coro_task *self(void)
{
    return coro_current_task();
}

TASK_TEST(a_sleeping_task_is_cancelled)
{
    coro_task *task = spawn(sleeps, ARG(5000));
    coro_sleep(CORO_SECOND);
    ck_assert(coro_cancel(task));
    ck_assert(!coro_done(task));
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(self()), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    coro_release(task);
    return 0;
}

TASK_TEST(a_task_that_has_ended_is_not_cancelled)
{
    coro_task *task = spawn(returns, ARG(3));
    passes(1);
    ck_assert(!coro_cancel(task));
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert_int_eq(coro_join(task, NULL), 3);
    return 0;
}

static int traces(void *word)
{
    trace("%s", (const char *)word);
    return 0;
}

TASK_TEST(a_task_cancelled_before_its_first_step_never_starts)
{
    coro_task *task = spawn(traces, (void *)"body");
    ck_assert(coro_cancel_with(task, "too early"));
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "too early");
    coro_release(task);
    return 0;
}

static int counts_cancels(void *arg)
{
    int cancels = 0;
    for (int i = 0; i < 5; i++)
        cancels += coro_sleep(CORO_SECOND) == -ECANCELED;
    return cancels;
}

TASK_TEST(many_requests_before_delivery_are_one_cancel)
{
    coro_task *task = spawn(counts_cancels, NULL);
    passes(1);
    for (int i = 1; i <= 4; i++) {
        ck_assert(coro_cancel(task));
        ck_assert_int_eq(coro_cancelling(task), i);
    }
    ck_assert_int_eq(coro_await(task, NULL), 1);
    ck_assert_int_eq(coro_cancelling(task), 4);
    coro_release(task);
    return 0;
}

static int swallows_one(void *arg)
{
    trace("%d", coro_sleep(CORO_FOREVER) == -ECANCELED);
    trace("%d", coro_sleep(CORO_SECOND));
    return 3;
}

TASK_TEST(a_task_may_swallow_a_cancel_and_go_on)
{
    coro_task *task = spawn(swallows_one, NULL);
    passes(1);
    coro_cancel(task);
    ck_assert_int_eq(coro_await(task, NULL), 3);
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    expect_trace("1 0");
    coro_release(task);
    return 0;
}

TASK_TEST(a_cancelled_yield_says_so)
{
    coro_task *task = spawn(yields_and_returns, ARG(1));
    passes(1);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    return 0;
}

/* --- What wins -------------------------------------------------------------------------------- */
TASK_TEST(a_cancel_between_the_end_of_what_is_awaited_and_the_wake_up_wins)
{
    coro_future *future = coro_create_future();
    coro_task *task = spawn(awaits, future);
    passes(1);
    coro_set_result(future, 5, NULL);
    coro_cancel_with(task, "late");
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "late");
    ck_assert_int_eq(coro_result(future, NULL), 5);
    coro_release(task);
    coro_release(future);
    return 0;
}

TASK_TEST(a_future_and_its_waiter_cancelled_in_one_pass_are_one_cancel)
{
    coro_future *future = coro_create_future();
    coro_task *task = spawn(awaits, future);
    passes(1);
    coro_cancel_with(future, "future");
    coro_cancel_with(task, "task");
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert_str_eq(coro_error_message(task), "future");
    coro_release(task);
    coro_release(future);
    return 0;
}

static int cancels_itself_then_returns(void *status)
{
    coro_cancel_with(self(), "by itself");
    return NUMBER(status);
}

TASK_TEST(a_task_that_cancels_itself_and_returns_is_cancelled)
{
    coro_task *task = spawn(cancels_itself_then_returns, ARG(5));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert(coro_cancelled(task));
    ck_assert_str_eq(coro_error_message(task), "by itself");
    coro_release(task);
    return 0;
}

TASK_TEST(a_task_that_cancels_itself_and_fails_has_failed)
{
    coro_task *task = spawn(cancels_itself_then_returns, ARG(-EIO));
    ck_assert_int_eq(coro_await(task, NULL), -EIO);
    ck_assert(!coro_cancelled(task));
    coro_release(task);
    return 0;
}

static int cancels_itself_then_sleeps(void *arg)
{
    coro_cancel(self());
    const int rc = coro_sleep(CORO_SECOND);
    trace("%s", rc == -ECANCELED ? "cancelled" : "slept");
    trace("%d", coro_sleep(CORO_SECOND));
    return 4;
}

TASK_TEST(a_task_that_cancels_itself_gets_it_from_its_next_suspension_only)
{
    coro_task *task = spawn(cancels_itself_then_sleeps, NULL);
    ck_assert_int_eq(coro_join(task, NULL), 4);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    expect_trace("cancelled 0");
    return 0;
}

static int cancels_itself_then_awaits(void *task)
{
    coro_cancel(self());
    return coro_await((coro_task *)task, NULL);
}

TASK_TEST(a_task_that_cancels_itself_hands_it_on_to_what_it_then_awaits)
{
    coro_task *inner = spawn(forever, NULL);
    passes(1);
    coro_task *outer = spawn(cancels_itself_then_awaits, inner);
    ck_assert_int_eq(coro_await(outer, NULL), -ECANCELED);
    ck_assert(coro_cancelled(inner));
    ck_assert_int_eq(coro_cancelling(inner), 1);
    coro_release(inner);
    coro_release(outer);
    return 0;
}

static int cancels_itself_then_awaits_done(void *task)
{
    coro_cancel(self());
    trace("%d", coro_await((coro_task *)task, NULL));
    return coro_yield();
}

TASK_TEST(awaiting_what_is_done_is_no_cancellation_point)
{
    coro_task *done = spawn(returns, ARG(9));
    passes(1);
    coro_task *task = spawn(cancels_itself_then_awaits_done, done);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    expect_trace("9");
    coro_release(done);
    return 0;
}

/* --- What is awaited is cancelled ------------------------------------------------------------- */
TASK_TEST(an_awaited_task_is_cancelled_with_its_waiter)
{
    coro_task *inner = spawn(forever, NULL), *outer = spawn(awaits, inner);
    passes(1);
    ck_assert(coro_cancel_with(outer, "both"));
    ck_assert_int_eq(coro_cancelling(inner), 1);
    ck_assert_int_eq(coro_cancelling(outer), 1);
    ck_assert_int_eq(coro_await(outer, NULL), -ECANCELED);
    ck_assert(coro_cancelled(inner));
    ck_assert_str_eq(coro_error_message(inner), "both");
    ck_assert_str_eq(coro_error_message(outer), "both");
    coro_release(inner);
    coro_release(outer);
    return 0;
}

TASK_TEST(a_waiter_gets_the_result_of_an_awaited_task_that_refuses)
{
    coro_task *inner = spawn(refuses, ARG(1000)), *outer = spawn(awaits, inner);
    passes(1);
    coro_cancel(outer);
    ck_assert_int_eq(coro_await(outer, NULL), 7);
    ck_assert(!coro_cancelled(outer));
    ck_assert_int_eq(coro_cancelling(outer), 1);
    coro_release(inner);
    coro_release(outer);
    return 0;
}

static int fails_when_cancelled(void *arg)
{
    coro_sleep(CORO_FOREVER);
    return coro_fail(-EIO, "while cleaning up");
}

TASK_TEST(a_waiter_gets_the_error_of_an_awaited_task_that_fails_at_its_cancel)
{
    coro_task *inner = spawn(fails_when_cancelled, NULL), *outer = spawn(awaits, inner);
    passes(1);
    coro_cancel(outer);
    ck_assert_int_eq(coro_await(outer, NULL), -EIO);
    ck_assert_str_eq(coro_error_message(outer), "while cleaning up");
    coro_release(inner);
    coro_release(outer);
    return 0;
}

TASK_TEST(cancelling_the_awaited_task_does_not_count_for_the_waiter)
{
    coro_task *inner = spawn(forever, NULL), *outer = spawn(awaits, inner);
    passes(1);
    coro_cancel(inner);
    ck_assert_int_eq(coro_await(outer, NULL), -ECANCELED);
    ck_assert(coro_cancelled(outer));
    ck_assert_int_eq(coro_cancelling(outer), 0);
    coro_release(inner);
    coro_release(outer);
    return 0;
}

static int slow_clean_up(void *arg)
{
    const int rc = coro_sleep(CORO_FOREVER);
    coro_sleep(CORO_SECOND);
    return rc;
}

TASK_TEST(a_waiter_waits_until_the_cancelled_task_has_cleaned_up)
{
    coro_task *inner = spawn(slow_clean_up, NULL), *outer = spawn(awaits, inner);
    passes(1);
    coro_cancel(outer);
    ck_assert_int_eq(coro_await(outer, NULL), -ECANCELED);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    coro_release(inner);
    coro_release(outer);
    return 0;
}

TASK_TEST(an_awaited_task_that_has_not_started_never_does)
{
    const coro_task_options eager = {.eager_start = true};
    coro_task *inner = spawn(traces, (void *)"body");
    coro_task *outer = coro_create_task_with(&eager, awaits, inner);
    coro_cancel(outer);
    ck_assert_int_eq(coro_join(outer, NULL), -ECANCELED);
    ck_assert(coro_cancelled(inner));
    coro_release(inner);
    return 0;
}

/* --- Chains and rings ------------------------------------------------------------------------- */
static int awaits_next(void *place)
{
    coro_task **next = place;
    return coro_await(*next, NULL);
}

TASK_TEST(a_cancel_goes_through_a_chain_of_100000_links)
{
    const int links = many(100000);
    coro_task **chain = calloc((size_t)links, sizeof *chain);
    const coro_task_options options = {.stack_size = 16 * 1024};
    chain[links - 1] = coro_create_task_with(&options, forever, NULL);
    for (int i = links - 2; i >= 0; i--)
        chain[i] = coro_create_task_with(&options, awaits_next, &chain[i + 1]);
    passes(2);
    ck_assert(coro_cancel(chain[0]));
    ck_assert_int_eq(coro_await(chain[0], NULL), -ECANCELED);
    for (int i = 0; i < links; i++) {
        ck_assert(coro_cancelled(chain[i]));
        ck_assert_int_eq(coro_cancelling(chain[i]), 1);
        coro_release(chain[i]);
    }
    free(chain);
    /* Old kernels have no guard pages for so many. */
    if (logged() > 0)
        expect_log(CORO_LOG_NO_GUARD_PAGE, -ENOMEM, "vm.max_map_count");
    return 0;
}

static void cancel_ring(int size)
{
    coro_task **ring = calloc((size_t)size, sizeof *ring);
    for (int i = 0; i < size; i++)
        ring[i] = spawn(awaits_next, &ring[(i + 1) % size]);
    passes(1);
    ck_assert(coro_cancel(ring[0]));
    ck_assert_int_eq(coro_await(ring[0], NULL), -ECANCELED);
    for (int i = 0; i < size; i++) {
        ck_assert(coro_cancelled(ring[i]));
        coro_release(ring[i]);
    }
    free(ring);
}

TASK_TEST(a_ring_of_any_size_is_cancelled)
{
    cancel_ring(2);
    cancel_ring(3);
    cancel_ring(many(10000));
    return 0;
}

static int gathers_two(void *tasks)
{
    return coro_gather((coro_task *const *)tasks, 2, 0);
}

TASK_TEST(a_cancel_comes_down_both_sides_of_a_diamond)
{
    coro_task *bottom = spawn(forever, NULL);
    coro_task *sides[] = {spawn(awaits, bottom), spawn(awaits, bottom)};
    coro_task *top = spawn(gathers_two, sides);
    passes(1);
    coro_cancel(top);
    ck_assert_int_eq(coro_await(top, NULL), -ECANCELED);
    ck_assert(coro_cancelled(sides[0]));
    ck_assert(coro_cancelled(sides[1]));
    ck_assert(coro_cancelled(bottom));
    ck_assert_int_eq(coro_cancelling(sides[0]), 1);
    ck_assert_int_eq(coro_cancelling(sides[1]), 1);
    ck_assert_int_eq(coro_cancelling(bottom), 2); /* once from each side */
    coro_release(bottom);
    coro_release(sides[0]);
    coro_release(sides[1]);
    coro_release(top);
    return 0;
}

TASK_TEST(diamonds_upon_diamonds_are_cancelled_in_time)
{
    enum { LEVELS = 40 }; /* 2^40 paths */
    coro_task *levels[LEVELS][2];
    for (int i = 0; i < LEVELS; i++)
        for (int side = 0; side < 2; side++)
            levels[i][side] = i == 0 ? spawn(forever, NULL) : spawn(gathers_two, levels[i - 1]);
    passes(1);
    coro_cancel(levels[LEVELS - 1][0]);
    coro_cancel(levels[LEVELS - 1][1]);
    ck_assert_int_eq(coro_gather(levels[LEVELS - 1], 2, CORO_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < LEVELS; i++)
        for (int side = 0; side < 2; side++) {
            ck_assert(coro_cancelled(levels[i][side]));
            coro_release(levels[i][side]);
        }
    return 0;
}

/* --- Counting --------------------------------------------------------------------------------- */
TASK_TEST(uncancel_stops_at_zero)
{
    ck_assert_int_eq(coro_uncancel(self()), 0);
    coro_cancel(self());
    coro_cancel(self());
    ck_assert_int_eq(coro_uncancel(self()), 1);
    ck_assert_int_eq(coro_cancelling(self()), 1);
    ck_assert_int_eq(coro_uncancel(self()), 0);
    ck_assert_int_eq(coro_uncancel(self()), 0);
    ck_assert_int_eq(coro_cancelling(self()), 0);
    return 0;
}

TASK_TEST(a_request_that_was_taken_back_is_not_delivered)
{
    coro_cancel(self());
    coro_uncancel(self());
    ck_assert_int_eq(coro_yield(), 0);

    coro_cancel(self());
    coro_cancel(self());
    coro_uncancel(self()); /* one is left */
    ck_assert_int_eq(coro_yield(), -ECANCELED);
    ck_assert_int_eq(coro_yield(), 0);
    coro_uncancel(self());
    return 0;
}

TASK_TEST(a_count_that_is_taken_back_before_the_first_step_lets_the_task_run)
{
    coro_task *task = spawn(returns, ARG(2));
    coro_cancel(task);
    coro_uncancel(task);
    ck_assert_int_eq(coro_join(task, NULL), 2);
    return 0;
}

TASK_TEST(a_request_taken_back_before_the_wake_up_leaves_the_result)
{
    coro_future *future = coro_create_future();
    coro_task *task = spawn(awaits, future);
    passes(1);
    coro_set_result(future, 5, NULL);
    coro_cancel(task);
    coro_uncancel(task);
    ck_assert_int_eq(coro_join(task, NULL), 5);
    coro_release(future);
    return 0;
}

TASK_TEST(a_delivered_cancel_can_be_taken_back_but_not_undone)
{
    coro_task *task = spawn(sleeps, ARG(1000));
    passes(1);
    coro_cancel(task);
    ck_assert_int_eq(coro_uncancel(task), 0);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    coro_release(task);
    return 0;
}

/* --- Messages --------------------------------------------------------------------------------- */
TASK_TEST(the_message_of_the_latest_request_before_delivery_counts)
{
    coro_task *task = spawn(returns, NULL);
    coro_cancel_with(task, "first");
    coro_cancel_with(task, "second");
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "second");
    coro_release(task);
    return 0;
}

TASK_TEST(the_message_of_a_cancel_on_its_way_is_kept)
{
    coro_task *task = spawn(forever, NULL);
    passes(1);
    char text[] = "first";
    coro_cancel_with(task, text);
    memset(text, '-', sizeof text - 1);
    coro_cancel_with(task, "second");
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "first");
    ck_assert_str_eq(coro_error_message(self()), "first");
    coro_release(task);
    return 0;
}

TASK_TEST(a_cancel_without_a_message_has_the_systems_text)
{
    coro_task *task = spawn(forever, NULL);
    passes(1);
    coro_cancel(task);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), strerror(ECANCELED));
    coro_release(task);
    return 0;
}

TASK_TEST(a_null_message_is_none)
{
    coro_task *task = spawn(forever, NULL);
    passes(1);
    ck_assert(coro_cancel_with(task, NULL));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), strerror(ECANCELED));
    coro_release(task);
    return 0;
}

/* --- Who cancels ------------------------------------------------------------------------------ */
static void cancel_other(coro_task *task, void *other)
{
    ck_assert(coro_cancel((coro_task *)other));
}

TASK_TEST(a_callback_may_cancel_a_task)
{
    coro_task *first = spawn(returns, NULL), *other = spawn(forever, NULL);
    coro_add_done_callback(first, cancel_other, other);
    ck_assert_int_eq(coro_await(other, NULL), -ECANCELED);
    coro_release(first);
    coro_release(other);
    return 0;
}

static int cancels(void *task)
{
    coro_cancel((coro_task *)task);
    return 0;
}

TASK_TEST(two_tasks_may_cancel_one)
{
    coro_task *task = spawn(counts_cancels, NULL);
    coro_task *a = spawn(cancels, task), *b = spawn(cancels, task);
    ck_assert_int_eq(coro_await(task, NULL), 1);
    ck_assert_int_eq(coro_cancelling(task), 2);
    coro_release(a);
    coro_release(b);
    coro_release(task);
    return 0;
}

static int cancelled_main(void *arg)
{
    coro_release(spawn(cancels, self()));
    return coro_sleep(CORO_SECOND);
}

START_TEST(a_cancelled_main_task_ends_the_run_with_ECANCELED)
{
    ck_assert_int_eq(run_test(cancelled_main, NULL), -ECANCELED);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_sleeping_task_is_cancelled,
        a_task_that_has_ended_is_not_cancelled,
        a_task_cancelled_before_its_first_step_never_starts,
        many_requests_before_delivery_are_one_cancel,
        a_task_may_swallow_a_cancel_and_go_on,
        a_cancelled_yield_says_so,
        a_cancel_between_the_end_of_what_is_awaited_and_the_wake_up_wins,
        a_future_and_its_waiter_cancelled_in_one_pass_are_one_cancel,
        a_task_that_cancels_itself_and_returns_is_cancelled,
        a_task_that_cancels_itself_and_fails_has_failed,
        a_task_that_cancels_itself_gets_it_from_its_next_suspension_only,
        a_task_that_cancels_itself_hands_it_on_to_what_it_then_awaits,
        awaiting_what_is_done_is_no_cancellation_point,
        an_awaited_task_is_cancelled_with_its_waiter,
        a_waiter_gets_the_result_of_an_awaited_task_that_refuses,
        a_waiter_gets_the_error_of_an_awaited_task_that_fails_at_its_cancel,
        cancelling_the_awaited_task_does_not_count_for_the_waiter,
        a_waiter_waits_until_the_cancelled_task_has_cleaned_up,
        an_awaited_task_that_has_not_started_never_does,
        a_cancel_goes_through_a_chain_of_100000_links,
        a_ring_of_any_size_is_cancelled,
        a_cancel_comes_down_both_sides_of_a_diamond,
        diamonds_upon_diamonds_are_cancelled_in_time,
        uncancel_stops_at_zero,
        a_request_that_was_taken_back_is_not_delivered,
        a_count_that_is_taken_back_before_the_first_step_lets_the_task_run,
        a_request_taken_back_before_the_wake_up_leaves_the_result,
        a_delivered_cancel_can_be_taken_back_but_not_undone,
        the_message_of_the_latest_request_before_delivery_counts,
        the_message_of_a_cancel_on_its_way_is_kept,
        a_cancel_without_a_message_has_the_systems_text,
        a_null_message_is_none,
        a_callback_may_cancel_a_task,
        two_tasks_may_cancel_one,
        a_cancelled_main_task_ends_the_run_with_ECANCELED,
        NULL,
    };
    return run_suite("cancel", tests);
}
