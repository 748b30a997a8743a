/* SPDX-License-Identifier: MIT */
#include "sched/cell.h"
#include "util/compiler.h"
#include "util/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB = 32, LOOP_SHIFT = 40 };

union memory {
    struct coro__cell cell;
    char bytes[CORO__CELL_SIZE];
};

struct coro__cell_slab {
    struct coro__cell_slab *next;
    union memory cells[SLAB];
};

void coro__cells_init(struct coro__cells *cells)
{
    static atomic_uint_least64_t loops;
    cells->slabs = NULL;
    cells->loop = ++loops;
    cells->number = cells->loop << LOOP_SHIFT;
    coro__list_init(&cells->free);
}

void coro__cells_destroy(struct coro__cells *cells)
{
    while (cells->slabs) {
        struct coro__cell_slab *slab = cells->slabs;
        cells->slabs = slab->next;
        free(slab);
    }
}

static bool grow(struct coro__cells *cells)
{
    struct coro__cell_slab *slab = coro__malloc(sizeof *slab);
    if (!slab)
        return false;
    slab->next = cells->slabs;
    cells->slabs = slab;
    for (size_t i = 0; i < SLAB; i++) {
        slab->cells[i].cell.number = 0;
        coro__list_push_back(&cells->free, &slab->cells[i].cell.free);
    }
    return true;
}

struct coro__cell *coro__cell_take(struct coro__cells *cells)
{
    if (coro__list_empty(&cells->free) && !grow(cells))
        return NULL;
    struct coro__cell *cell = CORO__CONTAINER_OF(cells->free.next, struct coro__cell, free);
    coro__list_remove(&cell->free);
    memset(cell + 1, 0, CORO__CELL_SIZE - sizeof *cell);
    cell->number = ++cells->number;
    return cell;
}

void coro__cell_give(struct coro__cells *cells, struct coro__cell *cell)
{
    cell->number = 0;
    coro__list_push_front(&cells->free, &cell->free);
}

struct coro__cell *coro__cell_find(const struct coro__cells *cells, struct coro__cell *cell,
                                   uint64_t number)
{
    if (!cell || number >> LOOP_SHIFT != cells->loop || cell->number != number)
        return NULL;
    return cell;
}
