/* SPDX-License-Identifier: MIT */
/* What CPython's cases show of cancelling a task: its counts, its texts, and what it reaches. */
#include "support.h"

/* CPython, does not apply: an error has no traceback:
 * test_tasks.BaseTaskTests.test_cancel_traceback_for_future_result
 * test_tasks.BaseTaskTests.test_cancel_traceback_for_future_exception */

static coro_task *self(void)
{
    return coro_current_task();
}

static void expect_cancelled(coro_task *task)
{
    ck_assert(coro_done(task));
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_result(task, NULL), -ECANCELED);
    ck_assert(!coro_cancel(task));
}

/* --- Counting --------------------------------------------------------------------------------- */
/* CPython: test_tasks.BaseTaskTests.test_cancelling */
TASK_TEST(every_request_counts_and_says_yes_until_the_task_has_ended)
{
    coro_task *task = spawn(sleeps, ARG(10000));
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert(coro_cancel(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert(coro_cancel(task));
    ck_assert_int_eq(coro_cancelling(task), 2);
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    expect_cancelled(task);
    ck_assert_int_eq(coro_cancelling(task), 2);
    coro_release(task);
    return 0;
}

static int takes_the_first_cancel_back(void *arg)
{
    ck_assert_int_eq(coro_sleep(10 * CORO_SECOND), -ECANCELED);
    ck_assert_int_eq(coro_uncancel(self()), 0);
    return coro_sleep(10 * CORO_SECOND);
}

/* CPython: test_tasks.BaseTaskTests.test_uncancel_basic */
TASK_TEST(a_task_that_takes_a_cancel_back_can_be_cancelled_again)
{
    coro_task *task = spawn(takes_the_first_cancel_back, NULL);
    coro_sleep(10 * CORO_MILLISECOND);
    ck_assert(coro_cancel(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert(!coro_cancelled(task));
    coro_sleep(10 * CORO_MILLISECOND);
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert(!coro_done(task));
    ck_assert(coro_cancel(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_now(), 20 * CORO_MILLISECOND);
    expect_cancelled(task);
    ck_assert_int_eq(coro_uncancel(task), 0); /* too late to change anything */
    expect_cancelled(task);
    coro_release(task);
    return 0;
}

/* A time limit made by hand: the rules that every one has to follow. */
struct limit {
    coro_task *task;
    bool timed_out;
};

static void on_limit(void *arg)
{
    struct limit *limit = arg;
    limit->timed_out = true;
    ck_assert(coro_cancel(limit->task));
}

struct request {
    coro_duration takes, limit;
    bool timed_out, block_finished, outer_reached;
};

static int limited(struct request *request)
{
    struct limit limit = {.task = self()};
    coro_handle handle;
    ck_assert_int_eq(coro_call_later(request->limit, on_limit, &limit, &handle), 0);
    const int rc = coro_sleep(request->takes);
    request->block_finished = rc == 0;
    ck_assert_int_eq(coro_handle_cancel(&handle), !limit.timed_out);
    request->timed_out = limit.timed_out;
    if (limit.timed_out && coro_uncancel(self()) == 0 && rc == -ECANCELED)
        return -ETIMEDOUT;
    return rc;
}

static int makes_request(void *arg)
{
    struct request *request = arg;
    const int rc = limited(request);
    if (rc < 0 && rc != -ETIMEDOUT)
        return rc;
    request->outer_reached = true;
    return coro_yield();
}

/* CPython: test_tasks.BaseTaskTests.test_uncancel_structured_blocks */
TASK_TEST(a_cancel_that_a_block_takes_back_does_not_leave_the_block)
{
    struct request slow = {.takes = 10 * CORO_SECOND, .limit = 100 * CORO_MILLISECOND};
    coro_task *task = spawn(makes_request, &slow);
    ck_assert_int_eq(coro_await(task, NULL), 0);
    ck_assert(slow.timed_out);
    ck_assert(!slow.block_finished);
    ck_assert(slow.outer_reached);
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    coro_release(task);

    struct request quick = {.takes = 0, .limit = 10 * CORO_SECOND};
    task = spawn(makes_request, &quick);
    ck_assert_int_eq(coro_await(task, NULL), 0);
    ck_assert(!quick.timed_out);
    ck_assert(quick.block_finished);
    ck_assert(quick.outer_reached);
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    coro_release(task);
    return 0;
}

static int awaits_and_returns_42(void *future)
{
    const int rc = coro_await((coro_future *)future, NULL);
    return rc < 0 ? rc : 42;
}

/* CPython: test_tasks.BaseTaskTests.test_uncancel_resets_must_cancel */
TASK_TEST(a_request_taken_back_before_a_ready_task_runs_never_was)
{
    coro_future *future = coro_create_future();
    coro_task *task = spawn(awaits_and_returns_42, future);
    passes(1);
    ck_assert_int_eq(coro_set_result(future, 0, NULL), 0);
    ck_assert(coro_cancel(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert_int_eq(coro_uncancel(task), 0);
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert_int_eq(coro_await(task, NULL), 42);
    ck_assert(!coro_cancelled(task));
    coro_release(task);
    coro_release(future);
    return 0;
}

/* --- Texts ------------------------------------------------------------------------------------ */
/* CPython: test_tasks.BaseTaskTests.test_task_cancel_message_getter */
TASK_TEST(the_text_of_a_cancel_reaches_whoever_awaits_the_task)
{
    coro_task *task = spawn(returns, NULL);
    ck_assert_ptr_null(coro_error_message(task));
    ck_assert(coro_cancel_with(task, "my message"));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "my message");
    ck_assert_str_eq(coro_error_message(self()), "my message");
    coro_release(task);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_task_cancel_message_setter */
TASK_TEST(the_text_of_a_cancel_can_be_replaced_before_the_task_runs)
{
    coro_task *task = spawn(returns, NULL);
    ck_assert(coro_cancel_with(task, "my message"));
    ck_assert(coro_cancel_with(task, "my new message"));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "my new message");
    ck_assert_str_eq(coro_error_message(self()), "my new message");
    coro_release(task);
    return 0;
}

struct cancel {
    bool plain; /* by coro_cancel() */
    bool started;
    const char *message;
    coro_task *task;
};

/* A task that was cancelled so, and waited for. */
static void cancel_and_wait(struct cancel *cancel)
{
    cancel->task = spawn(sleeps, ARG(10000));
    if (cancel->started)
        passes(1);
    ck_assert(cancel->plain ? coro_cancel(cancel->task)
                            : coro_cancel_with(cancel->task, cancel->message));
    ck_assert_int_eq(coro_wait(&cancel->task, 1, CORO_ALL_COMPLETED, CORO_FOREVER), 1);
}

static const struct cancel cancels[] = {{.plain = true, .started = true},
                                        {.started = true},
                                        {.started = true, .message = "my message"},
                                        {.message = "my message"}};
enum { CANCELS = sizeof cancels / sizeof cancels[0] };

static const char *text_of(const struct cancel *cancel)
{
    return cancel->message ? cancel->message : strerror(ECANCELED);
}

TASK_TEST(the_text_of_a_cancel_can_be_read_after_a_wait)
{
    for (int i = 0; i < CANCELS; i++) {
        struct cancel cancel = cancels[i];
        cancel_and_wait(&cancel);
        ck_assert_str_eq(coro_error_message(cancel.task), text_of(&cancel));
        ck_assert_int_eq(coro_result(cancel.task, NULL), -ECANCELED);
        coro_release(cancel.task);
    }
    return 0;
}

static int ends_with_what_it_read(void *arg)
{
    cancel_and_wait((struct cancel *)arg);
    const int rc = coro_result(((struct cancel *)arg)->task, NULL);
    coro_release(((struct cancel *)arg)->task);
    return rc;
}

/* CPython: test_tasks.BaseTaskTests.test_cancel_with_message_then_future_result */
/* CPython: test_tasks.BaseTaskTests.test_cancel_with_message_then_future_exception */
/* CPython: test_tasks.BaseTaskTests.test_cancel_with_message_before_starting_task */
TASK_TEST(the_text_of_a_cancel_goes_with_a_result_that_is_read)
{
    for (int i = 0; i < CANCELS; i++) {
        struct cancel cancel = cancels[i];
        coro_task *task = spawn(ends_with_what_it_read, &cancel);
        ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
        ck_assert(coro_cancelled(task));
        ck_assert_int_eq(coro_cancelling(task), 0);
        ck_assert_str_eq(coro_error_message(task), text_of(&cancel));
        coro_release(task);
    }
    return 0;
}

static void cancel_with_msg(void *task)
{
    ck_assert(coro_cancel_with((coro_task *)task, "msg"));
}

static int settles_and_sleeps(void *future)
{
    ck_assert_int_eq(coro_set_result((coro_future *)future, 0, NULL), 0);
    return coro_sleep(10 * CORO_SECOND);
}

static int turns_a_cancel_into_a_failure(void *arg)
{
    coro_future *future = coro_create_future();
    coro_task *inner = spawn(settles_and_sleeps, future);
    ck_assert_int_eq(coro_join(future, NULL), 0);
    ck_assert_int_eq(coro_call_soon(cancel_with_msg, inner, NULL), 0);
    ck_assert_int_eq(coro_join(inner, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(self()), 0);
    trace("%s", coro_error_message(self()));
    return coro_fail(-EINVAL, "cancelled");
}

/* CPython: test_tasks.BaseTaskTests.test_cancellation_exception_context */
TASK_TEST(a_cancel_comes_with_its_text_and_can_become_a_failure_with_another)
{
    coro_task *task = spawn(turns_a_cancel_into_a_failure, NULL);
    ck_assert_int_eq(coro_await(task, NULL), -EINVAL);
    expect_trace("msg");
    ck_assert(!coro_cancelled(task));
    ck_assert_str_eq(coro_error_message(task), "cancelled");
    ck_assert_int_eq(coro_now(), 0);
    coro_release(task);
    return 0;
}

/* --- What it reaches -------------------------------------------------------------------------- */
static void cancel_it(void *task)
{
    ck_assert(coro_cancel((coro_task *)task));
}

static int sleeps_and_returns_12(void *arg)
{
    const int rc = coro_sleep(10 * CORO_SECOND);
    trace("%d", rc);
    return rc < 0 ? rc : 12;
}

/* CPython: test_tasks.BaseTaskTests.test_cancel */
TASK_TEST(a_callback_cancels_a_task_that_has_just_begun_to_sleep)
{
    coro_task *task = spawn(sleeps_and_returns_12, NULL);
    ck_assert_int_eq(coro_call_soon(cancel_it, task, NULL), 0);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    expect_cancelled(task);
    ck_assert_int_eq(coro_now(), 0);
    expect_trace("-125"); /* it had started */
    coro_release(task);
    return 0;
}

static int yields_twice_and_returns_12(void *arg)
{
    for (int i = 0; i < 2; i++) {
        const int rc = coro_yield();
        trace("%d", rc);
        if (rc < 0)
            return rc;
    }
    return 12;
}

/* CPython: test_tasks.BaseTaskTests.test_cancel_yield */
TASK_TEST(a_cancel_reaches_a_task_that_yields)
{
    coro_task *task = spawn(yields_twice_and_returns_12, NULL);
    passes(1);
    ck_assert(coro_cancel(task));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    expect_trace("-125");
    expect_cancelled(task);
    coro_release(task);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_cancel_inner_future */
TASK_TEST(cancelling_a_future_ends_the_task_that_awaits_it_cancelled)
{
    coro_future *future = coro_create_future();
    coro_task *task = spawn(awaits_and_returns_42, future);
    passes(1);
    ck_assert(coro_cancel(future));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(task), 0);
    expect_cancelled(future);
    expect_cancelled(task);
    coro_release(task);
    coro_release(future);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_cancel_both_task_and_inner_future */
TASK_TEST(cancelling_a_future_and_its_waiter_together_is_one_cancel)
{
    coro_future *future = coro_create_future();
    coro_task *task = spawn(awaits_and_returns_42, future);
    passes(1);
    ck_assert(coro_cancel(future));
    ck_assert(coro_cancel(task));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(task), 1);
    expect_cancelled(future);
    expect_cancelled(task);
    coro_release(task);
    coro_release(future);
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_task_cancel_waiter_future */
TASK_TEST(cancelling_a_task_cancels_the_future_that_it_awaits)
{
    coro_future *future = coro_create_future();
    coro_task *task = spawn(awaits, future);
    passes(1);
    ck_assert(coro_cancel(task));
    ck_assert(coro_cancelled(future)); /* at once */
    ck_assert(!coro_done(task));
    passes(1);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    expect_cancelled(task);
    coro_release(task);
    coro_release(future);
    return 0;
}

/* Futures that a task awaits one after the other. */
struct row {
    coro_future *futures[3];
};

static struct row row_of_3(void)
{
    struct row row;
    for (int i = 0; i < 3; i++)
        row.futures[i] = coro_create_future();
    return row;
}

static void release_row(const struct row *row)
{
    for (int i = 0; i < 3; i++)
        coro_release(row->futures[i]);
}

static int await_in_row(const struct row *row, int i)
{
    trace("%d", i);
    return coro_await(row->futures[i], NULL);
}

static int catches(void *row)
{
    ck_assert_int_eq(await_in_row(row, 0), 0);
    return await_in_row(row, 1) == -ECANCELED ? 42 : 0;
}

/* CPython: test_tasks.BaseTaskTests.test_cancel_task_catching */
TASK_TEST(a_task_that_catches_a_cancel_can_end_with_a_result)
{
    const struct row row = row_of_3();
    coro_task *task = spawn(catches, (void *)&row);
    passes(1);
    expect_trace("0");
    coro_set_result(row.futures[0], 0, NULL);
    passes(1);
    expect_trace("1");
    ck_assert(coro_cancel(task));
    ck_assert(coro_cancelled(row.futures[1]));
    ck_assert_int_eq(coro_await(task, NULL), 42);
    ck_assert(!coro_cancelled(task));
    ck_assert(!coro_cancelled(row.futures[0]));
    coro_release(task);
    release_row(&row);
    return 0;
}

static int ignores(void *row)
{
    ck_assert_int_eq(await_in_row(row, 0), 0);
    ck_assert_int_eq(await_in_row(row, 1), -ECANCELED);
    return await_in_row(row, 2);
}

/* CPython: test_tasks.BaseTaskTests.test_cancel_task_ignoring */
TASK_TEST(a_task_that_ignores_a_cancel_waits_on_undisturbed)
{
    const struct row row = row_of_3();
    coro_task *task = spawn(ignores, (void *)&row);
    passes(1);
    expect_trace("0");
    coro_set_result(row.futures[0], 0, NULL);
    passes(1);
    expect_trace("1");
    ck_assert(coro_cancel(task));
    ck_assert(coro_cancelled(row.futures[1]));
    passes(1);
    expect_trace("2");
    ck_assert(!coro_done(row.futures[2]));
    coro_set_result(row.futures[2], 42, NULL);
    ck_assert_int_eq(coro_await(task, NULL), 42);
    ck_assert(!coro_cancelled(row.futures[2]));
    ck_assert(!coro_cancelled(task));
    coro_release(task);
    release_row(&row);
    return 0;
}

/* --- Of oneself ------------------------------------------------------------------------------- */
static int cancels_itself_and_sleeps(void *arg)
{
    ck_assert(coro_cancel(self()));
    ck_assert(!coro_cancelled(self()));
    const int rc = coro_sleep(100 * CORO_SECOND);
    return rc < 0 ? rc : 12;
}

/* CPython: test_tasks.BaseTaskTests.test_cancel_current_task */
TASK_TEST(a_task_that_cancelled_itself_does_not_begin_to_sleep)
{
    coro_task *task = spawn(cancels_itself_and_sleeps, NULL);
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_now(), 0);
    expect_cancelled(task);
    coro_release(task);
    return 0;
}

static int cancels_itself_and_returns_12(void *arg)
{
    ck_assert(coro_cancel(self()));
    return 12;
}

/* CPython: test_tasks.BaseTaskTests.test_cancel_at_end */
TASK_TEST(a_task_that_cancels_itself_last_of_all_ends_cancelled)
{
    coro_task *task = spawn(cancels_itself_and_returns_12, NULL);
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    expect_cancelled(task);
    coro_release(task);
    return 0;
}

struct nest {
    coro_future *future;
    coro_task *inner;
};

static int cancels_itself_and_awaits_another(void *arg)
{
    struct nest *nest = arg;
    nest->inner = spawn(awaits, nest->future);
    passes(1);
    ck_assert(coro_cancel(self()));
    ck_assert(!coro_done(nest->future)); /* the request waits for the next wait */
    return coro_await(nest->inner, NULL);
}

/* CPython: test_tasks.BaseTaskTests.test_cancel_awaited_task */
TASK_TEST(a_cancel_of_oneself_goes_on_to_all_that_is_awaited_next)
{
    struct nest nest = {.future = coro_create_future()};
    coro_task *task = spawn(cancels_itself_and_awaits_another, &nest);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    expect_cancelled(task);
    expect_cancelled(nest.inner);
    expect_cancelled(nest.future);
    coro_release(task);
    coro_release(nest.inner);
    coro_release(nest.future);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        every_request_counts_and_says_yes_until_the_task_has_ended,
        a_task_that_takes_a_cancel_back_can_be_cancelled_again,
        a_cancel_that_a_block_takes_back_does_not_leave_the_block,
        a_request_taken_back_before_a_ready_task_runs_never_was,
        the_text_of_a_cancel_reaches_whoever_awaits_the_task,
        the_text_of_a_cancel_can_be_replaced_before_the_task_runs,
        the_text_of_a_cancel_can_be_read_after_a_wait,
        a_cancel_comes_with_its_text_and_can_become_a_failure_with_another,
        a_callback_cancels_a_task_that_has_just_begun_to_sleep,
        a_cancel_reaches_a_task_that_yields,
        cancelling_a_future_ends_the_task_that_awaits_it_cancelled,
        cancelling_a_future_and_its_waiter_together_is_one_cancel,
        cancelling_a_task_cancels_the_future_that_it_awaits,
        a_task_that_catches_a_cancel_can_end_with_a_result,
        a_task_that_ignores_a_cancel_waits_on_undisturbed,
        a_task_that_cancelled_itself_does_not_begin_to_sleep,
        a_task_that_cancels_itself_last_of_all_ends_cancelled,
        a_cancel_of_oneself_goes_on_to_all_that_is_awaited_next,
        the_text_of_a_cancel_goes_with_a_result_that_is_read,
        NULL,
    };
    /* Not yet: coro_result() does not give the text on. */
    return run_suite("asyncio_tasks_cancel", tests);
}
