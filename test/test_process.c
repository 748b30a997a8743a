/* SPDX-License-Identifier: MIT */
/* The life of a process: its end, its signals, and what becomes of it when nobody cares. */
#include "support_old_system.h"
#include "support_process.h"
#include "support_threads.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- Its end ---------------------------------------------------------------------------------- */
/* CPython: test_unix_events.ChildWatcherTestsMixin.test_sigchld */
TASK_TEST(the_return_code_is_the_exit_status_or_minus_the_signal)
{
    const int before = count_fds();
    ck_assert_int_eq(end_of(execute("true", NULL, NULL)), 0);
    ck_assert_int_eq(run_shell("exit 7", NULL), 7);
    ck_assert_int_eq(run_shell("exit 255", NULL), 255);
    ck_assert_int_eq(run_shell("kill -USR1 $$", NULL), -SIGUSR1);
    /* The first one has made the poller. */
    ck_assert_int_le(count_fds() - before, 1);
    expect_no_children();
    return 0;
}

/* CPython: test_unix_events.ChildWatcherTestsMixin.test_sigchld_race_condition */
TASK_TEST(a_process_that_has_ended_is_waited_for_any_number_of_times)
{
    int returncode = 0;
    coro_process *process = shell("exit 3", NULL);
    ck_assert_int_eq(coro_process_returncode(process, &returncode), -EINPROGRESS);
    ck_assert_int_eq(coro_process_wait(process, NULL), 0);
    ck_assert_int_eq(coro_process_wait(process, &returncode), 0);
    ck_assert_int_eq(returncode, 3);
    returncode = 0;
    ck_assert_int_eq(coro_process_returncode(process, &returncode), 0);
    ck_assert_int_eq(returncode, 3);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

static coro_process *shared;

static int waits_for_it(void *number)
{
    int returncode = 1000;
    const int rc = coro_process_wait(shared, &returncode);
    if (rc < 0)
        return rc;
    trace("%d:%d", NUMBER(number), returncode);
    return 0;
}

TASK_TEST(all_tasks_that_wait_learn_of_the_end_in_their_order)
{
    coro_task *tasks[4];
    shared = execute("sleep", "60", NULL);
    for (int i = 0; i < 4; i++)
        tasks[i] = spawn(waits_for_it, ARG(i));
    passes(2);
    coro_cancel(tasks[1]);
    ck_assert_int_eq(coro_join(tasks[1], NULL), -ECANCELED);
    ck_assert_int_eq(coro_process_kill(shared), 0);
    for (int i = 0; i < 4; i++)
        if (i != 1)
            ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    expect_trace("0:-9 2:-9 3:-9");
    ck_assert_int_eq(coro_process_close(shared), 0);
    return 0;
}

TASK_TEST(a_cancel_that_comes_with_the_end_wins_and_the_return_code_stays)
{
    int returncode = 0;
    shared = shell("exit 4", NULL);
    coro_task *task = spawn(waits_for_it, NULL);
    passes(1);
    ck_assert_int_eq(coro_process_wait(shared, NULL), 0);
    if (!coro_done(task)) {
        coro_cancel(task);
        ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    } else {
        coro_release(task);
        expect_trace("0:4");
    }
    ck_assert_int_eq(coro_process_wait(shared, &returncode), 0);
    ck_assert_int_eq(returncode, 4);
    ck_assert_int_eq(coro_process_close(shared), 0);
    return 0;
}

TASK_TEST(a_time_limit_ends_the_wait_and_not_the_process)
{
    coro_timeout scope;
    coro_process *process = execute("sleep", "60", NULL);
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_process_wait(process, NULL)), -ETIMEDOUT);
    ck_assert_int_eq(coro_process_returncode(process, NULL), -EINPROGRESS);
    ck_assert_int_eq(kill(coro_process_pid(process), 0), 0);
    ck_assert_int_eq(coro_process_terminate(process), 0);
    ck_assert_int_eq(end_of(process), -SIGTERM);
    return 0;
}

static int sleeps_and_exits(void *number)
{
    char command[64];
    snprintf(command, sizeof command, "read -r line; exit %d", NUMBER(number));
    const coro_process_options options = {.in = CORO_STDIO_PIPE};
    coro_process *process = shell(command, &options);
    passes(3);
    ck_assert_int_eq(coro_process_close_pipe(process, STDIN_FILENO), 0);
    return end_of(process);
}

