/* SPDX-License-Identifier: MIT */
/* Runners as CPython's cases have asyncio.Runner. */
#include "../support.h"

#include <pthread.h>
#include <signal.h>

/* CPython, does not apply: no event loop policy and no loop of another kind:
 * test_runners.RunnerTests.test_custom_factory
 * test_runners.RunnerTests.test_set_event_loop_called_once */

/* CPython, does not apply: what is run is a function, which a compiler checks:
 * test_runners.RunnerTests.test_run_future */

/* CPython, does not apply: the close frees the runner, which must not be used after it:
 * test_runners.RunnerTests.test_double_close
 * test_runners.RunnerTests.test_second_with_block_raises */

/* CPython, does not apply: no repr of a result:
 * test_runners.RunnerTests.test_no_repr_is_call_on_the_task_result */

static coro_runner *create(bool debug)
{
    coro_run_options options = test_options();
    options.debug = debug;
    coro_runner *runner = coro_runner_create(&options);
    ck_assert_ptr_nonnull(runner);
    return runner;
}

static void close_quietly(coro_runner *runner)
{
    ck_assert_int_eq(coro_runner_close(runner), 0);
    ck_assert_uint_eq(logged(), 0);
}

/* Only debug mode knows how much stack a task has used that has ended. */
static int is_in_debug_mode(void *arg)
{
    coro_task *task = spawn(returns, NULL);
    passes(1);
    const bool known = coro_stack_high_water(task) > 0;
    coro_release(task);
    return known;
}

/* CPython: test_runners.RunnerTests.test_non_debug */
START_TEST(a_runner_is_not_in_debug_mode)
{
    coro_runner *runner = create(false);
    ck_assert_int_eq(coro_runner_run(runner, is_in_debug_mode, NULL), 0);
    close_quietly(runner);
}
END_TEST

/* CPython: test_runners.RunnerTests.test_debug */
START_TEST(a_runner_in_debug_mode_is_so_in_each_run)
{
    coro_runner *runner = create(true);
    ck_assert_int_eq(coro_runner_run(runner, is_in_debug_mode, NULL), 1);
    ck_assert_int_eq(coro_runner_run(runner, is_in_debug_mode, NULL), 1);
    close_quietly(runner);
}
END_TEST

static void never(void *arg)
{
    trace("called");
}

/* CPython: test_runners.RunnerTests.test_run */
START_TEST(a_run_returns_a_result_and_the_loop_ends_with_the_runner)
{
    coro_runner *runner = create(false);
    ck_assert_int_eq(coro_runner_run(runner, yields_and_returns, ARG(7)), 7);
    coro_loop *loop = coro_loop_retain(coro_runner_get_loop(runner));
    close_quietly(runner);
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, never, NULL), -ESHUTDOWN);
    coro_loop_release(loop);
    expect_trace("");
}
END_TEST

/* CPython: test_runners.RunnerTests.test_explicit_close */
START_TEST(a_loop_that_never_ran_ends_with_its_runner)
{
    coro_runner *runner = create(false);
    coro_loop *loop = coro_loop_retain(coro_runner_get_loop(runner));
    ck_assert_ptr_nonnull(loop);
    close_quietly(runner);
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, never, NULL), -ESHUTDOWN);
    coro_loop_release(loop);
    expect_trace("");
}
END_TEST

