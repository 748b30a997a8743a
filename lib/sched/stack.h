/* SPDX-License-Identifier: MIT */
/*
 * Stacks: slabs of address space, a guard page below each stack, and a cache.
 *
 * A stack is in exactly one place: in use by a task, hot (cached, its context parked in the entry
 * function, its memory kept) or cold (it has no context and no memory; those never used yet are
 * cold too, at the end of their slab). coro__stack_get moves it from hot or cold to in use,
 * coro__stack_put to hot, coro__stacks_trim from hot to cold.
 *
 * The distance between stacks is an odd number of pages and their tops are staggered: at a power of
 * two all the tops would compete for the same few sets of the caches.
 */
#ifndef CORO_SCHED_STACK_H
#define CORO_SCHED_STACK_H

#include "context/context.h"
#include "sched/guard.h"
#include "util/list.h"

#include <stdbool.h>

enum {
    CORO__STACK_DEFAULT = 256 * 1024,
    CORO__STACK_MINIMUM = 16 * 1024,
};
#define CORO__STACK_MAXIMUM ((size_t)1 << 40)

struct coro__stack {
    struct coro__context context; /* valid while hot, and when just got */
    struct coro__list link;       /* hot or cold list */
    char *low;                    /* the lowest usable byte; the guard page ends here */
    struct coro__stack_class *of;
    unsigned valgrind_id;
    unsigned colour : 8;
    unsigned born : 1; /* context is valid: it needs no birth */
};

/* All the stacks of one size. */
struct coro__stack_class {
    struct coro__stack_class *next;
    struct coro__stacks *of;
    size_t size;
    size_t stride;
    size_t count;          /* of stacks that have been in use */
    struct coro__list hot; /* the last one put is the first */
    size_t hot_count;
    size_t unneeded; /* at the end of the hot ones: the fewest there were since a point in time */
    struct coro__list cold;
    struct coro__stack_slab *slabs; /* the newest first; only it may have unused stacks */
};

struct coro__stacks {
    struct coro__stack_class *classes;
    void (*entry)(void); /* what every stack runs: see coro__context_birth */
    struct coro__birthplace birthplace;
    struct coro__guards guards;
};

void coro__stacks_init(struct coro__stacks *stacks, void (*entry)(void),
                       const struct coro__log *log);

/* No stack may be in use any more. */
void coro__stacks_destroy(struct coro__stacks *stacks);

/* The size of stack that is got for a size that is asked for. */
size_t coro__stack_round(const struct coro__stacks *stacks, size_t size);

/* A stack of a rounded size with a context ready to be entered; NULL without memory. */
struct coro__stack *coro__stack_get(struct coro__stacks *stacks, size_t size);

/* The same if the class that was made last has the size, and a hot stack; else NULL. */
CORO__INLINE struct coro__stack *coro__stack_get_hot(struct coro__stacks *stacks, size_t size);

/* Its context must be parked in the entry function. */
static inline void coro__stack_put(struct coro__stack *stack);

/* Puts a stack back whose context will never be entered again. */
void coro__stack_put_dead(struct coro__stack *stack);

/* Whether there are more than `keep` hot stacks of any size. */
bool coro__stacks_exceed(const struct coro__stacks *stacks, size_t keep);

/* From now on it counts which of the hot stacks are needed. */
void coro__stacks_watch(struct coro__stacks *stacks);

/* Whether coro__stacks_trim() would find any. */
bool coro__stacks_unneeded(const struct coro__stacks *stacks, size_t keep);

/* Gives the memory of up to `most` hot stacks back to the system that were not needed while it was
 * watched, those unused longest first, and leaves `keep` of each size hot. */
void coro__stacks_trim(struct coro__stacks *stacks, size_t keep, size_t most);

/* The end of the stack's usable bytes, where its first frame lies. */
char *coro__stack_top(const struct coro__stack *stack);

/* Wipes the stack below the caller's frame, which is on it, but for some hundred bytes. */
void coro__stack_wipe(struct coro__stack *stack);

/* The most bytes used since the stack was new or last wiped. */
size_t coro__stack_high_water(const struct coro__stack *stack);

/* Whether the address is in the stack's guard page. */
bool coro__stack_guards(const struct coro__stack *stack, const void *address);

CORO__INLINE struct coro__stack *coro__stack_take_hot(struct coro__stack_class *class)
{
    if (CORO__UNLIKELY(coro__list_empty(&class->hot)))
        return NULL;
    struct coro__stack *stack = CORO__CONTAINER_OF(class->hot.next, struct coro__stack, link);
    coro__list_unlink(&stack->link);
    if (--class->hot_count < class->unneeded)
        class->unneeded = class->hot_count;
    return stack;
}

CORO__INLINE struct coro__stack *coro__stack_get_hot(struct coro__stacks *stacks, size_t size)
{
    struct coro__stack_class *class = stacks->classes;
    return CORO__LIKELY(class && class->size == size) ? coro__stack_take_hot(class) : NULL;
}

static inline void coro__stack_put(struct coro__stack *stack)
{
    coro__list_push_front(&stack->of->hot, &stack->link);
    stack->of->hot_count++;
}

#endif
