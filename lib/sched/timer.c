/* SPDX-License-Identifier: MIT */
#include "sched/timer.h"
#include "util/memory.h"

#include <stdlib.h>

enum { ARITY = 4, FIRST_CAPACITY = 64 };

void coro__timers_destroy(struct coro__timers *timers)
{
    free(timers->heap);
}

static bool before(const struct coro__timer_entry *a, const struct coro__timer_entry *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->number < b->number;
}

static void place(struct coro__timers *timers, size_t index, struct coro__timer_entry entry)
{
    timers->heap[index] = entry;
    entry.timer->index = index;
}

static void sift_up(struct coro__timers *timers, size_t index, struct coro__timer_entry entry)
{
    while (index > 0) {
        const size_t parent = (index - 1) / ARITY;
        if (!before(&entry, &timers->heap[parent]))
            break;
        place(timers, index, timers->heap[parent]);
        index = parent;
    }
    place(timers, index, entry);
}

static size_t first_child(const struct coro__timers *timers, size_t index)
{
    size_t child = index * ARITY + 1;
    size_t end = child + ARITY < timers->count ? child + ARITY : timers->count;
    size_t first = child;
    for (; child < end; child++)
        if (before(&timers->heap[child], &timers->heap[first]))
            first = child;
    return first;
}

static void sift_down(struct coro__timers *timers, size_t index, struct coro__timer_entry entry)
{
    for (;;) {
        const size_t child = first_child(timers, index);
        if (child >= timers->count || !before(&timers->heap[child], &entry))
            break;
        place(timers, index, timers->heap[child]);
        index = child;
    }
    place(timers, index, entry);
}

static bool grow(struct coro__timers *timers)
{
    const size_t capacity = timers->capacity ? timers->capacity * 2 : FIRST_CAPACITY;
    struct coro__timer_entry *heap = coro__realloc(timers->heap, capacity * sizeof *heap);
    if (!heap)
        return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

int coro__timer_start(struct coro__timers *timers, struct coro__timer *timer, coro_time deadline)
{
    if (timers->count == timers->capacity && !grow(timers))
        return -ENOMEM;
    sift_up(timers, timers->count++,
            (struct coro__timer_entry){deadline, timers->started++, timer});
    return 0;
}

static void take_out(struct coro__timers *timers, size_t index)
{
    timers->heap[index].timer->index = CORO__TIMER_NOWHERE;
    const struct coro__timer_entry last = timers->heap[--timers->count];
    if (index == timers->count)
        return;
    if (index > 0 && before(&last, &timers->heap[(index - 1) / ARITY]))
        sift_up(timers, index, last);
    else
        sift_down(timers, index, last);
}

void coro__timer_stop(struct coro__timers *timers, struct coro__ready *ready,
                      struct coro__timer *timer)
{
    if (timer->index != CORO__TIMER_NOWHERE)
        take_out(timers, timer->index);
    else
        coro__callback_cancel(ready, &timer->callback);
}

void coro__timers_fire(struct coro__timers *timers, struct coro__ready *ready, coro_time now)
{
    while (timers->count > 0 && timers->heap[0].deadline <= now) {
        struct coro__timer *timer = timers->heap[0].timer;
        take_out(timers, 0);
        coro__ready_push_callback(ready, &timer->callback);
    }
}
