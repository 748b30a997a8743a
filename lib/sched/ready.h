/* SPDX-License-Identifier: MIT */
/*
 * The ready queue, the current task, and switching.
 *
 * The queue holds tasks and callbacks in FIFO order, in two passes: the one that is being run, and
 * behind it the next one, where everything goes that becomes ready meanwhile. At the end of a pass
 * it is for the loop to turn to the next one (loop.h); some in between are turned to by who comes
 * to the end (small_end, budget). A task that leaves takes the next entry and switches straight to
 * it. Callbacks and the other ends of passes are the loop's, on the thread's own stack, so for
 * these the switch is to the loop's pseudo task, `idle`, with the entry in `entry`.
 *
 * An entry is the pointer to a task, with bit 1 set if it is fresh, or to a callback, with bit 0
 * set. An array and not a linked list: the tasks ahead can be prefetched without touching those
 * before them, a pass can be shuffled, and a callback that knows its place can be taken out again.
 *
 * A push never fails: whoever makes something that can become ready reserves its place first
 * (pool->places counts those that are left).
 */
#ifndef CORO_SCHED_READY_H
#define CORO_SCHED_READY_H

#include "sched/task.h"

#include <errno.h>

struct coro__ready;

/* A call to make in a later pass. It is in one list, or on the ready queue, or nowhere. */
struct coro__callback {
    struct coro__list link; /* in the callbacks of a future */
    /* Runs on the loop; NULL in the wait of a task: the task itself is made ready instead. */
    void (*run)(struct coro__ready *ready, struct coro__callback *callback);
    coro_task *of;    /* the future that it was added to; a reference while queued. Or NULL */
    uintptr_t *entry; /* its own while queued, or ready->entry; else NULL */
};

struct coro__ready {
    coro_task *current; /* the running task; NULL in the loop and while a task is ending */
    struct coro__context *running; /* valid while current is NULL: the context that runs */
    /* The stack that a task has just ended on, while it looks for the next one: a fresh task can
     * have it, and then no switch is made. NULL at any other time. */
    struct coro__stack *spare;
    uintptr_t *at;   /* the next entry of this pass */
    uintptr_t *stop; /* the end of this pass, where the next one begins */
    uintptr_t *end;  /* of the next pass: where the next push goes */
    /* Up to where passes may follow each other without a closer look, if any. Else NULL. */
    uintptr_t *small_end;
    unsigned budget; /* entries of passes to start beyond that, without the loop */
    /* There are enough entries in this pass for prefetching to pay; and at its end is one of the
     * next pass, or CORO__ENTRY_END. */
    bool large;
    int *errno_location; /* this thread's errno */
    uintptr_t entry;     /* for the loop: what it was entered for; a hole if taken out since */
    coro_task idle;
    /* Gives a fresh task a stack where there may be none in the cache, or it is cancelled, so that
     * it can be entered; false if it ended instead. */
    bool (*start)(struct coro__ready *ready, coro_task *task);
    uintptr_t *entries; /* the array that all of them lie in */
    size_t capacity;    /* entries that may be queued, besides as many holes */
    bool callbacks;     /* there may be callbacks or holes in the queue */
    size_t holes;       /* in the next pass */
    struct coro__task_pool *pool;
    struct coro__stacks stacks;
    /* Of the callback that runs; NULL outside callbacks. */
    struct coro__locals **callback_locals;
    unsigned hooks;           /* log hooks that run: tasks do not start eagerly in them */
    uint64_t callback_number; /* of the last callback with locals, and unlike any task's */
    size_t argument_size;     /* not 0: the entered task is to copy its argument for this context */
    struct coro__context *argument_for;
    struct coro__fp fp; /* the loop's fp control words, which tasks share */
    bool debug;
    coro_time step_began; /* in debug mode, on the system's clock */
    bool cxx;             /* the program has C++ exceptions */
};

/* The running loop of this thread; NULL outside one. */
extern CORO__THREAD_LOCAL struct coro__ready *coro__ready_here;

enum {
    /* Tags. */
    CORO__ENTRY_CALLBACK = 1,
    CORO__ENTRY_FRESH = 2,
    CORO__ENTRY_TAGS = 3,
    /* Entries with the callback's tag that are no callbacks. */
    CORO__ENTRY_END = 1,         /* the end of the pass */
    CORO__ENTRY_RESUME_LOOP = 3, /* the loop has started a task eagerly and is to be continued */
    CORO__ENTRY_HOLE = 5,        /* a callback was taken out here */
};

