/* SPDX-License-Identifier: MIT */
#include "coro/barrier.h"
#include "sync/condition.h"

#include <limits.h>

/*
 * A barrier is in one of four states. It fills until its parties are there, and then drains until
 * all have left; a reset lets those go that are in it; a broken one lets nobody in. `count` is how
 * many are between: they came in, and have not left. Every change of state notifies all.
 *
 * The steps, each with the condition's lock held, are asyncio's one by one, so that the tasks run
 * in the same passes.
 */
enum { FILLING, DRAINING, RESETTING, BROKEN };

static void leave(coro_barrier *barrier)
{
    barrier->count--;
    if (barrier->count > 0)
        return;
    if (barrier->state == DRAINING || barrier->state == RESETTING)
        barrier->state = FILLING;
    coro_condition_notify_all(&barrier->condition);
}

/* A destroyed task no longer counts. The others are woken by their own ends, if at all. */
static void leave_destroyed(coro_barrier *barrier)
{
    barrier->count--;
    if (barrier->count == 0 && (barrier->state == DRAINING || barrier->state == RESETTING))
        barrier->state = FILLING;
}

static void abandon_waiting(struct coro__ready *ready, struct coro__wait *wait)
{
    struct coro__waiter *waiter = coro__waiting_waiter(wait);
    if (waiter->list)
        leave_destroyed(CORO__CONTAINER_OF(waiter->list, coro_barrier, condition.waiters));
    coro__waiting_abandon(ready, wait);
}

static void abandon_relocking(struct coro__ready *ready, struct coro__wait *wait)
{
    struct coro__waiter *waiter = coro__waiting_waiter(wait);
    if (waiter->list)
        leave_destroyed(CORO__CONTAINER_OF(waiter->list, coro_barrier, condition.own.waiters));
    coro__waiting_abandon(ready, wait);
}

static const struct coro__wait_kind entering = {.name = "barrier",
                                                .abandon = coro__waiting_abandon};

/* Until it has drained; not counted yet. */
static const struct coro__condition_kinds blocked = {
    .waiting = {.name = "barrier", .abandon = coro__waiting_abandon},
    .relocking = {.name = "barrier", .abandon = coro__waiting_abandon}};

/* Until it is full. */
static const struct coro__condition_kinds filling = {
    .waiting = {.name = "barrier", .abandon = abandon_waiting},
    .relocking = {.name = "barrier", .abandon = abandon_relocking}};

static int enter(coro_barrier *barrier)
{
    if (barrier->parties == 0 || barrier->parties > INT_MAX)
        return -EINVAL;
    return coro__lock_acquire_as(&barrier->condition.own, &entering);
}

static int wait_until_drained(coro_barrier *barrier)
{
    int rc = 0;
    while (rc == 0 && (barrier->state == DRAINING || barrier->state == RESETTING))
        rc = coro__condition_wait_as(&barrier->condition, &blocked);
    return rc == 0 && barrier->state == BROKEN ? -EPIPE : rc;
}

static int wait_until_full(coro_barrier *barrier)
{
    int rc = 0;
    while (rc == 0 && barrier->state == FILLING)
        rc = coro__condition_wait_as(&barrier->condition, &filling);
    return rc == 0 && barrier->state != DRAINING ? -EPIPE : rc;
}

/* Goes through the barrier, counted; its index, or an error. */
static int pass(coro_barrier *barrier)
{
    const unsigned index = barrier->count++;
    int rc = 0;
    if (index + 1 == barrier->parties) {
        barrier->state = DRAINING;
        coro_condition_notify_all(&barrier->condition);
    } else {
        rc = wait_until_full(barrier);
    }
    leave(barrier);
    return rc < 0 ? rc : (int)index;
}

int coro_barrier_wait(coro_barrier *barrier)
{
    int rc = enter(barrier);
    if (rc < 0)
        return rc;
    rc = wait_until_drained(barrier);
    if (rc == 0)
        rc = pass(barrier);
    coro_lock_release(&barrier->condition.own);
    return rc;
}

static int change(coro_barrier *barrier, bool to_broken)
{
    const int rc = enter(barrier);
    if (rc < 0)
        return rc;
    if (to_broken)
        barrier->state = BROKEN;
    else
        barrier->state = barrier->count > 0 ? RESETTING : FILLING;
    coro_condition_notify_all(&barrier->condition);
    coro_lock_release(&barrier->condition.own);
    return 0;
}

int coro_barrier_reset(coro_barrier *barrier)
{
    return change(barrier, false);
}

int coro_barrier_abort(coro_barrier *barrier)
{
    return change(barrier, true);
}

bool coro_barrier_broken(const coro_barrier *barrier)
{
    return barrier->state == BROKEN;
}
