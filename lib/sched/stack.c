/* SPDX-License-Identifier: MIT */
#include "sched/stack.h"
#include "sched/advice.h"
#include "util/valgrind.h"
#include "util/memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    COLOURS = 16,
    COLOUR_BYTES = 64,
    FIRST_SLAB = 32,
    LARGEST_SLAB = 32768,
    PAGES_ASKED = 1024, /* at a time, whether they are resident */
};

/* Address space for many stacks of one size: guard page, stack, guard page, stack ... */
struct coro__stack_slab {
    struct coro__stack_slab *next;
    char *memory;
    size_t count;
    size_t used;    /* stacks[0..used) have been handed out before */
    size_t guarded; /* stacks[0..guarded) have their guard pages */
    struct coro__stack stacks[];
};

void coro__stacks_init(struct coro__stacks *stacks, void (*entry)(void),
                       const struct coro__log *log)
{
    memset(stacks, 0, sizeof *stacks);
    coro__guards_init(&stacks->guards, log);
    stacks->entry = entry;
}

char *coro__stack_top(const struct coro__stack *stack)
{
    return stack->low + stack->of->size - stack->colour * COLOUR_BYTES;
}

static size_t usable(const struct coro__stack *stack)
{
    return (size_t)(coro__stack_top(stack) - stack->low);
}

static void destroy_slab(struct coro__stack_class *class, struct coro__stack_slab *slab)
{
    for (size_t i = 0; i < slab->used; i++) {
        struct coro__stack *stack = &slab->stacks[i];
        coro__valgrind_deregister_stack(stack->valgrind_id);
        if (stack->born)
            coro__annotate_death(&stack->context.annotation, stack->low, class->size);
    }
    munmap(slab->memory, slab->count * class->stride);
    free(slab);
}

void coro__stacks_destroy(struct coro__stacks *stacks)
{
    while (stacks->classes) {
        struct coro__stack_class *class = stacks->classes;
        stacks->classes = class->next;
        while (class->slabs) {
            struct coro__stack_slab *slab = class->slabs;
            class->slabs = slab->next;
            destroy_slab(class, slab);
        }
        free(class);
    }
}

size_t coro__stack_round(const struct coro__stacks *stacks, size_t size)
{
    /* With the guard page it is to be an odd number of pages. */
    const size_t unit = 2 * stacks->guards.page;
    size = size < CORO__STACK_MINIMUM ? CORO__STACK_MINIMUM : size;
    return (size + unit - 1) / unit * unit;
}

/* The class of a rounded size, made if there is none. */
static struct coro__stack_class *class_of(struct coro__stacks *stacks, size_t size)
{
    for (struct coro__stack_class *class = stacks->classes; class; class = class->next)
        if (class->size == size)
            return class;

    struct coro__stack_class *class = coro__calloc(1, sizeof *class);
    if (!class)
        return NULL;
    class->size = size;
    class->stride = size + stacks->guards.page;
    class->of = stacks;
    coro__list_init(&class->hot);
    coro__list_init(&class->cold);
    class->next = stacks->classes;
    stacks->classes = class;
    return class;
}

static struct coro__stack_slab *map_slab(struct coro__stack_class *class, size_t count)
{
    struct coro__stack_slab *slab = coro__malloc(sizeof *slab + count * sizeof slab->stacks[0]);
    if (!slab)
        return NULL;
    slab->memory = mmap(NULL, count * class->stride, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (slab->memory == MAP_FAILED) {
        free(slab);
        return NULL;
    }
    /* A huge page would make the first touch of a stack cost 2 MiB. */
    madvise(slab->memory, count * class->stride, MADV_NOHUGEPAGE);
    slab->count = count;
    slab->used = slab->guarded = 0;
    slab->next = class->slabs;
    class->slabs = slab;
    return slab;
}

/* A slab twice as large as the last one, or as large as there is address space for. */
static struct coro__stack_slab *new_slab(struct coro__stack_class *class)
{
    const size_t largest = (size_t)LARGEST_SLAB * CORO__STACK_DEFAULT / class->size;
    size_t count = class->slabs ? class->slabs->count * 2 : FIRST_SLAB;
    if (count > largest)
        count = largest;
    if (count > LARGEST_SLAB)
        count = LARGEST_SLAB;
    for (; count > 1; count /= 2) {
        struct coro__stack_slab *slab = map_slab(class, count);
        if (slab)
            return slab;
    }
    return map_slab(class, 1);
}

/* The next guard page of the slab, and further ones for an eighth of the stacks that there are,
 * each with the page that its stack is first used in: many in one call are much cheaper. But they
 * take memory whether they are needed or not. */
static void guard(struct coro__stack_class *class, struct coro__stack_slab *slab, size_t index)
{
    const size_t page = class->of->guards.page;
    const size_t left = slab->count - index;
    const size_t wanted = class->count / 8 + 1;
    char *low = slab->memory + index * class->stride;
    const size_t made =
        coro__guard(&class->of->guards, low, class->stride, wanted < left ? wanted : left);
    if (made > 1)
        coro__advise_many(low + class->stride - page, page, class->stride, made,
                          MADV_POPULATE_WRITE);
    if (slab->guarded < index + made)
        slab->guarded = index + made;
}

/* The next stack that was never used. */
static struct coro__stack *carve(struct coro__stack_class *class)
{
    struct coro__stack_slab *slab = class->slabs;
    if (!slab || slab->used == slab->count)
        slab = new_slab(class);
    if (!slab)
        return NULL;

