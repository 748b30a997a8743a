/* SPDX-License-Identifier: MIT */
/* What Valgrind is told, which memory is stacks for one, and asked; nothing without its headers at
 * configure time. */
#ifndef CORO_UTIL_VALGRIND_H
#define CORO_UTIL_VALGRIND_H

#include "config.h"

#include <stdbool.h>
#include <stddef.h>

#if HAVE_VALGRIND
#include <valgrind/memcheck.h>

/* Between these two, reads of what it takes for unused stack are no errors. */
#define coro__valgrind_pause()  VALGRIND_DISABLE_ERROR_REPORTING
#define coro__valgrind_resume() VALGRIND_ENABLE_ERROR_REPORTING

static inline bool coro__valgrind_runs(void)
{
    return RUNNING_ON_VALGRIND != 0;
}

static inline unsigned coro__valgrind_register_stack(char *low, size_t size)
{
    return VALGRIND_STACK_REGISTER(low, low + size);
}

static inline void coro__valgrind_deregister_stack(unsigned id)
{
    VALGRIND_STACK_DEREGISTER(id);
}

/* The kernel has written there behind its back. */
static inline void coro__valgrind_define(void *memory, size_t size)
{
    VALGRIND_MAKE_MEM_DEFINED(memory, size);
}

#else

#define coro__valgrind_pause()  ((void)0)
#define coro__valgrind_resume() ((void)0)

static inline bool coro__valgrind_runs(void)
{
    return false;
}

static inline unsigned coro__valgrind_register_stack(char *low, size_t size)
{
    (void)low;
    (void)size;
    return 0;
}

static inline void coro__valgrind_deregister_stack(unsigned id)
{
    (void)id;
}

static inline void coro__valgrind_define(void *memory, size_t size)
{
    (void)memory;
    (void)size;
}

#endif
#endif
