/* SPDX-License-Identifier: MIT */
#include "coro/task.h"
#include "sched/task.h"

size_t coro_stack_high_water(const coro_task *task)
{
    if (!task || task->is_future)
        return 0;
    if (task->stack)
        return coro__stack_high_water(task->stack);
    return task->done && task->pool->debug ? task->stack_size : 0;
}
