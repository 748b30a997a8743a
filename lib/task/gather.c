/* SPDX-License-Identifier: MIT */
#include "coro/wait.h"
#include "task/watch.h"

struct gather {
    struct coro__watch watch;
    bool return_exceptions;
    size_t finished;
    bool settled;
    int status;             /* valid when settled */
    const coro_task *cause; /* the task whose status it is; NULL if none's */
};

static const struct coro__wait_kind kind = {.name = "gather",
                                            .forwards = true,
                                            .target = coro__watch_target,
                                            .abandon = coro__watch_abandon};

static void settle(struct gather *gather, int status, const coro_task *cause)
{
    gather->settled = true;
    gather->status = status;
    gather->cause = cause;
}

/* Counts one task that has ended; NULL for one that could not be created. */
static void count(struct gather *gather, const coro_task *task)
{
    const int status = task ? task->status : -ENOMEM;
    const struct coro__watch *watch = &gather->watch;
    gather->finished++;
    if (gather->settled)
        return;
    if (status < 0 && !gather->return_exceptions)
        settle(gather, status, task);
    else if (gather->finished == watch->different + watch->missing)
        settle(gather, watch->wait.cancel_requested ? -ECANCELED : 0, NULL);
}

static void ended(struct coro__ready *ready, struct coro__watch *watch, coro_task *task)
{
    struct gather *gather = CORO__CONTAINER_OF(watch, struct gather, watch);
    count(gather, task);
    if (gather->settled)
        coro__wake(ready, &watch->wait, 0);
}

/* Watches what has not ended, then counts what has, in the order given. */
static void begin(struct coro__ready *ready, struct gather *gather, coro_task *const tasks[],
                  size_t n)
{
    struct coro__watch *watch = &gather->watch;
    size_t next = 0;
    watch->ended = ended;
    for (size_t i = 0; i < watch->count; i++)
        if (coro__watched_first(&watch->watched[i]) && !watch->watched[i].callback.of->done)
            coro__watch_task(ready, &watch->watched[i]);
    for (size_t i = 0; i < n; i++) {
        if (!tasks[i]) {
            count(gather, NULL);
            continue;
        }
        const struct coro__watched *watched = &watch->watched[next++];
        if (coro__watched_first(watched) && tasks[i]->done)
            count(gather, tasks[i]);
    }
}

/* The message of the status: that of the cause, or of the caller's request. */
static struct coro__message *message(const struct gather *gather, const coro_task *caller)
{
    if (gather->cause)
        return coro__task_message(gather->cause);
    return gather->status == -ECANCELED ? caller->handed_on : NULL;
}

static int result(const struct gather *gather, coro_task *caller)
{
    if (gather->status < 0)
        coro__message_set(&caller->message, coro__message_retain(message(gather, caller)));
    return gather->status;
}

int coro_gather(coro_task *const tasks[], size_t n, unsigned flags)
{
    coro_task *caller = coro__caller();
    struct coro__ready *ready = coro__ready_here;
    struct gather gather = {.return_exceptions = flags & CORO_RETURN_EXCEPTIONS};
    if (!caller)
        return -EPERM;
    if (flags & ~CORO_RETURN_EXCEPTIONS)
        return -EINVAL;
    int rc = coro__watch_begin(&gather.watch, &kind, caller, tasks, n);
    if (rc < 0)
        return rc;
    begin(ready, &gather, tasks, n);
    if (!gather.settled && n > 0)
        rc = coro__park(ready, &gather.watch.wait);
    /* One cancellation is like another, but for the message, and the gather's came first. */
    if (rc == 0 || (gather.settled && gather.status == -ECANCELED))
        rc = result(&gather, caller);
    /* Also those that end later: whoever gathers does not look at each. */
    for (size_t i = 0; i < gather.watch.count; i++)
        gather.watch.watched[i].callback.of->retrieved = true;
    coro__watch_end(ready, &gather.watch);
    return rc;
}
