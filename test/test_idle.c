/* SPDX-License-Identifier: MIT */
/*
 * The memory of stacks that no task needs: it goes back when the loop is idle, and not before.
 *
 * The program is linked so that the library's madvise and ppoll come here (--wrap; see the
 * Makefile).
 */
#include "support.h"
#include "support_io.h"
#include "support_threads.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TASKS = 1000, BURSTS = 20 };

int __real_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice);
int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit, const sigset_t *mask);

static atomic_int given_back;
static int limited_sleeps;
static void (*when_half_is_given_back)(void);

int __wrap_madvise(void *at, size_t size, int advice)
{
    if (advice == MADV_DONTNEED && ++given_back == TASKS / 2 && when_half_is_given_back)
        when_half_is_given_back();
    return __real_madvise(at, size, advice);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit, const sigset_t *mask)
{
    limited_sleeps += limit && (limit->tv_sec > 0 || limit->tv_nsec > 0);
    return __real_ppoll(fds, n, limit, mask);
}

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
    given_back = limited_sleeps = 0;
}

static int comes_in_bursts(void *arg)
{
    (void)arg;
    for (int i = 0; i < BURSTS; i++) {
        burst();
        ck_assert_int_eq(coro_sleep(2 * CORO_MILLISECOND), 0);
        ck_assert_int_eq(given_back, 0);
        ck_assert_int_le(limited_sleeps, 2);
    }
    return 0;
}

START_TEST(tasks_that_come_in_bursts_find_their_stacks_in_memory)
{
    ck_assert_int_eq(coro_run(comes_in_bursts, NULL), 0);
}
END_TEST

/* It wakes for the stacks, and once they have given their memory back no more. */
static int sleeps_twice(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2; i++) {
        burst();
        ck_assert_int_eq(coro_sleep(1500 * CORO_MILLISECOND), 0);
        ck_assert_int_gt(given_back, TASKS / 2);
        ck_assert_int_le(limited_sleeps, 4);
    }
    return 0;
}

START_TEST(an_idle_loop_gives_the_memory_of_stacks_back)
{
    ck_assert_int_eq(coro_run(sleeps_twice, NULL), 0);
}
END_TEST

static coro_loop *loop;
static coro_future *future;

static void settles(void *arg)
{
    (void)arg;
    coro_set_result(future, 0, NULL);
}

static void asks_to_settle(void)
{
    ck_assert_int_eq(coro_call_soon_threadsafe(loop, settles, NULL), 0);
}

static int waits_for_half_of_it(void *arg)
{
    (void)arg;
    loop = coro_loop_retain(coro_current_loop());
    future = coro_create_future();
    when_half_is_given_back = asks_to_settle;
    burst();
    ck_assert_int_eq(coro_await(future, NULL), 0);
    coro_release(future);
    coro_loop_release(loop);
    return 0;
}

START_TEST(a_loop_without_timers_wakes_for_it_and_looks_around_meanwhile)
{
    ck_assert_int_eq(coro_run(waits_for_half_of_it, NULL), 0);
    ck_assert_int_lt(given_back, TASKS * 3 / 4);
}
END_TEST

/* On a virtual clock the time does not pass that stacks are not needed for. */
static int takes_a_while(void *arg)
{
    (void)arg;
    return usleep(300000);
}

static int burst_and_thread(void *arg)
{
    (void)arg;
    burst();
    ck_assert_int_eq(coro_to_thread(takes_a_while, NULL), 0);
    ck_assert_int_eq(given_back, 0);
    ck_assert_int_eq(limited_sleeps, 0);
    return 0;
}

START_TEST(a_virtual_clock_wakes_for_no_stacks)
{
    const coro_run_options options = {.virtual_clock = true};
    ck_assert_int_eq(coro_run_with(&options, burst_and_thread, NULL), 0);
}
END_TEST

/* --- Together with others --------------------------------------------------------------------- */
/* In another thread: until half of it has been given back, or for ten seconds. */
static void await_half(void)
{
    for (int i = 0; i < 1000 && given_back < TASKS / 2; i++)
        usleep(10000);
}

static void *lets_go(void *arg)
{
    await_half();
    coro_loop_release(arg);
    return NULL;
}

static int waits_in_vain(void *thread)
{
    burst();
    *(pthread_t *)thread = start_thread(lets_go, coro_loop_retain(coro_current_loop()));
    coro_future *never = coro_create_future();
    const int rc = coro_await(never, NULL);
    coro_release(never);
    ck_assert_int_gt(given_back, TASKS / 2 - 1);
    return rc;
}

START_TEST(a_deadlock_is_noticed_after_the_memory_was_given_back)
{
    pthread_t thread;
    const coro_run_options options = {.log = record_log};
    ck_assert_int_eq(coro_run_with(&options, waits_in_vain, &thread), -EDEADLK);
    join_thread(thread);
}
END_TEST

static void *writes_after_half_of_it(void *fd)
{
    await_half();
    ck_assert_int_eq(write(*(int *)fd, "x", 1), 1);
    return NULL;
}

static int waits_for_an_fd(void *arg)
{
    int fds[2];
    char c;
    (void)arg;
    make_pipe(fds);
    burst();
    const pthread_t thread = start_thread(writes_after_half_of_it, &fds[1]);
    ck_assert_int_eq(coro_read(fds[0], &c, 1), 1);
    ck_assert_int_ge(given_back, TASKS / 2);
    join_thread(thread);
    close_both(fds);
    return 0;
}

START_TEST(a_loop_that_waits_for_fds_wakes_for_it)
{
    ck_assert_int_eq(coro_run(waits_for_an_fd, NULL), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests_with_fds[] = {a_loop_that_waits_for_fds_wakes_for_it, NULL};
    const TTest *const tests[] = {
        tasks_that_come_in_bursts_find_their_stacks_in_memory,
        an_idle_loop_gives_the_memory_of_stacks_back,
        a_loop_without_timers_wakes_for_it_and_looks_around_meanwhile,
        a_virtual_clock_wakes_for_no_stacks,
        a_deadlock_is_noticed_after_the_memory_was_given_back,
        NULL,
    };
    unsetenv("CORO_CLOCK"); /* the time is what is tested */
    unsetenv("CORO_DEBUG"); /* which wipes stacks by madvise */
    const int rc = run_suite("idle", tests);
    return rc | run_suite_on_pollers("idle with fds", tests_with_fds);
}
