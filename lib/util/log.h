/* SPDX-License-Identifier: MIT */
/* Where reports go: the hook of the run, or stderr. */
#ifndef CORO_UTIL_LOG_H
#define CORO_UTIL_LOG_H

#include "coro/log.h"

struct coro__log {
    coro_log_fn *fn; /* NULL is stderr */
    void *arg;
    /* Calls fn, with things as they have to be while a hook runs. NULL: fn is called directly. */
    void (*call)(const struct coro__log *log, const coro_log_record *record);
};

/* Reports an event; the message is formatted as by printf and cut at some 500 bytes. */
void coro__log(const struct coro__log *log, enum coro_log_event event, coro_task *task, int error,
               const char *format, ...) CORO_PRINTF(5, 6);

#endif
