/* SPDX-License-Identifier: MIT */
#include "io/process.h"
#include "coro/io.h"
#include "io/system.h"

#include <signal.h>
#include <stdlib.h>

int coro__process_check(const coro_process *process)
{
    const struct coro__ready *ready = coro__ready_here;
    if (!process)
        return -EINVAL;
    return !process->loop || &process->loop->ready == ready ? 0 : -EXDEV;
}

void coro__process_release(coro_process *process)
{
    if (--process->references > 0)
        return;
    coro__list_remove(&process->owned.link);
    free(process);
}

pid_t coro_process_pid(const coro_process *process)
{
    return process ? process->child.pid : -EINVAL;
}

/* --- Its pipes -------------------------------------------------------------------------------- */
int coro_process_pipe(const coro_process *process, int number)
{
    const int rc = coro__process_check(process);
    if (rc < 0)
        return rc;
    if (number < 0 || number >= CORO__STDIO || process->pipes[number] < 0)
        return -EBADF;
    return process->pipes[number];
}

int coro_process_take_pipe(coro_process *process, int number)
{
    const int fd = coro_process_pipe(process, number);
    if (fd >= 0)
        process->pipes[number] = -1;
    return fd;
}

int coro_process_close_pipe(coro_process *process, int number)
{
    const int fd = coro_process_take_pipe(process, number);
    return fd < 0 ? fd : coro_close(fd);
}

static void close_pipes(coro_process *process)
{
    for (int i = 0; i < CORO__STDIO; i++)
        if (process->pipes[i] >= 0)
            coro_close(process->pipes[i]);
    for (int i = 0; i < CORO__STDIO; i++)
        process->pipes[i] = -1;
}

/* --- Its end ---------------------------------------------------------------------------------- */
static void end_wait(coro_process *process)
{
    coro__loop_end_fd_wait(process->loop);
    coro__process_release(process);
}

struct process_wait {
    struct coro__waiting waiting;
    coro_process *process;
};

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    coro__waiting_abandon(ready, wait);
    end_wait(CORO__CONTAINER_OF(wait, struct process_wait, waiting.wait)->process);
}

static const struct coro__wait_kind kind = {.name = "process wait", .abandon = abandon};

int coro_process_returncode(const coro_process *process, int *returncode)
{
    if (!process)
        return -EINVAL;
    if (process->child.running)
        return -EINPROGRESS;
    if (process->child.error == 0 && returncode)
        *returncode = process->child.returncode;
    return process->child.error;
}

int coro_process_wait(coro_process *process, int *returncode)
{
    struct process_wait wait = {.process = process};
    int rc = coro__process_check(process);
    if (rc < 0)
        return rc;
    if (!coro__caller())
        return -EPERM;
    if (!process->child.running)
        return coro_process_returncode(process, returncode);
    coro__process_retain(process);
    coro__loop_begin_fd_wait(process->loop);
    rc = coro__waiters_park(&process->waiters, &wait.waiting, &kind, coro__caller());
    if (rc == 0)
        rc = coro_process_returncode(process, returncode);
    end_wait(process);
    return rc;
}

int coro_process_send_signal(coro_process *process, int number)
{
    const int rc = coro__process_check(process);
    return rc < 0 ? rc : coro__child_signal(&process->child, number);
}

int coro_process_terminate(coro_process *process)
{
    return coro_process_send_signal(process, SIGTERM);
}

int coro_process_kill(coro_process *process)
{
    return coro_process_send_signal(process, SIGKILL);
}

/* --- Its birth and its last handle ------------------------------------------------------------ */
static void on_end(struct coro__child *child)
{
    coro_process *process = CORO__CONTAINER_OF(child, coro_process, child);
    coro__waiters_wake_all(&process->waiters);
    coro__process_release(process);
}

/* The loop goes: it has no tasks any more. */
static void discard(struct coro__loop *loop, struct coro__owned *owned)
{
    coro_process *process = CORO__CONTAINER_OF(owned, coro_process, owned);
    coro__list_remove(&owned->link);
    close_pipes(process);
    process->loop = NULL;
    if (!process->child.running)
        return;
    if (!process->closed)
        coro__log(&loop->ready.pool->log, CORO_LOG_PROCESS_KILLED, NULL, 0,
                  "process %ld was killed because its run has ended", (long)process->child.pid);
    coro__child_kill_now(&process->child);
    coro__process_release(process);
}

int coro__process_begin(coro_process *process, struct coro__io *io, pid_t pid)
{
    const int rc = coro__child_watch(&process->child, io, pid, on_end);
    if (rc < 0)
        return rc;
    process->loop = io->loop;
    process->owned.discard = discard;
    coro__list_push_back(&io->loop->owned, &process->owned.link);
    process->references = 2;
    return 0;
}

int coro_process_close(coro_process *process)
{
    if (!process)
        return 0;
    const int rc = coro__process_check(process);
    if (rc < 0)
        return rc;
    close_pipes(process);
    coro__child_signal(&process->child, SIGKILL);
    process->closed = true;
    coro__process_release(process);
    return 0;
}
