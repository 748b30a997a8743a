/* SPDX-License-Identifier: MIT */
/* Three calls that block run in threads while a task ticks, and then a thread that is not the
 * loop's has the loop run a task for it. */
#include <coro.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS = 3, TICKS = 4 };

static int ticks;

static int tick(void *arg)
{
    (void)arg;
    while (ticks < TICKS) {
        const int rc = coro_sleep(100 * CORO_MILLISECOND);
        if (rc < 0)
            return rc;
        printf("tick %d\n", ++ticks);
    }
    return 0;
}

/* Stands for a library that only blocks: called by a task, it would hold up all others. */
static int look_up(void *arg)
{
    poll(NULL, 0, 250);
    return 100 + *(const int *)arg;
}

/* With a copy of the argument: after a cancel the thread runs on for a while. */
static int look_up_in_thread(void *arg)
{
    const coro_thread_options options = {.arg_size = sizeof(int)};
    return coro_to_thread_with(&options, look_up, arg);
}

static int look_up_all(void)
{
    int numbers[CALLS] = {1, 2, 3};
    coro_task *calls[CALLS];
    for (int i = 0; i < CALLS; i++)
        calls[i] = coro_create_task(look_up_in_thread, &numbers[i]);
    const int rc = coro_gather(calls, CALLS, 0);
    for (int i = 0; i < CALLS; i++) {
        if (rc < 0)
            coro_cancel(calls[i]);
        printf("look-up of %d: %d\n", numbers[i], coro_join(calls[i], NULL));
    }
    return rc;
}

/* A task of the loop: what belongs to the loop's thread needs no lock here. */
static int count_ticks(void *arg)
{
    (void)arg;
    return ticks;
}

/* A thread that runs no loop. It waits as threads do, and does not hold up the tasks. */
static void *visit(void *loop)
{
    coro_concurrent_future *future = coro_run_coroutine_threadsafe(loop, count_ticks, NULL);
    const int rc = coro_concurrent_result(future, 5 * CORO_SECOND, NULL);
    printf("the visitor was told of %d ticks\n", rc);
    coro_concurrent_release(future);
    coro_loop_release(loop);
    return NULL;
}

/* To join a thread blocks, too. */
static int join_thread(void *thread)
{
    return -pthread_join(*(pthread_t *)thread, NULL);
}

static int receive_visitor(void)
{
    pthread_t thread;
    coro_loop *loop = coro_loop_retain(coro_current_loop());
    const int error = pthread_create(&thread, NULL, visit, loop);
    if (error) {
        coro_loop_release(loop);
        return -error;
    }
    const coro_thread_options options = {.wait_on_cancel = true};
    return coro_to_thread_with(&options, join_thread, &thread);
}

static int threads_main(void *arg)
{
    (void)arg;
    const coro_time began = coro_now();
    coro_task *ticker = coro_create_task(tick, NULL);
    int rc = look_up_all();
    const int tick_rc = coro_join(ticker, NULL);
    if (rc == 0)
        rc = tick_rc;
    if (rc == 0)
        rc = receive_visitor();
    printf("%.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);
    return rc;
}

int main(void)
{
    return coro_run(threads_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
