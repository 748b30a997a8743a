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

bool coro__waiters_wake_one_of(struct coro__waiter **list)
{
    while (*list && (*list)->wait->done)
        coro__waiter_remove_first(list, *list);
    return coro__waiters_wake_next(list);
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
