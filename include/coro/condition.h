/* SPDX-License-Identifier: MIT */
/*
 * Conditions: waiting, with a lock in hand, until what the lock protects has changed.
 *
 *     static coro_condition changed;          // zeros: with a lock of its own
 *
 *     int rc = coro_condition_acquire(&changed);
 *     if (rc < 0)
 *         return rc;
 *     rc = coro_condition_wait_for(&changed, has_work, &queue);
 *     if (rc == 0)
 *         take(&queue);
 *     coro_condition_release(&changed);       // held again in any case
 *
 * The other side acquires, changes, calls coro_condition_notify() and releases. asyncio.Condition.
 */
#ifndef CORO_CONDITION_H
#define CORO_CONDITION_H

#include "base.h"
#include "lock.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A condition; zeros are one with a lock of its own. Its fields belong to the library. */
typedef struct coro_condition {
    struct coro__waiter *waiters;
    coro_lock *given; /* NULL: its own */
    coro_lock own;
} coro_condition;

/* With a lock that other conditions can share, or NULL. */
#define CORO_CONDITION_INITIALIZER(lock)    \
    {                                       \
        NULL, (lock), CORO_LOCK_INITIALIZER \
    }

/* The lock that it works with. */
static inline coro_lock *coro_condition_lock(coro_condition *condition)
{
    return condition->given ? condition->given : &condition->own;
}

/* coro_lock_acquire() of its lock. Condition.acquire(). */
CORO_NODISCARD static inline int coro_condition_acquire(coro_condition *condition)
{
    return coro_lock_acquire(coro_condition_lock(condition));
}

/* coro_lock_release() of its lock. Condition.release(). */
static inline int coro_condition_release(coro_condition *condition)
{
    return coro_lock_release(coro_condition_lock(condition));
}

/* Whether its lock is locked. Condition.locked(). */
static inline bool coro_condition_locked(const coro_condition *condition)
{
    return coro_lock_locked(condition->given ? condition->given : &condition->own);
}

/*
 * Releases the lock, waits to be notified, and acquires the lock again, which may mean another
 * wait. It may also return 0 without a notify that was meant for it: check what you wait for, or
 * use coro_condition_wait_for(). Condition.wait().
 *
 * Returns, with the lock acquired again,
 *   0           it was notified
 *   -ECANCELED  the caller was cancelled, also where it was when it waited for the lock, as often
 *               as it may be; a notify that had come to it goes to another task
 * or, and then nothing has happened,
 *   -EPERM      the lock is not locked, or the caller is no task
 *   -EXDEV      tasks of another loop wait for the condition. If they come to wait for its lock in
 *               the meantime, which is misuse, the call ends with it, and without the lock
 */
CORO_API int coro_condition_wait(coro_condition *condition);

/* Whether what a task waits for is there. Called with the lock acquired; must not wait. */
typedef bool coro_predicate_fn(void *arg);

/*
 * Calls coro_condition_wait() until predicate(arg) is true. If it is at once, the call is no
 * suspension, and the lock is not looked at. Condition.wait_for().
 *
 * Returns 0, -EINVAL if the predicate is NULL, or what coro_condition_wait() returns.
 */
CORO_API int coro_condition_wait_for(coro_condition *condition, coro_predicate_fn *predicate,
                                     void *arg);

/*
 * Wakes n of the tasks that wait, those that came first, or all if there are fewer. They go on when
 * they have the lock, so the caller should release it. Condition.notify().
 *
 * Returns 0, -EPERM if the lock is not locked, or -EXDEV if tasks of another loop wait.
 */
CORO_API int coro_condition_notify(coro_condition *condition, size_t n);

/* coro_condition_notify() for all tasks that wait. Condition.notify_all(). */
CORO_API int coro_condition_notify_all(coro_condition *condition);

#ifdef __cplusplus
}
#endif

#endif
