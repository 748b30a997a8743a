/* SPDX-License-Identifier: MIT */
/*
 * Subprocesses.
 *
 *     const char *const argv[] = {"sort", "-u", NULL};
 *     const coro_process_options options = {.in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE};
 *     coro_communication c = {.input = text, .input_size = strlen(text)};
 *     coro_process *process;
 *     int rc = coro_create_subprocess_exec(&process, argv, &options);
 *     if (rc < 0)
 *         return rc;
 *     rc = coro_process_communicate(process, &c);
 *     if (rc == 0)
 *         printf("%s, and it ended with %d\n", c.output, c.returncode);
 *     free(c.output);
 *     coro_process_close(process);
 *
 * A process belongs to the loop of the task that has created it, and is waited for there: the loop
 * takes delivery of its exit status as soon as it has ended, whether or not a task waits, so that
 * no zombie is left. Neither the handler of SIGCHLD nor children of the program's own are touched.
 * If the program takes the status of a child of the library's (wait(2), or waitpid(2) for any), or
 * ignores SIGCHLD, then the result is -ECHILD.
 *
 * A return code is the exit status, 0 to 255; or, if a signal has ended the process, minus its
 * number.
 *
 * The calls return -EINVAL for a process that is NULL, and -EXDEV for one of another loop; those
 * that wait return -EPERM where no task calls.
 */
#ifndef CORO_PROCESS_H
#define CORO_PROCESS_H

#include "base.h"

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct coro_process coro_process;

/* What the child's stdin, stdout or stderr is. */
enum coro_stdio {
    CORO_STDIO_INHERIT, /* this process's */
    CORO_STDIO_PIPE,    /* a pipe, of which the other end is coro_process_pipe(). asyncio's PIPE */
    CORO_STDIO_NULL,    /* /dev/null. DEVNULL */
    CORO_STDIO_FD,      /* the fd that is named */
    CORO_STDIO_STDOUT,  /* of stderr alone: what stdout is. STDOUT */
};

/* As coro_process_options.process_group: one of its own. */
#define CORO_NEW_PROCESS_GROUP (-1)

/* Options of a process. All zero is the default of each; so is a NULL for the whole. */
typedef struct coro_process_options {
    enum coro_stdio in, out, err;
    int in_fd, out_fd, err_fd; /* for CORO_STDIO_FD; they stay the caller's */
    /* The program to run in place of argv[0], which is then only its name; for a shell command, the
     * shell. */
    const char *executable;
    const char *const *environment; /* "NAME=value", up to a NULL; NULL is this process's */
    const char *directory;          /* to run in; NULL is this process's */
    /* Fds that it inherits under the same numbers. Beside these and its stdio it gets none. */
    const int *pass_fds;
    size_t pass_fds_count;
    /* Makes it the leader of a new session. */
    bool start_new_session;
    /* The process group to join, or CORO_NEW_PROCESS_GROUP; 0 is this process's. */
    pid_t process_group;
    /* It inherits the signal mask, and that SIGPIPE and SIGXFSZ are ignored. Otherwise no signal is
     * blocked, and these have their default action. Other signals that are ignored stay so. */
    bool keep_signals;
} coro_process_options;

/*
 * Starts a program: argv up to a NULL. A name without a slash is looked up in PATH, that of the
 * environment that the process gets. The call does not wait for anything but the start itself.
 * asyncio.create_subprocess_exec().
 *
 * Returns 0 with the process in *process, which coro_process_close() frees, or an error with NULL
 * there, and then the caller's message (coro_fail()) says what could not be done:
 *   -ENOENT, -EACCES, -ENOEXEC and others of execve(2) or chdir(2)
 *   -EINVAL  argv is NULL or empty, or an option is not one that there is
 *   -EBADF   an fd to pass on is not open
 *   -EMFILE, -ENFILE, -EAGAIN, -ENOMEM
 *   -EPERM   the caller is no task; or the system does not let the process join the group
 */
CORO_API int coro_create_subprocess_exec(coro_process **process, const char *const argv[],
                                         const coro_process_options *options);

/* Starts /bin/sh -c COMMAND. Nothing in the command is quoted. asyncio.create_subprocess_shell().
 */
