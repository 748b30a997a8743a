/* SPDX-License-Identifier: MIT */
/*
 * A child process, from its start until its loop has taken delivery of its exit status (reaped it).
 * Until then its process ID is no other process's, so that signals are sent only while it is
 * `running` here.
 *
 * The poller watches a pidfd; where the system has none, a thread waits, without reaping, and
 * posts. Either way it is the loop that reaps, in a callback, as soon as the child has ended.
 */
#ifndef CORO_IO_CHILD_H
#define CORO_IO_CHILD_H

#include "io/io.h"

struct coro__child {
    pid_t pid;
    bool running;
    int error;      /* valid when it does not: 0, or why there is no return code */
    int returncode; /* valid where there is one */
    /* Valid while it runs. */
    struct coro__io *io;
    int pidfd;                          /* -1 if a thread waits */
    struct coro__listener listener;     /* to the pidfd */
    struct coro__child_watcher *thread; /* NULL if there is none */
    void (*ended)(struct coro__child *child);
};

/* Watches a child that has been started; `ended` is called when it runs no longer. 0, or a negative
 * errno: then it was killed. */
int coro__child_watch(struct coro__child *child, struct coro__io *io, pid_t pid,
                      void (*ended)(struct coro__child *child));

/* 0 or a negative errno; -ESRCH if it does not run. */
int coro__child_signal(const struct coro__child *child, int number);

/* Kills a child that runs and waits until it has ended, for which nobody is called. One that may
 * not be killed is left to itself. */
void coro__child_kill_now(struct coro__child *child);

#endif
