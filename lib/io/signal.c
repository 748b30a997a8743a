/* SPDX-License-Identifier: MIT */
#include "coro/signal.h"
#include "sched/block.h"
#include "sched/signal.h"
#include "task/current.h"
#include "util/memory.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

/*
 * A handler marks the signal as pending, and posts the subscription to its loop unless that post is
 * on its way. The post is part of the subscription, which therefore outlives its end until the post
 * has come.
 */

struct subscribed {
    struct coro__signal_listener listener;
    struct subscription *of;
    atomic_int pending;
};

struct subscription {
    struct coro__post post;
    struct coro__inbox *inbox;
    atomic_int posted;
    bool ended;
    struct coro__wait *wait; /* of the task; NULL unless it waits */
    size_t count;
    struct subscribed signals[]; /* in the order given */
};

struct block {
    struct coro__block block;
    struct subscription *subscription;
};
static_assert(sizeof(struct block) <= CORO__CELL_SIZE, "a block fits into a cell");

/* --- From the handler to the task ------------------------------------------------------------- */
static void tell(struct coro__signal_listener *listener)
{
    struct subscribed *signal = CORO__CONTAINER_OF(listener, struct subscribed, listener);
    struct subscription *subscription = signal->of;
    atomic_store(&signal->pending, 1);
    if (atomic_exchange(&subscription->posted, 1) == 0)
        coro__loop_post(subscription->inbox, &subscription->post);
}

static void deliver(struct coro__loop *loop, struct coro__post *post)
{
    struct subscription *subscription = CORO__CONTAINER_OF(post, struct subscription, post);
    if (subscription->ended) {
        free(subscription);
        return;
    }
    atomic_store(&subscription->posted, 0);
    if (subscription->wait)
        coro__wake(&loop->ready, subscription->wait, 0);
}

static void discard(struct coro__post *post)
{
    free(CORO__CONTAINER_OF(post, struct subscription, post));
}

static const struct coro__post_kind post_kind = {.deliver = deliver, .discard = discard};

/* The first one that is pending; 0 if none is. */
static int take(struct subscription *subscription)
{
    for (size_t i = 0; i < subscription->count; i++)
        if (atomic_exchange(&subscription->signals[i].pending, 0))
            return subscription->signals[i].listener.number;
    return 0;
}

/* --- Subscribing ------------------------------------------------------------------------------ */
static void end(struct subscription *subscription)
{
    for (size_t i = 0; i < subscription->count; i++)
        coro__signal_remove(&subscription->signals[i].listener);
    if (atomic_load(&subscription->posted))
        subscription->ended = true;
    else
        free(subscription);
}

static bool has(const struct subscription *subscription, int number)
{
    for (size_t i = 0; i < subscription->count; i++)
        if (subscription->signals[i].listener.number == number)
            return true;
    return false;
}

static bool is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL;
}

/* 0, or -EINVAL. One that is there already is there once. */
static int add(struct subscription *subscription, int number)
{
    if (is_fault(number))
        return -EINVAL;
    if (has(subscription, number))
        return 0;
    struct subscribed *signal = &subscription->signals[subscription->count];
    signal->of = subscription;
    signal->listener.number = number;
    signal->listener.tell = tell;
    const int rc = coro__signal_add(&signal->listener);
    subscription->count += rc == 0;
    return rc;
}

static int subscribe(struct subscription **created, struct coro__inbox *inbox, const int numbers[],
                     size_t n)
{
    struct subscription *subscription;
    if (n > (SIZE_MAX - sizeof *subscription) / sizeof subscription->signals[0])
        return -ENOMEM;
    subscription = coro__calloc(1, sizeof *subscription + n * sizeof subscription->signals[0]);
    if (!subscription)
        return -ENOMEM;
    subscription->post.kind = &post_kind;
    subscription->inbox = inbox;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add(subscription, numbers[i]);
    if (rc < 0)
        end(subscription);
    else
        *created = subscription;
    return rc;
}

static struct block *as_block(struct coro__block *block)
{
    return block ? CORO__CONTAINER_OF(block, struct block, block) : NULL;
}

static void abandon(struct coro__loop *loop, struct coro__block *block)
{
    (void)loop;
    end(as_block(block)->subscription);
}

static const struct coro__block_kind block_kind = {.name = "subscription of signals",
                                                   .end = "coro_signal_end",
                                                   .event = CORO_LOG_SIGNAL_NOT_ENDED,
                                                   .abandon = abandon};

static struct block *block_of(const coro_signal *signal)
{
    return as_block(coro__block_find(signal->cell, signal->number));
}

int coro_signal_begin(coro_signal *signal, const int numbers[], size_t n)
{
    coro_task *caller = coro__caller();
    *signal = (coro_signal){.cell = NULL, .number = 0};
    if (!numbers || n == 0)
        return -EINVAL;
    if (!caller)
        return -EPERM;
    struct coro__loop *loop = coro__loop_here();
    struct block *block = as_block(coro__block_begin(loop, caller, &block_kind));
    if (!block)
        return -ENOMEM;
    const int rc = subscribe(&block->subscription, loop->inbox, numbers, n);
    if (rc < 0) {
        coro__block_end(loop, &block->block);
        return rc;
    }
    signal->cell = &block->block.cell;
    signal->number = block->block.cell.number;
    return 0;
}

void coro_signal_end(coro_signal *signal)
{
    struct block *block = block_of(signal);
    if (!block || block->block.task != coro__caller())
        return;
    end(block->subscription);
    coro__block_end(coro__loop_here(), &block->block);
    signal->cell = NULL;
}

/* --- Waiting ---------------------------------------------------------------------------------- */
struct signal_wait {
    struct coro__wait wait;
    struct subscription *subscription;
};

static void end_wait(struct subscription *subscription)
{
    subscription->wait = NULL;
    coro__inbox_release(subscription->inbox);
}

static void abandon_wait(struct coro__ready *ready, struct coro__wait *wait)
{
    (void)ready;
    end_wait(CORO__CONTAINER_OF(wait, struct signal_wait, wait)->subscription);
}

static const struct coro__wait_kind wait_kind = {.name = "signal_wait", .abandon = abandon_wait};

/* Meanwhile the loop has somebody who may wake it. */
static int wait_for_post(struct coro__loop *loop, struct subscription *subscription)
{
    struct signal_wait parked = {.subscription = subscription};
    coro__wait_init(&parked.wait, &wait_kind, coro__caller());
    subscription->wait = &parked.wait;
    coro__inbox_retain(subscription->inbox);
    coro__loop_visit_next(loop);
    const int rc = coro__park(&loop->ready, &parked.wait);
    end_wait(subscription);
    return rc;
}

int coro_signal_wait(coro_signal *signal)
{
    struct block *block = block_of(signal);
    if (!coro__caller())
        return -EPERM;
    if (!block)
        return -EINVAL;
    if (block->block.task != coro__caller())
        return -EPERM;
    int number;
    while ((number = take(block->subscription)) == 0) {
        const int rc = wait_for_post(coro__loop_here(), block->subscription);
        if (rc < 0)
            return rc;
    }
    return number;
}
