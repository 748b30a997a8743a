/* SPDX-License-Identifier: MIT */
#include "coro/call.h"
#include "task/current.h"

#include <assert.h>

struct call {
    struct coro__cell cell;
    struct coro__owned owned;
    struct coro__timer timer;    /* its callback is queued directly by coro_call_soon */
    struct coro__locals *locals; /* of whoever scheduled it */
    coro_call_fn *fn;
    void *arg;
    coro_time when;
};
static_assert(sizeof(struct call) <= CORO__CELL_SIZE, "a call fits into a cell");

static struct call *as_call(struct coro__cell *cell)
{
    return cell ? CORO__CONTAINER_OF(cell, struct call, cell) : NULL;
}

static void drop(struct coro__loop *loop, struct call *call)
{
    coro__list_remove(&call->owned.link);
    coro__ready_unreserve(&loop->ready, 1);
    coro__cell_give(&loop->cells, &call->cell);
}

static void cancel(struct coro__loop *loop, struct call *call)
{
    coro__loop_stop_timer(loop, &call->timer);
    coro__locals_release(call->locals);
    drop(loop, call);
}

static void discard(struct coro__loop *loop, struct coro__owned *owned)
{
    cancel(loop, CORO__CONTAINER_OF(owned, struct call, owned));
}

static void run(struct coro__ready *ready, struct coro__callback *callback)
{
    struct call *call = CORO__CONTAINER_OF(callback, struct call, timer.callback);
    const struct call made = *call;
    drop(coro__loop_of(ready), call);
    coro__ready_call_with_locals(ready, made.locals, made.fn, made.arg);
}

/* A call that is not scheduled, with its place reserved; NULL without memory. */
static struct call *make(struct coro__loop *loop, coro_call_fn *fn, void *arg)
{
    if (coro__ready_reserve(&loop->ready, 1) < 0)
        return NULL;
    struct call *call = as_call(coro__cell_take(&loop->cells));
    if (!call) {
        coro__ready_unreserve(&loop->ready, 1);
        return NULL;
    }
    coro__timer_init(&call->timer, run);
    call->locals = coro__locals_retain(coro__ready_locals(&loop->ready));
    call->owned.discard = discard;
    coro__list_push_back(&loop->owned, &call->owned.link);
    call->fn = fn;
    call->arg = arg;
    return call;
}

static int schedule(struct coro__loop *loop, struct call *call, bool soon)
{
    if (!soon)
        return coro__loop_start_timer(loop, &call->timer, call->when);
    coro__ready_push_callback(&loop->ready, &call->timer.callback);
    return 0;
}

static int call(bool soon, coro_time when, coro_call_fn *fn, void *arg, coro_handle *handle)
{
    if (handle)
        *handle = (coro_handle){.cell = NULL};
    if (!fn)
        return -EINVAL;
    if (!coro__ready_here)
        return -EPERM;
    struct coro__loop *loop = coro__loop_here();
    struct call *made = make(loop, fn, arg);
    if (!made)
        return -ENOMEM;
    made->when = when;
    const int rc = schedule(loop, made, soon);
    if (rc < 0)
        cancel(loop, made);
    else if (handle)
        *handle = (coro_handle){&made->cell, made->cell.number};
    return rc;
}

static coro_time now_here(void)
{
    return coro__ready_here ? coro__loop_now(coro__loop_here()) : 0;
}

int coro_call_soon(coro_call_fn *fn, void *arg, coro_handle *handle)
{
    const coro_time now = handle ? now_here() : 0; /* who has no handle cannot ask for it */
    return call(true, now, fn, arg, handle);
}

int coro_call_at(coro_time when, coro_call_fn *fn, void *arg, coro_handle *handle)
{
    return call(false, when, fn, arg, handle);
}

int coro_call_later(coro_duration delay, coro_call_fn *fn, void *arg, coro_handle *handle)
{
    return coro_call_at(coro__time_after(now_here(), delay), fn, arg, handle);
}

/* The call that a handle stands for; NULL if it has been made or cancelled, or is another loop's.
 */
static struct call *call_of(const coro_handle *handle)
{
    if (!coro__ready_here)
        return NULL;
    return as_call(coro__cell_find(&coro__loop_here()->cells, handle->cell, handle->number));
}

bool coro_handle_cancel(const coro_handle *handle)
{
    struct call *call = call_of(handle);
    if (!call)
        return false;
    cancel(coro__loop_here(), call);
    return true;
}

coro_time coro_handle_when(const coro_handle *handle)
{
    const struct call *call = call_of(handle);
    return call ? call->when : CORO_FOREVER;
}
