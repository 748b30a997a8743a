/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the first of several things: puts, gets, ends of tasks, events, and a limit of time.
 *
 *     coro_clause clauses[] = {
 *         coro_clause_get(requests),
 *         coro_clause_put(replies, reply),
 *         coro_clause_done(task),
 *         coro_clause_set(&stop),
 *     };
 *     int index = coro_select(clauses, 4, CORO_SECOND);
 *     if (index == 0 && clauses[0].status == 0)
 *         handle(clauses[0].item);
 *
 * Exactly one of them happens: of the others nothing is taken and nothing is put. asyncio has no
 * such call; Go's select is one.
 */
#ifndef CORO_SELECT_H
#define CORO_SELECT_H

#include "base.h"
#include "event.h"
#include "queue.h"

#ifdef __cplusplus
extern "C" {
#endif

enum coro_clause_kind {
    CORO_CLAUSE_NONE = 0, /* never happens: the place of a clause that is left out for a time */
    CORO_CLAUSE_GET,
    CORO_CLAUSE_PUT,
    CORO_CLAUSE_DONE,
    CORO_CLAUSE_SET,
};

/* One of the things to wait for; made by the calls below. */
typedef struct coro_clause {
    enum coro_clause_kind kind;
    int status; /* valid when it has happened: what the call itself would have returned */
    void *of;   /* the queue, task or event */
    void *item; /* to put; or, when it has happened, what was got, or the task's value */
} coro_clause;

/* coro_queue_get(); also happens, with -ESHUTDOWN, when the queue is shut down and empty. */
static inline coro_clause coro_clause_get(coro_queue *queue)
{
    const coro_clause clause = {CORO_CLAUSE_GET, 0, queue, NULL};
    return clause;
}

/* coro_queue_put(); also happens, with -ESHUTDOWN, when the queue is shut down. */
static inline coro_clause coro_clause_put(coro_queue *queue, void *item)
{
    const coro_clause clause = {CORO_CLAUSE_PUT, 0, queue, item};
    return clause;
}

/* The end of a task or future, whose result is then read; a cancel of the caller does not touch
 * it. */
static inline coro_clause coro_clause_done(coro_task *task)
{
    const coro_clause clause = {CORO_CLAUSE_DONE, 0, task, NULL};
    return clause;
}

/* coro_event_wait(). */
static inline coro_clause coro_clause_set(coro_event *event)
{
    const coro_clause clause = {CORO_CLAUSE_SET, 0, event, NULL};
    return clause;
}

/*
 * Waits until one of n clauses can happen, and has it happen; at most for the timeout, where
 * CORO_FOREVER is no limit, and one <= 0 only looks. If one can happen at once, the call is no
 * suspension and no cancellation point. If several can, one is picked, each as often as the others
 * in the long run. A queue, task or event may stand in several clauses. A NULL queue or task is one
 * that could not be created: the clause happens at once, with -ENOMEM.
 *
 * Returns the index of the clause, with its result in status and item. Or, and then nothing has
 * happened:
 *   -ETIMEDOUT  the time is up
 *   -ECANCELED  the caller was cancelled while it waited
 *   -EINVAL     n is 0 or over INT_MAX, or a kind is unknown
 *   -EDEADLK    a task would wait for its own end
 *   -EPERM      it would have to wait, and the caller is no task
 *   -EXDEV      a task is another loop's, or tasks of another loop wait for the same thing
 *   -ENOMEM     without memory
 */
CORO_API int coro_select(coro_clause clauses[], size_t n, coro_duration timeout);

#ifdef __cplusplus
}
#endif

#endif
