/* SPDX-License-Identifier: MIT */
/* Several runs of one loop: what goes on from one to the next, and what the close does with it. */
#include "support.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

static coro_runner *create_with(const coro_run_options *options)
{
    coro_runner *runner = coro_runner_create(options);
    ck_assert_ptr_nonnull(runner);
    return runner;
}

static coro_runner *create(void)
{
    const coro_run_options options = test_options();
    return create_with(&options);
}

/* Nothing is left to report, either. */
static void close_quietly(coro_runner *runner)
{
    ck_assert_int_eq(coro_runner_close(runner), 0);
    ck_assert_uint_eq(logged(), 0);
}

static void nap(int milliseconds)
{
    const struct timespec time = {.tv_nsec = milliseconds * 1000000L};
    nanosleep(&time, NULL);
}

/* --- Runs ------------------------------------------------------------------------------------- */
static int fails(void *arg)
{
    return coro_fail(-ENOENT, "no page");
}

static int cancels_itself(void *arg)
{
    coro_cancel(coro_current_task());
    return coro_yield();
}

START_TEST(each_run_returns_the_result_of_its_own_main_task)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, returns, ARG(5)), 5);
    ck_assert_int_eq(coro_runner_run(runner, fails, NULL), -ENOENT);
    ck_assert_int_eq(coro_runner_run(runner, cancels_itself, NULL), -ECANCELED);
    ck_assert_int_eq(coro_runner_run(runner, yields_and_returns, ARG(6)), 6);
    close_quietly(runner);
}
END_TEST

START_TEST(a_runner_that_never_ran_can_be_closed)
{
    close_quietly(create());
    ck_assert_int_eq(coro_runner_close(NULL), 0);
}
END_TEST

static int traces_its_name(void *arg)
{
    trace("%s", coro_get_name(coro_current_task()));
    return 0;
}

START_TEST(the_numbers_of_tasks_go_on)
{
    coro_runner *runner = create();
    coro_runner_run(runner, traces_its_name, NULL);
    coro_runner_run(runner, traces_its_name, NULL);
    expect_trace("Task-1 Task-2");
    close_quietly(runner);
}
END_TEST

static int expects_loop(void *loop)
{
    ck_assert_ptr_nonnull(loop);
    ck_assert_ptr_eq(coro_current_loop(), loop);
    return 0;
}

START_TEST(all_runs_are_of_one_loop)
{
    coro_runner *runner = create();
    coro_loop *loop = coro_runner_get_loop(runner);
    ck_assert_ptr_null(coro_current_loop());
    ck_assert_int_eq(coro_runner_run(runner, expects_loop, loop), 0);
    ck_assert_ptr_null(coro_current_loop());
    ck_assert_int_eq(coro_runner_run(runner, expects_loop, loop), 0);
    ck_assert_ptr_eq(coro_runner_get_loop(runner), loop);
    close_quietly(runner);
    ck_assert_ptr_null(coro_runner_get_loop(NULL));
}
END_TEST

/* --- Tasks that are left over ----------------------------------------------------------------- */
static int traces_and_sleeps(void *milliseconds)
{
    const int rc = sleeps(milliseconds);
    trace("%s@%d",
          rc == 0            ? "slept"
          : rc == -ECANCELED ? "cancelled"
                             : "?",
          (int)(coro_now() / CORO_MILLISECOND));
    return rc;
}

static int leaves_a_sleeper(void *milliseconds)
{
    coro_release(spawn(traces_and_sleeps, milliseconds));
    return coro_yield();
}

START_TEST(a_left_over_task_goes_on_in_the_next_run)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_sleeper, ARG(1000)), 0);
    expect_trace("");
    ck_assert_int_eq(coro_runner_run(runner, traces_and_sleeps, ARG(400)), 0);
    expect_trace("slept@400");
    ck_assert_int_eq(coro_runner_run(runner, traces_and_sleeps, ARG(800)), 0);
    expect_trace("slept@1000 slept@1200");
    close_quietly(runner);
}
END_TEST

static int spawns_one_that_never_starts(void *arg)
{
    /* Not in this pass, which is the last one. */
    coro_release(spawn(traces_its_name, NULL));
    return 0;
}

static int yields_once(void *arg)
{
    trace("main");
    return coro_yield();
}

START_TEST(what_was_ready_runs_before_the_next_main_task)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, returns, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, spawns_one_that_never_starts, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, yields_once, NULL), 0);
    expect_trace("Task-3 main");
    close_quietly(runner);
}
END_TEST

static coro_task *left[3];

static int leaves_three(void *arg)
{
    for (int i = 0; i < 3; i++)
        left[i] = spawn(forever, NULL);
    return coro_yield();
}

static int counts_tasks(void *arg)
{
    coro_task *tasks[8];
    const size_t count = coro_all_tasks(tasks, 8);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_eq(tasks[i], left[i]);
    ck_assert_ptr_eq(tasks[3], coro_current_task());
    return (int)count;
}

