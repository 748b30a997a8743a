/* SPDX-License-Identifier: MIT */
/*
 * A queue: items, and three lists of tasks that wait.
 *
 * A put wakes one getter and a get one putter; these take themselves what they were woken for, if
 * it is still there. One that was woken and does not take it, because it was cancelled or is out of
 * memory, wakes the next. So as long as there are items, a getter is on its way for each, or none
 * waits; likewise for free places and putters.
 *
 * `users` counts the calls that wait in the queue. A queue that was destroyed goes with the last.
 *
 * A put while there are fewer items than `quick_puts` needs no closer look: there is place, and
 * room; the queue is no heap, and was not shut down.
 */
#ifndef CORO_SYNC_QUEUE_H
#define CORO_SYNC_QUEUE_H

#include "coro/queue.h"
#include "sync/items.h"
#include "sync/waiters.h"

struct coro_queue {
    struct coro__items items;
    struct coro__waiter *getters;
    struct coro__waiter *putters;
    struct coro__waiter *joiners; /* only while unfinished > 0 */
    size_t maxsize;               /* 0: none */
    size_t unfinished;            /* items for which task_done is still to be called */
    size_t quick_puts;
    size_t users; /* CORO__QUEUE_USER for each, and CORO__QUEUE_DESTROYED */
    bool shut_down;
    coro_queue_discard_fn *discard;
};

enum { CORO__QUEUE_DESTROYED = 1, CORO__QUEUE_USER = 2 };

static inline bool coro__queue_full(const coro_queue *queue)
{
    return queue->items.count == queue->maxsize && queue->maxsize > 0;
}

/* Wake the next one, if what it waits for is there: for one that was woken and does not take it. */
void coro__queue_pass_get_on(coro_queue *queue);
void coro__queue_pass_put_on(coro_queue *queue);

/* A call waits. */
static inline void coro__queue_enter(coro_queue *queue)
{
    queue->users += CORO__QUEUE_USER;
}

void coro__queue_leave_destroyed(coro_queue *queue);

/* A call waits no longer; true if the queue was destroyed meanwhile, and must not be used. */
static inline bool coro__queue_leave(coro_queue *queue)
{
    queue->users -= CORO__QUEUE_USER;
    if (CORO__LIKELY(!(queue->users & CORO__QUEUE_DESTROYED)))
        return false;
    coro__queue_leave_destroyed(queue);
    return true;
}

#endif
