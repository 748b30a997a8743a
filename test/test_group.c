/* SPDX-License-Identifier: MIT */
/* Task groups: what they wait for, whom a failure cancels, and which errors come out. */
#include "support.h"

static int cancelling(void)
{
    return coro_cancelling(coro_current_task());
}

static int fails_after(void *milliseconds)
{
    const int rc = coro_sleep(NUMBER(milliseconds) * CORO_MILLISECOND);
    return rc < 0 ? rc : coro_fail(-ENOENT, "after %d ms", NUMBER(milliseconds));
}

/* Fails when it is cancelled. */
static int fails_when_cancelled(void *arg)
{
    return coro_sleep(CORO_FOREVER) < 0 ? coro_fail(-EIO, "%s", (const char *)arg) : 0;
}

static int traces_its_end(void *name)
{
    const int rc = coro_sleep(CORO_SECOND);
    trace("%s:%d", (const char *)name, rc);
    return rc;
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

/* What the group ended with, as one trace: "status:text" for each. */
static void trace_errors(const coro_group *group)
{
    coro_group_error errors[8];
    const size_t count = coro_group_errors(group, errors, 8);
    for (size_t i = 0; i < count; i++)
        trace("%d:%s", errors[i].error, errors[i].message);
}

TASK_TEST(the_end_waits_for_all_tasks)
{
    coro_group group = begun();
    add(&group, sleeps, ARG(1000));
    add(&group, sleeps, ARG(3000));
    ck_assert_int_eq(coro_group_end(&group, 7), 7);
    ck_assert_int_eq(coro_now(), 3 * CORO_SECOND);
    ck_assert_uint_eq(coro_group_errors(&group, NULL, 0), 0);
    return 0;
}

TASK_TEST(an_empty_group_does_not_suspend)
{
    coro_group group = begun();
    coro_task *other = spawn(traces_its_end, (void *)"other");
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert(!coro_done(other));
    coro_cancel(other);
    ck_assert_int_eq(coro_join(other, NULL), -ECANCELED);
    return 0;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_task_name */
TASK_TEST(results_are_read_from_ones_own_references)
{
    coro_group group = begun();
    coro_task *task = NULL;
    const coro_task_options options = {.name = "seven"};
    ck_assert_int_eq(coro_group_create_task_with(&group, &options, returns, ARG(7), &task), 0);
    ck_assert_str_eq(coro_get_name(task), "seven");
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert_int_eq(coro_result(task, NULL), 7);
    coro_release(task);
    return 0;
}

TASK_TEST(a_failure_cancels_the_siblings_and_the_body)
{
    coro_group group = begun();
    add(&group, fails_after, ARG(500));
    add(&group, traces_its_end, (void *)"sibling");
    const int rc = coro_sleep(CORO_FOREVER);
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(cancelling(), 1);
    ck_assert_int_eq(coro_group_end(&group, rc), -ENOENT);
    ck_assert_str_eq(coro_error_message(coro_current_task()), "after 500 ms");
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_int_eq(coro_yield(), 0);
    expect_trace("sibling:-125");
    trace_errors(&group);
    expect_trace("-2:after 500 ms");
    return 0;
}

/* CPython: test_taskgroups.TestTaskGroup.test_cancelling_level_preserved */
TASK_TEST(a_failure_while_the_end_waits_cancels_the_siblings)
{
    coro_group group = begun();
    add(&group, traces_its_end, (void *)"sibling");
    add(&group, fails_after, ARG(500));
    ck_assert_int_eq(coro_group_end(&group, 0), -ENOENT);
    ck_assert_int_eq(coro_now(), 500 * CORO_MILLISECOND);
    ck_assert_int_eq(cancelling(), 0);
    ck_assert_int_eq(coro_yield(), 0);
    expect_trace("sibling:-125");
    return 0;
}

TASK_TEST(all_errors_come_out_with_those_of_the_abort)
{
    coro_group group = begun();
    add(&group, fails_when_cancelled, (void *)"first");
    add(&group, fails_after, ARG(500));
    add(&group, fails_when_cancelled, (void *)"third");
    ck_assert_int_eq(coro_group_end(&group, 0), -ENOENT);
    trace_errors(&group);
    expect_trace("-2:after 500 ms -5:first -5:third");
    coro_group_error one;
    ck_assert_uint_eq(coro_group_errors(&group, &one, 1), 3);
    ck_assert_int_eq(coro_result(one.task, NULL), -ENOENT);
    return 0;
}

TASK_TEST(an_error_of_the_body_cancels_the_tasks_and_comes_last)
{
    coro_group group = begun();
    add(&group, fails_when_cancelled, (void *)"child");
    coro_yield();
    ck_assert_int_eq(coro_group_end(&group, coro_fail(-EINVAL, "body")), -EIO);
    trace_errors(&group);
    expect_trace("-5:child -22:body");
    coro_group_error errors[2];
    coro_group_errors(&group, errors, 2);
    ck_assert_ptr_eq(errors[1].task, coro_current_task());
    return 0;
}

TASK_TEST(an_error_of_the_body_alone_is_returned_with_its_text)
{
    coro_group group = begun();
    add(&group, forever, NULL);
    ck_assert_int_eq(coro_group_end(&group, coro_fail(-EINVAL, "body")), -EINVAL);
    ck_assert_str_eq(coro_error_message(coro_current_task()), "body");
    trace_errors(&group);
    expect_trace("-22:body");
    return 0;
}

static int cancels_itself(void *arg)
{
    return -ECANCELED;
}

TASK_TEST(a_child_that_ends_cancelled_aborts_nothing)
{
    coro_group group = begun();
    add(&group, cancels_itself, NULL);
    add(&group, traces_its_end, (void *)"sibling");
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    expect_trace("sibling:0");
    return 0;
}

static int group_of_two(void *ends)
{
    coro_group group = begun();
    add(&group, traces_its_end, (void *)"a");
    add(&group, traces_its_end, (void *)"b");
    const int rc = ends ? 0 : coro_sleep(CORO_FOREVER);
    const int ended = coro_group_end(&group, rc);
    trace("end:%d cancelling:%d", ended, cancelling());
    return ended;
}

TASK_TEST(a_cancel_in_the_body_cancels_the_tasks)
{
    coro_task *task = spawn(group_of_two, NULL);
    passes(3);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    expect_trace("a:-125 b:-125 end:-125 cancelling:1");
    return 0;
}

/* CPython: test_taskgroups.TestTaskGroup.test_cancellation
 * test_taskgroups.TestTaskGroup.test_taskgroup_22 */
TASK_TEST(a_cancel_while_the_end_waits_cancels_the_tasks)
{
    coro_task *task = spawn(group_of_two, ARG(1));
    passes(3);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    expect_trace("a:-125 b:-125 end:-125 cancelling:1");
    return 0;
}

static int tidies_up_slowly(void *arg)
{
    coro_sleep(CORO_FOREVER);
    return coro_sleep(CORO_SECOND);
}

static int group_of_a_slow_one(void *arg)
{
    coro_group group = begun();
    add(&group, tidies_up_slowly, NULL);
    return coro_group_end(&group, 0);
}

TASK_TEST(repeated_cancels_do_not_end_the_wait)
{
    coro_task *task = spawn(group_of_a_slow_one, NULL);
    passes(3);
    coro_cancel_with(task, "first");
    passes(3);
    coro_cancel_with(task, "second");
    passes(3);
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "first");
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_int_eq(coro_cancelling(task), 2);
    coro_release(task);
    return 0;
}

static int error_and_cancel(void *arg)
{
    coro_group group = begun();
    add(&group, fails_when_cancelled, (void *)"child");
    const int rc = coro_group_end(&group, 0);
    trace("end:%d cancelling:%d", rc, cancelling());
    trace("next:%d", coro_yield());
    return rc;
}

TASK_TEST(errors_win_over_a_cancel_from_outside_which_comes_again)
{
    coro_task *task = spawn(error_and_cancel, NULL);
    passes(3);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -EIO);
    expect_trace("end:-5 cancelling:1 next:-125");
    return 0;
}