/* 0, or -ENOMEM. */
int coro__ready_init(struct coro__ready *ready, struct coro__task_pool *pool);
void coro__ready_destroy(struct coro__ready *ready);

/* Reserves places for n things that can become ready. 0, or -ENOMEM: nothing was reserved. */
int coro__ready_grow(struct coro__ready *ready, size_t n);

CORO__INLINE int coro__ready_reserve(struct coro__ready *ready, size_t n)
{
    struct coro__task_pool *pool = ready->pool;
    if (CORO__UNLIKELY(n > pool->places))
        return coro__ready_grow(ready, n);
    pool->places -= n;
    return 0;
}

CORO__INLINE void coro__ready_unreserve(struct coro__ready *ready, size_t n)
{
    ready->pool->places += n;
}

/* Makes a task, a fresh task or a callback ready: it runs in the next pass. */
CORO__INLINE void coro__ready_push(struct coro__ready *ready, coro_task *task)
{
    *ready->end++ = (uintptr_t)task;
}

CORO__INLINE void coro__ready_push_fresh(struct coro__ready *ready, coro_task *task)
{
    *ready->end++ = (uintptr_t)task | CORO__ENTRY_FRESH;
}

void coro__ready_push_callback(struct coro__ready *ready, struct coro__callback *callback);

/* Takes a queued callback out, or one that is in a list, so that it will not run. */
void coro__callback_cancel(struct coro__ready *ready, struct coro__callback *callback);

static inline void coro__callback_init(struct coro__callback *callback,
                                       void (*run)(struct coro__ready *, struct coro__callback *))
{
    coro__list_init(&callback->link);
    callback->run = run;
    callback->of = NULL;
    callback->entry = NULL;
}

/* For the loop: makes the next pass the one that is run; shuffled, for a seed other than 0. */
void coro__ready_turn(struct coro__ready *ready, uint64_t *seed);

/* For the loop: runs the callback of an entry. */
void coro__ready_run_callback(struct coro__ready *ready, uintptr_t entry);

/* Runs a task at once, until it leaves for the first time. Not while a task is ending. */
void coro__ready_run_eagerly(struct coro__ready *ready, coro_task *task);

/* What to enter for an entry with a tag, the one that was taken last. */
coro_task *coro__ready_next_tagged(struct coro__ready *ready, uintptr_t entry);

/* The same as coro__ready_next(), at the end of a pass and anywhere else. */
coro_task *coro__ready_next_slowly(struct coro__ready *ready);

/* Calls a log hook, which is no task's: none is current meanwhile, so that it cannot wait. */
void coro__ready_call_hook(const struct coro__log *log, const coro_log_record *record);

/* Switches between tasks of which the first keeps its environment: see environment.h. */
coro_task *coro__ready_switch_environment(struct coro__ready *ready, coro_task *from,
                                          coro_task *to);

/* Whether there is an entry at `at`, the next of this pass, or at its end one of a next pass that
 * may be started without a closer look, and is now. */
CORO__INLINE bool coro__ready_any_at(struct coro__ready *ready, const uintptr_t *at)
{
    if (at < ready->stop)
        return true;
    uintptr_t *end = ready->end;
    if (CORO__UNLIKELY(end >= ready->small_end) || CORO__UNLIKELY(end == at))
        return false;
    ready->stop = end;
    return true;
}

/* In a large pass: fetches the struct of a task some places ahead, and the end of the next one's
 * stack. */
CORO__INLINE void coro__ready_prefetch(const uintptr_t *ahead)
{
    __builtin_prefetch((const void *)ahead[3], 1);
    if (!(ahead[0] & CORO__ENTRY_TAGS))
        coro__registers_prefetch(&((const coro_task *)ahead[0])->context.registers);
}

/* Takes the next entry off the queue: the task to enter, which may be `idle` or who asks. */
CORO__INLINE coro_task *coro__ready_next(struct coro__ready *ready)
{
    uintptr_t *at = ready->at;
    if (CORO__UNLIKELY(!coro__ready_any_at(ready, at)))
        return coro__ready_next_slowly(ready);
    const uintptr_t entry = *at++;
    ready->at = at;
    if (CORO__UNLIKELY(ready->large))
        coro__ready_prefetch(at);
    if (CORO__UNLIKELY(entry & CORO__ENTRY_TAGS))
        return coro__ready_next_tagged(ready, entry);
    return (coro_task *)entry;
}

