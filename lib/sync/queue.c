/* SPDX-License-Identifier: MIT */
#include "sync/queue.h"
#include "util/memory.h"

#include <stdlib.h>

struct queue_wait {
    struct coro__waiting waiting;
    coro_queue *queue;
};

static void free_queue(coro_queue *queue)
{
    coro__items_destroy(&queue->items);
    free(queue);
}

CORO__COLD void coro__queue_leave_destroyed(coro_queue *queue)
{
    if (queue->users == CORO__QUEUE_DESTROYED)
        free_queue(queue);
}

/* After a change of what it depends on. */
static void find_quick_puts(coro_queue *queue)
{
    const struct coro__items *items = &queue->items;
    const size_t most = queue->maxsize > 0 ? queue->maxsize : SIZE_MAX;
    queue->quick_puts = items->capacity < most ? items->capacity : most;
    if (items->kind == CORO_QUEUE_PRIORITY || queue->shut_down)
        queue->quick_puts = 0;
}

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    coro__waiting_abandon(ready, wait);
    coro__queue_leave(CORO__CONTAINER_OF(wait, struct queue_wait, waiting.wait)->queue);
}

static const struct coro__wait_kind get_kind = {.name = "queue get", .abandon = abandon};
static const struct coro__wait_kind put_kind = {.name = "queue put", .abandon = abandon};
static const struct coro__wait_kind join_kind = {.name = "queue join", .abandon = abandon};

/* Waits in one of the queue's lists, and stays one of its users after. */
CORO__INLINE int park(coro_queue *queue, struct coro__waiter **list, struct queue_wait *wait,
                      const struct coro__wait_kind *kind, const void **predicted)
{
    wait->queue = queue;
    coro__queue_enter(queue);
    return coro__waiters_park_predicting(list, &wait->waiting, kind, coro__caller(), predicted);
}

void coro__queue_pass_get_on(coro_queue *queue)
{
    if (queue->items.count > 0)
        coro__waiters_wake_next(&queue->getters);
}

void coro__queue_pass_put_on(coro_queue *queue)
{
    if (!coro__queue_full(queue))
        coro__waiters_wake_next(&queue->putters);
}

coro_queue *coro_queue_create(const coro_queue_options *given)
{
    const coro_queue_options options = given ? *given : (coro_queue_options){.kind = 0};
    if (options.kind > CORO_QUEUE_PRIORITY ||
        (options.kind == CORO_QUEUE_PRIORITY && !options.compare))
        return NULL;
    coro_queue *queue = coro__calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    queue->items.kind = options.kind;
    queue->items.compare = options.compare;
    queue->items.arg = options.arg;
    queue->maxsize = options.maxsize;
    queue->discard = options.discard;
    return queue;
}

/* --- Putting and getting ---------------------------------------------------------------------- */
static int reserve(coro_queue *queue)
{
    if (CORO__LIKELY(queue->items.count < queue->items.capacity))
        return 0;
    const int rc = coro__items_grow(&queue->items);
    find_quick_puts(queue);
    return rc;
}

CORO__INLINE int put_now(coro_queue *queue, void *item)
{
    if (CORO__UNLIKELY(!queue))
        return -ENOMEM;
    if (CORO__UNLIKELY(queue->shut_down))
        return -ESHUTDOWN;
    if (coro__queue_full(queue))
        return -EAGAIN;
    int rc = coro__waiters_check(&queue->getters);
    if (rc == 0)
        rc = reserve(queue);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    coro__items_push(&queue->items, item);
    queue->unfinished++;
    coro__waiters_wake_next(&queue->getters);
    return 0;
}

CORO__INLINE int get_if_any(coro_queue *queue, void **item)
{
    if (CORO__UNLIKELY(queue->items.count == 0))
        return queue->shut_down ? -ESHUTDOWN : -EAGAIN;
    const bool awaited = queue->putters;
    if (CORO__UNLIKELY(awaited) && CORO__UNLIKELY(coro__waiters_check(&queue->putters) < 0))
        return -EXDEV;
    void *taken = coro__items_pop(&queue->items);
    if (CORO__LIKELY(item != NULL))
        *item = taken;
    if (CORO__UNLIKELY(awaited))
        coro__waiters_wake_next(&queue->putters);
    return 0;
}

