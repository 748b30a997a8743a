/* SPDX-License-Identifier: MIT */
#include "coro/future.h"
#include "task/current.h"

#include <string.h>

coro_future *coro_create_future(void)
{
    struct coro__ready *ready = coro__ready_here;
    coro_future *future = ready ? coro__task_allocate(ready->pool) : NULL;
    if (future) {
        future->is_future = true;
        future->number = ++ready->pool->futures_created;
    }
    return future;
}

/* Why the future cannot be settled; 0 if it can. */
static int check(const coro_future *future)
{
    if (!future)
        return -ENOMEM;
    if (!future->is_future)
        return -EINVAL;
    if (future->done)
        return -EALREADY;
    return coro__is_ours(future) ? 0 : -EXDEV;
}

int coro_set_result(coro_future *future, int status, void *value)
{
    const int rc = check(future);
    if (rc == 0)
        coro__settle(coro__ready_here, future, status, value);
    return rc;
}

int coro_set_error(coro_future *future, int error, const char *format, ...)
{
    const int rc = check(future);
    if (rc < 0)
        return rc;
    if (error >= 0)
        return -EINVAL;
    va_list args;
    va_start(args, format);
    coro__message_set(&future->message, coro__message_format(error, format, args));
    va_end(args);
    coro__settle(coro__ready_here, future, error, NULL);
    return 0;
}

coro_task *coro_retain(coro_task *task)
{
    if (task)
        coro__task_retain(task);
    return task;
}

void coro_release(coro_task *task)
{
    if (task)
        coro__task_release(task);
}

bool coro_done(const coro_task *task)
{
    return !task || task->done;
}

bool coro_cancelled(const coro_task *task)
{
    return task && task->done && task->status == -ECANCELED;
}

int coro_result(coro_task *task, void **value)
{
    if (!task)
        return -ENOMEM;
    return task->done ? coro__read_result(task, value) : -EINPROGRESS;
}

const char *coro_error_message(coro_task *task)
{
    if (!task)
        return coro__error_text(-ENOMEM);
    if (!task->done)
        return task->message ? task->message->text : NULL;
    task->retrieved = true;
    return task->status < 0 ? coro__task_error_text(task) : NULL;
}
