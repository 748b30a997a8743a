/* SPDX-License-Identifier: MIT */
#include "coro/future.h"
#include "coro/task.h"
#include "task/current.h"

static bool cancel(coro_task *task, struct coro__message *message)
{
    if (task->done) {
        task->retrieved = true;
        return false;
    }
    return coro__is_ours(task) && coro__cancel(coro__ready_here, task, message);
}

bool coro_cancel(coro_task *task)
{
    return task && cancel(task, NULL);
}

bool coro_cancel_with(coro_task *task, const char *text)
{
    if (!task)
        return false;
    struct coro__message *message = text ? coro__message_copy(-ECANCELED, text) : NULL;
    const bool requested = cancel(task, message);
    coro__message_release(message);
    return requested;
}

int coro_cancelling(const coro_task *task)
{
    return task ? task->cancel_requests : 0;
}

int coro_uncancel(coro_task *task)
{
    if (!task || task->cancel_requests == 0)
        return 0;
    if (--task->cancel_requests == 0)
        task->must_cancel = false;
    return task->cancel_requests;
}
