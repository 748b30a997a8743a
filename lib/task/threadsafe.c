/* SPDX-License-Identifier: MIT */
#include "coro/threadsafe.h"
#include "task/current.h"
#include "thread/errand.h"
#include "util/memory.h"

#include <stdlib.h>

struct posted_call {
    struct coro__post post;
    struct coro__callback callback;
    struct coro__locals *locals; /* of whoever posted it, and its own */
    coro_call_fn *fn;
    void *arg;
};

static void call(struct coro__ready *ready, struct posted_call *posted)
{
    const struct posted_call made = *posted;
    free(posted);
    coro__ready_call_with_locals(ready, made.locals, made.fn, made.arg);
}

static void run(struct coro__ready *ready, struct coro__callback *callback)
{
    coro__ready_unreserve(ready, 1);
    call(ready, CORO__CONTAINER_OF(callback, struct posted_call, callback));
}

/* Without memory for a place on the ready queue it is called ahead of what is there. */
static void deliver(struct coro__loop *loop, struct coro__post *post)
{
    struct posted_call *posted = CORO__CONTAINER_OF(post, struct posted_call, post);
    if (coro__ready_reserve(&loop->ready, 1) == 0)
        coro__ready_push_callback(&loop->ready, &posted->callback);
    else
        call(&loop->ready, posted);
}

static void discard(struct coro__post *post)
{
    struct posted_call *posted = CORO__CONTAINER_OF(post, struct posted_call, post);
    coro__locals_release(posted->locals);
    free(posted);
}

static const struct coro__post_kind kind = {.deliver = deliver, .discard = discard};

/* In the loop's own thread it takes its place among what is ready, unless that would overtake what
 * others have posted, or may never run because the loop ends. */
static bool push(coro_loop *loop, struct posted_call *posted)
{
    if (loop != coro_current_loop() || !coro__inbox_empty(loop) || coro__loop_here()->ending ||
        coro__ready_reserve(coro__ready_here, 1) < 0)
        return false;
    coro__ready_push_callback(coro__ready_here, &posted->callback);
    return true;
}

int coro_call_soon_threadsafe(coro_loop *loop, coro_call_fn *fn, void *arg)
{
    if (!loop || !fn)
        return -EINVAL;
    struct posted_call *posted = coro__malloc(sizeof *posted);
    if (!posted)
        return -ENOMEM;
    if (coro__locals_copy(&posted->locals, coro__locals_here()) < 0) {
        free(posted);
        return -ENOMEM;
    }
    posted->post.kind = &kind;
    coro__callback_init(&posted->callback, run);
    posted->fn = fn;
    posted->arg = arg;
    if (push(loop, posted) || coro__loop_post(loop, &posted->post))
        return 0;
    discard(&posted->post);
    return -ESHUTDOWN;
}

coro_loop *coro_current_loop(void)
{
    return coro__ready_here ? coro__loop_here()->inbox : NULL;
}

coro_loop *coro_loop_retain(coro_loop *loop)
{
    if (loop)
        coro__inbox_retain(loop);
    if (loop && loop == coro_current_loop())
        coro__loop_visit_next(coro__loop_here());
    return loop;
}

void coro_loop_release(coro_loop *loop)
{
    if (loop)
        coro__inbox_release(loop);
}
