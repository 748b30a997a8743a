/* SPDX-License-Identifier: MIT */
#include "support_process.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool old_system;

/* --- An old system ---------------------------------------------------------------------------- */
long __wrap_syscall(long number, ...);
long __real_syscall(long number, ...) __attribute__((weak));
int __wrap_close_range(unsigned first, unsigned last, int flags);
int __real_close_range(unsigned first, unsigned last, int flags) __attribute__((weak));

long __wrap_syscall(long number, ...)
{
    va_list args;
    long given[4];
    va_start(args, number);
    for (int i = 0; i < 4; i++)
        given[i] = va_arg(args, long);
    va_end(args);
    if (old_system && (number == SYS_pidfd_open || number == SYS_pidfd_send_signal)) {
        errno = ENOSYS;
        return -1;
    }
    return __real_syscall(number, given[0], given[1], given[2], given[3]);
}

int __wrap_close_range(unsigned first, unsigned last, int flags)
{
    if (!old_system)
        return __real_close_range(first, last, flags);
    errno = ENOSYS;
    return -1;
}

int run_suite_of_processes(const char *name, const TTest *const tests[])
{
    char title[64];
    /* Valgrind does not know pidfds, at least the older ones. */
    const int rc = under_valgrind() ? 0 : run_suite_on_pollers(name, tests);
    if (!__real_syscall)
        return rc;
    old_system = true;
    snprintf(title, sizeof title, "%s (old system)", name);
    return rc | run_suite(title, tests);
}

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
