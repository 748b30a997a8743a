/* SPDX-License-Identifier: MIT */
/*
 * Slabs: memory for many things of one size, in pieces of which each is twice as large as the one
 * before. It goes back to the system with all that is in it, and not before.
 */
#ifndef CORO_SCHED_SLAB_H
#define CORO_SCHED_SLAB_H

#include <stddef.h>

struct coro__slab;

struct coro__slabs {
    struct coro__slab *newest;
    /* Of the newest slab what was never used, and of that what is not even prepared. */
    char *unused;
    char *unprepared;
    char *end;
};

/* Memory for a thing of this size, the same in all calls and whole cache lines; it begins one. What
 * is in it is not defined. NULL without memory; keeps errno. */
void *coro__slab_carve(struct coro__slabs *slabs, size_t size);

/* Frees all that was carved; then it can begin anew. */
void coro__slabs_free(struct coro__slabs *slabs);

#endif
