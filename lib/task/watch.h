/* SPDX-License-Identifier: MIT */
/*
 * Waiting for the ends of several tasks at once: gather, wait, shield. Each task that ends runs the
 * `ended` of the watch on the loop, in a pass of its own, as asyncio's done callbacks do, and that
 * decides whether to wake the waiter.
 */
#ifndef CORO_TASK_WATCH_H
#define CORO_TASK_WATCH_H

#include "task/current.h"

struct coro__watch;

/* One place of the list that was given. */
struct coro__watched {
    struct coro__callback callback; /* callback.of is the task; a reference is held */
    struct coro__watch *watch;
};

enum { CORO__WATCHED_FEW = 4 };

struct coro__watch {
    struct coro__wait wait;
    void (*ended)(struct coro__ready *ready, struct coro__watch *watch, coro_task *task);
    struct coro__watched *watched; /* in the order given, without those that are NULL */
    size_t count;
    size_t different;                            /* distinct tasks */
    size_t missing;                              /* NULLs: tasks that could not be created */
    struct coro__watched few[CORO__WATCHED_FEW]; /* watched, where these are enough */
};

/* For a kind that may forward. Takes a reference to each task, and places for their ends; watches
 * none yet. 0 or a negative errno. */
int coro__watch_begin(struct coro__watch *watch, const struct coro__wait_kind *kind,
                      coro_task *caller, coro_task *const tasks[], size_t n);

/* Whether this place is the first one with its task, so that it is the one to be watched. */
static inline bool coro__watched_first(const struct coro__watched *watched)
{
    return watched->callback.run != NULL;
}

/* Watches one place: its task's end, or, where that was before, the next pass. */
void coro__watch_task(struct coro__ready *ready, struct coro__watched *watched);

/* For watch->ended: the first end wakes the waiter. */
void coro__watch_wake(struct coro__ready *ready, struct coro__watch *watch, coro_task *task);

/* How many of the different tasks have ended, the missing ones among them. */
size_t coro__watch_done(const struct coro__watch *watch);

/* Gives up what coro__watch_begin took. */
void coro__watch_end(struct coro__ready *ready, struct coro__watch *watch);

/* For wait kinds: the tasks that are watched. */
coro_task *coro__watch_target(const struct coro__wait *wait, size_t i);
void coro__watch_abandon(struct coro__ready *ready, struct coro__wait *wait);

#endif
