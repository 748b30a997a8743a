/* SPDX-License-Identifier: MIT */
/* Calls of other threads, and their handles of a loop. Where a test waits for another thread, it
 * would wait for ever if something were lost. */
#include "support_threads.h"

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

/* CPython: test_events.EventLoopTestsMixin.test_call_soon_threadsafe */
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

/* CPython: test_events.EventLoopTestsMixin.test_call_soon_threadsafe_same_thread */
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
        NULL,
    };
    return run_suite("threadsafe", tests);
}
