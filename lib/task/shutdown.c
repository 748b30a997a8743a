/* SPDX-License-Identifier: MIT */
#include "task/shutdown.h"
#include "sched/start.h"

void coro__cancel_all(struct coro__ready *ready)
{
    struct coro__list *tasks = &ready->pool->tasks;
    for (struct coro__list *link = tasks->next; link != tasks; link = link->next)
        coro__cancel(ready, CORO__CONTAINER_OF(link, coro_task, siblings), NULL);
}

/* Marks the tasks that are left as such, and cancels each once. */
static void begin_to_cancel(struct coro__ready *ready)
{
    struct coro__list *tasks = &ready->pool->tasks;
    for (struct coro__list *link = tasks->next; link != tasks; link = link->next) {
        coro_task *task = CORO__CONTAINER_OF(link, coro_task, siblings);
        if (task->left_over)
            continue;
        task->left_over = true;
        ready->pool->left_over++;
        coro__cancel(ready, task, NULL);
    }
}

/* Cancels all tasks that are left, together, and runs them to their ends; again for those that they
 * have created meanwhile. Errands in threads are waited for. */
static void cancel_left_over(coro_runner *runner)
{
    struct coro__ready *ready = &runner->loop.ready;
    struct coro__list *tasks = &ready->pool->tasks;
    while ((!coro__list_empty(tasks) || runner->loop.expected > 0) &&
           runner->deadlocks < CORO__MOST_DEADLOCKS) {
        runner->loop.stop = false;
        begin_to_cancel(ready);
        coro__loop_run(&runner->loop);
    }
}

/* Ends a task that will never run again, and takes from it what it holds. */
static void destroy(struct coro__ready *ready, coro_task *task)
{
    char who[160];
    coro__log(&ready->pool->log, CORO_LOG_DESTROYED_PENDING, task, 0,
              "task %s was destroyed while it was pending",
              coro__task_describe(task, who, sizeof who));
    if (task->stack)
        coro__stack_put_dead(task->stack);
    task->stack = NULL;
    coro__task_end(ready, task, -ECANCELED);
}

static void abandon_wait(struct coro__ready *ready, coro_task *task)
{
    if (task->wait->kind->abandon)
        task->wait->kind->abandon(ready, task->wait);
    task->wait = NULL;
}

/* With nothing ready, so that all tasks that are left are parked. Done callbacks and log hooks may
 * create others meanwhile, which stay. All give up their waits before the first stack goes, because
 * what they wait for may lie on the stack of another one of them. */
static void destroy_parked(struct coro__ready *ready)
{
    struct coro__list doomed;
    coro__list_init(&doomed);
    coro__list_move_all(&doomed, &ready->pool->tasks);
    /* Whatever happens now, none of them is woken again. */
    for (struct coro__list *link = doomed.next; link != &doomed; link = link->next) {
        struct coro__wait *wait = CORO__CONTAINER_OF(link, coro_task, siblings)->wait;
        wait->done = true;
        wait->status = 0;
    }
    for (struct coro__list *link = doomed.next; link != &doomed; link = link->next)
        abandon_wait(ready, CORO__CONTAINER_OF(link, coro_task, siblings));
    while (!coro__list_empty(&doomed))
        destroy(ready, CORO__CONTAINER_OF(doomed.next, coro_task, siblings));
}

/* Destroys what the run could not bring to an end, and runs the done callbacks that this schedules,
 * or that were queued before; tasks which these create are cancelled before they start. */
static void destroy_pending(coro_runner *runner)
{
    struct coro__loop *loop = &runner->loop;
    coro__loop_stop(loop);
    do {
        while (coro__ready_any(&loop->ready)) {
            coro__cancel_all(&loop->ready);
            coro__loop_run(loop);
        }
        destroy_parked(&loop->ready);
    } while (coro__ready_any(&loop->ready));
}

void coro__shutdown(coro_runner *runner)
{
    runner->loop.ending = true;
    cancel_left_over(runner);
    destroy_pending(runner);
}
