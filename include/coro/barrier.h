/* SPDX-License-Identifier: MIT */
/*
 * Barriers: a number of tasks that wait for each other, again and again.
 *
 *     static coro_barrier barrier = CORO_BARRIER_INITIALIZER(3);
 *
 *     int index = coro_barrier_wait(&barrier);    // until three tasks have called it
 *     if (index < 0)
 *         return index;
 *
 * A barrier stays where it is while tasks wait in it, and belongs to their loop for that time.
 * asyncio.Barrier.
 */
#ifndef CORO_BARRIER_H
#define CORO_BARRIER_H

#include "base.h"
#include "condition.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A barrier; zeros are one without parties, whose calls return -EINVAL. Its fields belong to the
 * library. */
typedef struct coro_barrier {
    coro_condition condition;
    unsigned parties;
    unsigned count; /* tasks in it: waiting to be released, or being released */
    int state;      /* 0: filling */
} coro_barrier;

/* For n tasks (an unsigned, at most INT_MAX). */
#define CORO_BARRIER_INITIALIZER(n)                 \
    {                                               \
        CORO_CONDITION_INITIALIZER(NULL), (n), 0, 0 \
    }

/*
 * Waits until as many tasks as the barrier is for have called it; then all go on. Who comes while
 * these are still being released waits for the next time. Barrier.wait().
 *
 * Returns the caller's index: a different one for each, from 0 on in the order in which they came.
 * Or
 *   -EPIPE      the barrier was reset or aborted while the caller waited, or is broken
 *   -ECANCELED  the caller was cancelled, and no longer counts
 *   -EPERM      it would have to wait, and the caller is no task
 *   -EINVAL     the barrier is for no task, or for more than INT_MAX
 *   -EXDEV      tasks of another loop wait in it
 */
CORO_API int coro_barrier_wait(coro_barrier *barrier);

/*
 * Back to an empty barrier that is not broken: tasks that wait in it to be released get -EPIPE. May
 * have to wait while others are on their way out. Barrier.reset().
 *
 * Returns 0, or -ECANCELED, -EPERM, -EINVAL or -EXDEV as coro_barrier_wait(); nothing has happened
 * then.
 */
CORO_API int coro_barrier_reset(coro_barrier *barrier);

/*
 * Breaks the barrier: tasks that wait in it, and all that come, get -EPIPE, until it is reset. May
 * have to wait while others are on their way out. Barrier.abort().
 *
 * Returns as coro_barrier_reset().
 */
CORO_API int coro_barrier_abort(coro_barrier *barrier);

/* For how many tasks it is. Barrier.parties. */
static inline size_t coro_barrier_parties(const coro_barrier *barrier)
{
    return barrier->parties;
}

/* How many tasks wait in it for the others. Barrier.n_waiting. */
static inline size_t coro_barrier_n_waiting(const coro_barrier *barrier)
{
    return barrier->state == 0 ? barrier->count : 0;
}

/* Whether it was aborted. Barrier.broken. */
CORO_API bool coro_barrier_broken(const coro_barrier *barrier);

#ifdef __cplusplus
}
#endif

#endif
