/* SPDX-License-Identifier: MIT */
#include "io/child.h"
#include "coro/io.h"
#include "io/system.h"
#include "thread/pool.h"
#include "util/memory.h"

#include CORO_PIDFD_HEADER

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* The thread that waits for a child, and what it posts; outlives the child in the inbox of a loop
 * that ends. */
struct coro__child_watcher {
    struct coro__job job;
    struct coro__pool *pool; /* of this one thread */
    struct coro__child *child;
    pid_t pid;
};

static int watch(struct coro__child *child);

/* --- Reaping ---------------------------------------------------------------------------------- */
static void set_returncode(struct coro__child *child, const siginfo_t *info)
{
    child->error = 0;
    child->returncode = info->si_code == CLD_EXITED ? info->si_status : -info->si_status;
}

/* Linux 5.3 has pidfds but does not wait for them; or it is closed. */
static int wait_for(const struct coro__child *child, siginfo_t *info, int options)
{
    const int saved_errno = errno;
    int rc = -1;
    do {
        info->si_pid = 0;
        if (child->pidfd >= 0)
            rc = coro__pidfd_wait(child->pidfd, info, options);
        if (child->pidfd < 0 || (rc < 0 && (errno == EINVAL || errno == EBADF)))
            rc = waitid(P_PID, (id_t)child->pid, info, options);
    } while (rc < 0 && errno == EINTR);
    return (int)coro__system_result(rc, saved_errno);
}

/* Whether it has ended, and is reaped. */
static bool reap(struct coro__child *child, int options)
{
    siginfo_t info;
    const int rc = wait_for(child, &info, WEXITED | options);
    if (rc == 0 && info.si_pid == 0)
        return false;
    child->running = false;
    child->error = rc;
    if (rc == 0)
        set_returncode(child, &info);
    return true;
}

static void close_pidfd(struct coro__child *child)
{
    if (child->pidfd >= 0)
        coro_close(child->pidfd);
    child->pidfd = -1;
}

/* Something has happened to it: mostly its end. */
static void look(struct coro__child *child)
{
    bool ended = reap(child, WNOHANG);
    close_pidfd(child);
    if (!ended) {
        child->error = watch(child);
        ended = child->error < 0;
        child->running = !ended;
    }
    if (ended)
        child->ended(child);
}

/* --- Through a pidfd -------------------------------------------------------------------------- */
static void on_pidfd(struct coro__listener *listener, int status)
{
    struct coro__child *child = CORO__CONTAINER_OF(listener, struct coro__child, listener);
    if (status < 0) /* somebody has closed it, and the number may be another file's */
        child->pidfd = -1;
    look(child);
}

static int watch_pidfd(struct coro__child *child)
{
    const int saved_errno = errno;
    struct coro__fd *fd;
    child->pidfd = (int)coro__system_result(coro__pidfd_open(child->pid), saved_errno);
    if (child->pidfd < 0)
        return child->pidfd;
    coro__io_made(child->pidfd, CORO__FD_OTHER);
    int rc = coro__io_find(child->io, child->pidfd, &fd);
    if (rc == 0)
        rc = coro__io_listen(child->io, fd, CORO__READ, &child->listener, on_pidfd);
    if (rc < 0)
        close_pidfd(child);
    return rc;
}

/* --- In a thread ------------------------------------------------------------------------------ */
static void wait_in_thread(struct coro__job *job)
{
    const struct coro__child_watcher *thread =
        CORO__CONTAINER_OF(job, struct coro__child_watcher, job);
    siginfo_t info;
    while (waitid(P_PID, (id_t)thread->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        continue;
}

static struct coro__child_watcher *watcher_of(struct coro__post *post)
{
    return CORO__CONTAINER_OF(post, struct coro__child_watcher, job.post);
}

static void deliver(struct coro__loop *loop, struct coro__post *post)
{
    struct coro__child_watcher *thread = watcher_of(post);
    struct coro__child *child = thread->child;
    (void)loop;
    coro__pool_destroy(thread->pool);
    free(thread);
    child->thread = NULL;
    look(child);
}

static void discard(struct coro__post *post)
{
    free(watcher_of(post));
}

static const struct coro__post_kind post_kind = {.deliver = deliver, .discard = discard};

static int start_thread(struct coro__child_watcher *thread, struct coro__inbox *inbox)
{
    thread->pool = coro__pool_create(inbox, "coro-child", 1);
    if (!thread->pool)
        return -ENOMEM;
    const int rc = coro__pool_submit(thread->pool, &thread->job);
    if (rc < 0)
        coro__pool_destroy(thread->pool);
    return rc;
}

static int watch_in_thread(struct coro__child *child)
{
    struct coro__child_watcher *thread = coro__calloc(1, sizeof *thread);
    if (!thread)
        return -ENOMEM;
    thread->job.post.kind = &post_kind;
    thread->job.run = wait_in_thread;
    thread->child = child;
    thread->pid = child->pid;
    const int rc = start_thread(thread, child->io->loop->inbox);
    if (rc < 0)
        free(thread);
    else
        child->thread = thread;
    return rc;
}

/* --- Both ------------------------------------------------------------------------------------- */
static int watch(struct coro__child *child)
{
    const int rc = watch_pidfd(child);
    return rc < 0 ? watch_in_thread(child) : rc;
}

int coro__child_watch(struct coro__child *child, struct coro__io *io, pid_t pid,
                      void (*ended)(struct coro__child *child))
{
    child->pid = pid;
    child->running = true;
    child->io = io;
    child->thread = NULL;
    child->ended = ended;
    const int rc = watch(child);
    if (rc < 0)
        coro__child_kill_now(child);
    return rc;
}

int coro__child_signal(const struct coro__child *child, int number)
{
    if (!child->running)
        return -ESRCH;
    const int saved_errno = errno;
    const int rc =
        child->pidfd < 0 ? kill(child->pid, number) : coro__pidfd_send_signal(child->pidfd, number);
    return (int)coro__system_result(rc, saved_errno);
}

static void end_watch(struct coro__child *child)
{
    if (child->pidfd >= 0)
        coro__io_unlisten(child->io, &child->listener);
    close_pidfd(child);
    if (child->thread) /* what it has posted is discarded with the inbox */
        coro__pool_destroy(child->thread->pool);
    child->thread = NULL;
}

void coro__child_kill_now(struct coro__child *child)
{
    const int rc = coro__child_signal(child, SIGKILL);
    if (rc == 0 || rc == -ESRCH)
        reap(child, 0);
    else
        child->error = -EINPROGRESS;
    child->running = false;
    end_watch(child);
}
