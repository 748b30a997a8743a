/* SPDX-License-Identifier: MIT */
/*
 * What other threads do with a loop: calls, tasks and their results, and loops that wait for each
 * other. Wherever a test waits for another thread, it would wait for ever if something were lost.
 */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

static void nap(int milliseconds)
{
    const struct timespec time = {.tv_nsec = milliseconds * 1000000L};
    nanosleep(&time, NULL);
}

static pthread_t start_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    return thread;
}

static void join_thread(pthread_t thread)
{
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void until(atomic_bool *flag)
{
    while (!atomic_load(flag))
        nap(1);
}

/* --- A loop in a thread of its own, which runs until it is told to stop ------------------------
 */
struct server {
    pthread_t thread;
    coro_loop *loop;
    atomic_bool runs;
    coro_future *stop;
    int status; /* of its run */
};

static int serves(void *arg)
{
    struct server *server = arg;
    server->stop = coro_create_future();
    server->loop = coro_loop_retain(coro_current_loop());
    atomic_store(&server->runs, true);
    return coro_join(server->stop, NULL);
}

static void *runs_server(void *arg)
{
    struct server *server = arg;
    server->status = run_test(serves, server);
    return NULL;
}

static coro_loop *start_server(struct server *server)
{
    memset(server, 0, sizeof *server);
    server->thread = start_thread(runs_server, server);
    until(&server->runs);
    return server->loop;
}

static void stops(void *arg)
{
    coro_set_result(((struct server *)arg)->stop, 0, NULL);
}

/* The loop has ended then; the handle is still there. */
static void end_server(struct server *server)
{
    ck_assert_int_eq(coro_call_soon_threadsafe(server->loop, stops, server), 0);
    join_thread(server->thread);
    ck_assert_int_eq(server->status, 0);
}

static void stop_server(struct server *server)
{
    end_server(server);
    coro_loop_release(server->loop);
}

/* --- Calls ------------------------------------------------------------------------------------ */
/* A future of the main task, and who settles it from elsewhere. */
struct errand {
    coro_loop *loop;
    coro_future *future;
};

static void settles(void *future)
{
    ck_assert_int_eq(coro_set_result((coro_future *)future, 5, NULL), 0);
}

static void *settles_from_here(void *arg)
{
    struct errand *errand = arg;
    ck_assert_int_eq(coro_call_soon_threadsafe(errand->loop, settles, errand->future), 0);
    coro_loop_release(errand->loop);
    return NULL;
}

static void *settles_late(void *arg)
{
    nap(10);
    return settles_from_here(arg);
}

/* Waits until a thread has had its future settled. */
static void wait_for(void *(*thread_fn)(void *))
{
    struct errand errand = {coro_loop_retain(coro_current_loop()), coro_create_future()};
    const pthread_t thread = start_thread(thread_fn, &errand);
    ck_assert_int_eq(coro_join(errand.future, NULL), 5);
    join_thread(thread);
}

static int waits_for_a_late_call(void *arg)
{
    wait_for(settles_late);
    return 0;
}

TASK_TEST(a_call_wakes_a_loop_that_has_nothing_to_do)
{
    return waits_for_a_late_call(NULL);
}

START_TEST(a_call_wakes_a_sleeping_loop_on_the_real_clock)
{
    ck_assert_int_eq(coro_run(waits_for_a_late_call, NULL), 0);
}
END_TEST

static int waits_beside_a_sleeper(void *arg)
{
    coro_task *sleeper = spawn(sleeps, ARG(3600000));
    wait_for(settles_late);
    ck_assert(coro_cancel(sleeper));
    ck_assert_int_eq(coro_join(sleeper, NULL), -ECANCELED);
    return 0;
}

START_TEST(a_call_wakes_a_loop_that_sleeps_until_a_timer)
{
    ck_assert_int_eq(coro_run(waits_beside_a_sleeper, NULL), 0);
}
END_TEST

TASK_TEST(on_the_virtual_clock_a_timer_is_not_held_up_by_a_handle)
{
    coro_loop *loop = coro_loop_retain(coro_current_loop());
    ck_assert_int_eq(coro_sleep(3600 * CORO_SECOND), 0);
    ck_assert_int_eq(coro_now(), 3600 * CORO_SECOND);
    coro_loop_release(loop);
    return 0;
}

enum { NUMBERS = 100 };

static int numbers[NUMBERS], numbers_count;

static void notes(void *number)
{
    numbers[numbers_count++] = NUMBER(number);
}

static void *counts(void *arg)
{
    const struct errand *errand = arg;
    for (int i = 0; i < NUMBERS; i++)
        ck_assert_int_eq(coro_call_soon_threadsafe(errand->loop, notes, ARG(i)), 0);
    return settles_from_here(arg);
}

TASK_TEST(calls_come_in_the_order_in_which_a_thread_made_them)
{
    wait_for(counts);
    ck_assert_int_eq(numbers_count, NUMBERS);
    for (int i = 0; i < NUMBERS; i++)
        ck_assert_int_eq(numbers[i], i);
    return 0;
}

static void traces(void *word)
{
    trace("%s", (const char *)word);
}

static void *word(const char *text)
{
    return (void *)(uintptr_t)text;
}

TASK_TEST(in_its_own_thread_a_loop_calls_as_soon_as_by_call_soon)
{
    ck_assert_int_eq(coro_call_soon(traces, word("a"), NULL), 0);
    ck_assert_int_eq(coro_call_soon_threadsafe(coro_current_loop(), traces, word("b")), 0);
    ck_assert_int_eq(coro_call_soon(traces, word("c"), NULL), 0);
    ck_assert_int_eq(coro_call_soon_threadsafe(coro_current_loop(), traces, word("d")), 0);
    expect_trace("");
    passes(1);
    expect_trace("a b c d");
    return 0;
}

static void repeats(void *word)
{
    traces(word);
    ck_assert_int_eq(coro_call_soon_threadsafe(coro_current_loop(), traces, word), 0);
}

TASK_TEST(what_a_call_asks_for_comes_a_pass_later)
{
    ck_assert_int_eq(coro_call_soon_threadsafe(coro_current_loop(), repeats, word("a")), 0);
    passes(1);
    expect_trace("a");
    passes(1);
    expect_trace("a");
    return 0;
}

static void *has_two_calls_made(void *loop)
{
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, traces, word("a")), 0);
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, traces, word("b")), 0);
    return NULL;
}

TASK_TEST(a_loop_does_not_overtake_threads_that_it_has_seen_end)
{
    coro_loop *loop = coro_loop_retain(coro_current_loop());
    join_thread(start_thread(has_two_calls_made, loop));
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, traces, word("c")), 0);
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, settles, future), 0);
    coro_loop_release(loop);
    ck_assert_int_eq(coro_join(future, NULL), 5);
    expect_trace("a b c");
    return 0;
}

static int settles_from_a_pool_thread(void *arg)
{
    const struct errand *errand = arg;
    return coro_call_soon_threadsafe(errand->loop, settles, errand->future);
}

