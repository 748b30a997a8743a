/* SPDX-License-Identifier: MIT */
#include "coro/select.h"
#include "sync/queue.h"
#include "util/memory.h"

#include <limits.h>
#include <stdlib.h>

/*
 * A select is one wait with a node for each clause: in the list of a queue or an event, or among
 * the callbacks of a task. Whoever comes first wakes the wait; the other nodes stay where they are,
 * and wakers pass over them. If it was a queue, it has granted the node something, which is passed
 * on if another clause happens, or none.
 *
 * From begin to finish it is a user of its queues and has a reference to its tasks. An event may be
 * gone when it was set: its node is then in no list, and that is all that is looked at.
 */
struct node {
    struct coro__waiter waiter;
    struct coro__callback ended;
    struct select *select;
};

enum { FEW = 6 };

struct select {
    struct coro__wait wait;
    struct coro__timer timer;
    coro_clause *clauses;
    size_t n;
    size_t reserved;
    bool parked; /* has been, so that nodes are listed */
    bool expired;
    struct node *nodes;
    struct node few[FEW];
};

static coro_queue *queue_of(const coro_clause *clause)
{
    const bool of_queue = clause->kind == CORO_CLAUSE_GET || clause->kind == CORO_CLAUSE_PUT;
    return of_queue ? clause->of : NULL;
}

static coro_task *task_of(const coro_clause *clause)
{
    return clause->kind == CORO_CLAUSE_DONE ? clause->of : NULL;
}

static struct coro__waiter **list_of(const coro_clause *clause)
{
    switch (clause->kind) {
    case CORO_CLAUSE_GET:
        return &((coro_queue *)clause->of)->getters;
    case CORO_CLAUSE_PUT:
        return &((coro_queue *)clause->of)->putters;
    case CORO_CLAUSE_SET:
        return &((coro_event *)clause->of)->waiters;
    default:
        return NULL;
    }
}

/* --- One clause ------------------------------------------------------------------------------- */
static int check(const coro_clause *clause)
{
    const struct coro__ready *ready = coro__ready_here;
    const coro_task *task = task_of(clause);
    if (clause->kind > CORO_CLAUSE_SET || (clause->kind == CORO_CLAUSE_SET && !clause->of))
        return -EINVAL;
    if (task && (!ready || task->pool != ready->pool))
        return -EXDEV;
    if (task && task == coro__caller())
        return -EDEADLK;
    struct coro__waiter **list = clause->of ? list_of(clause) : NULL;
    return list ? coro__waiters_check(list) : 0;
}

/* Whether it can happen. With a node: listed, and perhaps woken since. */
static bool can_happen(const coro_clause *clause, const struct node *node)
{
    const coro_queue *queue = queue_of(clause);
    switch (clause->kind) {
    case CORO_CLAUSE_GET:
        return !queue || queue->items.count > 0 || queue->shut_down;
    case CORO_CLAUSE_PUT:
        return !queue || !coro__queue_full(queue) || queue->shut_down;
    case CORO_CLAUSE_DONE:
        return !clause->of || ((coro_task *)clause->of)->done;
    case CORO_CLAUSE_SET:
        return node ? !node->waiter.list : ((coro_event *)clause->of)->set;
    default:
        return false;
    }
}

static void happen(coro_clause *clause)
{
    coro_task *task = task_of(clause);
    clause->status = 0;
    if (clause->kind == CORO_CLAUSE_GET)
        clause->status = coro_queue_get_nowait(clause->of, &clause->item);
    else if (clause->kind == CORO_CLAUSE_PUT)
        clause->status = coro_queue_put_nowait(clause->of, clause->item);
    else if (clause->kind == CORO_CLAUSE_DONE)
        clause->status = task ? coro__read_result(task, &clause->item) : -ENOMEM;
}

/* --- Which one -------------------------------------------------------------------------------- */

/* A number below n that follows no pattern, the same in every run. */
static size_t pick(size_t n)
{
    if (n < 2 || !coro__ready_here)
        return 0;
    uint64_t mixed = ++coro__loop_here()->picks * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (size_t)((mixed ^ mixed >> 32) % n);
}

/* One of those that can happen; n if none can. */
static size_t choose(const coro_clause clauses[], const struct node nodes[], size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += can_happen(&clauses[i], nodes ? &nodes[i] : NULL);
    size_t left = pick(count);
    for (size_t i = 0; count > 0 && i < n; i++)
        if (can_happen(&clauses[i], nodes ? &nodes[i] : NULL) && left-- == 0)
            return i;
    return n;
}

/* The one that woke the wait, if it can still happen, else any. */
static size_t choose_woken(const struct select *select)
{
    for (size_t i = 0; i < select->n; i++)
        if (select->nodes[i].waiter.granted && can_happen(&select->clauses[i], &select->nodes[i]))
            return i;
    return choose(select->clauses, select->nodes, select->n);
}

/* --- The wait --------------------------------------------------------------------------------- */
static void on_end(struct coro__ready *ready, struct coro__callback *callback)
{
    coro__wake(ready, &CORO__CONTAINER_OF(callback, struct node, ended)->select->wait, 0);
}

static void on_time(struct coro__ready *ready, struct coro__callback *callback)
{
    struct select *select = CORO__CONTAINER_OF(callback, struct select, timer.callback);
    select->expired = true;
    coro__wake(ready, &select->wait, 0);
}