static int cancels_the_second(void *arg)
{
    ck_assert(coro_cancel(left[1]));
    ck_assert_int_eq(coro_await(left[1], NULL), -ECANCELED);
    return 0;
}

START_TEST(a_run_finds_the_tasks_of_the_one_before)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_three, NULL), 0);
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 0);
    ck_assert_int_eq(coro_runner_run(runner, counts_tasks, NULL), 4);
    ck_assert_int_eq(coro_runner_run(runner, cancels_the_second, NULL), 0);
    ck_assert(!coro_done(left[0]));
    ck_assert(coro_cancelled(left[1]));
    ck_assert(!coro_done(left[2]));
    close_quietly(runner);
    for (int i = 0; i < 3; i++) {
        ck_assert(coro_cancelled(left[i]));
        coro_release(left[i]);
    }
}
END_TEST

static int awaits_first(void *arg)
{
    return coro_await(left[0], NULL);
}

static int leaves_one_that_returns(void *status)
{
    left[0] = spawn(yields_and_returns, status);
    return 0;
}

START_TEST(a_later_run_can_wait_for_a_left_over_task)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_one_that_returns, ARG(8)), 0);
    ck_assert(!coro_done(left[0]));
    ck_assert_int_eq(coro_result(left[0], NULL), -EINPROGRESS);
    ck_assert_int_eq(coro_runner_run(runner, awaits_first, NULL), 8);
    coro_release(left[0]);
    close_quietly(runner);
}
END_TEST

static int leaves_a_failing_one(void *arg)
{
    coro_release(spawn(fails, NULL));
    return coro_sleep(0);
}

START_TEST(a_left_over_task_that_fails_is_never_retrieved)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_failing_one, NULL), 0);
    expect_log(CORO_LOG_NEVER_RETRIEVED, -ENOENT, "no page");
    close_quietly(runner);
}
END_TEST

/* --- Main tasks, over their runs -------------------------------------------------------------- */
static coro_task *main_task;

static int keeps_itself(void *status)
{
    main_task = coro_retain(coro_current_task());
    return NUMBER(status) < 0 ? coro_fail(NUMBER(status), "spam") : NUMBER(status);
}

static int awaits_the_main_task_before(void *arg)
{
    return coro_await(main_task, NULL);
}

START_TEST(the_handle_of_a_main_task_can_be_kept)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, keeps_itself, ARG(4)), 4);
    ck_assert(coro_done(main_task));
    ck_assert_int_eq(coro_result(main_task, NULL), 4);
    ck_assert_int_eq(coro_runner_run(runner, awaits_the_main_task_before, NULL), 4);
    coro_release(main_task);

    ck_assert_int_eq(coro_runner_run(runner, keeps_itself, ARG(-EDOM)), -EDOM);
    ck_assert_str_eq(coro_error_message(main_task), "spam");
    ck_assert_int_eq(coro_runner_run(runner, awaits_the_main_task_before, NULL), -EDOM);
    close_quietly(runner);
    ck_assert_str_eq(coro_error_message(main_task), "spam");
    coro_release(main_task);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static void traces_its_end(coro_task *task, void *name)
{
    trace("%s:%d", (const char *)name, coro_result(task, NULL));
}

static int has_a_done_callback(void *arg)
{
    return coro_add_done_callback(coro_current_task(), traces_its_end, (void *)"first");
}

START_TEST(done_callbacks_of_a_main_task_run_in_its_own_run)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, has_a_done_callback, NULL), 0);
    expect_trace("first:0");
    close_quietly(runner);
}
END_TEST

static int awaits_main(void *arg)
{
    trace("%d", coro_await(main_task, NULL));
    return 0;
}

static int is_awaited(void *arg)
{
    main_task = coro_current_task();
    coro_release(spawn(awaits_main, NULL));
    passes(1);
    return 5;
}

START_TEST(who_awaits_a_main_task_gets_its_result_at_the_latest_in_the_next_run)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, is_awaited, NULL), 5);
    ck_assert_int_eq(coro_runner_run(runner, returns, NULL), 0);
    expect_trace("5");
    close_quietly(runner);
}
END_TEST

/* --- Clock, seed, task-locals ----------------------------------------------------------------- */
START_TEST(a_virtual_clock_goes_on)
{
    coro_runner *runner = create();
    coro_runner_run(runner, traces_and_sleeps, ARG(1000));
    coro_runner_run(runner, traces_and_sleeps, ARG(1));
    expect_trace("slept@1000 slept@1001");
    close_quietly(runner);
}
END_TEST

START_TEST(between_runs_the_time_is_the_systems)
{
    coro_runner *runner = create();
    coro_runner_run(runner, returns, NULL);
    const coro_time before = coro_now();
    ck_assert_int_gt(before, 0);
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    ck_assert_int_ge(time.tv_sec * CORO_SECOND + time.tv_nsec, before);
    close_quietly(runner);
}
END_TEST

static int traces_number(void *number)
{
    trace("%d", NUMBER(number));
    return 0;
}

