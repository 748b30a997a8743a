/* SPDX-License-Identifier: MIT */
#include "sched/start.h"
#include "sched/block.h"
#include "sched/environment.h"

#include <string.h>

/* With no task current. */
CORO__INLINE void end(struct coro__ready *ready, coro_task *task, int status)
{
    if (CORO__UNLIKELY(task->blocks != NULL))
        coro__blocks_abandon(coro__loop_of(ready), task);
    coro__list_unlink(&task->siblings);
    coro__settle(ready, task, status, task->value);
    if (CORO__UNLIKELY(task->left_over)) {
        if (--ready->pool->left_over == 0)
            coro__loop_stop(coro__loop_of(ready));
        coro__task_report_failure(task, CORO_LOG_SHUTDOWN_ERROR, "while the run was ending");
    }
    coro__ready_unreserve(ready, CORO__TASK_PLACES);
    coro__task_release(task);
}

void coro__task_end(struct coro__ready *ready, coro_task *task, int status)
{
    coro_task *current = ready->current;
    task->stack_size = 0;
    ready->running = coro__ready_context(ready);
    ready->current = NULL;
    end(ready, task, status);
    ready->current = current;
}

bool coro__task_start(struct coro__ready *ready, coro_task *task)
{
    if (task->must_cancel) {
        coro__task_end(ready, task, coro__deliver_cancel(task));
        return false;
    }
    struct coro__stack *stack = coro__stack_get(&ready->stacks, task->stack_size);
    if (!stack) {
        coro__task_end(ready, task, -ENOMEM);
        return false;
    }
    coro__task_take_stack(task, stack);
    return true;
}

int coro__task_copy_argument(struct coro__ready *ready, coro_task *task, size_t size)
{
    coro_task *creator = ready->current;
    struct coro__context *running = coro__ready_context(ready);
    struct coro__stack *stack = coro__stack_get(&ready->stacks, task->stack_size);
    if (!stack)
        return -ENOMEM;
    coro__task_take_stack(task, stack);
    ready->current = task;
    ready->argument_size = size;
    ready->argument_for = running;
    coro__context_switch(running, &task->context);
    ready->current = creator;
    return 0;
}

/*
 * Goes back to the creator of the argument until the task is entered to run. Not inlined: its
 * caller has a frame of variable size, for which compilers may keep a register that a switch
 * clobbers.
 */
static __attribute__((noinline)) void return_to_creator(struct coro__ready *ready, coro_task *task)
{
    ready->argument_size = 0;
    coro__context_switch(&task->context, ready->argument_for);
}

static void end_running(struct coro__ready *ready, coro_task *task, int status)
{
    struct coro__stack *stack = task->stack;
    if (CORO__UNLIKELY(task->must_cancel) && status >= 0)
        status = coro__deliver_cancel(task);
    if (CORO__UNLIKELY(task->keeps_environment)) {
        coro__environment_end(ready, task);
        if (ready->debug)
            task->stack_size = coro__stack_high_water(stack);
    }
    task->stack = NULL;
    ready->current = NULL;
    ready->running = &stack->context;
    end(ready, task, status);
}

/* Copies the argument of the current task here and goes back to its creator; when it is to run, the
 * task runs. Not inlined: the argument goes with the frame. */
static __attribute__((noinline)) int run_with_argument(struct coro__ready *ready, coro_task *task)
{
    const size_t size = ready->argument_size;
    task->arg = memcpy(__builtin_alloca(size), task->arg, size);
    return_to_creator(ready, task);
    if (task->must_cancel)
        return coro__deliver_cancel(task);
    if (CORO__UNLIKELY(ready->debug))
        coro__stack_wipe(task->stack);
    return task->fn(task->arg);
}

/* Runs the current task to its end. */
CORO__INLINE void run_current(struct coro__ready *ready)
{
    coro_task *task = ready->current;
    int status;
    if (CORO__UNLIKELY(ready->argument_size > 0)) {
        status = run_with_argument(ready, task);
    } else {
        if (CORO__UNLIKELY(ready->debug))
            coro__stack_wipe(task->stack);
        status = task->fn(task->arg);
    }
    end_running(ready, task, status);
}

void coro__task_main(void)
{
    CORO__OUTERMOST_FRAME();
    coro__context_entered();
    struct coro__ready *ready = coro__ready_here;
    /* Where the task's function has not waited it is as it was when this was entered. */
    const void *predicted = NULL;
    for (;;) {
        struct coro__stack *stack = ready->current->stack;
        run_current(ready);
        ready->spare = stack;
        coro_task *next = coro__ready_next(ready);
        ready->current = next;
        *ready->errno_location = next->saved_errno;
        if (CORO__LIKELY(ready->spare == NULL))
            continue;
        ready->spare = NULL;
        coro__stack_put(stack);
        coro__context_switch_predicting(&stack->context, &next->context, &predicted);
    }
}
