/* SPDX-License-Identifier: MIT */
#include "coro/future.h"
#include "task/concurrent.h"
#include "task/current.h"
#include "util/memory.h"

#include <stdlib.h>

/*
 * A wrap stands between a concurrent future, which tells it its result in a post, and a future of
 * the loop. It goes when neither can come back to it: no post is due, and the loop has let go of it
 * because the future was settled, or at its own end.
 */
struct wrap {
    struct coro__observer observer;
    bool due; /* the post */
    coro_concurrent_future *from;
    struct coro__owned owned;
    coro_future *to; /* NULL when the loop has let go */
    struct coro__callback settled;
};

static void free_unless_used(struct wrap *wrap)
{
    if (wrap->due || wrap->to)
        return;
    coro_concurrent_release(wrap->from);
    coro__inbox_release(wrap->observer.inbox);
    free(wrap);
}

static void let_go(struct coro__loop *loop, struct wrap *wrap)
{
    coro__list_remove(&wrap->owned.link);
    coro__callback_cancel(&loop->ready, &wrap->settled);
    coro__ready_unreserve(&loop->ready, 1);
    coro__task_release(wrap->to);
    wrap->to = NULL;
    if (wrap->due && coro__concurrent_unobserve(wrap->from, &wrap->observer))
        wrap->due = false;
    free_unless_used(wrap);
}

static void discard_owned(struct coro__loop *loop, struct coro__owned *owned)
{
    let_go(loop, CORO__CONTAINER_OF(owned, struct wrap, owned));
}

static void on_settled(struct coro__ready *ready, struct coro__callback *callback)
{
    struct wrap *wrap = CORO__CONTAINER_OF(callback, struct wrap, settled);
    coro_concurrent_future *from = coro_concurrent_retain(wrap->from);
    const bool cancelled = wrap->to->status == -ECANCELED;
    let_go(coro__loop_of(ready), wrap);
    if (cancelled)
        coro_concurrent_cancel(from);
    coro_concurrent_release(from);
}

static struct wrap *of_post(struct coro__post *post)
{
    return CORO__CONTAINER_OF(post, struct wrap, observer.post);
}

static void deliver(struct coro__loop *loop, struct coro__post *post)
{
    struct wrap *wrap = of_post(post);
    coro_concurrent_future *from = wrap->from;
    wrap->due = false;
    if (wrap->to && !wrap->to->done) {
        if (from->message)
            coro__message_set(&wrap->to->message, coro__message_copy(from->status, from->message));
        coro__settle(&loop->ready, wrap->to, from->status, from->value);
    }
    free_unless_used(wrap);
}

/* The loop has ended, and let go. */
static void discard(struct coro__post *post)
{
    struct wrap *wrap = of_post(post);
    wrap->due = false;
    free_unless_used(wrap);
}

static const struct coro__post_kind kind = {.deliver = deliver, .discard = discard};

static struct wrap *create(struct coro__loop *loop, coro_concurrent_future *from)
{
    struct wrap *wrap = coro__calloc(1, sizeof *wrap);
    coro_future *to = wrap ? coro_create_future() : NULL;
    if (!to || coro__ready_reserve(&loop->ready, 1) < 0) {
        coro_release(to);
        free(wrap);
        return NULL;
    }
    coro__inbox_retain(loop->inbox);
    coro__loop_visit_next(loop);
    wrap->observer.inbox = loop->inbox;
    wrap->observer.post.kind = &kind;
    coro__list_init(&wrap->observer.link);
    wrap->due = true;
    wrap->from = coro_concurrent_retain(from);
    wrap->to = to;
    wrap->owned.discard = discard_owned;
    coro__list_push_back(&loop->owned, &wrap->owned.link);
    coro__callback_init(&wrap->settled, on_settled);
    coro__add_callback(&loop->ready, to, &wrap->settled);
    return wrap;
}

coro_future *coro_wrap_future(coro_concurrent_future *from)
{
    struct wrap *wrap = from && coro__ready_here ? create(coro__loop_here(), from) : NULL;
    if (!wrap)
        return NULL;
    coro_future *to = coro_retain(wrap->to);
    coro__concurrent_observe(from, &wrap->observer);
    return to;
}
