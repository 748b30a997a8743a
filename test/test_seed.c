/* SPDX-License-Identifier: MIT */
/* The seeded ready order: reproducible, different from FIFO, and fair. */
#include "support.h"

enum { TASKS = 8, STEPS = 4 };

static int steps(void *number)
{
    for (int i = 0; i < STEPS; i++) {
        trace("%d", NUMBER(number));
        ck_assert_int_eq(coro_yield(), 0);
    }
    return NUMBER(number);
}

static int runs_them(void *arg)
{
    coro_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++)
        tasks[i] = spawn(steps, ARG(i));
    ck_assert_int_eq(coro_gather(tasks, TASKS, 0), 0);
    for (int i = 0; i < TASKS; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), i);
    return 0;
}

struct order {
    char text[256];
};

static struct order order_of(uint64_t seed)
{
    struct order order;
    coro_run_options options = test_options();
    options.seed = seed;
    ck_assert_int_eq(coro_run_with(&options, runs_them, NULL), 0);
    take_trace(order.text, sizeof order.text);
    return order;
}

START_TEST(no_seed_is_first_in_first_out)
{
    ck_assert_str_eq(order_of(0).text,
                     "0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7");
}
END_TEST

START_TEST(a_seed_gives_the_same_order_every_time)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        const struct order order = order_of(seed);
        ck_assert_str_eq(order_of(seed).text, order.text);
    }
    const struct order last = order_of(UINT64_MAX);
    ck_assert_str_eq(order_of(UINT64_MAX).text, last.text);
}
END_TEST

START_TEST(seeds_give_different_orders)
{
    const struct order none = order_of(0), one = order_of(1), two = order_of(2);
    ck_assert_str_ne(one.text, none.text);
    ck_assert_str_ne(two.text, none.text);
    ck_assert_str_ne(one.text, two.text);
}
END_TEST

START_TEST(each_pass_has_an_order_of_its_own)
{
    const struct order order = order_of(1);
    const size_t length = 2 * TASKS;
    ck_assert_int_ne(strncmp(order.text, order.text + length, length), 0);
}
END_TEST

START_TEST(in_each_pass_every_ready_task_runs_once)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        const struct order order = order_of(seed);
        for (int step = 0; step < STEPS; step++) {
            unsigned seen = 0;
            for (int i = 0; i < TASKS; i++)
                seen |= 1u << (order.text[2 * (step * TASKS + i)] - '0');
            ck_assert_uint_eq(seen, (1u << TASKS) - 1);
        }
    }
}
END_TEST

/* --- What does not depend on the order -------------------------------------------------------- */
static int naps(void *arg)
{
    coro_duration length = (coro_duration)NUMBER(arg) * CORO_SECOND;
    return coro_sleep(length);
}

static int mixed(void *arg)
{
    coro_task *tasks[6];
    for (int i = 0; i < 6; i++)
        tasks[i] = spawn(i % 2 ? naps : forever, ARG(i));
    ck_assert_int_eq(coro_wait(tasks, 6, CORO_ALL_COMPLETED, 10 * CORO_SECOND), 3);
    ck_assert_int_eq(coro_now(), 10 * CORO_SECOND);
    for (int i = 0; i < 6; i += 2)
        coro_cancel(tasks[i]);
    ck_assert_int_eq(coro_gather(tasks, 6, CORO_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(coro_cancelled(tasks[i]), i % 2 == 0);
        coro_release(tasks[i]);
    }
    return 0;
}

START_TEST(what_a_program_may_rely_on_holds_in_any_order)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        coro_run_options options = test_options();
        options.seed = seed;
        ck_assert_int_eq(coro_run_with(&options, mixed, NULL), 0);
    }
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int cancelled_callbacks(void *arg)
{
    /* Timers and watches that are taken out of a shuffled queue. */
    coro_task *tasks[20];
    for (int i = 0; i < 20; i++)
        tasks[i] = spawn(naps, ARG(1));
    for (int round = 0; round < 20; round++) {
        coro_timeout scope;
        coro_timeout_begin(&scope, round % 2 ? 0 : CORO_SECOND);
        const int rc = coro_wait(tasks, 20, CORO_FIRST_COMPLETED, round % 3 ? 0 : CORO_SECOND);
        ck_assert(coro_timeout_end(&scope, rc) != -ECANCELED);
    }
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    return 0;
}

START_TEST(what_is_taken_out_of_a_shuffled_queue_does_not_run)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        coro_run_options options = test_options();
        options.seed = seed;
        ck_assert_int_eq(coro_run_with(&options, cancelled_callbacks, NULL), 0);
    }
}
END_TEST

static int orders_of_callbacks(void *arg)
{
    static char names[] = "a\0b\0c\0d\0e";
    coro_future *future = coro_create_future();
    coro_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = spawn(returns, NULL); /* something to shuffle */
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(coro_add_done_callback(future, trace_done, &names[2 * i]), 0);
    coro_set_result(future, 0, NULL);
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(coro_add_done_callback(future, trace_done, &names[2 * i]), 0);
    passes(2);
    for (int i = 0; i < 3; i++)
        coro_release(tasks[i]);
    coro_release(future);
    return 0;
}

START_TEST(callbacks_run_in_their_order_with_any_seed)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        coro_run_options options = test_options();
        options.seed = seed;
        ck_assert_int_eq(coro_run_with(&options, orders_of_callbacks, NULL), 0);
        expect_trace("a b c d e a b c d e");
    }
}
END_TEST

static int nests_scopes_of_one_deadline(void *arg)
{
    coro_timeout outer, inner;
    coro_task *others[] = {spawn(sleeps, ARG(1000)), spawn(sleeps, ARG(1000))};
    ck_assert_int_eq(coro_timeout_begin(&outer, CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_begin(&inner, CORO_SECOND), 0);
    int rc = coro_timeout_end(&inner, coro_sleep(CORO_FOREVER));
    ck_assert_int_eq(rc, -ECANCELED);
    rc = coro_timeout_end(&outer, rc);
    ck_assert_int_eq(rc, -ETIMEDOUT);
    ck_assert_int_eq(coro_gather(others, 2, 0), 0);
    coro_release(others[0]);
    coro_release(others[1]);
    return 0;
}

START_TEST(of_equal_deadlines_the_outer_scope_fires_first_with_any_seed)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        coro_run_options options = test_options();
        options.seed = seed;
        ck_assert_int_eq(coro_run_with(&options, nests_scopes_of_one_deadline, NULL), 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        no_seed_is_first_in_first_out,
        a_seed_gives_the_same_order_every_time,
        seeds_give_different_orders,
        each_pass_has_an_order_of_its_own,
        in_each_pass_every_ready_task_runs_once,
        what_a_program_may_rely_on_holds_in_any_order,
        what_is_taken_out_of_a_shuffled_queue_does_not_run,
        callbacks_run_in_their_order_with_any_seed,
        of_equal_deadlines_the_outer_scope_fires_first_with_any_seed,
        NULL,
    };
    return run_suite("seed", tests);
}
