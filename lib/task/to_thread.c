/* SPDX-License-Identifier: MIT */
#include "task/to_thread.h"
#include "task/current.h"
#include "thread/errand.h"

struct to_thread {
    struct coro__wait wait;
    struct coro__errand *errand;
    bool wait_on_cancel;
};

/* Whether the errand has not begun and now never will. */
static bool take_back(struct coro__loop *loop, struct coro__errand *errand)
{
    if (!coro__pool_withdraw(errand->pool, &errand->job))
        return false;
    coro__loop_unexpect(loop);
    return true;
}

/* What the errand uses may lie on the stack that is to go. If not, it is left behind, and freed
 * when it has been done. */
static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    struct to_thread *parked = CORO__CONTAINER_OF(wait, struct to_thread, wait);
    struct coro__errand *errand = parked->errand;
    struct coro__loop *loop = coro__loop_of(ready);
    errand->done = errand->done || take_back(loop, errand);
    while (!errand->done && parked->wait_on_cancel) {
        coro__inbox_wait(loop->inbox, CORO_FOREVER, false);
        coro__loop_deliver_posts(loop);
    }
    errand->wait = NULL;
    if (errand->done)
        coro__errand_free(errand);
}

static const struct coro__wait_kind kind = {.name = "to_thread", .abandon = abandon};

static void deliver(struct coro__loop *loop, struct coro__post *post)
{
    struct coro__errand *errand = coro__errand_of(post);
    coro__loop_unexpect(loop);
    errand->done = true;
    if (errand->wait)
        coro__wake(&loop->ready, errand->wait, 0);
    else
        coro__errand_free(errand);
}

static void discard_post(struct coro__post *post)
{
    coro__errand_free(coro__errand_of(post));
}

static const struct coro__post_kind post_kind = {.deliver = deliver, .discard = discard_post};

/* 0, or a negative errno: the errand will not run. */
static int submit(struct coro__loop *loop, struct coro__pool *pool, struct coro__errand *errand)
{
    if (!pool)
        return -ENOMEM;
    errand->pool = pool;
    const int rc = coro__pool_submit(pool, &errand->job);
    if (rc == 0)
        coro__loop_expect(loop);
    return rc;
}

/* Waits for the errand; -ECANCELED if the caller was cancelled. */
static int wait_for_end(struct coro__loop *loop, struct coro__errand *errand, bool wait_on_cancel)
{
    struct to_thread parked = {.errand = errand, .wait_on_cancel = wait_on_cancel};
    int rc = 0;
    do {
        coro__wait_init(&parked.wait, &kind, coro__caller());
        errand->wait = &parked.wait;
        if (coro__park(&loop->ready, &parked.wait) < 0)
            rc = -ECANCELED;
        errand->wait = NULL;
        if (rc < 0 && !errand->done)
            errand->done = take_back(loop, errand);
    } while (!errand->done && wait_on_cancel);
    return rc;
}

/* As if the caller had called it plainly. */
static int hand_over(coro_task *caller, struct coro__errand *errand)
{
    if (errand->message) {
        coro__message_set(&caller->message, errand->message);
        errand->message = NULL;
    }
    caller->value = errand->value;
    errand->discard = NULL;
    return errand->status;
}

int coro__to_thread(struct coro__pool *pool, const coro_thread_options *options, coro_fn *fn,
                    void *arg, void (*discard)(void *arg))
{
    coro_task *caller = coro__caller();
    struct coro__loop *loop = coro__loop_here();
    struct coro__errand *errand =
        coro__errand_create(fn, arg, options->arg_size, caller->locals, &post_kind);
    if (!errand) {
        if (discard)
            discard(arg);
        return -ENOMEM;
    }
    errand->value = caller->value;
    errand->discard = discard;
    int rc = submit(loop, pool, errand);
    if (rc < 0) {
        coro__errand_free(errand);
        return rc;
    }
    rc = wait_for_end(loop, errand, options->wait_on_cancel);
    if (!errand->done)
        return rc; /* it is freed when it has been done */
    if (rc == 0)
        rc = hand_over(caller, errand);
    coro__errand_free(errand);
    return rc;
}

static struct coro__pool *pool_of(struct coro__loop *loop)
{
    if (!loop->pool)
        loop->pool = coro__pool_create(loop->inbox, "coro-thread", loop->most_threads);
    return loop->pool;
}

int coro_to_thread_with(const coro_thread_options *given, coro_fn *fn, void *arg)
{
    const coro_thread_options options = given ? *given : (coro_thread_options){0};
    if (!fn || (options.arg_size > 0 && !arg))
        return -EINVAL;
    if (!coro__caller())
        return -EPERM;
    return coro__to_thread(pool_of(coro__loop_here()), &options, fn, arg, NULL);
}

int coro_to_thread(coro_fn *fn, void *arg)
{
    return coro_to_thread_with(NULL, fn, arg);
}
