/* SPDX-License-Identifier: MIT */
/* Callbacks by the loop. */
#ifndef CORO_TASK_CALL_H
#define CORO_TASK_CALL_H

#include "sched/loop.h"

/* The run is over: what is still scheduled will not be called. */
void coro__calls_discard(struct coro__loop *loop);

#endif
