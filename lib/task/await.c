/* SPDX-License-Identifier: MIT */
#include "coro/task.h"
#include "task/current.h"

struct await {
    struct coro__wait wait;
    coro_task *task; /* the wait holds a reference */
};

static coro_task *target(const struct coro__wait *wait, size_t i)
{
    return i == 0 ? CORO__CONTAINER_OF(wait, struct await, wait)->task : NULL;
}

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    coro__callback_cancel(ready, &wait->callback);
    coro__task_release(CORO__CONTAINER_OF(wait, struct await, wait)->task);
}

static const struct coro__wait_kind kind = {
    .name = "await", .forwards = true, .target = target, .abandon = abandon};

/* The wait was cancelled; the task perhaps as well, or it had ended. */
CORO__COLD static int end_cancelled(struct await *await, int rc, void **value)
{
    coro_task *task = await->task;
    if (coro__ended_cancelled(task))
        return coro__hand_over(await->wait.task, task, value);
    if (task->done)
        task->retrieved = true;
    else
        coro__list_remove(&await->wait.callback.link);
    return rc;
}

CORO__INLINE int wait_for_end(coro_task *caller, coro_task *task, void **value)
{
    struct await await;
    coro__wait_init_forwarding(&await.wait, &kind, caller);
    coro__callback_init(&await.wait.callback, NULL);
    await.task = task;
    coro__task_retain(task);
    coro__list_push_back(&task->callbacks, &await.wait.callback.link);
    int rc = coro__park(coro__ready_here, &await.wait);
    if (CORO__LIKELY(rc == 0))
        rc = coro__hand_over(caller, task, value);
    else
        rc = end_cancelled(&await, rc, value);
    coro__task_release(task);
    return rc;
}

CORO__USED static int await_task(coro_task *caller, coro_task *task, void **value)
{
    return wait_for_end(caller, task, value);
}

CORO__SUSPENDING(coro__await_slow, await_task);

int coro_await(coro_task *task, void **value)
{
    coro_task *caller = coro__caller();
    const int rc = coro__check_target(caller, task);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    if (CORO__UNLIKELY(task->done))
        return coro__hand_over(caller, task, value);
    return coro__await_slow(caller, task, value);
}

CORO__USED static int join(coro_task *caller, coro_task *task, void **value)
{
    const int rc = wait_for_end(caller, task, value);
    coro__task_release(task);
    return rc;
}

CORO__SUSPENDING(coro__join_slow, join);

/* There is nothing to wait for: the task is done, or may not be waited for (rc). */
static __attribute__((noinline)) int join_at_once(coro_task *caller, coro_task *task, int rc,
                                                  void **value)
{
    if (rc == 0)
        rc = coro__hand_over(caller, task, value);
    coro_release(task);
    return rc;
}

int coro_join(coro_task *task, void **value)
{
    coro_task *caller = coro__caller();
    const int rc = coro__check_target(caller, task);
    if (CORO__LIKELY(rc == 0) && CORO__LIKELY(!task->done))
        return coro__join_slow(caller, task, value);
    return join_at_once(caller, task, rc, value);
}
