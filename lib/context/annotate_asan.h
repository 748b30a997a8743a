/* SPDX-License-Identifier: MIT */
/* What AddressSanitizer is told of contexts; see annotate_none.h. */
#ifndef CORO_CONTEXT_ANNOTATE_ASAN_H
#define CORO_CONTEXT_ANNOTATE_ASAN_H

#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stdbool.h>
#include <stddef.h>

struct coro__annotation {
    void *fake_stack; /* valid while the context does not run */
    void *low;
    size_t size;
};

static inline bool coro__annotate_must_differ(void)
{
    return true;
}

static inline void coro__annotate_birth(struct coro__annotation *context, void *low, size_t size)
{
    context->fake_stack = NULL;
    context->low = low;
    context->size = size;
}

static inline void coro__annotate_thread(struct coro__annotation *context)
{
    pthread_attr_t attributes;
    context->fake_stack = NULL;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &context->low, &context->size);
    pthread_attr_destroy(&attributes);
}

static inline void coro__annotate_leave(struct coro__annotation *from, struct coro__annotation *to)
{
    __sanitizer_start_switch_fiber(&from->fake_stack, to->low, to->size);
}

static inline void coro__annotate_enter(struct coro__annotation *context)
{
    __sanitizer_finish_switch_fiber(context->fake_stack, NULL, NULL);
}

static inline void coro__annotate_death(struct coro__annotation *context, void *low, size_t size)
{
    (void)context;
    __asan_unpoison_memory_region(low, size);
}

#endif
