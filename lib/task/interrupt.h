/* SPDX-License-Identifier: MIT */
/*
 * SIGINT during a run: the first one cancels the main task, the second one ends the program as it
 * would without us. Only in the main thread, only where the program has not said what is to become
 * of the signal, and only while no task waits for it as for any other (io/signal.c).
 */
#ifndef CORO_TASK_INTERRUPT_H
#define CORO_TASK_INTERRUPT_H

#include "sched/loop.h"
#include "sched/signal.h"

struct coro__interrupt {
    struct coro__signal_listener listener;
    struct coro__post post;
    struct coro__inbox *inbox;
    coro_task *main;
    atomic_uint count;
    bool delivered;
    bool accepted; /* by the main task */
    bool listens;
};

void coro__interrupt_begin(struct coro__interrupt *interrupt, struct coro__loop *loop,
                           coro_task *main);

/* Whether there was one that has asked the main task to end. */
bool coro__interrupt_end(struct coro__interrupt *interrupt, struct coro__loop *loop);

#endif
