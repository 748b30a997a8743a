/* SPDX-License-Identifier: MIT */
#include "coro/event.h"
#include "sync/waiters.h"

static const struct coro__wait_kind kind = {.name = "event", .abandon = coro__waiting_abandon};

CORO__USED static int park(coro_event *event)
{
    struct coro__waiting waiting;
    return coro__waiters_park(&event->waiters, &waiting, &kind, coro__caller());
}

CORO__SUSPENDING(coro__event_park, park);

int coro__event_wait_slow(coro_event *event)
{
    return coro__event_park(event);
}

int coro__event_set_slow(coro_event *event)
{
    const int rc = coro__waiters_check(&event->waiters);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    event->set = true;
    coro__waiters_wake_all(&event->waiters);
    return 0;
}
