/* SPDX-License-Identifier: MIT */
/* Task groups as CPython's cases have them: what a group waits for and takes, and what becomes of
 * it when one of its tasks or its body fails. Cancels from outside and nested groups are in
 * test_asyncio_taskgroups_cancel.c. */
#include "../support.h"

/* CPython, does not apply: a task has values of its own, copied when it is created, and no context
 * to hand over: test_taskgroups.TestTaskGroup.test_taskgroup_task_context */

/* CPython, does not apply: no error overrides the others of a group as KeyboardInterrupt does:
 * test_taskgroups.TestTaskGroup.test_taskgroup_20 */

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

static coro_task *add_own(coro_group *group, coro_fn *fn, void *arg)
{
    coro_task *task = NULL;
    ck_assert_int_eq(coro_group_create_task_with(group, NULL, fn, arg, &task), 0);
    ck_assert_ptr_nonnull(task);
    return task;
}

static void trace_errors(const coro_group *group)
{
    coro_group_error errors[16];
    const size_t count = coro_group_errors(group, errors, 16);
    ck_assert_uint_le(count, 16);
    for (size_t i = 0; i < count; i++)
        trace("%s:%s", errors[i].error == -EIO ? "EIO" : "?", errors[i].message);
}

/* Returns how long it has slept. */
static int naps(void *milliseconds)
{
    const int rc = sleeps(milliseconds);
    return rc < 0 ? rc : NUMBER(milliseconds);
}

static int fails_after(void *milliseconds)
{
    const int rc = sleeps(milliseconds);
    return rc < 0 ? rc : coro_fail(-EIO, "after-%d", NUMBER(milliseconds));
}

static int traces_its_cancel(void *name)
{
    const int rc = coro_sleep(10 * CORO_SECOND);
    trace("%s:%s", (const char *)name, rc == -ECANCELED ? "cancelled" : "woken");
    return rc;
}

/* Its cleanup fails, whatever else has happened. */
static int fails_in_cleanup(void *text)
{
    coro_sleep(10 * CORO_SECOND);
    return coro_fail(-EIO, "%s", (const char *)text);
}

