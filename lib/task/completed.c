/* SPDX-License-Identifier: MIT */
#include "coro/wait.h"
#include "sched/block.h"
#include "task/current.h"
#include "util/memory.h"

#include <assert.h>
#include <stdlib.h>

/* A task that is handed out: to come, or come and in the list of those, or handed out. */
struct entry {
    struct coro__callback ended; /* ended.of is the task; a reference is held */
    struct coro__list link;      /* of those that have come */
    struct completed *of;
};

struct entries {
    struct coro__list come; /* in the order in which they ended */
    size_t count;
    size_t late;    /* that the time has run out for */
    size_t missing; /* NULLs: tasks that could not be created, which have come */
    struct entry each[];
};

struct completed {
    struct coro__block block;
    struct entries *entries;
    struct coro__timer timer;
    size_t to_come;          /* that the time has not run out for */
    struct coro__wait *wait; /* coro_completed_next's, while it waits */
};
static_assert(sizeof(struct completed) <= CORO__CELL_SIZE, "it fits into a cell");

struct next {
    struct coro__wait wait;
    const struct completed *of;
};

static struct completed *as_completed(struct coro__block *block)
{
    return CORO__CONTAINER_OF(block, struct completed, block);
}

static coro_task *target(const struct coro__wait *wait, size_t i)
{
    const struct entries *entries = CORO__CONTAINER_OF(wait, struct next, wait)->of->entries;
    return i < entries->count ? entries->each[i].ended.of : NULL;
}

/* The block holds all that there is to give up. */
static const struct coro__wait_kind wait_kind = {.name = "as_completed", .target = target};

static void wake(struct coro__ready *ready, struct completed *completed)
{
    if (completed->wait)
        coro__wake(ready, completed->wait, 0);
}

static void on_end(struct coro__ready *ready, struct coro__callback *callback)
{
    struct entry *entry = CORO__CONTAINER_OF(callback, struct entry, ended);
    struct completed *completed = entry->of;
    if (completed->to_come == 0)
        return; /* the time was up first */
    coro__list_push_back(&completed->entries->come, &entry->link);
    if (--completed->to_come == 0)
        coro__loop_stop_timer(coro__loop_of(ready), &completed->timer);
    wake(ready, completed);
}

static void expire(struct coro__ready *ready, struct coro__callback *callback)
{
    struct completed *completed = CORO__CONTAINER_OF(callback, struct completed, timer.callback);
    completed->entries->late = completed->to_come;
    completed->to_come = 0;
    wake(ready, completed);
}

static void abandon(struct coro__loop *loop, struct coro__block *block)
{
    struct completed *completed = as_completed(block);
    struct entries *entries = completed->entries;
    coro__loop_stop_timer(loop, &completed->timer);
    for (size_t i = 0; i < entries->count; i++) {
        coro__callback_cancel(&loop->ready, &entries->each[i].ended);
        coro__task_release(entries->each[i].ended.of);
    }
    coro__ready_unreserve(&loop->ready, entries->count + 1);
    free(entries);
}

static const struct coro__block_kind kind = {.name = "coro_completed",
                                             .end = "coro_completed_end",
                                             .event = CORO_LOG_COMPLETED_NOT_ENDED,
                                             .abandon = abandon};

/* An entry for each different task; NULL without memory. */
static struct entries *entries_for(struct completed *completed, coro_task *const tasks[], size_t n)
{
    struct entries *entries = NULL;
    if (n <= (SIZE_MAX - sizeof *entries) / sizeof entries->each[0])
        entries = coro__calloc(1, sizeof *entries + n * sizeof entries->each[0]);
    if (!entries)
        return NULL;
    const uint64_t seen = coro__task_stamp(completed->block.task->pool);
    coro__list_init(&entries->come);
    for (size_t i = 0; i < n; i++) {
        if (!tasks[i]) {
            entries->missing++;
            continue;
        }
        if (tasks[i]->stamp == seen)
            continue;
        tasks[i]->stamp = seen;
        struct entry *entry = &entries->each[entries->count++];
        coro__callback_init(&entry->ended, on_end);
        coro__list_init(&entry->link);
        entry->ended.of = tasks[i];
        entry->of = completed;
        coro__task_retain(tasks[i]);
    }
    return entries;
}

