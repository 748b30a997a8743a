/* SPDX-License-Identifier: MIT */
#include "coro/task.h"
#include "task/current.h"

struct await {
    struct coro__wait wait;
    coro_task *task; /* with a reference, which goes when the wait is over */
};

static coro_task *target(const struct coro__wait *wait, size_t i)
{
    return i == 0 ? CORO__CONTAINER_OF(wait, struct await, wait)->task : NULL;
}

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    (void)ready;
    coro__list_remove(&wait->callback.link);
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

/* Takes over a reference to the task. */
static __attribute__((noinline)) int wait_for_end(coro_task *caller, coro_task *task, void **value)
{
    struct await await;
    coro__wait_init_forwarding(&await.wait, &kind, caller);
    await.wait.callback.run = NULL;
    await.task = task;
    coro__list_push_back(&task->callbacks, &await.wait.callback.link);
    const void *predicted;
    int rc = coro__park_predicting(coro__ready_here, &await.wait, &predicted);
    if (CORO__LIKELY(rc == 0))
        rc = coro__hand_over(caller, task, value);
    else
        rc = end_cancelled(&await, rc, value);
    coro__task_release(task);
    return coro__return_after(predicted, true, rc);
}

/* There is nothing to wait for: the task is done, or may not be waited for. */
static __attribute__((noinline)) int await_at_once(coro_task *caller, coro_task *task, void **value)
{
    const int rc = coro__check_target(caller, task);
    return rc == 0 ? coro__hand_over(caller, task, value) : rc;
}

static __attribute__((noinline)) int join_at_once(coro_task *caller, coro_task *task, void **value)
{
    const int rc = await_at_once(caller, task, value);
    coro_release(task);
    return rc;
}

int coro_await(coro_task *task, void **value)
{
    coro_task *caller = coro__caller();
    if (!coro__is_target(caller, task) || CORO__UNLIKELY(task->done))
        return await_at_once(caller, task, value);
    coro__task_retain(task);
    return wait_for_end(caller, task, value);
}

int coro_join(coro_task *task, void **value)
{
    coro_task *caller = coro__caller();
    if (!coro__is_target(caller, task) || CORO__UNLIKELY(task->done))
        return join_at_once(caller, task, value);
    return wait_for_end(caller, task, value);
}