/* --- Tasks that succeed ----------------------------------------------------------------------- */
/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_01 */
TASK_TEST(after_the_end_each_task_has_its_result)
{
    coro_group group = begun();
    coro_task *first = add_own(&group, naps, ARG(100)), *second = add_own(&group, naps, ARG(200));
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert_int_eq(coro_now(), 200 * CORO_MILLISECOND);
    ck_assert_int_eq(coro_result(first, NULL), 100);
    ck_assert_int_eq(coro_result(second, NULL), 200);
    coro_release(first);
    coro_release(second);
    return 0;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_02 */
TASK_TEST(the_body_may_add_a_task_when_others_have_ended)
{
    coro_group group = begun();
    coro_task *first = add_own(&group, naps, ARG(100));
    ck_assert_int_eq(coro_sleep(150 * CORO_MILLISECOND), 0);
    ck_assert_int_eq(coro_result(first, NULL), 100);
    coro_task *second = add_own(&group, naps, ARG(200));
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert_int_eq(coro_now(), 350 * CORO_MILLISECOND);
    ck_assert_int_eq(coro_result(first, NULL), 100);
    ck_assert_int_eq(coro_result(second, NULL), 200);
    coro_release(first);
    coro_release(second);
    return 0;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_03 */
TASK_TEST(a_task_that_the_body_cancels_aborts_nothing)
{
    coro_group group = begun();
    coro_task *victim = add_own(&group, naps, ARG(1000));
    ck_assert_int_eq(coro_sleep(150 * CORO_MILLISECOND), 0);
    ck_assert(coro_cancel(victim));
    coro_task *later = add_own(&group, naps, ARG(200));
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert_int_eq(coro_now(), 350 * CORO_MILLISECOND);
    ck_assert(coro_cancelled(victim));
    ck_assert_int_eq(coro_result(later, NULL), 200);
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_uint_eq(coro_group_errors(&group, NULL, 0), 0);
    coro_release(victim);
    coro_release(later);
    return 0;
}

/* Ten tasks of 300 ms, begun 100 ms apart. */
/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_23 */
TASK_TEST(a_group_waits_for_no_task_that_has_ended)
{
    coro_group group = begun();
    size_t most = 0;
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(coro_sleep(100 * CORO_MILLISECOND), 0);
        add(&group, sleeps, ARG(300));
        const size_t alive = coro_all_tasks(NULL, 0) - 1;
        most = alive > most ? alive : most;
    }
    ck_assert_uint_eq(most, 3);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
    coro_task *other = spawn(returns, NULL);
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert(!coro_done(other)); /* there was nothing to wait for */
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    coro_release(other);
    return 0;
}

static int adds_two(void *group)
{
    const int rc = coro_sleep(100 * CORO_MILLISECOND);
    add((coro_group *)group, naps, ARG(100));
    add((coro_group *)group, naps, ARG(200));
    return rc;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_24 */
TASK_TEST(a_task_may_add_others_to_its_group_while_the_end_waits)
{
    coro_group group = begun();
    add(&group, adds_two, &group);
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert_int_eq(coro_now(), 300 * CORO_MILLISECOND);
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
    return 0;
}

/* --- A task fails ----------------------------------------------------------------------------- */
static int heads;

static int hydra(void *group)
{
    heads++;
    const int rc = coro_sleep(10 * CORO_MILLISECOND);
    if (rc < 0)
        return rc;
    add((coro_group *)group, hydra, group);
    add((coro_group *)group, hydra, group);
    return 0;
}

static int hercules(void *arg)
{
    while (heads < 10)
        ck_assert_int_eq(coro_sleep(15 * CORO_MILLISECOND), 0);
    return coro_fail(-EIO, "enough");
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_25 */
TASK_TEST(a_failure_stops_tasks_that_keep_adding_others)
{
    heads = 0;
    coro_group group = begun();
    add(&group, hydra, &group);
    add(&group, hercules, NULL);
    ck_assert_int_eq(coro_group_end(&group, 0), -EIO);
    /* At 30 ms he looks before the third heads grow. */
    ck_assert_int_eq(coro_now(), 45 * CORO_MILLISECOND);
    ck_assert_int_eq(heads, 1 + 2 + 4 + 8 + 16);
    trace_errors(&group);
    expect_trace("EIO:enough");
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
    return 0;
}

static int fails_with_a_sibling(void *sibling)
{
    coro_group group = begun();
    add(&group, fails_after, ARG(100));
    *(coro_task **)sibling = add_own(&group, traces_its_cancel, (void *)"sibling");
    const int rc = coro_group_end(&group, 0);
    if (rc < 0)
        return rc;
    trace("after");
    return 0;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_04 */
TASK_TEST(a_failure_is_the_result_of_the_task_around_the_group)
{
    coro_task *sibling = NULL, *task = spawn(fails_with_a_sibling, &sibling);
    ck_assert_int_eq(coro_await(task, NULL), -EIO);
    ck_assert_str_eq(coro_error_message(task), "after-100");
    ck_assert(!coro_cancelled(task));
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    expect_trace("sibling:cancelled");
    ck_assert(coro_cancelled(sibling));
    ck_assert_int_eq(coro_cancelling(sibling), 1);
    coro_release(sibling);
    coro_release(task);
    return 0;
}

static int three_fail(void *arg)
{
    coro_group group = begun();
    for (int i = 0; i < 3; i++)
        add(&group, fails_after, ARG(100));
    add(&group, traces_its_cancel, (void *)"sibling");
    const int rc = coro_group_end(&group, traces_its_cancel((void *)"body"));
    trace_errors(&group);
    return rc;
}

/* CPython: test_taskgroups.TestTaskGroup.test_cancel_children_on_child_error */
TASK_TEST(failures_in_one_pass_come_out_together)
{
    coro_task *task = spawn(three_fail, NULL);
    ck_assert_int_eq(coro_await(task, NULL), -EIO);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    ck_assert_int_eq(coro_cancelling(task), 0);
    expect_trace("sibling:cancelled body:cancelled EIO:after-100 EIO:after-100 EIO:after-100");
    coro_release(task);
    return 0;
}

static int adds_when_cancelled(void *group)
{
    const int rc = coro_sleep(CORO_SECOND);
    coro_task *task = coro_current_task();
    trace("%d", coro_group_create_task_with((coro_group *)group, NULL, traces_its_cancel,
                                            (void *)"added", &task) == -ESHUTDOWN);
    ck_assert_ptr_null(task);
    return rc == -ECANCELED ? 0 : rc; /* swallows it */
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_no_create_task_after_failure */
TASK_TEST(after_a_failure_a_group_takes_no_task)
{
    coro_group group = begun();
    add(&group, fails_after, ARG(1));
    add(&group, adds_when_cancelled, &group);
    ck_assert_int_eq(coro_group_end(&group, 0), -EIO);
    expect_trace("1");
    trace_errors(&group);
    expect_trace("EIO:after-1");
    return 0;
}

/* Whose error would be a BaseException in Python makes no difference here. */
/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_19
 * test_taskgroups.TestTaskGroup.test_taskgroup_20a
 * test_taskgroups.TestTaskGroup.test_taskgroup_21a */
TASK_TEST(a_body_that_fails_at_the_cancel_adds_its_error_to_the_tasks)
{
    coro_group group = begun();
    add(&group, fails_after, ARG(100));
    const int rc = coro_group_end(&group, fails_in_cleanup((void *)"body"));
    ck_assert_int_eq(rc, -EIO);
    ck_assert_str_eq(coro_error_message(coro_current_task()), "after-100");
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    trace_errors(&group);
    expect_trace("EIO:after-100 EIO:body");
    return 0;
}

static int query_in_a_connection(void *group)
{
    add((coro_group *)group, fails_after, ARG(0));
    const int rc = coro_sleep(CORO_SECOND);
    ck_assert_int_eq(rc, -ECANCELED);
    return coro_fail(-EIO, "cannot close");
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_context_manager_exit_raises */
TASK_TEST(the_cancel_of_the_body_is_taken_back_if_the_body_fails_too)
{
    coro_group group = begun();
    ck_assert_int_eq(coro_group_end(&group, query_in_a_connection(&group)), -EIO);
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_uint_eq(coro_group_errors(&group, NULL, 0), 2);
    trace_errors(&group);
    expect_trace("EIO:after-0 EIO:cannot close");
    ck_assert_int_eq(coro_yield(), 0);
    ck_assert_int_eq(coro_now(), 0);
    return 0;
}

/* --- The body fails --------------------------------------------------------------------------- */
/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_09 */
TASK_TEST(an_error_of_the_body_cancels_running_tasks)
{
    coro_group group = begun();
    coro_task *first = add_own(&group, traces_its_cancel, (void *)"first"),
              *second = add_own(&group, traces_its_cancel, (void *)"second");
    ck_assert_int_eq(coro_sleep(100 * CORO_MILLISECOND), 0);
    ck_assert_int_eq(coro_group_end(&group, coro_fail(-EIO, "body")), -EIO);
    ck_assert_int_eq(coro_now(), 100 * CORO_MILLISECOND);
    ck_assert(coro_cancelled(first));
    ck_assert(coro_cancelled(second));
    ck_assert_int_eq(cancelling(), 0);
    trace_errors(&group);
    expect_trace("first:cancelled second:cancelled EIO:body");
    coro_release(first);
    coro_release(second);
    return 0;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_10 */
TASK_TEST(an_error_of_the_body_before_the_first_wait_keeps_the_tasks_from_starting)
{
    coro_group group = begun();
    coro_task *first = add_own(&group, traces_its_cancel, (void *)"first"),
              *second = add_own(&group, traces_its_cancel, (void *)"second");
    ck_assert_int_eq(coro_group_end(&group, coro_fail(-EIO, "body")), -EIO);
    ck_assert(coro_cancelled(first));
    ck_assert(coro_cancelled(second));
    trace_errors(&group);
    expect_trace("EIO:body");
    ck_assert_int_eq(coro_now(), 0);
    coro_release(first);
    coro_release(second);
    return 0;
}

/* --- Begin and end ---------------------------------------------------------------------------- */
static int begins_twice(void *arg)
{
    coro_group group = begun();
    ck_assert_int_eq(coro_group_begin(&group), 0);
    return coro_group_end(&group, 5);
}

/* Begin cannot refuse: it may be handed memory with anything in it. */
/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_already_entered */
TASK_TEST(a_group_that_is_begun_again_while_it_is_active_is_reported)
{
    ck_assert_int_eq(coro_join(spawn(begins_twice, NULL), NULL), 5);
    expect_log(CORO_LOG_GROUP_NOT_ENDED, 0, "begins_twice");
    return 0;
}

/* CPython, stronger: test_taskgroups.TestTaskGroup.test_taskgroup_double_enter: what has ended may
 * be begun again */
TASK_TEST(a_group_may_be_begun_again_after_its_end)
{
    coro_group group = begun();
    add(&group, fails_after, ARG(100));
    ck_assert_int_eq(coro_group_end(&group, 0), -EIO);
    ck_assert_int_eq(coro_group_begin(&group), 0);
    coro_task *task = add_own(&group, naps, ARG(100));
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert_int_eq(coro_result(task, NULL), 100);
    ck_assert_uint_eq(coro_group_errors(&group, NULL, 0), 0);
    coro_release(task);
    return 0;
}

static void begins_a_group(void *arg)
{
    coro_group group;
    trace("%d", coro_group_begin(&group) == -EPERM);
    trace("%d", coro_group_create_task(&group, traces_its_cancel, (void *)"task") == -EINVAL);
    trace("%d", coro_group_end(&group, 5));
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_without_parent_task */
TASK_TEST(a_callback_cannot_begin_a_group)
{
    ck_assert_int_eq(coro_call_soon(begins_a_group, NULL, NULL), 0);
    passes(2);
    expect_trace("1 1 5");
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        after_the_end_each_task_has_its_result,
        the_body_may_add_a_task_when_others_have_ended,
        a_task_that_the_body_cancels_aborts_nothing,
        a_group_waits_for_no_task_that_has_ended,
        a_task_may_add_others_to_its_group_while_the_end_waits,
        a_failure_stops_tasks_that_keep_adding_others,
        a_failure_is_the_result_of_the_task_around_the_group,
        failures_in_one_pass_come_out_together,
        after_a_failure_a_group_takes_no_task,
        a_body_that_fails_at_the_cancel_adds_its_error_to_the_tasks,
        the_cancel_of_the_body_is_taken_back_if_the_body_fails_too,
        an_error_of_the_body_cancels_running_tasks,
        an_error_of_the_body_before_the_first_wait_keeps_the_tasks_from_starting,
        a_group_that_is_begun_again_while_it_is_active_is_reported,
        a_group_may_be_begun_again_after_its_end,
        a_callback_cannot_begin_a_group,
        NULL,
    };
    return run_suite("asyncio_taskgroups", tests);
}