static int traces_order(void *arg)
{
    for (int i = 0; i < 10; i++)
        coro_release(spawn(traces_number, ARG(i)));
    return coro_yield() + coro_yield();
}

static void two_orders(uint64_t seed, char first[64], char second[64])
{
    coro_run_options options = test_options();
    options.seed = seed;
    coro_runner *runner = create_with(&options);
    coro_runner_run(runner, traces_order, NULL);
    take_trace(first, 64);
    coro_runner_run(runner, traces_order, NULL);
    take_trace(second, 64);
    close_quietly(runner);
}

START_TEST(a_seed_shuffles_each_run_in_its_own_way_and_always_the_same)
{
    char first[64], second[64], first_again[64], second_again[64];
    two_orders(3, first, second);
    two_orders(3, first_again, second_again);
    ck_assert_str_ne(first, second);
    ck_assert_str_eq(first, first_again);
    ck_assert_str_eq(second, second_again);
    two_orders(0, first, second);
    ck_assert_str_eq(first, "0 1 2 3 4 5 6 7 8 9");
    ck_assert_str_eq(second, first);
}
END_TEST

static int runs_at_once(void *arg)
{
    coro_release(spawn(traces_number, ARG(1)));
    trace("main");
    return 0;
}

START_TEST(eager_starts_are_for_all_runs_but_not_for_main_tasks)
{
    coro_run_options options = test_options();
    options.eager_start = true;
    coro_runner *runner = create_with(&options);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(coro_runner_run(runner, runs_at_once, NULL), 0);
        expect_trace("1 main");
    }
    close_quietly(runner);
}
END_TEST

static const coro_local color = CORO_LOCAL_INITIALIZER(NULL);

static int sees_and_sets(void *value)
{
    const char *seen = coro_local_get(&color);
    trace("%s", seen ? seen : "none");
    return value ? coro_local_set(&color, value, NULL) : 0;
}

START_TEST(a_main_task_starts_with_the_locals_that_the_one_before_it_had_at_its_end)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, sees_and_sets, (void *)"red"), 0);
    ck_assert_ptr_null(coro_local_get(&color));
    ck_assert_int_eq(coro_local_set(&color, (void *)"white", NULL), -EPERM);
    ck_assert_int_eq(coro_runner_run(runner, sees_and_sets, (void *)"blue"), 0);
    ck_assert_int_eq(coro_runner_run(runner, sees_and_sets, NULL), 0);
    expect_trace("none red blue");
    close_quietly(runner);

    runner = create();
    ck_assert_int_eq(coro_runner_run(runner, sees_and_sets, NULL), 0);
    expect_trace("none");
    close_quietly(runner);
}
END_TEST

static int sets_late(void *arg)
{
    coro_yield();
    return sees_and_sets((void *)"green");
}

static int leaves_one_with_locals(void *arg)
{
    coro_local_set(&color, (void *)"red", NULL);
    coro_release(spawn(sets_late, NULL));
    coro_local_set(&color, (void *)"blue", NULL);
    return 0;
}

START_TEST(a_left_over_task_keeps_its_own_locals)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_one_with_locals, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1)), 0);
    expect_trace("red");
    ck_assert_int_eq(coro_runner_run(runner, sees_and_sets, NULL), 0);
    expect_trace("blue");
    close_quietly(runner);
}
END_TEST

/* --- Callbacks -------------------------------------------------------------------------------- */
static coro_handle soon, later;

static void traces_call(void *name)
{
    trace("%s@%d", (const char *)name, (int)(coro_now() / CORO_MILLISECOND));
}

static int schedules(void *arg)
{
    coro_call_later(500 * CORO_MILLISECOND, traces_call, (void *)"later", &later);
    coro_call_soon(traces_call, (void *)"soon", &soon);
    return 0;
}

static int looks_at_the_handles(void *arg)
{
    ck_assert_int_eq(coro_handle_when(&later), 500 * CORO_MILLISECOND);
    ck_assert(coro_handle_cancel(&later));
    ck_assert(!coro_handle_cancel(&later));
    return 0;
}

START_TEST(callbacks_that_are_due_in_a_later_run_are_called_there)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, schedules, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(100)), 0);
    expect_trace("soon@0");
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1000)), 0);
    expect_trace("later@500");
    close_quietly(runner);
}
END_TEST

START_TEST(handles_stand_for_their_callbacks_over_runs_but_not_between_them)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, schedules, NULL), 0);
    ck_assert(!coro_handle_cancel(&later));
    ck_assert_int_eq(coro_handle_when(&later), CORO_FOREVER);
    ck_assert_int_eq(coro_runner_run(runner, looks_at_the_handles, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1000)), 0);
    close_quietly(runner);
    expect_trace("soon@0");
}
END_TEST

START_TEST(callbacks_that_are_left_at_the_close_are_not_called)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, schedules, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, returns, NULL), 0);
    expect_trace("soon@0");
    close_quietly(runner);
    expect_trace("");
}
END_TEST

