/* SPDX-License-Identifier: MIT */
/*
 * Calls in threads: what comes back, what a cancel leaves behind, how many threads there are. And
 * the moments in the life of a loop, its sleeps, its end and its next run, that others meet it in.
 *
 * The program is linked so that the library's clock_gettime and write come here (--wrap; see the
 * Makefile).
 */
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* NULL where the program was linked without --wrap. */
#define REAL __attribute__((weak))
int __real_clock_gettime(clockid_t clock, struct timespec *time) REAL;
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

static atomic_int clock_readings;
static void (*_Atomic at_next_reading)(void);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    void (*call)(void) = atomic_exchange(&at_next_reading, NULL);
    atomic_fetch_add(&clock_readings, 1);
    if (call)
        call();
    return __real_clock_gettime(clock, time);
}

ssize_t __real_write(int fd, const void *from, size_t size) REAL;
ssize_t __wrap_write(int fd, const void *from, size_t size);

static void (*_Atomic after_next_write)(int fd);

ssize_t __wrap_write(int fd, const void *from, size_t size)
{
    const ssize_t written = __real_write(fd, from, size);
    void (*call)(int) = atomic_exchange(&after_next_write, NULL);
    if (call)
        call(fd);
    return written;
}

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

static void until_at_the_gate(int count)
{
    while (atomic_load(&waiting) < count)
        nap(1);
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
/* CPython: test_events.EventLoopTestsMixin.test_run_in_executor */
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

static int value_before_and_after(void *arg)
{
    coro_return(&arg);
    return coro_to_thread(returns_a_value, NULL);
}

TASK_TEST(the_last_value_wins_as_in_plain_calls)
{
    void *value = &value;
    ck_assert_int_eq(coro_join(spawn(value_before_and_after, NULL), &value), 0);
    ck_assert_ptr_null(value);
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

static int faults_are_not_blocked(void *arg)
{
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    return !sigismember(&set, SIGSEGV) && !sigismember(&set, SIGBUS) && !sigismember(&set, SIGFPE);
}

/* A blocked one ends the program without a word of the loop that it runs, or of a sanitizer. */
TASK_TEST(threads_keep_the_signals_of_their_faults)
{
    ck_assert_int_eq(coro_to_thread(faults_are_not_blocked, NULL), 1);
    return 0;
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
    const coro_thread_options copied = {.arg_size = 8};
    ck_assert_int_eq(coro_to_thread(NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_to_thread_with(&copied, returns, NULL), -EINVAL);
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

/* CPython: test_events.EventLoopTestsMixin.test_run_in_executor_cancel */
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

static int cleans_up_in_a_thread(void *arg)
{
    coro_sleep(CORO_FOREVER);
    return coro_to_thread(returns, ARG(0));
}

static int cleans_up_for_a_second(void *arg)
{
    coro_sleep(CORO_FOREVER);
    trace("%d", coro_sleep(CORO_SECOND));
    trace("%d", coro_cancelling(coro_current_task()));
    return 0;
}

static int leaves_two_that_clean_up(void *arg)
{
    coro_release(spawn(cleans_up_for_a_second, NULL));
    coro_release(spawn(cleans_up_in_a_thread, NULL));
    passes(2);
    return 0;
}

START_TEST(what_is_left_over_is_cancelled_once)
{
    ck_assert_int_eq(run_test(leaves_two_that_clean_up, NULL), 0);
    ck_assert_uint_eq(logged(), 0);
    expect_trace("0 1");
}
END_TEST

/* So that the post of the call is there when the loop sees that only that is missing. */
static int ends_after_the_call(void *arg)
{
    const int rc = coro_sleep(CORO_FOREVER);
    atomic_store(&gate_open, true);
    while (atomic_load(&gone_through) == 0)
        nap(1);
    nap(5);
    return rc;
}

static int leaves_a_call_and_its_end(void *arg)
{
    coro_release(spawn(calls_at_the_gate, ARG(0)));
    until_waiting(1);
    coro_release(spawn(ends_after_the_call, NULL));
    passes(2);
    return 0;
}

START_TEST(a_call_that_ends_with_the_last_task_ends_the_run)
{
    ck_assert_int_eq(run_test(leaves_a_call_and_its_end, NULL), 0);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

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

/* --- Sleeps of the loop ----------------------------------------------------------------------- */
static coro_run_options real_clock(void)
{
    coro_run_options options = test_options();
    options.virtual_clock = false;
    return options;
}

START_TEST(a_loop_that_nobody_shares_sleeps_until_its_timer)
{
    const coro_run_options options = real_clock();
    ck_assert_int_eq(coro_run_with(&options, sleeps, ARG(20)), 0);
    /* One that polls for 20 ms reads the clock thousands of times. */
    ck_assert_int_lt(atomic_load(&clock_readings), 50);
}
END_TEST

/* --- One run after another -------------------------------------------------------------------- */
static int refuses_for_ever(void *arg)
{
    int rc;
    do
        rc = coro_sleep(CORO_FOREVER);
    while (rc < 0);
    return rc;
}

static int calls_and_yields(void *arg)
{
    const int rc = coro_to_thread(returns, ARG(3));
    passes(2);
    return rc;
}

START_TEST(a_deadlock_is_over_with_its_run)
{
    const coro_run_options options = test_options();
    coro_runner *runner = coro_runner_create(&options);
    ck_assert_int_eq(coro_runner_run(runner, forever, NULL), -EDEADLK);
    ck_assert_int_eq(coro_runner_run(runner, returns, ARG(5)), 5);
    ck_assert_int_eq(coro_runner_run(runner, refuses_for_ever, NULL), -EDEADLK);
    ck_assert_int_eq(coro_runner_run(runner, calls_and_yields, NULL), 3);
    ck_assert_int_eq(coro_runner_close(runner), 0);
    forget_log();
}
END_TEST

static void calls_once_more(coro_task *task, void *options)
{
    coro_release(coro_create_task_with(options, calls_at_the_gate, ARG(1)));
    coro_release(coro_create_task_with(options, calls_at_the_gate, ARG(2)));
    until_at_the_gate(1);
}

static int calls_when_destroyed(void *options)
{
    coro_add_done_callback(coro_current_task(), calls_once_more, options);
    return refuses_for_ever(NULL);
}

static int opens_the_gate(void *arg)
{
    atomic_store(&gate_open, true);
    while (atomic_load(&gone_through) == 0)
        nap(1);
    nap(1);
    passes(40);
    return 0;
}

START_TEST(a_task_that_is_destroyed_gives_up_its_call)
{
    coro_task_options eager = {.eager_start = true};
    coro_run_options options = test_options();
    options.threads = 1;
    coro_runner *runner = coro_runner_create(&options);
    ck_assert_int_eq(coro_runner_run(runner, calls_when_destroyed, &eager), -EDEADLK);
    ck_assert_int_eq(coro_runner_run(runner, opens_the_gate, NULL), 0);
    ck_assert_int_eq(coro_runner_close(runner), 0);
    ck_assert_int_eq(atomic_load(&gone_through), 1);
    forget_log();
}
END_TEST

static int outwaits_on_its_stack(void *arg)
{
    const coro_thread_options options = {.wait_on_cancel = true};
    return coro_to_thread_with(&options, waits_at_the_gate, arg);
}

static void calls_to_outwait(coro_task *task, void *options)
{
    coro_release(coro_create_task_with(options, outwaits_on_its_stack, ARG(1)));
    coro_release(coro_create_task_with(options, calls_at_the_gate, ARG(2)));
    until_at_the_gate(2);
}

static int calls_to_outwait_when_destroyed(void *options)
{
    coro_add_done_callback(coro_current_task(), calls_to_outwait, options);
    return refuses_for_ever(NULL);
}

static void *opens_the_gate_and_waits(void *arg)
{
    until_at_the_gate(2);
    return opens_the_gate_late(arg);
}

/* Its stack is another's then. */
START_TEST(a_task_is_not_destroyed_before_a_call_that_uses_its_stack)
{
    coro_task_options eager = {.eager_start = true};
    const coro_run_options options = test_options();
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, opens_the_gate_and_waits, NULL), 0);
    coro_runner *runner = coro_runner_create(&options);
    ck_assert_int_eq(coro_runner_run(runner, calls_to_outwait_when_destroyed, &eager), -EDEADLK);
    ck_assert_int_ge(atomic_load(&gone_through), 1);
    ck_assert_int_eq(coro_runner_close(runner), 0);
    ck_assert_int_eq(atomic_load(&gone_through), 2);
    pthread_join(thread, NULL);
    forget_log();
}
END_TEST

static coro_loop *loop_of_the_test;
static coro_future *awaited;

static void settles(void *status)
{
    ck_assert_int_eq(coro_set_result(awaited, NUMBER(status), NULL), 0);
}

static void posts_and_lets_go(void)
{
    ck_assert_int_eq(coro_call_soon_threadsafe(loop_of_the_test, settles, ARG(8)), 0);
    coro_loop_release(loop_of_the_test);
}

static int awaits_a_post(void *arg)
{
    awaited = coro_create_future();
    loop_of_the_test = coro_loop_retain(coro_current_loop());
    at_next_reading = posts_and_lets_go;
    return coro_join(awaited, NULL);
}

/* The loop reads the clock between its look into the inbox and its decision to sleep. */
START_TEST(a_last_post_before_the_loop_is_let_go_is_no_deadlock)
{
    const coro_run_options options = real_clock();
    ck_assert_int_eq(coro_run_with(&options, awaits_a_post, NULL), 8);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* --- Ends of loops that others post to ---------------------------------------------------------
 */
static atomic_bool served_at_all;

static int serves_until_asked_to_stop(void *arg)
{
    awaited = coro_create_future();
    loop_of_the_test = coro_loop_retain(coro_current_loop());
    atomic_store(&served_at_all, true);
    return coro_join(awaited, NULL);
}

static void *runs_a_server(void *arg)
{
    const coro_run_options options = real_clock();
    return ARG(coro_run_with(&options, serves_until_asked_to_stop, NULL));
}

static atomic_bool asker_has_ended;
static atomic_int
    open_when_woken; /* 1: the descriptor that the asker was woken by is still there */

static void waits_for_the_askers_end(int fd)
{
    while (!atomic_load(&asker_has_ended))
        nap(1);
    atomic_store(&open_when_woken, fcntl(fd, F_GETFD) < 0 ? -1 : 1);
}

static int answers_late(void *arg)
{
    nap(5); /* so that the asker sleeps, and has to be woken */
    atomic_store(&after_next_write, waits_for_the_askers_end);
    return 6;
}

static int asks(void *arg)
{
    coro_concurrent_future *asked =
        coro_run_coroutine_threadsafe(loop_of_the_test, answers_late, NULL);
    coro_future *answer = coro_wrap_future(asked);
    coro_concurrent_release(asked);
    return coro_join(answer, NULL);
}

/* Whether the answer found the loop asleep. */
static bool asked_asleep(void)
{
    const coro_run_options options = real_clock();
    atomic_store(&asker_has_ended, false);
    ck_assert_int_eq(coro_run_with(&options, asks, NULL), 6);
    atomic_store(&asker_has_ended, true);
    return atomic_exchange(&after_next_write, NULL) == NULL;
}

/* Whoever answers wakes a loop that may end before the call for that has returned. */
START_TEST(a_loop_may_end_while_it_is_being_woken)
{
    pthread_t server;
    void *status;
    ck_assert_int_eq(pthread_create(&server, NULL, runs_a_server, NULL), 0);
    while (!atomic_load(&served_at_all))
        nap(1);
    while (!asked_asleep())
        ;
    while (atomic_load(&open_when_woken) == 0)
        nap(1);
    ck_assert_int_eq(atomic_load(&open_when_woken), 1);
    ck_assert_int_eq(coro_call_soon_threadsafe(loop_of_the_test, settles, ARG(8)), 0);
    coro_loop_release(loop_of_the_test);
    pthread_join(server, &status);
    ck_assert_int_eq(NUMBER(status), 8);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_function_runs_in_another_thread,
        other_tasks_run_meanwhile,
        several_calls_run_at_once,
        texts_and_values_are_the_callers,
        the_last_value_wins_as_in_plain_calls,
        there_is_no_loop_in_the_thread,
        a_function_may_run_a_loop_of_its_own,
        the_thread_has_copies_of_the_task_locals,
        errno_is_kept,
        threads_leave_signals_to_others,
        threads_keep_the_signals_of_their_faults,
        threads_have_names,
        misuse_is_refused,
        outside_a_task_it_is_refused,
        a_cancel_ends_the_call_and_the_thread_runs_on,
        a_run_does_not_end_before_its_threads_have,
        calls_that_are_left_over_are_cancelled_and_waited_for,
        what_has_not_begun_never_does,
        a_call_can_outwait_cancels,
        a_copied_argument_is_the_threads,
        what_is_left_over_is_cancelled_once,
        a_call_that_ends_with_the_last_task_ends_the_run,
        the_virtual_clock_waits_for_threads,
        a_timeout_ends_a_call,
        many_calls_are_all_made,
        cancels_at_any_moment_lose_nothing,
        a_loop_that_nobody_shares_sleeps_until_its_timer,
        a_last_post_before_the_loop_is_let_go_is_no_deadlock,
        a_loop_may_end_while_it_is_being_woken,
        a_deadlock_is_over_with_its_run,
        a_task_that_is_destroyed_gives_up_its_call,
        a_task_is_not_destroyed_before_a_call_that_uses_its_stack,
        NULL,
    };
    return run_suite("thread", tests);
}
