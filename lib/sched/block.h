/* SPDX-License-Identifier: MIT */
/*
 * Blocks: what a task has begun and has to end, a timeout scope or a task group, in a cell. Blocks
 * that are left when their task ends are reported and abandoned.
 */
#ifndef CORO_SCHED_BLOCK_H
#define CORO_SCHED_BLOCK_H

#include "sched/loop.h"

struct coro__block;

struct coro__block_kind {
    const char *name; /* for the report: "timeout scope" */
    const char *end;  /* the call that was not made */
    enum coro_log_event event;
    /* Gives up all that the block holds, before its cell goes back. */
    void (*abandon)(struct coro__loop *loop, struct coro__block *block);
};

/* The first member of each kind's struct. With another eight bytes it is a cache line: what they
 * are followed by begins the next one, and lies across none. */
struct coro__block {
    struct coro__cell cell;
    struct coro__block *next; /* of the task's, the innermost first */
    struct coro__block **at;  /* what leads to it: the task's pointer, or that of the one before */
    coro_task *task;
    const struct coro__block_kind *kind;
    bool closed; /* ended, and kept only for what it has to say */
};

/* A new innermost block of the task, in which all behind this head is as it was left; NULL without
 * memory. */
struct coro__block *coro__block_begin(struct coro__loop *loop, coro_task *task,
                                      const struct coro__block_kind *kind);

/* The block of this thread's loop that a public struct stands for; NULL if there is none (any
 * more). */
struct coro__block *coro__block_find(struct coro__cell *cell, uint64_t number);

/* Gives the block's cell back; it holds nothing any more. */
void coro__block_end(struct coro__loop *loop, struct coro__block *block);

/* Reports and ends the blocks that a task leaves behind. */
void coro__blocks_abandon(struct coro__loop *loop, coro_task *task);

#endif
