/* SPDX-License-Identifier: MIT */
/* Threads and loops as CPython's cases have them. The others stand in test_thread and
 * test_threadsafe. */
#include "../support_threads.h"

/* CPython, does not apply: the two kinds of future are two types, which a compiler tells apart:
 * test_futures.DuckTests.test_wrap_future test_futures.BaseFutureTests.test_wrap_future_future */

/* CPython, does not apply: a thread has no loop but the one that it runs:
 * test_futures.BaseFutureTests.test_wrap_future_use_global_loop */

/* CPython, does not apply: there are no task factories that could fail:
 * test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_task_factory_exception */

/* --- Calls in threads ------------------------------------------------------------------------- */
static int counts_a_call(void *count)
{
    atomic_fetch_add((atomic_int *)count, 1);
    return 0;
}

/* CPython: test_threads.ToThreadTests.test_to_thread_once */
TASK_TEST(a_function_is_called_once)
{
    atomic_int count = 0;
    ck_assert_int_eq(coro_to_thread(counts_a_call, &count), 0);
    ck_assert_int_eq(atomic_load(&count), 1);
    passes(40);
    ck_assert_int_eq(atomic_load(&count), 1);
    return 0;
}

static int calls_in_a_thread(void *count)
{
    return coro_to_thread(counts_a_call, count);
}

/* CPython: test_threads.ToThreadTests.test_to_thread_concurrent */
TASK_TEST(gathered_calls_are_made_once_each)
{
    coro_task *tasks[10];
    atomic_int count = 0;
    for (int i = 0; i < 10; i++)
        tasks[i] = spawn(calls_in_a_thread, &count);
    ck_assert_int_eq(coro_gather(tasks, 10, 0), 0);
    ck_assert_int_eq(atomic_load(&count), 10);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    return 0;
}

/* --- Tasks for threads, on the real clock, which goes on while threads wait ------------------- */
/* A sum that takes its time: what a function in a thread asks its loop for. */
struct sum {
    int first;
    int second;
    bool fails;
    bool is_cancelled;
    coro_duration limit;
    /* Of the function in the thread. */
    coro_loop *loop;
    int status;
};

static int adds_late(void *arg)
{
    const struct sum *sum = arg;
    int rc = coro_sleep(5 * CORO_MILLISECOND);
    if (rc < 0)
        return rc;
    if (sum->fails)
        return coro_fail(-EDOM, "Fail!");
    if (sum->is_cancelled) {
        coro_cancel(coro_current_task());
        rc = coro_yield();
    }
    return rc < 0 ? rc : sum->first + sum->second;
}

static int asks_its_loop(void *arg)
{
    struct sum *sum = arg;
    coro_concurrent_future *future = coro_run_coroutine_threadsafe(sum->loop, adds_late, sum);
    sum->status = coro_concurrent_result(future, sum->limit, NULL);
    int rc = sum->status;
    if (rc < 0 && coro_concurrent_done(future))
        rc = coro_fail(rc, "%s", coro_concurrent_error_message(future));
    ck_assert_int_eq(coro_concurrent_cancel(future), rc == -ETIMEDOUT);
    ck_assert(coro_concurrent_done(future));
    coro_concurrent_release(future);
    return rc;
}

static int adds_in_a_thread(void *arg)
{
    struct sum *sum = arg;
    sum->loop = coro_current_loop();
    return coro_to_thread(asks_its_loop, sum);
}

/* CPython: test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe */
START_TEST(a_thread_gets_the_result_of_a_task_of_its_loop)
{
    struct sum sum = {1, 2, .limit = CORO_FOREVER};
    ck_assert_int_eq(coro_run(adds_in_a_thread, &sum), 3);
    ck_assert_int_eq(sum.status, 3);
}
END_TEST

static int awaits_a_failing_sum(void *arg)
{
    coro_task *task = spawn(adds_in_a_thread, arg);
    ck_assert_int_eq(coro_await(task, NULL), -EDOM);
    ck_assert_str_eq(coro_error_message(task), "Fail!");
    coro_release(task);
    return 0;
}

/* CPython: test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_with_exception */
START_TEST(a_thread_gets_the_error_of_a_task_and_hands_it_on)
{
    struct sum sum = {.fails = true, .limit = CORO_FOREVER};
    ck_assert_int_eq(coro_run(awaits_a_failing_sum, &sum), 0);
    ck_assert_int_eq(sum.status, -EDOM);
}
END_TEST

static int finds_no_task_left(void *sum)
{
    ck_assert_int_eq(adds_in_a_thread(sum), -ETIMEDOUT);
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(coro_yield(), 0);
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
    return 0;
}

