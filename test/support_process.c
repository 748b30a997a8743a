/* SPDX-License-Identifier: MIT */
#include "support_process.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- Processes -------------------------------------------------------------------------------- */
coro_process *execute(const char *program, const char *argument,
                      const coro_process_options *options)
{
    const char *const argv[] = {program, argument, NULL};
    coro_process *process;
    ck_assert_int_eq(coro_create_subprocess_exec(&process, argv, options), 0);
    return process;
}

coro_process *shell(const char *command, const coro_process_options *options)
{
    coro_process *process;
    ck_assert_int_eq(coro_create_subprocess_shell(&process, command, options), 0);
    return process;
}

int end_of(coro_process *process)
{
    int returncode = 1000;
    ck_assert_int_eq(coro_process_wait(process, &returncode), 0);
    ck_assert_int_eq(coro_process_close(process), 0);
    return returncode;
}

int run_shell(const char *command, const coro_process_options *options)
{
    return end_of(shell(command, options));
}

const char *read_output(coro_process *process)
{
    static char text[4096];
    const ssize_t n =
        coro_read_all(coro_process_pipe(process, STDOUT_FILENO), text, sizeof text - 1, NULL);
    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    return text;
}

const char *output_of(const char *command, const coro_process_options *given)
{
    coro_process_options options = given ? *given : (coro_process_options){0};
    options.out = CORO_STDIO_PIPE;
    coro_process *process = shell(command, &options);
    const char *output = read_output(process);
    ck_assert_int_eq(end_of(process), 0);
    return output;
}

/* --- What is left ----------------------------------------------------------------------------- */
int count_fds(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

void expect_no_children(void)
{
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
    errno = 0;
}

void let_loop_reap(const coro_process *process)
{
    while (coro_process_returncode(process, NULL) == -EINPROGRESS)
        ck_assert_int_eq(coro_sleep(CORO_MILLISECOND), 0);
}
