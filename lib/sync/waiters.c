/* SPDX-License-Identifier: MIT */
#include "sync/waiters.h"

bool coro__waiters_any(struct coro__waiter *const *list)
{
    struct coro__waiter *waiter = *list;
    while (waiter && coro__waiter_cancelled(waiter)) {
        waiter = coro__waiter_of(waiter->link.next);
        if (waiter == *list)
            return false;
    }
    return waiter;
}

int coro__waiters_park(struct coro__waiter **list, struct coro__waiting *waiting,
                       const struct coro__wait_kind *kind, coro_task *caller)
{
    if (CORO__UNLIKELY(!caller))
        return -EPERM;
    const int foreign = coro__waiters_check(list);
    if (CORO__UNLIKELY(foreign < 0))
        return foreign;
    coro__wait_init(&waiting->wait, kind, caller);
    coro__waiter_enter(list, &waiting->waiter, &waiting->wait);
    const int rc = coro__park(coro__ready_here, &waiting->wait);
    coro__waiter_remove(&waiting->waiter);
    return rc;
}

void coro__waiters_wake_all(struct coro__waiter **list)
{
    while (coro__waiters_wake_next(list))
        continue;
}

void coro__waiting_abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    (void)ready;
    coro__waiter_remove(coro__waiting_waiter(wait));
}
