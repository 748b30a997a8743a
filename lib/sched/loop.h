/* SPDX-License-Identifier: MIT */
/*
 * The loop: runs the ready queue pass by pass, and between the passes delivers what other threads
 * have posted, polls the fds that tasks wait for and puts the timers that are due on the queue, or
 * sleeps until there is something to do. It runs on the thread's own stack and runs the callbacks
 * there.
 *
 * With tasks ready it is not asked at every pass: reading the clock costs more than several yields.
 * How many entries run without it is bounded, and the bound follows the time that they take.
 */
#ifndef CORO_SCHED_LOOP_H
#define CORO_SCHED_LOOP_H

#include "sched/cell.h"
#include "sched/clock.h"
#include "sched/inbox.h"
#include "sched/poller.h"
#include "sched/timer.h"
#include "sched/wait.h"

/* The first member of what a loop owns beside its tasks. */
struct coro__owned {
    struct coro__list link;
    void (*discard)(struct coro__loop *loop, struct coro__owned *owned);
};

struct coro__loop {
    struct coro__ready ready; /* the first member: coro__ready_here is also the loop */
    struct coro__timers timers;
    struct coro__inbox *inbox;
    size_t expected; /* posts, and ends of calls on files, that will come for certain: the
                        loop waits for them, and its end too */
    struct coro__poller *poller; /* NULL until it is needed */
    char poller_name[16];        /* the one that is asked for; empty is the default */
    size_t fd_waits;             /* tasks that are parked until something happens to an fd */
    size_t fd_listeners;         /* callbacks that are to run then, and hold up no deadlock */
    /* NULL until they are needed: that of coro_to_thread, and that of lookups of names. */
    struct coro__pool *pool;
    struct coro__pool *resolver_pool;
    unsigned most_threads;
    struct coro__cells cells;
    struct coro__list owned; /* what is to be given up when the loop is closed */
    unsigned forks;          /* coro__forks when it was opened */
    struct coro__clock clock;
    coro_duration timer_slack; /* how long after the next deadline it may sleep */
    size_t stack_size;         /* of a task that does not ask for its own, rounded */
    uint64_t seed;
    uint64_t picks;   /* that coro_select has made */
    bool eager_start; /* of all tasks that are created from now on */
    bool stop;        /* coro__loop_run is to return at the end of this pass */
    bool ending;      /* all that goes on is cancelled */
    /* Entries that run between two visits of the loop, while tasks are ready; and while there is
     * nothing to look for. */
    unsigned budget, lone_budget;
    coro_time last_visit;
    coro_time next_trim; /* of cached stacks that are not needed until then */
    unsigned trims;
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

/* Runs passes until stop is set, and always one. */
void coro__loop_run(struct coro__loop *loop);

/* Delivers what has been posted to the inbox. */
void coro__loop_deliver_posts(struct coro__loop *loop);

/* Has this pass be the last one without a visit of the loop. */
static inline void coro__loop_visit_next(struct coro__loop *loop)
{
    loop->ready.small_end = NULL;
    loop->ready.budget = 0;
}

/* coro__inbox_post() from any thread: if it is the loop's own, the loop looks at the end of this
 * pass. */
static inline bool coro__loop_post(struct coro__inbox *inbox, struct coro__post *post)
{
    struct coro__ready *ready = coro__ready_here;
    if (ready && coro__loop_of(ready)->inbox == inbox)
        coro__loop_visit_next(coro__loop_of(ready));
    return coro__inbox_post(inbox, post);
}

/* Has coro__loop_run return at the end of this pass. */
static inline void coro__loop_stop(struct coro__loop *loop)
{
    loop->stop = true;
    coro__loop_visit_next(loop);
}

/* One more to wait for. */
static inline void coro__loop_expect(struct coro__loop *loop)
{
    loop->expected++;
    coro__loop_visit_next(loop);
}

/* One less. */
static inline void coro__loop_unexpect(struct coro__loop *loop)
{
    if (--loop->expected == 0 && loop->ending)
        coro__loop_stop(loop);
}

/* A task parks until something happens to an fd, and has woken again. */
static inline void coro__loop_begin_fd_wait(struct coro__loop *loop)
{
    if (loop->fd_waits++ == 0)
        coro__loop_visit_next(loop);
}

static inline void coro__loop_end_fd_wait(struct coro__loop *loop)
{
    loop->fd_waits--;
}

/* The same for a callback. */
static inline void coro__loop_begin_listening(struct coro__loop *loop)
{
    loop->fd_listeners++;
    coro__loop_visit_next(loop);
}

static inline void coro__loop_end_listening(struct coro__loop *loop)
{
    loop->fd_listeners--;
}

/* Starts a timer whose place on the ready queue is reserved. 0, or -ENOMEM. A deadline of
 * CORO_FOREVER starts none. */
int coro__loop_start_timer(struct coro__loop *loop, struct coro__timer *timer, coro_time deadline);

static inline void coro__loop_stop_timer(struct coro__loop *loop, struct coro__timer *timer)
{
    coro__timer_stop(&loop->timers, &loop->ready, timer);
}

#endif
