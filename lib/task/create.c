/* SPDX-License-Identifier: MIT */
#include "coro/task.h"
#include "sched/environment.h"
#include "sched/start.h"
#include "task/current.h"

CORO__INLINE void set_up(struct coro__loop *loop, coro_task *task, coro_fn *fn, void *arg)
{
    task->fn = fn;
    task->arg = arg;
    task->stack_size = loop->stack_size;
    task->number = ++loop->ready.pool->tasks_created;
    task->keeps_environment = loop->ready.idle.keeps_environment;
}

/* A fresh task with its places reserved; NULL without memory. */
static coro_task *make(struct coro__loop *loop, coro_fn *fn, void *arg)
{
    struct coro__ready *ready = &loop->ready;
    if (coro__ready_reserve(ready, CORO__TASK_PLACES) < 0)
        return NULL;
    coro_task *task = coro__task_allocate(ready->pool);
    if (!task) {
        coro__ready_unreserve(ready, CORO__TASK_PLACES);
        return NULL;
    }
    set_up(loop, task, fn, arg);
    if (coro__ready_locals(ready))
        task->locals = coro__locals_retain(coro__ready_locals(ready));
    return task;
}

/* The same without a call, where there is nothing to be asked for; else NULL. */
CORO__INLINE coro_task *make_at_once(struct coro__loop *loop, coro_fn *fn, void *arg)
{
    struct coro__ready *ready = &loop->ready;
    if (CORO__UNLIKELY(loop->eager_start) || CORO__UNLIKELY(!ready->current) ||
        CORO__UNLIKELY(ready->current->locals != NULL) ||
        CORO__UNLIKELY(ready->pool->places < CORO__TASK_PLACES))
        return NULL;
    coro_task *task = coro__task_allocate_used(ready->pool);
    if (CORO__UNLIKELY(!task))
        return NULL;
    ready->pool->places -= CORO__TASK_PLACES;
    set_up(loop, task, fn, arg);
    return task;
}

/* The loop takes its reference, and lists the task. */
CORO__INLINE void adopt(struct coro__ready *ready, coro_task *task)
{
    coro__task_retain(task);
    coro__list_push_back(&ready->pool->tasks, &task->siblings);
}

coro_task *coro_create_task(coro_fn *fn, void *arg)
{
    struct coro__ready *ready = coro__ready_here;
    if (CORO__UNLIKELY(!ready) || CORO__UNLIKELY(!fn))
        return NULL;
    coro_task *task = make_at_once(coro__loop_of(ready), fn, arg);
    if (CORO__UNLIKELY(!task))
        return coro_create_task_with(NULL, fn, arg);
    adopt(ready, task);
    coro__ready_push_fresh(ready, task);
    return task;
}

/* Undoes make(). */
static void unmake(struct coro__ready *ready, coro_task *task)
{
    coro__ready_unreserve(ready, CORO__TASK_PLACES);
    coro__task_release(task);
}

static int apply(const coro_task_options *options, struct coro__ready *ready, coro_task *task)
{
    if (options->stack_size > CORO__STACK_MAXIMUM)
        return -EINVAL;
    if (options->stack_size > 0)
        task->stack_size = coro__stack_round(&ready->stacks, options->stack_size);
    if (options->arg_size > task->stack_size / 2 || (options->arg_size > 0 && !task->arg))
        return -EINVAL;
    task->fp_env = options->fp_env;
    task->keeps_environment = coro__environment_wanted(ready, task);
    if (options->name) {
        const int rc = coro_set_name(task, options->name);
        if (rc < 0)
            return rc;
    }
    return options->arg_size > 0 ? coro__task_copy_argument(ready, task, options->arg_size) : 0;
}

coro_task *coro_create_task_with(const coro_task_options *options, coro_fn *fn, void *arg)
{
    struct coro__ready *ready = coro__ready_here;
    if (!ready || !fn)
        return NULL;
    coro_task *task = make(coro__loop_of(ready), fn, arg);
    if (!task)
        return NULL;
    if (options && apply(options, ready, task) < 0) {
        unmake(ready, task);
        return NULL;
    }
    adopt(ready, task);
    const bool eager = coro__loop_of(ready)->eager_start || (options && options->eager_start);
    /* While a task is ending there is nobody to come back to, and a log hook is to be over soon. */
    const bool ending = !ready->current && ready->running != &ready->idle.context;
    if (eager && !ending && ready->hooks == 0)
        coro__ready_run_eagerly(ready, task);
    else if (task->stack)
        coro__ready_push(ready, task);
    else
        coro__ready_push_fresh(ready, task);
    return task;
}
