/* SPDX-License-Identifier: MIT */
#include "sched/block.h"

struct coro__block *coro__block_begin(struct coro__loop *loop, coro_task *task,
                                      const struct coro__block_kind *kind)
{
    struct coro__cell *cell = coro__cell_take(&loop->cells);
    if (!cell)
        return NULL;
    struct coro__block *block = CORO__CONTAINER_OF(cell, struct coro__block, cell);
    block->task = task;
    block->kind = kind;
    block->closed = false;
    block->next = task->blocks;
    block->at = &task->blocks;
    if (block->next)
        block->next->at = &block->next;
    task->blocks = block;
    return block;
}

struct coro__block *coro__block_find(struct coro__cell *cell, uint64_t number)
{
    if (!coro__ready_here)
        return NULL;
    cell = coro__cell_find(&coro__loop_of(coro__ready_here)->cells, cell, number);
    return cell ? CORO__CONTAINER_OF(cell, struct coro__block, cell) : NULL;
}

void coro__block_end(struct coro__loop *loop, struct coro__block *block)
{
    *block->at = block->next;
    if (block->next)
        block->next->at = block->at;
    coro__cell_give(&loop->cells, &block->cell);
}

void coro__blocks_abandon(struct coro__loop *loop, coro_task *task)
{
    char who[160];
    while (task->blocks) {
        struct coro__block *block = task->blocks;
        const struct coro__block_kind *kind = block->kind;
        if (!block->closed)
            coro__log(&loop->ready.pool->log, kind->event, task, 0,
                      "task %s ended within a %s: %s() was not called",
                      coro__task_describe(task, who, sizeof who), kind->name, kind->end);
        kind->abandon(loop, block);
        coro__block_end(loop, block);
    }
}
