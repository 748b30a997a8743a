/* SPDX-License-Identifier: MIT */
/*
 * What the handle of a process stands for. The loop owns it too, and ends what still runs when it
 * is closed itself; it is freed when the handle is closed, no call waits and the child has ended.
 */
#ifndef CORO_IO_PROCESS_H
#define CORO_IO_PROCESS_H

#include "coro/process.h"
#include "io/child.h"
#include "io/spawn.h"

struct coro_process {
    struct coro__owned owned;
    struct coro__loop *loop; /* NULL when it has gone */
    struct coro__child child;
    struct coro__waiter *waiters; /* for its end */
    int pipes[CORO__STDIO];       /* this process's ends; -1 where there is none */
    bool closed;                  /* the handle */
    unsigned references;          /* the handle's, one for each call, and one while it runs */
};

/* Makes it the loop's, with a child that has been started, and one reference to hand out. 0, or a
 * negative errno: then there is no child any more. */
int coro__process_begin(coro_process *process, struct coro__io *io, pid_t pid);

/* 0, -EINVAL for NULL, or -EXDEV if it is another loop's. */
int coro__process_check(const coro_process *process);

static inline void coro__process_retain(coro_process *process)
{
    process->references++;
}

void coro__process_release(coro_process *process);

#endif
