/* SPDX-License-Identifier: MIT */
/* What a process is started with: program, environment, folder, fds, signals, group. */
#include "support_old_system.h"
#include "support_process.h"
#include "support_threads.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- The program ------------------------------------------------------------------------------ */
/* The attempt must fail, without a trace. */
static void expect_failure(const char *program, const coro_process_options *options, int error,
                           const char *text)
{
    const char *const argv[] = {program, NULL};
    const int before = count_fds();
    coro_process *process = (void *)(uintptr_t)argv;
    ck_assert_int_eq(coro_create_subprocess_exec(&process, argv, options), error);
    ck_assert_ptr_null(process);
    if (text)
        ck_assert_str_eq(coro_error_message(coro_current_task()), text);
    ck_assert_int_le(count_fds() - before, 1);
    expect_no_children();
}

TASK_TEST(a_program_that_cannot_be_run_is_an_error_of_the_call)
{
    const coro_process_options options = {
        .in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE, .err = CORO_STDIO_NULL};
    expect_failure("/no/such/program", &options, -ENOENT, NULL);
    expect_failure("no-such-program", &options, -ENOENT, NULL);
    expect_failure("", &options, -ENOENT, NULL);
    expect_failure("/", &options, -EACCES, NULL);
    return 0;
}

static int fails_to_start(void *arg)
{
    const char *const argv[] = {"no-such-program", NULL};
    const coro_process_options options = {.directory = arg};
    coro_process *process;
    return coro_create_subprocess_exec(&process, argv, &options);
}

TASK_TEST(the_message_says_what_could_not_be_done)
{
    coro_task *task = spawn(fails_to_start, NULL);
    ck_assert_int_eq(coro_await(task, NULL), -ENOENT);
    ck_assert_str_eq(coro_error_message(task),
                     "cannot run 'no-such-program': No such file or directory");
    coro_release(task);
    task = spawn(fails_to_start, word("/no/such/folder"));
    ck_assert_int_eq(coro_await(task, NULL), -ENOENT);
    ck_assert_str_eq(
        coro_error_message(task),
        "cannot run 'no-such-program' in '/no/such/folder': No such file or directory");
    coro_release(task);
    return 0;
}

/* A folder of its own for files of the test. */
static char folder[] = "/tmp/test_spawn_XXXXXX";

static const char *write_program(const char *name, const char *text, mode_t mode)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    ck_assert_int_eq(chmod(path, mode), 0);
    return path;
}

TASK_TEST(the_path_is_that_of_the_environment_that_the_process_gets)
{
    char path[128];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "PATH=/no/such/folder:%s:/bin", folder);
    const char *const environment[] = {"OTHER=1", path, NULL};
    const coro_process_options options = {.environment = environment};
    char program[128];
    snprintf(program, sizeof program, "%s",
             write_program("own-program", "#!/bin/sh\nexit 8\n", 0700));
    ck_assert_int_eq(end_of(execute("own-program", NULL, &options)), 8);
    expect_failure("own-program", NULL, -ENOENT, NULL);
    /* That one may not be run says more than that others are not there. */
    ck_assert_int_eq(chmod(program, 0600), 0);
    expect_failure("own-program", &options, -EACCES, NULL);
    write_program("own-program", "no program", 0700);
    expect_failure("own-program", &options, -ENOEXEC, NULL);
    unlink(program);
    rmdir(folder);
    return 0;
}

TASK_TEST(without_a_path_the_system_folders_are_searched)
{
    const char *const environment[] = {NULL};
    const coro_process_options options = {.environment = environment};
    ck_assert_int_eq(end_of(execute("true", NULL, &options)), 0);
    const char *const empty[] = {"PATH=", NULL};
    const coro_process_options here = {.environment = empty, .directory = "/bin"};
    ck_assert_int_eq(end_of(execute("true", NULL, &here)), 0);
    return 0;
}

TASK_TEST(an_executable_has_any_name)
{
    const coro_process_options options = {.executable = "/bin/sh", .out = CORO_STDIO_PIPE};
    const char *const argv[] = {"own-name", "-c", "echo $0", NULL};
    coro_process *process;
    ck_assert_int_eq(coro_create_subprocess_exec(&process, argv, &options), 0);
    ck_assert_str_eq(read_output(process), "own-name\n");
    ck_assert_int_eq(end_of(process), 0);
    const coro_process_options other = {.executable = "/bin/echo"};
    ck_assert_str_eq(output_of("a command", &other), "-c a command\n");
    return 0;
}

