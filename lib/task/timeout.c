/* SPDX-License-Identifier: MIT */
#include "coro/timeout.h"
#include "coro/task.h"
#include "sched/block.h"
#include "task/current.h"

#include <assert.h>

struct scope {
    struct coro__block block;
    int cancelling; /* the task's count when the scope began */
    bool expired;   /* its time was up: it has cancelled the task */
    struct coro__timer timer;
};
static_assert(sizeof(struct scope) <= CORO__CELL_SIZE, "a scope fits into a cell");

static struct scope *as_scope(struct coro__block *block)
{
    return block ? CORO__CONTAINER_OF(block, struct scope, block) : NULL;
}

static void expire(struct coro__ready *ready, struct coro__callback *callback)
{
    struct scope *scope = CORO__CONTAINER_OF(callback, struct scope, timer.callback);
    scope->expired = true;
    coro__cancel(ready, scope->block.task, NULL);
}

static void abandon(struct coro__loop *loop, struct coro__block *block)
{
    coro__loop_stop_timer(loop, &as_scope(block)->timer);
    coro__ready_unreserve(&loop->ready, 1);
}

static const struct coro__block_kind kind = {.name = "timeout scope",
                                             .end = "coro_timeout_end",
                                             .event = CORO_LOG_TIMEOUT_NOT_ENDED,
                                             .abandon = abandon};

static struct scope *scope_of(const coro_timeout *timeout)
{
    return as_scope(coro__block_find(timeout->cell, timeout->number));
}

/* A scope without a deadline; NULL without memory. */
static struct scope *create(struct coro__loop *loop, coro_task *task)
{
    if (coro__ready_reserve(&loop->ready, 1) < 0)
        return NULL;
    struct scope *scope = as_scope(coro__block_begin(loop, task, &kind));
    if (!scope) {
        coro__ready_unreserve(&loop->ready, 1);
        return NULL;
    }
    coro__timer_init(&scope->timer, expire);
    scope->cancelling = task->cancel_requests;
    scope->expired = false;
    return scope;
}

static void destroy(struct coro__loop *loop, struct scope *scope)
{
    abandon(loop, &scope->block);
    coro__block_end(loop, &scope->block);
}

static coro_time now_here(void)
{
    return coro__caller() ? coro__loop_now(coro__loop_here()) : 0;
}

/* Has a scope without a deadline expire at this one. 0, or -ENOMEM. */
static int set_deadline(struct coro__loop *loop, struct scope *scope, coro_time deadline,
                        coro_time now)
{
    if (deadline > now)
        return coro__loop_start_timer(loop, &scope->timer, deadline);
    coro__ready_push_callback(&loop->ready, &scope->timer.callback);
    return 0;
}

static int begin(coro_timeout *timeout, coro_time deadline, coro_time now)
{
    coro_task *task = coro__caller();
    *timeout = (coro_timeout){.cell = NULL, .deadline = deadline, .expired = false};
    if (!task)
        return -EPERM;
    struct coro__loop *loop = coro__loop_here();
    struct scope *scope = create(loop, task);
    if (!scope)
        return -ENOMEM;
    const int rc = set_deadline(loop, scope, deadline, now);
    if (rc < 0) {
        destroy(loop, scope);
        return rc;
    }
    timeout->cell = &scope->block.cell;
    timeout->number = scope->block.cell.number;
    return 0;
}

int coro_timeout_begin_at(coro_timeout *timeout, coro_time deadline)
{
    return begin(timeout, deadline, now_here());
}

int coro_timeout_begin(coro_timeout *timeout, coro_duration limit)
{
    const coro_time now = now_here();
    return begin(timeout, coro__time_after(now, limit), now);
}

int coro_timeout_end(coro_timeout *timeout, int rc)
{
    struct scope *scope = scope_of(timeout);
    if (!scope)
        return rc;
    coro_task *task = coro__caller();
    if (scope->block.task != task)
        return -EPERM;
    timeout->cell = NULL;
    timeout->expired = scope->expired;
    const int before = scope->cancelling;
    destroy(coro__loop_here(), scope);
    if (!timeout->expired || coro_uncancel(task) > before || rc != -ECANCELED)
        return rc;
    /* The text was the cancel's. */
    coro__message_set(&task->message, NULL);
    return -ETIMEDOUT;
}

int coro_timeout_reschedule(coro_timeout *timeout, coro_time deadline)
{
    if (!coro__ready_here)
        return -EPERM;
    struct scope *scope = scope_of(timeout);
    if (!scope || scope->expired)
        return -EINVAL;
    struct coro__loop *loop = coro__loop_here();
    coro__loop_stop_timer(loop, &scope->timer);
    const int rc = set_deadline(loop, scope, deadline, coro__loop_now(loop));
    timeout->deadline = rc < 0 ? CORO_FOREVER : deadline;
    return rc;
}

bool coro_timeout_expired(const coro_timeout *timeout)
{
    const struct scope *scope = scope_of(timeout);
    return scope ? scope->expired : timeout->expired;
}

coro_time coro_timeout_when(const coro_timeout *timeout)
{
    return timeout->deadline;
}