/* An error, with no item. */
CORO__INLINE int without_item(int error, void **item)
{
    if (item)
        *item = NULL;
    return error;
}

CORO__INLINE int get_now(coro_queue *queue, void **item)
{
    const int rc = CORO__LIKELY(queue != NULL) ? get_if_any(queue, item) : -ENOMEM;
    return rc < 0 ? without_item(rc, item) : 0;
}

/* Once: -EAGAIN if another one was quicker. */
CORO__INLINE int wait_and_try_to_put(coro_queue *queue, void *item, const void **predicted)
{
    struct queue_wait wait;
    int rc = park(queue, &queue->putters, &wait, &put_kind, predicted);
    if (coro__queue_leave(queue))
        return rc < 0 ? rc : -ESHUTDOWN;
    if (CORO__LIKELY(rc == 0))
        rc = put_now(queue, item);
    if (CORO__UNLIKELY(rc < 0) && rc != -EAGAIN && wait.waiting.waiter.granted)
        coro__queue_pass_put_on(queue);
    return rc;
}

static __attribute__((noinline)) int put_after_others(coro_queue *queue, void *item)
{
    const void *predicted;
    int rc;
    do
        rc = wait_and_try_to_put(queue, item, &predicted);
    while (rc == -EAGAIN);
    return rc;
}

static __attribute__((noinline)) int wait_and_put(coro_queue *queue, void *item)
{
    const void *predicted;
    const int rc = wait_and_try_to_put(queue, item, &predicted);
    if (CORO__UNLIKELY(rc == -EAGAIN))
        return put_after_others(queue, item);
    return coro__return_after(predicted, false, rc);
}

/* Once: -EAGAIN if another one was quicker. */
CORO__INLINE int wait_and_try_to_get(coro_queue *queue, void **item, const void **predicted)
{
    struct queue_wait wait;
    int rc = park(queue, &queue->getters, &wait, &get_kind, predicted);
    if (coro__queue_leave(queue))
        return rc < 0 ? rc : -ESHUTDOWN;
    if (CORO__LIKELY(rc == 0))
        rc = get_if_any(queue, item);
    if (CORO__UNLIKELY(rc < 0) && rc != -EAGAIN && wait.waiting.waiter.granted)
        coro__queue_pass_get_on(queue);
    return rc;
}

static __attribute__((noinline)) int get_after_others(coro_queue *queue, void **item)
{
    const void *predicted;
    int rc;
    do
        rc = wait_and_try_to_get(queue, item, &predicted);
    while (rc == -EAGAIN);
    return rc;
}

/* There is no item. */
static __attribute__((noinline)) int wait_and_get(coro_queue *queue, void **item)
{
    const void *predicted;
    if (CORO__UNLIKELY(queue->shut_down))
        return without_item(-ESHUTDOWN, item);
    int rc = wait_and_try_to_get(queue, item, &predicted);
    if (CORO__LIKELY(rc == 0))
        return coro__return_after(predicted, false, 0);
    if (rc == -EAGAIN)
        rc = get_after_others(queue, item);
    return rc < 0 ? without_item(rc, item) : 0;
}

int coro_queue_put_nowait(coro_queue *queue, void *item)
{
    return put_now(queue, item);
}

int coro_queue_get_nowait(coro_queue *queue, void **item)
{
    return get_now(queue, item);
}

/* Of their own, so that the usual ways through the next two make no call but at their ends, and
 * save no register for one. */
static __attribute__((noinline)) int put_or_wait(coro_queue *queue, void *item)
{
    const int rc = put_now(queue, item);
    return rc == -EAGAIN ? wait_and_put(queue, item) : rc;
}

