/* SPDX-License-Identifier: MIT */
/*
 * What else depends on riscv64: the rounding mode (the rest of fcsr is status), and the end of a
 * backtrace.
 */
#ifndef CORO_CONTEXT_MACHINE_RISCV64_H
#define CORO_CONTEXT_MACHINE_RISCV64_H

#include <stdbool.h>
#include <stdint.h>

struct coro__fp {
    uint64_t frm;
};

static inline void coro__fp_save(struct coro__fp *fp)
{
    __asm__ volatile("frrm %0" : "=r"(fp->frm));
}

static inline void coro__fp_load(const struct coro__fp *fp)
{
    __asm__ volatile("fsrm %0" : : "r"(fp->frm));
}

static inline bool coro__fp_same_control(const struct coro__fp *a, const struct coro__fp *b)
{
    return a->frm == b->frm;
}

/* The function that this stands in is the outermost of its stack: it has no return address. */
#define CORO__OUTERMOST_FRAME() __asm__ volatile(".cfi_undefined ra")

#endif
