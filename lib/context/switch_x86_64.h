/* SPDX-License-Identifier: MIT */
/*
 * The register switch for x86_64 (System V).
 *
 * Every register but three is declared clobbered, so the compiler saves what it needs at the place
 * of the switch, which mostly is nothing. It is inlined and ends in an indirect jump: a `ret` would
 * be mispredicted wherever tasks switch from different places, because the processor's stack of
 * return addresses does not change with ours. Nothing is pushed, so the red zone stays whole.
 */
#ifndef CORO_CONTEXT_SWITCH_X86_64_H
#define CORO_CONTEXT_SWITCH_X86_64_H

#include "util/compiler.h"

#include <ucontext.h>

struct coro__registers {
    void *sp;
    void *bp;
    void *pc;
};

#ifdef __AVX512F__
#define CORO__CLOBBER_AVX512                                                                      \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",   \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", \
        "k6", "k7"
#else
#define CORO__CLOBBER_AVX512
#endif

#define CORO__CLOBBERED                                                                           \
    "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",     \
        "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", \
        "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",    \
        "st(6)", "st(7)", "memory", "cc" CORO__CLOBBER_AVX512

CORO__INLINE struct coro__registers *coro__registers_switch(struct coro__registers *from,
                                                            struct coro__registers *to)
{
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rsp, 0(%%rdi)\n\t"
                     "movq %%rbp, 8(%%rdi)\n\t"
                     "movq %%rax, 16(%%rdi)\n\t"
                     "movq 8(%%rsi), %%rbp\n\t"
                     "movq 0(%%rsi), %%rsp\n\t"
                     "jmpq *16(%%rsi)\n"
                     "1:"
                     : "+D"(from), "+S"(to)
                     :
                     : CORO__CLOBBERED);
    return to;
}

/* Each in a register of its own: one wide load of what a switch has just stored in parts would have
 * to wait until that is in the cache. */
CORO__INLINE void coro__registers_copy(struct coro__registers *to,
                                       const struct coro__registers *from)
{
    void *sp = from->sp, *bp = from->bp, *pc = from->pc;
    __asm__("" : "+r"(sp), "+r"(bp), "+r"(pc));
    to->sp = sp;
    to->bp = bp;
    to->pc = pc;
}

/* What makecontext has laid out for entry, which each C library calls in its own way. */
CORO__INLINE void coro__registers_born(struct coro__registers *registers, const ucontext_t *born,
                                       void (*entry)(void))
{
    registers->sp = (void *)born->uc_mcontext.gregs[REG_RSP];
    registers->bp = NULL;
    registers->pc = (void *)entry;
}

/*
 * Defines `name`, which calls `body`, a static function of the same type: for calls that a task may
 * be left in, as the last of ours that returns to the user's code.
 *
 * The processor predicts where a `ret` goes from the calls before it, and a switch does not change
 * what it remembers: the last of these calls was made by the task that was left. If that one called
 * from the same place it is right all the same, and so it will be for the functions that called it.
 * If not, a jump is predicted better.
 */
#define CORO__SUSPENDING(name, body)                                    \
    extern __typeof__(body) name __attribute__((visibility("hidden"))); \
    __asm__(".pushsection .text\n\t"                                    \
            ".p2align 4\n\t"                                            \
            ".globl " #name "\n\t"                                      \
            ".hidden " #name "\n\t"                                     \
            ".type " #name ", @function\n" #name ":\n\t"                \
            ".cfi_startproc\n\t"                                        \
            "movq coro__called_from@gottpoff(%rip), %rax\n\t"           \
            "movq (%rsp), %r10\n\t"                                     \
            "movq %r10, %fs:(%rax)\n\t"                                 \
            "subq $8, %rsp\n\t"                                         \
            ".cfi_adjust_cfa_offset 8\n\t"                              \
            "call " #body "\n\t"                                        \
            "addq $8, %rsp\n\t"                                         \
            ".cfi_adjust_cfa_offset -8\n\t"                             \
            "movq coro__called_from@gottpoff(%rip), %rcx\n\t"           \
            "movq (%rsp), %rdx\n\t"                                     \
            "cmpq %rdx, %fs:(%rcx)\n\t"                                 \
            "jne 1f\n\t"                                                \
            "ret\n"                                                     \
            "1:\n\t"                                                    \
            "addq $8, %rsp\n\t"                                         \
            ".cfi_adjust_cfa_offset -8\n\t"                             \
            ".cfi_register rip, rdx\n\t"                                \
            "jmpq *%rdx\n\t"                                            \
            ".cfi_endproc\n\t"                                          \
            ".size " #name ", . - " #name "\n\t"                        \
            ".popsection")

/* For that: where the last of these calls was made from. */
extern CORO__THREAD_LOCAL void *coro__called_from;

/* Fetches the end of a stack that is about to be entered. */
CORO__INLINE void coro__registers_prefetch(const struct coro__registers *registers)
{
    __builtin_prefetch(registers->sp, 1);
}

#endif
