/* SPDX-License-Identifier: MIT */
/*
 * Semaphores: a number of permits, for as many tasks at a time.
 *
 *     static coro_semaphore connections = CORO_SEMAPHORE_INITIALIZER(10);
 *
 *     int rc = coro_semaphore_acquire(&connections);
 *     if (rc < 0)
 *         return rc;                          // cancelled: no permit
 *     ...
 *     coro_semaphore_release(&connections);
 *
 * A permit does not know who has acquired it: any task, and a callback, may release one. Tasks that
 * wait get theirs in the order in which they came, and none overtakes them. A semaphore stays where
 * it is while tasks wait for it, and belongs to their loop for that time. asyncio.Semaphore and
 * asyncio.BoundedSemaphore.
 */
#ifndef CORO_SEMAPHORE_H
#define CORO_SEMAPHORE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A semaphore; zeros are one without permits. Its fields belong to the library. */
typedef struct coro_semaphore {
    struct coro__waiter *waiters; /* to whom no permit has been given yet */
    size_t woken;                 /* tasks that a permit is on its way to */
    size_t value;                 /* permits that nobody has */
    size_t limit_complement;      /* ~ of the most that value may be: zero is no limit */
} coro_semaphore;

/* With n permits to begin with (a size_t). */
#define CORO_SEMAPHORE_INITIALIZER(n) \
    {                                 \
        NULL, 0, (n), 0               \
    }

/* With n permits to begin with, and never more: a release too many is an error. */
#define CORO_BOUNDED_SEMAPHORE_INITIALIZER(n) \
    {                                         \
        NULL, 0, (n), ~(size_t)(n)            \
    }

/* What remains of the calls below when somebody waits, or has to. */
CORO_API CORO_NODISCARD int coro__semaphore_acquire_slow(coro_semaphore *semaphore);
CORO_API int coro__semaphore_release_slow(coro_semaphore *semaphore);

/*
 * Waits for a permit, and takes it. If there is one, and nobody waits, the call is no suspension
 * and no cancellation point. Semaphore.acquire().
 *
 * Returns 0: the permit is the caller's to release. Or, and then it has none:
 *   -ECANCELED  the caller was cancelled while it waited; if a permit had come to it already, it
 *               goes to the next task that waits
 *   -EPERM      it would have to wait, and the caller is no task
 *   -EXDEV      tasks of another loop wait
 */
CORO_NODISCARD static inline int coro_semaphore_acquire(coro_semaphore *semaphore)
{
    if (semaphore->value == 0 || semaphore->waiters || semaphore->woken > 0)
        return coro__semaphore_acquire_slow(semaphore);
    semaphore->value--;
    return 0;
}

/*
 * Gives a permit back, or a new one. If tasks wait, the first one has it at once, and runs in the
 * next pass. Semaphore.release().
 *
 * Returns 0, -EOVERFLOW if a bounded semaphore has all its permits (or any other SIZE_MAX), or
 * -EXDEV if tasks of another loop wait.
 */
static inline int coro_semaphore_release(coro_semaphore *semaphore)
{
    if (semaphore->waiters || semaphore->value == ~semaphore->limit_complement)
        return coro__semaphore_release_slow(semaphore);
    semaphore->value++;
    return 0;
}

/* Whether an acquire would have to wait: there is no permit, or there are tasks whose turn it is.
 * Semaphore.locked(). */
CORO_API bool coro_semaphore_locked(const coro_semaphore *semaphore);

#ifdef __cplusplus
}
#endif

#endif
