/* SPDX-License-Identifier: MIT */
/* fork() in a task: the child has no part in the loop, and may run one of its own. */
#include "support_stream.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Calls fn in a child of the calling task, and returns how it ended. */
static int status_of_child(int (*fn)(void))
{
    int status;
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(fn());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static void expect_status(int (*fn)(void), int expected)
{
    const int status = status_of_child(fn);
    ck_assert_msg(WIFEXITED(status), "it ended with %#x", (unsigned)status);
    ck_assert_int_eq(WEXITSTATUS(status), expected);
}

/* The number of the first thing that is wrong. */
static int is_in_no_loop(void)
{
    char byte;
    coro_task *task;
    if (coro_current_task() || coro_current_loop())
        return 1;
    if (coro_all_tasks(&task, 1) != 0)
        return 2;
    if (coro_sleep(CORO_SECOND) != -EPERM || coro_yield() != -EPERM)
        return 3;
    if (coro_read(STDIN_FILENO, &byte, 1) != -EPERM)
        return 4;
    return coro_create_task(returns, NULL) ? 5 : 0;
}

static int passes_by(void *arg)
{
    trace("other");
    return 0;
}

/* CPython: test_unix_events.TestFork.test_fork_not_share_event_loop */
TASK_TEST(a_child_is_in_no_loop)
{
    coro_task *task = spawn(passes_by, NULL);
    expect_status(is_in_no_loop, 0);
    expect_trace("");
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("other");
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    return 0;
}

/* --- Runs of its own -------------------------------------------------------------------------- */
static int uses_all(void *arg)
{
    static const char *const argv[] = {"true", NULL};
    coro_process *process;
    int fds[2], returncode = 1;
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert_int_eq(coro_pipe(fds), 0);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    passes(2);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(coro_join(reader, NULL), 'x');
    close_both(fds);
    ck_assert_int_eq(coro_create_subprocess_exec(&process, argv, NULL), 0);
    ck_assert_int_eq(coro_process_wait(process, &returncode), 0);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 40 + returncode;
}

static int runs(void)
{
    return run_test(uses_all, NULL);
}

/* CPython: test_unix_events.TestFork.test_fork_asyncio_run
 * test_unix_events.TestFork.test_fork_asyncio_subprocess */
START_TEST(a_child_runs_a_loop)
{
    expect_status(runs, 40);
}
END_TEST

TASK_TEST(a_child_of_a_task_runs_a_loop)
{
    int fds[2];
    make_pair(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    passes(2);
    expect_status(runs, 40);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(coro_join(reader, NULL), 'x');
    close_both(fds);
    return 0;
}

static coro_runner *parents_runner;

/* The number of the first call that is not as it should be. */
static int may_not_use_runner(void)
{
    if (coro_runner_run(parents_runner, returns, ARG(40)) != -EXDEV)
        return 1;
    if (coro_runner_close(parents_runner) != -EXDEV)
        return 2;
    return runs();
}

START_TEST(a_runner_that_does_not_run_stays_the_parents)
{
    const coro_run_options options = test_options();
    parents_runner = coro_runner_create(&options);
    coro_runner *other = coro_runner_create(&options);
    ck_assert_int_eq(coro_runner_run(parents_runner, uses_all, NULL), 40);
    ck_assert_int_eq(coro_runner_close(other), 0);
    expect_status(may_not_use_runner, 40);
    ck_assert_int_eq(coro_runner_run(parents_runner, uses_all, NULL), 40);
    ck_assert_int_eq(coro_runner_close(parents_runner), 0);
}
END_TEST

static atomic_bool ended;

static void *runs_loops(void *arg)
{
    while (!atomic_load(&ended))
        coro_run(returns, NULL);
    return NULL;
}

static int runs_one(void)
{
    return coro_run(returns, ARG(40));
}

/* What that has locked at the moment nobody unlocks in the child. */
START_TEST(another_thread_begins_a_loop_meanwhile)
{
    pthread_t thread;
    atomic_store(&ended, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, runs_loops, NULL), 0);
    for (int i = 0; i < 100; i++)
        expect_status(runs_one, 40);
    atomic_store(&ended, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* --- Streams ---------------------------------------------------------------------------------- */
static coro_stream *parents_stream;
static coro_server *parents_server;

/* The number of the first call that is not refused. */
static int may_use_no_stream(void)
{
    char byte;
    if (coro_stream_write(parents_stream, "child", 5) != -EXDEV)
        return 1;
    if (coro_stream_read(parents_stream, &byte, 1) != -EXDEV)
        return 2;
    if (coro_stream_close(parents_stream) != -EXDEV || coro_stream_abort(parents_stream) != -EXDEV)
        return 3;
    coro_stream_release(parents_stream);
    if (coro_server_close(parents_server) != -EXDEV)
        return 4;
    coro_server_destroy(parents_server);
    return 0;
}

/* With TLS what a child sends would have the numbers, and so the nonces, of what the parent sends
 * next; and a stream that it ends is no longer watched for the parent. */
TASK_TEST(streams_stay_the_parents)
{
    int peer;
    parents_stream = open_stream(&peer, 0);
    const char *path = socket_path();
    ck_assert_int_eq(
        coro_start_unix_server(&parents_server, path, (coro_client_fn *)abort, NULL, NULL), 0);
    coro_task *reader = spawn(reads_line, parents_stream);
    passes(2);
    expect_status(may_use_no_stream, 0);
    feed(peer, "line\n");
    ck_assert_int_eq(coro_join(reader, NULL), 5);
    expect_trace("line\n");
    ck_assert_int_eq(coro_stream_write(parents_stream, "parent", 6), 0);
    expect_sent(peer, "parent");
    expect_rest(parents_stream, peer, "");
    ck_assert(path_exists(path));
    close_server(parents_server);
    return 0;
}

/* --- Signals ---------------------------------------------------------------------------------- */
static int raises_sigterm(void)
{
    raise(SIGTERM);
    return 0;
}

static int raises_sigint(void)
{
    raise(SIGINT);
    return 0;
}

static void expect_killed(int (*fn)(void), int number)
{
    const int status = status_of_child(fn);
    ck_assert_msg(WIFSIGNALED(status), "it ended with %#x", (unsigned)status);
    ck_assert_int_eq(WTERMSIG(status), number);
}

static int forks_and_is_told(void *arg)
{
    static const int numbers[] = {SIGTERM};
    coro_signal signals;
    ck_assert_int_eq(coro_signal_begin(&signals, numbers, 1), 0);
    expect_killed(raises_sigterm, SIGTERM);
    expect_killed(raises_sigint, SIGINT);
    coro_timeout timeout;
    ck_assert_int_eq(coro_timeout_begin(&timeout, CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_end(&timeout, coro_signal_wait(&signals)), -ETIMEDOUT);
    ck_assert_int_eq(raise(SIGTERM), 0);
    ck_assert_int_eq(coro_signal_wait(&signals), SIGTERM);
    coro_signal_end(&signals);
    return 0;
}

/* libcheck has handlers of its own. */
static void set_defaults(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

/* CPython: test_unix_events.TestFork.test_fork_signal_handling */
START_TEST(a_child_has_the_actions_from_before_the_run)
{
    set_defaults();
    run_main(forks_and_is_told);
}
END_TEST

static int is_interrupted(void *arg)
{
    raise(SIGINT);
    return coro_sleep(CORO_SECOND);
}

static int runs_until_interrupted(void)
{
    return run_test(is_interrupted, NULL) == -EINTR ? 40 : 1;
}

static int forks_and_is_not_interrupted(void *arg)
{
    expect_status(runs_until_interrupted, 40);
    return coro_sleep(CORO_SECOND);
}

/* The thread sanitizer holds signals back in a child, as it takes contexts for threads. */
START_TEST(an_interrupt_reaches_the_run_of_the_child)
{
    if (sanitized()) {
        skip("an_interrupt_reaches_the_run_of_the_child: signals are held back");
        return;
    }
    set_defaults();
    run_main(forks_and_is_not_interrupted);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_child_is_in_no_loop,
        a_child_runs_a_loop,
        a_child_of_a_task_runs_a_loop,
        a_runner_that_does_not_run_stays_the_parents,
        streams_stay_the_parents,
        a_child_has_the_actions_from_before_the_run,
        an_interrupt_reaches_the_run_of_the_child,
        /* To Valgrind what the other thread had is lost in the child. */
        under_valgrind() ? NULL : another_thread_begins_a_loop_meanwhile,
        NULL,
    };
    return run_suite_on_pollers("fork", tests);
}
