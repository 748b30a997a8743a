/* SPDX-License-Identifier: MIT */
#include "io/spawn.h"
#include "config.h"
#include "io/system.h"

#include CORO_CLOEXEC_HEADER

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_NOT_STARTED = 127 };

struct failure {
    int error; /* an errno */
    enum coro__spawn_step step;
};

/* What the child needs beside what is asked for. */
struct child {
    const struct coro__spawn *spawn;
    int report_fd;
    int last_fd; /* of those that may be open; -1 where the kernel knows */
    sigset_t mask;
};

/* --- In the child ----------------------------------------------------------------------------- */
static void fail(const struct child *child, enum coro__spawn_step step)
{
    const struct failure failure = {errno, step};
    const ssize_t written = write(child->report_fd, &failure, sizeof failure);
    (void)written;
    _exit(EXIT_NOT_STARTED);
}

static void set_default(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* No handler may run here, also when the mask is the program's. */
static void reset_handlers(bool keep_signals)
{
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
            action.sa_handler != SIG_IGN)
            set_default(number);
    }
    if (keep_signals)
        return;
    set_default(SIGPIPE);
    set_default(SIGXFSZ);
}

static int join_group(const struct coro__spawn *spawn)
{
    if (spawn->new_session && setsid() < 0)
        return -1;
    if (spawn->group == 0)
        return 0;
    return setpgid(0, spawn->group > 0 ? spawn->group : 0);
}

static int inherit(int fd)
{
    const int flags = fcntl(fd, F_GETFD);
    return flags < 0 ? -1 : fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
}

/* Those that are to be another one's first go where none of these is. */
static int arrange_stdio(const int stdio[])
{
    int from[CORO__STDIO];
    for (int i = 0; i < CORO__STDIO; i++) {
        from[i] = stdio[i];
        if (from[i] < 0 || from[i] == i || from[i] >= CORO__STDIO)
            continue;
        from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, CORO__STDIO);
        if (from[i] < 0)
            return -1;
    }
    for (int i = 0; i < CORO__STDIO; i++) {
        if (from[i] < 0)
            continue;
        if ((from[i] == i ? inherit(i) : dup2(from[i], i)) < 0)
            return -1;
    }
    return 0;
}

static int arrange_fds(const struct child *child)
{
    const struct coro__spawn *spawn = child->spawn;
    if (arrange_stdio(spawn->stdio) < 0)
        return -1;
    if (child->last_fd < 0)
        coro__cloexec_from(CORO__STDIO);
    for (int fd = CORO__STDIO; fd <= child->last_fd; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    for (size_t i = 0; i < spawn->pass_fds_count; i++)
        if (inherit(spawn->pass_fds[i]) < 0)
            return -1;
    return 0;
}

/* That a file is not there counts only where there is none to say more. */
static void execute(const struct coro__spawn *spawn)
{
    int error = 0;
    for (char *const *file = spawn->files; *file; file++) {
        execve(*file, spawn->argv, spawn->environment);
        if (error == 0 && errno != ENOENT && errno != ENOTDIR)
            error = errno;
    }
    if (error)
        errno = error;
}

static void become(const struct child *child)
{
    const struct coro__spawn *spawn = child->spawn;
    reset_handlers(spawn->keep_signals);
    if (join_group(spawn) < 0)
        fail(child, CORO__SPAWN_GROUP);
    if (arrange_fds(child) < 0)
        fail(child, CORO__SPAWN_FDS);
    if (spawn->directory && chdir(spawn->directory) < 0)
        fail(child, CORO__SPAWN_DIRECTORY);
    sigprocmask(SIG_SETMASK, &child->mask, NULL);
    execute(spawn);
    fail(child, CORO__SPAWN_EXEC);
}

/* --- In the parent ---------------------------------------------------------------------------- */
int coro__above_stdio(int fd)
{
    if (fd >= CORO__STDIO)
        return fd;
    const int saved_errno = errno;
    const int above =
        (int)coro__system_result(fcntl(fd, F_DUPFD_CLOEXEC, CORO__STDIO), saved_errno);
    close(fd);
    return above;
}

/* The highest fd that is open. */
static int highest_fd(void)
{
    enum { WITHOUT_PROC = 65535 };
    int highest = CORO__STDIO;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return WITHOUT_PROC;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        const int fd = atoi(entry->d_name);
        if (fd > highest)
            highest = fd;
    }
    closedir(folder);
    return highest;
}

/* Of its own, so that the child, which runs on this stack, returns to nothing and leaves nothing
 * changed. */
static __attribute__((noinline)) pid_t start(const struct child *child)
{
    const pid_t pid = vfork();
    if (pid == 0)
        become(child);
    return pid;
}

/* With all signals blocked until the child is on its own. */
static pid_t start_unsignalled(struct child *child)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (child->spawn->keep_signals)
        child->mask = before;
    else
        sigemptyset(&child->mask);
    const int saved_errno = errno;
    const pid_t pid = (pid_t)coro__system_result(start(child), saved_errno);
    errno = saved_errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

/* Whether there is one to read, which the child has left before it ended. */
static bool read_failure(int fd, struct failure *failure)
{
    const int saved_errno = errno;
    ssize_t n;
    do
        n = read(fd, failure, sizeof *failure);
    while (n < 0 && errno == EINTR);
    errno = saved_errno;
    return n == (ssize_t)sizeof *failure;
}

static void reap(pid_t pid)
{
    const int saved_errno = errno;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    errno = saved_errno;
}

static int open_report(int fds[2])
{
    const int saved_errno = errno;
    int rc = (int)coro__system_result(pipe2(fds, O_CLOEXEC), saved_errno);
    if (rc < 0)
        return rc;
    rc = fds[1] = coro__above_stdio(fds[1]);
    if (rc < 0)
        close(fds[0]);
    return rc;
}

pid_t coro__spawn(const struct coro__spawn *spawn, enum coro__spawn_step *failed)
{
    struct failure failure = {0, CORO__SPAWN_START};
    struct child child = {.spawn = spawn};
    int report[2];
    const int rc = open_report(report);
    *failed = CORO__SPAWN_START;
    if (rc < 0)
        return rc;
    child.report_fd = report[1];
    const int saved_errno = errno;
    child.last_fd = coro__cloexec_from_possible() ? -1 : highest_fd();
    errno = saved_errno;
    pid_t pid = start_unsignalled(&child);
    close(report[1]);
    if (pid > 0 && read_failure(report[0], &failure)) {
        reap(pid);
        *failed = failure.step;
        pid = -failure.error;
    }
    close(report[0]);
    return pid;
}
