/* SPDX-License-Identifier: MIT */
/* A timer that is nobody's wait, and so has a place of its own on the ready queue while it is set.
 * All zero is one that is not. */
#ifndef CORO_SCHED_ALARM_H
#define CORO_SCHED_ALARM_H

#include "sched/loop.h"

struct coro__alarm {
    struct coro__timer timer;
    bool set;
};

/* Has it run this after so long. 0, or -ENOMEM: it is not set. */
int coro__alarm_set(struct coro__loop *loop, struct coro__alarm *alarm,
                    void (*run)(struct coro__ready *ready, struct coro__callback *callback),
                    coro_duration after);

/* If it is set. */
void coro__alarm_clear(struct coro__loop *loop, struct coro__alarm *alarm);

/* The alarm of a callback that runs, which is not set any more. */
struct coro__alarm *coro__alarm_ran(struct coro__ready *ready, struct coro__callback *callback);

#endif
