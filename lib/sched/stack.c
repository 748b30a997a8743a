/* SPDX-License-Identifier: MIT */
#include "sched/stack.h"
#include "util/valgrind.h"
#include "util/memory.h"
#include "util/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Linux 6.13; the number is the same on every architecture. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* Linux 5.14. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

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
    size_t used; /* stacks[0..used) have been handed out before */
    struct coro__stack stacks[];
};

void coro__stacks_init(struct coro__stacks *stacks, void (*entry)(void),
                       const struct coro__log *log)
{
    memset(stacks, 0, sizeof *stacks);
    stacks->page = (size_t)sysconf(_SC_PAGESIZE);
    stacks->entry = entry;
    stacks->log = log;
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
    const size_t unit = 2 * stacks->page;
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
    class->stride = size + stacks->page;
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
    slab->used = 0;
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

/* Emulators accept advice that they do not know: the first guard page must be one. */
static bool guard_by_advice(struct coro__stacks *stacks, char *page)
{
    if (stacks->guards_by_mprotect || madvise(page, stacks->page, MADV_GUARD_INSTALL) < 0)
        return false;
    if (stacks->guards_by_advice)
        return true;
    stacks->guards_by_advice = madvise(page, stacks->page, MADV_POPULATE_READ) < 0;
    return stacks->guards_by_advice;
}

/* Each takes two of the mappings that the process may have, without which it can map no more
 * memory: a quarter of them is left to all else. */
static size_t most_guards(void)
{
    enum { LINUX_DEFAULT = 65530 };
    char text[32] = "";
    const int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    const unsigned long most = length > 0 ? strtoul(text, NULL, 10) : LINUX_DEFAULT;
    return most / 8 * 3;
}

static bool guard_by_mprotect(struct coro__stacks *stacks, char *page)
{
    if (!stacks->guards_by_mprotect) {
        stacks->guards_by_mprotect = true;
        stacks->guards_left = most_guards();
    }
    errno = ENOMEM;
    if (stacks->guards_left == 0 || mprotect(page, stacks->page, PROT_NONE) < 0)
        return false;
    stacks->guards_left--;
    return true;
}

static void guard(struct coro__stacks *stacks, char *page)
{
    if (guard_by_advice(stacks, page) || guard_by_mprotect(stacks, page) ||
        stacks->reported_unguarded)
        return;
    stacks->reported_unguarded = true;
    coro__log(stacks->log, CORO_LOG_NO_GUARD_PAGE, NULL, -errno,
              "no guard page for a stack: %s; raise vm.max_map_count (an overflow of a stack "
              "without one is not noticed)",
              coro__error_text(-errno));
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
    struct coro__stack *stack = &slab->stacks[index];
    char *guard_page = slab->memory + index * class->stride;
    stack->low = guard_page + class->of->page;
    stack->of = class;
    stack->colour = index % COLOURS;
    stack->born = false;
    stack->valgrind_id = coro__valgrind_register_stack(stack->low, class->size);
    coro__list_init(&stack->link);
    /* Last: it may log, and the hook may want a stack. */
    guard(class->of, guard_page);
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

void coro__stacks_trim(struct coro__stacks *stacks, size_t keep, size_t most)
{
    for (struct coro__stack_class *class = stacks->classes; class; class = class->next) {
        for (; class->hot_count > keep && most > 0; class->hot_count--, most--) {
            struct coro__stack *coldest =
                CORO__CONTAINER_OF(class->hot.previous, struct coro__stack, link);
            coro__list_remove(&coldest->link);
            chill(coldest);
        }
    }
}

__attribute__((noinline, no_sanitize_address)) void coro__stack_wipe(struct coro__stack *stack)
{
    const uintptr_t page = stack->of->of->page;
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
    const size_t page = stack->of->of->page;
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
    return at < stack->low && at >= stack->low - stack->of->of->page;
}
