/* SPDX-License-Identifier: MIT */
/*
 * Attempts of which the first that succeeds counts: asyncio's staggered_race(). Each runs in a task
 * of its own. The next one begins when the last that was begun has failed, or has taken longer than
 * the delay. When one succeeds the others are cancelled, and waited for.
 */
#ifndef CORO_IO_RACE_H
#define CORO_IO_RACE_H

#include "coro/base.h"

struct coro__race {
    size_t count; /* of attempts, at least one */
    coro_duration delay;
    /* The i-th attempt: >= 0 is success. */
    int (*attempt)(void *arg, size_t i);
    /* Undoes a success that comes too late. */
    void (*discard)(int result);
    void *arg;
};

/* The result of the first that succeeds; else that of the first attempt, -ECANCELED if the caller
 * was cancelled, or -ENOMEM. No attempt is left. */
int coro__race_run(const struct coro__race *race);

#endif
