/* SPDX-License-Identifier: MIT */
#include "sched/loop.h"
#include "sched/environment.h"

enum {
    /* Entries between two visits of the loop; and while there is nothing to look for but an
     * interrupt, of which another thread was told. */
    MOST_ENTRIES = 127,
    MOST_ENTRIES_ALONE = 511,
    /* Cached stacks of a size that keep their memory, and how many of the others lose it between
     * two looks at what else there is to do. */
    KEPT_STACKS = 128,
    TRIMMED_STACKS = 32,
    TRIMS_AT_A_TIME = 16,
};

/* How long tasks should be able to hold up timers, over what one pass takes. */
#define VISIT_EVERY (50 * CORO_MICROSECOND)
/* How long stacks have not been needed before some lose their memory, as it costs more to give it
 * back and to be given it again than to keep it for so long; and before the next ones do. */
#define TRIM_AFTER (100 * CORO_MILLISECOND)
/* An idle time that is long enough for some of them. */
#define LONG_IDLE CORO_MILLISECOND

int coro__loop_start_timer(struct coro__loop *loop, struct coro__timer *timer, coro_time deadline)
{
    if (deadline == CORO_FOREVER)
        return 0;
    /* While there was no timer the time did not matter. */
    if (loop->clock.is_virtual ? deadline <= loop->clock.now : !coro__timers_any(&loop->timers))
        coro__loop_visit_next(loop);
    return coro__timer_start(&loop->timers, timer, deadline);
}

void coro__loop_deliver_posts(struct coro__loop *loop)
{
    if (CORO__LIKELY(coro__inbox_empty(loop->inbox)))
        return;
    struct coro__post *post = coro__inbox_take(loop->inbox);
    while (post) {
        struct coro__post *next = post->next;
        post->kind->deliver(loop, post);
        post = next;
    }
}

/* Somebody may have posted, and let go of the inbox, since it was looked into. */
static bool anybody_may_wake(struct coro__loop *loop)
{
    return loop->expected > 0 || loop->fd_waits > 0 || coro__inbox_shared(loop->inbox) ||
           !coro__inbox_empty(loop->inbox);
}

static bool fds_matter(const struct coro__loop *loop)
{
    return loop->fd_waits > 0 || loop->fd_listeners > 0;
}

static void look_at_fds(struct coro__loop *loop, coro_time now)
{
    if (fds_matter(loop))
        loop->poller->kind->poll(loop->poller, now, 0, false);
}

/* Before a virtual clock jumps, or sleeps without a limit. True if a task has become ready. */
static CORO__COLD bool found_fds(struct coro__loop *loop, coro_time now)
{
    look_at_fds(loop, now);
    if (!coro__ready_any(&loop->ready))
        loop->poller->kind->verify(loop->poller);
    return coro__ready_any(&loop->ready);
}

static void sleep_for(struct coro__loop *loop, coro_time now, coro_duration limit,
                      bool while_shared)
{
    if (loop->poller)
        loop->poller->kind->poll(loop->poller, now, limit, while_shared);
    else
        coro__inbox_wait(loop->inbox, limit, while_shared);
}

/* Before a sleep: how long it may last so that stacks lose their memory in time. 0 after some of
 * them have, and others may be left. */
static coro_duration trim(struct coro__loop *loop, coro_time now, coro_duration limit)
{
    struct coro__stacks *stacks = &loop->ready.stacks;
    if (loop->clock.is_virtual || !coro__stacks_exceed(stacks, KEPT_STACKS))
        return limit;
    if (!coro__stacks_unneeded(stacks, KEPT_STACKS)) {
        coro__stacks_watch(stacks);
        loop->next_trim = now + TRIM_AFTER;
    } else if (loop->next_trim <= now) {
        if (limit < LONG_IDLE)
            return limit;
        coro__stacks_trim(stacks, KEPT_STACKS, TRIMMED_STACKS);
        if (++loop->trims % TRIMS_AT_A_TIME == 0)
            loop->next_trim = now + TRIM_AFTER;
        return 0;
    }
    return limit < loop->next_trim - now ? limit : loop->next_trim - now;
}

/* With nothing ready: sleeps until a timer is due, there is a post, or something happens to an fd;
 * or until cached stacks are to lose their memory.
 * A virtual clock jumps instead, unless a post is certain to come or an fd is ready. */
static void idle(struct coro__loop *loop, coro_time now)
{
    const coro_time next = coro__timers_next(&loop->timers);
    if (next <= now || loop->stop)
        return;
    if (next == CORO_FOREVER && !anybody_may_wake(loop)) {
        loop->deadlocked(loop);
        return;
    }
    if (loop->clock.is_virtual && fds_matter(loop) && found_fds(loop, now))
        return;
    if (loop->clock.is_virtual && loop->expected == 0 && next != CORO_FOREVER) {
        coro__clock_jump(&loop->clock, next);
        return;
    }
    const bool timed = next != CORO_FOREVER && !loop->clock.is_virtual;
    const coro_duration limit =
        timed ? coro__time_after(next, loop->timer_slack) - now : CORO_FOREVER;
    sleep_for(loop, now, trim(loop, now, limit),
              loop->expected == 0 && loop->fd_waits == 0 && next == CORO_FOREVER);
    coro__loop_deliver_posts(loop);
}

static void adapt_budget(struct coro__loop *loop, coro_time now, unsigned *budget, unsigned most)
{
    const coro_duration elapsed = now - loop->last_visit;
    loop->last_visit = now;
    if (elapsed > 2 * VISIT_EVERY)
        *budget /= 4;
    else if (elapsed < VISIT_EVERY && *budget < most)
        *budget = *budget * 2 + 1;
    loop->ready.budget = loop->seed || loop->stop ? 0 : *budget;
}

/* With timers, with others who may post, with fds that are waited for, and with nothing ready, the
 * time matters. */
static void consult_clock(struct coro__loop *loop)
{
    coro_time now = coro__loop_now(loop);
    if (coro__ready_any(&loop->ready)) {
        adapt_budget(loop, now, &loop->budget, MOST_ENTRIES);
        look_at_fds(loop, now);
    } else {
        loop->ready.budget = 0;
        idle(loop, now);
        now = loop->last_visit = coro__loop_now(loop);
    }
    coro__timers_fire(&loop->timers, &loop->ready, now);
}

static void begin_pass(struct coro__loop *loop)
{
    coro__loop_deliver_posts(loop);
    if (coro__timers_any(&loop->timers) || loop->expected > 0 || fds_matter(loop) ||
        coro__inbox_shared(loop->inbox) || !coro__ready_any(&loop->ready))
        consult_clock(loop);
    else
        adapt_budget(loop, coro__loop_now(loop), &loop->lone_budget, MOST_ENTRIES_ALONE);
    coro__ready_turn(&loop->ready, &loop->seed);
}

void coro__loop_run(struct coro__loop *loop)
{
    struct coro__ready *ready = &loop->ready;
    do {
        begin_pass(loop);
        if (CORO__UNLIKELY(ready->debug)) /* the time until here is nobody's */
            coro__environment_step(ready, &ready->idle);
        for (;;) {
            coro__ready_run_tasks(ready);
            if (ready->entry == CORO__ENTRY_END)
                break;
            coro__ready_run_callback(ready, ready->entry);
            if (CORO__UNLIKELY(ready->debug))
                coro__environment_step(ready, NULL);
        }
    } while (!loop->stop);
}