/* Gives up all that begin took. */
static void finish(struct coro__ready *ready, struct select *select)
{
    coro__loop_stop_timer(coro__loop_of(ready), &select->timer);
    for (size_t i = 0; i < select->n; i++) {
        struct node *node = &select->nodes[i];
        coro__waiter_remove(&node->waiter);
        if (queue_of(&select->clauses[i]))
            coro__queue_leave(select->clauses[i].of);
        if (node->ended.of) {
            coro__callback_cancel(ready, &node->ended);
            coro__task_release(node->ended.of);
        }
    }
    coro__ready_unreserve(ready, select->reserved);
    if (select->nodes != select->few)
        free(select->nodes);
}

static coro_task *target(const struct coro__wait *wait, size_t i)
{
    const struct select *select = CORO__CONTAINER_OF(wait, struct select, wait);
    for (size_t at = 0; at < select->n; at++)
        if (select->nodes[at].ended.of && i-- == 0)
            return select->nodes[at].ended.of;
    return NULL;
}

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    finish(ready, CORO__CONTAINER_OF(wait, struct select, wait));
}

static const struct coro__wait_kind kind = {.name = "select", .target = target, .abandon = abandon};

static void init_node(struct select *select, size_t i)
{
    struct node *node = &select->nodes[i];
    coro_queue *queue = queue_of(&select->clauses[i]);
    coro__waiter_init(&node->waiter, &select->wait);
    coro__callback_init(&node->ended, on_end);
    node->select = select;
    if (queue)
        coro__queue_enter(queue);
    if ((node->ended.of = task_of(&select->clauses[i])))
        coro__task_retain(node->ended.of);
}

/* Nothing can happen yet, so that nothing in a clause is NULL. 0, or -ENOMEM: nothing was taken. */
static int begin(struct coro__loop *loop, struct select *select, coro_duration timeout)
{
    coro__timer_init(&select->timer, on_time);
    select->nodes = select->few;
    if (select->n > FEW && !(select->nodes = coro__calloc(select->n, sizeof *select->nodes)))
        return -ENOMEM;
    for (size_t i = 0; i < select->n; i++)
        select->reserved += task_of(&select->clauses[i]) != NULL;
    int rc = coro__ready_reserve(&loop->ready, select->reserved);
    if (rc == 0 && timeout != CORO_FOREVER) {
        rc = coro__loop_start_timer(loop, &select->timer,
                                    coro__time_after(coro__loop_now(loop), timeout));
        if (rc < 0)
            coro__ready_unreserve(&loop->ready, select->reserved);
    }
    if (rc < 0) {
        if (select->nodes != select->few)
            free(select->nodes);
        return rc;
    }
    for (size_t i = 0; i < select->n; i++)
        init_node(select, i);
    return 0;
}

/* Lists the nodes that are not, and parks. */
static int park(struct coro__ready *ready, struct select *select, coro_task *caller)
{
    coro__wait_init(&select->wait, &kind, caller);
    for (size_t i = 0; i < select->n; i++) {
        struct node *node = &select->nodes[i];
        struct coro__waiter **list = list_of(&select->clauses[i]);
        node->waiter.granted = false;
        if (list && !node->waiter.list)
            coro__waiter_push(list, &node->waiter);
        if (node->ended.of && !select->parked)
            coro__add_callback(ready, node->ended.of, &node->ended);
    }
    select->parked = true;
    return coro__park(ready, &select->wait);
}

/* What a queue granted and the chosen clause, if there is one, did not take goes to the next. */
static void pass_on(struct select *select, size_t chosen)
{
    for (size_t i = 0; i < select->n; i++) {
        const coro_clause *clause = &select->clauses[i];
        if (!select->nodes[i].waiter.granted || (i == chosen && clause->status == 0))
            continue;
        if (clause->kind == CORO_CLAUSE_GET)
            coro__queue_pass_get_on(clause->of);
        else if (clause->kind == CORO_CLAUSE_PUT)
            coro__queue_pass_put_on(clause->of);
    }
}

static int wait_for_one(struct coro__loop *loop, struct select *select, coro_task *caller)
{
    size_t chosen;
    int rc;
    do {
        rc = park(&loop->ready, select, caller);
        chosen = rc == 0 ? choose_woken(select) : select->n;
    } while (rc == 0 && chosen == select->n && !select->expired);
    if (chosen < select->n)
        happen(&select->clauses[chosen]);
    pass_on(select, chosen);
    finish(&loop->ready, select);
    if (rc < 0)
        return rc;
    return chosen < select->n ? (int)chosen : -ETIMEDOUT;
}

int coro_select(coro_clause clauses[], size_t n, coro_duration timeout)
{
    struct select select = {.clauses = clauses, .n = n};
    coro_task *caller = coro__caller();
    int rc = n == 0 || n > INT_MAX ? -EINVAL : 0;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check(&clauses[i]);
    if (rc < 0)
        return rc;
    const size_t at_once = choose(clauses, NULL, n);
    if (at_once < n) {
        happen(&clauses[at_once]);
        return (int)at_once;
    }
    if (timeout <= 0)
        return -ETIMEDOUT;
    if (!caller)
        return -EPERM;
    struct coro__loop *loop = coro__loop_here();
    rc = begin(loop, &select, timeout);
    return rc < 0 ? rc : wait_for_one(loop, &select, caller);
}