/* --- Posts from outside ----------------------------------------------------------------------- */
static void *posts(void *loop)
{
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, traces_call, (void *)"posted"), 0);
    return NULL;
}

static void in_a_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static int says_that_it_began(void *arg)
{
    trace("begun");
    return coro_sleep(CORO_MILLISECOND);
}

START_TEST(what_is_posted_between_runs_is_called_in_the_next_one_before_all_else)
{
    coro_runner *runner = create();
    coro_loop *loop = coro_runner_get_loop(runner);
    posts(loop);
    ck_assert_int_eq(coro_runner_run(runner, says_that_it_began, NULL), 0);
    expect_trace("posted@0 begun");
    in_a_thread(posts, loop);
    expect_trace("");
    ck_assert_int_eq(coro_runner_run(runner, says_that_it_began, NULL), 0);
    expect_trace("posted@1 begun");
    close_quietly(runner);
}
END_TEST

START_TEST(a_coroutine_that_is_posted_between_runs_runs_in_the_next_one)
{
    coro_runner *runner = create();
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(coro_runner_get_loop(runner), yields_and_returns, ARG(9));
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), -ETIMEDOUT);
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1)), 0);
    ck_assert_int_eq(coro_concurrent_result(future, CORO_FOREVER, NULL), 9);
    coro_concurrent_release(future);
    close_quietly(runner);
}
END_TEST

START_TEST(what_is_posted_and_never_run_is_refused_at_the_close)
{
    coro_runner *runner = create();
    coro_loop *loop = coro_loop_retain(coro_runner_get_loop(runner));
    coro_concurrent_future *future = coro_run_coroutine_threadsafe(loop, returns, ARG(9));
    close_quietly(runner);
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), -ESHUTDOWN);
    coro_concurrent_release(future);
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, traces_call, NULL), -ESHUTDOWN);
    future = coro_run_coroutine_threadsafe(loop, returns, ARG(9));
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), -ESHUTDOWN);
    coro_concurrent_release(future);
    coro_loop_release(loop);
    expect_trace("");
}
END_TEST

static int cancelled_by_concurrent(void *future)
{
    passes(2);
    ck_assert(coro_concurrent_cancel(future));
    return 0;
}

START_TEST(a_cancel_of_a_concurrent_future_reaches_its_task_in_the_next_run)
{
    coro_runner *runner = create();
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(coro_runner_get_loop(runner), traces_and_sleeps, ARG(1000));
    ck_assert_int_eq(coro_runner_run(runner, cancelled_by_concurrent, future), 0);
    ck_assert(coro_concurrent_cancelled(future));
    coro_concurrent_release(future);
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1)), 0);
    expect_trace("cancelled@0");
    close_quietly(runner);
}
END_TEST

/* --- Calls in threads ------------------------------------------------------------------------- */
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

static void *opens_the_gate_late(void *arg)
{
    nap(20);
    atomic_store(&gate_open, true);
    return NULL;
}

static void until(atomic_int *count, int value)
{
    while (atomic_load(count) < value)
        nap(1);
}

static int leaves_a_call(void *result)
{
    left[0] = spawn(calls_at_the_gate, result);
    return coro_yield();
}

START_TEST(a_call_in_a_thread_goes_on_between_runs)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_call, ARG(3)), 0);
    until(&waiting, 1);
    ck_assert_int_eq(coro_runner_run(runner, returns, NULL), 0);
    atomic_store(&gate_open, true);
    until(&gone_through, 1);
    ck_assert(!coro_done(left[0]));
    ck_assert_int_eq(coro_runner_run(runner, awaits_first, NULL), 3);
    coro_release(left[0]);
    close_quietly(runner);
}
END_TEST

START_TEST(the_close_waits_for_calls_in_threads)
{
    coro_runner *runner = create();
    pthread_t thread;
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_call, ARG(3)), 0);
    until(&waiting, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, opens_the_gate_late, NULL), 0);
    close_quietly(runner);
    ck_assert_int_eq(atomic_load(&gone_through), 1);
    ck_assert(coro_cancelled(left[0]));
    coro_release(left[0]);
    pthread_join(thread, NULL);
}
END_TEST

static int cancels_a_call(void *arg)
{
    leaves_a_call(NULL);
    until(&waiting, 1);
    coro_cancel(left[0]);
    return coro_join(left[0], NULL) == -ECANCELED ? 0 : 1;
}

START_TEST(a_call_whose_thread_ends_before_the_close_is_no_deadlock_there)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, cancels_a_call, NULL), 0);
    atomic_store(&gate_open, true);
    until(&gone_through, 1);
    nap(5); /* so that it has also been posted, most probably */
    close_quietly(runner);
}
END_TEST

static int cleans_up(void *milliseconds)
{
    coro_sleep(CORO_FOREVER);
    const int rc = traces_and_sleeps(milliseconds);
    return rc < 0 ? rc : -ECANCELED;
}

