/* SPDX-License-Identifier: MIT */
/* What ThreadSanitizer is told of contexts; see annotate_none.h. */
#ifndef CORO_CONTEXT_ANNOTATE_TSAN_H
#define CORO_CONTEXT_ANNOTATE_TSAN_H

#include <sanitizer/tsan_interface.h>
#include <stdbool.h>
#include <stddef.h>

struct coro__annotation {
    void *fiber;
};

static inline bool coro__annotate_must_differ(void)
{
    return true;
}

static inline void coro__annotate_birth(struct coro__annotation *context, void *low, size_t size)
{
    (void)low;
    (void)size;
    context->fiber = __tsan_create_fiber(0);
}

static inline void coro__annotate_thread(struct coro__annotation *context)
{
    context->fiber = __tsan_get_current_fiber();
}

/* Inlined: the function that announces the switch must be the one that switches. */
static inline __attribute__((always_inline)) void
coro__annotate_leave(struct coro__annotation *from, struct coro__annotation *to)
{
    (void)from;
    __tsan_switch_to_fiber(to->fiber, 0);
}

static inline void coro__annotate_enter(struct coro__annotation *context)
{
    (void)context;
}

static inline void coro__annotate_death(struct coro__annotation *context, void *low, size_t size)
{
    (void)low;
    (void)size;
    if (context->fiber)
        __tsan_destroy_fiber(context->fiber);
}

#endif
