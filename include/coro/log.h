/* SPDX-License-Identifier: MIT */
/*
 * What the library has to report and no call can return: asyncio's exception handler.
 */
#ifndef CORO_LOG_H
#define CORO_LOG_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum coro_log_event {
    /* The last reference to a failed task or future went, and nobody had read its result. */
    CORO_LOG_NEVER_RETRIEVED = 1,
    /* A task that had not ended was destroyed with its loop, or a future that had done callbacks
     * was released for the last time before it had a result. */
    CORO_LOG_DESTROYED_PENDING,
    /* Nothing can ever wake any task: a record for each line of the tree of who waits for what. */
    CORO_LOG_DEADLOCK,
    /* A task that was left over when the main task ended failed while it was being cancelled. */
    CORO_LOG_SHUTDOWN_ERROR,
    /* A shielded task failed after the caller of coro_shield() had been cancelled. */
    CORO_LOG_SHIELD_ERROR,
    /* A task ended, or its run did, with a timeout scope that was begun and never ended. */
    CORO_LOG_TIMEOUT_NOT_ENDED,
    /* A task ended, or its run did, with a task group that was begun and never ended. Its tasks run
     * on. */
    CORO_LOG_GROUP_NOT_ENDED,
    /* A task ended, or its run did, after coro_completed_begin() without coro_completed_end(). */
    CORO_LOG_COMPLETED_NOT_ENDED,
    /* A stack could not be given a guard page; said once a run. */
    CORO_LOG_NO_GUARD_PAGE,
    /* The handler of a server's client failed: asyncio's "Unhandled exception in
     * client_connected_cb". */
    CORO_LOG_CLIENT_ERROR,
    /* A server cannot accept clients for lack of something; it tries again after a second. */
    CORO_LOG_ACCEPT_ERROR,
    /* The poller that was asked for is not there, or the system refuses it; another one is used. */
    CORO_LOG_POLLER_REFUSED,
    /* A process still ran when the run ended that had created it, and was killed. */
    CORO_LOG_PROCESS_KILLED,
    /* Debug mode: a task, or a callback of the loop, ran for 100 ms or more before it waited. */
    CORO_LOG_SLOW_STEP,
    /* Debug mode: handles to tasks or futures are still held when the run ends. */
    CORO_LOG_HANDLES_HELD,
    /* Debug mode: a call for a task or future in a thread other than its loop's, which is not
     * thread-safe. */
    CORO_LOG_WRONG_THREAD,
    /* Debug mode: a task changed the floating-point control words without the option fp_env. */
    CORO_LOG_FP_ENV_CHANGED,
    /* A task ended, or its run did, after coro_signal_begin() without coro_signal_end(). */
    CORO_LOG_SIGNAL_NOT_ENDED,
    /* Debug mode: the TLS handshake with a server's client failed. */
    CORO_LOG_TLS_ERROR,
};

/*
 * A report. It and all that it points to are valid during the call only; coro_retain() keeps the
 * task.
 */
typedef struct coro_log_record {
    enum coro_log_event event;
    const char *message; /* one line, no newline at its end */
    coro_task *task;     /* the task or future it is about; NULL where there is none */
    int error;           /* its negative errno; 0 where there is none */
} coro_log_record;

/*
 * Receives the reports of a run (coro_run_options.log), also those of handles that are released
 * after it. It is called at once, on the stack of whoever caused the report, and is no task: what
 * waits returns -EPERM, and a task that it creates starts in the next pass, even an eager one.
 * Without a hook, messages go to stderr, each behind "libcoro: ".
 */
typedef void coro_log_fn(void *arg, const coro_log_record *record);

#ifdef __cplusplus
}
#endif

#endif
