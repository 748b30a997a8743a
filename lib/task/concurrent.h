/* SPDX-License-Identifier: MIT */
/*
 * Concurrent futures. A mutex guards the result and the list of observers; all else belongs to the
 * loop that runs the task, and moves there in posts.
 *
 * References are the task's, from the post that starts it to its end; that of a cancel on its way;
 * and one for all handles. Who has a handle may wake the loop with a cancel, until the task has
 * ended: so long the future is a user of the inbox.
 */
#ifndef CORO_TASK_CONCURRENT_H
#define CORO_TASK_CONCURRENT_H

#include "coro/threadsafe.h"
#include "sched/loop.h"

#include <pthread.h>

struct coro_concurrent_future {
    atomic_uint references;
    atomic_uint handles;
    atomic_int uses_inbox; /* whether it does: not all machines exchange a bool */
    pthread_mutex_t mutex;
    pthread_cond_t settled;
    bool done;
    int status;
    void *value;
    char *message; /* of the error; NULL if it has none of its own */
    struct coro__list observers;

    struct coro__inbox *inbox;
    coro_fn *fn;
    void *arg;
    struct coro__locals *locals; /* of whoever asked for the task, until it starts */
    struct coro__post start;
    struct coro__post cancel;
    coro_task *task;                /* NULL before it starts, and when it has ended */
    struct coro__callback callback; /* that starts it, then that of its end */
};

/* Who is to be told of the result: a post to the inbox of a loop. */
struct coro__observer {
    struct coro__list link;
    struct coro__inbox *inbox;
    struct coro__post post;
};

/* Has the observer told, at once if there is a result. */
void coro__concurrent_observe(coro_concurrent_future *future, struct coro__observer *observer);

/* Takes an observer back; false if its post is on its way, or has come. */
bool coro__concurrent_unobserve(coro_concurrent_future *future, struct coro__observer *observer);

#endif
