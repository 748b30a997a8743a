/* SPDX-License-Identifier: MIT */
/*
 * Timers: a 4-ary heap, keyed by deadline and then by the order of starting, so that equal
 * deadlines fire first come, first served.
 *
 * The keys lie in the array itself, and beside a key the number of a slot, which holds the pointer
 * to the timer: moving an entry of the heap touches no timer, which may lie on a stack far away.
 * A timer that is stopped empties its slot; the entry goes at once if it is the last one, when it
 * comes to the top, or when half of the entries have become empty.
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
    uint32_t slot; /* CORO__TIMER_NOWHERE outside the heap */
};

#define CORO__TIMER_NOWHERE UINT32_MAX

struct coro__timer_entry {
    coro_time deadline;
    uint32_t number;
    uint32_t slot;
};

union coro__timer_slot {
    struct coro__timer *timer; /* NULL: it was stopped */
    size_t next_free;
};

struct coro__timers {
    struct coro__timer_entry *heap; /* its first child begins a cache line */
    union coro__timer_slot *slots;
    size_t count; /* of the entries, and of the slots that are used */
    size_t stopped;
    size_t capacity;
    size_t free_slot;  /* the first of those that were given back */
    size_t slots_used; /* slots[0..slots_used) have been handed out before */
    uint32_t started;
    void *memory;
};

void coro__timers_destroy(struct coro__timers *timers);

static inline void coro__timer_init(struct coro__timer *timer,
                                    void (*run)(struct coro__ready *, struct coro__callback *))
{
    coro__callback_init(&timer->callback, run);
    timer->slot = CORO__TIMER_NOWHERE;
}

/* Starts a timer that is nowhere; its place on the ready queue is reserved. 0, or -ENOMEM. */
int coro__timer_start(struct coro__timers *timers, struct coro__timer *timer, coro_time deadline);

/* Takes a timer out of wherever it is: its callback will not run. */
void coro__timer_stop(struct coro__timers *timers, struct coro__ready *ready,
                      struct coro__timer *timer);

/* Whether any has been started that has neither fired nor been stopped. */
static inline bool coro__timers_any(const struct coro__timers *timers)
{
    return timers->count > timers->stopped;
}

/* The first deadline; CORO_FOREVER if there is no timer. */
coro_time coro__timers_next(struct coro__timers *timers);

/* Puts the callbacks of all timers that are due on the ready queue, in order. */
void coro__timers_fire(struct coro__timers *timers, struct coro__ready *ready, coro_time now);

#endif
