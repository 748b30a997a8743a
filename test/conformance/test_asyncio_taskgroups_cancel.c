/* SPDX-License-Identifier: MIT */
/* Task groups as CPython's cases have them: cancels from outside, beside failures and alone, and
 * groups within groups. */
#include "../support.h"

static int cancelling(void)
{
    return coro_cancelling(coro_current_task());
}

static coro_group begun(void)
{
    coro_group group;
    ck_assert_int_eq(coro_group_begin(&group), 0);
    return group;
}

static void add(coro_group *group, coro_fn *fn, void *arg)
{
    ck_assert_int_eq(coro_group_create_task(group, fn, arg), 0);
}

static const char *name_of(int error)
{
    switch (error) {
    case 0:
        return "ok";
    case -ECANCELED:
        return "cancelled";
    case -EIO:
        return "EIO";
    case -ENOENT:
        return "ENOENT";
    default:
        return "?";
    }
}

/* Who failed: "task", or "body" for the one that began the group. */
static void trace_errors(const coro_group *group)
{
    coro_group_error errors[16];
    const size_t count = coro_group_errors(group, errors, 16);
    ck_assert_uint_le(count, 16);
    for (size_t i = 0; i < count; i++)
        trace("%s:%s:%s", errors[i].task == coro_current_task() ? "body" : "task",
              name_of(errors[i].error), errors[i].message);
}

static int fails_after(void *milliseconds)
{
    const int rc = sleeps(milliseconds);
    return rc < 0 ? rc : coro_fail(-EIO, "after-%d", NUMBER(milliseconds));
}

static int fails_in_cleanup(void *text)
{
    coro_sleep(10 * CORO_SECOND);
    return coro_fail(-EIO, "%s", (const char *)text);
}

static int traces_its_end(void *name)
{
    const int rc = coro_sleep(10 * CORO_SECOND);
    trace("%s:%s", (const char *)name, name_of(rc));
    return rc;
}

/* Cancels the task after 100 ms, in which it must not have ended, and returns its result. */
static int cancelled_after_a_while(coro_task *task)
{
    ck_assert_int_eq(coro_sleep(100 * CORO_MILLISECOND), 0);
    ck_assert(!coro_done(task));
    ck_assert(coro_cancel(task));
    return coro_await(task, NULL);
}

