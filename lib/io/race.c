/* SPDX-License-Identifier: MIT */
#include "io/race.h"
#include "coro/task.h"
#include "coro/wait.h"
#include "task/current.h"
#include "util/memory.h"

#include <stdlib.h>

struct runner {
    const struct coro__race *race;
    size_t i;
    coro_task *task; /* NULL when its end was taken */
};

struct run {
    const struct coro__race *race;
    struct runner *runners;
    coro_task **tasks; /* those that have begun and were not taken */
    size_t begun;
    size_t running;
    int first; /* the result of the first attempt */
};

static int attempt(void *arg)
{
    const struct runner *runner = arg;
    return runner->race->attempt(runner->race->arg, runner->i);
}

static int begin_next(struct run *run)
{
    struct runner *runner = &run->runners[run->begun];
    *runner = (struct runner){run->race, run->begun, coro_create_task(attempt, runner)};
    if (!runner->task)
        return -ENOMEM;
    run->tasks[run->running++] = runner->task;
    run->begun++;
    return 0;
}

/* Takes those that have ended. The result of one that has succeeded, the others of which are
 * discarded; else -EINPROGRESS. */
static int take_ended(struct run *run)
{
    int winner = -EINPROGRESS;
    run->running = 0;
    for (size_t i = 0; i < run->begun; i++) {
        coro_task *task = run->runners[i].task;
        if (task && !coro_done(task))
            run->tasks[run->running++] = task;
        if (!task || !coro_done(task))
            continue;
        const int result = coro_join(task, NULL);
        run->runners[i].task = NULL;
        if (i == 0)
            run->first = result;
        if (result >= 0 && winner >= 0)
            run->race->discard(result);
        else if (result >= 0)
            winner = result;
    }
    return winner;
}

/* Until one has ended, or it is time for the next. 0, 1 for the latter, or an error. */
static int wait_for_some(struct run *run, coro_time next)
{
    const bool more = run->begun < run->race->count;
    const coro_duration limit = more ? next - coro__loop_now(coro__loop_here()) : CORO_FOREVER;
    const int rc = coro_wait(run->tasks, run->running, CORO_FIRST_COMPLETED, limit);
    return rc < 0 ? rc : rc == 0;
}

static bool last_has_ended(const struct run *run)
{
    const coro_task *task = run->runners[run->begun - 1].task;
    return !task || coro_done(task);
}

static int find_winner(struct run *run)
{
    coro_time next = 0;
    for (bool begin = true;;) {
        int rc = 0;
        if (begin && run->begun < run->race->count) {
            rc = begin_next(run);
            next = coro__time_after(coro__loop_now(coro__loop_here()), run->race->delay);
        }
        if (run->running == 0)
            return rc < 0 ? rc : run->first;
        if (rc == 0)
            rc = wait_for_some(run, next);
        if (rc < 0)
            return rc;
        begin = rc == 1 || last_has_ended(run);
        rc = take_ended(run);
        if (rc >= 0)
            return rc;
    }
}

/* Cancels those that are left, and waits for them, whatever comes. -ECANCELED if that was a cancel.
 */
static int end_others(struct run *run)
{
    const int cancelling = coro_cancelling(coro_current_task());
    for (size_t i = 0; i < run->running; i++)
        coro_cancel(run->tasks[i]);
    for (size_t i = 0; i < run->running; i++)
        coro_await(run->tasks[i], NULL);
    const int late = take_ended(run);
    if (late >= 0)
        run->race->discard(late);
    return coro_cancelling(coro_current_task()) > cancelling ? -ECANCELED : 0;
}

int coro__race_run(const struct coro__race *race)
{
    struct run run = {.race = race};
    run.runners = coro__calloc(race->count, sizeof *run.runners);
    run.tasks = coro__calloc(race->count, sizeof *run.tasks);
    int rc = run.runners && run.tasks ? find_winner(&run) : -ENOMEM;
    if (end_others(&run) < 0) {
        if (rc >= 0)
            race->discard(rc);
        rc = -ECANCELED;
    }
    free(run.tasks);
    free(run.runners);
    return rc;
}
