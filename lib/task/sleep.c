/* SPDX-License-Identifier: MIT */
#include "coro/task.h"
#include "task/current.h"

struct sleep {
    struct coro__wait wait;
    struct coro__timer timer;
};

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    coro__loop_stop_timer(coro__loop_of(ready),
                          &CORO__CONTAINER_OF(wait, struct sleep, wait)->timer);
}

static const struct coro__wait_kind kind = {.name = "sleep", .abandon = abandon};

static void expire(struct coro__ready *ready, struct coro__callback *callback)
{
    coro__wake(ready, &CORO__CONTAINER_OF(callback, struct sleep, timer.callback)->wait, 0);
}

/* What remains where the next entry needs a closer look. Of its own, so that coro_yield() makes no
 * call but at its end, and saves no register for one. */
static __attribute__((noinline)) int yield_to_tagged(struct coro__ready *ready, coro_task *task)
{
    task = coro__ready_leave(ready, task);
    return CORO__UNLIKELY(task->must_cancel) ? coro__deliver_cancel(task) : 0;
}

int coro_yield(void)
{
    coro_task *task = coro__caller();
    if (CORO__UNLIKELY(!task))
        return -EPERM;
    struct coro__ready *ready = coro__ready_here;
    coro__ready_push(ready, task);
    coro_task *next;
    if (CORO__UNLIKELY(!coro__ready_next_plain(ready, task, &next)))
        return yield_to_tagged(ready, task);
    const void *predicted;
    task = coro__ready_switch_plainly(ready, task, next, &predicted);
    if (CORO__UNLIKELY(task->must_cancel))
        return coro__deliver_cancel(task);
    return coro__return_after(predicted, true, 0);
}

static __attribute__((noinline)) int sleep_for(coro_duration duration)
{
    coro_task *task = coro__caller();
    if (CORO__UNLIKELY(!task))
        return -EPERM;
    struct coro__loop *loop = coro__loop_here();
    struct sleep sleep;
    coro__wait_init(&sleep.wait, &kind, task);
    coro__timer_init(&sleep.timer, expire);
    int rc = coro__loop_start_timer(loop, &sleep.timer,
                                    coro__time_after(coro__loop_now(loop), duration));
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    const void *predicted;
    rc = coro__park_predicting(&loop->ready, &sleep.wait, &predicted);
    if (CORO__UNLIKELY(rc < 0))
        coro__loop_stop_timer(loop, &sleep.timer);
    return coro__return_after(predicted, true, rc);
}

int coro_sleep(coro_duration duration)
{
    return duration > 0 ? sleep_for(duration) : coro_yield();
}
