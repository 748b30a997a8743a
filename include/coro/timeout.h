/* SPDX-License-Identifier: MIT */
/*
 * Timeout scopes: a time limit on all that a task does between begin and end.
 *
 *     coro_timeout scope;
 *     coro_timeout_begin(&scope, 2 * CORO_SECOND);
 *     int rc = connect_and_ask();
 *     rc = coro_timeout_end(&scope, rc);      // -ETIMEDOUT if it took longer
 *
 * When the time is up the task is cancelled; end turns the -ECANCELED that comes of it into
 * -ETIMEDOUT, unless somebody else had the task cancelled as well, who then wins. Scopes nest, and
 * end in the reverse order of their beginning. Of nested scopes with one and the same deadline the
 * one that was set first, usually the outer one, fires first, and the inner one passes its
 * -ECANCELED on.
 */
#ifndef CORO_TIMEOUT_H
#define CORO_TIMEOUT_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A timeout scope, usually a local variable. Its fields belong to the library. */
typedef struct coro_timeout {
    struct coro__cell *cell;
    uint64_t number;
    coro_time deadline;
    bool expired;
} coro_timeout;

/*
 * Begins a scope that ends `limit` from now; CORO_FOREVER sets none, for a later reschedule. A
 * limit <= 0 takes effect at the first call that waits. asyncio.timeout().
 *
 * Returns 0, -EPERM if the caller is no task, or -ENOMEM: the scope is then not active, and
 * coro_timeout_end() only hands its result through.
 */
CORO_API int coro_timeout_begin(coro_timeout *timeout, coro_duration limit);

/* coro_timeout_begin() with a point in time on coro_now()'s clock. asyncio.timeout_at(). */
CORO_API int coro_timeout_begin_at(coro_timeout *timeout, coro_time deadline);

/*
 * Ends a scope. rc is the result of its body; a cancel by this scope is taken back.
 *
 * Returns rc, or -ETIMEDOUT where rc is -ECANCELED and the scope's own cancel caused it. -EPERM if
 * the caller is not the task that began it.
 */
CORO_API int coro_timeout_end(coro_timeout *timeout, int rc);

/*
 * Moves the deadline of an active scope; CORO_FOREVER removes it. Timeout.reschedule().
 * Returns 0, -EPERM outside a loop, -EINVAL if the scope is not active in this loop or has
 * expired, or -ENOMEM: the scope then has no deadline.
 */
CORO_API int coro_timeout_reschedule(coro_timeout *timeout, coro_time deadline);

/* Whether the scope's time was up while it was active; also after its end. Timeout.expired(). */
CORO_API bool coro_timeout_expired(const coro_timeout *timeout);

/* The deadline; CORO_FOREVER if there is none. Timeout.when(). */
CORO_API coro_time coro_timeout_when(const coro_timeout *timeout);

#ifdef __cplusplus
}
#endif

#endif
