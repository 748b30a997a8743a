/* SPDX-License-Identifier: MIT */
#include "coro/loop.h"
#include "task/current.h"
#include "task/runner.h"

int coro_run_with(const coro_run_options *options, coro_fn *fn, void *arg)
{
    coro_runner *runner;
    if (!fn)
        return -EINVAL;
    if (coro__ready_here)
        return -EPERM;
    int rc = coro__runner_open(&runner, options);
    if (rc < 0)
        return rc;
    rc = coro_runner_run(runner, fn, arg);
    return coro_runner_close(runner) < 0 ? -EDEADLK : rc;
}

int coro_run(coro_fn *fn, void *arg)
{
    return coro_run_with(NULL, fn, arg);
}

coro_time coro_now(void)
{
    return coro__ready_here ? coro__loop_now(coro__loop_here()) : coro__clock_monotonic();
}

size_t coro_all_tasks(coro_task *tasks[], size_t capacity)
{
    size_t count = 0;
    if (!coro__ready_here)
        return 0;
    struct coro__list *list = &coro__ready_here->pool->tasks;
    for (struct coro__list *link = list->next; link != list; link = link->next, count++)
        if (count < capacity)
            tasks[count] = CORO__CONTAINER_OF(link, coro_task, siblings);
    return count;
}
