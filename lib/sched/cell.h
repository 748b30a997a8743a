/* SPDX-License-Identifier: MIT */
/*
 * Cells: memory behind a public struct that can outlive what it stands for.
 *
 * A timeout scope, a task group and a timer handle are small structs of the caller's, often on a
 * stack; what they stand for has timers and callbacks pointing to it, and so lies in a cell. The
 * memory of cells stays the loop's until it ends, and each use of a cell has a number that no other
 * use has, in any loop. The public struct holds both, and coro__cell_find compares the number: a
 * struct that has outlived its cell is recognized, and leads to no memory that is gone.
 */
#ifndef CORO_SCHED_CELL_H
#define CORO_SCHED_CELL_H

#include "sched/slab.h"
#include "util/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first member of whatever is in a cell. */
struct coro__cell {
    struct coro__cell *next_free;
    uint64_t number; /* 0 while free */
};

enum {
    CORO__CELL_SIZE = 2 * CORO__CACHE_LINE,
    CORO__CELL_LOOP_SHIFT = 40, /* of the loop, in the number of a cell */
};

struct coro__cells {
    struct coro__cell *free;
    struct coro__slabs slabs;
    uint64_t loop;   /* the number of the loop, as the high bits of its cells' numbers */
    uint64_t number; /* of the last cell that was taken */
};

void coro__cells_init(struct coro__cells *cells);
void coro__cells_destroy(struct coro__cells *cells);

/* A cell that was never used; NULL without memory. */
CORO__COLD struct coro__cell *coro__cell_carve(struct coro__cells *cells);

/* A cell, in which all behind its head is as it was left; NULL without memory. */
CORO__INLINE struct coro__cell *coro__cell_take(struct coro__cells *cells)
{
    struct coro__cell *cell = cells->free;
    if (CORO__LIKELY(cell != NULL))
        cells->free = cell->next_free;
    else if (!(cell = coro__cell_carve(cells)))
        return NULL;
    cell->number = ++cells->number;
    return cell;
}

CORO__INLINE void coro__cell_give(struct coro__cells *cells, struct coro__cell *cell)
{
    cell->number = 0;
    cell->next_free = cells->free;
    cells->free = cell;
}

/* The cell, if this is the number of its use, else NULL. */
CORO__INLINE struct coro__cell *coro__cell_find(const struct coro__cells *cells,
                                                struct coro__cell *cell, uint64_t number)
{
    const bool same_loop = number >> CORO__CELL_LOOP_SHIFT == cells->loop;
    return cell && same_loop && cell->number == number ? cell : NULL;
}

#endif
