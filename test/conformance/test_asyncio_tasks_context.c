/* SPDX-License-Identifier: MIT */
/* asyncio's cases for context variables in tasks and callbacks; here these are task-locals. */
#include "support.h"

/* CPython, does not apply: a task's values are its own, there is no context object to create it
 * with or to ask it for: test_tasks.BaseTaskTests.test_context_4
 * test_tasks.BaseTaskTests.test_context_5 test_tasks.BaseTaskTests.test_context_6
 * test_tasks.BaseTaskTests.test_get_context */

static const coro_local word = CORO_LOCAL_INITIALIZER((void *)"nope");
static const coro_local number = CORO_LOCAL_INITIALIZER((void *)(intptr_t)-1);

static void set_word(const char *value)
{
    ck_assert_int_eq(coro_local_set(&word, (void *)(uintptr_t)value, NULL), 0);
}

static void expect_word(const char *expected)
{
    ck_assert_str_eq((const char *)coro_local_get(&word), expected);
}

/* --- A task and its creator ------------------------------------------------------------------- */
static int sleeps_and_sets(void *arg)
{
    ck_assert_int_eq(coro_sleep(10 * CORO_MILLISECOND), 0);
    expect_word("nope");
    set_word("something else");
    expect_word("something else");
    trace("set");
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_context_1 */
TASK_TEST(neither_a_task_nor_its_creator_sees_what_the_other_sets_after_the_creation)
{
    expect_word("nope");
    coro_task *task = spawn(sleeps_and_sets, NULL);
    set_word("yes");
    expect_word("yes");
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("set");
    expect_word("yes");
    return 0;
}

/* --- Callbacks -------------------------------------------------------------------------------- */
static void sets_when_done(coro_task *future, void *inherited)
{
    expect_word((const char *)inherited);
    set_word("something else");
    trace("done");
}

static void settles(void *future)
{
    ck_assert_int_eq(coro_set_result((coro_future *)future, 0, NULL), 0);
}

static int awaits_and_keeps_its_word(void *arg)
{
    static const char *const round[] = {"yes0", "yes1"};
    static const char *const step[][3] = {{"yes0-0", "yes1-0", "yes2-0"},
                                          {"yes0-1", "yes1-1", "yes2-1"}};
    expect_word("nope");
    for (int j = 0; j < 2; j++) {
        coro_future *future = coro_create_future();
        coro_add_done_callback(future, sets_when_done, (void *)(j == 0 ? "nope" : "yes2-0"));
        set_word(round[j]);
        coro_call_soon(settles, future, NULL);
        ck_assert_int_eq(coro_await(future, NULL), 0);
        expect_word(round[j]);
        coro_release(future);
        for (int i = 0; i < 3; i++) {
            set_word(step[j][i]);
            ck_assert_int_eq(coro_sleep(CORO_MILLISECOND), 0);
            expect_word(step[j][i]);
        }
    }
    return 0;
}

/* CPython: test_tasks.BaseTaskTests.test_context_2 */
START_TEST(what_a_callback_sets_is_not_seen_by_the_task_that_added_it)
{
    ck_assert_int_eq(run_test(awaits_and_keeps_its_word, NULL), 0);
    expect_trace("done done");
    expect_word("nope");
}
END_TEST

/* --- Many ------------------------------------------------------------------------------------- */
static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525 + 1013904223;
    return (*state >> 8) % below;
}

static int counts_up(void *arg)
{
    uint32_t state = (uint32_t)NUMBER(arg);
    const int base = (int)draw(&state, 11);
    ck_assert_int_eq(NUMBER(coro_local_get(&number)), -1);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(coro_local_set(&number, ARG(base + i), NULL), 0);
        ck_assert_int_eq(coro_sleep((1 + draw(&state, 50)) * CORO_MILLISECOND), 0);
        ck_assert_int_eq(NUMBER(coro_local_get(&number)), base + i);
    }
    return base;
}

static int counts_up_in_many(void *arg)
{
    enum { MANY = 100 };
    coro_task *tasks[MANY];
    for (int i = 0; i < MANY; i++)
        tasks[i] = spawn(counts_up, ARG(i));
    ck_assert_int_eq(coro_gather(tasks, MANY, 0), 0);
    ck_assert_int_eq(NUMBER(coro_local_get(&number)), -1);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_ge(coro_join(tasks[i], NULL), 0);
    return MANY;
}

/* CPython: test_tasks.BaseTaskTests.test_context_3 */
START_TEST(a_hundred_tasks_keep_their_values_apart)
{
    coro_run_options options = test_options();
    for (options.seed = 0; options.seed < 3; options.seed++) {
        ck_assert_int_eq(coro_run_with(&options, counts_up_in_many, NULL), 100);
        ck_assert_int_eq(NUMBER(coro_local_get(&number)), -1);
    }
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        neither_a_task_nor_its_creator_sees_what_the_other_sets_after_the_creation,
        what_a_callback_sets_is_not_seen_by_the_task_that_added_it,
        a_hundred_tasks_keep_their_values_apart,
        NULL,
    };
    return run_suite("asyncio_tasks_context", tests);
}
