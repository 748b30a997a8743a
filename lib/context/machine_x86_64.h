/* SPDX-License-Identifier: MIT */
/*
 * What else depends on x86_64: the floating-point control words (mxcsr less its status bits, and
 * x87's), and the end of a backtrace.
 */
#ifndef CORO_CONTEXT_MACHINE_X86_64_H
#define CORO_CONTEXT_MACHINE_X86_64_H

#include <stdbool.h>
#include <stdint.h>

struct coro__fp {
    uint32_t mxcsr;
    uint16_t x87;
};

static inline void coro__fp_save(struct coro__fp *fp)
{
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(fp->mxcsr), "=m"(fp->x87));
}

static inline void coro__fp_load(const struct coro__fp *fp)
{
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(fp->mxcsr), "m"(fp->x87));
}

static inline bool coro__fp_same_control(const struct coro__fp *a, const struct coro__fp *b)
{
    const uint32_t status = 0x3f;
    return ((a->mxcsr ^ b->mxcsr) & ~status) == 0 && a->x87 == b->x87;
}

/* The function that this stands in is the outermost of its stack: it has no return address. */
#define CORO__OUTERMOST_FRAME() __asm__ volatile(".cfi_undefined rip")

#endif
