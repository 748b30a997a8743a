/* SPDX-License-Identifier: MIT */
#include "sched/task.h"
#include "util/symbol.h"
#include "util/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct coro__task_pool *coro__task_pool_create(struct coro__log log)
{
    struct coro__task_pool *pool = coro__calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->log = log;
    coro__list_init(&pool->tasks);
    return pool;
}

CORO__COLD static void pool_destroy(struct coro__task_pool *pool)
{
    coro__slabs_free(&pool->slabs);
    free(pool);
}

void coro__task_pool_abandon(struct coro__task_pool *pool)
{
    pool->abandoned = true;
    if (coro__task_pool_alive(pool) == 0)
        pool_destroy(pool);
}

/* A struct that was never used. */
static coro_task *carve(struct coro__task_pool *pool)
{
    const size_t lines = (sizeof(coro_task) + CORO__CACHE_LINE - 1) / CORO__CACHE_LINE;
    coro_task *task = coro__slab_carve(&pool->slabs, lines * CORO__CACHE_LINE);
    if (!task)
        return NULL;
    memset(task, 0, sizeof *task);
    task->references = 1;
    task->pool = pool;
    coro__list_init(&task->callbacks);
    return task;
}

coro_task *coro__task_allocate(struct coro__task_pool *pool)
{
    coro_task *task = coro__task_allocate_used(pool);
    return task ? task : carve(pool);
}

struct coro__message *coro__task_message(const coro_task *task)
{
    struct coro__message *message = task->message;
    return message && message->error == task->status ? message : NULL;
}

void coro__task_report_failure(coro_task *task, enum coro_log_event event, const char *what)
{
    char who[160];
    if (!task->done || task->status >= 0 || task->status == -ECANCELED)
        return;
    task->retrieved = true;
    coro__log(&task->pool->log, event, task, task->status, "%s %s failed %s: %s",
              task->is_future ? "future" : "task", coro__task_describe(task, who, sizeof who), what,
              coro__task_error_text(task));
}

static void drop_callbacks(coro_task *task)
{
    char who[160];
    coro__log(&task->pool->log, CORO_LOG_DESTROYED_PENDING, task, 0,
              "future %s was destroyed while it was pending; its done callbacks will not run",
              coro__task_describe(task, who, sizeof who));
    while (!coro__list_empty(&task->callbacks)) {
        struct coro__list *link = task->callbacks.next;
        coro__list_remove(link);
        task->pool->discard(link);
        task->pool->places++;
    }
}

CORO__INLINE bool owns_memory(const coro_task *task)
{
    return ((uintptr_t)task->message | (uintptr_t)task->cancel_message |
            (uintptr_t)task->handed_on | (uintptr_t)task->locals | (uintptr_t)task->name) != 0;
}

static void free_memory(coro_task *task)
{
    coro__message_set(&task->message, NULL);
    coro__message_set(&task->cancel_message, NULL);
    coro__message_set(&task->handed_on, NULL);
    coro__locals_release(task->locals);
    task->locals = NULL;
    free(task->name);
    task->name = NULL;
}

/* Tells a hook, which looks at the task; false if it has kept a reference. */
CORO__COLD static bool report_destruction(coro_task *task)
{
    task->references = 1;
    if (!task->retrieved)
        coro__task_report_failure(task, CORO_LOG_NEVER_RETRIEVED,
                                  "and its error was never retrieved");
    if (!coro__list_empty(&task->callbacks))
        drop_callbacks(task);
    return --task->references == 0;
}

CORO__INLINE bool is_to_be_reported(const coro_task *task)
{
    return CORO__UNLIKELY(!task->retrieved && task->status < 0) ||
           CORO__UNLIKELY(!coro__list_empty(&task->callbacks));
}

CORO__INLINE void give_back(struct coro__task_pool *pool, coro_task *task)
{
    task->next_free = pool->free;
    pool->free = task;
    pool->destroyed++;
    if (CORO__UNLIKELY(pool->abandoned) && coro__task_pool_alive(pool) == 0)
        pool_destroy(pool);
}

static __attribute__((noinline)) void destroy_slowly(coro_task *task)
{
    if (is_to_be_reported(task) && !report_destruction(task))
        return;
    free_memory(task);
    give_back(task->pool, task);
}

void coro__task_destroy(coro_task *task)
{
    if (is_to_be_reported(task) || CORO__UNLIKELY(owns_memory(task)))
        destroy_slowly(task);
    else
        give_back(task->pool, task);
}

const char *coro__task_error_text(const coro_task *task)
{
    const struct coro__message *message = coro__task_message(task);
    return message ? message->text : coro__error_text(task->status);
}

uint64_t coro__task_stamp(struct coro__task_pool *pool)
{
    return ++pool->stamp;
}

void coro__task_default_name(const coro_task *task, char *buffer, size_t size)
{
    snprintf(buffer, size, "%s-%llu", task->is_future ? "Future" : "Task",
             (unsigned long long)task->number);
}

const char *coro__task_describe(const coro_task *task, char *buffer, size_t size)
{
    char entry[96];
    char number[32];
    const char *name = task->name;
    if (!name) {
        coro__task_default_name(task, number, sizeof number);
        name = number;
    }
    if (task->is_future)
        snprintf(buffer, size, "'%s'", name);
    else
        snprintf(buffer, size, "'%s' (entry: %s)", name,
                 coro__symbol_name((coro__code *)task->fn, entry, sizeof entry));
    return buffer;
}
