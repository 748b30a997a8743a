/* SPDX-License-Identifier: MIT */
/* Calls in threads, for what the library itself has to do there. */
#ifndef CORO_TASK_TO_THREAD_H
#define CORO_TASK_TO_THREAD_H

#include "coro/thread.h"
#include "thread/pool.h"

/*
 * coro_to_thread_with() in this pool; NULL is one that could not be created. For a task only.
 *
 * If it returns what fn did, arg is the caller's again. If not, because of a cancel or for want of
 * something, discard(arg) is called: at once, or when fn has ended. discard may be NULL.
 */
int coro__to_thread(struct coro__pool *pool, const coro_thread_options *options, coro_fn *fn,
                    void *arg, void (*discard)(void *arg));

#endif
