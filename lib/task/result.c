/* SPDX-License-Identifier: MIT */
#include "coro/task.h"
#include "task/current.h"

int coro_return(void *value)
{
    coro_task *task = coro__caller();
    if (task)
        task->value = value;
    return 0;
}

int coro_fail(int error, const char *format, ...)
{
    coro_task *task = coro__caller();
    if (task) {
        va_list args;
        va_start(args, format);
        coro__message_set(&task->message, coro__message_format(error, format, args));
        va_end(args);
    }
    return error;
}
