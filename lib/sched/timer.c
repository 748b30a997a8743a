/* SPDX-License-Identifier: MIT */
#include "sched/timer.h"
#include "util/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    ARITY = 4,
    FIRST_CAPACITY = 64,
    /* Fewer entries without a timer than this are left where they are. */
    FEW_STOPPED = 64,
    /* Timers to fetch together: they lie on the stacks of tasks that have slept. */
    FETCHED = 16,
};

void coro__timers_destroy(struct coro__timers *timers)
{
    free(timers->memory);
    free(timers->slots);
}

/* Without branches: which of two deadlines is the earlier cannot be predicted. */
CORO__INLINE bool before(const struct coro__timer_entry *a, const struct coro__timer_entry *b)
{
    return (a->deadline < b->deadline) | ((a->deadline == b->deadline) & (a->number < b->number));
}

static void sift_up(struct coro__timer_entry *heap, size_t index, struct coro__timer_entry entry)
{
    while (index > 0) {
        const size_t parent = (index - 1) / ARITY;
        if (!before(&entry, &heap[parent]))
            break;
        heap[index] = heap[parent];
        index = parent;
    }
    heap[index] = entry;
}

/* The first of the children of an index, of which there is at least one. */
CORO__INLINE size_t first_child(const struct coro__timer_entry *heap, size_t count, size_t index)
{
    const size_t child = index * ARITY + 1;
    if (CORO__LIKELY(child + ARITY <= count)) {
        const size_t a = child + before(&heap[child + 1], &heap[child]);
        const size_t b = child + 2 + before(&heap[child + 3], &heap[child + 2]);
        return before(&heap[b], &heap[a]) ? b : a;
    }
    size_t first = child;
    for (size_t next = child + 1; next < count; next++)
        if (before(&heap[next], &heap[first]))
            first = next;
    return first;
}

/* Puts an entry where the index is, or below. */
static void sift_down(struct coro__timers *timers, size_t index, struct coro__timer_entry entry)
{
    struct coro__timer_entry *heap = timers->heap;
    while (index * ARITY + 1 < timers->count) {
        const size_t child = first_child(heap, timers->count, index);
        if (!before(&heap[child], &entry))
            break;
        heap[index] = heap[child];
        index = child;
    }
    heap[index] = entry;
}

/* Those of one child are a cache line. Past the end nothing happens. */
CORO__INLINE void fetch_grandchildren(const struct coro__timer_entry *heap, size_t index)
{
    const struct coro__timer_entry *first = &heap[(index * ARITY + 1) * ARITY + 1];
    for (size_t child = 0; child < ARITY; child++)
        __builtin_prefetch(&first[child * ARITY]);
}

static void free_slot(struct coro__timers *timers, size_t slot)
{
    timers->slots[slot].next_free = timers->free_slot;
    timers->free_slot = slot;
}

/* Takes the first entry out, and returns its slot. The last one fills its place: most likely far
 * down, so that the way there is made without comparing with it. */
static size_t take_first(struct coro__timers *timers)
{
    struct coro__timer_entry *heap = timers->heap;
    const size_t slot = heap[0].slot;
    const size_t count = --timers->count;
    const struct coro__timer_entry last = heap[count];
    size_t index = 0;
    while (index * ARITY + 1 < count) {
        fetch_grandchildren(heap, index);
        const size_t child = first_child(heap, count, index);
        heap[index] = heap[child];
        index = child;
    }
    sift_up(heap, index, last);
    return slot;
}

/* Takes entries out whose timers were stopped, as long as that moves no other one: who was started
 * last is at the end, most likely, and is stopped first. */
CORO__INLINE void drop_last(struct coro__timers *timers)
{
    while (timers->stopped > 0) {
        const size_t slot = timers->heap[timers->count - 1].slot;
        if (timers->slots[slot].timer)
            break;
        free_slot(timers, slot);
        timers->count--;
        timers->stopped--;
    }
}

static void forget_all(struct coro__timers *timers)
{
    timers->count = timers->stopped = 0;
    timers->slots_used = 0;
    timers->free_slot = SIZE_MAX;
    timers->started = 0;
}

/* Takes the entries out whose timers were stopped. */
static void sweep(struct coro__timers *timers)
{
    size_t kept = 0;
    for (size_t i = 0; i < timers->count; i++) {
        const struct coro__timer_entry entry = timers->heap[i];
        if (timers->slots[entry.slot].timer)
            timers->heap[kept++] = entry;
        else
            free_slot(timers, entry.slot);
    }
    timers->count = kept;
    timers->stopped = 0;
    for (size_t parents = (kept + ARITY - 2) / ARITY; parents-- > 0;)
        sift_down(timers, parents, timers->heap[parents]);
}

static int compare(const void *a, const void *b)
{
    return before(a, b) ? -1 : 1;
}

/* The numbers have come to their end: they begin anew, in the same order. What is sorted is a heap.
 */