TASK_TEST(functions_in_threads_may_borrow_the_loop)
{
    struct errand errand = {coro_current_loop(), coro_create_future()};
    ck_assert_int_eq(coro_to_thread(settles_from_a_pool_thread, &errand), 0);
    ck_assert_int_eq(coro_join(errand.future, NULL), 5);
    return 0;
}

static void looks_around(void *loop)
{
    ck_assert_ptr_null(coro_current_task());
    ck_assert_ptr_eq(coro_current_loop(), loop);
    ck_assert_int_eq(coro_sleep(1), -EPERM);
    ck_assert_int_eq(coro_await(NULL, NULL), -EPERM);
    coro_release(spawn(yields_and_returns, ARG(0)));
    trace("called");
}

static void *has_it_look_around(void *arg)
{
    const struct errand *errand = arg;
    ck_assert_int_eq(coro_call_soon_threadsafe(errand->loop, looks_around, errand->loop), 0);
    return settles_from_here(arg);
}

TASK_TEST(calls_are_callbacks_in_the_loops_thread)
{
    wait_for(has_it_look_around);
    expect_trace("called");
    return 0;
}

static const coro_local color = CORO_LOCAL_INITIALIZER((void *)(uintptr_t) "white");

static void traces_color(void *arg)
{
    trace("%s", (const char *)coro_local_get(&color));
    ck_assert_int_eq(coro_local_set(&color, word("black"), NULL), 0);
}

static void *has_color_traced(void *arg)
{
    const struct errand *errand = arg;
    ck_assert_int_eq(coro_call_soon_threadsafe(errand->loop, traces_color, NULL), 0);
    return settles_from_here(arg);
}

static int has_its_color_traced(void *arg)
{
    ck_assert_int_eq(coro_local_set(&color, word("green"), NULL), 0);
    has_color_traced(arg);
    return coro_local_set(&color, word("blue"), NULL);
}

TASK_TEST(a_call_has_copies_of_the_task_locals_of_its_poster)
{
    ck_assert_int_eq(coro_local_set(&color, word("red"), NULL), 0);
    ck_assert_int_eq(coro_call_soon_threadsafe(coro_current_loop(), traces_color, NULL), 0);
    passes(1);
    expect_trace("red");
    wait_for(has_color_traced);
    expect_trace("white");
    struct errand errand = {coro_loop_retain(coro_current_loop()), coro_create_future()};
    ck_assert_int_eq(coro_to_thread(has_its_color_traced, &errand), 0);
    ck_assert_int_eq(coro_join(errand.future, NULL), 5);
    expect_trace("green");
    ck_assert_str_eq(coro_local_get(&color), "red");
    return 0;
}

TASK_TEST(calls_of_nothing_are_refused)
{
    ck_assert_int_eq(coro_call_soon_threadsafe(NULL, traces, NULL), -EINVAL);
    ck_assert_int_eq(coro_call_soon_threadsafe(coro_current_loop(), NULL, NULL), -EINVAL);
    return 0;
}

static void *keeps_errno(void *arg)
{
    errno = EDOM;
    settles_late(arg);
    ck_assert_int_eq(errno, EDOM);
    return NULL;
}

TASK_TEST(errno_is_kept_on_both_sides)
{
    errno = ERANGE;
    wait_for(keeps_errno);
    ck_assert_int_eq(errno, ERANGE);
    return 0;
}

START_TEST(a_loop_that_has_ended_refuses_calls)
{
    struct server server;
    coro_loop *loop = start_server(&server);
    end_server(&server);
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, traces, word("called")), -ESHUTDOWN);
    coro_loop_release(loop);
    expect_trace("");
}
END_TEST

START_TEST(a_call_that_a_loop_has_not_come_to_is_dropped_with_it)
{
    coro_runner *runner = coro_runner_create(NULL);
    coro_loop *loop = coro_loop_retain(coro_runner_get_loop(runner));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(coro_call_soon_threadsafe(loop, traces, word("called")), 0);
    ck_assert_int_eq(coro_runner_close(runner), 0);
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, traces, word("called")), -ESHUTDOWN);
    coro_loop_release(loop);
    expect_trace("");
}
END_TEST

START_TEST(calls_between_two_runs_wait_for_the_next)
{
    const coro_run_options options = test_options();
    coro_runner *runner = coro_runner_create(&options);
    ck_assert_int_eq(coro_runner_run(runner, returns, ARG(0)), 0);
    join_thread(start_thread(has_two_calls_made, coro_runner_get_loop(runner)));
    expect_trace("");
    ck_assert_int_eq(coro_runner_run(runner, yields_and_returns, ARG(3)), 3);
    expect_trace("a b");
    ck_assert_int_eq(coro_runner_close(runner), 0);
}
END_TEST

enum { THREADS = 6 };

struct crowd {
    coro_loop *loop;
    int calls; /* of each thread */
    int left;
    coro_future *all_made;
};

static void counts_down(void *arg)
{
    struct crowd *crowd = arg;
    if (--crowd->left == 0)
        coro_set_result(crowd->all_made, 0, NULL);
}

static void *calls_often(void *arg)
{
    struct crowd *crowd = arg;
    int failed = 0;
    for (int i = 0; i < crowd->calls; i++)
        failed += coro_call_soon_threadsafe(crowd->loop, counts_down, crowd) != 0;
    ck_assert_int_eq(failed, 0);
    return NULL;
}

