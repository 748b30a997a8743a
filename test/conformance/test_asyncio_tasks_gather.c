/* SPDX-License-Identifier: MIT */
/*
 * asyncio's cases for gather(). Most are shown twice: with futures, and with tasks that wait for
 * these futures.
 */
#include "support.h"

#include <pthread.h>
#include <stdio.h>

/* CPython, does not apply: the only loop of a thread is the one that runs:
 * test_tasks.FutureGatherTests.test_constructor_empty_sequence_use_global_loop
 * test_tasks.CoroutineGatherTests.test_constructor_use_global_loop */

enum { MOST = 6 };

/* Something to gather: futures, and what waits for them. */
struct family {
    size_t n;
    unsigned flags;
    coro_future *futures[MOST];
    coro_task *children[MOST];
};

enum kind { FUTURES, TASKS, KINDS };

static void family_begin(struct family *family, enum kind kind, size_t n, unsigned flags)
{
    *family = (struct family){.n = n, .flags = flags};
    for (size_t i = 0; i < n; i++) {
        coro_future *future = coro_create_future();
        family->futures[i] = future;
        family->children[i] = kind == TASKS ? spawn(awaits, future) : coro_retain(future);
    }
}

static void family_end(struct family *family)
{
    for (size_t i = 0; i < family->n; i++) {
        coro_release(family->futures[i]);
        coro_release(family->children[i]);
    }
}

/* Its result is not the gather's: a cancel that comes from a child must not end it cancelled. */
static int gathers(void *arg)
{
    const struct family *family = arg;
    const int rc = coro_gather(family->children, family->n, family->flags);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    trace("gathered:%d", rc);
    return -rc;
}

static int gathers_for_good(void *arg)
{
    const struct family *family = arg;
    const int rc = coro_gather(family->children, family->n, family->flags);
    if (rc == 0)
        trace("gathered");
    return rc;
}

static coro_task *spawn_gather(struct family *family)
{
    coro_task *task = spawn(gathers, family);
    ck_assert_int_eq(coro_add_done_callback(task, trace_done, (void *)"done"), 0);
    return task;
}

/* The trace of one that spawn_gather() has made. */
static void expect_gathered(int rc)
{
    char expected[32];
    snprintf(expected, sizeof expected, "gathered:%d done", rc);
    expect_trace(expected);
}

static int result_of(const struct family *family, size_t i)
{
    return coro_result(family->children[i], NULL);
}

/* More than it takes for anything to get through. */
static void until_idle(void)
{
    passes(6);
}

/* --- Results ---------------------------------------------------------------------------------- */
static void check_success(enum kind kind, unsigned flags)
{
    struct family abc;
    family_begin(&abc, kind, 3, flags);
    coro_task *gather = spawn_gather(&abc);
    coro_set_result(abc.futures[1], 1, NULL);
    coro_set_result(abc.futures[0], 2, NULL);
    until_idle();
    ck_assert(!coro_done(gather));
    expect_trace("");
    coro_set_result(abc.futures[2], 3, NULL);
    until_idle();
    expect_gathered(0);
    ck_assert_int_eq(result_of(&abc, 0), 2);
    ck_assert_int_eq(result_of(&abc, 1), 1);
    ck_assert_int_eq(result_of(&abc, 2), 3);
    coro_release(gather);
    family_end(&abc);
}

/* CPython: test_tasks.GatherTestsBase.test_success */
TASK_TEST(it_ends_with_the_last_child_and_each_has_its_result)
{
    for (enum kind kind = FUTURES; kind < KINDS; kind++)
        check_success(kind, 0);
    return 0;
}

/* CPython: test_tasks.GatherTestsBase.test_result_exception_success */
TASK_TEST(without_errors_the_flag_makes_no_difference)
{
    for (enum kind kind = FUTURES; kind < KINDS; kind++)
        check_success(kind, CORO_RETURN_EXCEPTIONS);
    return 0;
}

/* What comes after the gather has ended changes nothing, and the last error is not reported. */
static void settle_the_rest(struct family *abcde, coro_task *gather)
{
    const int result = coro_result(gather, NULL);
    ck_assert_int_eq(coro_set_result(abcde->futures[2], 3, NULL), 0);
    ck_assert(coro_cancel(abcde->futures[3]));
    ck_assert_int_eq(coro_set_error(abcde->futures[4], -EPIPE, "too late"), 0);
    until_idle();
    expect_trace("");
    ck_assert_int_eq(coro_result(gather, NULL), result);
    ck_assert_int_eq(result_of(abcde, 2), 3);
    ck_assert(coro_cancelled(abcde->children[3]));
}

