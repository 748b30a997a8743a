/* SPDX-License-Identifier: MIT */
/*
 * Signals: who is told of them. A signal that anybody listens to has the one handler here, which
 * tells all that listen to it, in whatever thread it runs. When the last one leaves, the action
 * that the signal had before is back, unless the program has set another one meanwhile.
 *
 * A listener is memory of whoever listens. Those of a signal are in a list that handlers walk
 * without a lock; a mutex keeps the threads that change it apart.
 */
#ifndef CORO_SCHED_SIGNAL_H
#define CORO_SCHED_SIGNAL_H

#include <stdatomic.h>
#include <stdbool.h>

struct coro__signal_listener {
    _Atomic(struct coro__signal_listener *) next;
    int number;
    bool fallback; /* told only where nobody else listens */
    /* In the handler, with all signals blocked. */
    void (*tell)(struct coro__signal_listener *listener);
};

/* Has the listener told of its signal from now on. 0, or -EINVAL: the signal has no handlers. */
int coro__signal_add(struct coro__signal_listener *listener);

/* No handler uses the listener any more when this returns. */
void coro__signal_remove(struct coro__signal_listener *listener);

/* Whether the program has left the signal its default action. */
bool coro__signal_has_default(int number);

/* Forgets all listeners, and puts the previous actions back: in a child of fork(). */
void coro__signal_forget_all(void);

#endif
