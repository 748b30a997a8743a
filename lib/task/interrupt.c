/* SPDX-License-Identifier: MIT */
#include "task/interrupt.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

/* Of the run of the main thread; and how many handlers look at it, which may be in any thread. */
static _Atomic(struct coro__interrupt *) here;
static atomic_uint handling;

static void handle(int number)
{
    atomic_fetch_add(&handling, 1);
    struct coro__interrupt *interrupt = atomic_load(&here);
    if (interrupt && atomic_fetch_add(&interrupt->count, 1) == 0) {
        coro__loop_post(interrupt->inbox, &interrupt->post);
    } else {
        /* It is blocked while it is handled, and comes after that. */
        signal(number, SIG_DFL);
        raise(number);
    }
    atomic_fetch_sub(&handling, 1);
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

static bool is_handled_by(const struct sigaction *action, void (*handler)(int))
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == handler;
}

void coro__interrupt_begin(struct coro__interrupt *interrupt, struct coro__loop *loop,
                           coro_task *main)
{
    atomic_init(&interrupt->count, 0);
    interrupt->delivered = interrupt->accepted = false;
    interrupt->installed = getpid() == gettid() &&
                           sigaction(SIGINT, NULL, &interrupt->previous) == 0 &&
                           is_handled_by(&interrupt->previous, SIG_DFL);
    if (!interrupt->installed)
        return;
    interrupt->post.kind = &kind;
    interrupt->inbox = loop->inbox;
    interrupt->main = main;
    atomic_store(&here, interrupt);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART | SA_ONSTACK; /* the stack of a task may be small */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

bool coro__interrupt_end(struct coro__interrupt *interrupt, struct coro__loop *loop)
{
    if (!interrupt->installed)
        return false;
    struct sigaction now;
    if (sigaction(SIGINT, NULL, &now) == 0 && is_handled_by(&now, handle))
        sigaction(SIGINT, &interrupt->previous, NULL);
    atomic_store(&here, NULL);
    while (atomic_load(&handling) > 0)
        sched_yield();
    if (atomic_load(&interrupt->count) > 0 && !interrupt->delivered)
        coro__loop_deliver_posts(loop);
    return interrupt->accepted;
}
