/* SPDX-License-Identifier: MIT */
/* Barriers: that they let through as many as they are for, also with resets, aborts and cancels in
 * between. */
#include "support.h"

/* CPython, does not apply: the barrier itself is not awaited in C, there is no text form of one,
 * and no with statement: test_locks.BarrierTests.test_barrier test_locks.BarrierTests.test_repr
 * test_locks.BarrierTests.test_context_manager */

enum { N = 5 };

static coro_barrier barrier;

static void with(unsigned parties)
{
    barrier = (coro_barrier)CORO_BARRIER_INITIALIZER(parties);
}

static void expect_idle(const coro_barrier *at)
{
    ck_assert_uint_eq(coro_barrier_n_waiting(at), 0);
    ck_assert(!coro_barrier_broken(at));
}

static int waits(void *arg)
{
    return coro_barrier_wait(&barrier);
}

/* N tasks run to their ends; their results. */
static void run_tasks(coro_fn *fn, int n, int results[])
{
    coro_task *tasks[N];
    for (int i = 0; i < n; i++)
        tasks[i] = spawn(fn, ARG(i));
    ck_assert_int_eq(coro_gather(tasks, (size_t)n, CORO_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < n; i++) {
        const int rc = coro_join(tasks[i], NULL);
        if (results)
            results[i] = rc;
        else
            ck_assert_int_ge(rc, 0);
    }
}

static int resets(void *arg)
{
    return coro_barrier_reset(&barrier);
}

static int aborts(void *arg)
{
    return coro_barrier_abort(&barrier);
}

/* CPython: test_locks.BarrierTests.test_barrier_parties */
TASK_TEST(a_barrier_is_for_somebody)
{
    coro_barrier zeros = {0};
    ck_assert_int_eq(coro_barrier_wait(&zeros), -EINVAL);
    ck_assert_int_eq(coro_barrier_reset(&zeros), -EINVAL);
    ck_assert_int_eq(coro_barrier_abort(&zeros), -EINVAL);
    with((unsigned)-4);
    ck_assert_int_eq(coro_barrier_wait(&barrier), -EINVAL);
    with(N);
    ck_assert_uint_eq(coro_barrier_parties(&barrier), N);
    return 0;
}

/* CPython: test_locks.BarrierTests.test_filling_one_task */
TASK_TEST(one_party_does_not_wait)
{
    with(1);
    coro_task *other = spawn(returns, ARG(0));
    ck_assert_int_eq(coro_barrier_wait(&barrier), 0);
    ck_assert(!coro_done(other));
    expect_idle(&barrier);
    coro_release(other);
    return 0;
}

/* CPython: test_locks.BarrierTests.test_filling_one_task_twice */
TASK_TEST(one_party_goes_through_again_and_again)
{
    with(1);
    for (int i = 0; i < 2; i++) {
        coro_task *task = spawn(waits, NULL);
        passes(1);
        ck_assert(coro_done(task));
        ck_assert_int_eq(coro_join(task, NULL), 0);
        expect_idle(&barrier);
    }
    return 0;
}

/* CPython: test_locks.BarrierTests.test_filling_task_by_task */
TASK_TEST(those_that_wait_are_counted)
{
    coro_task *tasks[3];
    with(3);
    tasks[0] = spawn(waits, NULL);
    passes(1);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 1);
    tasks[1] = spawn(waits, NULL);
    passes(1);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 2);
    tasks[2] = spawn(waits, NULL);
    passes(1);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 0);
    ck_assert_int_eq(coro_wait(tasks, 3, CORO_ALL_COMPLETED, CORO_FOREVER), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), i);
    expect_idle(&barrier);
    return 0;
}

static int first_times, second_times;

static int waits_twice(void *arg)
{
    int rc = coro_barrier_wait(&barrier);
    first_times += rc >= 0;
    rc = coro_barrier_wait(&barrier);
    second_times += rc >= 0;
    return rc;
}

/* CPython: test_locks.BarrierTests.test_filling_tasks_wait_twice */
/* CPython: test_locks.BarrierTests.test_filling_tasks_check_return_value */
TASK_TEST(each_round_hands_out_all_indices)
{
    int results[N];
    bool seen[N] = {false};
    with(N);
    run_tasks(waits_twice, N, results);
    ck_assert_int_eq(first_times, N);
    ck_assert_int_eq(second_times, N);
    for (int i = 0; i < N; i++) {
        ck_assert_int_ge(results[i], 0);
        ck_assert_int_lt(results[i], N);
        ck_assert(!seen[results[i]]);
        seen[results[i]] = true;
    }
    expect_idle(&barrier);
    return 0;
}