static int is_called_by_a_crowd(void *arg)
{
    const int calls = many(5000);
    struct crowd crowd = {coro_loop_retain(coro_current_loop()), calls, THREADS * calls,
                          coro_create_future()};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(calls_often, &crowd);
    ck_assert_int_eq(coro_join(crowd.all_made, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    ck_assert_int_eq(crowd.left, 0);
    coro_loop_release(crowd.loop);
    return 0;
}

TASK_TEST(of_many_calls_from_many_threads_none_is_lost)
{
    return is_called_by_a_crowd(NULL);
}

START_TEST(nor_on_the_real_clock)
{
    ck_assert_int_eq(coro_run(is_called_by_a_crowd, NULL), 0);
}
END_TEST

/* --- Handles of a loop ------------------------------------------------------------------------ */
START_TEST(there_is_no_current_loop_outside_of_one)
{
    ck_assert_ptr_null(coro_current_loop());
    ck_assert_ptr_null(coro_loop_retain(NULL));
    coro_loop_release(NULL);
    ck_assert_ptr_null(coro_runner_get_loop(NULL));
}
END_TEST

static int compares_loops(void *loop)
{
    ck_assert_ptr_eq(coro_current_loop(), loop);
    ck_assert_ptr_eq(coro_loop_retain(loop), loop);
    coro_loop_release(loop);
    return 0;
}

START_TEST(the_loop_of_a_runner_is_the_one_that_runs)
{
    const coro_run_options options = test_options();
    coro_runner *runner = coro_runner_create(&options);
    coro_loop *loop = coro_runner_get_loop(runner);
    ck_assert_ptr_nonnull(loop);
    ck_assert_int_eq(coro_runner_run(runner, compares_loops, loop), 0);
    ck_assert_int_eq(coro_runner_run(runner, compares_loops, loop), 0);
    ck_assert_int_eq(coro_runner_close(runner), 0);
}
END_TEST

static atomic_bool about_to_release;

static void *releases_late(void *loop)
{
    nap(10);
    atomic_store(&about_to_release, true);
    coro_loop_release(loop);
    return NULL;
}

static int hangs_until_nobody_has_the_loop(void *arg)
{
    coro_loop *loop = coro_loop_retain(coro_current_loop());
    coro_loop_retain(loop);
    coro_loop_release(loop);
    const pthread_t thread = start_thread(releases_late, loop);
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    ck_assert(atomic_load(&about_to_release));
    join_thread(thread);
    return 0;
}

static void expect_deadlock(coro_fn *fn)
{
    ck_assert_int_eq(run_test(fn, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "");
    forget_log();
}

START_TEST(a_loop_is_not_deadlocked_before_the_last_handle_has_gone)
{
    expect_deadlock(hangs_until_nobody_has_the_loop);
}
END_TEST

static int hangs_after_a_handle(void *arg)
{
    coro_loop_release(coro_loop_retain(coro_current_loop()));
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    return 0;
}

START_TEST(a_loop_whose_handles_have_gone_can_be_deadlocked)
{
    expect_deadlock(hangs_after_a_handle);
}
END_TEST

static void *releases_and_is_refused(void *loop)
{
    nap(5);
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, traces, word("called")), -ESHUTDOWN);
    coro_loop_release(coro_loop_retain(loop));
    coro_loop_release(loop);
    return NULL;
}

static coro_loop *ended;

static int hands_out_its_loop(void *arg)
{
    ended = coro_loop_retain(coro_current_loop());
    return 0;
}

START_TEST(a_handle_may_outlive_its_loop)
{
    ck_assert_int_eq(run_test(hands_out_its_loop, NULL), 0);
    coro_loop *first = ended;
    ck_assert_int_eq(run_test(hands_out_its_loop, NULL), 0);
    ck_assert_ptr_ne(first, ended);
    const pthread_t thread = start_thread(releases_and_is_refused, first);
    join_thread(start_thread(releases_and_is_refused, ended));
    join_thread(thread);
    expect_trace("");
}
END_TEST

TASK_TEST(whoever_has_posted_may_let_go_of_the_loop_at_once)
{
    for (int i = many(2000); i > 0; i--)
        wait_for(settles_from_here);
    return 0;
}

/* --- Tasks for other threads ------------------------------------------------------------------ */
static int returns_a_value(void *value)
{
    ck_assert_int_eq(coro_yield(), 0);
    coro_return(value);
    return 6;
}

START_TEST(another_thread_gets_status_and_value_of_a_task)
{
    struct server server;
    int object;
    void *value = NULL;
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future = coro_run_coroutine_threadsafe(loop, returns_a_value, &object);
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, &value), 6);
    ck_assert_ptr_eq(value, &object);
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), 6);
    ck_assert(coro_concurrent_done(future));
    ck_assert(!coro_concurrent_cancelled(future));
    ck_assert_ptr_null(coro_concurrent_error_message(future));
    stop_server(&server);
    ck_assert_int_eq(coro_concurrent_result(future, 0, &value), 6);
    coro_concurrent_release(future);
}
END_TEST

static int fails_with_a_text(void *arg)
{
    return coro_fail(-ENOENT, "no page %d", 5);
}

START_TEST(errors_come_with_their_text)
{
    struct server server;
    void *value = &server;
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future = coro_run_coroutine_threadsafe(loop, fails_with_a_text, NULL);
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, &value), -ENOENT);
    ck_assert_ptr_null(value);
    ck_assert_str_eq(coro_concurrent_error_message(future), "no page 5");
    coro_concurrent_release(future);
    future = coro_run_coroutine_threadsafe(loop, returns, ARG(-ENOTTY));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_SECOND * 20, NULL), -ENOTTY);
    ck_assert_str_eq(coro_concurrent_error_message(future), strerror(ENOTTY));
    ck_assert(!coro_concurrent_cancelled(future));
    coro_concurrent_release(future);
    stop_server(&server);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* A task that waits for what the test does to it. */
static atomic_bool begun;
static atomic_int times_begun, got;

static int waits_to_be_cancelled(void *result)
{
    atomic_fetch_add(&times_begun, 1);
    atomic_store(&begun, true);
    const int rc = coro_sleep(CORO_FOREVER);
    atomic_store(&got, rc);
    return result ? NUMBER(result) : rc;
}

static coro_concurrent_future *ask_to_wait(coro_loop *loop, void *result)
{
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(loop, waits_to_be_cancelled, result);
    ck_assert_ptr_nonnull(future);
    until(&begun);
    return future;
}

START_TEST(the_wait_for_a_result_can_be_limited)
{
    struct server server;
    void *value = &server;
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future = ask_to_wait(loop, ARG(4));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_MILLISECOND, &value), -ETIMEDOUT);
    ck_assert_int_eq(coro_concurrent_result(future, 0, &value), -ETIMEDOUT);
    ck_assert_int_eq(coro_concurrent_result(future, -1, &value), -ETIMEDOUT);
    ck_assert_ptr_eq(value, &server);
    ck_assert(!coro_concurrent_done(future));
    ck_assert(!coro_concurrent_cancelled(future));
    ck_assert_ptr_null(coro_concurrent_error_message(future));
    stop_server(&server);
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), 4);
    coro_concurrent_release(future);
}
END_TEST

START_TEST(a_task_that_timed_out_is_told_from_a_wait_that_did)
{
    struct server server;
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future = coro_run_coroutine_threadsafe(loop, returns, ARG(-ETIMEDOUT));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), -ETIMEDOUT);
    ck_assert(coro_concurrent_done(future));
    ck_assert_str_eq(coro_concurrent_error_message(future), strerror(ETIMEDOUT));
    coro_concurrent_release(future);
    stop_server(&server);
}
END_TEST

static void *waits_for_six(void *future)
{
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), 6);
    coro_concurrent_release(future);
    return NULL;
}

static atomic_bool opened;

static int waits_for_opening(void *arg)
{
    while (!atomic_load(&opened))
        coro_yield();
    return 6;
}

START_TEST(several_threads_may_wait_for_one_result)
{
    struct server server;
    pthread_t threads[THREADS];
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future = coro_run_coroutine_threadsafe(loop, waits_for_opening, NULL);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(waits_for_six, coro_concurrent_retain(future));
    coro_concurrent_release(future);
    nap(2);
    atomic_store(&opened, true);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    stop_server(&server);
}
END_TEST

START_TEST(what_was_cancelled_before_its_start_never_starts)
{
    const coro_run_options options = test_options();
    coro_runner *runner = coro_runner_create(&options);
    coro_loop *loop = coro_runner_get_loop(runner);
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(loop, waits_to_be_cancelled, NULL);
    ck_assert(coro_concurrent_cancel(future));
    ck_assert(!coro_concurrent_cancel(future));
    ck_assert(coro_concurrent_cancelled(future));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), -ECANCELED);
    ck_assert_int_eq(coro_runner_run(runner, yields_and_returns, ARG(0)), 0);
    ck_assert_int_eq(atomic_load(&times_begun), 0);
    ck_assert_int_eq(coro_runner_close(runner), 0);
    coro_concurrent_release(future);
}
END_TEST