/* --- Nobody fails ----------------------------------------------------------------------------- */
static int five_and_a_body(void *arg)
{
    coro_group group = begun();
    for (int i = 0; i < 5; i++)
        add(&group, traces_its_end, (void *)"task");
    return coro_group_end(&group, traces_its_end((void *)"body"));
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_07 */
TASK_TEST(a_cancel_reaches_the_body_and_then_the_tasks)
{
    coro_task *task = spawn(five_and_a_body, NULL);
    ck_assert_int_eq(cancelled_after_a_while(task), -ECANCELED);
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    expect_trace("body:cancelled task:cancelled task:cancelled task:cancelled task:cancelled "
                 "task:cancelled");
    coro_release(task);
    return 0;
}

static int empty_group(void *arg)
{
    coro_group group = begun();
    const int rc = coro_group_end(&group, traces_its_end((void *)"body"));
    ck_assert_uint_eq(coro_group_errors(&group, NULL, 0), 0);
    trace("end:%s", name_of(rc));
    return rc;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_17 */
TASK_TEST(a_cancel_passes_through_a_group_without_tasks)
{
    coro_task *task = spawn(empty_group, NULL);
    ck_assert_int_eq(cancelled_after_a_while(task), -ECANCELED);
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    expect_trace("body:cancelled end:cancelled");
    coro_release(task);
    return 0;
}

/* --- Somebody fails as well ------------------------------------------------------------------- */
static int body_with_an_error_of_its_own(void *arg)
{
    coro_group group = begun();
    traces_its_end((void *)"body");
    const int rc = coro_group_end(&group, coro_fail(-EIO, "own"));
    trace_errors(&group);
    return rc;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_18 */
TASK_TEST(a_body_that_makes_an_error_of_a_cancel_fails_with_it)
{
    coro_task *task = spawn(body_with_an_error_of_its_own, NULL);
    ck_assert_int_eq(cancelled_after_a_while(task), -EIO);
    ck_assert(!coro_cancelled(task));
    ck_assert_str_eq(coro_error_message(task), "own");
    expect_trace("body:cancelled body:EIO:own");
    coro_release(task);
    return 0;
}

static int five_that_fail_in_cleanup(void *arg)
{
    coro_group group = begun();
    for (int i = 0; i < 5; i++)
        add(&group, fails_in_cleanup, (void *)"task");
    const int rc = coro_group_end(&group, coro_sleep(10 * CORO_SECOND));
    trace("cancelling:%d", cancelling());
    trace_errors(&group);
    return rc;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_08 */
TASK_TEST(errors_in_the_cleanup_win_over_the_cancel)
{
    coro_task *task = spawn(five_that_fail_in_cleanup, NULL);
    ck_assert_int_eq(cancelled_after_a_while(task), -EIO);
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    expect_trace("cancelling:1 task:EIO:task task:EIO:task task:EIO:task task:EIO:task "
                 "task:EIO:task");
    coro_release(task);
    return 0;
}

/* When it is cancelled it takes 500 ms to tidy up, unless it is cancelled again. */
static int body_that_tidies_up_slowly(void *arg)
{
    coro_group group = begun();
    add(&group, fails_after, ARG(300));
    int rc = coro_sleep(10 * CORO_SECOND);
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    rc = coro_sleep(500 * CORO_MILLISECOND);
    trace("tidying:%s cancelling:%d", name_of(rc), cancelling());
    rc = coro_group_end(&group, -ECANCELED);
    trace("end:%s cancelling:%d", name_of(rc), cancelling());
    trace_errors(&group);
    return rc;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_15 */
TASK_TEST(a_task_may_fail_while_the_body_tidies_up_after_a_cancel)
{
    coro_task *task = spawn(body_that_tidies_up_slowly, NULL);
    ck_assert_int_eq(cancelled_after_a_while(task), -EIO);
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_now(), 300 * CORO_MILLISECOND);
    expect_trace("tidying:cancelled cancelling:2 end:EIO cancelling:1 task:EIO:after-300");
    coro_release(task);
    return 0;
}

static int awaits_such_a_body(void *arg)
{
    return coro_join(spawn(body_that_tidies_up_slowly, NULL), NULL);
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_16 */
TASK_TEST(so_it_may_in_a_task_that_the_cancelled_one_awaits)
{
    coro_task *task = spawn(awaits_such_a_body, NULL);
    ck_assert_int_eq(cancelled_after_a_while(task), -EIO);
    ck_assert_str_eq(coro_error_message(task), "after-300");
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_now(), 300 * CORO_MILLISECOND);
    expect_trace("tidying:cancelled cancelling:2 end:EIO cancelling:1 task:EIO:after-300");
    coro_release(task);
    return 0;
}

static coro_event about_to_fail;

static int sets_and_fails(void *arg)
{
    coro_event_set(&about_to_fail);
    const int rc = coro_yield();
    trace("task:%s", name_of(rc));
    return rc < 0 ? rc : coro_fail(-EIO, "task");
}

static int waits_after_its_group(void *arg)
{
    coro_group group = begun();
    add(&group, sets_and_fails, NULL);
    int rc = coro_sleep(CORO_SECOND);
    trace("body:%s", name_of(rc));
    rc = coro_group_end(&group, rc);
    trace("end:%s cancelling:%d", name_of(rc), cancelling());
    rc = coro_sleep(CORO_SECOND);
    trace("later:%s cancelling:%d", name_of(rc), cancelling());
    return rc;
}

/* The cancel comes first, and the task fails before the body has run. */
/* CPython: test_taskgroups.TestTaskGroup.test_error_and_cancel */
TASK_TEST(a_cancel_in_the_pass_of_a_failure_comes_again_after_the_group)
{
    coro_task *task = spawn(waits_after_its_group, NULL);
    ck_assert_int_eq(coro_event_wait(&about_to_fail), 0);
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert(coro_cancel(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 1);
    ck_assert_int_eq(coro_now(), 0);
    expect_trace("task:ok body:cancelled end:EIO cancelling:1 later:cancelled cancelling:1");
    coro_release(task);
    return 0;
}

/* --- Groups within groups --------------------------------------------------------------------- */
static int inner_with_five_that_fail_in_cleanup(void *arg)
{
    coro_group outer = begun(), inner = begun();
    for (int i = 0; i < 5; i++)
        add(&inner, fails_in_cleanup, (void *)"task");
    int rc = coro_group_end(&inner, coro_sleep(10 * CORO_SECOND));
    ck_assert_uint_eq(coro_group_errors(&inner, NULL, 0), 5);
    trace_errors(&inner);
    rc = coro_group_end(&outer, rc);
    trace("outer");
    trace_errors(&outer);
    return rc;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_11 */
TASK_TEST(the_errors_of_an_inner_group_are_one_error_of_the_outer_ones_body)
{
    coro_task *task = spawn(inner_with_five_that_fail_in_cleanup, NULL);
    ck_assert_int_eq(cancelled_after_a_while(task), -EIO);
    ck_assert_int_eq(coro_cancelling(task), 1);
    expect_trace("task:EIO:task task:EIO:task task:EIO:task task:EIO:task task:EIO:task outer "
                 "body:EIO:task");
    coro_release(task);
    return 0;
}

static int outer_with_a_task_too(void *arg)
{
    coro_group outer = begun();
    add(&outer, traces_its_end, (void *)"of-outer");
    coro_group inner = begun();
    for (int i = 0; i < 5; i++)
        add(&inner, fails_in_cleanup, (void *)"task");
    int rc = coro_group_end(&inner, coro_sleep(10 * CORO_SECOND));
    trace("inner:%s", name_of(rc));
    rc = coro_group_end(&outer, rc);
    trace_errors(&outer);
    return rc;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_12 */
TASK_TEST(the_errors_of_an_inner_group_cancel_the_tasks_of_the_outer_one)
{
    coro_task *task = spawn(outer_with_a_task_too, NULL);
    ck_assert_int_eq(cancelled_after_a_while(task), -EIO);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    expect_trace("inner:EIO of-outer:cancelled body:EIO:task");
    coro_release(task);
    return 0;
}

/* Each with one task, which fails after that time if it is not cancelled. */
static int outer_and_inner(int outer_milliseconds, int inner_milliseconds)
{
    coro_group outer = begun();
    add(&outer, fails_after, ARG(outer_milliseconds));
    coro_group inner = begun();
    add(&inner, fails_after, ARG(inner_milliseconds));
    int rc = coro_group_end(&inner, 0);
    trace("inner:%s", name_of(rc));
    trace_errors(&inner);
    rc = coro_group_end(&outer, rc);
    trace("outer:%s", name_of(rc));
    trace_errors(&outer);
    return rc;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_13 */
TASK_TEST(a_failure_in_the_outer_group_cancels_the_inner_one)
{
    ck_assert_int_eq(outer_and_inner(100, 10000), -EIO);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_int_eq(coro_yield(), 0);
    expect_trace("inner:cancelled outer:EIO task:EIO:after-100");
    return 0;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_14 */
TASK_TEST(a_failure_in_the_inner_group_is_one_of_the_outer_ones_body)
{
    ck_assert_int_eq(outer_and_inner(10000, 100), -EIO);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_int_eq(coro_yield(), 0);
    expect_trace("inner:EIO task:EIO:after-100 outer:EIO body:EIO:after-100");
    return 0;
}

static int fails_after_a_pass(void *error)
{
    const int rc = coro_yield();
    return rc < 0 ? rc : coro_fail(NUMBER(error), "task");
}

/* CPython: test_taskgroups.TestTaskGroup.test_nested_groups_both_cancelled */
TASK_TEST(failures_in_both_groups_in_one_pass_count_once_for_each)
{
    coro_group outer = begun(), inner = begun();
    add(&inner, fails_after_a_pass, ARG(-ENOENT));
    add(&outer, fails_after_a_pass, ARG(-EIO));
    ck_assert_int_eq(coro_group_end(&inner, 0), -ENOENT); /* which is dealt with */
    ck_assert_int_eq(cancelling(), 1);
    ck_assert_int_eq(coro_group_end(&outer, 0), -EIO);
    trace_errors(&outer);
    expect_trace("task:EIO:task");
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_int_eq(coro_yield(), 0);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_cancel_reaches_the_body_and_then_the_tasks,
        a_cancel_passes_through_a_group_without_tasks,
        a_body_that_makes_an_error_of_a_cancel_fails_with_it,
        errors_in_the_cleanup_win_over_the_cancel,
        a_task_may_fail_while_the_body_tidies_up_after_a_cancel,
        so_it_may_in_a_task_that_the_cancelled_one_awaits,
        a_cancel_in_the_pass_of_a_failure_comes_again_after_the_group,
        the_errors_of_an_inner_group_are_one_error_of_the_outer_ones_body,
        the_errors_of_an_inner_group_cancel_the_tasks_of_the_outer_one,
        a_failure_in_the_outer_group_cancels_the_inner_one,
        a_failure_in_the_inner_group_is_one_of_the_outer_ones_body,
        failures_in_both_groups_in_one_pass_count_once_for_each,
        NULL,
    };
    return run_suite("asyncio_taskgroups_cancel", tests);
}