static int inner_group(void *arg)
{
    coro_group group = begun();
    add(&group, fails_after, ARG(500));
    return coro_group_end(&group, coro_sleep(CORO_FOREVER));
}

TASK_TEST(groups_nest)
{
    coro_group outer = begun();
    add(&outer, traces_its_end, (void *)"outer");
    const int rc = inner_group(NULL);
    ck_assert_int_eq(rc, -ENOENT);
    ck_assert_int_eq(coro_group_end(&outer, rc), -ENOENT);
    expect_trace("outer:-125");
    trace_errors(&outer);
    expect_trace("-2:after 500 ms");
    return 0;
}

static int adds_late(void *group)
{
    const int rc = coro_sleep(CORO_SECOND);
    add(group, traces_its_end, (void *)"late");
    return rc;
}

TASK_TEST(tasks_may_be_added_while_the_end_waits)
{
    coro_group group = begun();
    add(&group, adds_late, &group);
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    expect_trace("late:0");
    return 0;
}

static int adds_when_cancelled(void *group)
{
    coro_sleep(CORO_FOREVER);
    trace("%d", coro_group_create_task(group, returns, NULL));
    return -ECANCELED;
}

TASK_TEST(a_group_that_is_shutting_down_takes_no_task)
{
    coro_group group = begun();
    add(&group, adds_when_cancelled, &group);
    coro_yield();
    ck_assert_int_eq(coro_group_end(&group, -EIO), -EIO);
    expect_trace("-108"); /* -ESHUTDOWN */
    return 0;
}

/* CPython: test_taskgroups.TestTaskGroup.test_taskgroup_finished
 * test_taskgroups.TestTaskGroup.test_taskgroup_not_entered
 * test_taskgroups.TestTaskGroup.test_coro_closed_when_tg_closed */
