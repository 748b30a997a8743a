/* SPDX-License-Identifier: MIT */
/*
 * fork(): the child is a copy of one thread, but has no part in the loops of the thread, that which
 * runs and those that may run again. What they wait for, their fds and their signals are the
 * parent's.
 */
#ifndef CORO_SCHED_FORK_H
#define CORO_SCHED_FORK_H

#include "sched/loop.h"

/* Has every child to come be in no loop. 0 or -ENOMEM. */
int coro__fork_watch(void);

/* A loop of this thread is open from here to there. */
void coro__fork_add(struct coro__loop *loop);
void coro__fork_remove(const struct coro__loop *loop);

#endif