/* CPython: test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_with_timeout */
START_TEST(a_thread_that_waits_no_longer_cancels_the_task)
{
    struct sum sum = {1, 2, .limit = 0};
    ck_assert_int_eq(coro_run(finds_no_task_left, &sum), 0);
    ck_assert_int_eq(sum.status, -ETIMEDOUT);
}
END_TEST

static int is_not_cancelled_itself(void *sum)
{
    coro_task *task = spawn(adds_in_a_thread, sum);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 0);
    coro_release(task);
    return 0;
}

/* CPython: test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_task_cancelled */
START_TEST(a_thread_learns_that_the_task_was_cancelled)
{
    struct sum sum = {1, 2, .is_cancelled = true, .limit = CORO_FOREVER};
    ck_assert_int_eq(coro_run(is_not_cancelled_itself, &sum), 0);
    ck_assert_int_eq(sum.status, -ECANCELED);
}
END_TEST

/* --- Wrapped futures, of a loop in another thread --------------------------------------------- */
static int says_which_thread(void *thread)
{
    *(pthread_t *)thread = pthread_self();
    return coro_return((void *)(uintptr_t) "oi");
}

/* CPython: test_futures.BaseFutureTests.test_wrap_future */
TASK_TEST(a_wrapped_future_gets_what_came_of_another_thread)
{
    struct server server;
    pthread_t thread = pthread_self();
    void *value = NULL;
    start_server(&server);
    coro_concurrent_future *concurrent =
        coro_run_coroutine_threadsafe(server.loop, says_which_thread, &thread);
    ck_assert_int_eq(coro_join(coro_wrap_future(concurrent), &value), 0);
    ck_assert_str_eq(value, "oi");
    ck_assert(pthread_equal(thread, server.thread));
    ck_assert(!pthread_equal(thread, pthread_self()));
    coro_concurrent_release(concurrent);
    stop_server(&server);
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_wrap_future_use_running_loop */
TASK_TEST(a_wrapped_future_belongs_to_the_loop_that_runs)
{
    struct server server;
    start_server(&server);
    coro_concurrent_future *concurrent =
        coro_run_coroutine_threadsafe(server.loop, returns, ARG(3));
    coro_future *wrapped = coro_wrap_future(concurrent);
    coro_concurrent_future *stranger = coro_run_coroutine_threadsafe(server.loop, awaits, wrapped);
    ck_assert_int_eq(coro_concurrent_result(stranger, CORO_FOREVER, NULL), -EXDEV);
    ck_assert_int_eq(coro_join(wrapped, NULL), 3);
    coro_concurrent_release(stranger);
    coro_concurrent_release(concurrent);
    stop_server(&server);
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_wrap_future_cancel */
TASK_TEST(a_cancelled_wrapped_future_cancels_what_it_wraps)
{
    struct server server;
    start_server(&server);
    coro_concurrent_future *concurrent = coro_run_coroutine_threadsafe(server.loop, forever, NULL);
    coro_future *wrapped = coro_wrap_future(concurrent);
    ck_assert(coro_cancel(wrapped));
    passes(1);
    ck_assert(coro_concurrent_cancelled(concurrent));
    ck_assert(coro_cancelled(wrapped));
    coro_release(wrapped);
    coro_concurrent_release(concurrent);
    stop_server(&server);
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_wrap_future_cancel2 */
TASK_TEST(what_has_a_result_keeps_it_when_its_wrapped_future_is_cancelled)
{
    struct server server;
    start_server(&server);
    coro_concurrent_future *concurrent =
        coro_run_coroutine_threadsafe(server.loop, returns, ARG(42));
    coro_future *wrapped = coro_wrap_future(concurrent);
    ck_assert_int_eq(coro_concurrent_result(concurrent, CORO_FOREVER, NULL), 42);
    ck_assert(coro_cancel(wrapped));
    passes(1);
    ck_assert(!coro_concurrent_cancelled(concurrent));
    ck_assert_int_eq(coro_concurrent_result(concurrent, 0, NULL), 42);
    ck_assert(coro_cancelled(wrapped));
    coro_release(wrapped);
    coro_concurrent_release(concurrent);
    stop_server(&server);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_function_is_called_once,
        gathered_calls_are_made_once_each,
        a_thread_gets_the_result_of_a_task_of_its_loop,
        a_thread_gets_the_error_of_a_task_and_hands_it_on,
        a_thread_that_waits_no_longer_cancels_the_task,
        a_thread_learns_that_the_task_was_cancelled,
        a_wrapped_future_gets_what_came_of_another_thread,
        a_wrapped_future_belongs_to_the_loop_that_runs,
        a_cancelled_wrapped_future_cancels_what_it_wraps,
        what_has_a_result_keeps_it_when_its_wrapped_future_is_cancelled,
        NULL,
    };
    return run_suite("asyncio_threads", tests);
}
