/* SPDX-License-Identifier: MIT */
/* CPython's test_context: a setting of a task's own, kept over its waits. Here it is a task-local.
 */
#include "support.h"

#include <stdio.h>

static const coro_local precision = CORO_LOCAL_INITIALIZER(ARG(28));

static int precision_here(void)
{
    return NUMBER(coro_local_get(&precision));
}

/* The quotient with as many digits as the caller's setting says. */
static void divide(int x, int y, char text[32])
{
    snprintf(text, 32, "%.*g", precision_here(), (double)x / y);
}

struct fractions {
    coro_duration time;
    int digits;
    char before[32], after[32];
};

static int computes(void *arg)
{
    struct fractions *f = arg;
    coro_local_token token;
    ck_assert_int_eq(precision_here(), 28);
    ck_assert_int_eq(coro_local_set(&precision, ARG(f->digits), &token), 0);
    divide(1, 3, f->before);
    const int rc = coro_sleep(f->time);
    divide(1, 9, f->after);
    ck_assert_int_eq(coro_local_reset(&precision, &token), 0);
    ck_assert_int_eq(precision_here(), 28);
    return rc;
}

/* CPython: test_context.DecimalContextTest.test_asyncio_task_decimal_context */
TASK_TEST(each_task_computes_with_the_precision_that_it_has_set)
{
    struct fractions coarse = {.time = 100 * CORO_MILLISECOND, .digits = 3};
    struct fractions fine = {.time = 200 * CORO_MILLISECOND, .digits = 6};
    coro_task *tasks[] = {spawn(computes, &coarse), spawn(computes, &fine)};
    ck_assert_int_eq(coro_gather(tasks, 2, 0), 0);
    ck_assert_int_eq(coro_now(), 200 * CORO_MILLISECOND);
    ck_assert_str_eq(coarse.before, "0.333");
    ck_assert_str_eq(coarse.after, "0.111");
    ck_assert_str_eq(fine.before, "0.333333");
    ck_assert_str_eq(fine.after, "0.111111");
    ck_assert_int_eq(precision_here(), 28);
    coro_release(tasks[0]);
    coro_release(tasks[1]);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {each_task_computes_with_the_precision_that_it_has_set, NULL};
    return run_suite("asyncio_context", tests);
}
