/* SPDX-License-Identifier: MIT */
/*
 * The register switch for aarch64 (AAPCS64). See switch_x86_64.h for the reasons; `hint #36` is a
 * landing pad (bti j) for code that checks indirect jumps.
 */
#ifndef CORO_CONTEXT_SWITCH_AARCH64_H
#define CORO_CONTEXT_SWITCH_AARCH64_H

#include "context/return_plainly.h"
#include "util/compiler.h"

#include <ucontext.h>

struct coro__registers {
    void *sp;
    void *fp;
    void *pc;
};

#ifdef __ARM_FEATURE_SVE
#define CORO__CLOBBER_SVE                                                                     \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", \
        "p14", "p15"
#else
#define CORO__CLOBBER_SVE
#endif

/* A register like another, where the platform does not keep it for itself. */
#if defined(__APPLE__) || defined(__ANDROID__)
#define CORO__CLOBBER_X18
#else
#define CORO__CLOBBER_X18 , "x18"
#endif

#define CORO__CLOBBERED                                                                            \
    "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",     \
        "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "v0",  \
        "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14",   \
        "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", \
        "v28", "v29", "v30", "v31", "memory", "cc" CORO__CLOBBER_X18 CORO__CLOBBER_SVE

CORO__INLINE struct coro__registers *coro__registers_switch(struct coro__registers *from,
                                                            struct coro__registers *to,
                                                            const void **predicted)
{
    register struct coro__registers *x0 __asm__("x0") = from;
    register struct coro__registers *x1 __asm__("x1") = to;
    __asm__ volatile("adr x9, 1f\n\t"
                     "mov x10, sp\n\t"
                     "stp x10, x29, [x0]\n\t"
                     "str x9, [x0, #16]\n\t"
                     "ldr x16, [x1, #16]\n\t"
                     "ldp x10, x29, [x1]\n\t"
                     "mov sp, x10\n\t"
                     "br x16\n"
                     "1:\n\t"
                     "hint #36"
                     : "+r"(x0), "+r"(x1)
                     :
                     : "x2", CORO__CLOBBERED);
    (void)predicted;
    return x1;
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
    registers->sp = (void *)born->uc_mcontext.sp;
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
