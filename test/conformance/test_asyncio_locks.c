/* SPDX-License-Identifier: MIT */
/* CPython's test_locks: what is used by two loops. All else stands in test_lock.c and its kin. */
#include "support.h"

#include <pthread.h>

static coro_lock lock;
static coro_condition condition = CORO_CONDITION_INITIALIZER(&lock);
static pthread_barrier_t turn;

/* The threads take turns, so that none of the two loops runs while the other does. */
static void change_turns(void)
{
    pthread_barrier_wait(&turn);
}

static void acquire(void)
{
    ck_assert_int_eq(coro_lock_acquire(&lock), 0);
}

static void release(void)
{
    ck_assert_int_eq(coro_lock_release(&lock), 0);
}

static int waits_for_the_lock(void *arg)
{
    acquire();
    release();
    return 0;
}

static int waits_for_the_condition(void *arg)
{
    acquire();
    const int rc = coro_condition_wait(&condition);
    release();
    return rc;
}

static int has_tasks_that_wait(void *arg)
{
    acquire();
    coro_task *task = spawn(waits_for_the_lock, NULL);
    passes(1);
    change_turns();
    change_turns();
    release();
    ck_assert_int_eq(coro_join(task, NULL), 0);

    task = spawn(waits_for_the_condition, NULL);
    passes(1);
    change_turns();
    change_turns();
    ck_assert(!coro_done(task));
    acquire();
    ck_assert_int_eq(coro_condition_notify(&condition, 1), 0);
    release();
    return coro_join(task, NULL);
}

static void *runs_the_other_loop(void *arg)
{
    const coro_run_options options = {.virtual_clock = true};
    return ARG(coro_run_with(&options, has_tasks_that_wait, NULL));
}

/* CPython: test_locks.ConditionTests.test_ambiguous_loops */
TASK_TEST(what_tasks_of_another_loop_wait_for_cannot_be_waited_for)
{
    pthread_t thread;
    void *rc = NULL;
    ck_assert_int_eq(pthread_barrier_init(&turn, NULL, 2), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, runs_the_other_loop, NULL), 0);

    change_turns();
    ck_assert_int_eq(coro_condition_acquire(&condition), -EXDEV);
    ck_assert_int_eq(coro_lock_acquire(&lock), -EXDEV);
    ck_assert_int_eq(coro_condition_wait(&condition), -EXDEV);
    ck_assert_int_eq(coro_lock_release(&lock), -EXDEV);
    ck_assert(coro_lock_locked(&lock));
    change_turns();

    change_turns();
    acquire(); /* nobody waits for the lock itself */
    ck_assert_int_eq(coro_condition_wait(&condition), -EXDEV);
    ck_assert_int_eq(coro_condition_notify_all(&condition), -EXDEV);
    ck_assert(coro_lock_locked(&lock));
    release();
    change_turns();

    ck_assert_int_eq(pthread_join(thread, &rc), 0);
    ck_assert_int_eq(NUMBER(rc), 0);
    pthread_barrier_destroy(&turn);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {what_tasks_of_another_loop_wait_for_cannot_be_waited_for, NULL};
    return run_suite("asyncio_locks", tests);
}
