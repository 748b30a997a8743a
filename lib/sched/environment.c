/* SPDX-License-Identifier: MIT */
#include "sched/environment.h"
#include "sched/clock.h"

/* As asyncio. */
#define SLOW_STEP (100 * CORO_MILLISECOND)

/* The C++ ABI's: the exceptions being handled in this thread, and how many are in flight. The
 * function is there in a program with C++ and not in others. */
struct cxx_exceptions {
    void *caught;
    unsigned uncaught;
};
extern struct cxx_exceptions *__cxa_get_globals(void) __attribute__((weak));

void coro__environment_init(struct coro__ready *ready)
{
    coro__fp_save(&ready->fp);
    ready->cxx = __cxa_get_globals != NULL;
    ready->idle.keeps_environment = coro__environment_wanted(ready, &ready->idle);
}

/* Keeps the control words of the task, and puts the loop's back. */
static void leave_fp(struct coro__ready *ready, coro_task *task, struct coro__fp *fp)
{
    char who[160];
    coro__fp_save(fp);
    if (coro__fp_same_control(fp, &ready->fp))
        return;
    if (!task->fp_env && task != &ready->idle)
        coro__log(&ready->pool->log, CORO_LOG_FP_ENV_CHANGED, task, 0,
                  "task %s changed the floating-point control words without the option fp_env",
                  coro__task_describe(task, who, sizeof who));
    coro__fp_load(&ready->fp);
}

void coro__environment_step(struct coro__ready *ready, coro_task *task)
{
    char who[160];
    const coro_time now = coro__clock_monotonic();
    const coro_duration taken = now - ready->step_began;
    ready->step_began = now;
    if (taken < SLOW_STEP || task == &ready->idle)
        return;
    const double seconds = (double)taken / (double)CORO_SECOND;
    if (task)
        coro__log(&ready->pool->log, CORO_LOG_SLOW_STEP, task, 0,
                  "task %s ran for %.3f seconds before it waited",
                  coro__task_describe(task, who, sizeof who), seconds);
    else
        coro__log(&ready->pool->log, CORO_LOG_SLOW_STEP, NULL, 0,
                  "a callback of the loop ran for %.3f seconds", seconds);
}

coro_task *coro__ready_switch_environment(struct coro__ready *ready, coro_task *from, coro_task *to)
{
    struct cxx_exceptions exceptions = {0};
    struct cxx_exceptions *of_thread = ready->cxx ? __cxa_get_globals() : &exceptions;
    struct coro__fp fp = ready->fp;

    if (from->fp_env || ready->debug)
        leave_fp(ready, from, &fp);
    if (ready->debug)
        coro__environment_step(ready, from);
    exceptions = *of_thread;
    *of_thread = (struct cxx_exceptions){0};

    coro__ready_exchange_errno(ready, from, to);
    ready->current = to;
    coro__context_switch(&from->context, &to->context);

    *of_thread = exceptions;
    if (from->fp_env)
        coro__fp_load(&fp);
    return from;
}

void coro__environment_end(struct coro__ready *ready, coro_task *task)
{
    struct coro__fp fp;
    if (task->fp_env || ready->debug)
        leave_fp(ready, task, &fp);
    if (ready->debug)
        coro__environment_step(ready, task);
}