START_TEST(a_cancel_ends_the_future_at_once_and_the_task_later)
{
    struct server server;
    void *value = &server;
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future = ask_to_wait(loop, NULL);
    ck_assert(coro_concurrent_cancel(future));
    ck_assert(coro_concurrent_done(future));
    ck_assert(coro_concurrent_cancelled(future));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, &value), -ECANCELED);
    ck_assert_ptr_null(value);
    ck_assert_str_eq(coro_concurrent_error_message(future), strerror(ECANCELED));
    ck_assert(!coro_concurrent_cancel(future));
    coro_concurrent_release(future);
    while (atomic_load(&got) == 0)
        nap(1);
    ck_assert_int_eq(atomic_load(&got), -ECANCELED);
    stop_server(&server);
}
END_TEST

START_TEST(a_task_that_refuses_does_not_bring_its_future_back)
{
    struct server server;
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future = ask_to_wait(loop, ARG(4));
    ck_assert(coro_concurrent_cancel(future));
    stop_server(&server);
    ck_assert_int_eq(atomic_load(&got), -ECANCELED);
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), -ECANCELED);
    ck_assert(coro_concurrent_cancelled(future));
    coro_concurrent_release(future);
}
END_TEST

START_TEST(what_has_a_result_is_not_cancelled)
{
    struct server server;
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future = coro_run_coroutine_threadsafe(loop, returns, ARG(3));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), 3);
    ck_assert(!coro_concurrent_cancel(future));
    ck_assert(!coro_concurrent_cancelled(future));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), 3);
    coro_concurrent_release(future);
    stop_server(&server);
}
END_TEST

static int cancels_itself(void *message)
{
    coro_cancel_with(coro_current_task(), message);
    return coro_yield();
}

START_TEST(a_task_that_is_cancelled_in_its_loop_cancels_its_future)
{
    struct server server;
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(loop, cancels_itself, word("had enough"));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), -ECANCELED);
    ck_assert(coro_concurrent_cancelled(future));
    ck_assert_str_eq(coro_concurrent_error_message(future), "had enough");
    coro_concurrent_release(future);
    stop_server(&server);
}
END_TEST

TASK_TEST(a_loop_cannot_block_on_a_task_of_its_own)
{
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(coro_current_loop(), yields_and_returns, ARG(3));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), -EDEADLK);
    ck_assert_int_eq(coro_concurrent_result(future, 1, NULL), -EDEADLK);
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), -ETIMEDOUT);
    ck_assert(!coro_concurrent_done(future));
    ck_assert_int_eq(coro_join(coro_wrap_future(future), NULL), 3);
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), 3);
    coro_concurrent_release(future);
    return 0;
}

static int asks_its_loop_from_a_thread(void *loop)
{
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(loop, yields_and_returns, ARG(3));
    const int rc = coro_concurrent_result(future, CORO_FOREVER, NULL);
    coro_concurrent_release(future);
    return rc;
}

TASK_TEST(a_function_in_a_thread_may_block_on_its_loop)
{
    ck_assert_int_eq(coro_to_thread(asks_its_loop_from_a_thread, coro_current_loop()), 3);
    return 0;
}

START_TEST(a_loop_that_has_ended_runs_no_tasks)
{
    struct server server;
    coro_loop *loop = start_server(&server);
    end_server(&server);
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(loop, waits_to_be_cancelled, NULL);
    coro_loop_release(loop);
    ck_assert(coro_concurrent_done(future));
    ck_assert(!coro_concurrent_cancelled(future));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), -ESHUTDOWN);
    ck_assert_str_eq(coro_concurrent_error_message(future), strerror(ESHUTDOWN));
    ck_assert(!coro_concurrent_cancel(future));
    coro_concurrent_release(future);
    ck_assert_int_eq(atomic_load(&times_begun), 0);
}
END_TEST

START_TEST(a_task_that_a_loop_has_not_come_to_is_refused_at_its_end)
{
    coro_runner *runner = coro_runner_create(NULL);
    coro_loop *loop = coro_runner_get_loop(runner);
    coro_concurrent_future *kept = coro_run_coroutine_threadsafe(loop, waits_to_be_cancelled, NULL);
    coro_concurrent_release(coro_run_coroutine_threadsafe(loop, waits_to_be_cancelled, NULL));
    coro_concurrent_future *cancelled =
        coro_run_coroutine_threadsafe(loop, waits_to_be_cancelled, NULL);
    ck_assert(coro_concurrent_cancel(cancelled));
    ck_assert_int_eq(coro_runner_close(runner), 0);
    ck_assert_int_eq(coro_concurrent_result(kept, CORO_FOREVER, NULL), -ESHUTDOWN);
    ck_assert_int_eq(coro_concurrent_result(cancelled, CORO_FOREVER, NULL), -ECANCELED);
    coro_concurrent_release(kept);
    coro_concurrent_release(cancelled);
    ck_assert_int_eq(atomic_load(&times_begun), 0);
}
END_TEST

static int asks_a_loop_that_ends(void *loop)
{
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(loop, waits_to_be_cancelled, NULL);
    const int rc = coro_concurrent_result(future, CORO_FOREVER, NULL);
    coro_concurrent_release(future);
    return rc;
}

static int asks_when_cancelled(void *loop)
{
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    ck_assert_int_eq(coro_to_thread(asks_a_loop_that_ends, loop), -ESHUTDOWN);
    trace("refused");
    return -ECANCELED;
}

static int leaves_one_that_asks(void *arg)
{
    coro_release(spawn(asks_when_cancelled, coro_current_loop()));
    passes(1);
    return 0;
}

START_TEST(a_loop_that_is_about_to_end_takes_no_tasks)
{
    ck_assert_int_eq(run_test(leaves_one_that_asks, NULL), 0);
    ck_assert_int_eq(atomic_load(&times_begun), 0);
    expect_trace("refused");
}
END_TEST

START_TEST(tasks_that_run_at_the_end_of_the_loop_are_cancelled)
{
    struct server server;
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future = ask_to_wait(loop, NULL);
    stop_server(&server);
    ck_assert(coro_concurrent_cancelled(future));
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), -ECANCELED);
    coro_concurrent_release(future);
}
END_TEST

static int is_as_red_as_its_creator(void *arg)
{
    const bool red = strcmp(coro_local_get(&color), "red") == 0;
    const int rc = coro_local_set(&color, word("black"), NULL);
    return rc < 0 ? rc : red;
}

static int has_a_red_task_run(void *loop)
{
    coro_local_set(&color, word("red"), NULL);
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(loop, is_as_red_as_its_creator, NULL);
    coro_local_set(&color, word("blue"), NULL);
    const int rc = coro_concurrent_result(future, CORO_FOREVER, NULL);
    coro_concurrent_release(future);
    ck_assert_str_eq(coro_local_get(&color), "blue");
    return rc;
}