/* CPython: test_locks.BarrierTests.test_draining_state */
TASK_TEST(the_last_one_to_leave_lets_the_next_round_in)
{
    with(2);
    coro_task *first = spawn(waits, NULL);
    passes(1);
    coro_task *second = spawn(waits, NULL), *third = spawn(waits, NULL);
    passes(1);
    ck_assert(coro_done(second) && !coro_done(first));
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 0);
    passes(1);
    ck_assert(coro_done(first));
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 0);
    passes(1);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 1);
    ck_assert_int_eq(coro_barrier_wait(&barrier), 1);
    ck_assert_int_eq(coro_join(first, NULL), 0);
    ck_assert_int_eq(coro_join(second, NULL), 1);
    ck_assert_int_eq(coro_join(third, NULL), 0);
    expect_idle(&barrier);
    return 0;
}

static coro_barrier others;
static int rewaits;

static int waits_again_or_for_others(void *arg)
{
    int rc = coro_barrier_wait(&barrier);
    if (rc >= 0 && rewaits > 0)
        rewaits--;
    else if (rc >= 0)
        rc = coro_barrier_wait(&others);
    return rc < 0 ? rc : coro_barrier_wait(&barrier);
}

/* CPython: test_locks.BarrierTests.test_blocking_tasks_while_draining */
TASK_TEST(tasks_that_come_back_wait_for_the_next_round)
{
    rewaits = 2;
    with(N);
    others = (coro_barrier)CORO_BARRIER_INITIALIZER(N - 2);
    run_tasks(waits_again_or_for_others, N, NULL);
    expect_idle(&barrier);
    expect_idle(&others);
    return 0;
}

/* CPython: test_locks.BarrierTests.test_filling_tasks_cancel_one */
TASK_TEST(a_cancelled_task_counts_no_longer)
{
    with(3);
    coro_task *first = spawn(waits, NULL);
    passes(1);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 1);
    coro_task *second = spawn(waits, NULL);
    passes(1);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 2);
    coro_cancel(first);
    passes(1);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 1);
    ck_assert_int_eq(coro_join(first, NULL), -ECANCELED);
    coro_task *third = spawn(waits, NULL);
    passes(1);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 2);
    coro_task *rest[] = {second, third, spawn(waits, NULL)};
    ck_assert_int_eq(coro_gather(rest, 3, 0), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_ge(coro_join(rest[i], NULL), 0);
    expect_idle(&barrier);
    return 0;
}

/* CPython: test_locks.BarrierTests.test_reset_barrier */
TASK_TEST(an_empty_barrier_can_be_reset)
{
    with(1);
    coro_task *task = spawn(resets, NULL);
    passes(1);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_idle(&barrier);
    return 0;
}

/* CPython: test_locks.BarrierTests.test_reset_barrier_while_tasks_waiting */
TASK_TEST(a_reset_breaks_the_wait_of_those_inside)
{
    coro_task *tasks[N - 1];
    with(N);
    for (int i = 0; i < N - 1; i++)
        tasks[i] = spawn(waits, NULL);
    passes(1);
    coro_task *reset = spawn(resets, NULL);
    ck_assert_int_eq(coro_gather(tasks, N - 1, CORO_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < N - 1; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), -EPIPE);
    ck_assert_int_eq(coro_join(reset, NULL), 0);
    expect_idle(&barrier);
    return 0;
}

static int broken_waits, passed;

/* Half of those that drain leave; then one of them resets the barrier. */
static int resets_when_half_have_left(void *arg)
{
    const int rc = coro_barrier_wait(&barrier);
    if (rc == -EPIPE)
        broken_waits++;
    else if (++passed == N - N / 2)
        return coro_barrier_reset(&barrier);
    return 0;
}

/* CPython: test_locks.BarrierTests.test_reset_barrier_when_tasks_half_draining */
TASK_TEST(a_reset_breaks_the_wait_of_those_that_have_not_left)
{
    with(N);
    run_tasks(resets_when_half_have_left, N, NULL);
    ck_assert_int_eq(broken_waits, N / 2);
    expect_idle(&barrier);
    return 0;
}

static int broken_later;

