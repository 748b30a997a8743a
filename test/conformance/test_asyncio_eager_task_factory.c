/* SPDX-License-Identifier: MIT */
/* CPython's test_eager_task_factory: the run's option eager_start stands for the factory. */
#include "support.h"

/* CPython, does not apply: no call swaps the current task, and a task has no coroutine object:
 * test_eager_task_factory.CEagerTaskFactoryLoopTests.test_issue105987
 * test_eager_task_factory.CEagerTaskFactoryLoopTests.test_issue122332 */

static int run_eagerly(coro_fn *fn, void *arg)
{
    coro_run_options options = test_options();
    options.eager_start = true;
    return coro_run_with(&options, fn, arg);
}

#define EAGER_TEST(name)                                     \
    static int name##_main(void *arg);                       \
    START_TEST(name)                                         \
    {                                                        \
        ck_assert_int_eq(run_eagerly(name##_main, NULL), 0); \
        ck_assert_uint_eq(logged(), 0);                      \
        expect_trace("");                                    \
    }                                                        \
    END_TEST                                                 \
    static int name##_main(void *arg)

static void traces_pass(void *arg)
{
    trace("pass");
}

/* Sleeps for 100 ms between two words of the trace. */
static int blocks(void *value)
{
    trace("started");
    const int rc = coro_sleep(100 * CORO_MILLISECOND);
    if (rc < 0)
        return rc;
    trace("finished");
    return coro_return(value);
}

/* CPython: test_eager_task_factory.EagerTaskFactoryLoopTests.test_eager_task_factory_set */
EAGER_TEST(every_task_of_the_run_starts_eagerly)
{
    coro_task *tasks[2];
    tasks[0] = coro_create_task(blocks, NULL);
    expect_trace("started");
    tasks[1] = coro_create_task(blocks, NULL);
    expect_trace("started");
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    expect_trace("finished finished");
    return 0;
}

static char message[] = "my message";

static int settles(void *future)
{
    return coro_set_result((coro_future *)future, 3, message);
}

/* CPython: test_eager_task_factory.EagerTaskFactoryLoopTests.test_await_future_during_eager_step */
EAGER_TEST(a_future_that_was_settled_in_the_eager_step_is_awaited_without_waiting)
{
    void *value = NULL;
    coro_future *future = coro_create_future();
    coro_call_soon(traces_pass, NULL, NULL);
    coro_task *task = coro_create_task(settles, future);
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_join(future, &value), 3);
    ck_assert_ptr_eq(value, message);
    expect_trace("");
    ck_assert_int_eq(coro_join(task, NULL), 0);
    passes(1);
    expect_trace("pass");
    return 0;
}

static int says_hello(void *arg)
{
    return coro_return((void *)"hello");
}

/* CPython: test_eager_task_factory.EagerTaskFactoryLoopTests.test_eager_completion */
EAGER_TEST(a_task_that_need_not_wait_is_done_when_it_is_created)
{
    void *value = NULL;
    coro_call_soon(traces_pass, NULL, NULL);
    coro_task *task = coro_create_task(says_hello, NULL);
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_join(task, &value), 0);
    ck_assert_str_eq(value, "hello");
    expect_trace("");
    passes(1);
    expect_trace("pass");
    return 0;
}

/* CPython: test_eager_task_factory.EagerTaskFactoryLoopTests.test_block_after_eager_step */
EAGER_TEST(a_task_that_has_to_wait_goes_on_as_any_other)
{
    void *value = NULL;
    coro_task *task = coro_create_task(blocks, message);
    expect_trace("started");
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_await(task, &value), 0);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    ck_assert_ptr_eq(value, message);
    ck_assert(coro_done(task));
    expect_trace("finished");
    coro_release(task);
    return 0;
}

/* CPython:
 * test_eager_task_factory.EagerTaskFactoryLoopTests.test_cancellation_after_eager_completion */
EAGER_TEST(a_task_that_ended_in_its_eager_step_is_not_cancelled)
{
    void *value = NULL;
    coro_task *task = coro_create_task(says_hello, NULL);
    ck_assert(!coro_cancel(task));
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert_int_eq(coro_await(task, &value), 0);
    ck_assert_str_eq(value, "hello");
    ck_assert(!coro_cancelled(task));
    coro_release(task);
    return 0;
}

static int passes_a_cancel_on(void *arg)
{
    coro_task *task = coro_create_task(blocks, NULL);
    ck_assert(coro_cancel_with(task, message));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert(!coro_done(task));
    const int rc = coro_await(task, NULL);
    ck_assert(coro_cancelled(task));
    ck_assert_str_eq(coro_error_message(task), message);
    ck_assert_str_eq(coro_error_message(coro_current_task()), message);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    coro_release(task);
    return rc;
}