/* --- Environment and folder ------------------------------------------------------------------- */
TASK_TEST(the_environment_is_this_ones_or_the_one_given)
{
    setenv("OWN_VARIABLE", "mine", 1);
    ck_assert_str_eq(output_of("echo $OWN_VARIABLE", NULL), "mine\n");
    const char *const environment[] = {"OWN_VARIABLE=its", NULL};
    const coro_process_options options = {.environment = environment};
    ck_assert_str_eq(output_of("echo $OWN_VARIABLE$HOME", &options), "its\n");
    return 0;
}

TASK_TEST(the_folder_is_this_ones_or_the_one_given)
{
    char here[4096];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    const char *output = output_of("pwd -P", NULL);
    ck_assert_mem_eq(output, here, strlen(here));
    const coro_process_options options = {.directory = "/"};
    ck_assert_str_eq(output_of("pwd -P", &options), "/\n");
    return 0;
}

/* --- Stdio ------------------------------------------------------------------------------------ */
TASK_TEST(pipes_carry_what_is_written_and_read)
{
    char text[16];
    const coro_process_options options = {
        .in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE, .err = CORO_STDIO_PIPE};
    coro_process *process = shell("cat; echo wrong >&2", &options);
    const int in = coro_process_pipe(process, STDIN_FILENO);
    ck_assert_int_eq(coro_write_all(in, "a line\n", 7, NULL), 7);
    ck_assert_int_eq(coro_process_close_pipe(process, STDIN_FILENO), 0);
    ck_assert_int_eq(coro_process_pipe(process, STDIN_FILENO), -EBADF);
    ck_assert_int_eq(coro_process_close_pipe(process, STDIN_FILENO), -EBADF);
    ck_assert_str_eq(read_output(process), "a line\n");
    const int err = coro_process_pipe(process, STDERR_FILENO);
    ck_assert_int_eq(coro_read_all(err, text, sizeof text, NULL), 6);
    ck_assert_mem_eq(text, "wrong\n", 6);
    ck_assert_int_eq(coro_process_pipe(process, 3), -EBADF);
    ck_assert_int_eq(coro_process_pipe(process, -1), -EBADF);
    ck_assert_int_eq(end_of(process), 0);
    return 0;
}