/* CPython: test_runners.RunnerTests.test_run_non_coro */
START_TEST(a_run_without_a_function_is_refused)
{
    coro_runner *runner = create(false);
    ck_assert_int_eq(coro_runner_run(runner, NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_runner_run(runner, returns, ARG(1)), 1);
    close_quietly(runner);
}
END_TEST

static const coro_local number = CORO_LOCAL_INITIALIZER((void *)-1);

static int swaps(void *value)
{
    const int before = NUMBER(coro_local_get(&number));
    coro_yield();
    ck_assert_int_eq(coro_local_set(&number, value, NULL), 0);
    return before == -1 ? 100 : before;
}

static int reads(void *arg)
{
    return NUMBER(coro_local_get(&number));
}

/* CPython: test_runners.RunnerTests.test_run_keeps_context */
START_TEST(the_task_locals_of_main_tasks_are_kept)
{
    coro_runner *runner = create(false);
    ck_assert_int_eq(coro_runner_run(runner, swaps, ARG(1)), 100);
    ck_assert_int_eq(coro_runner_run(runner, swaps, ARG(2)), 1);
    ck_assert_int_eq(coro_runner_run(runner, reads, NULL), 2);
    close_quietly(runner);
}
END_TEST

static int runs_again(void *runner)
{
    return coro_runner_run(runner, returns, NULL);
}

/* CPython: test_runners.RunnerTests.test_recursive_run */
START_TEST(a_run_inside_a_run_is_refused)
{
    coro_runner *runner = create(false);
    ck_assert_int_eq(coro_runner_run(runner, runs_again, runner), -EPERM);
    close_quietly(runner);
}
END_TEST

/* --- SIGINT ----------------------------------------------------------------------------------- */
/* libcheck has a handler of its own. */
static int run_interruptible(coro_runner *runner, coro_fn *fn, void *arg)
{
    signal(SIGINT, SIG_DFL);
    return coro_runner_run(runner, fn, arg);
}

static void interrupts(void *arg)
{
    raise(SIGINT);
}

static int yields_on(void *arg)
{
    coro_call_later(5 * CORO_MILLISECOND, interrupts, NULL, NULL);
    int rc;
    while ((rc = coro_yield()) == 0)
        ;
    ck_assert_int_eq(rc, -ECANCELED);
    return rc;
}

/* On the real clock, because the virtual one stands still meanwhile. */
/* CPython: test_runners.RunnerTests.test_interrupt_call_soon */
START_TEST(a_main_task_that_is_always_ready_can_be_interrupted)
{
    const coro_run_options options = {.log = record_log};
    coro_runner *runner = coro_runner_create(&options);
    ck_assert_int_eq(run_interruptible(runner, yields_on, NULL), -EINTR);
    close_quietly(runner);
}
END_TEST

static coro_future *future;

static int awaits_the_future(void *arg)
{
    future = coro_create_future();
    coro_call_later(100 * CORO_MILLISECOND, interrupts, NULL, NULL);
    const int rc = coro_await(future, NULL);
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    return rc;
}

/* CPython: test_runners.RunnerTests.test_interrupt_wait */
START_TEST(an_interrupt_cancels_the_main_task_and_the_future_that_it_awaits)
{
    coro_runner *runner = create(false);
    ck_assert_int_eq(run_interruptible(runner, awaits_the_future, NULL), -EINTR);
    ck_assert(coro_cancelled(future));
    coro_release(future);
    close_quietly(runner);
}
END_TEST

static int cancels_and_interrupts(void *task)
{
    coro_yield();
    ck_assert(coro_cancel(task));
    return raise(SIGINT);
}

static int is_cancelled_and_interrupted(void *arg)
{
    coro_release(spawn(cancels_and_interrupts, coro_current_task()));
    return coro_sleep(10 * CORO_SECOND);
}

/* CPython: test_runners.RunnerTests.test_interrupt_cancelled_task */
START_TEST(an_interrupt_of_a_cancelled_main_task_is_not_the_result)
{
    coro_runner *runner = create(false);
    ck_assert_int_eq(run_interruptible(runner, is_cancelled_and_interrupted, NULL), -ECANCELED);
    close_quietly(runner);
}
END_TEST

static void *runs_in_a_thread(void *arg)
{
    coro_runner *runner = create(false);
    ck_assert_int_eq(coro_runner_run(runner, yields_and_returns, ARG(3)), 3);
    close_quietly(runner);
    return NULL;
}

/* CPython: test_runners.RunnerTests.test_signal_install_not_supported_ok */
START_TEST(a_runner_works_where_it_cannot_handle_interrupts)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, runs_in_a_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_runner_is_not_in_debug_mode,
        a_runner_in_debug_mode_is_so_in_each_run,
        a_run_returns_a_result_and_the_loop_ends_with_the_runner,
        a_loop_that_never_ran_ends_with_its_runner,
        a_run_without_a_function_is_refused,
        the_task_locals_of_main_tasks_are_kept,
        a_run_inside_a_run_is_refused,
        a_main_task_that_is_always_ready_can_be_interrupted,
        an_interrupt_cancels_the_main_task_and_the_future_that_it_awaits,
        an_interrupt_of_a_cancelled_main_task_is_not_the_result,
        a_runner_works_where_it_cannot_handle_interrupts,
        NULL,
    };
    return run_suite("asyncio_runners", tests);
}
