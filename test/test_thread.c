/* SPDX-License-Identifier: MIT */
/* Calls in threads: what comes back, what a cancel leaves behind, how many threads there are. */
#include "support.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

static void nap(int milliseconds)
{
    const struct timespec time = {.tv_nsec = milliseconds * 1000000L};
    nanosleep(&time, NULL);
}

/* A gate that functions in threads wait at until the test opens it. */
static atomic_int waiting, gone_through;
static atomic_bool gate_open;

static int waits_at_the_gate(void *result)
{
    atomic_fetch_add(&waiting, 1);
    while (!atomic_load(&gate_open))
        nap(1);
    atomic_fetch_add(&gone_through, 1);
    return NUMBER(result);
}

static int calls_at_the_gate(void *result)
{
    return coro_to_thread(waits_at_the_gate, result);
}

/* Until so many are at the gate. On the virtual clock a sleep takes no time, so yield. */
static void until_waiting(int count)
{
    while (atomic_load(&waiting) < count) {
        nap(1);
        coro_yield();
    }
}

static int says_which_thread(void *thread)
{
    *(pthread_t *)thread = pthread_self();
    return 7;
}

/* CPython: test_threads.ToThreadTests.test_to_thread */
TASK_TEST(the_function_runs_in_another_thread)
{
    pthread_t thread = pthread_self();
    ck_assert_int_eq(coro_to_thread(says_which_thread, &thread), 7);
    ck_assert(!pthread_equal(thread, pthread_self()));
    return 0;
}

static int ticks(void *count)
{
    while (!atomic_load(&gate_open)) {
        ++*(int *)count;
        nap(1);
        coro_yield();
    }
    return 0;
}

TASK_TEST(other_tasks_run_meanwhile)
{
    int count = 0;
    coro_task *call = spawn(calls_at_the_gate, ARG(3));
    coro_task *ticker = spawn(ticks, &count);
    until_waiting(1);
    passes(5);
    ck_assert_int_gt(count, 2);
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_join(call, NULL), 3);
    ck_assert_int_eq(coro_join(ticker, NULL), 0);
    return 0;
}

TASK_TEST(several_calls_run_at_once)
{
    coro_task *calls[3];
    for (int i = 0; i < 3; i++)
        calls[i] = spawn(calls_at_the_gate, ARG(i));
    until_waiting(3);
    atomic_store(&gate_open, true);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(coro_join(calls[i], NULL), i);
    return 0;
}

static int fails_with_a_text(void *arg)
{
    return coro_fail(-ENOENT, "no page %d", 5);
}

static int returns_a_value(void *value)
{
    return coro_return(value);
}

static int calls(void *fn)
{
    return coro_to_thread(*(coro_fn **)fn, fn);
}

/* CPython: test_threads.ToThreadTests.test_to_thread_exception */
TASK_TEST(texts_and_values_are_the_callers)
{
    coro_fn *fn = fails_with_a_text;
    void *value = NULL;
    coro_task *task = spawn(calls, &fn);
    ck_assert_int_eq(coro_await(task, NULL), -ENOENT);
    ck_assert_str_eq(coro_error_message(task), "no page 5");
    coro_release(task);
    fn = returns_a_value;
    ck_assert_int_eq(coro_join(spawn(calls, &fn), &value), 0);
    ck_assert_ptr_eq(value, &fn);
    return 0;
}

static int finds_no_loop(void *arg)
{
    ck_assert_ptr_null(coro_current_task());
    ck_assert_ptr_null(coro_current_loop());
    ck_assert_int_eq(coro_sleep(1), -EPERM);
    ck_assert_int_eq(coro_to_thread(returns, ARG(1)), -EPERM);
    return 0;
}

TASK_TEST(there_is_no_loop_in_the_thread)
{
    return coro_to_thread(finds_no_loop, NULL);
}

static int runs_a_loop(void *arg)
{
    return run_test(sleeps, ARG(1000)) == 0 ? 5 : -EIO;
}

TASK_TEST(a_function_may_run_a_loop_of_its_own)
{
    ck_assert_int_eq(coro_to_thread(runs_a_loop, NULL), 5);
    return 0;
}

static const coro_local color = CORO_LOCAL_INITIALIZER(NULL);

static int changes_a_local(void *arg)
{
    coro_local_token token;
    ck_assert_str_eq(coro_local_get(&color), "red");
    ck_assert_int_eq(coro_local_set(&color, (void *)(uintptr_t) "blue", &token), 0);
    ck_assert_str_eq(coro_local_get(&color), "blue");
    ck_assert_int_eq(coro_local_reset(&color, &token), 0);
    ck_assert_str_eq(coro_local_get(&color), "red");
    return coro_local_set(&color, (void *)(uintptr_t) "green", NULL);
}

