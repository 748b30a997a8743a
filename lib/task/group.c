/* SPDX-License-Identifier: MIT */
#include "coro/group.h"
#include "coro/task.h"
#include "sched/block.h"
#include "task/current.h"
#include "util/memory.h"

#include <assert.h>
#include <stdlib.h>

/*
 * A task of the group is a member until its end has been seen, on the loop; if it failed it is then
 * one of the failed, else it is forgotten.
 */
struct member {
    struct coro__callback ended; /* ended.of is the task; a reference is held */
    struct coro__list link;      /* members or failed */
    struct group *group;
};

struct group {
    struct coro__block block;
    bool ending;           /* coro_group_end has been called */
    bool aborting;         /* the tasks have been cancelled */
    bool parent_cancelled; /* by the group, which has to take that back */
    int body_error;        /* valid when closed; 0 if none */
    struct coro__list members;
    struct coro__list failed; /* in the order in which their ends were seen */
    struct coro__wait *wait;  /* coro_group_end's, while it waits */
    struct coro__message *body_message;
};
static_assert(sizeof(struct group) <= CORO__CELL_SIZE, "a group fits into a cell");

struct group_wait {
    struct coro__wait wait;
    struct group *group;
    struct coro__list *cursor; /* for targets in sequence: the member with the index below */
    size_t index;
};

static struct group *as_group(struct coro__block *block)
{
    return CORO__CONTAINER_OF(block, struct group, block);
}

static struct group *group_of(const coro_group *handle)
{
    struct coro__block *block = coro__block_find(handle->cell, handle->number);
    return block ? as_group(block) : NULL;
}

static struct member *member_of(struct coro__list *link)
{
    return CORO__CONTAINER_OF(link, struct member, link);
}

static coro_task *target(const struct coro__wait *wait, size_t i)
{
    /* Walks ask for one after another. */
    struct group_wait *at = CORO__CONTAINER_OF(wait, struct group_wait, wait);
    struct coro__list *members = &at->group->members;
    if (i == 0 || i != at->index + 1) {
        at->cursor = members;
        for (size_t k = 0; k < i && at->cursor->next != members; k++)
            at->cursor = at->cursor->next;
    }
    at->cursor = at->cursor->next;
    at->index = i;
    return at->cursor == members ? NULL : member_of(at->cursor)->ended.of;
}

/* The caller's block, abandoned by itself, holds all that there is to give up. */
static const struct coro__wait_kind wait_kind = {.name = "group", .target = target};

static void forget(struct coro__ready *ready, struct member *member)
{
    coro__list_remove(&member->link);
    coro__callback_cancel(ready, &member->ended);
    coro__ready_unreserve(ready, 1);
    coro__task_release(member->ended.of);
    free(member);
}

static void forget_all(struct coro__ready *ready, struct coro__list *members)
{
    while (!coro__list_empty(members))
        forget(ready, member_of(members->next));
}

static void abort_members(struct coro__ready *ready, struct group *group)
{
    group->aborting = true;
    for (struct coro__list *link = group->members.next; link != &group->members; link = link->next)
        coro__cancel(ready, member_of(link)->ended.of, NULL);
}

static void on_failure(struct coro__ready *ready, struct group *group, struct member *member)
{
    member->ended.of->retrieved = true;
    coro__list_remove(&member->link);
    coro__list_push_back(&group->failed, &member->link);
    if (group->aborting || group->parent_cancelled)
        return;
    abort_members(ready, group);
    group->parent_cancelled = true;
    coro__cancel(ready, group->block.task, NULL);
}

/* Sees the end of a member that is in the list of members. */
static void see_end(struct coro__ready *ready, struct member *member)
{
    struct group *group = member->group;
    const int status = member->ended.of->status;
    if (group->members.next->next == &group->members && group->wait)
        coro__wake(ready, group->wait, 0);
    if (status < 0 && status != -ECANCELED)
        on_failure(ready, group, member);
    else
        forget(ready, member);
}

static void on_end(struct coro__ready *ready, struct coro__callback *callback)
{
    see_end(ready, CORO__CONTAINER_OF(callback, struct member, ended));
}

static void abandon(struct coro__loop *loop, struct coro__block *block)
{
    struct group *group = as_group(block);
    forget_all(&loop->ready, &group->members);
    forget_all(&loop->ready, &group->failed);
    coro__message_release(group->body_message);
}

static const struct coro__block_kind kind = {.name = "task group",
                                             .end = "coro_group_end",
                                             .event = CORO_LOG_GROUP_NOT_ENDED,
                                             .abandon = abandon};

/* Frees what is left of groups that have ended with errors. */
static void drop_ended(struct coro__loop *loop, coro_task *task)
{
    for (struct coro__block *block = task->blocks, *next; block; block = next) {
        next = block->next;
        if (block->kind != &kind || !block->closed)
            continue;
        abandon(loop, block);
        coro__block_end(loop, block);
    }
}

static void init(struct group *group)
{
    coro__list_init(&group->members);
    coro__list_init(&group->failed);
    group->wait = NULL;
    group->ending = group->aborting = group->parent_cancelled = false;
    group->body_error = 0;
    group->body_message = NULL;
}

int coro_group_begin(coro_group *handle)
{
    coro_task *task = coro__caller();
    *handle = (coro_group){.cell = NULL};
    if (!task)
        return -EPERM;
    struct coro__loop *loop = coro__loop_here();
    drop_ended(loop, task);
    struct coro__block *block = coro__block_begin(loop, task, &kind);
    if (!block)
        return -ENOMEM;
    init(as_group(block));
    handle->cell = &block->cell;
    handle->number = block->cell.number;
    return 0;
}

