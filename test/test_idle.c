/* SPDX-License-Identifier: MIT */
/* The memory of stacks that no task needs: it goes back when the loop is idle, and not before.
 *
 * The program is linked so that the library's madvise comes here (--wrap; see the Makefile).
 */
#include "support.h"

#include <sys/mman.h>

int __real_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice);

static int given_back;

int __wrap_madvise(void *at, size_t size, int advice)
{
    given_back += advice == MADV_DONTNEED;
    return __real_madvise(at, size, advice);
}

enum { TASKS = 1000, BURSTS = 20 };

static int ends(void *arg)
{
    (void)arg;
    return coro_yield();
}

/* All tasks have stacks at the same time. */
static void burst(void)
{
    coro_task *tasks[TASKS];
    for (int i = 0; i < TASKS; i++)
        tasks[i] = spawn(ends, NULL);
    ck_assert_int_eq(coro_gather(tasks, TASKS, 0), 0);
    for (int i = 0; i < TASKS; i++)
        coro_release(tasks[i]);
}

static int comes_in_bursts(void *arg)
{
    (void)arg;
    for (int i = 0; i < BURSTS; i++) {
        burst();
        ck_assert_int_eq(coro_sleep(2 * CORO_MILLISECOND), 0);
    }
    ck_assert_int_eq(given_back, 0);
    return 0;
}

START_TEST(tasks_that_come_in_bursts_find_their_stacks_in_memory)
{
    ck_assert_int_eq(coro_run(comes_in_bursts, NULL), 0);
}
END_TEST

static int is_idle(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2; i++) {
        burst();
        given_back = 0;
        ck_assert_int_eq(coro_sleep(800 * CORO_MILLISECOND), 0);
        ck_assert_int_gt(given_back, TASKS / 2);
    }
    return 0;
}

START_TEST(an_idle_loop_gives_the_memory_of_stacks_back)
{
    ck_assert_int_eq(coro_run(is_idle, NULL), 0);
}
END_TEST

static int sleeps_long(void *arg)
{
    (void)arg;
    burst();
    given_back = 0;
    ck_assert_int_eq(coro_sleep(3600 * CORO_SECOND), 0);
    return 0;
}

/* Its time does not pass while it is idle. */
START_TEST(a_virtual_clock_gives_nothing_back)
{
    const coro_run_options options = {.virtual_clock = true};
    ck_assert_int_eq(coro_run_with(&options, sleeps_long, NULL), 0);
    ck_assert_int_eq(given_back, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        tasks_that_come_in_bursts_find_their_stacks_in_memory,
        an_idle_loop_gives_the_memory_of_stacks_back,
        a_virtual_clock_gives_nothing_back,
        NULL,
    };
    return run_suite("idle", tests);
}
