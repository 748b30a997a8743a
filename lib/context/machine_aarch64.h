/* SPDX-License-Identifier: MIT */
/*
 * What else depends on aarch64: the floating-point control register, and the end of a backtrace.
 */
#ifndef CORO_CONTEXT_MACHINE_AARCH64_H
#define CORO_CONTEXT_MACHINE_AARCH64_H

#include <stdbool.h>
#include <stdint.h>

struct coro__fp {
    uint64_t fpcr;
};

static inline void coro__fp_save(struct coro__fp *fp)
{
    __asm__ volatile("mrs %0, fpcr" : "=r"(fp->fpcr));
}

static inline void coro__fp_load(const struct coro__fp *fp)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(fp->fpcr));
}

static inline bool coro__fp_same_control(const struct coro__fp *a, const struct coro__fp *b)
{
    return a->fpcr == b->fpcr;
}

/* The function that this stands in is the outermost of its stack: it has no return address. */
#define CORO__OUTERMOST_FRAME() __asm__ volatile(".cfi_undefined x30")

#endif
