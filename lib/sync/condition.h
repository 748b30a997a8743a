/* SPDX-License-Identifier: MIT */
/*
 * Waiting on a condition on behalf of another primitive, whose waits have kinds of their own: one
 * for the condition, one for its lock.
 *
 * A task that was notified is out of the list, and waits for the lock. If it ends cancelled it
 * notifies the next one, because it cannot tell whether it was cancelled before or after.
 */
#ifndef CORO_SYNC_CONDITION_H
#define CORO_SYNC_CONDITION_H

#include "coro/condition.h"
#include "sync/lock.h"

struct coro__condition_kinds {
    struct coro__wait_kind waiting;
    struct coro__wait_kind relocking;
};

int coro__condition_wait_as(coro_condition *condition, const struct coro__condition_kinds *kinds);

#endif