CORO_API int coro_create_subprocess_shell(coro_process **process, const char *command,
                                          const coro_process_options *options);

/* Its process ID. After the process has ended it may be another's. -EINVAL for NULL. Process.pid.
 */
CORO_API pid_t coro_process_pid(const coro_process *process);

/*
 * This end of a pipe of the process, STDIN_FILENO to write to, STDOUT_FILENO or STDERR_FILENO to
 * read from. The process closes it. Process.stdin, stdout, stderr.
 *
 * Returns an fd, or -EBADF where there is no pipe or it was closed.
 */
CORO_API int coro_process_pipe(const coro_process *process, int number);

/* coro_process_pipe(), and from now on the caller closes it, with coro_close(). */
CORO_API int coro_process_take_pipe(coro_process *process, int number);

/* Closes it: for stdin, the child reads the end of the file. Tasks that wait for it get -EBADF.
 * Returns 0 or -EBADF. Process.stdin.close(). */
CORO_API int coro_process_close_pipe(coro_process *process, int number);

/*
 * Waits until the process has ended. Several tasks may do so, also after that. A cancel leaves the
 * process as it is. With pipes that nobody reads the process may wait for ever to write: see
 * coro_process_communicate(). Process.wait().
 *
 * Returns 0 with the return code in *returncode, unless that is NULL, or
 *   -ECANCELED  the caller was cancelled
 *   -ECHILD     it has ended, and somebody else has taken its status
 */
CORO_API int coro_process_wait(coro_process *process, int *returncode);

/* The same without waiting: -EINPROGRESS while it runs. It may be called from anywhere, and after
 * the run too. Process.returncode. */
CORO_API int coro_process_returncode(const coro_process *process, int *returncode);

/*
 * Sends a signal. A process that has ended gets none: the number of another process is never meant
 * by mistake. Process.send_signal().
 *
 * Returns 0, -ESRCH if it has ended, -EINVAL for no such signal, or -EPERM.
 */
CORO_API int coro_process_send_signal(coro_process *process, int number);

/* SIGTERM. Process.terminate(). */
CORO_API int coro_process_terminate(coro_process *process);

/* SIGKILL. Process.kill(). */
CORO_API int coro_process_kill(coro_process *process);

/* What goes to a process and comes back. Zero but for what is asked for. */
typedef struct coro_communication {
    const void *input;
    size_t input_size;
    size_t output_limit; /* the most bytes of stdout to take; 0 is no limit */
    size_t error_limit;  /* and of stderr */
    /* Filled in. */
    size_t input_written;
    char *output; /* all of stdout, with a 0 behind it; NULL unless that is a pipe. For free() */
    size_t output_size;
    char *error; /* the same of stderr */
    size_t error_size;
    int returncode;
} coro_communication;

/*
 * Writes the input to the process and closes its stdin, reads stdout and stderr to their ends at
 * the same time, and waits until it has ended: of these, what has a pipe. A process that does not
 * read all of its input is no error. Process.communicate().
 *
 * Also when it fails the process goes on, its pipes are open, and *communication has what was
 * transferred so far: the call can be made again with it and then goes on, without a byte lost. Who
 * gives up instead frees what is in it.
 *
 * Returns 0, or
 *   -ECANCELED  the caller was cancelled
 *   -EMSGSIZE   there is more than a limit allows; it was not taken
 *   -EBADF      a pipe was closed meanwhile
 *   -ECHILD     as coro_process_wait()
 *   -ENOMEM     without memory
 */
CORO_API int coro_process_communicate(coro_process *process, coro_communication *communication);

/*
 * Closes the pipes and frees the handle; if the process still runs it is killed. Tasks that wait
 * for its end learn of that, those that wait for its pipes get -EBADF. When a run ends, processes
 * that it has created and that still run are killed and waited for, and CORO_LOG_PROCESS_KILLED is
 * reported; their handles are still to be closed, which may be done in any thread then. A process
 * that may not be killed, because it runs as another user, runs on. NULL is none. asyncio's
 * transport.close().
 */
CORO_API int coro_process_close(coro_process *process);

#ifdef __cplusplus
}
#endif

#endif