static int leaves_a_call_and_a_cleanup(void *arg)
{
    coro_release(spawn(calls_at_the_gate, NULL));
    left[0] = spawn(cleans_up, ARG(20));
    passes(2);
    until(&waiting, 1);
    return 0;
}

START_TEST(left_over_tasks_are_cancelled_only_once_while_threads_come_to_their_ends)
{
    coro_runner *runner = create();
    pthread_t thread;
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_call_and_a_cleanup, NULL), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, opens_the_gate_late, NULL), 0);
    close_quietly(runner);
    expect_trace("slept@20");
    ck_assert_int_eq(coro_cancelling(left[0]), 1);
    coro_release(left[0]);
    pthread_join(thread, NULL);
}
END_TEST

/* --- Locks and queues ------------------------------------------------------------------------- */
static coro_lock lock = CORO_LOCK_INITIALIZER;

static int locks_for(void *milliseconds)
{
    int rc = coro_lock_acquire(&lock);
    if (rc < 0)
        return rc;
    trace("%s:locked@%d", coro_get_name(coro_current_task()), (int)(coro_now() / CORO_MILLISECOND));
    rc = sleeps(milliseconds);
    coro_lock_release(&lock);
    return rc;
}

static int leaves_one_that_locks(void *milliseconds)
{
    coro_release(spawn(locks_for, milliseconds));
    return coro_yield();
}

START_TEST(a_lock_is_held_over_runs)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_one_that_locks, ARG(300)), 0);
    ck_assert_int_eq(coro_runner_run(runner, locks_for, ARG(100)), 0);
    expect_trace("Task-2:locked@0 Task-3:locked@300");
    ck_assert_int_eq(coro_runner_run(runner, leaves_one_that_locks, ARG(300)), 0);
    ck_assert(coro_lock_locked(&lock));
    close_quietly(runner);
    ck_assert(!coro_lock_locked(&lock));
    expect_trace("Task-5:locked@400");
}
END_TEST

static coro_queue *queue;

static int gets(void *arg)
{
    void *item = NULL;
    const int rc = coro_queue_get(queue, &item);
    trace("got:%d", rc < 0 ? rc : NUMBER(item));
    return rc;
}

static int leaves_a_getter(void *arg)
{
    coro_release(spawn(gets, NULL));
    return coro_yield();
}

static int puts_two(void *arg)
{
    ck_assert_int_eq(coro_queue_put(queue, ARG(1)), 0);
    return coro_queue_put(queue, ARG(2));
}

START_TEST(a_queue_connects_the_tasks_of_several_runs)
{
    coro_runner *runner = create();
    queue = coro_queue_create(NULL);
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_getter, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, puts_two, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, gets, NULL), 0);
    expect_trace("got:1 got:2");
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_getter, NULL), 0);
    close_quietly(runner);
    expect_trace("got:-125");
    ck_assert(coro_queue_empty(queue));
    coro_queue_destroy(queue);
}
END_TEST

static int leaves_a_timeout(void *arg)
{
    static coro_timeout scope;
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_SECOND), 0);
    return 0;
}

START_TEST(a_main_task_that_leaves_a_scope_open_is_reported_in_its_run)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_timeout, NULL), 0);
    expect_log(CORO_LOG_TIMEOUT_NOT_ENDED, 0, "Task-1");
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(2000)), 0);
    close_quietly(runner);
}
END_TEST

/* --- Deadlocks -------------------------------------------------------------------------------- */
START_TEST(a_deadlock_is_only_the_result_of_its_run)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_three, NULL), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(coro_runner_run(runner, forever, NULL), -EDEADLK);
        expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
        for (int line = 0; line < 4; line++)
            expect_log(CORO_LOG_DEADLOCK, 0, "(entry: forever) waits in sleep");
        ck_assert_uint_eq(logged(), 0);
        ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1)), 0);
        for (int j = 0; j < 3; j++)
            ck_assert(!coro_done(left[j]));
    }
    close_quietly(runner);
    for (int i = 0; i < 3; i++) {
        ck_assert(coro_cancelled(left[i]));
        coro_release(left[i]);
    }
}
END_TEST

static int refuses_always(void *arg)
{
    while (coro_sleep(CORO_FOREVER) == -ECANCELED)
        trace("%s", coro_get_name(coro_current_task()));
    return 0;
}

static int posts_to_its_own_loop(void *arg)
{
    coro_concurrent_future *concurrent =
        coro_run_coroutine_threadsafe(coro_current_loop(), returns, ARG(7));
    const int rc = coro_join(coro_wrap_future(concurrent), NULL);
    coro_concurrent_release(concurrent);
    return rc;
}

START_TEST(after_a_main_task_that_had_to_be_destroyed_the_loop_runs_as_before)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, refuses_always, NULL), -EDEADLK);
    expect_trace("Task-1 Task-1");
    forget_log();
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1)), 0);
    ck_assert_int_eq(coro_runner_run(runner, posts_to_its_own_loop, NULL), 7);
    close_quietly(runner);
}
END_TEST