static int half_drains_half_blocks(void *arg)
{
    int rc = coro_barrier_wait(&barrier);
    if (rc == -EPIPE) {
        broken_waits++;
        return coro_barrier_wait(&barrier);
    }
    if (++passed > N / 2) {
        rc = coro_barrier_reset(&barrier);
        return rc < 0 ? rc : coro_barrier_wait(&barrier);
    }
    broken_later += coro_barrier_wait(&barrier) == -EPIPE;
    return 0;
}

/* CPython: test_locks.BarrierTests.test_reset_barrier_when_tasks_half_draining_half_blocking */
TASK_TEST(a_reset_leaves_those_alone_that_wait_to_come_in)
{
    with(N);
    run_tasks(half_drains_half_blocks, N, NULL);
    ck_assert_int_eq(broken_waits, N / 2);
    ck_assert_int_eq(broken_later, 0);
    expect_idle(&barrier);
    return 0;
}

static int waits_until_not_broken(void *arg)
{
    int rc = coro_barrier_wait(&barrier);
    broken_waits += rc == -EPIPE;
    rc = coro_barrier_wait(&barrier);
    passed += rc >= 0;
    return rc;
}

static int waits_and_counts(void *arg)
{
    const int rc = coro_barrier_wait(&barrier);
    passed += rc >= 0;
    return rc;
}

/* CPython: test_locks.BarrierTests.test_reset_barrier_while_tasks_waiting_and_waiting_again */
TASK_TEST(those_that_a_reset_threw_out_can_wait_again)
{
    coro_task *tasks[N + 1];
    with(N);
    for (int i = 0; i < N - 1; i++)
        tasks[i] = spawn(waits_until_not_broken, NULL);
    tasks[N - 1] = spawn(resets, NULL);
    passes(1);
    tasks[N] = spawn(waits_and_counts, NULL);
    ck_assert_int_eq(coro_gather(tasks, N + 1, 0), 0);
    for (int i = 0; i < N + 1; i++)
        coro_release(tasks[i]);
    ck_assert_int_eq(broken_waits, N - 1);
    ck_assert_int_eq(passed, N);
    expect_idle(&barrier);
    return 0;
}

static int left, second_rounds, third_rounds;

static int last_one_resets(void *arg)
{
    int rc = coro_barrier_wait(&barrier);
    const bool last = ++left == N;
    if (last)
        ck_assert_int_eq(coro_barrier_reset(&barrier), 0);
    rc = coro_barrier_wait(&barrier);
    ck_assert_int_ge(rc, 0);
    second_rounds += !last;
    rc = coro_barrier_wait(&barrier);
    third_rounds += rc >= 0;
    return rc;
}

/* CPython: test_locks.BarrierTests.test_reset_barrier_while_tasks_draining */
TASK_TEST(a_reset_by_the_last_one_out_disturbs_nobody)
{
    with(N);
    run_tasks(last_one_resets, N, NULL);
    ck_assert_int_eq(second_rounds, N - 1);
    ck_assert_int_eq(third_rounds, N);
    expect_idle(&barrier);
    return 0;
}

/* CPython: test_locks.BarrierTests.test_abort_barrier */
TASK_TEST(an_aborted_barrier_is_broken_until_it_is_reset)
{
    with(1);
    coro_task *task = spawn(aborts, NULL);
    passes(1);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 0);
    ck_assert(coro_barrier_broken(&barrier));
    ck_assert_int_eq(coro_barrier_wait(&barrier), -EPIPE);
    ck_assert_int_eq(coro_barrier_reset(&barrier), 0);
    expect_idle(&barrier);
    ck_assert_int_eq(coro_barrier_wait(&barrier), 0);
    return 0;
}

static int aborts_when_half_have_left(void *arg)
{
    const int rc = coro_barrier_wait(&barrier);
    if (rc == -EPIPE) {
        broken_waits++;
        return 0;
    }
    if (++passed > N / 2)
        return coro_barrier_abort(&barrier);
    broken_later += coro_barrier_wait(&barrier) == -EPIPE;
    return 0;
}

/* CPython: test_locks.BarrierTests.test_abort_barrier_when_tasks_half_draining_half_blocking */
TASK_TEST(an_abort_breaks_the_wait_of_those_that_wait_to_come_in_as_well)
{
    with(N);
    run_tasks(aborts_when_half_have_left, N, NULL);
    ck_assert(coro_barrier_broken(&barrier));
    ck_assert_int_eq(broken_waits, N / 2);
    ck_assert_int_eq(broken_later, N - N / 2 - 1);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 0);
    return 0;
}