/* Why the group takes no task; 0 if it does. */
static int check(const struct group *group)
{
    if (!group || group->block.closed)
        return -EINVAL;
    const bool finished = group->ending && coro__list_empty(&group->members);
    return finished || group->aborting ? -ESHUTDOWN : 0;
}

/* A member without a task, with its place reserved; NULL without memory. */
static struct member *make_member(struct coro__ready *ready, struct group *group)
{
    if (coro__ready_reserve(ready, 1) < 0)
        return NULL;
    struct member *member = coro__malloc(sizeof *member);
    if (!member) {
        coro__ready_unreserve(ready, 1);
        return NULL;
    }
    coro__callback_init(&member->ended, on_end);
    coro__list_init(&member->link);
    member->group = group;
    return member;
}

static int create(struct coro__ready *ready, struct group *group, const coro_task_options *options,
                  coro_fn *fn, void *arg, coro_task **task)
{
    struct member *member = make_member(ready, group);
    if (!member)
        return -ENOMEM;
    coro_task *made = coro_create_task_with(options, fn, arg);
    if (!made) {
        coro__ready_unreserve(ready, 1);
        free(member);
        return -ENOMEM;
    }
    if (task)
        *task = coro_retain(made);
    coro__list_push_back(&group->members, &member->link);
    if (made->done) {
        member->ended.of = made;
        see_end(ready, member);
    } else {
        coro__add_callback(ready, made, &member->ended);
    }
    return 0;
}

int coro_group_create_task_with(coro_group *handle, const coro_task_options *options, coro_fn *fn,
                                void *arg, coro_task **task)
{
    struct coro__ready *ready = coro__ready_here;
    if (task)
        *task = NULL;
    if (!ready)
        return -EPERM;
    struct group *group = group_of(handle);
    const int rc = fn ? check(group) : -EINVAL;
    return rc < 0 ? rc : create(ready, group, options, fn, arg, task);
}

int coro_group_create_task(coro_group *handle, coro_fn *fn, void *arg)
{
    return coro_group_create_task_with(handle, NULL, fn, arg, NULL);
}

/* Waits until all members have ended; whether the caller was cancelled from outside meanwhile. Its
 * message is then that cancel's, otherwise still the body's: later cancels change neither. */
static bool wait_for_members(struct coro__ready *ready, struct group *group)
{
    coro_task *task = group->block.task;
    struct coro__message *message = coro__message_retain(task->message);
    bool cancelled = false;
    while (!coro__list_empty(&group->members)) {
        struct group_wait wait = {.group = group};
        coro__wait_init(&wait.wait, &wait_kind, group->block.task);
        group->wait = &wait.wait;
        const int rc = coro__park(ready, &wait.wait);
        group->wait = NULL;
        if (rc < 0 && !group->aborting) {
            cancelled = true;
            coro__message_set(&message, coro__message_retain(task->message));
            abort_members(ready, group);
        }
    }
    coro__message_set(&task->message, message);
    return cancelled;
}

static void destroy(struct coro__loop *loop, struct group *group)
{
    abandon(loop, &group->block);
    coro__block_end(loop, &group->block);
}

/* Keeps the group for its errors, and returns the first. */
static int close_with_errors(struct coro__ready *ready, struct group *group)
{
    coro_task *task = group->block.task;
    group->block.closed = true;
    /* A request from outside stays one, and is delivered again. */
    if (task->cancel_requests > 0) {
        coro_uncancel(task);
        coro__cancel(ready, task, NULL);
    }
    if (coro__list_empty(&group->failed))
        return group->body_error;
    const coro_task *first = member_of(group->failed.next)->ended.of;
    coro__message_set(&task->message, coro__message_retain(coro__task_message(first)));
    return first->status;
}

int coro_group_end(coro_group *handle, int rc)
{
    struct group *group = group_of(handle);
    if (!group || group->block.closed)
        return rc;
    coro_task *task = coro__caller();
    if (group->block.task != task)
        return -EPERM;
    struct coro__loop *loop = coro__loop_here();
    bool cancelled = rc == -ECANCELED;

    drop_ended(loop, task);
    group->ending = true;
    if (rc < 0 && !group->aborting)
        abort_members(&loop->ready, group);
    cancelled |= wait_for_members(&loop->ready, group);
    if (group->parent_cancelled && coro_uncancel(task) == 0)
        cancelled = false;
    if (rc < 0 && rc != -ECANCELED) {
        group->body_error = rc;
        group->body_message = coro__message_retain(task->message);
    }

    if (cancelled && coro__list_empty(&group->failed))
        rc = -ECANCELED;
    else if (group->body_error < 0 || !coro__list_empty(&group->failed))
        return close_with_errors(&loop->ready, group);
    destroy(loop, group);
    return rc;
}

size_t coro_group_errors(const coro_group *handle, coro_group_error errors[], size_t capacity)
{
    const struct group *group = group_of(handle);
    size_t count = 0;
    if (!group || !group->block.closed)
        return 0;
    for (const struct coro__list *link = group->failed.next; link != &group->failed;
         link = link->next, count++) {
        coro_task *task = CORO__CONTAINER_OF(link, struct member, link)->ended.of;
        if (count < capacity)
            errors[count] = (coro_group_error){task, task->status, coro__task_error_text(task)};
    }
    if (group->body_error < 0) {
        const struct coro__message *message = group->body_message;
        const bool fits = message && message->error == group->body_error;
        if (count < capacity)
            errors[count] =
                (coro_group_error){group->block.task, group->body_error,
                                   fits ? message->text : coro__error_text(group->body_error)};
        count++;
    }
    return count;
}
