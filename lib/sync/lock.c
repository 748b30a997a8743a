/* SPDX-License-Identifier: MIT */
#include "sync/lock.h"

static const struct coro__wait_kind kind = {.name = "lock", .abandon = coro__waiting_abandon};

static void wake_first(coro_lock *lock)
{
    if (lock->waiters)
        coro__wake(coro__ready_here, lock->waiters->wait, 0);
}

int coro__lock_acquire_as(coro_lock *lock, const struct coro__wait_kind *as)
{
    struct coro__waiting waiting;
    const void *predicted = __builtin_return_address(0);
    if (lock->locked || coro__waiters_any(&lock->waiters)) {
        const int rc =
            coro__waiters_park_predicting(&lock->waiters, &waiting, as, coro__caller(), &predicted);
        if (CORO__UNLIKELY(rc < 0)) {
            if (rc == -ECANCELED && !lock->locked)
                wake_first(lock);
            return rc;
        }
        coro__waiter_remove(&waiting.waiter);
    }
    lock->locked = true;
    return coro__return_after(predicted, true, 0);
}

int coro__lock_acquire_slow(coro_lock *lock)
{
    return coro__lock_acquire_as(lock, &kind);
}

int coro__lock_release_slow(coro_lock *lock)
{
    const int rc = lock->locked ? coro__waiters_check(&lock->waiters) : -EPERM;
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    lock->locked = false;
    wake_first(lock);
    return 0;
}