TASK_TEST(this_side_of_a_pipe_does_not_block_and_the_other_does)
{
    const coro_process_options options = {.in = CORO_STDIO_PIPE};
    coro_process *process = shell("sleep 60", &options);
    const int fd = coro_process_pipe(process, STDIN_FILENO);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/fdinfo/0", (int)coro_process_pid(process));
    FILE *file = fopen(name, "r");
    ck_assert_ptr_nonnull(file);
    unsigned flags;
    ck_assert_int_eq(fscanf(file, "pos: %*d flags: %o", &flags), 1);
    fclose(file);
    ck_assert_uint_eq(flags & O_NONBLOCK, 0);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

TASK_TEST(a_pipe_that_was_taken_outlives_the_process)
{
    char text[8];
    const coro_process_options options = {.out = CORO_STDIO_PIPE};
    coro_process *process = shell("echo out", &options);
    const int fd = coro_process_take_pipe(process, STDOUT_FILENO);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(coro_process_take_pipe(process, STDOUT_FILENO), -EBADF);
    ck_assert_int_eq(end_of(process), 0);
    ck_assert_int_eq(coro_read_all(fd, text, sizeof text, NULL), 4);
    ck_assert_int_eq(coro_close(fd), 0);
    return 0;
}

/* CPython: test_events.SubprocessTestsMixin.test_subprocess_stderr_redirect_to_stdout */
TASK_TEST(stderr_goes_where_stdout_goes)
{
    const coro_process_options options = {.err = CORO_STDIO_STDOUT};
    ck_assert_str_eq(output_of("echo out; echo err >&2; echo out", &options), "out\nerr\nout\n");
    return 0;
}

TASK_TEST(stderr_goes_where_an_inherited_stdout_goes)
{
    int fds[2];
    char text[16];
    ck_assert_int_eq(coro_pipe(fds), 0);
    const int kept = dup(STDOUT_FILENO);
    ck_assert_int_eq(dup2(fds[1], STDOUT_FILENO), STDOUT_FILENO);
    const coro_process_options options = {.err = CORO_STDIO_STDOUT};
    coro_process *process = shell("echo err >&2", &options);
    ck_assert_int_eq(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
    close(kept);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    ck_assert_int_eq(coro_read_all(fds[0], text, sizeof text, NULL), 4);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    ck_assert_int_eq(end_of(process), 0);
    return 0;
}

TASK_TEST(null_is_empty_and_takes_all)
{
    const coro_process_options options = {.in = CORO_STDIO_NULL, .err = CORO_STDIO_NULL};
    ck_assert_str_eq(output_of("cat; echo err >&2; echo out", &options), "out\n");
    const coro_process_options all = {
        .in = CORO_STDIO_NULL, .out = CORO_STDIO_NULL, .err = CORO_STDIO_NULL};
    ck_assert_int_eq(run_shell("cat && echo out && echo err >&2", &all), 0);
    return 0;
}

TASK_TEST(fds_of_the_program_are_stdio)
{
    int in[2], out[2];
    char text[16];
    make_pipe(in);
    make_pipe(out);
    ck_assert_int_eq(write(in[1], "given", 5), 5);
    close(in[1]);
    const coro_process_options options = {.in = CORO_STDIO_FD,
                                          .in_fd = in[0],
                                          .out = CORO_STDIO_FD,
                                          .out_fd = out[1],
                                          .err = CORO_STDIO_FD,
                                          .err_fd = out[1]};
    ck_assert_int_eq(run_shell("cat; echo err >&2", &options), 0);
    close(in[0]);
    close(out[1]);
    ck_assert_int_eq(read(out[0], text, sizeof text), 9);
    ck_assert_mem_eq(text, "givenerr\n", 9);
    close(out[0]);
    return 0;
}

/* Each of them is another one's first. */
TASK_TEST(stdio_can_be_exchanged)
{
    char text[64];
    int fds[2], kept[3];
    make_pipe(fds);
    for (int i = 0; i < 3; i++)
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
    const int null = open("/dev/null", O_RDONLY);
    ck_assert_int_eq(dup2(fds[1], 0), 0);
    ck_assert_int_eq(dup2(null, 1), 1);
    close(null);
    const coro_process_options options = {.in = CORO_STDIO_FD,
                                          .in_fd = 1,
                                          .out = CORO_STDIO_FD,
                                          .out_fd = 0,
                                          .err = CORO_STDIO_FD,
                                          .err_fd = 2};
    coro_process *process = shell("cat && echo done", &options);
    for (int i = 0; i < 3; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
    close(fds[1]);
    ck_assert_int_eq(read(fds[0], text, sizeof text), 5);
    close(fds[0]);
    ck_assert_int_eq(end_of(process), 0);
    return 0;
}

/* What the library opens would get these numbers. */
TASK_TEST(this_process_may_have_closed_its_stdio)
{
    const char *const argv[] = {"no-such-program", NULL};
    const coro_process_options options = {.in = CORO_STDIO_NULL, .err = CORO_STDIO_NULL};
    coro_process *process;
    int kept[3];
    for (int i = 0; i < 3; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
        close(i);
    }
    const int rc = coro_create_subprocess_exec(&process, argv, &options);
    const int differs = strcmp(output_of("cat; echo err >&2; echo out", &options), "out\n");
    const int inherited =
        strcmp(output_of("test -e /proc/self/fd/0 || echo closed", NULL), "closed\n");
    for (int i = 0; i < 3; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
    ck_assert_int_eq(rc, -ENOENT);
    ck_assert_int_eq(differs, 0);
    ck_assert_int_eq(inherited, 0);
    return 0;
}

/* --- Other fds -------------------------------------------------------------------------------- */
/* The fds of a shell beside stdio. */
static const char listing[] = "fd=3; while [ $fd -lt 64 ]; do "
                              "test -e /proc/$$/fd/$fd && echo $fd; fd=$((fd + 1)); done";

TASK_TEST(only_fds_that_are_passed_are_inherited)
{
    char expected[64];
    int fds[2], others[2];
    make_pipe(fds); /* not close-on-exec */
    make_pair(others);
    ck_assert_str_eq(output_of(listing, NULL), "");
    ck_assert_int_lt(others[1], 64);
    const int passed[] = {fds[1], others[0]};
    const coro_process_options options = {.pass_fds = passed, .pass_fds_count = 2};
    snprintf(expected, sizeof expected, "%d\n%d\n", fds[1], others[0]);
    ck_assert_str_eq(output_of(listing, &options), expected);
    close_both(fds);
    close_both(others);
    return 0;
}

TASK_TEST(a_close_on_exec_fd_can_be_passed_and_stays_so_here)
{
    int fds[2];
    char command[32], byte;
    ck_assert_int_eq(coro_pipe(fds), 0);
    const coro_process_options options = {.pass_fds = &fds[1], .pass_fds_count = 1};
    snprintf(command, sizeof command, "printf x >&%d", fds[1]);
    ck_assert_int_eq(run_shell(command, &options), 0);
    ck_assert_int_eq(coro_read(fds[0], &byte, 1), 1);
    ck_assert(fcntl(fds[1], F_GETFD) & FD_CLOEXEC);
    close_both(fds);
    return 0;
}

TASK_TEST(fds_that_are_not_open_cannot_be_passed)
{
    const int closed = 1000;
    expect_failure("true", &(coro_process_options){.pass_fds = &closed, .pass_fds_count = 1},
                   -EBADF, NULL);
    expect_failure("true", &(coro_process_options){.in = CORO_STDIO_FD, .in_fd = -1}, -EBADF, NULL);
    expect_failure("true", &(coro_process_options){.err = CORO_STDIO_FD, .err_fd = closed}, -EBADF,
                   NULL);
    return 0;
}

TASK_TEST(without_fds_there_is_an_error_and_no_trace)
{
    /* The first run of a program has made the poller. */
    ck_assert_int_eq(run_shell("true", NULL), 0);
    const coro_process_options options = {
        .in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE, .err = CORO_STDIO_NULL};
    struct rlimit before, limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int first_free = dup(STDIN_FILENO);
    close(first_free);
    const char *const argv[] = {"true", NULL};
    int rc = -EMFILE, refused = 0;
    /* Until there is enough. What is not enough for the pidfd alone is made up for by a thread. */
    for (limit = before; rc < 0; refused++) {
        limit.rlim_cur = (rlim_t)(first_free + refused);
        coro_process *process;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        rc = coro_create_subprocess_exec(&process, argv, &options);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (rc < 0)
            ck_assert_int_eq(rc, -EMFILE);
        else
            ck_assert_int_eq(end_of(process), 0);
        const int free_now = dup(STDIN_FILENO);
        close(free_now);
        ck_assert_int_eq(free_now, first_free);
    }
    ck_assert_int_gt(refused, 5);
    expect_no_children();
    return 0;
}

/* --- Signals ---------------------------------------------------------------------------------- */
static void ignore_or_block(void)
{
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
}

TASK_TEST(a_process_begins_with_sigpipe_and_no_signal_blocked)
{
    ignore_or_block();
    ck_assert_int_eq(run_shell("kill -PIPE $$; exit 3", NULL), -SIGPIPE);
    ck_assert_int_eq(run_shell("kill -TERM $$; exit 3", NULL), -SIGTERM);
    return 0;
}

TASK_TEST(signals_can_be_kept_as_they_are)
{
    const coro_process_options options = {.keep_signals = true};
    ignore_or_block();
    ck_assert_int_eq(run_shell("kill -PIPE $$; exit 3", &options), 3);
    ck_assert_int_eq(run_shell("kill -TERM $$; exit 3", &options), 3);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ck_assert(sigismember(&mask, SIGTERM));
    ck_assert(!sigismember(&mask, SIGINT));
    return 0;
}

static void handle(int number)
{
    (void)number;
}

TASK_TEST(handlers_are_not_inherited_and_stay_here)
{
    signal(SIGUSR1, handle);
    signal(SIGUSR2, SIG_IGN);
    ck_assert_int_eq(run_shell("kill -USR1 $$; exit 3", NULL), -SIGUSR1);
    ck_assert_int_eq(run_shell("kill -USR2 $$; exit 3", NULL), 3);
    ck_assert(signal(SIGUSR1, SIG_DFL) == handle);
    return 0;
}

/* --- Sessions and groups ---------------------------------------------------------------------- */
TASK_TEST(a_process_can_have_a_session_of_its_own)
{
    const coro_process_options options = {.start_new_session = true};
    coro_process *process = execute("sleep", "60", &options);
    const pid_t pid = coro_process_pid(process);
    ck_assert_int_eq(getsid(pid), pid);
    ck_assert_int_eq(getpgid(pid), pid);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

TASK_TEST(a_process_can_have_a_group_of_its_own_or_join_one)
{
    const coro_process_options own = {.process_group = CORO_NEW_PROCESS_GROUP};
    coro_process *first = execute("sleep", "60", &own);
    const pid_t pid = coro_process_pid(first);
    ck_assert_int_eq(getpgid(pid), pid);
    ck_assert_int_eq(getsid(pid), getsid(0));
    const coro_process_options its = {.process_group = pid};
    coro_process *second = execute("sleep", "60", &its);
    ck_assert_int_eq(getpgid(coro_process_pid(second)), pid);
    coro_process *other = execute("sleep", "60", NULL);
    ck_assert_int_eq(getpgid(coro_process_pid(other)), getpgid(0));
    ck_assert_int_eq(coro_process_close(other), 0);
    ck_assert_int_eq(coro_process_close(first), 0);
    ck_assert_int_eq(coro_process_close(second), 0);
    return 0;
}

TASK_TEST(a_group_that_there_is_not_cannot_be_joined)
{
    /* init's is in another session, or is not there */
    const coro_process_options options = {.process_group = INT32_MAX};
    expect_failure("true", &options, -EPERM, NULL);
    return 0;
}

/* --- Misuse ----------------------------------------------------------------------------------- */
TASK_TEST(options_that_do_not_exist_are_errors)
{
    const char *const nothing[] = {NULL};
    coro_process *process = NULL;
    expect_failure("true", &(coro_process_options){.process_group = -2}, -EINVAL, NULL);
    expect_failure("true", &(coro_process_options){.pass_fds_count = 1}, -EINVAL, NULL);
    expect_failure("true", &(coro_process_options){.in = CORO_STDIO_STDOUT}, -EINVAL, NULL);
    expect_failure("true", &(coro_process_options){.out = CORO_STDIO_STDOUT}, -EINVAL, NULL);
    expect_failure("true", &(coro_process_options){.err = (enum coro_stdio)9}, -EINVAL, NULL);
    ck_assert_int_eq(coro_create_subprocess_exec(&process, NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_create_subprocess_exec(&process, nothing, NULL), -EINVAL);
    ck_assert_int_eq(coro_create_subprocess_shell(&process, NULL, NULL), -EINVAL);
    ck_assert_ptr_null(process);
    return 0;
}

TASK_TEST(errno_is_kept)
{
    errno = E2BIG;
    const coro_process_options options = {.in = CORO_STDIO_NULL, .out = CORO_STDIO_PIPE};
    coro_process *process;
    const char *const argv[] = {"no-such-program", NULL};
    ck_assert_int_eq(coro_create_subprocess_exec(&process, argv, &options), -ENOENT);
    process = shell("exit 1", &options);
    ck_assert_int_eq(coro_process_send_signal(process, 1000), -EINVAL);
    ck_assert_int_eq(end_of(process), 1);
    ck_assert_int_eq(errno, E2BIG);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_program_that_cannot_be_run_is_an_error_of_the_call,
        the_message_says_what_could_not_be_done,
        the_path_is_that_of_the_environment_that_the_process_gets,
        without_a_path_the_system_folders_are_searched,
        an_executable_has_any_name,
        the_environment_is_this_ones_or_the_one_given,
        the_folder_is_this_ones_or_the_one_given,
        pipes_carry_what_is_written_and_read,
        this_side_of_a_pipe_does_not_block_and_the_other_does,
        a_pipe_that_was_taken_outlives_the_process,
        stderr_goes_where_stdout_goes,
        stderr_goes_where_an_inherited_stdout_goes,
        null_is_empty_and_takes_all,
        fds_of_the_program_are_stdio,
        stdio_can_be_exchanged,
        this_process_may_have_closed_its_stdio,
        only_fds_that_are_passed_are_inherited,
        a_close_on_exec_fd_can_be_passed_and_stays_so_here,
        fds_that_are_not_open_cannot_be_passed,
        without_fds_there_is_an_error_and_no_trace,
        a_process_begins_with_sigpipe_and_no_signal_blocked,
        signals_can_be_kept_as_they_are,
        handlers_are_not_inherited_and_stay_here,
        a_process_can_have_a_session_of_its_own,
        a_process_can_have_a_group_of_its_own_or_join_one,
        a_group_that_there_is_not_cannot_be_joined,
        options_that_do_not_exist_are_errors,
        errno_is_kept,
        NULL,
    };
    return run_suite_on_systems("spawn", tests);
}
