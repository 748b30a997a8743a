/* SPDX-License-Identifier: MIT */
/* Subprocesses as CPython's cases have them: with pidfds and, as on an old system, in threads. */
#include "../support_old_system.h"
#include "../support_process.h"
#include "../support_threads.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* CPython, does not apply: a handle has no text of its own:
 * test_subprocess.SubprocessTransportTests.test_subprocess_repr */

/* CPython, does not apply: no transport reads ahead of the caller, so none has to pause:
 * test_subprocess.SubprocessMixin.test_pause_reading */

/* CPython, does not apply: bytes are all there is, and paths are strings:
 * test_subprocess.SubprocessMixin.test_create_subprocess_exec_text_mode_fails
 * test_subprocess.SubprocessMixin.test_create_subprocess_shell_text_mode_fails
 * test_subprocess.SubprocessMixin.test_create_subprocess_exec_with_path */

/* CPython, does not apply: there are no protocols:
 * test_subprocess.SubprocessMixin.test_subprocess_protocol_events */

/* CPython, does not apply: the loop itself watches its children:
 * test_subprocess.MultiLoopChildWatcherTests.test_warns
 * test_subprocess.GenericWatcherTests.test_create_subprocess_fails_with_inactive_watcher */

static const coro_process_options both = {.in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE};
static const coro_process_options all = {
    .in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE, .err = CORO_STDIO_PIPE};

static coro_process *blocked(void)
{
    return execute("sleep", "3600", NULL);
}