TASK_TEST(a_task_has_copies_of_the_task_locals_of_who_asked_for_it)
{
    ck_assert_int_eq(coro_local_set(&color, word("green"), NULL), 0);
    ck_assert_int_eq(coro_to_thread(has_a_red_task_run, coro_current_loop()), 1);
    ck_assert_str_eq(coro_local_get(&color), "green");
    return 0;
}

START_TEST(nothing_comes_of_nothing)
{
    struct server server;
    coro_loop *loop = start_server(&server);
    void *value = &server;
    ck_assert_ptr_null(coro_run_coroutine_threadsafe(NULL, returns, NULL));
    ck_assert_ptr_null(coro_run_coroutine_threadsafe(loop, NULL, NULL));
    ck_assert_int_eq(coro_concurrent_result(NULL, CORO_FOREVER, &value), -ENOMEM);
    ck_assert_str_eq(coro_concurrent_error_message(NULL), strerror(ENOMEM));
    ck_assert(coro_concurrent_done(NULL));
    ck_assert(!coro_concurrent_cancelled(NULL));
    ck_assert(!coro_concurrent_cancel(NULL));
    ck_assert_ptr_null(coro_concurrent_retain(NULL));
    coro_concurrent_release(NULL);
    ck_assert_ptr_null(coro_wrap_future(NULL));
    stop_server(&server);
}
END_TEST

static void *lets_go(void *future)
{
    coro_concurrent_release(future);
    return NULL;
}

START_TEST(references_may_go_in_any_order)
{
    struct server server;
    coro_loop *loop = start_server(&server);
    coro_concurrent_future *future = ask_to_wait(loop, NULL);
    ck_assert_ptr_eq(coro_concurrent_retain(future), future);
    coro_concurrent_release(future);
    join_thread(start_thread(lets_go, future));
    coro_concurrent_release(coro_run_coroutine_threadsafe(loop, returns, ARG(0)));
    atomic_store(&begun, false);
    future = coro_concurrent_retain(ask_to_wait(loop, NULL));
    ck_assert(coro_concurrent_cancel(future));
    coro_concurrent_release(future);
    ck_assert(coro_concurrent_cancelled(future));
    coro_concurrent_release(future);
    stop_server(&server);
    ck_assert_int_eq(atomic_load(&times_begun), 2);
}
END_TEST

static int hangs_beside_a_result(void *arg)
{
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(coro_current_loop(), returns, ARG(3));
    ck_assert_int_eq(coro_join(coro_wrap_future(future), NULL), 3);
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    coro_concurrent_release(future);
    return 0;
}

START_TEST(a_future_that_has_a_result_hides_no_deadlock)
{
    expect_deadlock(hangs_beside_a_result);
}
END_TEST

static int hangs_beside_a_task_that_hangs(void *arg)
{
    coro_concurrent_release(
        coro_run_coroutine_threadsafe(coro_current_loop(), waits_to_be_cancelled, NULL));
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    ck_assert(atomic_load(&begun));
    return 0;
}

START_TEST(a_future_that_nobody_has_any_more_hides_no_deadlock)
{
    expect_deadlock(hangs_beside_a_task_that_hangs);
}
END_TEST

static void *cancels_late(void *future)
{
    nap(10);
    ck_assert(coro_concurrent_cancel(future));
    coro_concurrent_release(future);
    return NULL;
}

static int hangs_until_cancelled(void *arg)
{
    coro_task **main = arg;
    const int rc = coro_sleep(CORO_FOREVER);
    coro_cancel(*main);
    return rc;
}

TASK_TEST(who_has_a_future_can_still_wake_the_loop_with_it)
{
    coro_task *main = coro_current_task();
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(coro_current_loop(), hangs_until_cancelled, &main);
    const pthread_t thread = start_thread(cancels_late, future);
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    join_thread(thread);
    return 0;
}

static int runs_in_an_eager_loop(void *arg)
{
    ck_assert_int_eq(coro_to_thread(asks_its_loop_from_a_thread, coro_current_loop()), 3);
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(coro_current_loop(), returns, ARG(4));
    ck_assert_int_eq(coro_join(coro_wrap_future(future), NULL), 4);
    coro_concurrent_release(future);
    return 0;
}

START_TEST(eager_loops_run_tasks_of_others_too)
{
    coro_run_options options = test_options();
    options.eager_start = true;
    ck_assert_int_eq(coro_run_with(&options, runs_in_an_eager_loop, NULL), 0);
}
END_TEST

static void *asks_often(void *loop)
{
    int wrong = 0;
    for (int i = many(500); i > 0; i--) {
        coro_concurrent_future *future =
            coro_run_coroutine_threadsafe(loop, i % 2 ? returns : yields_and_returns, ARG(i));
        wrong += coro_concurrent_result(future, CORO_FOREVER, NULL) != i;
        coro_concurrent_release(future);
    }
    ck_assert_int_eq(wrong, 0);
    return NULL;
}

START_TEST(many_threads_have_many_tasks_run)
{
    struct server server;
    pthread_t threads[THREADS];
    coro_loop *loop = start_server(&server);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(asks_often, loop);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    stop_server(&server);
}
END_TEST

static void *asks_for_many_at_once(void *loop)
{
    enum { AT_ONCE = 200 };
    coro_concurrent_future *futures[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++)
        futures[i] = coro_run_coroutine_threadsafe(loop, yields_and_returns, ARG(i));
    for (int i = AT_ONCE - 1; i >= 0; i--) {
        ck_assert_int_eq(coro_concurrent_result(futures[i], CORO_FOREVER, NULL), i);
        coro_concurrent_release(futures[i]);
    }
    return NULL;
}

START_TEST(many_tasks_of_many_threads_run_at_once)
{
    struct server server;
    pthread_t threads[THREADS];
    coro_loop *loop = start_server(&server);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(asks_for_many_at_once, loop);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    stop_server(&server);
}
END_TEST

START_TEST(a_cancel_and_the_end_agree_on_who_was_first)
{
    struct server server;
    int wrong = 0;
    coro_loop *loop = start_server(&server);
    for (int i = many(2000); i > 0; i--) {
        coro_concurrent_future *future =
            coro_run_coroutine_threadsafe(loop, i % 2 ? returns : yields_and_returns, ARG(3));
        for (int n = i % 50; n > 0; n--)
            wrong += coro_concurrent_error_message(future) != NULL;
        const bool cancelled = coro_concurrent_cancel(future);
        wrong += coro_concurrent_result(future, 0, NULL) != (cancelled ? -ECANCELED : 3);
        wrong += coro_concurrent_cancelled(future) != cancelled;
        coro_concurrent_release(future);
    }
    ck_assert_int_eq(wrong, 0);
    stop_server(&server);
}
END_TEST

/* --- Tasks of other loops, waited for by tasks ------------------------------------------------ */
/* A test whose main task has a server beside it. */
static struct server server;

static coro_concurrent_future *ask(coro_fn *fn, void *arg)
{
    coro_concurrent_future *future = coro_run_coroutine_threadsafe(server.loop, fn, arg);
    ck_assert_ptr_nonnull(future);
    return future;
}

