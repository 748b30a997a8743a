/* SPDX-License-Identifier: MIT */
#include "sched/cell.h"
#include "util/memory.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { SLAB = 32 };

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
    cells->number = cells->loop << CORO__CELL_LOOP_SHIFT;
    cells->free = NULL;
}

void coro__cells_destroy(struct coro__cells *cells)
{
    while (cells->slabs) {
        struct coro__cell_slab *slab = cells->slabs;
        cells->slabs = slab->next;
        free(slab);
    }
}

bool coro__cells_grow(struct coro__cells *cells)
{
    struct coro__cell_slab *slab = coro__malloc(sizeof *slab);
    if (!slab)
        return false;
    slab->next = cells->slabs;
    cells->slabs = slab;
    for (size_t i = SLAB; i-- > 0;)
        coro__cell_give(cells, &slab->cells[i].cell);
    return true;
}
