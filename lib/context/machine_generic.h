/* SPDX-License-Identifier: MIT */
/* For machines without a file of their own: the floating-point environment through <fenv.h>, and
 * backtraces that end where makecontext ends them. */
#ifndef CORO_CONTEXT_MACHINE_GENERIC_H
#define CORO_CONTEXT_MACHINE_GENERIC_H

#include <fenv.h>
#include <stdbool.h>

struct coro__fp {
    fenv_t environment;
    int rounding;
};

static inline void coro__fp_save(struct coro__fp *fp)
{
    fegetenv(&fp->environment);
    fp->rounding = fegetround();
}

static inline void coro__fp_load(const struct coro__fp *fp)
{
    fesetenv(&fp->environment);
}

static inline bool coro__fp_same_control(const struct coro__fp *a, const struct coro__fp *b)
{
    return a->rounding == b->rounding;
}

#define CORO__OUTERMOST_FRAME() ((void)0)

#endif
