/* SPDX-License-Identifier: MIT */
/* The register switch for riscv64 (LP64D). See switch_x86_64.h for the reasons. */
#ifndef CORO_CONTEXT_SWITCH_RISCV64_H
#define CORO_CONTEXT_SWITCH_RISCV64_H

#include "context/return_plainly.h"
#include "util/compiler.h"

#include <ucontext.h>

struct coro__registers {
    void *sp;
    void *fp;
    void *pc;
};

#ifdef __riscv_vector
#define CORO__CLOBBER_VECTOR                                                                       \
    , "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13",      \
        "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", \
        "v27", "v28", "v29", "v30", "v31", "vl", "vtype"
#else
#define CORO__CLOBBER_VECTOR
#endif

#define CORO__CLOBBERED                                                                            \
    "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a3", "a4", "a5", "a6", "a7", "s1", "s2",      \
        "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "ft0", "ft1", "ft2", "ft3", "ft4", \
        "ft5", "ft6", "ft7", "ft8", "ft9", "ft10", "ft11", "fa0", "fa1", "fa2", "fa3", "fa4",      \
        "fa5", "fa6", "fa7", "fs0", "fs1", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", \
        "fs10", "fs11", "memory" CORO__CLOBBER_VECTOR

CORO__INLINE struct coro__registers *coro__registers_switch(struct coro__registers *from,
                                                            struct coro__registers *to,
                                                            const void **predicted)
{
    register struct coro__registers *a0 __asm__("a0") = from;
    register struct coro__registers *a1 __asm__("a1") = to;
    __asm__ volatile("lla t0, 1f\n\t"
                     "sd sp, 0(a0)\n\t"
                     "sd s0, 8(a0)\n\t"
                     "sd t0, 16(a0)\n\t"
                     "ld s0, 8(a1)\n\t"
                     "ld t0, 16(a1)\n\t"
                     "ld sp, 0(a1)\n\t"
                     "jr t0\n"
                     "1:"
                     : "+r"(a0), "+r"(a1)
                     :
                     : "a2", CORO__CLOBBERED);
    (void)predicted;
    return a1;
}

CORO__INLINE void coro__registers_copy(struct coro__registers *to,
                                       const struct coro__registers *from)
{
    *to = *from;
}

/* What makecontext has laid out for entry, which each C library calls in its own way. */
CORO__INLINE void coro__registers_born(struct coro__registers *registers, const ucontext_t *born,
                                       void (*entry)(void))
{
    registers->sp = (void *)born->uc_mcontext.__gregs[REG_SP];
    registers->fp = NULL;
    registers->pc = (void *)entry;
}

#define CORO__SWITCH_CODE

/* Fetches the end of a stack that is about to be entered. */
CORO__INLINE void coro__registers_prefetch(const struct coro__registers *registers)
{
    __builtin_prefetch(registers->sp, 1);
}

#endif
