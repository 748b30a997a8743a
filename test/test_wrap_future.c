/* SPDX-License-Identifier: MIT */
/* Tasks of other loops, waited for by tasks; and loops in several threads that have each other
 * work. */
#include "support_threads.h"

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

static void *cancels_late(void *future)
{
    nap(10);
    ck_assert(coro_concurrent_cancel(future));
    coro_concurrent_release(future);
    return NULL;
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
    return run_suite("wrap_future", tests);
}
