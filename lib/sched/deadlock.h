/* SPDX-License-Identifier: MIT */
/* Who waits for what, as a tree, for when nothing can ever wake anybody. */
#ifndef CORO_SCHED_DEADLOCK_H
#define CORO_SCHED_DEADLOCK_H

#include "sched/loop.h"

/* Logs the tree, a line a record: who nobody waits for, and below it what that waits for. */
void coro__deadlock_report(struct coro__loop *loop);

#endif