/* CPython:
 * test_eager_task_factory.EagerTaskFactoryLoopTests.test_cancellation_after_eager_step_blocks */
START_TEST(a_task_that_waits_after_its_eager_step_is_cancelled_with_its_message)
{
    ck_assert_int_eq(run_eagerly(passes_a_cancel_on, NULL), -ECANCELED);
    ck_assert_uint_eq(logged(), 0);
    expect_trace("started");
}
END_TEST

static int sees_itself(void *seen)
{
    *(coro_task **)seen = coro_current_task();
    ck_assert_int_eq(coro_sleep(100 * CORO_MILLISECOND), 0);
    ck_assert_ptr_eq(coro_current_task(), *(coro_task **)seen);
    return 0;
}

/* CPython: test_eager_task_factory.EagerTaskFactoryLoopTests.test_current_task */
EAGER_TEST(the_current_task_is_the_same_in_the_eager_step_and_after_it)
{
    coro_task *self = coro_current_task(), *seen = NULL;
    coro_task *task = coro_create_task(sees_itself, &seen);
    ck_assert_ptr_eq(seen, task);
    ck_assert_ptr_ne(seen, self);
    ck_assert_ptr_eq(coro_current_task(), self);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    return 0;
}

/* --- All tasks -------------------------------------------------------------------------------- */
struct list {
    coro_task *tasks[4];
    size_t n;
};

static void list_all(struct list *list)
{
    list->n = coro_all_tasks(list->tasks, 4);
    ck_assert_uint_le(list->n, 4);
}

static bool has(const struct list *list, const coro_task *task)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->tasks[i] == task)
            return true;
    return false;
}

static bool is_listed(const coro_task *task)
{
    struct list now;
    list_all(&now);
    return has(&now, task);
}

static int lists_all(void *list)
{
    list_all(list);
    return 0;
}

/* CPython: test_eager_task_factory.EagerTaskFactoryLoopTests.test_all_tasks_with_eager_completion
 */
EAGER_TEST(a_task_is_among_all_tasks_in_its_eager_step_and_not_after_its_end)
{
    struct list then;
    coro_task *task = coro_create_task(lists_all, &then);
    ck_assert_uint_eq(then.n, 2);
    ck_assert(has(&then, task));
    ck_assert(has(&then, coro_current_task()));
    ck_assert(!is_listed(task));
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
    coro_release(task);
    return 0;
}

struct exchange {
    struct list then;
    coro_future *question, *answer;
};

static int lists_all_and_answers(void *arg)
{
    struct exchange *exchange = arg;
    list_all(&exchange->then);
    ck_assert_int_eq(coro_await(exchange->question, NULL), 0);
    return coro_set_result(exchange->answer, 0, NULL);
}

/* CPython: test_eager_task_factory.EagerTaskFactoryLoopTests.test_all_tasks_with_blocking */
EAGER_TEST(a_task_that_waits_after_its_eager_step_is_among_all_tasks_until_it_ends)
{
    struct exchange exchange = {.question = coro_create_future(), .answer = coro_create_future()};
    coro_task *task = coro_create_task(lists_all_and_answers, &exchange);
    ck_assert_uint_eq(exchange.then.n, 2);
    ck_assert(has(&exchange.then, task));
    ck_assert(is_listed(task));
    coro_set_result(exchange.question, 0, NULL);
    ck_assert(is_listed(task));
    ck_assert_int_eq(coro_await(exchange.answer, NULL), 0);
    ck_assert(!is_listed(task));
    ck_assert_int_eq(coro_join(task, NULL), 0);
    coro_release(exchange.question);
    coro_release(exchange.answer);
    return 0;
}

/* --- Task-locals ------------------------------------------------------------------------------ */
static const coro_local number = CORO_LOCAL_INITIALIZER(NULL);

static int number_here(void)
{
    return NUMBER(coro_local_get(&number));
}

static void set_number(int value)
{
    ck_assert_int_eq(coro_local_set(&number, ARG(value), NULL), 0);
    ck_assert_int_eq(number_here(), value);
}

static int changes_the_number_twice(void *arg)
{
    ck_assert_int_eq(number_here(), 1);
    set_number(2);
    trace("first");
    ck_assert_int_eq(coro_sleep(100 * CORO_MILLISECOND), 0);
    ck_assert_int_eq(number_here(), 2);
    set_number(3);
    trace("second");
    return 0;
}

/* CPython: test_eager_task_factory.EagerTaskFactoryLoopTests.test_context_vars */
EAGER_TEST(what_an_eager_task_sets_is_its_own_in_both_its_steps)
{
    set_number(1);
    coro_task *task = coro_create_task(changes_the_number_twice, NULL);
    expect_trace("first");
    ck_assert_int_eq(number_here(), 1);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("second");
    ck_assert_int_eq(number_here(), 1);
    return 0;
}

