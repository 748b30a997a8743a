/* SPDX-License-Identifier: MIT */
/*
 * A runner: a loop, and what goes with it from one run of a main task to the next.
 */
#ifndef CORO_TASK_RUNNER_H
#define CORO_TASK_RUNNER_H

#include "coro/runner.h"
#include "sched/loop.h"
#include "sched/overflow.h"
#include "task/interrupt.h"

/* Deadlocks after which a run no longer waits for tasks that refuse to be cancelled. */
enum { CORO__MOST_DEADLOCKS = 3 };

struct coro_runner {
    struct coro__loop loop;      /* first: loop->deadlocked gets it */
    bool eager_start;            /* of all tasks but the main one */
    struct coro__locals *locals; /* of the last main task at its end, for the next one */
    /* Valid during a run, and a close. */
    unsigned deadlocks;
    coro_task *main; /* NULL while the runner is closed */
    struct coro__callback main_ended;
    struct coro__interrupt interrupt;
    struct coro__overflow_guard overflow_guard;
};

/* 0 with a new runner, or a negative errno: see coro_run(). NULL is the default options. */
int coro__runner_open(coro_runner **runner, const coro_run_options *options);

#endif
