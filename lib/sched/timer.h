/* SPDX-License-Identifier: MIT */
/*
 * Timers: a 4-ary heap, keyed by deadline and then by the order of starting, so that equal
 * deadlines fire first come, first served. The keys lie in the array itself; a timer knows its
 * index, and is taken out in O(log n).
 *
 * A timer is in the heap, or on the ready queue (its callback), or nowhere. It fires in two steps:
 * when it is due the loop puts its callback on the ready queue, and there the callback has its
 * turn.
 */
#ifndef CORO_SCHED_TIMER_H
#define CORO_SCHED_TIMER_H

#include "sched/ready.h"

struct coro__timer {
    struct coro__callback callback;
    size_t index; /* in the heap; CORO__TIMER_NOWHERE outside it */
};

#define CORO__TIMER_NOWHERE SIZE_MAX

struct coro__timer_entry {
    coro_time deadline;
    uint64_t number;
    struct coro__timer *timer;
};

struct coro__timers {
    struct coro__timer_entry *heap;
    size_t count;
    size_t capacity;
    uint64_t started;
};

void coro__timers_destroy(struct coro__timers *timers);

static inline void coro__timer_init(struct coro__timer *timer,
                                    void (*run)(struct coro__ready *, struct coro__callback *))
{
    coro__callback_init(&timer->callback, run);
    timer->index = CORO__TIMER_NOWHERE;
}

/* Starts a timer that is nowhere; its place on the ready queue is reserved. 0, or -ENOMEM. */
int coro__timer_start(struct coro__timers *timers, struct coro__timer *timer, coro_time deadline);

/* Takes a timer out of wherever it is: its callback will not run. */
void coro__timer_stop(struct coro__timers *timers, struct coro__ready *ready,
                      struct coro__timer *timer);

/* The first deadline; CORO_FOREVER if there is no timer. */
static inline coro_time coro__timers_next(const struct coro__timers *timers)
{
    return timers->count ? timers->heap[0].deadline : CORO_FOREVER;
}

/* Puts the callbacks of all timers that are due on the ready queue, in order. */
void coro__timers_fire(struct coro__timers *timers, struct coro__ready *ready, coro_time now);

#endif
