/* SPDX-License-Identifier: MIT */
/*
 * What a sanitizer is told of contexts. Without one: nothing.
 *
 *   coro__annotate_must_differ  whether a context may not be left for itself
 *   coro__annotate_birth   a context was made on this stack
 *   coro__annotate_thread  the context is the thread's own stack
 *   coro__annotate_leave   the running context is about to be left for another
 *   coro__annotate_enter   a context has just been entered
 *   coro__annotate_death   the context's stack is about to be given back
 */
#ifndef CORO_CONTEXT_ANNOTATE_NONE_H
#define CORO_CONTEXT_ANNOTATE_NONE_H

#include <stdbool.h>
#include <stddef.h>

struct coro__annotation {
};

static inline bool coro__annotate_must_differ(void)
{
    return false;
}

static inline void coro__annotate_birth(struct coro__annotation *context, void *low, size_t size)
{
    (void)context;
    (void)low;
    (void)size;
}

static inline void coro__annotate_thread(struct coro__annotation *context)
{
    (void)context;
}

static inline void coro__annotate_leave(struct coro__annotation *from, struct coro__annotation *to)
{
    (void)from;
    (void)to;
}

static inline void coro__annotate_enter(struct coro__annotation *context)
{
    (void)context;
}

static inline void coro__annotate_death(struct coro__annotation *context, void *low, size_t size)
{
    (void)context;
    (void)low;
    (void)size;
}

#endif
