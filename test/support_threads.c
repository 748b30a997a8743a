/* SPDX-License-Identifier: MIT */
#include "support_threads.h"

#include <time.h>

void nap(int milliseconds)
{
    const struct timespec time = {.tv_nsec = milliseconds * 1000000L};
    nanosleep(&time, NULL);
}

pthread_t start_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    return thread;
}

void join_thread(pthread_t thread)
{
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

void until(atomic_bool *flag)
{
    while (!atomic_load(flag))
        nap(1);
}

/* On the virtual clock a sleep takes no time, so yield. */
void until_count(atomic_int *counter, int count)
{
    while (atomic_load(counter) < count) {
        nap(1);
        coro_yield();
    }
}

void *word(const char *text)
{
    return (void *)(uintptr_t)text;
}

void expect_deadlock(coro_fn *fn)
{
    ck_assert_int_eq(run_test(fn, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "");
    forget_log();
}

/* --- A loop in a thread of its own ------------------------------------------------------------ */
static int serves(void *arg)
{
    struct server *server = arg;
    server->stop = coro_create_future();
    server->loop = coro_loop_retain(coro_current_loop());
    atomic_store(&server->runs, true);
    return coro_join(server->stop, NULL);
}

static void *runs_server(void *arg)
{
    struct server *server = arg;
    server->status = run_test(serves, server);
    return NULL;
}

coro_loop *start_server(struct server *server)
{
    memset(server, 0, sizeof *server);
    server->thread = start_thread(runs_server, server);
    until(&server->runs);
    return server->loop;
}

static void stops(void *arg)
{
    coro_set_result(((struct server *)arg)->stop, 0, NULL);
}

void end_server(struct server *server)
{
    ck_assert_int_eq(coro_call_soon_threadsafe(server->loop, stops, server), 0);
    join_thread(server->thread);
    ck_assert_int_eq(server->status, 0);
}

void stop_server(struct server *server)
{
    end_server(server);
    coro_loop_release(server->loop);
}

/* --- Tasks for such a loop -------------------------------------------------------------------- */
int returns_a_value(void *value)
{
    ck_assert_int_eq(coro_yield(), 0);
    coro_return(value);
    return 6;
}

int fails_with_a_text(void *arg)
{
    return coro_fail(-ENOENT, "no page %d", 5);
}

int cancels_itself(void *message)
{
    coro_cancel_with(coro_current_task(), message);
    return coro_yield();
}

atomic_bool opened;

int waits_for_opening(void *arg)
{
    while (!atomic_load(&opened))
        coro_yield();
    return 6;
}

atomic_bool begun;
atomic_int times_begun, got;

int waits_to_be_cancelled(void *result)
{
    atomic_fetch_add(&times_begun, 1);
    atomic_store(&begun, true);
    const int rc = coro_sleep(CORO_FOREVER);
    atomic_store(&got, rc);
    return result ? NUMBER(result) : rc;
}

coro_concurrent_future *ask_to_wait(coro_loop *loop, void *result)
{
    coro_concurrent_future *future =
        coro_run_coroutine_threadsafe(loop, waits_to_be_cancelled, result);
    ck_assert_ptr_nonnull(future);
    until(&begun);
    return future;
}