static int leaves_a_mule(void *arg)
{
    left[0] = spawn(refuses_always, NULL);
    coro_set_name(left[0], "mule");
    return coro_yield();
}

START_TEST(a_task_that_refuses_to_end_is_a_deadlock_of_the_close)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_mule, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, returns, ARG(1)), 1);
    expect_trace("");
    ck_assert_int_eq(coro_runner_close(runner), -EDEADLK);
    expect_trace("mule mule mule");
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "'mule' (entry: refuses_always) waits in sleep");
    expect_log(CORO_LOG_DESTROYED_PENDING, 0, "'mule'");
    ck_assert_uint_eq(logged(), 0);
    ck_assert(coro_cancelled(left[0]));
    coro_release(left[0]);
}
END_TEST

/* --- The close -------------------------------------------------------------------------------- */
static int leaves_cleanups(void *arg)
{
    coro_release(spawn(cleans_up, ARG(200)));
    coro_release(spawn(cleans_up, ARG(100)));
    return coro_yield();
}

START_TEST(the_close_cancels_all_that_is_left_and_waits)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_cleanups, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1000)), 0);
    expect_trace("");
    close_quietly(runner);
    expect_trace("slept@1100 slept@1200");
}
END_TEST

static int fails_at_the_cancel(void *arg)
{
    coro_sleep(CORO_FOREVER);
    return coro_fail(-EIO, "could not save");
}

static int leaves_one_that_fails_late(void *arg)
{
    coro_release(spawn(fails_at_the_cancel, NULL));
    return coro_yield();
}

START_TEST(an_error_during_the_close_is_reported_and_not_its_result)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_one_that_fails_late, NULL), 0);
    ck_assert_int_eq(coro_runner_close(runner), 0);
    expect_log(CORO_LOG_SHUTDOWN_ERROR, -EIO, "could not save");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int open_files(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static int leaves_all_sorts(void *arg)
{
    coro_future *future = coro_create_future();
    coro_release(spawn(awaits, future));
    coro_release(spawn(forever, NULL));
    coro_local_set(&color, (void *)"red", NULL);
    coro_call_later(CORO_SECOND, traces_call, (void *)"never", NULL);
    coro_call_soon_threadsafe(coro_current_loop(), traces_call, (void *)"soon");
    passes(2);
    coro_release(future);
    return coro_to_thread(returns, ARG(2));
}

/* CPython: test_selector_events.BaseSelectorEventLoopTests.test_close */
START_TEST(nothing_is_left_of_a_closed_runner)
{
    const int before = open_files();
    for (int i = 0; i < 3; i++) {
        coro_runner *runner = create();
        for (int j = 0; j < 3; j++) {
            ck_assert_int_eq(coro_runner_run(runner, leaves_all_sorts, NULL), 2);
            expect_trace("soon@0");
        }
        ck_assert_int_gt(open_files(), before);
        close_quietly(runner);
    }
    ck_assert_int_eq(open_files(), before);
}
END_TEST

/* --- What is refused -------------------------------------------------------------------------- */
static int runs_and_closes(void *runner)
{
    trace("%d", coro_runner_run(runner, returns, NULL));
    trace("%d", coro_runner_close(runner));
    return 3;
}

static void runs_and_closes_in_a_callback(void *runner)
{
    runs_and_closes(runner);
}

static int has_a_callback_that_runs(void *runner)
{
    coro_call_soon(runs_and_closes_in_a_callback, runner, NULL);
    return coro_yield();
}

/* CPython: test_events.EventLoopTestsMixin.test_close_running_event_loop */
START_TEST(a_runner_neither_runs_nor_ends_inside_a_loop)
{
    coro_runner *runner = create(), *other = create();
    ck_assert_int_eq(coro_runner_run(runner, runs_and_closes, runner), 3);
    expect_trace("-1 -1");
    ck_assert_int_eq(coro_runner_run(runner, runs_and_closes, other), 3);
    expect_trace("-1 -1");
    ck_assert_int_eq(coro_runner_run(runner, has_a_callback_that_runs, runner), 0);
    expect_trace("-1 -1");
    ck_assert_int_eq(run_test(runs_and_closes, runner), 3);
    expect_trace("-1 -1");
    ck_assert_int_eq(coro_runner_run(other, returns, ARG(5)), 5);
    close_quietly(other);
    close_quietly(runner);
}
END_TEST

static int runs_a_loop(void *arg)
{
    return coro_run(returns, NULL);
}

START_TEST(other_loops_do_not_nest_in_it_either)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, runs_a_loop, NULL), -EPERM);
    close_quietly(runner);
}
END_TEST

static void *runs_and_closes_in_a_thread(void *runner)
{
    runs_and_closes(runner);
    return NULL;
}

static int in_a_thread_meanwhile(void *runner)
{
    in_a_thread(runs_and_closes_in_a_thread, runner);
    return 2;
}