/* CPython: test_tasks.GatherTestsBase.test_one_exception */
TASK_TEST(the_first_error_ends_it)
{
    for (enum kind kind = FUTURES; kind < KINDS; kind++) {
        struct family abcde;
        family_begin(&abcde, kind, 5, 0);
        coro_task *gather = spawn_gather(&abcde);
        until_idle();
        coro_set_result(abcde.futures[0], 1, NULL);
        coro_set_error(abcde.futures[1], -EDOM, "divided by zero");
        until_idle();
        ck_assert_int_eq(coro_result(gather, NULL), EDOM);
        expect_gathered(-EDOM);
        ck_assert_str_eq(coro_error_message(abcde.children[1]), "divided by zero");
        ck_assert(!coro_done(abcde.children[2]));
        settle_the_rest(&abcde, gather);
        coro_release(gather);
        family_end(&abcde);
    }
    return 0;
}

/* CPython: test_tasks.GatherTestsBase.test_return_exceptions */
TASK_TEST(with_the_flag_errors_are_results)
{
    for (enum kind kind = FUTURES; kind < KINDS; kind++) {
        struct family abcd;
        family_begin(&abcd, kind, 4, CORO_RETURN_EXCEPTIONS);
        coro_task *gather = spawn_gather(&abcd);
        coro_set_result(abcd.futures[1], 1, NULL);
        coro_set_error(abcd.futures[2], -EDOM, "divided by zero");
        coro_set_result(abcd.futures[0], 3, NULL);
        until_idle();
        ck_assert(!coro_done(gather));
        expect_trace("");
        coro_set_error(abcd.futures[3], -EPIPE, "broken");
        until_idle();
        expect_gathered(0);
        ck_assert_int_eq(result_of(&abcd, 0), 3);
        ck_assert_int_eq(result_of(&abcd, 1), 1);
        ck_assert_int_eq(result_of(&abcd, 2), -EDOM);
        ck_assert_int_eq(result_of(&abcd, 3), -EPIPE);
        ck_assert_str_eq(coro_error_message(abcd.children[2]), "divided by zero");
        ck_assert_str_eq(coro_error_message(abcd.children[3]), "broken");
        coro_release(gather);
        family_end(&abcd);
    }
    return 0;
}

static int marks_after(void *future)
{
    const int rc = coro_await((coro_future *)future, NULL);
    if (rc < 0)
        return rc;
    trace("fails");
    return coro_fail(-EIO, "must not be lost");
}

/* CPython: test_tasks.CoroutineGatherTests.test_exception_marking */
TASK_TEST(an_error_after_the_first_counts_as_read)
{
    coro_future *a = coro_create_future(), *b = coro_create_future();
    struct family inners = {.n = 2, .children = {spawn(marks_after, a), spawn(marks_after, b)}};
    coro_task *outer = spawn(gathers_for_good, &inners);
    passes(1);
    coro_set_result(a, 0, NULL);
    until_idle();
    ck_assert_int_eq(coro_result(outer, NULL), -EIO);
    ck_assert(!coro_done(inners.children[1]));
    coro_set_result(b, 0, NULL);
    until_idle();
    ck_assert(coro_done(inners.children[1]));
    ck_assert_int_eq(coro_result(outer, NULL), -EIO);
    ck_assert_str_eq(coro_error_message(outer), "must not be lost");
    expect_trace("fails fails");
    family_end(&inners);
    ck_assert_uint_eq(logged(), 0);
    coro_release(outer);
    coro_release(a);
    coro_release(b);
    return 0;
}