CORO__COLD static void renumber(struct coro__timers *timers)
{
    qsort(timers->heap, timers->count, sizeof timers->heap[0], compare);
    for (size_t i = 0; i < timers->count; i++)
        timers->heap[i].number = (uint32_t)i;
    timers->started = (uint32_t)timers->count;
}

CORO__COLD static bool grow(struct coro__timers *timers)
{
    const size_t capacity = timers->capacity ? timers->capacity * 2 : FIRST_CAPACITY;
    if (capacity > UINT32_MAX / 2)
        return false;
    const size_t offset = CORO__CACHE_LINE - sizeof timers->heap[0];
    char *memory =
        coro__aligned_alloc(CORO__CACHE_LINE, CORO__CACHE_LINE + capacity * sizeof timers->heap[0]);
    union coro__timer_slot *slots =
        memory ? coro__realloc(timers->slots, capacity * sizeof *slots) : NULL;
    if (!slots) {
        free(memory);
        return false;
    }
    struct coro__timer_entry *heap = (void *)(memory + offset);
    if (timers->count > 0)
        memcpy(heap, timers->heap, timers->count * sizeof *heap);
    else
        forget_all(timers);
    free(timers->memory);
    timers->memory = memory;
    timers->heap = heap;
    timers->slots = slots;
    timers->capacity = capacity;
    return true;
}

int coro__timer_start(struct coro__timers *timers, struct coro__timer *timer, coro_time deadline)
{
    if (CORO__UNLIKELY(timers->count == timers->capacity) && !grow(timers))
        return -ENOMEM;
    if (CORO__UNLIKELY(timers->started == UINT32_MAX))
        renumber(timers);
    size_t slot = timers->free_slot;
    if (slot == SIZE_MAX)
        slot = timers->slots_used++;
    else
        timers->free_slot = timers->slots[slot].next_free;
    timers->slots[slot].timer = timer;
    timer->slot = (uint32_t)slot;
    sift_up(timers->heap, timers->count++,
            (struct coro__timer_entry){deadline, timers->started++, (uint32_t)slot});
    return 0;
}

void coro__timer_stop(struct coro__timers *timers, struct coro__ready *ready,
                      struct coro__timer *timer)
{
    if (timer->slot == CORO__TIMER_NOWHERE) {
        coro__callback_cancel(ready, &timer->callback);
        return;
    }
    timers->slots[timer->slot].timer = NULL;
    timer->slot = CORO__TIMER_NOWHERE;
    timers->stopped++;
    drop_last(timers);
    if (timers->stopped == timers->count)
        forget_all(timers);
    else if (timers->stopped > timers->count / 2 && timers->stopped > FEW_STOPPED)
        sweep(timers);
}

coro_time coro__timers_next(struct coro__timers *timers)
{
    if (!coro__timers_any(timers))
        return CORO_FOREVER;
    for (; !timers->slots[timers->heap[0].slot].timer; timers->stopped--)
        free_slot(timers, take_first(timers));
    return timers->heap[0].deadline;
}

CORO__INLINE bool any_due(const struct coro__timers *timers, coro_time now)
{
    return timers->count > 0 && timers->heap[0].deadline <= now;
}

/* An entry was taken out; its timer is NULL if that was stopped. */
CORO__INLINE void fire(struct coro__timers *timers, struct coro__ready *ready,
                       struct coro__timer *timer)
{
    if (CORO__UNLIKELY(!timer)) {
        timers->stopped--;
        return;
    }
    timer->slot = CORO__TIMER_NOWHERE;
    coro__ready_push_callback(ready, &timer->callback);
}

/* Fires those of n slots, and further ones up to FETCHED, whose entries are due. */
CORO__INLINE void fire_together(struct coro__timers *timers, struct coro__ready *ready,
                                coro_time now, size_t slots[], size_t n)
{
    struct coro__timer *due[FETCHED];
    for (; n < FETCHED && any_due(timers, now); n++) {
        slots[n] = take_first(timers);
        __builtin_prefetch(&timers->slots[slots[n]]);
    }
    for (size_t i = 0; i < n; i++) {
        due[i] = timers->slots[slots[i]].timer;
        __builtin_prefetch(due[i], 1);
        free_slot(timers, slots[i]);
    }
    for (size_t i = 0; i < n; i++)
        fire(timers, ready, due[i]);
}

/* That of a slot, whose entry was taken out, and all others that are due. */
static __attribute__((noinline)) void
fire_several(struct coro__timers *timers, struct coro__ready *ready, coro_time now, size_t slot)
{
    size_t slots[FETCHED] = {slot};
    fire_together(timers, ready, now, slots, 1);
    while (any_due(timers, now))
        fire_together(timers, ready, now, slots, 0);
}

void coro__timers_fire(struct coro__timers *timers, struct coro__ready *ready, coro_time now)
{
    if (!any_due(timers, now))
        return;
    const size_t slot = take_first(timers);
    if (any_due(timers, now)) {
        fire_several(timers, ready, now, slot);
        return;
    }
    struct coro__timer *timer = timers->slots[slot].timer;
    free_slot(timers, slot);
    fire(timers, ready, timer);
}