static coro_future *wrap(coro_concurrent_future *future)
{
    coro_future *wrapped = coro_wrap_future(future);
    ck_assert_ptr_nonnull(wrapped);
    return wrapped;
}

static int joins_a_wrap(void *future)
{
    return coro_join(wrap(future), NULL);
}

TASK_TEST(a_task_waits_for_one_of_another_loop)
{
    int object;
    void *value = NULL;
    start_server(&server);
    coro_concurrent_future *future = ask(returns_a_value, &object);
    ck_assert_int_eq(coro_join(wrap(future), &value), 6);
    ck_assert_ptr_eq(value, &object);
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), 6);
    coro_concurrent_release(future);
    stop_server(&server);
    return 0;
}

TASK_TEST(others_of_its_loop_run_meanwhile)
{
    start_server(&server);
    coro_concurrent_future *future = ask(waits_for_opening, NULL);
    coro_task *waiter = spawn(joins_a_wrap, future);
    passes(50);
    ck_assert(!coro_done(waiter));
    atomic_store(&opened, true);
    ck_assert_int_eq(coro_join(waiter, NULL), 6);
    coro_concurrent_release(future);
    stop_server(&server);
    return 0;
}

TASK_TEST(an_error_and_its_text_come_through)
{
    void *value = &server;
    start_server(&server);
    coro_concurrent_future *future = ask(fails_with_a_text, NULL);
    coro_future *wrapped = wrap(future);
    ck_assert_int_eq(coro_await(wrapped, &value), -ENOENT);
    ck_assert_ptr_null(value);
    ck_assert_str_eq(coro_error_message(wrapped), "no page 5");
    ck_assert_str_eq(coro_error_message(coro_current_task()), "no page 5");
    ck_assert(!coro_cancelled(wrapped));
    coro_release(wrapped);
    coro_concurrent_release(future);
    stop_server(&server);
    return 0;
}

TASK_TEST(one_that_is_done_comes_through_as_well)
{
    start_server(&server);
    coro_concurrent_future *future = ask(fails_with_a_text, NULL);
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), -ENOENT);
    stop_server(&server);
    coro_future *wrapped = wrap(future);
    coro_concurrent_release(future);
    ck_assert_int_eq(coro_await(wrapped, NULL), -ENOENT);
    ck_assert_str_eq(coro_error_message(wrapped), "no page 5");
    coro_release(wrapped);
    return 0;
}

TASK_TEST(a_cancelled_waiter_cancels_the_task_in_the_other_loop)
{
    start_server(&server);
    coro_concurrent_future *future = ask_to_wait(server.loop, NULL);
    coro_task *waiter = spawn(joins_a_wrap, future);
    passes(3);
    ck_assert(coro_cancel(waiter));
    ck_assert_int_eq(coro_join(waiter, NULL), -ECANCELED);
    while (!coro_concurrent_done(future))
        passes(1);
    ck_assert(coro_concurrent_cancelled(future));
    while (atomic_load(&got) == 0)
        nap(1);
    ck_assert_int_eq(atomic_load(&got), -ECANCELED);
    coro_concurrent_release(future);
    stop_server(&server);
    return 0;
}

TASK_TEST(a_cancelled_concurrent_future_cancels_those_who_wait)
{
    start_server(&server);
    coro_concurrent_future *future = ask_to_wait(server.loop, NULL);
    coro_task *waiter = spawn(joins_a_wrap, future);
    passes(3);
    join_thread(start_thread(cancels_late, coro_concurrent_retain(future)));
    ck_assert_int_eq(coro_await(waiter, NULL), -ECANCELED);
    ck_assert(coro_cancelled(waiter));
    ck_assert_int_eq(coro_cancelling(waiter), 0);
    coro_release(waiter);
    coro_concurrent_release(future);
    stop_server(&server);
    ck_assert_int_eq(atomic_load(&got), -ECANCELED);
    return 0;
}

TASK_TEST(a_task_that_is_cancelled_there_cancels_those_who_wait_here)
{
    start_server(&server);
    coro_concurrent_future *future = ask(cancels_itself, word("had enough"));
    coro_future *wrapped = wrap(future);
    ck_assert_int_eq(coro_await(wrapped, NULL), -ECANCELED);
    ck_assert(coro_cancelled(wrapped));
    ck_assert_str_eq(coro_error_message(wrapped), "had enough");
    coro_release(wrapped);
    coro_concurrent_release(future);
    stop_server(&server);
    return 0;
}

TASK_TEST(a_timeout_cancels_the_task_in_the_other_loop)
{
    start_server(&server);
    coro_concurrent_future *future = ask_to_wait(server.loop, NULL);
    coro_future *wrapped = wrap(future);
    ck_assert_int_eq(coro_wait_for(wrapped, CORO_SECOND, NULL), -ETIMEDOUT);
    passes(2);
    ck_assert(coro_concurrent_cancelled(future));
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    coro_release(wrapped);
    coro_concurrent_release(future);
    stop_server(&server);
    ck_assert_int_eq(atomic_load(&got), -ECANCELED);
    return 0;
}

TASK_TEST(a_wrap_lives_without_the_concurrent_future_and_without_its_own_handle)
{
    start_server(&server);
    coro_concurrent_future *future = ask(waits_for_opening, NULL);
    coro_future *wrapped = wrap(future);
    coro_release(wrap(future));
    coro_concurrent_release(future);
    passes(2);
    atomic_store(&opened, true);
    ck_assert_int_eq(coro_join(wrapped, NULL), 6);
    stop_server(&server);
    return 0;
}

TASK_TEST(one_may_be_wrapped_twice)
{
    start_server(&server);
    coro_concurrent_future *future = ask(waits_for_opening, NULL);
    coro_future *first = wrap(future), *second = wrap(future);
    ck_assert_ptr_ne(first, second);
    atomic_store(&opened, true);
    ck_assert_int_eq(coro_join(second, NULL), 6);
    ck_assert_int_eq(coro_join(first, NULL), 6);
    coro_concurrent_release(future);
    stop_server(&server);
    return 0;
}

TASK_TEST(a_cancel_of_one_wrap_reaches_the_other)
{
    start_server(&server);
    coro_concurrent_future *future = ask_to_wait(server.loop, NULL);
    coro_future *first = wrap(future), *second = wrap(future);
    ck_assert(coro_cancel(first));
    ck_assert(!coro_done(second));
    ck_assert_int_eq(coro_join(second, NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(first, NULL), -ECANCELED);
    coro_concurrent_release(future);
    stop_server(&server);
    ck_assert_int_eq(atomic_load(&got), -ECANCELED);
    return 0;
}

TASK_TEST(a_wrap_that_was_settled_by_hand_leaves_the_other_side_alone)
{
    start_server(&server);
    coro_concurrent_future *future = ask(waits_for_opening, NULL);
    coro_future *wrapped = wrap(future);
    ck_assert_int_eq(coro_set_result(wrapped, 9, NULL), 0);
    passes(3);
    ck_assert(!coro_concurrent_done(future));
    atomic_store(&opened, true);
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), 6);
    ck_assert_int_eq(coro_join(wrapped, NULL), 9);
    coro_concurrent_release(future);
    stop_server(&server);
    return 0;
}