/* --- Cancelled children ----------------------------------------------------------------------- */
/* CPython: test_tasks.FutureGatherTests.test_one_cancellation */
TASK_TEST(a_cancelled_child_ends_it_like_an_error_and_the_caller_is_not_cancelled)
{
    for (enum kind kind = FUTURES; kind < KINDS; kind++) {
        struct family abcde;
        family_begin(&abcde, kind, 5, 0);
        coro_task *gather = spawn_gather(&abcde);
        until_idle();
        coro_set_result(abcde.futures[0], 1, NULL);
        ck_assert(coro_cancel(abcde.futures[1]));
        until_idle();
        ck_assert(coro_done(gather));
        ck_assert(!coro_cancelled(gather));
        ck_assert_int_eq(coro_result(gather, NULL), ECANCELED);
        ck_assert_int_eq(coro_cancelling(gather), 0);
        expect_gathered(-ECANCELED);
        for (int i = 2; i < 5; i++)
            ck_assert(!coro_done(abcde.children[i]));
        settle_the_rest(&abcde, gather);
        coro_release(gather);
        family_end(&abcde);
    }
    return 0;
}

/* CPython: test_tasks.FutureGatherTests.test_result_exception_one_cancellation */
TASK_TEST(with_the_flag_cancels_are_results)
{
    for (enum kind kind = FUTURES; kind < KINDS; kind++) {
        static const int expected[] = {1, -EDOM, -ECANCELED, 3, -ECANCELED, -EPIPE};
        struct family all;
        family_begin(&all, kind, 6, CORO_RETURN_EXCEPTIONS);
        coro_task *gather = spawn_gather(&all);
        coro_set_result(all.futures[0], 1, NULL);
        coro_set_error(all.futures[1], -EDOM, "divided by zero");
        ck_assert(coro_cancel(all.futures[2]));
        until_idle();
        ck_assert(!coro_done(gather));
        coro_set_result(all.futures[3], 3, NULL);
        ck_assert(coro_cancel(all.futures[4]));
        coro_set_error(all.futures[5], -EPIPE, "broken");
        ck_assert_int_eq(coro_await(gather, NULL), 0);
        expect_gathered(0);
        for (size_t i = 0; i < 6; i++) {
            ck_assert_int_eq(result_of(&all, i), expected[i]);
            ck_assert_int_eq(coro_cancelled(all.children[i]), expected[i] == -ECANCELED);
        }
        coro_release(gather);
        family_end(&all);
    }
    return 0;
}

/* --- A cancelled caller ----------------------------------------------------------------------- */
static int traces_its_result(void *future)
{
    const int rc = coro_await((coro_future *)future, NULL);
    trace("%s", rc < 0 ? "stopped" : "result");
    return rc;
}

/* CPython: test_tasks.CoroutineGatherTests.test_cancellation_broadcast */
TASK_TEST(a_cancel_of_the_caller_reaches_every_child)
{
    coro_future *waiter = coro_create_future();
    struct family inners = {
        .n = 2, .children = {spawn(traces_its_result, waiter), spawn(traces_its_result, waiter)}};
    coro_task *outer = spawn(gathers_for_good, &inners);
    passes(1);
    ck_assert(coro_cancel(outer));
    ck_assert(!coro_done(outer));
    ck_assert_int_eq(coro_await(outer, NULL), -ECANCELED);
    ck_assert(!coro_cancel(outer));
    ck_assert_int_eq(coro_cancelling(outer), 1);
    ck_assert(coro_cancelled(waiter));
    for (int i = 0; i < 2; i++) {
        ck_assert(coro_cancelled(inners.children[i]));
        ck_assert_int_eq(coro_cancelling(inners.children[i]), 1);
    }
    until_idle();
    expect_trace("stopped stopped");
    family_end(&inners);
    coro_release(outer);
    coro_release(waiter);
    return 0;
}

static void cancels_when_done(coro_task *future, void *caller)
{
    trace("cancel:%d", coro_cancel((coro_task *)caller));
}

/* In asyncio it is the future that refuses; a task that awaits it is cancelled there, too. */
/* CPython: test_tasks.BaseTaskTests.test_cancel_gather_1 */
TASK_TEST(a_cancel_after_the_last_child_has_ended_comes_too_late_for_the_gathering)
{
    struct family one;
    family_begin(&one, TASKS, 1, 0);
    coro_task *caller = spawn(gathers_for_good, &one);
    passes(1);
    /* Behind the wake-up of the child, which so has ended when this is called. */
    coro_add_done_callback(one.futures[0], cancels_when_done, caller);
    coro_set_result(one.futures[0], 42, NULL);
    ck_assert_int_eq(coro_await(caller, NULL), -ECANCELED);
    expect_trace("cancel:1");
    ck_assert_int_eq(coro_cancelling(one.children[0]), 0);
    ck_assert(!coro_cancelled(one.children[0]));
    ck_assert_int_eq(result_of(&one, 0), 42);
    coro_release(caller);
    family_end(&one);
    return 0;
}

