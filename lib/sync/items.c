/* SPDX-License-Identifier: MIT */
#include "sync/items.h"
#include "util/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 8, CHILDREN = 4 };

static int grow_ring(struct coro__items *items, size_t capacity)
{
    void **ring = coro__malloc(capacity * sizeof *ring);
    if (!ring)
        return -ENOMEM;
    if (items->count > 0) {
        const size_t to_end = items->capacity - items->first;
        memcpy(ring, items->ring + items->first, to_end * sizeof *ring);
        memcpy(ring + to_end, items->ring, items->first * sizeof *ring);
    }
    free(items->ring);
    items->ring = ring;
    items->first = 0;
    items->capacity = capacity;
    return 0;
}

static int grow_heap(struct coro__items *items, size_t capacity)
{
    struct coro__ranked *heap = coro__realloc(items->heap, capacity * sizeof *heap);
    if (!heap)
        return -ENOMEM;
    items->heap = heap;
    items->capacity = capacity;
    return 0;
}

int coro__items_grow(struct coro__items *items)
{
    const size_t capacity = items->capacity ? 2 * items->capacity : FIRST_CAPACITY;
    if (capacity > SIZE_MAX / sizeof(struct coro__ranked))
        return -ENOMEM;
    return items->kind == CORO_QUEUE_PRIORITY ? grow_heap(items, capacity)
                                              : grow_ring(items, capacity);
}

static bool before(const struct coro__items *items, struct coro__ranked a, struct coro__ranked b)
{
    const int order = items->compare(a.item, b.item, items->arg);
    return order < 0 || (order == 0 && a.number < b.number);
}

void coro__items_heap_push(struct coro__items *items, void *item)
{
    const struct coro__ranked added = {item, items->pushed++};
    size_t at = items->count;
    while (at > 0 && before(items, added, items->heap[(at - 1) / CHILDREN])) {
        items->heap[at] = items->heap[(at - 1) / CHILDREN];
        at = (at - 1) / CHILDREN;
    }
    items->heap[at] = added;
    items->count++;
}

/* The child of a place that comes out first; the count if it has none. */
static size_t first_child(const struct coro__items *items, size_t at)
{
    const size_t begin = CHILDREN * at + 1;
    if (begin >= items->count)
        return items->count;
    const size_t end = items->count - begin < CHILDREN ? items->count : begin + CHILDREN;
    size_t first = begin;
    for (size_t child = begin + 1; child < end; child++)
        if (before(items, items->heap[child], items->heap[first]))
            first = child;
    return first;
}

/* The count has been lowered: the last one fills the place of the first. */
void *coro__items_heap_pop(struct coro__items *items)
{
    void *item = items->heap[0].item;
    const struct coro__ranked last = items->heap[items->count];
    size_t at = 0;
    for (;;) {
        const size_t child = first_child(items, at);
        if (child == items->count || !before(items, items->heap[child], last))
            break;
        items->heap[at] = items->heap[child];
        at = child;
    }
    items->heap[at] = last;
    return item;
}

void coro__items_destroy(struct coro__items *items)
{
    free(items->ring);
    free(items->heap);
}