START_TEST(a_runner_is_used_only_in_its_own_thread)
{
    coro_runner *runner = create();
    in_a_thread(runs_and_closes_in_a_thread, runner);
    expect_trace("-18 -18");
    ck_assert_int_eq(coro_runner_run(runner, in_a_thread_meanwhile, runner), 2);
    expect_trace("-18 -18");
    ck_assert_int_eq(coro_runner_run(runner, returns, ARG(5)), 5);
    close_quietly(runner);
}
END_TEST

START_TEST(misuse_is_refused)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_runner_run(NULL, returns, ARG(1)), -ENOMEM);
    ck_assert_int_eq(coro_runner_run(NULL, NULL, NULL), -ENOMEM);
    ck_assert_int_eq(coro_runner_run(runner, returns, ARG(1)), 1);
    close_quietly(runner);
}
END_TEST

START_TEST(a_runner_whose_options_cannot_be_met_is_not_created)
{
    coro_run_options options = test_options();
    options.stack_size = SIZE_MAX;
    ck_assert_ptr_null(coro_runner_create(&options));

    struct rlimit files, none;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    none = files;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    errno = EDOM;
    coro_runner *runner = coro_runner_create(NULL);
    const int rc = coro_run(returns, ARG(1));
    const int kept = errno;
    setrlimit(RLIMIT_NOFILE, &files);
    ck_assert_ptr_null(runner);
    ck_assert_int_eq(rc, -EMFILE);
    ck_assert_int_eq(kept, EDOM);
}
END_TEST

static int leaves_a_future(void *arg)
{
    left[0] = coro_create_future();
    left[1] = spawn(forever, NULL);
    return coro_yield();
}

static int settles_the_future(void *arg)
{
    return coro_set_result(left[0], 6, NULL);
}

START_TEST(between_runs_nothing_can_be_created_or_changed)
{
    coro_runner *runner = create();
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_future, NULL), 0);
    ck_assert_ptr_null(coro_create_task(returns, NULL));
    ck_assert_ptr_null(coro_create_future());
    ck_assert_int_eq(coro_call_soon(traces_call, NULL, NULL), -EPERM);
    ck_assert_int_eq(coro_set_result(left[0], 6, NULL), -EXDEV);
    ck_assert_int_eq(coro_add_done_callback(left[0], traces_its_end, NULL), -EXDEV);
    ck_assert(!coro_cancel(left[1]));
    ck_assert_int_eq(coro_cancelling(left[1]), 0);
    ck_assert_int_eq(coro_await(left[1], NULL), -EPERM);
    ck_assert_ptr_null(coro_current_task());

    ck_assert_int_eq(coro_runner_run(runner, settles_the_future, NULL), 0);
    ck_assert_int_eq(coro_result(left[0], NULL), 6);
    close_quietly(runner);
    coro_release(left[0]);
    coro_release(left[1]);
}
END_TEST

/* --- Two runners ------------------------------------------------------------------------------ */
static int uses_tasks_of_another_loop(void *arg)
{
    ck_assert(!coro_cancel(left[0]));
    ck_assert_int_eq(coro_await(left[0], NULL), -EXDEV);
    return coro_lock_acquire(&lock);
}

static int waits_for_the_lock(void *arg)
{
    left[0] = spawn(locks_for, ARG(1000));
    left[1] = spawn(locks_for, ARG(1000));
    return coro_yield();
}

START_TEST(two_runners_take_turns)
{
    coro_runner *first = create(), *second = create();
    ck_assert_ptr_ne(coro_runner_get_loop(first), coro_runner_get_loop(second));
    ck_assert_int_eq(coro_runner_run(first, leaves_a_sleeper, ARG(700)), 0);
    ck_assert_int_eq(coro_runner_run(second, leaves_a_sleeper, ARG(500)), 0);
    ck_assert_int_eq(coro_runner_run(first, sleeps, ARG(600)), 0);
    expect_trace("");
    ck_assert_int_eq(coro_runner_run(second, sleeps, ARG(600)), 0);
    expect_trace("slept@500");
    ck_assert_int_eq(coro_run(returns, ARG(2)), 2);
    ck_assert_int_eq(coro_runner_run(first, sleeps, ARG(600)), 0);
    expect_trace("slept@700");
    close_quietly(first);
    ck_assert_int_eq(coro_runner_run(second, returns, ARG(4)), 4);
    close_quietly(second);
}
END_TEST

START_TEST(what_belongs_to_one_runner_is_foreign_to_another)
{
    coro_runner *first = create(), *second = create();
    ck_assert_int_eq(coro_runner_run(first, waits_for_the_lock, NULL), 0);
    ck_assert_int_eq(coro_runner_run(second, uses_tasks_of_another_loop, NULL), -EXDEV);
    close_quietly(second);
    ck_assert_int_eq(coro_cancelling(left[0]), 0);
    ck_assert_int_eq(coro_runner_run(first, sleeps, ARG(3000)), 0);
    expect_trace("Task-2:locked@0 Task-3:locked@1000");
    coro_release(left[0]);
    coro_release(left[1]);
    close_quietly(first);
}
END_TEST

