/* SPDX-License-Identifier: MIT */
#include "sync/condition.h"

static const struct coro__condition_kinds kinds = {
    .waiting = {.name = "condition", .abandon = coro__waiting_abandon},
    .relocking = {.name = "condition", .abandon = coro__waiting_abandon}};

static void notify(coro_condition *condition, size_t n)
{
    while (n > 0 && coro__waiters_wake_next(&condition->waiters))
        n--;
}

/* Acquires the lock whatever happens; rc, or -ECANCELED if there was a cancel meanwhile. */
static int relock(coro_lock *lock, const struct coro__wait_kind *kind, int rc)
{
    for (;;) {
        const int locked = coro__lock_acquire_as(lock, kind);
        if (locked == 0)
            return rc;
        rc = locked;
        if (rc != -ECANCELED)
            return rc;
    }
}

int coro__condition_wait_as(coro_condition *condition, const struct coro__condition_kinds *as)
{
    struct coro__waiting waiting;
    coro_lock *lock = coro_condition_lock(condition);
    coro_task *caller = coro__caller();
    if (!caller || !lock->locked)
        return -EPERM;
    int rc = coro__waiters_check(&condition->waiters);
    if (rc == 0)
        rc = coro_lock_release(lock);
    if (rc < 0)
        return rc;
    rc = coro__waiters_park(&condition->waiters, &waiting, &as->waiting, caller);
    rc = relock(lock, &as->relocking, rc);
    if (rc < 0)
        notify(condition, 1);
    return rc;
}

int coro_condition_wait(coro_condition *condition)
{
    return coro__condition_wait_as(condition, &kinds);
}

int coro_condition_wait_for(coro_condition *condition, coro_predicate_fn *predicate, void *arg)
{
    int rc = predicate ? 0 : -EINVAL;
    while (rc == 0 && !predicate(arg))
        rc = coro_condition_wait(condition);
    return rc;
}

int coro_condition_notify(coro_condition *condition, size_t n)
{
    const int rc =
        coro_condition_locked(condition) ? coro__waiters_check(&condition->waiters) : -EPERM;
    if (rc == 0)
        notify(condition, n);
    return rc;
}

int coro_condition_notify_all(coro_condition *condition)
{
    return coro_condition_notify(condition, SIZE_MAX);
}
