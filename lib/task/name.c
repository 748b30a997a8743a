/* SPDX-License-Identifier: MIT */
#include "coro/task.h"
#include "sched/task.h"
#include "util/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *coro_get_name(coro_task *task)
{
    if (!task)
        return "";
    if (!task->name) {
        char name[32];
        coro__task_default_name(task, name, sizeof name);
        task->name = coro__strdup(name);
    }
    return task->name ? task->name : "Task";
}

int coro_set_name(coro_task *task, const char *name)
{
    if (!task)
        return -ENOMEM;
    if (!name)
        return -EINVAL;
    char *copy = coro__strdup(name);
    if (!copy)
        return -ENOMEM;
    free(task->name);
    task->name = copy;
    return 0;
}