/* With the entries in place: their places on the ready queue, and the timer. */
static int start(struct coro__loop *loop, struct completed *completed, coro_duration timeout)
{
    completed->to_come = completed->entries->count;
    int rc = coro__ready_reserve(&loop->ready, completed->to_come + 1);
    if (rc < 0)
        return rc;
    const bool limited = completed->to_come > 0 && timeout != CORO_FOREVER;
    if (limited)
        rc = coro__loop_start_timer(loop, &completed->timer,
                                    coro__time_after(coro__loop_now(loop), timeout));
    if (rc < 0)
        coro__ready_unreserve(&loop->ready, completed->to_come + 1);
    return rc;
}

static void undo(struct coro__loop *loop, struct completed *completed)
{
    struct entries *entries = completed->entries;
    for (size_t i = 0; entries && i < entries->count; i++)
        coro__task_release(entries->each[i].ended.of);
    free(entries);
    coro__block_end(loop, &completed->block);
}

int coro_completed_begin(coro_completed *handle, coro_task *const tasks[], size_t n,
                         coro_duration timeout)
{
    coro_task *caller = coro__caller();
    *handle = (coro_completed){.cell = NULL};
    int rc = coro__check_targets(caller, tasks, n);
    if (rc < 0)
        return rc;
    struct coro__loop *loop = coro__loop_here();
    struct coro__block *block = coro__block_begin(loop, caller, &kind);
    if (!block)
        return -ENOMEM;
    struct completed *completed = as_completed(block);
    coro__timer_init(&completed->timer, expire);
    completed->wait = NULL;
    completed->entries = entries_for(completed, tasks, n);
    rc = completed->entries ? start(loop, completed, timeout) : -ENOMEM;
    if (rc < 0) {
        undo(loop, completed);
        return rc;
    }
    for (size_t i = 0; i < completed->entries->count; i++) {
        struct coro__callback *ended = &completed->entries->each[i].ended;
        coro__add_callback(&loop->ready, ended->of, ended);
    }
    handle->cell = &block->cell;
    handle->number = block->cell.number;
    return 0;
}

static int wait_for_one(struct completed *completed)
{
    struct next next = {.of = completed};
    coro__wait_init(&next.wait, &wait_kind, completed->block.task);
    completed->wait = &next.wait;
    const int rc = coro__park(coro__ready_here, &next.wait);
    completed->wait = NULL;
    return rc;
}

/* Hands out what has come: 1, or -ETIMEDOUT for one that is late. 0 if there is none. */
static int take(struct entries *entries, coro_task **task)
{
    if (entries->missing > 0) {
        entries->missing--;
        return 1;
    }
    if (!coro__list_empty(&entries->come)) {
        struct entry *entry = CORO__CONTAINER_OF(entries->come.next, struct entry, link);
        coro__list_remove(&entry->link);
        *task = entry->ended.of;
        return 1;
    }
    if (entries->late == 0)
        return 0;
    entries->late--;
    return -ETIMEDOUT;
}

static struct completed *completed_of(const coro_completed *handle)
{
    struct coro__block *block = coro__block_find(handle->cell, handle->number);
    return block ? as_completed(block) : NULL;
}

int coro_completed_next(coro_completed *handle, coro_task **task)
{
    struct completed *completed = completed_of(handle);
    *task = NULL;
    if (!completed)
        return -EINVAL;
    if (completed->block.task != coro__caller())
        return -EPERM;
    int rc = take(completed->entries, task);
    if (rc != 0 || completed->to_come == 0)
        return rc;
    rc = wait_for_one(completed);
    return rc < 0 ? rc : take(completed->entries, task);
}

void coro_completed_end(coro_completed *handle)
{
    struct completed *completed = completed_of(handle);
    if (!completed || completed->block.task != coro__caller())
        return;
    abandon(coro__loop_here(), &completed->block);
    coro__block_end(coro__loop_here(), &completed->block);
}
