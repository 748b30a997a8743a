/* SPDX-License-Identifier: MIT */
#include "coro/wait.h"
#include "task/watch.h"

struct wait {
    struct coro__watch watch;
    struct coro__timer timer;
    enum coro_when when;
    size_t left; /* tasks that have not ended */
};

static void expire(struct coro__ready *ready, struct coro__callback *callback)
{
    struct wait *wait = CORO__CONTAINER_OF(callback, struct wait, timer.callback);
    coro__wake(ready, &wait->watch.wait, 0);
}

static void ended(struct coro__ready *ready, struct coro__watch *watch, coro_task *task)
{
    struct wait *wait = CORO__CONTAINER_OF(watch, struct wait, watch);
    bool enough = --wait->left == 0 || wait->when == CORO_FIRST_COMPLETED;
    if (!enough && wait->when == CORO_FIRST_EXCEPTION && task->status != -ECANCELED) {
        task->retrieved = true;
        enough = task->status < 0;
    }
    if (enough)
        coro__wake(ready, &watch->wait, 0);
}

static void finish(struct coro__ready *ready, struct wait *wait)
{
    coro__loop_stop_timer(coro__loop_of(ready), &wait->timer);
    coro__watch_end(ready, &wait->watch);
}

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    finish(ready, CORO__CONTAINER_OF(wait, struct wait, watch.wait));
}

static const struct coro__wait_kind kind = {
    .name = "wait", .target = coro__watch_target, .abandon = abandon};

static int start_timer(struct coro__loop *loop, struct wait *wait, coro_duration timeout)
{
    coro__timer_init(&wait->timer, expire);
    if (timeout == CORO_FOREVER)
        return 0;
    return coro__loop_start_timer(loop, &wait->timer,
                                  coro__time_after(coro__loop_now(loop), timeout));
}

static void begin(struct coro__ready *ready, struct wait *wait)
{
    struct coro__watch *watch = &wait->watch;
    watch->ended = ended;
    wait->left = watch->different;
    for (size_t i = 0; i < watch->count; i++)
        if (coro__watched_first(&watch->watched[i]))
            coro__watch_task(ready, &watch->watched[i]);
    /* A task that could not be created has ended, with an error. */
    if (wait->left == 0 || (watch->missing > 0 && wait->when != CORO_ALL_COMPLETED))
        coro__wake(ready, &watch->wait, 0);
}

int coro_wait(coro_task *const tasks[], size_t n, enum coro_when when, coro_duration timeout)
{
    coro_task *caller = coro__caller();
    struct coro__ready *ready = coro__ready_here;
    struct wait wait = {.when = when};
    if (!caller)
        return -EPERM;
    if (n == 0 || when < CORO_FIRST_COMPLETED || when > CORO_ALL_COMPLETED)
        return -EINVAL;
    int rc = coro__watch_begin(&wait.watch, &kind, caller, tasks, n);
    if (rc < 0)
        return rc;
    rc = start_timer(coro__loop_of(ready), &wait, timeout);
    if (rc == 0) {
        begin(ready, &wait);
        rc = coro__park(ready, &wait.watch.wait);
    }
    if (rc == 0)
        rc = (int)coro__watch_done(&wait.watch);
    finish(ready, &wait);
    return rc;
}