/* CPython: test_unix_events.ChildWatcherTestsMixin.test_sigchld_two_children
 * test_unix_events.ChildWatcherTestsMixin.test_sigchld_two_children_terminating_together */
TASK_TEST(fifty_run_at_once)
{
    enum { MANY = 50, FEW = 10 };
    coro_task *tasks[MANY];
    const int before = count_fds(), count = under_valgrind() ? FEW : MANY;
    for (int i = 0; i < count; i++)
        tasks[i] = spawn(sleeps_and_exits, ARG(i));
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), i);
    ck_assert_int_le(count_fds() - before, 1);
    expect_no_children();
    return 0;
}

/* --- Signals ---------------------------------------------------------------------------------- */
TASK_TEST(signals_reach_a_process_that_runs_and_no_other)
{
    coro_process *process = execute("sleep", "60", NULL);
    ck_assert_int_eq(coro_process_send_signal(process, 0), 0);
    ck_assert_int_eq(coro_process_send_signal(process, 1000), -EINVAL);
    ck_assert_int_eq(coro_process_send_signal(process, SIGHUP), 0);
    int returncode = 0;
    ck_assert_int_eq(coro_process_wait(process, &returncode), 0);
    ck_assert_int_eq(returncode, -SIGHUP);
    ck_assert_int_eq(coro_process_send_signal(process, SIGHUP), -ESRCH);
    ck_assert_int_eq(coro_process_terminate(process), -ESRCH);
    ck_assert_int_eq(coro_process_kill(process), -ESRCH);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

/* --- When nobody waits ------------------------------------------------------------------------ */
static int leaves_it_alone(void *arg)
{
    coro_process *process = execute("true", NULL, NULL);
    let_loop_reap(process);
    expect_no_children();
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

START_TEST(the_loop_reaps_what_nobody_waits_for)
{
    ck_assert_int_eq(run_in_real_time(leaves_it_alone), 0);
}
END_TEST

/* Work without end must not keep it from that either. */
static int works_meanwhile(void *arg)
{
    coro_process *process = execute("true", NULL, NULL);
    while (coro_process_returncode(process, NULL) == -EINPROGRESS)
        ck_assert_int_eq(coro_yield(), 0);
    expect_no_children();
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

START_TEST(a_busy_loop_reaps_too)
{
    ck_assert_int_eq(run_in_real_time(works_meanwhile), 0);
}
END_TEST

TASK_TEST(closing_kills_what_runs_and_tells_who_waits)
{
    shared = execute("sleep", "60", NULL);
    coro_task *task = spawn(waits_for_it, ARG(5));
    passes(1);
    ck_assert_int_eq(coro_process_close(shared), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("5:-9");
    expect_no_children();
    ck_assert_int_eq(coro_process_close(NULL), 0);
    return 0;
}

static int reads_its_output(void *arg)
{
    char byte;
    return (int)coro_read(coro_process_pipe(shared, STDOUT_FILENO), &byte, 1);
}

TASK_TEST(closing_wakes_who_reads_its_pipes)
{
    const coro_process_options options = {.out = CORO_STDIO_PIPE};
    shared = execute("sleep", "60", &options);
    coro_task *task = spawn(reads_its_output, NULL);
    passes(1);
    ck_assert_int_eq(coro_process_close(shared), 0);
    ck_assert_int_eq(coro_join(task, NULL), -EBADF);
    return 0;
}

static int closes_at_once(void *arg)
{
    return coro_process_close(execute("sleep", "60", NULL));
}

START_TEST(a_run_that_ends_reaps_what_was_closed_just_before)
{
    ck_assert_int_eq(run_test(closes_at_once, NULL), 0);
    ck_assert_uint_eq(logged(), 0);
    expect_no_children();
}
END_TEST

static int starts_and_ends(void *arg)
{
    const coro_process_options options = {.in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE};
    shared = execute("sleep", "60", &options);
    return 0;
}

START_TEST(a_run_that_ends_kills_its_processes)
{
    int returncode = 0;
    const int before = count_fds();
    ck_assert_int_eq(run_test(starts_and_ends, NULL), 0);
    expect_log(CORO_LOG_PROCESS_KILLED, 0, "was killed because its run has ended");
    ck_assert_uint_eq(logged(), 0);
    expect_no_children();
    ck_assert_int_eq(count_fds(), before);
    ck_assert_int_eq(coro_process_returncode(shared, &returncode), 0);
    ck_assert_int_eq(returncode, -SIGKILL);
    ck_assert_int_eq(coro_process_kill(shared), -ESRCH);
    ck_assert_int_eq(coro_process_pipe(shared, STDIN_FILENO), -EBADF);
    ck_assert_int_eq(coro_process_close(shared), 0);
}
END_TEST

static int starts_what_ends_itself(void *arg)
{
    shared = shell("exit 5", NULL);
    return 0;
}

static int reads_its_end(void *arg)
{
    int returncode = 0;
    ck_assert_int_eq(coro_process_wait(shared, &returncode), 0);
    return returncode;
}

START_TEST(a_process_outlives_a_main_task_of_its_runner)
{
    const coro_run_options options = test_options();
    coro_runner *runner = coro_runner_create(&options);
    ck_assert_int_eq(coro_runner_run(runner, starts_what_ends_itself, NULL), 0);
    ck_assert_int_eq(coro_process_kill(shared), -EXDEV);
    ck_assert_int_eq(coro_runner_run(runner, reads_its_end, NULL), 5);
    ck_assert_int_eq(coro_runner_close(runner), 0);
    ck_assert_uint_eq(logged(), 0);
    ck_assert_int_eq(coro_process_close(shared), 0);
    expect_no_children();
}
END_TEST

/* --- Deadlocks -------------------------------------------------------------------------------- */
static int waits_for_nobody(void *arg)
{
    shared = execute("sleep", "60", NULL);
    return coro_join(coro_create_future(), NULL) == -ECANCELED ? 0 : 1;
}

START_TEST(a_process_that_nobody_waits_for_does_not_hide_a_deadlock)
{
    ck_assert_int_eq(run_test(waits_for_nobody, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "");
    forget_log();
    expect_no_children();
    ck_assert_int_eq(coro_process_close(shared), 0);
}
END_TEST

/* --- The program's own children --------------------------------------------------------------- */
static pid_t fork_child(int status)
{
    const pid_t pid = fork();
    if (pid == 0)
        _exit(status);
    ck_assert_int_gt(pid, 0);
    return pid;
}

/* CPython: test_unix_events.ChildWatcherTestsMixin.test_sigchld_unknown_status */
TASK_TEST(children_of_the_programs_own_are_left_to_it)
{
    int status;
    const pid_t pid = fork_child(9);
    ck_assert_int_eq(run_shell("exit 2", NULL), 2);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 9);
    return 0;
}

static atomic_int children_ended;

static void take_all(int number)
{
    const int saved_errno = errno;
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        atomic_fetch_add(&children_ended, 1);
    errno = saved_errno;
}

/* The loop has no say until the task waits. */
/* CPython: test_unix_events.ChildWatcherTestsMixin.test_sigchld_child_reaped_elsewhere */
TASK_TEST(a_status_that_the_program_takes_is_no_hang)
{
    signal(SIGCHLD, take_all);
    coro_process *process = execute("sleep", "60", NULL);
    ck_assert_int_eq(coro_process_kill(process), 0);
    while (atomic_load(&children_ended) == 0)
        nap(1);
    int returncode = 1000;
    ck_assert_int_eq(coro_process_wait(process, &returncode), -ECHILD);
    ck_assert_int_eq(returncode, 1000);
    ck_assert_int_eq(coro_process_returncode(process, NULL), -ECHILD);
    ck_assert_int_eq(coro_process_kill(process), -ESRCH);
    ck_assert_int_eq(coro_process_close(process), 0);
    signal(SIGCHLD, SIG_DFL);
    return 0;
}

TASK_TEST(ignoring_sigchld_costs_the_return_code)
{
    signal(SIGCHLD, SIG_IGN);
    coro_process *process = execute("true", NULL, NULL);
    ck_assert_int_eq(coro_process_wait(process, NULL), -ECHILD);
    ck_assert_int_eq(coro_process_close(process), 0);
    signal(SIGCHLD, SIG_DFL);
    return 0;
}

static atomic_int signals;

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
}

TASK_TEST(the_programs_handler_of_sigchld_is_called)
{
    signal(SIGCHLD, count_signal);
    ck_assert_int_eq(run_shell("exit 6", NULL), 6);
    /* The thread sanitizer hands signals on in a later call. */
    for (int i = 0; i < 1000 && atomic_load(&signals) == 0; i++)
        usleep(1000);
    ck_assert_int_ge(atomic_load(&signals), 1);
    signal(SIGCHLD, SIG_DFL);
    return 0;
}

/* --- Threads ---------------------------------------------------------------------------------- */
static int starts_several(void *arg)
{
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(sleeps_and_exits(ARG(i)), i);
    return 0;
}

static void *runs_several(void *arg)
{
    ck_assert_int_eq(run_test(starts_several, NULL), 0);
    return NULL;
}

START_TEST(loops_in_several_threads_have_their_own)
{
    const pthread_t first = start_thread(runs_several, NULL);
    const pthread_t second = start_thread(runs_several, NULL);
    join_thread(first);
    join_thread(second);
    expect_no_children();
}
END_TEST

static int uses_it_elsewhere(void *arg)
{
    coro_communication communication = {0};
    ck_assert_int_eq(coro_process_wait(shared, NULL), -EXDEV);
    ck_assert_int_eq(coro_process_kill(shared), -EXDEV);
    ck_assert_int_eq(coro_process_pipe(shared, 0), -EXDEV);
    ck_assert_int_eq(coro_process_communicate(shared, &communication), -EXDEV);
    ck_assert_int_eq(coro_process_close(shared), -EXDEV);
    return 0;
}

static void *runs_elsewhere(void *arg)
{
    ck_assert_int_eq(run_test(uses_it_elsewhere, NULL), 0);
    return NULL;
}

TASK_TEST(a_process_is_its_loops)
{
    shared = execute("sleep", "60", NULL);
    join_thread(start_thread(runs_elsewhere, NULL));
    ck_assert_int_eq(coro_process_close(shared), 0);
    return 0;
}

/* --- Misuse ----------------------------------------------------------------------------------- */
static void waits_in_a_callback(void *process)
{
    ck_assert_int_eq(coro_process_wait((coro_process *)process, NULL), -EPERM);
    ck_assert_int_eq(coro_process_send_signal((coro_process *)process, 0), 0);
    ck_assert_int_eq(coro_process_close((coro_process *)process), 0);
}

TASK_TEST(a_callback_does_not_wait_but_closes)
{
    coro_handle handle;
    ck_assert_int_eq(coro_call_soon(waits_in_a_callback, execute("sleep", "60", NULL), &handle), 0);
    passes(2);
    return 0;
}

START_TEST(without_a_task_or_a_process_there_are_errors)
{
    const char *const argv[] = {"true", NULL};
    coro_process *process = NULL;
    ck_assert_int_eq(coro_create_subprocess_exec(&process, argv, NULL), -EPERM);
    ck_assert_int_eq(coro_create_subprocess_shell(&process, "true", NULL), -EPERM);
    ck_assert_ptr_null(process);
    ck_assert_int_eq(coro_process_pid(NULL), -EINVAL);
    ck_assert_int_eq(coro_process_pipe(NULL, 0), -EINVAL);
    ck_assert_int_eq(coro_process_wait(NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_process_returncode(NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_process_kill(NULL), -EINVAL);
    ck_assert_int_eq(coro_process_close_pipe(NULL, 0), -EINVAL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_return_code_is_the_exit_status_or_minus_the_signal,
        a_process_that_has_ended_is_waited_for_any_number_of_times,
        all_tasks_that_wait_learn_of_the_end_in_their_order,
        a_cancel_that_comes_with_the_end_wins_and_the_return_code_stays,
        a_time_limit_ends_the_wait_and_not_the_process,
        fifty_run_at_once,
        signals_reach_a_process_that_runs_and_no_other,
        the_loop_reaps_what_nobody_waits_for,
        a_busy_loop_reaps_too,
        closing_kills_what_runs_and_tells_who_waits,
        closing_wakes_who_reads_its_pipes,
        a_run_that_ends_reaps_what_was_closed_just_before,
        a_run_that_ends_kills_its_processes,
        a_process_outlives_a_main_task_of_its_runner,
        a_process_that_nobody_waits_for_does_not_hide_a_deadlock,
        children_of_the_programs_own_are_left_to_it,
        a_status_that_the_program_takes_is_no_hang,
        ignoring_sigchld_costs_the_return_code,
        the_programs_handler_of_sigchld_is_called,
        loops_in_several_threads_have_their_own,
        a_process_is_its_loops,
        a_callback_does_not_wait_but_closes,
        without_a_task_or_a_process_there_are_errors,
        NULL,
    };
    return run_suite_on_systems("process", tests);
}
