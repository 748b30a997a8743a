/* SPDX-License-Identifier: MIT */
#include "sched/task.h"
#include "util/symbol.h"
#include "util/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_SLAB = 32,
    LARGEST_SLAB = 4096,
};

struct coro__task_slab {
    struct coro__task_slab *next;
    void *memory;
};

struct coro__task_pool *coro__task_pool_create(struct coro__log log)
{
    struct coro__task_pool *pool = coro__calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->log = log;
    pool->slab_size = FIRST_SLAB;
    pool->alive = 1;
    coro__list_init(&pool->free);
    coro__list_init(&pool->tasks);
    return pool;
}

CORO__COLD static void pool_destroy(struct coro__task_pool *pool)
{
    while (pool->slabs) {
        struct coro__task_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        free(slab->memory);
        free(slab);
    }
    free(pool);
}

CORO__INLINE void pool_drop(struct coro__task_pool *pool)
{
    if (CORO__UNLIKELY(--pool->alive == 0))
        pool_destroy(pool);
}

void coro__task_pool_abandon(struct coro__task_pool *pool)
{
    pool_drop(pool);
}

static size_t struct_stride(void)
{
    return (sizeof(coro_task) + CORO__CACHE_LINE - 1) / CORO__CACHE_LINE * CORO__CACHE_LINE;
}

CORO__COLD static bool grow(struct coro__task_pool *pool)
{
    struct coro__task_slab *slab = coro__malloc(sizeof *slab);
    if (!slab)
        return false;
    const size_t count = pool->slab_size;
    slab->memory = coro__aligned_alloc(CORO__CACHE_LINE, count * struct_stride());
    if (!slab->memory) {
        free(slab);
        return false;
    }
    slab->next = pool->slabs;
    pool->slabs = slab;
    if (pool->slab_size < LARGEST_SLAB)
        pool->slab_size *= 2;
    for (size_t i = 0; i < count; i++) {
        coro_task *task = (coro_task *)(void *)((char *)slab->memory + i * struct_stride());
        coro__list_push_back(&pool->free, &task->siblings);
    }
    return true;
}

/* Field by field: for a struct of this size the compiler's memset is a string instruction, which
 * costs more than all the rest of a task's life. What is not set here is set before it is valid. */
static void clear(coro_task *task)
{
    task->wait = NULL;
    task->cancel_requests = 0;
    task->must_cancel = false;
    task->keeps_environment = false;
    task->done = false;
    task->is_future = false;
    task->references = 1;
    task->stack = NULL;
    task->fn = NULL;
    task->arg = NULL;
    task->value = NULL;
    task->status = 0;
    task->saved_errno = 0;
    task->fp_env = false;
    task->retrieved = false;
    task->shield_abandoned = false;
    task->left_over = false;
    coro__list_init(&task->callbacks);
    coro__list_init(&task->siblings);
    task->stamp = 0;
    task->name = NULL;
    task->message = NULL;
    task->cancel_message = NULL;
    task->handed_on = NULL;
    task->locals = NULL;
    task->blocks = NULL;
}

coro_task *coro__task_allocate(struct coro__task_pool *pool)
{
    if (CORO__UNLIKELY(coro__list_empty(&pool->free)) && !grow(pool))
        return NULL;
    coro_task *task = CORO__CONTAINER_OF(pool->free.next, coro_task, siblings);
    coro__list_remove(&task->siblings);
    clear(task);
    task->pool = pool;
    pool->alive++;
    return task;
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
        task->pool->reserved--;
    }
}

/* In one branch: most tasks have none of it. */
CORO__INLINE bool owns_memory(const coro_task *task)
{
    return ((uintptr_t)task->message | (uintptr_t)task->cancel_message |
            (uintptr_t)task->handed_on | (uintptr_t)task->locals | (uintptr_t)task->name) != 0;
}

static void free_memory(coro_task *task)
{
    coro__message_release(task->message);
    coro__message_release(task->cancel_message);
    coro__message_release(task->handed_on);
    coro__locals_release(task->locals);
    free(task->name);
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

void coro__task_destroy(coro_task *task)
{
    struct coro__task_pool *pool = task->pool;
    if ((CORO__UNLIKELY(!task->retrieved && task->status < 0) ||
         CORO__UNLIKELY(!coro__list_empty(&task->callbacks))) &&
        !report_destruction(task))
        return;
    if (CORO__UNLIKELY(owns_memory(task)))
        free_memory(task);
    coro__list_push_front(&pool->free, &task->siblings);
    pool_drop(pool);
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
