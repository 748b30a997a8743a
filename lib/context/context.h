/* SPDX-License-Identifier: MIT */
/*
 * Contexts: executions, each on its own stack, of which one runs at a time.
 *
 * A context is born through makecontext, and where there is no switch file for the architecture
 * swapcontext enters it: that is all that a new architecture needs (switch_ucontext.h). But
 * swapcontext makes a system call to set the signal mask, which is the loop's here and never
 * changes. So where there is one, what makecontext has laid out is entered like any other context,
 * by exchanging registers.
 *
 * configure chooses three files:
 *   CORO_SWITCH_HEADER    struct coro__registers, coro__registers_switch (which returns the `to` of
 *                         the switch that enters the context again), coro__registers_copy and
 *                         coro__registers_prefetch; coro__return_after, which returns well after a
 *                         switch; for register switches coro__registers_born, the registers that a
 *                         made context begins with, and CORO__SWITCH_CODE, what these functions
 *                         need besides
 *   CORO_MACHINE_HEADER   the floating-point control words, and the end of a backtrace
 *   CORO_ANNOTATE_HEADER  what a sanitizer must be told of a switch
 */
#ifndef CORO_CONTEXT_CONTEXT_H
#define CORO_CONTEXT_CONTEXT_H

#include "config.h"
#include "util/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

#include CORO_MACHINE_HEADER
#include CORO_SWITCH_HEADER
#include CORO_ANNOTATE_HEADER

struct coro__context {
    struct coro__registers registers; /* valid while it does not run */
    struct coro__annotation annotation;
};

/*
 * Leaves the running context and enters another, or itself; returns when it is entered again. What
 * it then was entered as is returned: `from`, or a copy. A caller that goes on with that keeps
 * nothing over the switch, which costs less than keeping `from`.
 *
 * `predicted` is where the processor, which goes by the last call that has not returned, will
 * expect the next return to lead. In: where the function was called from that leaves. Out: what
 * whoever was left for this context gave; for coro__return_after().
 */
CORO__INLINE struct coro__context *coro__context_switch_predicting(struct coro__context *from,
                                                                   struct coro__context *to,
                                                                   const void **predicted)
{
    if (coro__annotate_must_differ() && from == to)
        return from;
    coro__annotate_leave(&from->annotation, &to->annotation);
    struct coro__registers *entered =
        coro__registers_switch(&from->registers, &to->registers, predicted);
    coro__annotate_enter(&from->annotation);
    return CORO__CONTAINER_OF(entered, struct coro__context, registers);
}

CORO__INLINE struct coro__context *coro__context_switch(struct coro__context *from,
                                                        struct coro__context *to)
{
    const void *predicted = NULL;
    return coro__context_switch_predicting(from, to, &predicted);
}

/* Who is entered as the copy need not tell. */
CORO__INLINE void coro__context_copy(struct coro__context *to, const struct coro__context *from)
{
    coro__registers_copy(&to->registers, &from->registers);
    to->annotation = from->annotation;
}

/*
 * Makes the context `child` on the stack low[0..size). The first switch to it calls entry, which
 * must call coro__context_entered() before anything else and must not return. `place` is memory for
 * births, one after another; zeroed before the first.
 */
struct coro__birthplace {
    ucontext_t born;
    bool prepared;
};

void coro__context_birth(struct coro__birthplace *place, struct coro__context *child, void *low,
                         size_t size, void (*entry)(void));
void coro__context_entered(void);

#endif
