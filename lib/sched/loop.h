/* SPDX-License-Identifier: MIT */
/*
 * The loop: runs the ready queue pass by pass, and between the passes puts the timers that are due
 * on it, or sleeps until the next one is. It runs on the thread's own stack and runs the callbacks
 * there.
 *
 * With tasks ready it is not asked at every pass: reading the clock costs more than several yields.
 * How many passes go by without it is bounded, and the bound follows the time that they take.
 */
#ifndef CORO_SCHED_LOOP_H
#define CORO_SCHED_LOOP_H

#include "sched/cell.h"
#include "sched/clock.h"
#include "sched/timer.h"
#include "sched/wait.h"

struct coro__loop {
    struct coro__ready ready; /* the first member: coro__ready_here is also the loop */
    struct coro__timers timers;
    struct coro__cells cells;
    struct coro__list calls; /* scheduled callbacks of task/call.c */
    struct coro__clock clock;
    size_t stack_size; /* of a task that does not ask for its own, rounded */
    uint64_t seed;
    uint64_t picks;       /* that coro_select has made */
    bool eager_start;     /* of all tasks that are created from now on */
    bool stop;            /* coro__loop_run is to return at the end of this pass */
    unsigned pass_budget; /* passes between two visits of the loop, while tasks are ready */
    coro_time last_visit;
    /* Nothing can ever wake a task. Makes something ready, or sets stop. */
    void (*deadlocked)(struct coro__loop *loop);
};

static inline struct coro__loop *coro__loop_of(struct coro__ready *ready)
{
    return CORO__CONTAINER_OF(ready, struct coro__loop, ready);
}

static inline coro_time coro__loop_now(const struct coro__loop *loop)
{
    return coro__clock_now(&loop->clock);
}

static inline bool coro__loop_anything_ready(const struct coro__loop *loop)
{
    return loop->ready.next.end > loop->ready.next.at;
}

/* Runs passes until stop is set, and always one. */
void coro__loop_run(struct coro__loop *loop);

/* Has coro__loop_run return at the end of this pass. */
static inline void coro__loop_stop(struct coro__loop *loop)
{
    loop->stop = true;
    loop->ready.passes_left = 0;
}

/* Starts a timer whose place on the ready queue is reserved. 0, or -ENOMEM. A deadline of
 * CORO_FOREVER starts none. */
int coro__loop_start_timer(struct coro__loop *loop, struct coro__timer *timer, coro_time deadline);

static inline void coro__loop_stop_timer(struct coro__loop *loop, struct coro__timer *timer)
{
    coro__timer_stop(&loop->timers, &loop->ready, timer);
}

#endif
