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

#include <stdbool.h>
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

#define CORO__CLOBBERED                                                                            \
    "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1",     \
        "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
        "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",     \
        "st(7)", "memory", "cc" CORO__CLOBBER_AVX512

CORO__INLINE struct coro__registers *coro__registers_switch(struct coro__registers *from,
                                                            struct coro__registers *to,
                                                            const void **predicted)
{
    const void *top = *predicted;
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rsp, 0(%%rdi)\n\t"
                     "movq %%rbp, 8(%%rdi)\n\t"
                     "movq %%rax, 16(%%rdi)\n\t"
                     "movq 8(%%rsi), %%rbp\n\t"
                     "movq 0(%%rsi), %%rsp\n\t"
                     "jmpq *16(%%rsi)\n"
                     "1:"
                     : "+D"(from), "+S"(to), "+d"(top)
                     :
                     : CORO__CLOBBERED);
    *predicted = top;
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

/* Return the value, and 0, by a jump. That they look at no memory lets a call be the last step of a
 * function whose variables others point to, a jump itself; for clang only if it has no argument. */
__attribute__((const, visibility("hidden"))) int coro__return_by_jump(int value);
__attribute__((const, visibility("hidden"))) int coro__return_0_by_jump(void);

#define CORO__RETURN_BY_JUMP_CODE(name, load_value)    \
    __asm__(".pushsection .text\n\t"                   \
            ".p2align 4\n\t"                           \
            ".globl " name "\n\t"                      \
            ".hidden " name "\n\t"                     \
            ".type " name ", @function\n" name ":\n\t" \
            ".cfi_startproc\n\t" load_value "\n\t"     \
            "popq %rdx\n\t"                            \
            ".cfi_adjust_cfa_offset -8\n\t"            \
            ".cfi_register rip, rdx\n\t"               \
            "jmpq *%rdx\n\t"                           \
            ".cfi_endproc\n\t"                         \
            ".size " name ", . - " name "\n\t"         \
            ".popsection");

#define CORO__SWITCH_CODE                                                \
    CORO__RETURN_BY_JUMP_CODE("coro__return_by_jump", "movl %edi, %eax") \
    CORO__RETURN_BY_JUMP_CODE("coro__return_0_by_jump", "xorl %eax, %eax")

/*
 * The value, for a function that switches to return as its last step.
 *
 * The processor predicts where a `ret` goes from the calls before it, and a switch does not change
 * what it remembers: the last of these calls was made by whoever was left. If that was from the
 * same place, as it mostly is if `same`, it is right all the same, and so it will be for the
 * functions that called it. If not, a jump is predicted better.
 */
CORO__INLINE int coro__return_after(const void *predicted, bool same, int value)
{
    const bool right = predicted == __builtin_return_address(0);
    if (same ? CORO__LIKELY(right) : CORO__UNLIKELY(right))
        return value;
    return value == 0 ? coro__return_0_by_jump() : coro__return_by_jump(value);
}

/* Fetches the end of a stack that is about to be entered. */
CORO__INLINE void coro__registers_prefetch(const struct coro__registers *registers)
{
    __builtin_prefetch(registers->sp, 1);
}

#endif
