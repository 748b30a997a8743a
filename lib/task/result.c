/* SPDX-License-Identifier: MIT */
#include "coro/task.h"
#include "task/current.h"
#include "thread/errand.h"

/* Where the value and the message of whatever runs here are kept; NULL outside. */
static void **value_here(void)
{
    coro_task *task = coro__caller();
    if (task)
        return &task->value;
    return coro__errand_here && !coro__ready_here ? &coro__errand_here->value : NULL;
}

static struct coro__message **message_here(void)
{
    coro_task *task = coro__caller();
    if (task)
        return &task->message;
    return coro__errand_here && !coro__ready_here ? &coro__errand_here->message : NULL;
}

int coro_return(void *value)
{
    void **kept = value_here();
    if (kept)
        *kept = value;
    return 0;
}

int coro_fail(int error, const char *format, ...)
{
    struct coro__message **message = message_here();
    if (message) {
        va_list args;
        va_start(args, format);
        coro__message_set(message, coro__message_format(error, format, args));
        va_end(args);
    }
    return error;
}