TASK_TEST(a_group_that_is_not_active_takes_no_task)
{
    coro_group group = {0};
    coro_task *task = coro_current_task();
    ck_assert_int_eq(coro_group_create_task_with(&group, NULL, returns, NULL, &task), -EINVAL);
    ck_assert_ptr_null(task);
    ck_assert_int_eq(coro_group_end(&group, 5), 5);
    group = begun();
    ck_assert_int_eq(coro_group_create_task(&group, NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert_int_eq(coro_group_create_task(&group, returns, NULL), -EINVAL);
    return 0;
}

static int ends_anothers(void *group)
{
    return coro_group_end(group, 0);
}

TASK_TEST(only_the_task_that_began_a_group_ends_it)
{
    coro_group group = begun();
    ck_assert_int_eq(coro_join(spawn(ends_anothers, &group), NULL), -EPERM);
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    return 0;
}

TASK_TEST(an_eager_task_that_fails_at_once_aborts)
{
    coro_group group = begun();
    const coro_task_options eager = {.eager_start = true};
    add(&group, forever, NULL);
    ck_assert_int_eq(coro_group_create_task_with(&group, &eager, returns, ARG(-EIO), NULL), 0);
    ck_assert_int_eq(coro_group_create_task(&group, returns, NULL), -ESHUTDOWN);
    ck_assert_int_eq(coro_group_end(&group, coro_yield()), -EIO);
    ck_assert_int_eq(cancelling(), 0);
    return 0;
}

static int times_out(void *arg)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    coro_group group = begun();
    add(&group, forever, NULL);
    const int rc = coro_group_end(&group, 0);
    return coro_timeout_end(&scope, rc);
}

TASK_TEST(a_timeout_around_a_group_cancels_its_tasks)
{
    ck_assert_int_eq(times_out(NULL), -ETIMEDOUT);
    ck_assert_int_eq(cancelling(), 0);
    return 0;
}

static int forgets_to_end(void *arg)
{
    coro_group group = begun();
    add(&group, traces_its_end, (void *)"member");
    return 0;
}

TASK_TEST(a_group_that_is_not_ended_is_reported_and_its_tasks_run_on)
{
    ck_assert_int_eq(coro_join(spawn(forgets_to_end, NULL), NULL), 0);
    expect_log(CORO_LOG_GROUP_NOT_ENDED, 0, "coro_group_end");
    coro_sleep(2 * CORO_SECOND);
    expect_trace("member:0");
    return 0;
}

TASK_TEST(errors_can_be_read_until_the_next_group)
{
    coro_group group = begun(), next;
    add(&group, returns, ARG(-EIO));
    ck_assert_int_eq(coro_group_end(&group, 0), -EIO);
    ck_assert_uint_eq(coro_group_errors(&group, NULL, 0), 1);
    next = begun();
    ck_assert_uint_eq(coro_group_errors(&group, NULL, 0), 0);
    ck_assert_int_eq(coro_group_end(&next, 0), 0);
    return 0;
}

static int deadlocked_group(void *arg)
{
    coro_group group = begun();
    add(&group, forever, NULL);
    add(&group, forever, NULL);
    return coro_group_end(&group, 0);
}

START_TEST(a_deadlock_report_shows_the_members)
{
    ck_assert_int_eq(run_test(deadlocked_group, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in group");
    expect_log(CORO_LOG_DEADLOCK, 0, "    task 'Task-2'");
    expect_log(CORO_LOG_DEADLOCK, 0, "    task 'Task-3'");
}
END_TEST

START_TEST(a_group_needs_a_task)
{
    coro_group group;
    ck_assert_int_eq(coro_group_begin(&group), -EPERM);
    ck_assert_int_eq(coro_group_create_task(&group, returns, NULL), -EPERM);
    ck_assert_int_eq(coro_group_end(&group, 3), 3);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_end_waits_for_all_tasks,
        an_empty_group_does_not_suspend,
        results_are_read_from_ones_own_references,
        a_failure_cancels_the_siblings_and_the_body,
        a_failure_while_the_end_waits_cancels_the_siblings,
        all_errors_come_out_with_those_of_the_abort,
        an_error_of_the_body_cancels_the_tasks_and_comes_last,
        an_error_of_the_body_alone_is_returned_with_its_text,
        a_child_that_ends_cancelled_aborts_nothing,
        a_cancel_in_the_body_cancels_the_tasks,
        a_cancel_while_the_end_waits_cancels_the_tasks,
        repeated_cancels_do_not_end_the_wait,
        errors_win_over_a_cancel_from_outside_which_comes_again,
        groups_nest,
        tasks_may_be_added_while_the_end_waits,
        a_group_that_is_shutting_down_takes_no_task,
        a_group_that_is_not_active_takes_no_task,
        only_the_task_that_began_a_group_ends_it,
        an_eager_task_that_fails_at_once_aborts,
        a_timeout_around_a_group_cancels_its_tasks,
        a_group_that_is_not_ended_is_reported_and_its_tasks_run_on,
        errors_can_be_read_until_the_next_group,
        a_deadlock_report_shows_the_members,
        a_group_needs_a_task,
        NULL,
    };
    return run_suite("group", tests);
}
