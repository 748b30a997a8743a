/* SPDX-License-Identifier: MIT */
/* Clocks: the virtual one is exact, the real one never too early. */
#include "support.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>

static coro_time monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * CORO_SECOND + now.tv_nsec;
}

static int jumps(void *arg)
{
    static const coro_duration lengths[] = {1, 999, CORO_MILLISECOND, 3600 * CORO_SECOND,
                                            1000000 * CORO_SECOND};
    coro_time expected = 0;
    ck_assert_int_eq(coro_now(), 0);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        ck_assert_int_eq(coro_sleep(lengths[i]), 0);
        ck_assert_int_eq(coro_now(), expected += lengths[i]);
    }
    return 0;
}

TASK_TEST(virtual_time_stands_still_while_anything_is_ready)
{
    coro_task *task = spawn(sleeps, ARG(1));
    for (int i = 0; i < 10000; i++)
        passes(1);
    ck_assert_int_eq(coro_now(), 0);
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_int_eq(coro_now(), CORO_MILLISECOND);
    return 0;
}

START_TEST(virtual_time_starts_at_zero_and_jumps_from_deadline_to_deadline)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(run_test(jumps, NULL), 0);
}
END_TEST

static int sleeps_20_ms(void *arg)
{
    const coro_time before = monotonic();
    const int rc = coro_sleep(20 * CORO_MILLISECOND);
    *(coro_duration *)arg = monotonic() - before;
    return rc;
}

/* CPython: test_events.EventLoopTestsMixin.test_run_until_complete */
START_TEST(a_sleep_on_the_real_clock_is_not_shorter_than_asked_for)
{
    coro_duration elapsed = 0;
    ck_assert_int_eq(coro_run(sleeps_20_ms, &elapsed), 0);
    ck_assert_int_ge(elapsed, 20 * CORO_MILLISECOND);
    ck_assert_int_lt(elapsed, 20 * CORO_SECOND);
}
END_TEST

static int compares_clocks(void *arg)
{
    const coro_time before = monotonic(), now = coro_now(), after = monotonic();
    return before <= now && now <= after ? 0 : -1;
}

START_TEST(the_real_clock_is_the_monotonic_one)
{
    ck_assert_int_eq(coro_run(compares_clocks, NULL), 0);
    ck_assert_int_eq(compares_clocks(NULL), 0); /* outside a loop, too */
}
END_TEST

static int counts_yields_until(void *done)
{
    int yields = 0;
    while (!coro_done(*(coro_task **)done) && coro_yield() == 0)
        yields++;
    return yields;
}

static int busy(void *arg)
{
    coro_task *sleeper = spawn(sleeps, ARG(20));
    const int yields = coro_join(spawn(counts_yields_until, &sleeper), NULL);
    coro_release(sleeper);
    return yields;
}

START_TEST(timers_fire_while_tasks_are_ready_all_the_time)
{
    ck_assert_int_gt(coro_run(busy, NULL), 0);
}
END_TEST

static void on_alarm(int number)
{
    (void)number;
}

START_TEST(a_signal_does_not_shorten_a_sleep)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    const struct itimerval every = {{.tv_usec = 3000}, {.tv_usec = 3000}};
    setitimer(ITIMER_REAL, &every, NULL);
    coro_duration elapsed = 0;
    ck_assert_int_eq(coro_run(sleeps_20_ms, &elapsed), 0);
    ck_assert_int_ge(elapsed, 20 * CORO_MILLISECOND);
}
END_TEST

/* So far apart, and for so long, that all sleep before the first is due, in this order. */
static int sleeps_and_traces(void *number)
{
    const int rc = coro_sleep((300 + 20 * NUMBER(number)) * CORO_MILLISECOND);
    trace("%d", NUMBER(number));
    return rc;
}

/* Who waits for the first has its turn when all have had theirs that woke with it. */
static int sleeps_close_together(void *arg)
{
    enum { TASKS = 5 };
    coro_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++)
        tasks[i] = spawn(sleeps_and_traces, ARG(TASKS - i));
    ck_assert_int_eq(coro_join(tasks[TASKS - 1], NULL), 0);
    expect_trace("1 2 3 4 5");
    for (int i = 0; i < TASKS - 1; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    return 0;
}

START_TEST(timers_within_the_slack_wake_the_loop_once_and_in_their_order)
{
    const coro_run_options options = {.timer_slack = 200 * CORO_MILLISECOND};
    ck_assert_int_eq(coro_run_with(&options, sleeps_close_together, NULL), 0);
}
END_TEST

START_TEST(a_virtual_clock_has_no_slack)
{
    const coro_run_options options = {.virtual_clock = true, .timer_slack = CORO_SECOND};
    ck_assert_int_eq(coro_run_with(&options, jumps, NULL), 0);
}
END_TEST

static coro_duration processor_time(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * CORO_SECOND + used.tv_nsec;
}

START_TEST(a_sleep_on_the_real_clock_leaves_the_processor_to_others)
{
    coro_duration elapsed = 0, least = CORO_FOREVER;
    /* A run may cost more: under Valgrind, the first one, for the translation of the code. */
    for (int i = 0; i < 20 && least >= 10 * CORO_MILLISECOND; i++) {
        const coro_duration before = processor_time();
        ck_assert_int_eq(coro_run(sleeps_20_ms, &elapsed), 0);
        const coro_duration used = processor_time() - before;
        least = used < least ? used : least;
    }
    ck_assert_int_lt(least, 10 * CORO_MILLISECOND);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        virtual_time_stands_still_while_anything_is_ready,
        virtual_time_starts_at_zero_and_jumps_from_deadline_to_deadline,
        a_sleep_on_the_real_clock_is_not_shorter_than_asked_for,
        a_sleep_on_the_real_clock_leaves_the_processor_to_others,
        the_real_clock_is_the_monotonic_one,
        timers_fire_while_tasks_are_ready_all_the_time,
        a_signal_does_not_shorten_a_sleep,
        timers_within_the_slack_wake_the_loop_once_and_in_their_order,
        a_virtual_clock_has_no_slack,
        NULL,
    };
    return run_suite("clock", tests);
}
