/* SPDX-License-Identifier: MIT */
#include "support_old_system.h"
#include "support_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const coro_process_options all_pipes = {
    .in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE, .err = CORO_STDIO_PIPE};

/* All of it with a shell command, whose return code comes back. */
static int communicate(const char *command, coro_communication *communication)
{
    coro_process *process = shell(command, &all_pipes);
    ck_assert_int_eq(coro_process_communicate(process, communication), 0);
    ck_assert_int_eq(end_of(process), communication->returncode);
    return communication->returncode;
}

static void expect_and_free(coro_communication *communication, const char *output,
                            const char *error)
{
    ck_assert_str_eq(communication->output, output);
    ck_assert_uint_eq(communication->output_size, strlen(output));
    ck_assert_str_eq(communication->error, error);
    ck_assert_uint_eq(communication->error_size, strlen(error));
    free(communication->output);
    free(communication->error);
}

/* CPython: test_events.SubprocessTestsMixin.test_subprocess_stderr */
TASK_TEST(input_goes_in_and_both_outputs_come_back)
{
    coro_communication c = {.input = "some data", .input_size = 9};
    ck_assert_int_eq(communicate("cat; echo done >&2; exit 4", &c), 4);
    ck_assert_uint_eq(c.input_written, 9);
    expect_and_free(&c, "some data", "done\n");
    return 0;
}

TASK_TEST(nothing_may_go_in_or_come_back)
{
    coro_communication c = {0};
    ck_assert_int_eq(communicate("cat", &c), 0);
    expect_and_free(&c, "", "");
    return 0;
}

