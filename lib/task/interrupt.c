/* SPDX-License-Identifier: MIT */
#include "task/interrupt.h"

#include <signal.h>
#include <unistd.h>

static void tell(struct coro__signal_listener *listener)
{
    struct coro__interrupt *interrupt =
        CORO__CONTAINER_OF(listener, struct coro__interrupt, listener);
    if (atomic_fetch_add(&interrupt->count, 1) == 0) {
        coro__loop_post(interrupt->inbox, &interrupt->post);
    } else {
        /* It is blocked while it is handled, and comes after that. */
        signal(SIGINT, SIG_DFL);
        raise(SIGINT);
    }
}

static void deliver(struct coro__loop *loop, struct coro__post *post)
{
    struct coro__interrupt *interrupt = CORO__CONTAINER_OF(post, struct coro__interrupt, post);
    interrupt->delivered = true;
    interrupt->accepted = coro__cancel(&loop->ready, interrupt->main, NULL);
}

static void discard(struct coro__post *post)
{
    (void)post;
}

static const struct coro__post_kind kind = {.deliver = deliver, .discard = discard};

void coro__interrupt_begin(struct coro__interrupt *interrupt, struct coro__loop *loop,
                           coro_task *main)
{
    atomic_init(&interrupt->count, 0);
    interrupt->delivered = interrupt->accepted = false;
    interrupt->post.kind = &kind;
    interrupt->inbox = loop->inbox;
    interrupt->main = main;
    interrupt->listener.number = SIGINT;
    interrupt->listener.fallback = true;
    interrupt->listener.tell = tell;
    interrupt->listens = getpid() == gettid() && coro__signal_has_default(SIGINT) &&
                         coro__signal_add(&interrupt->listener) == 0;
}

bool coro__interrupt_end(struct coro__interrupt *interrupt, struct coro__loop *loop)
{
    if (!interrupt->listens)
        return false;
    coro__signal_remove(&interrupt->listener);
    if (atomic_load(&interrupt->count) > 0 && !interrupt->delivered)
        coro__loop_deliver_posts(loop);
    return interrupt->accepted;
}
