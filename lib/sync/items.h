/* SPDX-License-Identifier: MIT */
/*
 * The items of a queue: a ring for first in, first out, an array for last in, first out, or a 4-ary
 * heap. The ring's capacity is a power of two; the array is a ring that begins at 0. In the heap a
 * number that counts up keeps equal items in their order.
 *
 * Pushing cannot fail: room is made before, and without memory all stays as it was.
 */
#ifndef CORO_SYNC_ITEMS_H
#define CORO_SYNC_ITEMS_H

#include "coro/queue.h"
#include "util/compiler.h"

#include <stdint.h>

struct coro__ranked {
    void *item;
    uint64_t number;
};

struct coro__items {
    enum coro_queue_kind kind;
    size_t count;
    size_t capacity;
    void **ring;               /* FIFO and LIFO */
    size_t first;              /* in the ring */
    struct coro__ranked *heap; /* PRIORITY */
    uint64_t pushed;
    coro_queue_compare_fn *compare;
    void *arg;
};

/* Makes room for one more. 0, or -ENOMEM. */
int coro__items_grow(struct coro__items *items);

void coro__items_heap_push(struct coro__items *items, void *item);
void *coro__items_heap_pop(struct coro__items *items);

/* With room reserved, where there is no heap. */
static inline void coro__items_ring_push(struct coro__items *items, void *item)
{
    items->ring[(items->first + items->count) & (items->capacity - 1)] = item;
    items->count++;
}

/* With room reserved. */
static inline void coro__items_push(struct coro__items *items, void *item)
{
    if (items->kind == CORO_QUEUE_PRIORITY)
        coro__items_heap_push(items, item);
    else
        coro__items_ring_push(items, item);
}

/* There must be one. */
static inline void *coro__items_pop(struct coro__items *items)
{
    items->count--;
    if (CORO__UNLIKELY(items->kind != CORO_QUEUE_FIFO))
        return items->kind == CORO_QUEUE_LIFO ? items->ring[items->count]
                                              : coro__items_heap_pop(items);
    void *item = items->ring[items->first];
    items->first = (items->first + 1) & (items->capacity - 1);
    return item;
}

void coro__items_destroy(struct coro__items *items);

#endif
