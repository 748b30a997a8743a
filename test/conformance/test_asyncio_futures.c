/* SPDX-License-Identifier: MIT */
/* CPython's test_futures: states of a future, its done callbacks, and what is reported of it. */
#include "support.h"

/* CPython, does not apply: a future has one type, which the compiler checks, and no constructor to
 * call wrongly, to inherit or to leave out: test_futures.DuckTests.test_ensure_future
 * test_futures.BaseFutureTests.test_generic_alias test_futures.BaseFutureTests.test_isfuture
 * test_futures.BaseFutureTests.test_constructor_positional
 * test_futures.BaseFutureInheritanceTests.test_inherit_without_calling_super_init */

/* CPython, does not apply: no loop is set that does not run:
 * test_futures.BaseFutureTests.test_constructor_use_global_loop */

/* CPython, does not apply: no access to private fields:
 * test_futures.BaseFutureTests.test_future_cancel_message_setter
 * test_futures.BaseFutureTests.test_log_traceback
 * test_futures.CFutureTests.test_future_del_segfault */

/* CPython, does not apply: no generators, and no exceptions that end them or are thrown into them:
 * test_futures.BaseFutureTests.test_stop_iteration_exception
 * test_futures.BaseFutureTests.test_stop_iteration_subclass_exception
 * test_futures.BaseFutureTests.test_iter test_futures.BaseFutureTests.test_future_iter_throw */

/* CPython, does not apply: no text form of a future, and no record of where it was created:
 * test_futures.BaseFutureTests.test_future_repr
 * test_futures.BaseFutureTests.test_future_source_traceback */

/* CPython, does not apply: no garbage collector, and a value is not the library's to destroy:
 * test_futures.BaseFutureTests.test_future_del_collect
 * test_futures.CFutureTests.test_future_iter_get_referents_segfault */

/* CPython, does not apply: a callback is found by its address, so no code of the program runs while
 * one is removed:
 * test_futures.BaseFutureDoneCallbackTests.test_remove_done_callbacks_list_mutation
 * test_futures.BaseFutureDoneCallbackTests.test_remove_done_callbacks_list_clear
 * test_futures.BaseFutureDoneCallbackTests.test_schedule_callbacks_list_mutation_2 */

static char foo[] = "foo";

/* --- States and results ----------------------------------------------------------------------- */
/* CPython: test_futures.BaseFutureTests.test_initial_state */
TASK_TEST(a_future_is_not_done_until_it_is_cancelled)
{
    coro_future *future = coro_create_future();
    ck_assert(!coro_cancelled(future));
    ck_assert(!coro_done(future));
    ck_assert(coro_cancel(future));
    ck_assert(coro_cancelled(future));
    ck_assert(coro_done(future));
    coro_release(future);
    return 0;
}

static int makes_two_and_uses_one(void *arg)
{
    coro_future **futures = arg;
    for (int i = 0; i < 2; i++)
        futures[i] = coro_create_future();
    ck_assert_int_eq(coro_set_result(futures[0], 1, NULL), 0);
    ck_assert_int_eq(coro_await(futures[0], NULL), 1);
    return 0;
}

