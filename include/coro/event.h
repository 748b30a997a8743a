/* SPDX-License-Identifier: MIT */
/*
 * Events: something that tasks wait for and that stays happened until it is cleared.
 *
 *     static coro_event ready;                // zeros: not set
 *
 *     int rc = coro_event_wait(&ready);       // any number of tasks
 *     ...
 *     coro_event_set(&ready);                 // wakes them all
 *
 * An event stays where it is while tasks wait for it, and belongs to their loop for that time. A
 * task that was woken by set touches it no more. asyncio.Event.
 */
#ifndef CORO_EVENT_H
#define CORO_EVENT_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An event; zeros are one that is not set. Its fields belong to the library. */
typedef struct coro_event {
    struct coro__waiter *waiters; /* only while it is not set */
    bool set;
} coro_event;

#define CORO_EVENT_INITIALIZER \
    {                          \
        NULL, false            \
    }

/* What remains of the calls below when somebody waits, or has to. */
CORO_API int coro__event_wait_slow(coro_event *event);
CORO_API int coro__event_set_slow(coro_event *event);

/*
 * Waits until the event is set. If it is, the call is no suspension and no cancellation point.
 * Event.wait().
 *
 * Returns
 *   0           it was set, although it may have been cleared since
 *   -ECANCELED  the caller was cancelled while it waited
 *   -EPERM      it would have to wait, and the caller is no task
 *   -EXDEV      tasks of another loop wait for it
 */
static inline int coro_event_wait(coro_event *event)
{
    return event->set ? 0 : coro__event_wait_slow(event);
}

/*
 * Sets the event: all tasks that wait for it run in the next pass, in the order in which they came,
 * even if it is cleared before. Event.set().
 *
 * Returns 0, also where it was set already, or -EXDEV if tasks of another loop wait for it.
 */
static inline int coro_event_set(coro_event *event)
{
    if (event->waiters)
        return coro__event_set_slow(event);
    event->set = true;
    return 0;
}

/* Has coro_event_wait() wait again. Event.clear(). */
static inline void coro_event_clear(coro_event *event)
{
    event->set = false;
}

/* Whether it is set. Event.is_set(). */
static inline bool coro_event_is_set(const coro_event *event)
{
    return event->set;
}

#ifdef __cplusplus
}
#endif

#endif