static coro_concurrent_future *left;

static int leaves_a_waiter(void *arg)
{
    coro_release(spawn(joins_a_wrap, left));
    passes(2);
    return 0;
}

START_TEST(a_loop_that_ends_first_cancels_what_its_tasks_wait_for)
{
    left = ask_to_wait(start_server(&server), NULL);
    ck_assert_int_eq(run_test(leaves_a_waiter, NULL), 0);
    ck_assert(coro_concurrent_cancelled(left));
    coro_concurrent_release(left);
    stop_server(&server);
    ck_assert_int_eq(atomic_load(&got), -ECANCELED);
}
END_TEST

static coro_future *wrapped_before;

static int leaves_a_wrap(void *arg)
{
    coro_release(wrap(left));
    wrapped_before = wrap(left);
    return 0;
}

START_TEST(a_loop_that_ends_first_leaves_alone_what_nobody_waits_for)
{
    left = NULL;
    start_server(&server);
    left = ask(waits_for_opening, NULL);
    ck_assert_int_eq(run_test(leaves_a_wrap, NULL), 0);
    ck_assert(!coro_done(wrapped_before));
    coro_release(wrapped_before);
    ck_assert(!coro_concurrent_done(left));
    atomic_store(&opened, true);
    ck_assert_int_eq(coro_concurrent_result(left, CORO_FOREVER, NULL), 6);
    coro_concurrent_release(left);
    stop_server(&server);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

TASK_TEST(the_end_of_the_other_loop_cancels_those_who_wait_here)
{
    start_server(&server);
    coro_concurrent_future *future = ask_to_wait(server.loop, NULL);
    coro_future *wrapped = wrap(future);
    stop_server(&server);
    ck_assert_int_eq(coro_join(wrapped, NULL), -ECANCELED);
    ck_assert(coro_concurrent_cancelled(future));
    coro_concurrent_release(future);
    return 0;
}

TASK_TEST(a_loop_that_has_ended_is_heard_of_here)
{
    start_server(&server);
    end_server(&server);
    coro_concurrent_future *future = ask(returns, ARG(0));
    coro_future *wrapped = wrap(future);
    ck_assert_int_eq(coro_await(wrapped, NULL), -ESHUTDOWN);
    ck_assert_str_eq(coro_error_message(wrapped), strerror(ESHUTDOWN));
    coro_release(wrapped);
    coro_concurrent_release(future);
    coro_loop_release(server.loop);
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_wrap_future_without_loop */
START_TEST(outside_a_loop_nothing_is_wrapped)
{
    start_server(&server);
    coro_concurrent_future *future = ask(returns, ARG(3));
    ck_assert_ptr_null(coro_wrap_future(future));
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), 3);
    ck_assert_ptr_null(coro_wrap_future(future));
    coro_concurrent_release(future);
    stop_server(&server);
}
END_TEST

static int wraps_and_hangs(void *future)
{
    coro_release(wrap(future));
    coro_concurrent_release(future);
    ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    return 0;
}

static int hangs_after_a_wrap(void *arg)
{
    return wraps_and_hangs(ask(returns, ARG(3)));
}

START_TEST(a_wrap_whose_result_has_come_hides_no_deadlock)
{
    start_server(&server);
    expect_deadlock(hangs_after_a_wrap);
    stop_server(&server);
}
END_TEST

static void *waits_in_short_loops(void *arg)
{
    int wrong = 0;
    for (int i = many(500); i > 0; i--) {
        coro_concurrent_future *future = ask(i % 2 ? returns : yields_and_returns, ARG(i));
        wrong += run_test(joins_a_wrap, future) != i;
        coro_concurrent_release(future);
    }
    ck_assert_int_eq(wrong, 0);
    return NULL;
}

START_TEST(a_loop_may_end_as_soon_as_it_has_heard)
{
    pthread_t threads[3];
    start_server(&server);
    for (int i = 0; i < 3; i++)
        threads[i] = start_thread(waits_in_short_loops, NULL);
    for (int i = 0; i < 3; i++)
        join_thread(threads[i]);
    stop_server(&server);
}
END_TEST

/* The result comes before the end of the loop, or after it. */
static int leaves_a_waiter_for(void *future)
{
    coro_release(spawn(joins_a_wrap, future));
    coro_yield();
    return coro_yield();
}

static void *waits_in_vain(void *arg)
{
    int wrong = 0;
    for (int i = many(500); i > 0; i--) {
        coro_concurrent_future *future = ask(i % 2 ? returns : yields_and_returns, ARG(i));
        wrong += run_test(leaves_a_waiter_for, future) != 0;
        const int rc = coro_concurrent_result(future, CORO_FOREVER, NULL);
        wrong += rc != i && rc != -ECANCELED;
        coro_concurrent_release(future);
    }
    ck_assert_int_eq(wrong, 0);
    return NULL;
}

START_TEST(a_loop_may_end_just_before_it_hears)
{
    pthread_t threads[3];
    start_server(&server);
    for (int i = 0; i < 3; i++)
        threads[i] = start_thread(waits_in_vain, NULL);
    for (int i = 0; i < 3; i++)
        join_thread(threads[i]);
    stop_server(&server);
}
END_TEST

/* --- All at once ------------------------------------------------------------------------------ */
enum { LOOPS = 4, WORKERS = 5 };

static struct server servers[LOOPS];
static atomic_int calls_made, wrong_results;

static void adds_a_call(void *arg)
{
    atomic_fetch_add(&calls_made, 1);
}

static unsigned next_chance(unsigned *chance)
{
    *chance = *chance * 1103515245 + 12345;
    return *chance >> 16;
}

static int sleeps_in_a_thread(void *status)
{
    return NUMBER(status);
}

static int works_in_a_thread(void *status)
{
    return coro_to_thread(sleeps_in_a_thread, status);
}

static void check(bool right)
{
    if (!right)
        atomic_fetch_add(&wrong_results, 1);
}

/* Asks another loop for something, and perhaps cancels it, here or there. */
static void works_once(unsigned *chance)
{
    static coro_fn *const fns[] = {returns, yields_and_returns, works_in_a_thread};
    coro_loop *loop = servers[next_chance(chance) % LOOPS].loop;
    const int number = (int)(next_chance(chance) % 1000);
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(loop, fns[next_chance(chance) % 3], ARG(number));
    coro_future *wrapped = coro_wrap_future(future);
    check(coro_call_soon_threadsafe(loop, adds_a_call, NULL) == 0);
    for (unsigned n = next_chance(chance) % 4; n > 0; n--)
        coro_yield();
    const unsigned what = next_chance(chance) % 6;
    const bool cancelled = what == 0   ? coro_cancel(wrapped)
                           : what == 1 ? coro_concurrent_cancel(future)
                                       : false;
    if (what == 2) {
        coro_concurrent_release(future);
        future = NULL;
    }
    const int rc = coro_join(wrapped, NULL);
    check(rc == number || (what < 2 && rc == -ECANCELED));
    /* Whoever was told of a cancel sees one, but what was wrapped may have ended before. */
    check(!(cancelled && what == 0) || rc == -ECANCELED);
    check(!(cancelled && what == 1) || coro_concurrent_cancelled(future));
    coro_concurrent_release(future);
}

