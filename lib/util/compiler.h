/* SPDX-License-Identifier: MIT */
/* What C11 leaves to the compiler. */
#ifndef CORO_UTIL_COMPILER_H
#define CORO_UTIL_COMPILER_H

#include <stddef.h>

enum { CORO__CACHE_LINE = 64 };

#define CORO__LIKELY(x)   __builtin_expect(!!(x), 1)
#define CORO__UNLIKELY(x) __builtin_expect(!!(x), 0)
#define CORO__INLINE      static inline __attribute__((always_inline))
#define CORO__COLD        __attribute__((cold, noinline))
#define CORO__NORETURN    __attribute__((noreturn))

/* One per thread, at a fixed distance from the thread pointer: no call to find it. */
#define CORO__THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

#define CORO__CONTAINER_OF(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