/* --- How many tasks had to be scheduled --------------------------------------------------------
 */
enum { WIDTH = 5, DEPTH = 4, CREATED = 5 + 5 * 5 + 5 * 5 * 5 + 5 * 5 * 5 * 5 };

static int created, scheduled;

static void count(const coro_task *task)
{
    created++;
    scheduled += !coro_done(task);
}

/* Runs it with both kinds of tasks. Eager ones end in the call that creates them, all of them in
 * one step of the main task. */
static void expect_counts(coro_fn *fn, int expected)
{
    for (int eager = 0; eager < 2; eager++) {
        created = scheduled = 0;
        ck_assert_int_eq(eager ? run_eagerly(fn, NULL) : run_test(fn, NULL), 0);
        ck_assert_int_eq(created, expected);
        ck_assert_int_eq(scheduled, eager ? 0 : expected);
        expect_trace(eager || expected == 0 ? "end pass" : "pass end");
        ck_assert_uint_eq(logged(), 0);
    }
}

static int calls_down(void *depth)
{
    if (NUMBER(depth) == 0) {
        ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
        return 0;
    }
    return 1 + calls_down(ARG(NUMBER(depth) - 1));
}

static int calls_a_hundred_deep(void *arg)
{
    coro_call_soon(traces_pass, NULL, NULL);
    ck_assert_int_eq(calls_down(ARG(100)), 100);
    trace("end");
    passes(1);
    coro_task *next = spawn(returns, NULL);
    ck_assert_str_eq(coro_get_name(next), "Task-2");
    return coro_join(next, NULL);
}

/* CPython: test_eager_task_factory.BaseTaskCountingTests.test_awaitables_chain */
START_TEST(a_chain_of_calls_needs_no_tasks)
{
    expect_counts(calls_a_hundred_deep, 0);
}
END_TEST

static int groups_down(void *depth)
{
    coro_group group;
    if (NUMBER(depth) == 0)
        return 0;
    coro_group_begin(&group);
    for (int i = 0; i < WIDTH; i++) {
        coro_task *task;
        ck_assert_int_eq(
            coro_group_create_task_with(&group, NULL, groups_down, ARG(NUMBER(depth) - 1), &task),
            0);
        count(task);
        coro_release(task);
    }
    return coro_group_end(&group, 0);
}

static int gathers_down(void *depth)
{
    coro_task *tasks[WIDTH];
    if (NUMBER(depth) == 0)
        return 0;
    for (int i = 0; i < WIDTH; i++)
        count(tasks[i] = spawn(gathers_down, ARG(NUMBER(depth) - 1)));
    const int rc = coro_gather(tasks, WIDTH, 0);
    for (int i = 0; i < WIDTH; i++)
        coro_release(tasks[i]);
    return rc;
}

static int traces_whether_it_waits(coro_fn *fn)
{
    coro_call_soon(traces_pass, NULL, NULL);
    const int rc = fn(ARG(DEPTH));
    trace("end");
    passes(1);
    return rc;
}

static int groups_in_groups(void *arg)
{
    return traces_whether_it_waits(groups_down);
}

static int gathers_in_gathers(void *arg)
{
    return traces_whether_it_waits(gathers_down);
}

/* CPython: test_eager_task_factory.BaseTaskCountingTests.test_recursive_taskgroups */
START_TEST(groups_in_groups_schedule_no_eager_task_and_every_other)
{
    expect_counts(groups_in_groups, CREATED);
}
END_TEST

/* CPython: test_eager_task_factory.BaseTaskCountingTests.test_recursive_gather */
START_TEST(gathers_in_gathers_schedule_no_eager_task_and_every_other)
{
    expect_counts(gathers_in_gathers, CREATED);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_task_of_the_run_starts_eagerly,
        a_future_that_was_settled_in_the_eager_step_is_awaited_without_waiting,
        a_task_that_need_not_wait_is_done_when_it_is_created,
        a_task_that_has_to_wait_goes_on_as_any_other,
        a_task_that_ended_in_its_eager_step_is_not_cancelled,
        a_task_that_waits_after_its_eager_step_is_cancelled_with_its_message,
        the_current_task_is_the_same_in_the_eager_step_and_after_it,
        a_task_is_among_all_tasks_in_its_eager_step_and_not_after_its_end,
        a_task_that_waits_after_its_eager_step_is_among_all_tasks_until_it_ends,
        what_an_eager_task_sets_is_its_own_in_both_its_steps,
        a_chain_of_calls_needs_no_tasks,
        groups_in_groups_schedule_no_eager_task_and_every_other,
        gathers_in_gathers_schedule_no_eager_task_and_every_other,
        NULL,
    };
    return run_suite("asyncio_eager_task_factory", tests);
}