/* CPython: test_threads.ToThreadTests.test_to_thread_contextvars */
TASK_TEST(the_thread_has_copies_of_the_task_locals)
{
    coro_local_set(&color, (void *)(uintptr_t) "red", NULL);
    ck_assert_int_eq(coro_to_thread(changes_a_local, NULL), 0);
    ck_assert_str_eq(coro_local_get(&color), "red");
    return 0;
}

static int errno_of_the_thread(void *arg)
{
    errno = ENOTTY;
    return 0;
}

TASK_TEST(errno_is_kept)
{
    errno = EDOM;
    ck_assert_int_eq(coro_to_thread(errno_of_the_thread, NULL), 0);
    ck_assert_int_eq(errno, EDOM);
    return 0;
}

static int signals_are_blocked(void *arg)
{
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    return sigismember(&set, SIGINT) && sigismember(&set, SIGTERM) ? 1 : 0;
}

TASK_TEST(threads_leave_signals_to_others)
{
    ck_assert_int_eq(coro_to_thread(signals_are_blocked, NULL), 1);
    return 0;
}

static int reads_its_name(void *name)
{
    return -pthread_getname_np(pthread_self(), name, 16);
}

TASK_TEST(threads_have_names)
{
    char name[16];
    ck_assert_int_eq(coro_to_thread(reads_its_name, name), 0);
    ck_assert_str_eq(name, "coro-thread-0");
    return 0;
}

TASK_TEST(misuse_is_refused)
{
    ck_assert_int_eq(coro_to_thread(NULL, NULL), -EINVAL);
    return 0;
}

START_TEST(outside_a_task_it_is_refused)
{
    ck_assert_int_eq(coro_to_thread(returns, NULL), -EPERM);
}
END_TEST

/* --- Cancels ---------------------------------------------------------------------------------- */
TASK_TEST(a_cancel_ends_the_call_and_the_thread_runs_on)
{
    coro_task *call = spawn(calls_at_the_gate, ARG(0));
    until_waiting(1);
    ck_assert(coro_cancel_with(call, "enough"));
    ck_assert_int_eq(coro_await(call, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(call), "enough");
    coro_release(call);
    ck_assert_int_eq(atomic_load(&gone_through), 0);
    atomic_store(&gate_open, true);
    return 0;
}

static int cancelled_at_the_end(void *arg)
{
    coro_task *call = spawn(calls_at_the_gate, ARG(0));
    until_waiting(1);
    coro_cancel(call);
    ck_assert_int_eq(coro_join(call, NULL), -ECANCELED);
    return 0;
}

static void *opens_the_gate_late(void *arg)
{
    nap(30);
    atomic_store(&gate_open, true);
    return NULL;
}

START_TEST(a_run_does_not_end_before_its_threads_have)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, opens_the_gate_late, NULL), 0);
    ck_assert_int_eq(run_test(cancelled_at_the_end, NULL), 0);
    ck_assert_int_eq(atomic_load(&gone_through), 1);
    pthread_join(thread, NULL);
}
END_TEST

static int main_at_the_gate(void *arg)
{
    coro_release(spawn(calls_at_the_gate, ARG(0)));
    until_waiting(1);
    return 0;
}

START_TEST(calls_that_are_left_over_are_cancelled_and_waited_for)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, opens_the_gate_late, NULL), 0);
    ck_assert_int_eq(run_test(main_at_the_gate, NULL), 0);
    ck_assert_int_eq(atomic_load(&gone_through), 1);
    pthread_join(thread, NULL);
}
END_TEST

static int one_thread(void *arg)
{
    coro_task *first = spawn(calls_at_the_gate, ARG(1));
    until_waiting(1);
    coro_task *second = spawn(calls_at_the_gate, ARG(2));
    coro_task *third = spawn(calls_at_the_gate, ARG(3));
    passes(5);
    nap(5);
    ck_assert_int_eq(atomic_load(&waiting), 1);
    coro_cancel(second);
    ck_assert_int_eq(coro_join(second, NULL), -ECANCELED);
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_join(first, NULL), 1);
    ck_assert_int_eq(coro_join(third, NULL), 3);
    ck_assert_int_eq(atomic_load(&gone_through), 2);
    return 0;
}

START_TEST(what_has_not_begun_never_does)
{
    coro_run_options options = test_options();
    options.threads = 1;
    ck_assert_int_eq(coro_run_with(&options, one_thread, NULL), 0);
}
END_TEST

static int waits_whatever_comes(void *arg)
{
    const coro_thread_options options = {.wait_on_cancel = true};
    int on_the_stack = 4;
    const int rc = coro_to_thread_with(&options, waits_at_the_gate, ARG(on_the_stack));
    trace("%d", atomic_load(&gone_through));
    return rc;
}

