/* SPDX-License-Identifier: MIT */
/* The portable switch: swapcontext throughout. A context that does not run keeps its registers on
 * its own stack. */
#ifndef CORO_CONTEXT_SWITCH_UCONTEXT_H
#define CORO_CONTEXT_SWITCH_UCONTEXT_H

#include "context/return_plainly.h"
#include "util/compiler.h"

#include <ucontext.h>

struct coro__registers {
    ucontext_t *saved;
};

/* No inline function: the saved context would stay in the frame of every caller. */
struct coro__registers *coro__registers_exchange(struct coro__registers *from,
                                                 struct coro__registers *to);

CORO__INLINE struct coro__registers *coro__registers_switch(struct coro__registers *from,
                                                            struct coro__registers *to,
                                                            const void **predicted)
{
    (void)predicted;
    return coro__registers_exchange(from, to);
}

CORO__INLINE void coro__registers_copy(struct coro__registers *to,
                                       const struct coro__registers *from)
{
    *to = *from;
}

/* Fetches the end of a stack that is about to be entered. */
CORO__INLINE void coro__registers_prefetch(const struct coro__registers *registers)
{
    __builtin_prefetch(registers->saved, 1);
}

#endif
