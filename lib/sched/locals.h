/* SPDX-License-Identifier: MIT */
/*
 * The values of task-locals: a small array that tasks and callbacks share until one of them sets a
 * value, and then has its own. An inherited set of values costs a reference.
 */
#ifndef CORO_SCHED_LOCALS_H
#define CORO_SCHED_LOCALS_H

#include "coro/local.h"

struct coro__locals;

/* Both take NULL, which is no values. */
struct coro__locals *coro__locals_retain(struct coro__locals *locals);
void coro__locals_release(struct coro__locals *locals);

/* A copy in *copy that is shared with nobody, for another thread. 0, or -ENOMEM. */
int coro__locals_copy(struct coro__locals **copy, const struct coro__locals *locals);

/* Where the variable's value is; NULL if none has been set. */
void **coro__locals_find(const struct coro__locals *locals, const coro_local *local);

/* Sets the variable in *locals, or removes its value. 0, or -ENOMEM: *locals is as it was. */
int coro__locals_set(struct coro__locals **locals, const coro_local *local, void *value);
int coro__locals_remove(struct coro__locals **locals, const coro_local *local);

#endif
