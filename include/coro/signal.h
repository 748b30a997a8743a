/* SPDX-License-Identifier: MIT */
/*
 * Signals, waited for as a call.
 *
 *     static const int numbers[] = {SIGTERM, SIGHUP};
 *     coro_signal signals;
 *     int rc = coro_signal_begin(&signals, numbers, 2);
 *     while (rc >= 0 && (rc = coro_signal_wait(&signals)) == SIGHUP)
 *         rc = reload();
 *     coro_signal_end(&signals);
 *
 * From begin to end the signals are the subscription's: none that comes in between is lost, whether
 * the task waits at that moment or not. But as in the kernel one that comes several times before it
 * is waited for counts once. Any number of tasks, in any loops, may subscribe the same signal, and
 * each gets it. When the last one ends the action that the signal had before is back, unless the
 * program has set another one meanwhile.
 *
 * A subscription of SIGINT takes it away from the run, whose main task it otherwise cancels (see
 * coro_run()). A signal that all threads of the program block does not come; those of
 * coro_to_thread() block it anyway. A child begins with the default actions when it calls exec.
 */
#ifndef CORO_SIGNAL_H
#define CORO_SIGNAL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A subscription, usually a local variable. Its fields belong to the library. */
typedef struct coro_signal {
    struct coro__cell *cell;
    uint64_t number;
} coro_signal;

/*
 * Subscribes n signals for the calling task. coro_signal_end() must follow, by the same task; a
 * subscription that is left behind is reported (CORO_LOG_SIGNAL_NOT_ENDED) and ended with the task.
 * loop.add_signal_handler().
 *
 * Returns 0, or an error, and then there is nothing to end:
 *   -EINVAL  n is 0, or a number is no signal's, or that of one that cannot be handled (SIGKILL,
 *            SIGSTOP, those that the system keeps) or says of a fault (SIGSEGV, SIGBUS, SIGFPE,
 *            SIGILL)
 *   -EPERM   the caller is no task
 *   -ENOMEM  without memory
 */
CORO_API int coro_signal_begin(coro_signal *signal, const int numbers[], size_t n);

/*
 * Waits for one of the signals. If one has come already, the call is no suspension and no
 * cancellation point; of several the one that stands first in the list.
 *
 * Returns its number, which is > 0, or
 *   -ECANCELED  the caller was cancelled; a signal that comes meanwhile is there for the next call
 *   -EINVAL     the subscription has not begun or has ended
 *   -EPERM      in another task than the one that began it
 */
CORO_API int coro_signal_wait(coro_signal *signal);

/* Ends the subscription; signals that have come and were not waited for are forgotten. Does nothing
 * if it has not begun or has ended, or in another task than the one that began it.
 * loop.remove_signal_handler(). */
CORO_API void coro_signal_end(coro_signal *signal);

#ifdef __cplusplus
}
#endif

#endif