static int gathers_naps(void *arg)
{
    for (int i = 0; i < 20; i++) {
        coro_task *nap = spawn(sleeps, ARG(50));
        const int rc = coro_gather(&nap, 1, CORO_RETURN_EXCEPTIONS);
        const int of_nap = coro_result(nap, NULL);
        coro_release(nap);
        if (rc < 0) {
            trace("%d:%s", i, of_nap == -ECANCELED ? "cancelled" : "?");
            return rc;
        }
    }
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_cancel_gather_2 */
TASK_TEST(with_the_flag_a_cancel_of_the_caller_is_no_result_and_keeps_its_text)
{
    static const char *const texts[] = {NULL, "", "my message"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const coro_time before = coro_now();
        coro_task *task = spawn(gathers_naps, NULL);
        ck_assert_int_eq(coro_sleep(180 * CORO_MILLISECOND), 0);
        ck_assert(texts[i] ? coro_cancel_with(task, texts[i]) : coro_cancel(task));
        ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
        ck_assert(coro_cancelled(task));
        ck_assert_int_eq(coro_now() - before, 180 * CORO_MILLISECOND);
        expect_trace("3:cancelled");
        ck_assert_str_eq(coro_error_message(task), texts[i] ? texts[i] : strerror(ECANCELED));
        ck_assert_pstr_eq(coro_error_message(coro_current_task()), texts[i]);
        coro_release(task);
    }
    return 0;
}

/* --- What is gathered, and where -------------------------------------------------------------- */
static int keeps_futures(void *arg)
{
    struct family *family = arg;
    family_begin(family, FUTURES, 2, 0);
    coro_set_result(family->futures[1], 0, NULL);
    return coro_yield();
}

/* CPython: test_tasks.FutureGatherTests.test_constructor_empty_sequence_without_loop
 * test_tasks.CoroutineGatherTests.test_constructor_without_loop */
START_TEST(nothing_is_gathered_outside_a_loop)
{
    struct family left = {0};
    ck_assert_int_eq(coro_gather(NULL, 0, 0), -EPERM);
    ck_assert_int_eq(coro_gather(NULL, 0, CORO_RETURN_EXCEPTIONS), -EPERM);
    ck_assert_int_eq(run_test(keeps_futures, &left), 0);
    ck_assert_int_eq(coro_gather(left.children, 2, 0), -EPERM);
    ck_assert_int_eq(coro_gather(left.children + 1, 1, 0), -EPERM);
    ck_assert_int_eq(coro_gather(NULL, 0, 0), -EPERM);
    family_end(&left);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* CPython: test_tasks.FutureGatherTests.test_constructor_homogenous_futures */
TASK_TEST(the_same_children_can_be_gathered_twice)
{
    struct family abc;
    family_begin(&abc, FUTURES, 3, 0);
    coro_task *first = spawn_gather(&abc);
    until_idle();
    ck_assert(!coro_done(first));
    coro_task *second = spawn_gather(&abc);
    until_idle();
    ck_assert(!coro_done(first));
    ck_assert(!coro_done(second));
    for (int i = 0; i < 3; i++)
        coro_set_result(abc.futures[i], i, NULL);
    until_idle();
    expect_trace("gathered:0 gathered:0 done done");
    coro_release(first);
    coro_release(second);
    family_end(&abc);
    return 0;
}

struct exchange {
    coro_future *foreign;
    int rc, rc_reversed;
};

static int gathers_mixed(void *arg)
{
    struct exchange *exchange = arg;
    coro_task *own = spawn(returns, ARG(5));
    coro_future *mixed[] = {own, exchange->foreign}, *reversed[] = {exchange->foreign, own};
    exchange->rc = coro_gather(mixed, 2, 0);
    exchange->rc_reversed = coro_gather(reversed, 2, CORO_RETURN_EXCEPTIONS);
    const bool has_run = coro_done(own);
    const int result = coro_join(own, NULL);
    return has_run ? -EBUSY : result;
}

static void *runs_another_loop(void *exchange)
{
    const coro_run_options options = {.virtual_clock = true};
    return ARG(coro_run_with(&options, gathers_mixed, exchange));
}

/* CPython: test_tasks.FutureGatherTests.test_constructor_heterogenous_futures */
TASK_TEST(futures_of_two_loops_are_not_gathered_together)
{
    pthread_t thread;
    void *rc = NULL;
    struct exchange exchange = {.foreign = coro_create_future()};
    ck_assert_int_eq(pthread_create(&thread, NULL, runs_another_loop, &exchange), 0);
    ck_assert_int_eq(pthread_join(thread, &rc), 0);
    ck_assert_int_eq(NUMBER(rc), 5);
    ck_assert_int_eq(exchange.rc, -EXDEV);
    ck_assert_int_eq(exchange.rc_reversed, -EXDEV);
    ck_assert(!coro_done(exchange.foreign));
    coro_release(exchange.foreign);
    return 0;
}

static int runs;

static int returns_text(void *text)
{
    runs++;
    return coro_return(text);
}

static const char *text_of(coro_task *task)
{
    void *text = NULL;
    ck_assert_int_eq(coro_result(task, &text), 0);
    return text;
}

/* CPython: test_tasks.CoroutineGatherTests.test_constructor_use_running_loop */
TASK_TEST(new_tasks_are_gathered_in_the_loop_that_runs)
{
    coro_task *tasks[] = {spawn(returns_text, (void *)"abc"), spawn(returns_text, (void *)"abc")};
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 3);
    ck_assert_int_eq(coro_gather(tasks, 2, 0), 0);
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(text_of(tasks[i]), "abc");
        coro_release(tasks[i]);
    }
    return 0;
}

