/* SPDX-License-Identifier: MIT */
/*
 * Acquiring a lock on behalf of another primitive, whose waits have a kind of their own.
 *
 * Invariant: if a lock is unlocked and tasks wait for it, the first of them is on its way: it was
 * woken, by the release or by a cancel. A woken one stays in the list until it runs, which is what
 * keeps others from overtaking it; a cancelled one wakes the next.
 */
#ifndef CORO_SYNC_LOCK_H
#define CORO_SYNC_LOCK_H

#include "coro/lock.h"
#include "sync/waiters.h"

int coro__lock_acquire_as(coro_lock *lock, const struct coro__wait_kind *kind);

#endif