TASK_TEST(what_has_no_pipe_is_left_out)
{
    const coro_process_options options = {.in = CORO_STDIO_NULL, .err = CORO_STDIO_NULL};
    coro_communication c = {.input = "unread", .input_size = 6};
    coro_process *process = shell("exit 6", &options);
    ck_assert_int_eq(coro_process_communicate(process, &c), 0);
    ck_assert_int_eq(c.returncode, 6);
    ck_assert_ptr_null(c.output);
    ck_assert_ptr_null(c.error);
    ck_assert_uint_eq(c.input_written, 0);
    /* It has ended, and there is nothing to transfer. */
    c.returncode = 0;
    ck_assert_int_eq(coro_process_communicate(process, &c), 0);
    ck_assert_int_eq(c.returncode, 6);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

/* --- More than a pipe holds ------------------------------------------------------------------- */
enum { LARGE = 1 << 20 };

static char *make_large(void)
{
    char *data = malloc(LARGE);
    ck_assert_ptr_nonnull(data);
    fill(data, LARGE, 0);
    return data;
}

TASK_TEST(a_megabyte_goes_both_ways)
{
    char *data = make_large();
    coro_communication c = {.input = data, .input_size = LARGE};
    ck_assert_int_eq(communicate("cat", &c), 0);
    ck_assert_uint_eq(c.input_written, LARGE);
    ck_assert_uint_eq(c.output_size, LARGE);
    ck_assert(filled(c.output, LARGE, 0));
    ck_assert_int_eq(c.output[LARGE], 0);
    free(c.output);
    free(c.error);
    free(data);
    return 0;
}

TASK_TEST(a_megabyte_of_errors_does_not_hold_up_the_output)
{
    coro_communication c = {0};
    ck_assert_int_eq(communicate("head -c 1048576 /dev/zero >&2; echo out", &c), 0);
    ck_assert_str_eq(c.output, "out\n");
    ck_assert_uint_eq(c.error_size, LARGE);
    free(c.output);
    free(c.error);
    return 0;
}

TASK_TEST(a_process_need_not_read_its_input)
{
    char *data = make_large();
    coro_communication c = {.input = data, .input_size = LARGE};
    ck_assert_int_eq(communicate("head -c 1 >/dev/null; exit 2", &c), 2);
    ck_assert_uint_lt(c.input_written, LARGE);
    expect_and_free(&c, "", "");
    free(data);
    return 0;
}

/* --- Limits ----------------------------------------------------------------------------------- */
TASK_TEST(as_much_as_the_limit_is_no_error)
{
    coro_communication c = {.output_limit = 5, .error_limit = 1};
    ck_assert_int_eq(communicate("printf 12345", &c), 0);
    expect_and_free(&c, "12345", "");
    return 0;
}

TASK_TEST(beyond_a_limit_nothing_is_taken_or_lost)
{
    coro_communication c = {.output_limit = 4};
    coro_process *process = shell("printf 12345678; printf err >&2; exit 3", &all_pipes);
    ck_assert_int_eq(coro_process_communicate(process, &c), -EMSGSIZE);
    ck_assert_str_eq(c.output, "1234");
    ck_assert_uint_eq(c.output_size, 4);
    ck_assert_int_eq(coro_process_communicate(process, &c), -EMSGSIZE);
    c.output_limit = 7;
    ck_assert_int_eq(coro_process_communicate(process, &c), -EMSGSIZE);
    ck_assert_str_eq(c.output, "1234567");
    c.output_limit = 0;
    ck_assert_int_eq(coro_process_communicate(process, &c), 0);
    ck_assert_int_eq(c.returncode, 3);
    expect_and_free(&c, "12345678", "err");
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

TASK_TEST(a_limit_ends_the_call_and_not_the_process)
{
    coro_communication c = {.error_limit = 1000};
    coro_process *process = shell("exec cat /dev/zero >&2", &all_pipes);
    ck_assert_int_eq(coro_process_communicate(process, &c), -EMSGSIZE);
    ck_assert_uint_eq(c.error_size, 1000);
    ck_assert_int_eq(coro_process_returncode(process, NULL), -EINPROGRESS);
    ck_assert_int_eq(coro_process_kill(process), 0);
    ck_assert_int_eq(end_of(process), -SIGKILL);
    free(c.output);
    free(c.error);
    return 0;
}

/* --- Cancels ---------------------------------------------------------------------------------- */
static coro_process *process;
static coro_communication communication;

static int communicates(void *arg)
{
    return coro_process_communicate(process, &communication);
}

/* After each number of passes, until it has got further than the pipes. */
TASK_TEST(a_cancel_loses_nothing_wherever_it_comes)
{
    char *data = make_large();
    process = shell("cat; exit 9", &all_pipes);
    communication = (coro_communication){.input = data, .input_size = LARGE};
    for (int count = 0; count < 40; count++) {
        coro_task *task = spawn(communicates, NULL);
        passes(count);
        if (coro_done(task)) {
            ck_assert_int_eq(coro_join(task, NULL), 0);
            break;
        }
        coro_cancel(task);
        ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
        ck_assert(filled(communication.output, communication.output_size, 0));
    }
    ck_assert_int_eq(coro_process_communicate(process, &communication), 0);
    ck_assert_int_eq(communication.returncode, 9);
    ck_assert_uint_eq(communication.output_size, LARGE);
    ck_assert(filled(communication.output, LARGE, 0));
    ck_assert_int_eq(coro_process_close(process), 0);
    free(communication.output);
    free(communication.error);
    free(data);
    return 0;
}

TASK_TEST(a_cancel_while_it_waits_for_the_end_leaves_the_output)
{
    int fds[2];
    make_pipe(fds);
    char command[64];
    snprintf(command, sizeof command, "echo out; exec >&-; read -r line <&%d; exit 5", fds[0]);
    const coro_process_options options = {
        .out = CORO_STDIO_PIPE, .pass_fds = fds, .pass_fds_count = 1};
    process = shell(command, &options);
    communication = (coro_communication){0};
    /* Its pipe is at its end, and this process's is closed then. */
    coro_task *task = spawn(communicates, NULL);
    while (coro_process_pipe(process, STDOUT_FILENO) >= 0)
        passes(1);
    passes(3);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_str_eq(communication.output, "out\n");
    ck_assert_int_eq(coro_process_returncode(process, NULL), -EINPROGRESS);
    close(fds[1]);
    ck_assert_int_eq(coro_process_communicate(process, &communication), 0);
    ck_assert_int_eq(communication.returncode, 5);
    ck_assert_str_eq(communication.output, "out\n");
    free(communication.output);
    close(fds[0]);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

TASK_TEST(a_time_limit_leaves_the_process_running)
{
    coro_timeout scope;
    process = shell("echo out; exec sleep 60", &all_pipes);
    communication = (coro_communication){0};
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_process_communicate(process, &communication)),
                     -ETIMEDOUT);
    ck_assert_int_eq(coro_process_returncode(process, NULL), -EINPROGRESS);
    ck_assert_int_eq(coro_process_kill(process), 0);
    ck_assert_int_eq(coro_process_communicate(process, &communication), 0);
    ck_assert_int_eq(communication.returncode, -SIGKILL);
    ck_assert_int_eq(coro_process_close(process), 0);
    free(communication.output);
    free(communication.error);
    return 0;
}

TASK_TEST(closing_the_process_meanwhile_is_an_error_of_the_call)
{
    process = shell("exec sleep 60", &all_pipes);
    communication = (coro_communication){0};
    coro_task *task = spawn(communicates, NULL);
    passes(4);
    ck_assert_int_eq(coro_process_close(process), 0);
    ck_assert_int_eq(coro_join(task, NULL), -EBADF);
    free(communication.output);
    free(communication.error);
    return 0;
}

TASK_TEST(closing_its_pipe_meanwhile_is_an_error_of_the_call)
{
    process = shell("exec sleep 60", &all_pipes);
    communication = (coro_communication){0};
    coro_task *task = spawn(communicates, NULL);
    passes(4);
    ck_assert_int_eq(coro_process_close_pipe(process, STDERR_FILENO), 0);
    ck_assert_int_eq(coro_join(task, NULL), -EBADF);
    ck_assert_int_eq(coro_process_close(process), 0);
    free(communication.output);
    free(communication.error);
    return 0;
}

/* --- Misuse ----------------------------------------------------------------------------------- */
TASK_TEST(there_must_be_something_to_fill_in)
{
    coro_communication c = {.input_size = 1};
    process = shell("exec sleep 60", &all_pipes);
    ck_assert_int_eq(coro_process_communicate(process, NULL), -EINVAL);
    ck_assert_int_eq(coro_process_communicate(process, &c), -EINVAL);
    ck_assert_int_eq(coro_process_communicate(NULL, &c), -EINVAL);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        input_goes_in_and_both_outputs_come_back,
        nothing_may_go_in_or_come_back,
        what_has_no_pipe_is_left_out,
        a_megabyte_goes_both_ways,
        a_megabyte_of_errors_does_not_hold_up_the_output,
        a_process_need_not_read_its_input,
        as_much_as_the_limit_is_no_error,
        beyond_a_limit_nothing_is_taken_or_lost,
        a_limit_ends_the_call_and_not_the_process,
        a_cancel_loses_nothing_wherever_it_comes,
        a_cancel_while_it_waits_for_the_end_leaves_the_output,
        a_time_limit_leaves_the_process_running,
        closing_the_process_meanwhile_is_an_error_of_the_call,
        closing_its_pipe_meanwhile_is_an_error_of_the_call,
        there_must_be_something_to_fill_in,
        NULL,
    };
    return run_suite_on_systems("communicate", tests);
}
