/* SPDX-License-Identifier: MIT */
/*
 * An errand: a function that runs in a thread of the pool for a task, and what it has there in
 * place of the task: task-locals, which are a copy of the task's, and the message and value that it
 * ends with.
 */
#ifndef CORO_THREAD_ERRAND_H
#define CORO_THREAD_ERRAND_H

#include "sched/ready.h"
#include "thread/pool.h"
#include "util/compiler.h"
#include "util/message.h"

struct coro__wait;

struct coro__errand {
    struct coro__job job;
    coro_fn *fn;
    void *arg;
    int status; /* valid when it has been done */
    void *value;
    struct coro__message *message;
    struct coro__locals *locals;
    struct coro__pool *pool; /* that it was submitted to */
    /* Takes arg back when the errand is freed; NULL where nobody wants that. */
    void (*discard)(void *arg);
    /* For the loop: the wait of the task; NULL when nobody waits any more. */
    struct coro__wait *wait;
    bool done;
};

/* The errand that this thread runs; NULL if none. */
extern CORO__THREAD_LOCAL struct coro__errand *coro__errand_here;

/* The task-locals of whatever runs in this thread; NULL is none. */
static inline struct coro__locals *coro__locals_here(void)
{
    if (coro__ready_here)
        return coro__ready_locals(coro__ready_here);
    return coro__errand_here ? coro__errand_here->locals : NULL;
}

/* One that runs fn(arg); of an arg_size other than 0, on a copy. Its post is of this kind. NULL
 * without memory. */
struct coro__errand *coro__errand_create(coro_fn *fn, void *arg, size_t arg_size,
                                         const struct coro__locals *locals,
                                         const struct coro__post_kind *kind);

void coro__errand_free(struct coro__errand *errand);

static inline struct coro__errand *coro__errand_of(struct coro__post *post)
{
    return CORO__CONTAINER_OF(post, struct coro__errand, job.post);
}

#endif
