/* SPDX-License-Identifier: MIT */
/*
 * The tasks that wait on a primitive, in the order in which they came.
 *
 * A list is a pointer to the first waiter of a ring, NULL when there is none, so that a primitive
 * of zeros is a valid one. A waiter lies on its task's stack. It is in its list until whoever wakes
 * it takes it out, or, where he leaves it there, until its task takes it out; in any case until
 * then if it was cancelled. A waiter that is in no list touches the primitive no more, unless its
 * own call does.
 *
 * A waiter is pending; or granted, which is woken with the status 0; or cancelled. A granted one
 * can still be cancelled before it runs: its park returns -ECANCELED, and it has to pass on what it
 * was granted. Several waiters can share one wait (coro_select): one of them is granted.
 */
#ifndef CORO_SYNC_WAITERS_H
#define CORO_SYNC_WAITERS_H

#include "task/current.h"

struct coro__waiter {
    struct coro__list link;     /* in the ring */
    struct coro__waiter **list; /* that it is in; NULL in none */
    struct coro__wait *wait;
    bool granted; /* by coro__waiters_wake_next */
};

/* A waiter with a wait of its own. */
struct coro__waiting {
    struct coro__wait wait;
    struct coro__waiter waiter;
};

CORO__INLINE struct coro__waiter *coro__waiter_of(struct coro__list *link)
{
    return CORO__CONTAINER_OF(link, struct coro__waiter, link);
}

CORO__INLINE void coro__waiter_init(struct coro__waiter *waiter, struct coro__wait *wait)
{
    waiter->list = NULL;
    waiter->wait = wait;
    waiter->granted = false;
}

CORO__INLINE bool coro__waiter_cancelled(const struct coro__waiter *waiter)
{
    return waiter->wait->done && waiter->wait->status == -ECANCELED;
}

CORO__INLINE void coro__waiter_push(struct coro__waiter **list, struct coro__waiter *waiter)
{
    waiter->list = list;
    coro__list_init(&waiter->link);
    if (*list)
        coro__list_push_back(&(*list)->link, &waiter->link);
    else
        *list = waiter;
}

/* A waiter of this wait, in the list. */
CORO__INLINE void coro__waiter_enter(struct coro__waiter **list, struct coro__waiter *waiter,
                                     struct coro__wait *wait)
{
    coro__waiter_init(waiter, wait);
    coro__waiter_push(list, waiter);
}

CORO__INLINE void coro__waiter_remove_first(struct coro__waiter **list, struct coro__waiter *first)
{
    struct coro__list *next = first->link.next;
    first->list = NULL;
    if (CORO__LIKELY(next == &first->link)) {
        *list = NULL;
        return;
    }
    *list = coro__waiter_of(next);
    coro__list_unlink(&first->link);
}

/* If it is in a list. */
CORO__INLINE void coro__waiter_remove(struct coro__waiter *waiter)
{
    struct coro__waiter **list = waiter->list;
    if (!list)
        return;
    if (*list == waiter) {
        coro__waiter_remove_first(list, waiter);
        return;
    }
    waiter->list = NULL;
    coro__list_unlink(&waiter->link);
}

/* Whether there is one that was not cancelled. */
bool coro__waiters_any(struct coro__waiter *const *list);

/* -EXDEV if the tasks that wait are another loop's, else 0. */
CORO__INLINE int coro__waiters_check(struct coro__waiter *const *list)
{
    const struct coro__ready *ready = coro__ready_here;
    if (CORO__LIKELY(!*list))
        return 0;
    return ready && (*list)->wait->task->pool == ready->pool ? 0 : -EXDEV;
}

/* Parks the caller (NULL: -EPERM) at the end of the list. The status that it was woken with,
 * -ECANCELED, or -EXDEV; but for 0 it is out of the list, and then as its waker has left it. In
 * `predicted` is what coro__return_after() wants. */
CORO__INLINE int coro__waiters_park_predicting(struct coro__waiter **list,
                                               struct coro__waiting *waiting,
                                               const struct coro__wait_kind *kind,
                                               coro_task *caller, const void **predicted)
{
    *predicted = __builtin_return_address(0);
    const int refused = CORO__LIKELY(caller != NULL) ? coro__waiters_check(list) : -EPERM;
    if (CORO__UNLIKELY(refused < 0)) {
        coro__waiter_init(&waiting->waiter, &waiting->wait);
        return refused;
    }
    coro__wait_init(&waiting->wait, kind, caller);
    coro__waiter_enter(list, &waiting->waiter, &waiting->wait);
    const int rc = coro__park_predicting(coro__ready_here, &waiting->wait, predicted);
    if (CORO__UNLIKELY(rc != 0))
        coro__waiter_remove(&waiting->waiter);
    return rc;
}

CORO__INLINE int coro__waiters_park(struct coro__waiter **list, struct coro__waiting *waiting,
                                    const struct coro__wait_kind *kind, coro_task *caller)
{
    const void *predicted;
    return coro__waiters_park_predicting(list, waiting, kind, caller, &predicted);
}

/* Takes waiters out from the front until one was pending, and wakes that one; false if none was.
 * The list must be this loop's, in these three. */
bool coro__waiters_wake_one_of(struct coro__waiter **list);
void coro__waiters_wake_all(struct coro__waiter **list);

/* Whether the first waiter of a list, which is not NULL, is pending and this loop's. */
CORO__INLINE bool coro__waiter_at_hand(const struct coro__ready *ready,
                                       const struct coro__waiter *first)
{
    const struct coro__wait *wait = first->wait;
    return CORO__LIKELY(ready != NULL) && CORO__LIKELY(wait->task->pool == ready->pool) &&
           CORO__LIKELY(!wait->done);
}

/* Takes it out and wakes it, if it is. */
CORO__INLINE void coro__waiter_wake_first(struct coro__ready *ready, struct coro__waiter **list,
                                          struct coro__waiter *first)
{
    coro__waiter_remove_first(list, first);
    coro__wake(ready, first->wait, 0);
    first->granted = true;
}

CORO__INLINE bool coro__waiters_wake_next(struct coro__waiter **list)
{
    struct coro__waiter *first = *list;
    if (!first)
        return false;
    if (CORO__UNLIKELY(first->wait->done))
        return coro__waiters_wake_one_of(list);
    coro__waiter_wake_first(coro__ready_here, list, first);
    return true;
}

/* For wait kinds of a struct coro__waiting. */
static inline struct coro__waiter *coro__waiting_waiter(struct coro__wait *wait)
{
    return &CORO__CONTAINER_OF(wait, struct coro__waiting, wait)->waiter;
}

void coro__waiting_abandon(struct coro__ready *ready, struct coro__wait *wait);

#endif