static int one_aborts_after_the_first_round(void *arg)
{
    int rc = coro_barrier_wait(&barrier);
    if (rc == N / 2)
        return coro_barrier_abort(&barrier);
    if (rc >= 0)
        rc = coro_barrier_wait(&barrier);
    passed += rc >= 0;
    broken_waits += rc == -EPIPE;
    return 0;
}

/* CPython: test_locks.BarrierTests.test_abort_barrier_when_exception */
TASK_TEST(an_abort_lets_nobody_wait_for_one_that_does_not_come)
{
    with(N);
    run_tasks(one_aborts_after_the_first_round, N, NULL);
    ck_assert(coro_barrier_broken(&barrier));
    ck_assert_int_eq(passed, 0);
    ck_assert_int_eq(broken_waits, N - 1);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 0);
    return 0;
}

static int aborts_and_resets(void *arg)
{
    one_aborts_after_the_first_round(NULL);
    /* All have left when one resets, and nobody enters before. */
    if (coro_barrier_wait(&others) == N / 2)
        ck_assert_int_eq(coro_barrier_reset(&barrier), 0);
    ck_assert_int_ge(coro_barrier_wait(&others), 0);
    const int rc = coro_barrier_wait(&barrier);
    third_rounds += rc >= 0;
    return rc;
}

/* CPython: test_locks.BarrierTests.test_abort_barrier_when_exception_then_resetting */
TASK_TEST(a_reset_mends_an_aborted_barrier)
{
    with(N);
    others = (coro_barrier)CORO_BARRIER_INITIALIZER(N);
    run_tasks(aborts_and_resets, N, NULL);
    ck_assert_int_eq(passed, 0);
    ck_assert_int_eq(broken_waits, N - 1);
    ck_assert_int_eq(third_rounds, N);
    expect_idle(&barrier);
    expect_idle(&others);
    return 0;
}

static void in_a_callback(coro_task *task, void *arg)
{
    ck_assert_int_eq(coro_barrier_wait(&barrier), -EPERM);
    ck_assert_uint_eq(coro_barrier_n_waiting(&barrier), 0);
}

TASK_TEST(a_callback_cannot_wait)
{
    with(2);
    coro_task *task = spawn(returns, ARG(0));
    coro_add_done_callback(task, in_a_callback, NULL);
    passes(2);
    run_tasks(waits, 2, NULL);
    coro_release(task);
    return 0;
}

START_TEST(a_deadlock_report_names_the_barrier)
{
    with(2);
    ck_assert_int_eq(run_test(waits, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in barrier");
}
END_TEST

static int never_gives_up(void *arg)
{
    while (coro_barrier_wait(&barrier) < 0)
        continue;
    return 0;
}

static int goes_through(void *arg)
{
    run_tasks(waits, 2, NULL);
    return 0;
}

START_TEST(destroyed_tasks_count_no_longer)
{
    with(2);
    ck_assert_int_eq(run_test(never_gives_up, NULL), -EDEADLK);
    forget_log();
    expect_idle(&barrier);
    ck_assert_int_eq(run_test(goes_through, NULL), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_barrier_is_for_somebody,
        one_party_does_not_wait,
        one_party_goes_through_again_and_again,
        those_that_wait_are_counted,
        each_round_hands_out_all_indices,
        the_last_one_to_leave_lets_the_next_round_in,
        tasks_that_come_back_wait_for_the_next_round,
        a_cancelled_task_counts_no_longer,
        an_empty_barrier_can_be_reset,
        a_reset_breaks_the_wait_of_those_inside,
        a_reset_breaks_the_wait_of_those_that_have_not_left,
        a_reset_leaves_those_alone_that_wait_to_come_in,
        those_that_a_reset_threw_out_can_wait_again,
        a_reset_by_the_last_one_out_disturbs_nobody,
        an_aborted_barrier_is_broken_until_it_is_reset,
        an_abort_breaks_the_wait_of_those_that_wait_to_come_in_as_well,
        an_abort_lets_nobody_wait_for_one_that_does_not_come,
        a_reset_mends_an_aborted_barrier,
        a_callback_cannot_wait,
        a_deadlock_report_names_the_barrier,
        destroyed_tasks_count_no_longer,
        NULL,
    };
    return run_suite("barrier", tests);
}
