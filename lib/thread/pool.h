/* SPDX-License-Identifier: MIT */
/*
 * A pool of threads for what would block a loop. A thread is started when there is a job and no
 * thread idle, up to a limit; beyond it jobs wait in the order in which they came. What has been
 * done goes back to the loop as a post.
 */
#ifndef CORO_THREAD_POOL_H
#define CORO_THREAD_POOL_H

#include "sched/inbox.h"
#include "util/list.h"

struct coro__pool;

struct coro__job {
    struct coro__post post; /* to the loop, when it has been done */
    struct coro__list link; /* of the jobs that wait */
    void (*run)(struct coro__job *job);
};

/* With at most this many threads; 0 is four more than there are processors, but no more than 32.
 * The name is a constant, and that of the threads with a number behind it. NULL without memory. */
struct coro__pool *coro__pool_create(struct coro__inbox *inbox, const char *name, unsigned most);

/* 0, or -EAGAIN: there is no thread and none could be started. */
int coro__pool_submit(struct coro__pool *pool, struct coro__job *job);

/* Takes a job back that no thread has begun; false if one has. */
bool coro__pool_withdraw(struct coro__pool *pool, struct coro__job *job);

/* Waits until the threads, which have no jobs any more, have ended. NULL is none. */
void coro__pool_destroy(struct coro__pool *pool);

#endif
