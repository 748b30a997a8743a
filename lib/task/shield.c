/* SPDX-License-Identifier: MIT */
#include "coro/wait.h"
#include "task/watch.h"

static const struct coro__wait_kind kind = {
    .name = "shield", .target = coro__watch_target, .abandon = coro__watch_abandon};

static int wait_for_end(coro_task *caller, coro_task *task, void **value)
{
    struct coro__ready *ready = coro__ready_here;
    struct coro__watch watch;
    int rc = coro__watch_begin(&watch, &kind, caller, &task, 1);
    if (rc < 0)
        return rc;
    watch.ended = coro__watch_wake;
    coro__watch_task(ready, &watch.watched[0]);
    rc = coro__park(ready, &watch.wait);
    /* A cancel that came before the task's end has a message of its own. */
    if (rc == 0 || (watch.wait.status == 0 && coro__ended_cancelled(task)))
        rc = coro__hand_over(caller, task, value);
    else if (task->done)
        task->retrieved = true;
    else
        task->shield_abandoned = true;
    coro__watch_end(ready, &watch);
    return rc;
}

int coro_shield(coro_task *task, void **value)
{
    coro_task *caller = coro__caller();
    const int rc = coro__check_target(caller, task);
    if (rc < 0)
        return rc;
    return task->done ? coro__hand_over(caller, task, value) : wait_for_end(caller, task, value);
}
