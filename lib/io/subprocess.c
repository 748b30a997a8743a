/* SPDX-License-Identifier: MIT */
/* The creation of processes. */
#include "coro/io.h"
#include "coro/task.h"
#include "io/process.h"
#include "io/program.h"
#include "io/system.h"
#include "util/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { NONE = -1 };

/* What the options come to, while the process is being created. */
struct creation {
    const coro_process_options *options;
    int pipes[CORO__STDIO]; /* this process's ends */
    int given[CORO__STDIO]; /* the child's stdio */
    int made[CORO__STDIO];  /* of these, what is to be closed here */
};

/* --- Options ---------------------------------------------------------------------------------- */
static int check_fds(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int saved_errno = errno;
        const int rc = (int)coro__system_result(fcntl(fds[i], F_GETFD), saved_errno);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static enum coro_stdio stdio_of(const coro_process_options *options, int number)
{
    return number == STDIN_FILENO    ? options->in
           : number == STDOUT_FILENO ? options->out
                                     : options->err;
}

static const int *fd_of(const coro_process_options *options, int number)
{
    return number == STDIN_FILENO    ? &options->in_fd
           : number == STDOUT_FILENO ? &options->out_fd
                                     : &options->err_fd;
}

static int check(const coro_process_options *options, const char *const argv[])
{
    if (!argv || !argv[0] || options->process_group < CORO_NEW_PROCESS_GROUP ||
        (options->pass_fds_count > 0 && !options->pass_fds))
        return -EINVAL;
    for (int i = 0; i < CORO__STDIO; i++) {
        const enum coro_stdio stdio = stdio_of(options, i);
        if ((unsigned)stdio > CORO_STDIO_STDOUT ||
            (stdio == CORO_STDIO_STDOUT && i != STDERR_FILENO))
            return -EINVAL;
        const int rc = stdio == CORO_STDIO_FD ? check_fds(fd_of(options, i), 1) : 0;
        if (rc < 0)
            return rc;
    }
    return check_fds(options->pass_fds, options->pass_fds_count);
}

/* --- Stdio ------------------------------------------------------------------------------------ */
/* The child's end blocks, as programs expect; the two ends are apart in that. */
static int make_pipe(struct creation *creation, int number)
{
    int fds[2];
    const int saved_errno = errno;
    const int rc = (int)coro__system_result(pipe2(fds, O_CLOEXEC), saved_errno);
    if (rc < 0)
        return rc;
    const bool writes = number == STDIN_FILENO;
    const int mine = coro__above_stdio(fds[writes]), its = coro__above_stdio(fds[!writes]);
    creation->pipes[number] = mine;
    creation->given[number] = creation->made[number] = its;
    if (mine < 0)
        return mine;
    fcntl(mine, F_SETFL, O_NONBLOCK);
    return its;
}

static int open_null(struct creation *creation, int number)
{
    const int saved_errno = errno;
    int fd = (int)coro__system_result(open("/dev/null", O_RDWR | O_CLOEXEC), saved_errno);
    if (fd >= 0)
        fd = coro__above_stdio(fd);
    creation->given[number] = creation->made[number] = fd;
    return fd;
}

static int prepare(struct creation *creation, int number)
{
    int *given = &creation->given[number];
    switch (stdio_of(creation->options, number)) {
    case CORO_STDIO_PIPE:
        return make_pipe(creation, number);
    case CORO_STDIO_NULL:
        return open_null(creation, number);
    case CORO_STDIO_FD:
        *given = *fd_of(creation->options, number);
        return 0;
    case CORO_STDIO_STDOUT:
        *given = creation->given[STDOUT_FILENO];
        if (*given == NONE)
            *given = STDOUT_FILENO;
        return 0;
    case CORO_STDIO_INHERIT:
    default:
        return 0;
    }
}

static int prepare_stdio(struct creation *creation)
{
    int rc = 0;
    for (int i = 0; i < CORO__STDIO; i++)
        creation->pipes[i] = creation->given[i] = creation->made[i] = NONE;
    for (int i = 0; i < CORO__STDIO && rc >= 0; i++)
        rc = prepare(creation, i);
    return rc;
}

static void close_all(const int fds[])
{
    for (int i = 0; i < CORO__STDIO; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* --- The process ------------------------------------------------------------------------------ */
static int explain(int rc, enum coro__spawn_step step, const coro_process_options *options,
                   const char *program)
{
    const char *why = coro__error_text(rc);
    switch (step) {
    case CORO__SPAWN_GROUP:
        return coro_fail(rc, "cannot set the process group of '%s': %s", program, why);
    case CORO__SPAWN_FDS:
        return coro_fail(rc, "cannot pass fds to '%s': %s", program, why);
    case CORO__SPAWN_DIRECTORY:
        return coro_fail(rc, "cannot run '%s' in '%s': %s", program, options->directory, why);
    case CORO__SPAWN_START:
    case CORO__SPAWN_EXEC:
    default:
        return coro_fail(rc, "cannot run '%s': %s", program, why);
    }
}

static pid_t start(const struct creation *creation, const char *const argv[])
{
    const coro_process_options *options = creation->options;
    const char *program = options->executable ? options->executable : argv[0];
    char **files = coro__program_files(program, options->environment);
    if (!files)
        return -ENOMEM;
    struct coro__spawn spawn = {
        .files = files,
        .argv = (char *const *)(uintptr_t)argv,
        .environment =
            options->environment ? (char *const *)(uintptr_t)options->environment : environ,
        .directory = options->directory,
        .pass_fds = options->pass_fds,
        .pass_fds_count = options->pass_fds_count,
        .new_session = options->start_new_session,
        .group = options->process_group,
        .keep_signals = options->keep_signals,
    };
    for (int i = 0; i < CORO__STDIO; i++)
        spawn.stdio[i] = creation->given[i];
    enum coro__spawn_step failed;
    const pid_t pid = coro__spawn(&spawn, &failed);
    free(files);
    return pid < 0 ? explain((int)pid, failed, options, program) : pid;
}

static int create(struct coro__io *io, coro_process *process, const char *const argv[],
                  const coro_process_options *options)
{
    struct creation creation = {.options = options};
    int rc = prepare_stdio(&creation);
    if (rc >= 0)
        rc = start(&creation, argv);
    close_all(creation.made);
    if (rc >= 0)
        rc = coro__process_begin(process, io, rc);
    if (rc < 0) {
        close_all(creation.pipes);
        return rc;
    }
    for (int i = 0; i < CORO__STDIO; i++) {
        process->pipes[i] = creation.pipes[i];
        if (creation.pipes[i] >= 0)
            coro__io_made(creation.pipes[i], CORO__FD_PIPE);
    }
    return 0;
}

int coro_create_subprocess_exec(coro_process **created, const char *const argv[],
                                const coro_process_options *given)
{
    const coro_process_options options = given ? *given : (coro_process_options){0};
    struct coro__io *io;
    *created = NULL;
    int rc = coro__io_begin(&io);
    if (rc == 0)
        rc = check(&options, argv);
    if (rc < 0)
        return rc;
    coro_process *process = coro__calloc(1, sizeof *process);
    if (!process)
        return -ENOMEM;
    rc = create(io, process, argv, &options);
    if (rc < 0)
        free(process);
    else
        *created = process;
    return rc;
}

int coro_create_subprocess_shell(coro_process **created, const char *command,
                                 const coro_process_options *given)
{
    const coro_process_options options = given ? *given : (coro_process_options){0};
    const char *const argv[] = {options.executable ? options.executable : "/bin/sh", "-c", command,
                                NULL};
    *created = NULL;
    return command ? coro_create_subprocess_exec(created, argv, &options) : -EINVAL;
}
