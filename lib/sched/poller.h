/* SPDX-License-Identifier: MIT */
/*
 * The poller, as the loop sees it: something to sleep in that also wakes tasks which wait for fds.
 * Who makes it (lib/io) puts it into loop->poller at the first I/O call; a run without I/O has
 * none. It has the inbox's wake_fd among what it sleeps for.
 */
#ifndef CORO_SCHED_POLLER_H
#define CORO_SCHED_POLLER_H

#include "coro/base.h"

struct coro__poller;

struct coro__poller_kind {
    /* Wakes the tasks for which something has happened. Sleeps for that where the limit is not 0
     * (CORO_FOREVER: no limit), until there is a post, a signal comes in, or, where that is asked
     * for, nobody shares the inbox any more. May return early. */
    void (*poll)(struct coro__poller *poller, coro_time now, coro_duration limit,
                 bool while_shared);
    /* Wakes the tasks that wait for an fd which is closed: for a loop that is about to do nothing
     * for longer than it takes. */
    void (*verify)(struct coro__poller *poller);
    void (*destroy)(struct coro__poller *poller);
};

struct coro__poller {
    const struct coro__poller_kind *kind;
};

#endif