/* It mostly is the same for both, and a store costs more here than a comparison. */
CORO__INLINE void coro__ready_exchange_errno(const struct coro__ready *ready, coro_task *from,
                                             const coro_task *to)
{
    const int number = *ready->errno_location;
    if (CORO__UNLIKELY(from->saved_errno != number))
        from->saved_errno = number;
    if (CORO__UNLIKELY(to->saved_errno != number))
        *ready->errno_location = to->saved_errno;
}

/* coro__ready_next(), if that is a task without a tag, and the task that asks keeps no environment;
 * else false, and no entry was taken. */
CORO__INLINE bool coro__ready_next_plain(struct coro__ready *ready, const coro_task *asks,
                                         coro_task **next)
{
    uintptr_t *at = ready->at;
    if (CORO__UNLIKELY(asks->keeps_environment) || CORO__UNLIKELY(!coro__ready_any_at(ready, at)))
        return false;
    const uintptr_t entry = *at++;
    if (CORO__UNLIKELY(entry & CORO__ENTRY_TAGS))
        return false;
    ready->at = at;
    if (CORO__UNLIKELY(ready->large))
        coro__ready_prefetch(at);
    *next = (coro_task *)entry;
    return true;
}

/* coro__ready_switch() for a task that keeps no environment, which can then use
 * coro__return_after(). */
CORO__INLINE coro_task *coro__ready_switch_plainly(struct coro__ready *ready, coro_task *from,
                                                   coro_task *to, const void **predicted)
{
    coro__ready_exchange_errno(ready, from, to);
    ready->current = to;
    *predicted = __builtin_return_address(0);
    return CORO__CONTAINER_OF(
        coro__context_switch_predicting(&from->context, &to->context, predicted), coro_task,
        context);
}

/* Leaves `from`, which runs, for another task; returns when it is entered again, and returns it:
 * see coro__context_switch. */
CORO__INLINE coro_task *coro__ready_switch(struct coro__ready *ready, coro_task *from,
                                           coro_task *to)
{
    const void *predicted;
    if (CORO__UNLIKELY(from->keeps_environment))
        return coro__ready_switch_environment(ready, from, to);
    return coro__ready_switch_plainly(ready, from, to, &predicted);
}

/* Leaves the current task for the next ready one; returns when it is entered again, and returns it.
 */
CORO__INLINE coro_task *coro__ready_leave(struct coro__ready *ready, coro_task *current)
{
    return coro__ready_switch(ready, current, coro__ready_next(ready));
}

/* For the loop: lets tasks run until there is an entry that is not theirs. */
static inline void coro__ready_run_tasks(struct coro__ready *ready)
{
    coro_task *task = coro__ready_next(ready);
    if (task != &ready->idle)
        coro__ready_switch(ready, &ready->idle, task);
    ready->current = NULL;
    ready->running = &ready->idle.context;
}

/* Whether anything is ready, in this pass or the next one. */
CORO__INLINE bool coro__ready_any(const struct coro__ready *ready)
{
    return ready->end > ready->at;
}

/* The running task; NULL outside a loop and in callbacks. */
CORO__INLINE coro_task *coro__ready_current(const struct coro__ready *ready)
{
    return CORO__LIKELY(ready != NULL) ? ready->current : NULL;
}

/* The task-locals of the task or callback that runs; NULL is none. */
static inline struct coro__locals *coro__ready_locals(const struct coro__ready *ready)
{
    if (CORO__LIKELY(ready->current != NULL))
        return ready->current->locals;
    return ready->callback_locals ? *ready->callback_locals : NULL;
}

/* Calls fn(arg) as a callback with these locals, and releases them. */
void coro__ready_call_with_locals(struct coro__ready *ready, struct coro__locals *locals,
                                  void (*fn)(void *arg), void *arg);

/* The context that runs: the current task's, the loop's, or an ending task's. */
static inline struct coro__context *coro__ready_context(const struct coro__ready *ready)
{
    return ready->current ? &ready->current->context : ready->running;
}

#endif
