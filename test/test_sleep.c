/* SPDX-License-Identifier: MIT */
/* Sleeping and yielding: how long, in which order, and what a cancelled sleep leaves behind. */
#include "support.h"

TASK_TEST(a_sleep_takes_its_time)
{
    ck_assert_int_eq(coro_now(), 0);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_int_eq(coro_sleep(1), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND + 1);
    return 0;
}

TASK_TEST(sleeps_go_by_together)
{
    coro_task *tasks[] = {spawn(sleeps, ARG(1000)), spawn(sleeps, ARG(3000)),
                          spawn(sleeps, ARG(2000))};
    ck_assert_int_eq(coro_gather(tasks, 3, 0), 0);
    ck_assert_int_eq(coro_now(), 3 * CORO_SECOND);
    for (int i = 0; i < 3; i++)
        coro_release(tasks[i]);
    return 0;
}

static int steps(void *name)
{
    for (int i = 1; i <= 3; i++) {
        trace("%s%d", (const char *)name, i);
        passes(1);
    }
    return 0;
}

TASK_TEST(a_yield_lets_every_other_ready_task_run_once)
{
    coro_task *tasks[] = {spawn(steps, (void *)"a"), spawn(steps, (void *)"b"),
                          spawn(steps, (void *)"c")};
    ck_assert_int_eq(coro_gather(tasks, 3, 0), 0);
    expect_trace("a1 b1 c1 a2 b2 c2 a3 b3 c3");
    for (int i = 0; i < 3; i++)
        coro_release(tasks[i]);
    return 0;
}

static int yields_as(void *kind)
{
    const coro_duration none[] = {0, -1, -CORO_SECOND, INT64_MIN};
    for (int i = 0; i < 3; i++) {
        trace("%d", NUMBER(kind));
        ck_assert_int_eq(coro_sleep(none[NUMBER(kind)]), 0);
    }
    return 0;
}

TASK_TEST(a_sleep_of_nothing_is_a_yield)
{
    coro_task *tasks[4];
    for (int i = 0; i < 4; i++)
        tasks[i] = spawn(yields_as, ARG(i));
    ck_assert_int_eq(coro_gather(tasks, 4, 0), 0);
    expect_trace("0 1 2 3 0 1 2 3 0 1 2 3");
    ck_assert_int_eq(coro_now(), 0);
    for (int i = 0; i < 4; i++)
        coro_release(tasks[i]);
    return 0;
}

TASK_TEST(a_yield_alone_returns)
{
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(coro_yield(), 0);
    return 0;
}

struct nap {
    coro_duration length;
    const char *name;
};

static int naps(void *arg)
{
    const struct nap *nap = arg;
    const int rc = coro_sleep(nap->length);
    trace("%s", nap->name);
    return rc;
}

static void nap_all(struct nap *all, size_t n)
{
    coro_task *tasks[8];
    for (size_t i = 0; i < n; i++)
        tasks[i] = spawn(naps, &all[i]);
    ck_assert_int_eq(coro_gather(tasks, n, 0), 0);
    for (size_t i = 0; i < n; i++)
        coro_release(tasks[i]);
}

TASK_TEST(sleepers_wake_in_the_order_of_their_deadlines)
{
    struct nap all[] = {{30, "c"}, {10, "a"}, {40, "d"}, {20, "b"}};
    nap_all(all, 4);
    expect_trace("a b c d");
    return 0;
}

TASK_TEST(equal_deadlines_are_first_come_first_served)
{
    struct nap all[] = {{10, "a"}, {20, "x"}, {10, "b"}, {10, "c"},
                        {20, "y"}, {10, "d"}, {20, "z"}};
    nap_all(all, 7);
    expect_trace("a b c d x y z");
    return 0;
}

TASK_TEST(a_ready_task_runs_before_a_sleeper_that_is_due)
{
    /* Both are for the next pass; the timer only makes its task ready. */
    struct nap nap = {1, "timer"};
    coro_task *task = spawn(naps, &nap);
    passes(1);
    trace("ready");
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("ready timer");
    return 0;
}

static int deadline_of(void *arg)
{
    coro_sleep(CORO_FOREVER - 1);
    return 0;
}

TASK_TEST(a_cancelled_sleep_leaves_no_timer)
{
    coro_task *task = spawn(sleeps, ARG(1000 * 1000));
    passes(1);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    return 0;
}

static int cancelled_and_then_deadlocked(void *arg)
{
    coro_task *task = spawn(sleeps, ARG(1000));
    passes(1);
    coro_cancel(task);
    coro_join(task, NULL);
    return coro_sleep(CORO_FOREVER);
}

START_TEST(with_the_timer_of_a_cancelled_sleep_goes_the_last_thing_to_wait_for)
{
    ck_assert_int_eq(run_test(cancelled_and_then_deadlocked, NULL), -EDEADLK);
    forget_log();
}
END_TEST

TASK_TEST(a_sleep_is_cancelled_in_the_pass_in_which_it_is_due)
{
    coro_task *task = spawn(sleeps, ARG(1000));
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    /* Its timer has woken it too, but it has not run. */
    ck_assert(!coro_done(task));
    ck_assert(coro_cancel(task));
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    return 0;
}

TASK_TEST(a_sleep_forever_ends_when_it_is_cancelled)
{
    coro_task *task = spawn(forever, NULL);
    ck_assert_int_eq(coro_sleep(1000000 * CORO_SECOND), 0);
    ck_assert(!coro_done(task));
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    return 0;
}

TASK_TEST(a_sleep_past_the_end_of_time_is_one_forever)
{
    ck_assert_int_eq(coro_sleep(10), 0);
    coro_task *task = spawn(deadline_of, NULL);
    passes(2);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_int_eq(coro_now(), 10);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_sleep_takes_its_time,
        sleeps_go_by_together,
        a_yield_lets_every_other_ready_task_run_once,
        a_sleep_of_nothing_is_a_yield,
        a_yield_alone_returns,
        sleepers_wake_in_the_order_of_their_deadlines,
        equal_deadlines_are_first_come_first_served,
        a_ready_task_runs_before_a_sleeper_that_is_due,
        a_cancelled_sleep_leaves_no_timer,
        with_the_timer_of_a_cancelled_sleep_goes_the_last_thing_to_wait_for,
        a_sleep_is_cancelled_in_the_pass_in_which_it_is_due,
        a_sleep_forever_ends_when_it_is_cancelled,
        a_sleep_past_the_end_of_time_is_one_forever,
        NULL,
    };
    return run_suite("sleep", tests);
}
