/* SPDX-License-Identifier: MIT */
/*
 * Locks: one task at a time.
 *
 *     static coro_lock lock;                  // zeros: unlocked
 *
 *     int rc = coro_lock_acquire(&lock);
 *     if (rc < 0)
 *         return rc;                          // cancelled: not acquired
 *     ...
 *     coro_lock_release(&lock);
 *
 * Between two waits no other task runs, so what does not wait in the middle needs no lock. A lock
 * does not know who has acquired it: any task, and a callback, may release it. Tasks that wait get
 * it in the order in which they came, and none overtakes them. It stays where it is while tasks
 * wait for it, and belongs to their loop for that time. asyncio.Lock.
 */
#ifndef CORO_LOCK_H
#define CORO_LOCK_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A lock; zeros are an unlocked one. Its fields belong to the library. */
typedef struct coro_lock {
    struct coro__waiter *waiters;
    bool locked;
} coro_lock;

#define CORO_LOCK_INITIALIZER \
    {                         \
        NULL, false           \
    }

/* What remains of the calls below when somebody waits, or has to. */
CORO_API CORO_NODISCARD int coro__lock_acquire_slow(coro_lock *lock);
CORO_API int coro__lock_release_slow(coro_lock *lock);

/*
 * Waits until the lock is unlocked, and locks it. If it is, and nobody waits for it, the call is no
 * suspension and no cancellation point. Lock.acquire().
 *
 * Returns 0: the lock is the caller's to release. Or, and then it is not:
 *   -ECANCELED  the caller was cancelled while it waited; if the lock had come to it already, the
 *               next task that waits gets it
 *   -EPERM      it would have to wait, and the caller is no task
 *   -EXDEV      tasks of another loop wait for it
 */
CORO_NODISCARD static inline int coro_lock_acquire(coro_lock *lock)
{
    if (lock->locked || lock->waiters)
        return coro__lock_acquire_slow(lock);
    lock->locked = true;
    return 0;
}

/*
 * Unlocks the lock, and wakes the first task that waits for it: it runs in the next pass, and until
 * then the lock is unlocked, but nobody else can get it. Lock.release().
 *
 * Returns 0, -EPERM if it is not locked, or -EXDEV if tasks of another loop wait for it.
 */
static inline int coro_lock_release(coro_lock *lock)
{
    if (!lock->locked || lock->waiters)
        return coro__lock_release_slow(lock);
    lock->locked = false;
    return 0;
}

/* Whether it is locked. Lock.locked(). */
static inline bool coro_lock_locked(const coro_lock *lock)
{
    return lock->locked;
}

#ifdef __cplusplus
}
#endif

#endif