TASK_TEST(a_call_can_outwait_cancels)
{
    coro_task *call = spawn(waits_whatever_comes, NULL);
    until_waiting(1);
    coro_cancel(call);
    passes(3);
    coro_cancel(call);
    passes(3);
    ck_assert(!coro_done(call));
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_await(call, NULL), -ECANCELED);
    ck_assert_int_eq(coro_cancelling(call), 2);
    coro_release(call);
    expect_trace("1");
    return 0;
}

struct pair {
    int first;
    int second;
};

static int adds_late(void *arg)
{
    struct pair *pair = arg;
    ck_assert_int_eq((int)((uintptr_t)pair % 16), 0);
    waits_at_the_gate(NULL);
    return pair->first + pair->second;
}

/* CPython: test_threads.ToThreadTests.test_to_thread_args_kwargs */
TASK_TEST(a_copied_argument_is_the_threads)
{
    const coro_thread_options options = {.arg_size = sizeof(struct pair)};
    struct pair pair = {1, 2};
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_to_thread_with(&options, adds_late, &pair), 3);
    return 0;
}

/* --- Clocks, limits and many ------------------------------------------------------------------ */
TASK_TEST(the_virtual_clock_waits_for_threads)
{
    coro_task *sleeper = spawn(sleeps, ARG(1000));
    coro_task *call = spawn(calls_at_the_gate, ARG(0));
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, opens_the_gate_late, NULL), 0);
    ck_assert_int_eq(coro_join(call, NULL), 0);
    ck_assert_int_eq(coro_now(), 0);
    ck_assert_int_eq(coro_join(sleeper, NULL), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    pthread_join(thread, NULL);
    return 0;
}

TASK_TEST(a_timeout_ends_a_call)
{
    /* Its time comes while the loop is busy: a virtual clock does not jump meanwhile. */
    coro_timeout scope;
    ck_assert_int_eq(coro_timeout_begin(&scope, 0), 0);
    const int rc = coro_to_thread(waits_at_the_gate, NULL);
    ck_assert_int_eq(coro_timeout_end(&scope, rc), -ETIMEDOUT);
    atomic_store(&gate_open, true);
    return 0;
}

static int adds_one(void *sum)
{
    atomic_fetch_add((atomic_int *)sum, 1);
    return 0;
}

static int calls_often(void *sum)
{
    for (int i = 0; i < 50; i++) {
        const int rc = coro_to_thread(adds_one, sum);
        if (rc < 0)
            return rc;
    }
    return 0;
}

TASK_TEST(many_calls_are_all_made)
{
    coro_task *tasks[40];
    atomic_int sum = 0;
    for (int i = 0; i < 40; i++)
        tasks[i] = spawn(calls_often, &sum);
    ck_assert_int_eq(coro_gather(tasks, 40, 0), 0);
    for (int i = 0; i < 40; i++)
        coro_release(tasks[i]);
    ck_assert_int_eq(atomic_load(&sum), 2000);
    return 0;
}

static int cancelled_at_random(void *sum)
{
    unsigned chance = 1;
    for (int i = 0; i < 300; i++) {
        coro_task *task = spawn(calls_often, sum);
        chance = chance * 1103515245 + 12345;
        for (unsigned n = chance >> 16 & 7; n > 0; n--)
            coro_yield();
        coro_cancel(task);
        const int rc = coro_join(task, NULL);
        ck_assert(rc == 0 || rc == -ECANCELED);
    }
    return 0;
}

START_TEST(cancels_at_any_moment_lose_nothing)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        coro_run_options options = test_options();
        atomic_int sum = 0;
        options.seed = seed;
        ck_assert_int_eq(coro_run_with(&options, cancelled_at_random, &sum), 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_function_runs_in_another_thread,
        other_tasks_run_meanwhile,
        several_calls_run_at_once,
        texts_and_values_are_the_callers,
        there_is_no_loop_in_the_thread,
        a_function_may_run_a_loop_of_its_own,
        the_thread_has_copies_of_the_task_locals,
        errno_is_kept,
        threads_leave_signals_to_others,
        threads_have_names,
        misuse_is_refused,
        outside_a_task_it_is_refused,
        a_cancel_ends_the_call_and_the_thread_runs_on,
        a_run_does_not_end_before_its_threads_have,
        calls_that_are_left_over_are_cancelled_and_waited_for,
        what_has_not_begun_never_does,
        a_call_can_outwait_cancels,
        a_copied_argument_is_the_threads,
        the_virtual_clock_waits_for_threads,
        a_timeout_ends_a_call,
        many_calls_are_all_made,
        cancels_at_any_moment_lose_nothing,
        NULL,
    };
    return run_suite("thread", tests);
}
