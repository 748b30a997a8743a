/* SPDX-License-Identifier: MIT */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void coro__log(const struct coro__log *log, enum coro_log_event event, coro_task *task, int error,
               const char *format, ...)
{
    int saved_errno = errno;
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);

    if (log->fn) {
        const coro_log_record record = {event, message, task, error};
        if (log->call)
            log->call(log, &record);
        else
            log->fn(log->arg, &record);
    } else {
        fprintf(stderr, "libcoro: %s\n", message);
    }
    errno = saved_errno;
}
