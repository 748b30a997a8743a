/* SPDX-License-Identifier: MIT */
#include "sched/wait.h"

/* A task that is reached along many paths hands a request on this often; more would change nothing
 * but the count, and the number of paths can grow exponentially. */
enum { MOST_VISITS = 2 };

int coro__deliver_cancel(coro_task *task)
{
    task->must_cancel = false;
    coro__message_set(&task->message, task->cancel_message);
    task->cancel_message = NULL;
    return -ECANCELED;
}

static void set_cancel_message(coro_task *task, struct coro__message *message)
{
    coro__message_set(&task->cancel_message, coro__message_retain(message));
}

static bool has_pending_target(const struct coro__wait *wait)
{
    coro_task *target;
    for (size_t i = 0; (target = wait->kind->target(wait, i)); i++)
        if (!target->done)
            return true;
    return false;
}

/* Offers a request to a task that is not done; true if it is to be handed on to its targets. */
static bool offer(struct coro__ready *ready, coro_task *task, struct coro__message *message)
{
    struct coro__wait *wait = task->wait;
    if (wait && !wait->done && wait->kind->forwards && has_pending_target(wait)) {
        wait->cancel_requested = true;
        coro__message_set(&task->handed_on, coro__message_retain(message));
        return true;
    }
    if (wait && !wait->done && !wait->kind->forwards) {
        set_cancel_message(task, message);
        coro__wake(ready, wait, -ECANCELED);
        return false;
    }
    /* A cancel that is on its way already keeps its message. */
    if (!(wait && wait->done && wait->status == -ECANCELED))
        set_cancel_message(task, message);
    task->must_cancel = true;
    return false;
}

static void enter(coro_task *task, coro_task *from, uint64_t stamp)
{
    struct coro__wait *wait = task->wait;
    if (wait->stamp != stamp) {
        wait->stamp = stamp;
        wait->visits = 0;
    }
    wait->visits++;
    wait->on_path = true;
    wait->accepted = false;
    wait->next_target = 0;
    wait->from = from;
}

static coro_task *leave(struct coro__ready *ready, coro_task *task, struct coro__message *message)
{
    struct coro__wait *wait = task->wait;
    wait->on_path = false;
    if (!wait->accepted) {
        set_cancel_message(task, message);
        coro__wake(ready, wait, -ECANCELED);
    }
    return wait->from;
}

static bool on_path(const coro_task *task)
{
    return task->wait && task->wait->kind->forwards && task->wait->on_path;
}

static bool may_enter(const coro_task *task, uint64_t stamp)
{
    return task->wait->stamp != stamp || task->wait->visits < MOST_VISITS;
}

/* Makes the request of one task or future; true if it is to be handed on to its targets. */
static bool request(struct coro__ready *ready, coro_task *task, struct coro__message *message)
{
    if (task->is_future) {
        coro__message_set(&task->message, coro__message_retain(message));
        coro__settle(ready, task, -ECANCELED, NULL);
        return false;
    }
    task->cancel_requests++;
    return offer(ready, task, message);
}

/* Hands the request of a task on to its targets, theirs and so on, depth first, in order. */
static void hand_on(struct coro__ready *ready, coro_task *task, struct coro__message *message)
{
    const uint64_t stamp = coro__task_stamp(ready->pool);
    enter(task, NULL, stamp);
    while (task) {
        struct coro__wait *wait = task->wait;
        coro_task *target = wait->kind->target(wait, wait->next_target++);
        if (!target) {
            task = leave(ready, task, message);
        } else if (!target->done && !on_path(target)) {
            wait->accepted = true;
            if (request(ready, target, message) && may_enter(target, stamp)) {
                enter(target, task, stamp);
                task = target;
            }
        }
    }
}

bool coro__cancel(struct coro__ready *ready, coro_task *task, struct coro__message *message)
{
    if (task->done) {
        task->retrieved = true;
        return false;
    }
    if (request(ready, task, message))
        hand_on(ready, task, message);
    return true;
}

static CORO__COLD void offer_again(struct coro__ready *ready, coro_task *task)
{
    struct coro__message *message = task->cancel_message;
    task->must_cancel = false;
    task->cancel_message = NULL;
    if (offer(ready, task, message))
        hand_on(ready, task, message);
    coro__message_release(message);
}

coro_task *coro__leave_unusual(struct coro__ready *ready, coro_task *task)
{
    if (task->must_cancel)
        offer_again(ready, task);
    return coro__ready_leave(ready, task);
}

int coro__park_for_result(struct coro__ready *ready, struct coro__wait *wait)
{
    coro_task *task = wait->task;
    task->wait = wait;
    task = coro__ready_leave(ready, task);
    wait = task->wait;
    task->wait = NULL;
    return wait->status;
}

void coro__add_callback(struct coro__ready *ready, coro_task *task, struct coro__callback *callback)
{
    callback->of = task;
    if (task->done)
        coro__ready_push_callback(ready, callback);
    else
        coro__list_push_back(&task->callbacks, &callback->link);
}
