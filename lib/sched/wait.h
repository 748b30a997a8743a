/* SPDX-License-Identifier: MIT */
/*
 * The one suspension primitive. Whatever a task waits for, it says so in a struct coro__wait on its
 * own stack, hands that to whoever will wake it, and parks. A wait is pending until somebody wakes
 * it, once, with a status; the task then runs in the next pass and takes its wait out of wherever
 * it is still listed.
 *
 * A cancel reaches a parked task through its wait. Most waits accept it while they are pending: the
 * task is woken with -ECANCELED. A wait whose kind forwards (await, gather) hands the request to
 * the tasks that it waits for and stays pending until they have ended. A wait that is no longer
 * pending does not accept: the request stays with the task, and wins over what woke it.
 */
#ifndef CORO_SCHED_WAIT_H
#define CORO_SCHED_WAIT_H

#include "sched/ready.h"

struct coro__wait;

struct coro__wait_kind {
    const char *name; /* for reports: "await" */
    bool forwards;    /* a cancel goes to the targets */
    /* The i-th task that is waited for; NULL after the last. NULL where there are none. */
    coro_task *(*target)(const struct coro__wait *wait, size_t i);
    /* The task will never run again: gives up what the wait holds. NULL where that is nothing. */
    void (*abandon)(struct coro__ready *ready, struct coro__wait *wait);
};

/* What all waits use comes last: there the registers of the task lie behind it on its stack, and
 * few cache lines are touched. */
struct coro__wait {
    /* Initialized by who lists it with what is waited for. Wakes the task with the status 0. */
    struct coro__callback callback;
    /* Valid during a deadlock report, whose log hook may cancel tasks. */
    size_t next_reported;
    coro_task *reported_from;
    /* Valid where the kind forwards, during a walk of coro__cancel. */
    unsigned visits;
    size_t next_target;
    coro_task *from;
    /* Valid where the kind forwards. */
    uint64_t stamp;        /* of the walk that visits belongs to */
    bool cancel_requested; /* a cancel was forwarded */
    bool on_path;          /* of one walk of coro__cancel */
    bool accepted;         /* in this walk by a target, from which the wait will be woken */
    bool done;             /* woken */
    int status;            /* valid when done */
    const struct coro__wait_kind *kind;
    coro_task *task;
};

CORO__INLINE void coro__wait_init(struct coro__wait *wait, const struct coro__wait_kind *kind,
                                  coro_task *task)
{
    wait->kind = kind;
    wait->task = task;
    wait->done = false;
}

/* The same for a kind that forwards. */
CORO__INLINE void coro__wait_init_forwarding(struct coro__wait *wait,
                                             const struct coro__wait_kind *kind, coro_task *task)
{
    coro__wait_init(wait, kind, task);
    wait->status = 0;
    wait->cancel_requested = false;
    wait->on_path = false;
    wait->accepted = false;
    wait->stamp = 0;
}

/* Wakes the task of a pending wait; false if it was woken before. */
CORO__INLINE bool coro__wake(struct coro__ready *ready, struct coro__wait *wait, int status)
{
    if (wait->done)
        return false;
    wait->done = true;
    wait->status = status;
    coro__ready_push(ready, wait->task);
    return true;
}

/* Leaves for the next task, as coro__ready_leave(), when the current one is unusual: a request that
 * was made before it parked goes to the wait now. */
coro_task *coro__leave_unusual(struct coro__ready *ready, coro_task *task);

/* Takes delivery of a cancel request: returns -ECANCELED, with its message as the task's. */
int coro__deliver_cancel(coro_task *task);

/*
 * Parks the current task on the wait. Returns the status that it was woken with, or -ECANCELED if a
 * cancel came in between or was due. In `predicted` is what coro__return_after() wants. Inlined: a
 * switch keeps no registers, and so each function around it would save them for its caller once
 * more.
 */
CORO__INLINE int coro__park_predicting(struct coro__ready *ready, struct coro__wait *wait,
                                       const void **predicted)
{
    coro_task *task = wait->task;
    task->wait = wait;
    if (CORO__LIKELY(!task->unusual)) {
        task = coro__ready_switch_plainly(ready, task, coro__ready_next(ready), predicted);
    } else {
        task = coro__leave_unusual(ready, task);
        *predicted = NULL;
    }
    task->wait = NULL;
    const int status = wait->status;
    if (CORO__LIKELY(!(status | task->must_cancel)))
        return 0;
    return !task->must_cancel && status != -ECANCELED ? status : coro__deliver_cancel(task);
}

CORO__INLINE int coro__park(struct coro__ready *ready, struct coro__wait *wait)
{
    const void *predicted;
    return coro__park_predicting(ready, wait, &predicted);
}

/*
 * coro__park() that returns the status and leaves it to the caller what becomes of a cancel: after
 * -ECANCELED he calls coro__deliver_cancel(), or coro__put_off_cancel() where he has a result all
 * the same. One that came in after the wake-up stays with the task, for its next wait.
 */
int coro__park_for_result(struct coro__ready *ready, struct coro__wait *wait);

static inline void coro__put_off_cancel(coro_task *task)
{
    task->must_cancel = true;
}

/*
 * Requests cancellation of a task or future, and of what it waits for through waits that forward.
 * Iterative: a chain or a ring of any length takes no stack. In a ring the request comes back to a
 * task that has it already, and the wait that closes the ring is woken with -ECANCELED.
 *
 * Returns false if it had ended. The message may be NULL; the caller keeps its reference.
 */
bool coro__cancel(struct coro__ready *ready, coro_task *task, struct coro__message *message);

/*
 * Ends a task or settles a future: its waiters become ready and its done callbacks are scheduled,
 * in the order in which they were added. Its message is set before.
 */
CORO__INLINE void coro__settle(struct coro__ready *ready, coro_task *task, int status, void *value)
{
    task->done = true;
    task->status = status;
    task->value = status >= 0 ? value : NULL;
    while (!coro__list_empty(&task->callbacks)) {
        struct coro__callback *callback =
            CORO__CONTAINER_OF(task->callbacks.next, struct coro__callback, link);
        coro__list_remove(&callback->link);
        if (callback->run)
            coro__ready_push_callback(ready, callback);
        else
            coro__wake(ready, CORO__CONTAINER_OF(callback, struct coro__wait, callback), 0);
    }
    if (CORO__UNLIKELY(task->shield_abandoned))
        coro__task_report_failure(task, CORO_LOG_SHIELD_ERROR,
                                  "after the waiter that shields it was cancelled");
}

/* A callback to run when a task or future has ended, or in the next pass if it has. */
void coro__add_callback(struct coro__ready *ready, coro_task *task,
                        struct coro__callback *callback);

#endif