static int works(void *seed)
{
    unsigned chance = (unsigned)NUMBER(seed);
    for (int i = 0; i < many(300) / 2; i++)
        works_once(&chance);
    return 0;
}

static void *has_work_done(void *arg)
{
    struct server *own = arg;
    coro_concurrent_future *futures[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        futures[i] = coro_run_coroutine_threadsafe(own->loop, works,
                                                   ARG((int)(own - servers) * WORKERS + i + 1));
    for (int i = 0; i < WORKERS; i++) {
        check(coro_concurrent_result(futures[i], CORO_FOREVER, NULL) == 0);
        coro_concurrent_release(futures[i]);
    }
    return NULL;
}

START_TEST(several_loops_have_each_other_work)
{
    pthread_t threads[LOOPS];
    for (int i = 0; i < LOOPS; i++)
        start_server(&servers[i]);
    for (int i = 0; i < LOOPS; i++)
        threads[i] = start_thread(has_work_done, &servers[i]);
    for (int i = 0; i < LOOPS; i++)
        join_thread(threads[i]);
    for (int i = 0; i < LOOPS; i++)
        stop_server(&servers[i]);
    ck_assert_int_eq(atomic_load(&wrong_results), 0);
    ck_assert_int_eq(atomic_load(&calls_made), LOOPS * WORKERS * (many(300) / 2));
}
END_TEST

static void *asks_whatever_comes(void *arg)
{
    coro_loop *loop = arg;
    bool ended_already = false;
    while (!ended_already) {
        coro_concurrent_future *future = coro_run_coroutine_threadsafe(loop, returns, ARG(3));
        const int called = coro_call_soon_threadsafe(loop, adds_a_call, NULL);
        const int rc = coro_concurrent_result(future, CORO_FOREVER, NULL);
        check(called == 0 || called == -ESHUTDOWN);
        check(rc == 3 || rc == -ESHUTDOWN || rc == -ECANCELED);
        coro_concurrent_release(future);
        ended_already = called < 0;
    }
    coro_loop_release(loop);
    return NULL;
}

START_TEST(a_loop_ends_under_load)
{
    for (int i = 0; i < 20; i++) {
        pthread_t threads[3];
        start_server(&server);
        for (int k = 0; k < 3; k++)
            threads[k] = start_thread(asks_whatever_comes, coro_loop_retain(server.loop));
        nap(1);
        stop_server(&server);
        for (int k = 0; k < 3; k++)
            join_thread(threads[k]);
    }
    ck_assert_int_eq(atomic_load(&wrong_results), 0);
    ck_assert_int_gt(atomic_load(&calls_made), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_call_wakes_a_loop_that_has_nothing_to_do,
        a_call_wakes_a_sleeping_loop_on_the_real_clock,
        a_call_wakes_a_loop_that_sleeps_until_a_timer,
        on_the_virtual_clock_a_timer_is_not_held_up_by_a_handle,
        calls_come_in_the_order_in_which_a_thread_made_them,
        in_its_own_thread_a_loop_calls_as_soon_as_by_call_soon,
        what_a_call_asks_for_comes_a_pass_later,
        a_loop_does_not_overtake_threads_that_it_has_seen_end,
        functions_in_threads_may_borrow_the_loop,
        calls_are_callbacks_in_the_loops_thread,
        a_call_has_copies_of_the_task_locals_of_its_poster,
        calls_of_nothing_are_refused,
        errno_is_kept_on_both_sides,
        a_loop_that_has_ended_refuses_calls,
        a_call_that_a_loop_has_not_come_to_is_dropped_with_it,
        calls_between_two_runs_wait_for_the_next,
        of_many_calls_from_many_threads_none_is_lost,
        nor_on_the_real_clock,
        there_is_no_current_loop_outside_of_one,
        the_loop_of_a_runner_is_the_one_that_runs,
        a_loop_is_not_deadlocked_before_the_last_handle_has_gone,
        a_loop_whose_handles_have_gone_can_be_deadlocked,
        a_handle_may_outlive_its_loop,
        whoever_has_posted_may_let_go_of_the_loop_at_once,
        another_thread_gets_status_and_value_of_a_task,
        errors_come_with_their_text,
        the_wait_for_a_result_can_be_limited,
        a_task_that_timed_out_is_told_from_a_wait_that_did,
        several_threads_may_wait_for_one_result,
        what_was_cancelled_before_its_start_never_starts,
        a_cancel_ends_the_future_at_once_and_the_task_later,
        a_task_that_refuses_does_not_bring_its_future_back,
        what_has_a_result_is_not_cancelled,
        a_task_that_is_cancelled_in_its_loop_cancels_its_future,
        a_loop_cannot_block_on_a_task_of_its_own,
        a_function_in_a_thread_may_block_on_its_loop,
        a_loop_that_has_ended_runs_no_tasks,
        a_task_that_a_loop_has_not_come_to_is_refused_at_its_end,
        a_loop_that_is_about_to_end_takes_no_tasks,
        tasks_that_run_at_the_end_of_the_loop_are_cancelled,
        a_task_has_copies_of_the_task_locals_of_who_asked_for_it,
        nothing_comes_of_nothing,
        references_may_go_in_any_order,
        a_future_that_has_a_result_hides_no_deadlock,
        a_future_that_nobody_has_any_more_hides_no_deadlock,
        who_has_a_future_can_still_wake_the_loop_with_it,
        eager_loops_run_tasks_of_others_too,
        many_threads_have_many_tasks_run,
        many_tasks_of_many_threads_run_at_once,
        a_cancel_and_the_end_agree_on_who_was_first,
        a_task_waits_for_one_of_another_loop,
        others_of_its_loop_run_meanwhile,
        an_error_and_its_text_come_through,
        one_that_is_done_comes_through_as_well,
        a_cancelled_waiter_cancels_the_task_in_the_other_loop,
        a_cancelled_concurrent_future_cancels_those_who_wait,
        a_task_that_is_cancelled_there_cancels_those_who_wait_here,
        a_timeout_cancels_the_task_in_the_other_loop,
        a_wrap_lives_without_the_concurrent_future_and_without_its_own_handle,
        one_may_be_wrapped_twice,
        a_cancel_of_one_wrap_reaches_the_other,
        a_wrap_that_was_settled_by_hand_leaves_the_other_side_alone,
        a_loop_that_ends_first_cancels_what_its_tasks_wait_for,
        a_loop_that_ends_first_leaves_alone_what_nobody_waits_for,
        the_end_of_the_other_loop_cancels_those_who_wait_here,
        a_loop_that_has_ended_is_heard_of_here,
        outside_a_loop_nothing_is_wrapped,
        a_wrap_whose_result_has_come_hides_no_deadlock,
        a_loop_may_end_as_soon_as_it_has_heard,
        a_loop_may_end_just_before_it_hears,
        several_loops_have_each_other_work,
        a_loop_ends_under_load,
        NULL,
    };
    return run_suite("threadsafe", tests);
}
