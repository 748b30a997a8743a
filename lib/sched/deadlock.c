/* SPDX-License-Identifier: MIT */
#include "sched/deadlock.h"

#include <stdio.h>

/*
 * The walk goes down the targets of each wait without recursion, and without memory of its own: a
 * wait knows from where it was entered (as in a walk of coro__cancel), and a stamp on the task says
 * that it was printed already.
 */

enum {
    DEEPEST_INDENT = 20, /* deeper levels are printed without further indentation */
    MOST_LINES = 1000,
};

struct report {
    struct coro__loop *loop;
    uint64_t printed; /* the stamp of a task that was */
    size_t lines;
};

static coro_task *target(const coro_task *task, size_t i)
{
    const struct coro__wait *wait = task->wait;
    return wait && wait->kind->target ? wait->kind->target(wait, i) : NULL;
}

static const char *state_of(const coro_task *task)
{
    if (task->wait)
        return " waits in ";
    return task->is_future && !task->done ? " has no result" : "";
}

static void print(struct report *report, coro_task *task, int depth, const char *remark)
{
    char who[160];
    if (++report->lines > MOST_LINES)
        return;
    const int indent = 2 * (depth < DEEPEST_INDENT ? depth : DEEPEST_INDENT);
    coro__log(&report->loop->ready.pool->log, CORO_LOG_DEADLOCK, task, 0, "%*s%s %s%s%s%s", indent,
              "", task->is_future ? "future" : "task", coro__task_describe(task, who, sizeof who),
              state_of(task), task->wait ? task->wait->kind->name : "", remark);
}

static void enter(struct report *report, coro_task *task, coro_task *from)
{
    task->stamp = report->printed;
    if (!task->wait)
        return;
    task->wait->reported_from = from;
    task->wait->next_reported = 0;
}

static void print_tree(struct report *report, coro_task *root)
{
    int depth = 1;
    print(report, root, depth, "");
    enter(report, root, NULL);
    for (coro_task *task = root; task && report->lines <= MOST_LINES;) {
        coro_task *next = target(task, task->wait->next_reported++);
        if (!next) {
            task = task->wait->reported_from;
            depth--;
        } else if (next->stamp == report->printed) {
            print(report, next, depth + 1, next->wait ? " (see above)" : "");
        } else if (!next->done) {
            print(report, next, depth + 1, "");
            enter(report, next, task);
            if (next->wait) {
                task = next;
                depth++;
            }
        }
    }
}

/* Marks every task that another one waits for. */
static void mark_awaited(struct coro__list *tasks, uint64_t stamp)
{
    for (struct coro__list *link = tasks->next; link != tasks; link = link->next) {
        const coro_task *task = CORO__CONTAINER_OF(link, coro_task, siblings);
        coro_task *awaited;
        for (size_t i = 0; (awaited = target(task, i)); i++)
            awaited->stamp = stamp;
    }
}

/* Prints the trees of the parked tasks that have been neither printed nor marked with this stamp.
 */
static void print_trees(struct report *report, uint64_t except)
{
    struct coro__list *tasks = &report->loop->ready.pool->tasks;
    /* The log hook may create tasks, which go to the end of the list. */
    const struct coro__list *last = tasks->previous;
    for (struct coro__list *link = tasks; link != last && report->lines <= MOST_LINES;) {
        link = link->next;
        coro_task *task = CORO__CONTAINER_OF(link, coro_task, siblings);
        if (task->wait && task->stamp != except && task->stamp != report->printed)
            print_tree(report, task);
    }
}

void coro__deadlock_report(struct coro__loop *loop)
{
    struct coro__task_pool *pool = loop->ready.pool;
    const uint64_t awaited = coro__task_stamp(pool);
    struct report report = {.loop = loop, .printed = coro__task_stamp(pool)};
    coro__log(&pool->log, CORO_LOG_DEADLOCK, NULL, -EDEADLK,
              "deadlock: no task is ready, and nothing is left that could wake one:");
    mark_awaited(&pool->tasks, awaited);
    print_trees(&report, awaited);
    /* What is left waits in rings. */
    print_trees(&report, report.printed);
    if (report.lines > MOST_LINES)
        coro__log(&pool->log, CORO_LOG_DEADLOCK, NULL, -EDEADLK, "  and so on");
}
