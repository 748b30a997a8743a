/* SPDX-License-Identifier: MIT */
#include "sched/cell.h"

#include <stdatomic.h>
#include <string.h>

void coro__cells_init(struct coro__cells *cells)
{
    static atomic_uint_least64_t loops;
    memset(cells, 0, sizeof *cells);
    cells->loop = ++loops;
    cells->number = cells->loop << CORO__CELL_LOOP_SHIFT;
}

void coro__cells_destroy(struct coro__cells *cells)
{
    coro__slabs_free(&cells->slabs);
}

struct coro__cell *coro__cell_carve(struct coro__cells *cells)
{
    return coro__slab_carve(&cells->slabs, CORO__CELL_SIZE);
}
