/* SPDX-License-Identifier: MIT */
/* Done callbacks of users. */
#ifndef CORO_TASK_CALLBACKS_H
#define CORO_TASK_CALLBACKS_H

#include "util/list.h"

/* Frees a done callback that will not run: see coro__task_pool.discard. */
void coro__done_callback_discard(struct coro__list *link);

#endif