/* CPython: test_tasks.CoroutineGatherTests.test_duplicate_coroutines */
TASK_TEST(a_task_in_several_places_runs_once_and_has_its_result_in_each)
{
    static const char *const expected[] = {"abc", "abc", "def", "abc"};
    coro_task *c = spawn(returns_text, (void *)"abc"), *other = spawn(returns_text, (void *)"def");
    coro_task *tasks[] = {c, c, other, c};
    ck_assert_int_eq(coro_gather(tasks, 4, 0), 0);
    ck_assert_int_eq(runs, 2);
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(text_of(tasks[i]), expected[i]);
    coro_release(other);

    tasks[2] = spawn(sleeps, ARG(1000)); /* those that have ended count once, too */
    ck_assert_int_eq(coro_gather(tasks, 4, 0), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_int_eq(runs, 2);
    coro_release(tasks[2]);
    coro_release(c);
    return 0;
}

/* CPython: test_tasks.CoroutineGatherTests.test_issue46672 */
TASK_TEST(a_gather_that_is_refused_leaves_the_tasks_alone)
{
    coro_task *good = spawn(returns_text, (void *)"abc"), *bad = spawn(returns, ARG(-EIO));
    coro_task *tasks[] = {good, bad, coro_current_task()};
    ck_assert_int_eq(coro_gather(tasks, 3, 0), -EDEADLK);
    ck_assert_int_eq(coro_gather(tasks, 2, ~0u), -EINVAL);
    ck_assert(!coro_done(good));
    until_idle();
    ck_assert_str_eq(text_of(good), "abc");
    ck_assert_int_eq(coro_cancelling(good), 0);
    ck_assert_uint_eq(logged(), 0);
    coro_release(good);
    coro_release(bad); /* nobody has read it */
    expect_log(CORO_LOG_NEVER_RETRIEVED, -EIO, "entry: returns");
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        it_ends_with_the_last_child_and_each_has_its_result,
        without_errors_the_flag_makes_no_difference,
        the_first_error_ends_it,
        with_the_flag_errors_are_results,
        an_error_after_the_first_counts_as_read,
        a_cancelled_child_ends_it_like_an_error_and_the_caller_is_not_cancelled,
        with_the_flag_cancels_are_results,
        a_cancel_of_the_caller_reaches_every_child,
        a_cancel_after_the_last_child_has_ended_comes_too_late_for_the_gathering,
        with_the_flag_a_cancel_of_the_caller_is_no_result_and_keeps_its_text,
        nothing_is_gathered_outside_a_loop,
        the_same_children_can_be_gathered_twice,
        futures_of_two_loops_are_not_gathered_together,
        new_tasks_are_gathered_in_the_loop_that_runs,
        a_task_in_several_places_runs_once_and_has_its_result_in_each,
        a_gather_that_is_refused_leaves_the_tasks_alone,
        NULL,
    };
    return run_suite("asyncio_tasks_gather", tests);
}