static int uses_the_other(void *arg)
{
    coro_future **futures = arg;
    ck_assert_int_eq(coro_set_result(futures[1], 1, NULL), -EXDEV);
    ck_assert_int_eq(coro_await(futures[1], NULL), -EXDEV);
    ck_assert(!coro_done(futures[1]));
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_constructor_use_running_loop */
START_TEST(a_future_belongs_to_the_loop_that_ran_when_it_was_made)
{
    coro_future *futures[2];
    ck_assert_int_eq(run_test(makes_two_and_uses_one, futures), 0);
    ck_assert_int_eq(run_test(uses_the_other, futures), 0);
    for (int i = 0; i < 2; i++)
        coro_release(futures[i]);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* CPython: test_futures.BaseFutureTests.test_future_cancel_message_getter */
TASK_TEST(the_message_of_a_cancel_is_there_before_and_after_the_await)
{
    coro_future *future = coro_create_future();
    ck_assert_ptr_null(coro_error_message(future));
    ck_assert(coro_cancel_with(future, "not needed"));
    ck_assert_str_eq(coro_error_message(future), "not needed");
    ck_assert_int_eq(coro_await(future, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(coro_current_task()), "not needed");
    ck_assert_str_eq(coro_error_message(future), "not needed");
    coro_release(future);
    return 0;
}

/* What a future that is done says to all that would change it. */
static void expect_final(coro_future *future)
{
    const bool cancelled = coro_cancelled(future);
    const int status = coro_result(future, NULL);
    ck_assert(coro_done(future));
    ck_assert_int_eq(coro_set_result(future, 0, NULL), -EALREADY);
    ck_assert_int_eq(coro_set_error(future, -EIO, "late"), -EALREADY);
    ck_assert(!coro_cancel_with(future, "late"));
    ck_assert(coro_done(future));
    ck_assert(coro_cancelled(future) == cancelled);
    ck_assert_int_eq(coro_result(future, NULL), status);
}

/* CPython: test_futures.BaseFutureTests.test_cancel */
TASK_TEST(a_cancel_is_final)
{
    void *value = foo;
    coro_future *future = coro_create_future();
    ck_assert(coro_cancel(future));
    ck_assert(coro_cancelled(future));
    ck_assert(coro_done(future));
    ck_assert_int_eq(coro_result(future, &value), -ECANCELED);
    ck_assert_ptr_null(value);
    ck_assert_str_eq(coro_error_message(future), strerror(ECANCELED));
    expect_final(future);
    ck_assert_str_eq(coro_error_message(future), strerror(ECANCELED));
    coro_release(future);
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_result */
TASK_TEST(a_result_is_final)
{
    void *value = NULL;
    coro_future *future = coro_create_future();
    ck_assert_int_eq(coro_result(future, &value), -EINPROGRESS);
    ck_assert_ptr_null(value);
    ck_assert_int_eq(coro_set_result(future, 42, foo), 0);
    ck_assert(!coro_cancelled(future));
    ck_assert(coro_done(future));
    ck_assert_int_eq(coro_result(future, &value), 42);
    ck_assert_ptr_eq(value, foo);
    ck_assert_ptr_null(coro_error_message(future));
    expect_final(future);
    ck_assert_int_eq(coro_result(future, &value), 42);
    ck_assert_ptr_eq(value, foo);
    coro_release(future);
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_exception */
TASK_TEST(an_error_is_final)
{
    void *value = foo;
    coro_future *future = coro_create_future();
    ck_assert_ptr_null(coro_error_message(future));
    ck_assert_int_eq(coro_set_error(future, -ENOENT, "no user %d", 7), 0);
    ck_assert(!coro_cancelled(future));
    ck_assert(coro_done(future));
    ck_assert_int_eq(coro_result(future, &value), -ENOENT);
    ck_assert_ptr_null(value);
    ck_assert_str_eq(coro_error_message(future), "no user 7");
    expect_final(future);
    ck_assert_str_eq(coro_error_message(future), "no user 7");
    coro_release(future);
    return 0;
}

static int awaits_twice(void *arg)
{
    coro_future *future = arg;
    trace("A");
    trace("B:%d", coro_await(future, NULL));
    trace("C:%d", coro_await(future, NULL));
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_yield_from_twice */
TASK_TEST(the_second_await_of_a_future_does_not_suspend)
{
    coro_future *future = coro_create_future();
    coro_task *task = spawn(awaits_twice, future);
    passes(2);
    expect_trace("A");
    coro_set_result(future, 42, NULL);
    passes(1);
    expect_trace("B:42 C:42");
    ck_assert(coro_done(task));
    coro_release(task);
    coro_release(future);
    return 0;
}

/* Settles a future as another one is, and gives this one up. */
static void settle_alike(coro_future *to, coro_future *from)
{
    void *value = NULL;
    const int status = coro_result(from, &value);
    if (status < 0)
        ck_assert_int_eq(coro_set_error(to, status, "%s", coro_error_message(from)), 0);
    else
        ck_assert_int_eq(coro_set_result(to, status, value), 0);
    coro_release(from);
}

/* CPython: test_futures.BaseFutureTests.test_copy_state */
TASK_TEST(a_future_can_be_settled_as_another_one_is)
{
    void *value = NULL;
    coro_future *from[3], *to[3];
    for (int i = 0; i < 3; i++) {
        from[i] = coro_create_future();
        to[i] = coro_create_future();
    }
    coro_set_result(from[0], 10, foo);
    coro_set_error(from[1], -EIO, "no light");
    coro_cancel_with(from[2], "enough");
    for (int i = 0; i < 3; i++) {
        settle_alike(to[i], from[i]);
        ck_assert(coro_done(to[i]));
    }
    ck_assert_int_eq(coro_result(to[0], &value), 10);
    ck_assert_ptr_eq(value, foo);
    ck_assert_int_eq(coro_result(to[1], NULL), -EIO);
    ck_assert_str_eq(coro_error_message(to[1]), "no light");
    ck_assert(coro_cancelled(to[2]) && !coro_cancelled(to[1]));
    ck_assert_str_eq(coro_error_message(to[2]), "enough");
    for (int i = 0; i < 3; i++)
        coro_release(to[i]);
    return 0;
}

static void set_two(void *future)
{
    ck_assert_int_eq(coro_set_result((coro_future *)future, 2, NULL), -EALREADY);
    trace("late");
}

/* CPython: test_futures.BaseFutureTests.test_set_result_unless_cancelled */
TASK_TEST(a_result_that_comes_after_the_cancel_changes_nothing)
{
    coro_future *future = coro_create_future();
    coro_call_soon(set_two, future, NULL);
    ck_assert(coro_cancel(future));
    passes(1);
    expect_trace("late");
    ck_assert(coro_cancelled(future));
    ck_assert_int_eq(coro_result(future, NULL), -ECANCELED);
    coro_release(future);
    return 0;
}

/* --- Reports ---------------------------------------------------------------------------------- */
/* CPython: test_futures.BaseFutureTests.test_tb_logger_result_unretrieved */
TASK_TEST(a_result_that_nobody_read_is_not_reported)
{
    coro_future *future = coro_create_future();
    coro_set_result(future, 42, foo);
    coro_release(future);
    ck_assert_uint_eq(logged(), 0);
    return 0;
}

/* CPython: test_futures.BaseFutureTests.test_tb_logger_result_retrieved */
TASK_TEST(a_result_that_was_read_is_not_reported)
{
    coro_future *future = coro_create_future();
    coro_set_result(future, 42, foo);
    ck_assert_int_eq(coro_result(future, NULL), 42);
    coro_release(future);
    ck_assert_uint_eq(logged(), 0);
    return 0;
}

static int drops_a_failed_future(void *arg)
{
    coro_future *future = coro_create_future();
    coro_set_error(future, -ENOMEM, "no room");
    ck_assert_uint_eq(logged(), 0);
    coro_release(future);
    expect_log(CORO_LOG_NEVER_RETRIEVED, -ENOMEM, "its error was never retrieved: no room");
    passes(1);
    return 0;
}

static void expect_one_report(bool debug)
{
    coro_run_options options = test_options();
    options.debug = debug;
    ck_assert_int_eq(coro_run_with(&options, drops_a_failed_future, NULL), 0);
    ck_assert_uint_eq(logged(), 0);
}

/* CPython: test_futures.BaseFutureTests.test_future_exception_never_retrieved */
START_TEST(an_error_that_nobody_read_is_reported_once)
{
    expect_one_report(false);
}
END_TEST

/* CPython: test_futures.BaseFutureTests.test_future_exception_never_retrieved_debug */
START_TEST(an_error_that_nobody_read_is_reported_once_in_debug_mode)
{
    expect_one_report(true);
}
END_TEST

/* --- Done callbacks --------------------------------------------------------------------------- */
static char a[] = "a", b[] = "b", c[] = "c";

static void add(coro_future *future, char *name)
{
    ck_assert_int_eq(coro_add_done_callback(future, trace_done, name), 0);
}

static int removed(coro_future *future, char *name)
{
    return (int)coro_remove_done_callback(future, trace_done, name);
}

static coro_future *with_three_callbacks(void)
{
    coro_future *future = coro_create_future();
    add(future, a);
    add(future, b);
    add(future, c);
    return future;
}

/* Sets a result; the callbacks of this trace run in the next pass and not before. Gives it up. */
static void settle_and_expect(coro_future *future, const char *traced)
{
    void *value = NULL;
    expect_trace("");
    ck_assert_int_eq(coro_set_result(future, 0, foo), 0);
    expect_trace("");
    passes(1);
    expect_trace(traced);
    passes(1);
    expect_trace("");
    ck_assert_int_eq(coro_result(future, &value), 0);
    ck_assert_ptr_eq(value, foo);
    coro_release(future);
}

/* CPython: test_futures.BaseFutureDoneCallbackTests.test_callbacks_remove_first_callback */
TASK_TEST(the_first_callback_can_be_removed)
{
    coro_future *future = with_three_callbacks();
    ck_assert_int_eq(removed(future, a), 1);
    ck_assert_int_eq(removed(future, a), 0);
    settle_and_expect(future, "b c");
    return 0;
}

/* CPython:
 * test_futures.BaseFutureDoneCallbackTests.test_callbacks_remove_first_and_second_callback */
TASK_TEST(the_first_two_callbacks_can_be_removed)
{
    coro_future *future = with_three_callbacks();
    ck_assert_int_eq(removed(future, a), 1);
    ck_assert_int_eq(removed(future, b), 1);
    ck_assert_int_eq(removed(future, a), 0);
    settle_and_expect(future, "c");
    return 0;
}

/* CPython: test_futures.BaseFutureDoneCallbackTests.test_callbacks_remove_third_callback */
TASK_TEST(the_last_callback_can_be_removed)
{
    coro_future *future = with_three_callbacks();
    ck_assert_int_eq(removed(future, c), 1);
    ck_assert_int_eq(removed(future, c), 0);
    settle_and_expect(future, "a b");
    return 0;
}

/* CPython: test_futures.BaseFutureDoneCallbackTests.test_callbacks_invoked_on_set_result */
TASK_TEST(a_result_has_the_callbacks_called)
{
    coro_future *future = coro_create_future();
    add(future, b);
    add(future, a);
    settle_and_expect(future, "b a");
    return 0;
}

/* CPython: test_futures.BaseFutureDoneCallbackTests.test_callbacks_invoked_on_set_exception */
TASK_TEST(an_error_has_the_callbacks_called)
{
    coro_future *future = coro_create_future();
    add(future, a);
    ck_assert_int_eq(coro_set_error(future, -EIO, "no light"), 0);
    expect_trace("");
    passes(1);
    expect_trace("a");
    ck_assert_int_eq(coro_result(future, NULL), -EIO);
    ck_assert_str_eq(coro_error_message(future), "no light");
    coro_release(future);
    return 0;
}

/* CPython: test_futures.BaseFutureDoneCallbackTests.test_remove_done_callback */
TASK_TEST(a_removal_takes_all_that_are_the_same_and_says_how_many)
{
    coro_future *future = coro_create_future();
    add(future, a);
    add(future, b);
    ck_assert_int_eq(removed(future, b), 1);
    ck_assert_int_eq(removed(future, c), 0);
    add(future, b);
    for (int i = 0; i < 5; i++)
        add(future, a);
    ck_assert_int_eq(removed(future, a), 6);
    settle_and_expect(future, "b");
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_future_is_not_done_until_it_is_cancelled,
        a_future_belongs_to_the_loop_that_ran_when_it_was_made,
        the_message_of_a_cancel_is_there_before_and_after_the_await,
        a_cancel_is_final,
        a_result_is_final,
        an_error_is_final,
        the_second_await_of_a_future_does_not_suspend,
        a_future_can_be_settled_as_another_one_is,
        a_result_that_comes_after_the_cancel_changes_nothing,
        a_result_that_nobody_read_is_not_reported,
        a_result_that_was_read_is_not_reported,
        an_error_that_nobody_read_is_reported_once,
        an_error_that_nobody_read_is_reported_once_in_debug_mode,
        the_first_callback_can_be_removed,
        the_first_two_callbacks_can_be_removed,
        the_last_callback_can_be_removed,
        a_result_has_the_callbacks_called,
        an_error_has_the_callbacks_called,
        a_removal_takes_all_that_are_the_same_and_says_how_many,
        NULL,
    };
    return run_suite("asyncio_futures", tests);
}
