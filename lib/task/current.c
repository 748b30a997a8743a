/* SPDX-License-Identifier: MIT */
#include "task/current.h"

#include "coro/task.h"

bool coro__report_foreign(const coro_task *task)
{
    static const struct coro__log to_stderr;
    const struct coro__ready *ready = coro__ready_here;
    char who[160];
    /* The task's own log is its own thread's. */
    if (task->pool->debug)
        coro__log(ready ? &ready->pool->log : &to_stderr, CORO_LOG_WRONG_THREAD, NULL, 0,
                  "task or future %s was used outside the thread of its loop",
                  coro__task_describe(task, who, sizeof who));
    return false;
}

int coro__refuse_target(const coro_task *caller, const coro_task *task)
{
    if (!caller)
        return -EPERM;
    if (!task)
        return -ENOMEM;
    if (task == caller)
        return -EDEADLK;
    coro__report_foreign(task);
    return -EXDEV;
}

int coro__check_targets(const coro_task *caller, coro_task *const tasks[], size_t n)
{
    if (!caller)
        return -EPERM;
    for (size_t i = 0; i < n; i++) {
        const int rc = tasks[i] ? coro__check_target(caller, tasks[i]) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

void coro__hand_message_over(coro_task *caller, const coro_task *task)
{
    coro__message_set(&caller->message, coro__message_retain(coro__task_message(task)));
}

int coro__read_result(coro_task *task, void **value)
{
    coro_task *caller = coro__caller();
    return caller ? coro__hand_over(caller, task, value) : coro__task_result(task, value);
}

coro_task *coro_current_task(void)
{
    return coro__caller();
}
