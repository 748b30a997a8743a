/* SPDX-License-Identifier: MIT */
#include "coro/task.h"
#include "coro/timeout.h"
#include "coro/wait.h"
#include "task/watch.h"

static const struct coro__wait_kind kind = {
    .name = "wait_for", .target = coro__watch_target, .abandon = coro__watch_abandon};

static int cancel_and_wait(coro_task *caller, coro_task *task, void **value)
{
    struct coro__ready *ready = coro__ready_here;
    struct coro__watch watch;
    int rc = coro__watch_begin(&watch, &kind, caller, &task, 1);
    if (rc < 0)
        return rc;
    watch.ended = coro__watch_wake;
    coro__watch_task(ready, &watch.watched[0]);
    coro__cancel(ready, task, NULL);
    rc = coro__park(ready, &watch.wait);
    if (rc == 0 && (rc = coro__hand_over(caller, task, value)) == -ECANCELED) {
        /* The text was the cancel's. */
        coro__message_set(&caller->message, NULL);
        rc = -ETIMEDOUT;
    }
    coro__watch_end(ready, &watch);
    return rc;
}

int coro_wait_for(coro_task *task, coro_duration timeout, void **value)
{
    coro_task *caller = coro__caller();
    int rc = coro__check_target(caller, task);
    if (rc < 0)
        return rc;
    if (task->done)
        return coro__hand_over(caller, task, value);
    if (timeout <= 0)
        return cancel_and_wait(caller, task, value);

    coro_timeout scope;
    rc = coro_timeout_begin(&scope, timeout);
    if (rc < 0)
        return rc;
    return coro_timeout_end(&scope, coro_await(task, value));
}