    const size_t index = slab->used++;
    class->count++;
    struct coro__stack *stack = &slab->stacks[index];
    stack->low = slab->memory + index * class->stride + class->of->guards.page;
    stack->of = class;
    stack->colour = index % COLOURS;
    stack->born = false;
    stack->valgrind_id = coro__valgrind_register_stack(stack->low, class->size);
    coro__list_init(&stack->link);
    /* Last: it may log, and the hook may want a stack. */
    if (index >= slab->guarded)
        guard(class, slab, index);
    return stack;
}

/* A stack without a context, which it is given. Keeps errno, whatever the system calls do. */
static struct coro__stack *get_cold(struct coro__stack_class *class)
{
    struct coro__stacks *stacks = class->of;
    struct coro__stack *stack;
    const int saved_errno = errno;
    if (!coro__list_empty(&class->cold)) {
        stack = CORO__CONTAINER_OF(class->cold.next, struct coro__stack, link);
        coro__list_remove(&stack->link);
    } else {
        stack = carve(class);
    }
    if (stack) {
        coro__context_birth(&stacks->birthplace, &stack->context, stack->low, usable(stack),
                            stacks->entry);
        stack->born = true;
    }
    errno = saved_errno;
    return stack;
}

struct coro__stack *coro__stack_get(struct coro__stacks *stacks, size_t size)
{
    struct coro__stack_class *class = class_of(stacks, size);
    if (!class)
        return NULL;
    struct coro__stack *stack = coro__stack_take_hot(class);
    return stack ? stack : get_cold(class);
}

/* Forgets the stack's context and gives its memory back. */
static void chill(struct coro__stack *stack)
{
    const int saved_errno = errno;
    coro__annotate_death(&stack->context.annotation, stack->low, stack->of->size);
    stack->born = false;
    madvise(stack->low, stack->of->size, MADV_DONTNEED);
    errno = saved_errno;
    coro__list_push_front(&stack->of->cold, &stack->link);
}

void coro__stack_put_dead(struct coro__stack *stack)
{
    chill(stack);
}

bool coro__stacks_exceed(const struct coro__stacks *stacks, size_t keep)
{
    for (const struct coro__stack_class *class = stacks->classes; class; class = class->next)
        if (class->hot_count > keep)
            return true;
    return false;
}

void coro__stacks_watch(struct coro__stacks *stacks)
{
    for (struct coro__stack_class *class = stacks->classes; class; class = class->next)
        class->unneeded = class->hot_count;
}

static bool is_to_trim(const struct coro__stack_class *class, size_t keep)
{
    return class->unneeded > 0 && class->hot_count > keep;
}

bool coro__stacks_unneeded(const struct coro__stacks *stacks, size_t keep)
{
    for (const struct coro__stack_class *class = stacks->classes; class; class = class->next)
        if (is_to_trim(class, keep))
            return true;
    return false;
}

void coro__stacks_trim(struct coro__stacks *stacks, size_t keep, size_t most)
{
    for (struct coro__stack_class *class = stacks->classes; class; class = class->next) {
        for (; is_to_trim(class, keep) && most > 0; most--) {
            struct coro__stack *coldest =
                CORO__CONTAINER_OF(class->hot.previous, struct coro__stack, link);
            coro__list_remove(&coldest->link);
            class->hot_count--;
            class->unneeded--;
            chill(coldest);
        }
    }
}

__attribute__((noinline, no_sanitize_address)) void coro__stack_wipe(struct coro__stack *stack)
{
    const uintptr_t page = stack->of->of->guards.page;
    /* The frames of this function and of madvise stay. */
    uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - 512) & ~(uintptr_t)15;
    uintptr_t whole_pages_end = end & ~(page - 1);
    if (whole_pages_end <= (uintptr_t)stack->low)
        return;
    madvise(stack->low, whole_pages_end - (uintptr_t)stack->low, MADV_DONTNEED);
    coro__valgrind_pause();
    for (uintptr_t at = whole_pages_end; at < end; at += sizeof(uintptr_t))
        *(volatile uintptr_t *)at = 0;
    coro__valgrind_resume();
}

/* What was never touched is not resident or is zero. The reads are volatile and not checked,
 * because to a sanitizer all below the stack pointer is out of bounds. */
__attribute__((no_sanitize_address)) static const char *first_used(const char *page,
                                                                   const char *end)
{
    for (const char *at = page; at < end; at += sizeof(uintptr_t))
        if (*(const volatile uintptr_t *)(const void *)at)
            return at;
    return NULL;
}

size_t coro__stack_high_water(const struct coro__stack *stack)
{
    const size_t page = stack->of->of->guards.page;
    char *top = coro__stack_top(stack);
    const char *used = NULL;
    coro__valgrind_pause();
    for (char *at = stack->low; at < top && !used; at += PAGES_ASKED * page) {
        unsigned char resident[PAGES_ASKED] = {0};
        const size_t left = (size_t)(top - at);
        if (mincore(at, left < PAGES_ASKED * page ? left : PAGES_ASKED * page, resident) != 0)
            break;
        for (size_t i = 0; i < PAGES_ASKED && i * page < left && !used; i++)
            if (resident[i] & 1)
                used = first_used(at + i * page, (i + 1) * page < left ? at + (i + 1) * page : top);
    }
    coro__valgrind_resume();
    return used ? (size_t)(top - used) : 0;
}

bool coro__stack_guards(const struct coro__stack *stack, const void *address)
{
    const char *at = address;
    return at < stack->low && at >= stack->low - stack->of->of->guards.page;
}