START_TEST(one_runner_can_ask_another_for_something)
{
    coro_runner *first = create(), *second = create();
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(coro_runner_get_loop(second), locks_for, ARG(100));
    ck_assert_int_eq(coro_runner_run(first, returns, NULL), 0);
    ck_assert(!coro_concurrent_done(future));
    ck_assert_int_eq(coro_runner_run(second, sleeps, ARG(200)), 0);
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), 0);
    coro_concurrent_release(future);
    close_quietly(first);
    close_quietly(second);
    expect_trace("Task-2:locked@0");
}
END_TEST

static void *runs_one_of_its_own(void *arg)
{
    coro_run_options options = {.virtual_clock = true};
    for (int i = 0; i < 20; i++) {
        coro_runner *runner = create_with(&options);
        for (int j = 0; j < 5; j++)
            ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1000)), 0);
        ck_assert_int_eq(coro_runner_close(runner), 0);
    }
    return NULL;
}

START_TEST(threads_have_runners_of_their_own_at_the_same_time)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, runs_one_of_its_own, NULL), 0);
    runs_one_of_its_own(NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

/* --- Debug mode ------------------------------------------------------------------------------- */
START_TEST(handles_are_reported_when_the_runner_is_closed_and_not_before)
{
    coro_run_options options = test_options();
    options.debug = true;
    coro_runner *runner = create_with(&options);
    ck_assert_int_eq(coro_runner_run(runner, leaves_three, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, keeps_itself, NULL), 0);
    ck_assert_uint_eq(logged(), 0);
    coro_release(left[2]);
    ck_assert_int_eq(coro_runner_close(runner), 0);
    expect_log(CORO_LOG_HANDLES_HELD, 0, "3 handles to tasks or futures are held");
    ck_assert_uint_eq(logged(), 0);
    coro_release(left[0]);
    coro_release(left[1]);
    coro_release(main_task);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_run_returns_the_result_of_its_own_main_task,
        a_runner_that_never_ran_can_be_closed,
        the_numbers_of_tasks_go_on,
        all_runs_are_of_one_loop,
        a_left_over_task_goes_on_in_the_next_run,
        what_was_ready_runs_before_the_next_main_task,
        a_run_finds_the_tasks_of_the_one_before,
        a_later_run_can_wait_for_a_left_over_task,
        a_left_over_task_that_fails_is_never_retrieved,
        the_handle_of_a_main_task_can_be_kept,
        done_callbacks_of_a_main_task_run_in_its_own_run,
        who_awaits_a_main_task_gets_its_result_at_the_latest_in_the_next_run,
        a_virtual_clock_goes_on,
        between_runs_the_time_is_the_systems,
        a_seed_shuffles_each_run_in_its_own_way_and_always_the_same,
        eager_starts_are_for_all_runs_but_not_for_main_tasks,
        a_main_task_starts_with_the_locals_that_the_one_before_it_had_at_its_end,
        a_left_over_task_keeps_its_own_locals,
        callbacks_that_are_due_in_a_later_run_are_called_there,
        handles_stand_for_their_callbacks_over_runs_but_not_between_them,
        callbacks_that_are_left_at_the_close_are_not_called,
        what_is_posted_between_runs_is_called_in_the_next_one_before_all_else,
        a_coroutine_that_is_posted_between_runs_runs_in_the_next_one,
        what_is_posted_and_never_run_is_refused_at_the_close,
        a_cancel_of_a_concurrent_future_reaches_its_task_in_the_next_run,
        a_call_in_a_thread_goes_on_between_runs,
        the_close_waits_for_calls_in_threads,
        a_call_whose_thread_ends_before_the_close_is_no_deadlock_there,
        left_over_tasks_are_cancelled_only_once_while_threads_come_to_their_ends,
        a_lock_is_held_over_runs,
        a_queue_connects_the_tasks_of_several_runs,
        a_main_task_that_leaves_a_scope_open_is_reported_in_its_run,
        a_deadlock_is_only_the_result_of_its_run,
        after_a_main_task_that_had_to_be_destroyed_the_loop_runs_as_before,
        a_task_that_refuses_to_end_is_a_deadlock_of_the_close,
        the_close_cancels_all_that_is_left_and_waits,
        an_error_during_the_close_is_reported_and_not_its_result,
        nothing_is_left_of_a_closed_runner,
        a_runner_neither_runs_nor_ends_inside_a_loop,
        other_loops_do_not_nest_in_it_either,
        a_runner_is_used_only_in_its_own_thread,
        misuse_is_refused,
        a_runner_whose_options_cannot_be_met_is_not_created,
        between_runs_nothing_can_be_created_or_changed,
        two_runners_take_turns,
        what_belongs_to_one_runner_is_foreign_to_another,
        one_runner_can_ask_another_for_something,
        threads_have_runners_of_their_own_at_the_same_time,
        handles_are_reported_when_the_runner_is_closed_and_not_before,
        NULL,
    };
    return run_suite("runner", tests);
}
