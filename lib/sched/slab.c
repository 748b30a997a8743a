/* SPDX-License-Identifier: MIT */
#include "sched/slab.h"
#include "sched/advice.h"
#include "util/compiler.h"
#include "util/memory.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    FIRST = 32,
    LARGEST = 4096,
    SHARES = 8, /* of a slab; one is prepared at a time: what is never used takes no more memory */
};
static_assert(FIRST % SHARES == 0 && LARGEST % FIRST == 0, "shares are whole things");

struct coro__slab {
    struct coro__slab *next;
    char *memory;
    size_t count;
};

static bool grow(struct coro__slabs *slabs, size_t size)
{
    struct coro__slab *slab = coro__malloc(sizeof *slab);
    if (!slab)
        return false;
    slab->count = FIRST;
    if (slabs->newest)
        slab->count = slabs->newest->count < LARGEST ? slabs->newest->count * 2 : LARGEST;
    slab->memory = coro__aligned_alloc(CORO__CACHE_LINE, slab->count * size);
    if (!slab->memory) {
        free(slab);
        return false;
    }
    slab->next = slabs->newest;
    slabs->newest = slab;
    slabs->unused = slabs->unprepared = slab->memory;
    slabs->end = slab->memory + slab->count * size;
    return true;
}

static void prepare(struct coro__slabs *slabs, size_t size)
{
    const size_t share = slabs->newest->count / SHARES * size;
    coro__advise_writing(slabs->unprepared, share);
    slabs->unprepared += share;
}

void *coro__slab_carve(struct coro__slabs *slabs, size_t size)
{
    if (slabs->unused == slabs->end && !grow(slabs, size))
        return NULL;
    if (slabs->unused == slabs->unprepared)
        prepare(slabs, size);
    char *carved = slabs->unused;
    slabs->unused += size;
    return carved;
}

void coro__slabs_free(struct coro__slabs *slabs)
{
    while (slabs->newest) {
        struct coro__slab *slab = slabs->newest;
        slabs->newest = slab->next;
        free(slab->memory);
        free(slab);
    }
    slabs->unused = slabs->unprepared = slabs->end = NULL;
}
