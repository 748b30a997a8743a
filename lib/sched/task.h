/* SPDX-License-Identifier: MIT */
/*
 * Tasks and futures: what they are made of, their references, their result.
 *
 * A task is in exactly one place:
 *   running   ready->current is the task
 *   ready     on the ready queue; fresh (it has no stack yet) or to be continued
 *   parked    on one wait (task->wait is set, and that wait is not done)
 *   done      it has a status, no stack, and no callbacks
 * Only coro__ready_push moves a task to the ready queue. A future is parked or done.
 *
 * References: each handle that the user holds is one; the loop has one to each task that is not
 * done; a waiting task has one to what it awaits; a scheduled done callback has one to its future.
 * The last one to go frees the struct. The structs of a loop lie in the slabs of its pool, apart
 * from the stacks; the pool outlives the loop for as long as there is a handle.
 */
#ifndef CORO_SCHED_TASK_H
#define CORO_SCHED_TASK_H

#include "coro/base.h"
#include "sched/locals.h"
#include "sched/slab.h"
#include "sched/stack.h"
#include "util/list.h"
#include "util/log.h"
#include "util/message.h"

#include <stdint.h>

struct coro__wait;
struct coro__block;

struct coro_task {
    /* Ready or parked: what a switch needs, on one cache line. */
    union {
        struct coro__context context; /* valid while it has a stack and does not run */
        size_t stack_size; /* fresh: the size to get; done: its high-water mark, in debug mode */
    };
    struct coro__wait *wait; /* NULL unless parked, or woken and not yet running */
    int cancel_requests;     /* asyncio's cancelling() */
    union {
        struct {
            bool must_cancel;       /* a request that is still to be delivered */
            bool keeps_environment; /* leave and enter through coro__environment: environment.h */
        };
        uint16_t unusual; /* not 0: at least one of these */
    };
    bool done;
    bool is_future;
    uint32_t references;
    int saved_errno;           /* valid while it does not run */
    struct coro__stack *stack; /* NULL while fresh and when done */
    coro_fn *fn;

    void *arg;
    void *value;
    int status;            /* valid when done */
    bool fp_env;           /* option: keeps its own fp control words */
    bool retrieved;        /* somebody has read the result, or does not want it */
    bool shield_abandoned; /* the caller of a shield has gone: a failure is logged */
    bool left_over;        /* cancelled because the main task has ended */
    /* struct coro__callback (ready.h), in the order in which they were added. What is still listed
     * when the last reference goes was added by coro_add_done_callback: see pool->discard. */
    struct coro__list callbacks;

    union {
        struct coro__list siblings; /* all tasks that are not done */
        coro_task *next_free;       /* in the pool */
    };
    struct coro__task_pool *pool;
    uint64_t number;               /* of its default name */
    uint64_t stamp;                /* the last call that has counted it: see coro__task_stamp */
    char *name;                    /* NULL until it is asked for or set */
    struct coro__message *message; /* of the error last returned to it; done: of its own */
    struct coro__message *cancel_message; /* for a request that is still to be delivered */
    struct coro__message *handed_on;      /* of the last request that a wait of it has handed on */
    struct coro__locals *locals;          /* its task-locals; NULL is none */
    struct coro__block *blocks;           /* that it has begun and not ended, the innermost first */
};

struct coro__task_pool {
    struct coro__log log;
    void (*discard)(struct coro__list *callback); /* frees a done callback that will not run */
    bool debug;
    coro_task *free; /* linked through next_free */
    struct coro__slabs slabs;
    struct coro__list tasks; /* all that are not done, linked through siblings */
    size_t places;           /* on the ready queue that are not reserved: see ready.h */
    size_t left_over;        /* tasks with that flag that are not done */
    uint64_t tasks_created;
    uint64_t futures_created;
    uint64_t destroyed; /* of both */
    bool abandoned;
    uint64_t stamp;
};

/* A pool for a loop; NULL without memory. */
struct coro__task_pool *coro__task_pool_create(struct coro__log log);

/* The loop has ended: the pool goes with the last handle. */
void coro__task_pool_abandon(struct coro__task_pool *pool);

/* The tasks and futures to which there are references. */
static inline size_t coro__task_pool_alive(const struct coro__task_pool *pool)
{
    return (size_t)(pool->tasks_created + pool->futures_created - pool->destroyed);
}

/* A new task with one reference, which the caller is to count as created; NULL without memory. */
coro_task *coro__task_allocate(struct coro__task_pool *pool);

/* The same if there is a struct that was used before; else NULL. Only what tasks usually change is
 * set here: the rest is as in a new one whenever a struct is free. */
CORO__INLINE coro_task *coro__task_allocate_used(struct coro__task_pool *pool)
{
    coro_task *task = pool->free;
    if (CORO__UNLIKELY(!task))
        return NULL;
    pool->free = task->next_free;
    task->cancel_requests = 0;
    task->must_cancel = false;
    task->keeps_environment = false;
    task->done = false;
    task->is_future = false;
    task->references = 1;
    task->saved_errno = 0;
    task->value = NULL;
    task->status = 0;
    task->fp_env = false;
    task->retrieved = false;
    task->shield_abandoned = false;
    task->left_over = false;
    return task;
}

void coro__task_destroy(coro_task *task);

CORO__INLINE void coro__task_retain(coro_task *task)
{
    task->references++;
}

CORO__INLINE void coro__task_release(coro_task *task)
{
    if (--task->references == 0)
        coro__task_destroy(task);
}

/* A fresh task gets the stack that it is to run on, and can be entered. */
CORO__INLINE void coro__task_take_stack(coro_task *task, struct coro__stack *stack)
{
    task->stack = stack;
    coro__context_copy(&task->context, &stack->context);
}

/* The message of a done task's error; NULL if it has none of its own. */
struct coro__message *coro__task_message(const coro_task *task);

/* The text of a failed task's error: its message, or the system's. */
const char *coro__task_error_text(const coro_task *task);

/* Logs the error of a task that failed otherwise than by being cancelled, which counts as having
 * retrieved it. */
void coro__task_report_failure(coro_task *task, enum coro_log_event event, const char *what);

/* Reads the result of a done task, which counts as having retrieved it. */
CORO__INLINE int coro__task_result(coro_task *task, void **value)
{
    task->retrieved = true;
    if (value)
        *value = task->value;
    return task->status;
}

/* A number that no task bears as its stamp, to mark the tasks that one call has seen. */
uint64_t coro__task_stamp(struct coro__task_pool *pool);

/* The name of a task that was given none. */
void coro__task_default_name(const coro_task *task, char *buffer, size_t size);

/* Its name and entry function for reports, such as "'fetch 3' (entry: fetch)", into a buffer. */
const char *coro__task_describe(const coro_task *task, char *buffer, size_t size);

#endif