static __attribute__((noinline)) int get_or_wait(coro_queue *queue, void **item)
{
    const int rc = get_now(queue, item);
    return rc == -EAGAIN ? wait_and_get(queue, item) : rc;
}

int coro_queue_put(coro_queue *queue, void *item)
{
    if (CORO__UNLIKELY(!queue) || queue->items.count >= queue->quick_puts)
        return put_or_wait(queue, item);
    struct coro__waiter *getter = queue->getters;
    if (getter) {
        struct coro__ready *ready = coro__ready_here;
        if (CORO__UNLIKELY(!coro__waiter_at_hand(ready, getter)))
            return put_or_wait(queue, item);
        coro__waiter_wake_first(ready, &queue->getters, getter);
    }
    coro__items_ring_push(&queue->items, item);
    queue->unfinished++;
    return 0;
}

int coro_queue_get(coro_queue *queue, void **item)
{
    if (CORO__UNLIKELY(!queue))
        return get_or_wait(queue, item);
    if (CORO__LIKELY(queue->items.count == 0))
        return wait_and_get(queue, item);
    if (CORO__UNLIKELY(queue->items.kind != CORO_QUEUE_FIFO))
        return get_or_wait(queue, item);
    return get_now(queue, item);
}

/* --- What is in it ---------------------------------------------------------------------------- */
size_t coro_queue_size(const coro_queue *queue)
{
    return queue ? queue->items.count : 0;
}

size_t coro_queue_maxsize(const coro_queue *queue)
{
    return queue ? queue->maxsize : 0;
}

bool coro_queue_empty(const coro_queue *queue)
{
    return coro_queue_size(queue) == 0;
}

bool coro_queue_full(const coro_queue *queue)
{
    return queue && coro__queue_full(queue);
}

/* --- Ending ----------------------------------------------------------------------------------- */
int coro_queue_task_done(coro_queue *queue)
{
    if (!queue)
        return -ENOMEM;
    if (queue->unfinished == 0)
        return -EINVAL;
    const int rc = coro__waiters_check(&queue->joiners);
    if (rc < 0)
        return rc;
    if (--queue->unfinished == 0)
        coro__waiters_wake_all(&queue->joiners);
    return 0;
}

int coro_queue_join(coro_queue *queue)
{
    struct queue_wait wait;
    const void *predicted;
    if (!queue)
        return -ENOMEM;
    if (queue->unfinished == 0)
        return 0;
    const int rc = park(queue, &queue->joiners, &wait, &join_kind, &predicted);
    return coro__queue_leave(queue) && rc == 0 ? -ESHUTDOWN : rc;
}

static int check_waiters(const coro_queue *queue)
{
    int rc = coro__waiters_check(&queue->getters);
    if (rc == 0)
        rc = coro__waiters_check(&queue->putters);
    return rc < 0 ? rc : coro__waiters_check(&queue->joiners);
}

static void remove_items(coro_queue *queue)
{
    while (queue->items.count > 0) {
        void *item = coro__items_pop(&queue->items);
        if (queue->unfinished > 0)
            queue->unfinished--;
        if (queue->discard)
            queue->discard(item, queue->items.arg);
    }
}

int coro_queue_shutdown(coro_queue *queue, bool immediate)
{
    const int rc = queue ? check_waiters(queue) : -ENOMEM;
    if (rc < 0)
        return rc;
    queue->shut_down = true;
    find_quick_puts(queue);
    if (immediate)
        remove_items(queue);
    if (queue->unfinished == 0)
        coro__waiters_wake_all(&queue->joiners);
    coro__waiters_wake_all(&queue->getters);
    coro__waiters_wake_all(&queue->putters);
    return 0;
}

void coro_queue_destroy(coro_queue *queue)
{
    if (coro_queue_shutdown(queue, true) < 0)
        return;
    coro__waiters_wake_all(&queue->joiners);
    queue->users |= CORO__QUEUE_DESTROYED;
    coro__queue_leave_destroyed(queue);
}