/* CPython: test_subprocess.SubprocessTransportTests.test_proc_exited */
TASK_TEST(a_process_that_has_ended_gets_no_signal)
{
    int returncode = 0;
    coro_process *process = shell("exit 6", NULL);
    ck_assert_int_eq(coro_process_wait(process, NULL), 0);
    ck_assert_int_eq(coro_process_returncode(process, &returncode), 0);
    ck_assert_int_eq(returncode, 6);
    ck_assert_int_eq(coro_process_send_signal(process, SIGTERM), -ESRCH);
    ck_assert_int_eq(coro_process_terminate(process), -ESRCH);
    ck_assert_int_eq(coro_process_kill(process), -ESRCH);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

/* --- Pipes ------------------------------------------------------------------------------------ */
/* CPython: test_subprocess.SubprocessMixin.test_stdin_stdout */
/* CPython: test_events.SubprocessTestsMixin.test_subprocess_exec
 * test_events.SubprocessTestsMixin.test_subprocess_interactive */
TASK_TEST(what_is_written_to_stdin_comes_back_from_stdout)
{
    coro_process *process = execute("cat", NULL, &both);
    const int in = coro_process_pipe(process, STDIN_FILENO);
    ck_assert_int_eq(coro_write_all(in, "some data", 9, NULL), 9);
    ck_assert_int_eq(coro_process_close_pipe(process, STDIN_FILENO), 0);
    ck_assert_str_eq(read_output(process), "some data");
    ck_assert_int_eq(end_of(process), 0);
    return 0;
}

/* Communicates with a process, which is closed, and compares its stdout; NULL is no pipe. */
static void expect_output(coro_process *process, const char *input, const char *output)
{
    coro_communication c = {.input = input, .input_size = input ? strlen(input) : 0};
    ck_assert_int_eq(coro_process_communicate(process, &c), 0);
    ck_assert_int_eq(c.returncode, 0);
    if (output)
        ck_assert_str_eq(c.output, output);
    else
        ck_assert_ptr_null(c.output);
    free(c.output);
    free(c.error);
    ck_assert_int_eq(end_of(process), 0);
}

/* CPython: test_subprocess.SubprocessMixin.test_communicate */
TASK_TEST(communicate_writes_and_reads)
{
    expect_output(execute("cat", NULL, &both), "some data", "some data");
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_communicate_none_input */
TASK_TEST(communicate_without_input_closes_stdin)
{
    expect_output(execute("cat", NULL, &both), NULL, "");
    return 0;
}

/* Says how long its input is. */
static const char counts[] = "exec wc -c | tr -d ' '";

/* CPython: test_subprocess.SubprocessMixin.test_stdin_not_inheritable */
TASK_TEST(the_process_does_not_have_the_other_end_of_its_stdin)
{
    expect_output(shell(counts, &all), "abc", "3\n");
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_empty_input */
TASK_TEST(an_empty_input_ends_at_once)
{
    expect_output(shell(counts, &all), "", "0\n");
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_devnull_input */
TASK_TEST(stdin_may_be_null)
{
    const coro_process_options options = {
        .in = CORO_STDIO_NULL, .out = CORO_STDIO_PIPE, .err = CORO_STDIO_PIPE};
    expect_output(shell(counts, &options), NULL, "0\n");
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_devnull_output */
TASK_TEST(stdout_may_be_null)
{
    const coro_process_options options = {
        .in = CORO_STDIO_PIPE, .out = CORO_STDIO_NULL, .err = CORO_STDIO_PIPE};
    expect_output(shell(counts, &options), "abc", NULL);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_devnull_error */
TASK_TEST(stderr_may_be_null)
{
    const coro_process_options options = {
        .in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE, .err = CORO_STDIO_NULL};
    coro_communication c = {.input = "abc", .input_size = 3};
    coro_process *process = shell(counts, &options);
    ck_assert_int_eq(coro_process_communicate(process, &c), 0);
    ck_assert_ptr_null(c.error);
    free(c.output);
    ck_assert_int_eq(end_of(process), 0);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_devstdin_input */
TASK_TEST(stdin_can_be_opened_by_its_name)
{
    expect_output(shell("exec wc -c </dev/stdin | tr -d ' '", &all), "abc", "3\n");
    return 0;
}

enum { LARGE = 1 << 20 };

static int fds[2];

/* Lets the process end when its pipe is full. */
static int lets_it_end(void *arg)
{
    passes(5);
    ck_assert_int_eq(write(fds[1], "go", 2), 2);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_stdin_broken_pipe */
TASK_TEST(writing_to_a_process_that_has_ended_is_an_error)
{
    char command[64];
    size_t done;
    char *data = calloc(1, LARGE);
    make_pipe(fds);
    snprintf(command, sizeof command, "head -c 1 <&%d >/dev/null", fds[0]);
    const coro_process_options options = {
        .in = CORO_STDIO_PIPE, .pass_fds = fds, .pass_fds_count = 1};
    coro_process *process = shell(command, &options);
    close(fds[0]);
    coro_task *task = spawn(lets_it_end, NULL);
    ck_assert_int_eq(coro_write_all(coro_process_pipe(process, STDIN_FILENO), data, LARGE, &done),
                     -EPIPE);
    ck_assert_uint_lt(done, LARGE);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_int_eq(end_of(process), 0);
    close(fds[1]);
    free(data);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_communicate_ignore_broken_pipe */
TASK_TEST(communicate_does_not_mind_a_process_that_reads_nothing)
{
    char *data = calloc(1, LARGE);
    const coro_process_options options = {.in = CORO_STDIO_PIPE};
    coro_communication c = {.input = data, .input_size = LARGE};
    coro_process *process = execute("true", NULL, &options);
    ck_assert_int_eq(coro_process_communicate(process, &c), 0);
    ck_assert_int_eq(end_of(process), 0);
    free(data);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_read_stdout_after_process_exit */
TASK_TEST(output_can_be_read_after_the_end)
{
    const coro_process_options options = {.out = CORO_STDIO_PIPE};
    char buffer[10000];
    size_t total = 0;
    ssize_t n;
    coro_process *process = shell("head -c 40000 /dev/zero; exit 1", &options);
    ck_assert_int_eq(coro_process_wait(process, NULL), 0);
    while ((n = coro_read(coro_process_pipe(process, STDOUT_FILENO), buffer, sizeof buffer)) > 0)
        total += (size_t)n;
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(total, 40000);
    ck_assert_int_eq(end_of(process), 1);
    return 0;
}

static int reads_an_echo(void *number)
{
    char command[32], expected[32];
    snprintf(command, sizeof command, "echo foo%d", NUMBER(number));
    snprintf(expected, sizeof expected, "foo%d\n", NUMBER(number));
    const coro_process_options options = {.out = CORO_STDIO_PIPE};
    expect_output(shell(command, &options), NULL, expected);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_subprocess_communicate_stdout */
TASK_TEST(each_of_ten_tasks_gets_its_own_output)
{
    coro_task *tasks[10];
    for (int i = 0; i < 10; i++)
        tasks[i] = spawn(reads_an_echo, ARG(i));
    ck_assert_int_eq(coro_gather(tasks, 10, 0), 0);
    for (int i = 0; i < 10; i++)
        coro_release(tasks[i]);
    return 0;
}

/* --- The start -------------------------------------------------------------------------------- */
/* CPython: test_subprocess.SubprocessMixin.test_shell */
/* CPython: test_events.SubprocessTestsMixin.test_subprocess_shell
 * test_events.SubprocessTestsMixin.test_subprocess_exitcode */
TASK_TEST(a_shell_runs_a_command)
{
    ck_assert_int_eq(run_shell("exit 7", NULL), 7);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_start_new_session */
/* CPython: test_events.SubprocessTestsMixin.test_subprocess_wait_no_same_group */
TASK_TEST(a_process_starts_in_a_new_session)
{
    const coro_process_options options = {.start_new_session = true};
    ck_assert_int_eq(run_shell("exit 8", &options), 8);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_popen_error
 * test_subprocess.SubprocessMixin.test_popen_error_with_stdin_pipe */
TASK_TEST(a_failed_start_leaves_nothing)
{
    const char *const argv[] = {"/no/such/program", NULL};
    coro_process *process;
    ck_assert_int_eq(run_shell("true", NULL), 0);
    const int before = count_fds();
    ck_assert_int_eq(coro_create_subprocess_exec(&process, argv, NULL), -ENOENT);
    ck_assert_int_eq(coro_create_subprocess_exec(&process, argv, &both), -ENOENT);
    ck_assert_int_eq(count_fds(), before);
    expect_no_children();
    return 0;
}

static const char *const environment[] = {"FOO=bar", "PATH=/bin:/usr/bin", NULL};
static const coro_process_options with_environment = {.out = CORO_STDIO_PIPE,
                                                      .environment = environment};

/* CPython: test_subprocess.SubprocessMixin.test_create_subprocess_env_shell */
TASK_TEST(a_shell_gets_the_environment)
{
    expect_output(shell("printf %s \"$FOO\"", &with_environment), NULL, "bar");
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_create_subprocess_env_exec */
TASK_TEST(a_program_gets_the_environment)
{
    expect_output(execute("env", NULL, &with_environment), NULL, "FOO=bar\nPATH=/bin:/usr/bin\n");
    return 0;
}

static int is_cancelled_as_it_creates(void *arg)
{
    coro_cancel(coro_current_task());
    coro_process *process = blocked();
    const int rc = coro_process_wait(process, NULL);
    ck_assert_int_eq(coro_process_close(process), 0);
    return rc;
}

/* CPython, stronger:
 * test_subprocess.SubprocessMixin.test_cancel_make_subprocess_transport_exec
 * test_subprocess.SubprocessMixin.test_cancel_post_init: creating is no wait, so a cancel cannot
 * come between the process and its handle */
TASK_TEST(a_cancel_meets_the_creator_at_its_next_wait)
{
    ck_assert_int_eq(coro_join(spawn(is_cancelled_as_it_creates, NULL), NULL), -ECANCELED);
    return 0;
}

/* --- The end ---------------------------------------------------------------------------------- */
/* CPython: test_subprocess.SubprocessMixin.test_kill */
/* CPython: test_events.SubprocessTestsMixin.test_subprocess_kill */
TASK_TEST(kill_is_sigkill)
{
    coro_process *process = blocked();
    ck_assert_int_eq(coro_process_kill(process), 0);
    ck_assert_int_eq(end_of(process), -SIGKILL);
    return 0;
}

/* The shell's child has the pipe, and goes on. */
/* CPython: test_subprocess.SubprocessMixin.test_kill_issue43884 */
TASK_TEST(a_killed_shell_has_ended_although_its_pipe_is_open)
{
    const coro_process_options options = {.out = CORO_STDIO_PIPE, .err = CORO_STDIO_NULL};
    coro_process *process = shell("echo begun; sleep 1; sleep 1", &options);
    char text[6];
    ck_assert_int_eq(
        coro_read_all(coro_process_pipe(process, STDOUT_FILENO), text, sizeof text, NULL), 6);
    ck_assert_int_eq(coro_process_kill(process), 0);
    ck_assert_int_eq(end_of(process), -SIGKILL);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_terminate */
/* CPython: test_events.SubprocessTestsMixin.test_subprocess_terminate */
TASK_TEST(terminate_is_sigterm)
{
    coro_process *process = blocked();
    ck_assert_int_eq(coro_process_terminate(process), 0);
    ck_assert_int_eq(end_of(process), -SIGTERM);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_send_signal */
/* CPython: test_events.SubprocessTestsMixin.test_subprocess_send_signal */
TASK_TEST(a_signal_is_sent)
{
    const coro_process_options options = {.out = CORO_STDIO_PIPE};
    char text[9];
    coro_process *process = shell("echo sleeping; exec sleep 3600", &options);
    ck_assert_int_eq(
        coro_read_all(coro_process_pipe(process, STDOUT_FILENO), text, sizeof text, NULL), 9);
    ck_assert_mem_eq(text, "sleeping\n", 9);
    ck_assert_int_eq(coro_process_send_signal(process, SIGHUP), 0);
    ck_assert_int_eq(end_of(process), -SIGHUP);
    return 0;
}

static int waits(void *process)
{
    int returncode = 1000;
    const int rc = coro_process_wait((coro_process *)process, &returncode);
    return rc < 0 ? rc : 1000 + returncode;
}

/* CPython: test_subprocess.SubprocessMixin.test_cancel_process_wait */
TASK_TEST(a_wait_is_cancelled_and_made_again)
{
    coro_process *process = blocked();
    coro_task *task = spawn(waits, process);
    passes(1);
    coro_cancel(task);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert(!coro_cancel(task));
    coro_release(task);
    ck_assert_int_eq(coro_process_kill(process), 0);
    ck_assert_int_eq(end_of(process), -SIGKILL);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_subprocess_concurrent_wait */
TASK_TEST(ten_tasks_wait_for_one_end)
{
    coro_task *tasks[10];
    coro_communication c = {.input = "some data", .input_size = 9};
    coro_process *process = execute("cat", NULL, &both);
    ck_assert_int_eq(coro_process_communicate(process, &c), 0);
    ck_assert_str_eq(c.output, "some data");
    ck_assert_int_eq(c.returncode, 0);
    free(c.output);
    for (int i = 0; i < 10; i++)
        tasks[i] = spawn(waits, process);
    ck_assert_int_eq(coro_gather(tasks, 10, 0), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 1000);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_close_kill_running */
TASK_TEST(closing_kills_a_process_that_runs)
{
    coro_process *process = blocked();
    ck_assert_int_eq(coro_process_returncode(process, NULL), -EINPROGRESS);
    coro_task *task = spawn(waits, process);
    passes(1);
    ck_assert_int_eq(coro_process_close(process), 0);
    ck_assert_int_eq(coro_join(task, NULL), 1000 - SIGKILL);
    return 0;
}

/* The loop has not been told of the end. */
/* CPython: test_subprocess.SubprocessMixin.test_close_dont_kill_finished */
/* CPython: test_events.SubprocessTestsMixin.test_subprocess_close_after_finish */
TASK_TEST(closing_does_not_kill_what_has_ended)
{
    siginfo_t info;
    coro_process *process = shell("exit 5", NULL);
    coro_task *task = spawn(waits, process);
    passes(1);
    ck_assert_int_eq(waitid(P_PID, (id_t)coro_process_pid(process), &info, WEXITED | WNOWAIT), 0);
    ck_assert_int_eq(coro_process_close(process), 0);
    ck_assert_int_eq(coro_join(task, NULL), 1005);
    return 0;
}

static int signals_near_the_end(void *arg)
{
    for (int i = 0; i < 10; i++) {
        coro_process *process = execute("sleep", "0.005", NULL);
        ck_assert_int_eq(coro_sleep(5 * CORO_MILLISECOND), 0);
        const int rc = coro_process_send_signal(process, SIGUSR1);
        ck_assert(rc == 0 || rc == -ESRCH);
        const int returncode = end_of(process);
        ck_assert(returncode == 0 || (rc == 0 && returncode == -SIGUSR1));
    }
    return 0;
}

/* CPython: test_subprocess.SubprocessMixin.test_subprocess_send_signal_race */
START_TEST(a_signal_near_the_end_does_not_cost_the_return_code)
{
    ck_assert_int_eq(run_in_real_time(signals_near_the_end), 0);
}
END_TEST

/* --- Threads ---------------------------------------------------------------------------------- */
static int communicates(void *arg)
{
    expect_output(execute("cat", NULL, &both), "some data", "some data");
    return 4;
}

static int runs_a_loop(void *arg)
{
    return run_test(communicates, NULL);
}

/* CPython: test_subprocess.GenericWatcherTests.test_create_subprocess_with_pidfd */
TASK_TEST(a_loop_in_a_thread_has_processes_of_its_own)
{
    ck_assert_int_eq(coro_to_thread(runs_a_loop, NULL), 4);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_process_that_has_ended_gets_no_signal,
        what_is_written_to_stdin_comes_back_from_stdout,
        communicate_writes_and_reads,
        communicate_without_input_closes_stdin,
        the_process_does_not_have_the_other_end_of_its_stdin,
        an_empty_input_ends_at_once,
        stdin_may_be_null,
        stdout_may_be_null,
        stderr_may_be_null,
        stdin_can_be_opened_by_its_name,
        writing_to_a_process_that_has_ended_is_an_error,
        communicate_does_not_mind_a_process_that_reads_nothing,
        output_can_be_read_after_the_end,
        each_of_ten_tasks_gets_its_own_output,
        a_shell_runs_a_command,
        a_process_starts_in_a_new_session,
        a_failed_start_leaves_nothing,
        a_shell_gets_the_environment,
        a_program_gets_the_environment,
        a_cancel_meets_the_creator_at_its_next_wait,
        kill_is_sigkill,
        a_killed_shell_has_ended_although_its_pipe_is_open,
        terminate_is_sigterm,
        a_signal_is_sent,
        a_wait_is_cancelled_and_made_again,
        ten_tasks_wait_for_one_end,
        closing_kills_a_process_that_runs,
        closing_does_not_kill_what_has_ended,
        a_signal_near_the_end_does_not_cost_the_return_code,
        a_loop_in_a_thread_has_processes_of_its_own,
        NULL,
    };
    return run_suite_on_systems("asyncio subprocess", tests);
}
