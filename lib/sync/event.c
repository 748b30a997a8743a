/* SPDX-License-Identifier: MIT */
#include "coro/event.h"
#include "sync/waiters.h"

static const struct coro__wait_kind kind = {.name = "event", .abandon = coro__waiting_abandon};

int coro__event_wait_slow(coro_event *event)
{
    struct coro__waiting waiting;
    const void *predicted;
    const int rc =
        coro__waiters_park_predicting(&event->waiters, &waiting, &kind, coro__caller(), &predicted);
    return coro__return_after(predicted, true, rc);
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
