/* SPDX-License-Identifier: MIT */
/* Tasks that a loop runs for other threads, and their results. */
#include "support_threads.h"

enum { THREADS = 6 };

static const coro_local color = CORO_LOCAL_INITIALIZER((void *)(uintptr_t) "white");

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

static int cancels_and_fails(void *future)
{
    coro_concurrent_cancel(*(coro_concurrent_future **)future);
    return coro_sleep(CORO_FOREVER) < 0 ? coro_fail(-EIO, "could not save") : 0;
}

static int main_of_a_failure(void *arg)
{
    coro_concurrent_future *future;
    future = coro_run_coroutine_threadsafe(coro_current_loop(), cancels_and_fails, &future);
    passes(5);
    ck_assert_int_eq(coro_concurrent_result(future, 0, NULL), -ECANCELED);
    coro_concurrent_release(future);
    return 0;
}

START_TEST(an_error_after_the_future_was_cancelled_is_reported)
{
    ck_assert_int_eq(run_test(main_of_a_failure, NULL), 0);
    expect_log(CORO_LOG_NEVER_RETRIEVED, -EIO, "could not save");
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

int main(void)
{
    const TTest *const tests[] = {
        another_thread_gets_status_and_value_of_a_task,
        errors_come_with_their_text,
        the_wait_for_a_result_can_be_limited,
        a_task_that_timed_out_is_told_from_a_wait_that_did,
        several_threads_may_wait_for_one_result,
        what_was_cancelled_before_its_start_never_starts,
        a_cancel_ends_the_future_at_once_and_the_task_later,
        an_error_after_the_future_was_cancelled_is_reported,
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
        NULL,
    };
    return run_suite("concurrent", tests);
}
