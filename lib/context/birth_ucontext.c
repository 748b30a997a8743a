/* SPDX-License-Identifier: MIT */
/* Birth for the portable switch, and that switch. The newborn context lies at the top of its stack
 * until it is entered. */
#include "context/context.h"

#include <stdint.h>
#include <string.h>

/* Of the context that is being left. swapcontext gives each context control words of its own, and
 * new ones those of whoever made them; here they are shared, as with the other switches. */
static CORO__THREAD_LOCAL struct coro__fp crossing;

void coro__context_birth(struct coro__birthplace *place, struct coro__context *child, void *low,
                         size_t size, void (*entry)(void))
{
    (void)place;
    const uintptr_t top = ((uintptr_t)low + size - sizeof(ucontext_t)) & ~(uintptr_t)63;
    ucontext_t *born = (ucontext_t *)top;
    getcontext(born);
    born->uc_stack.ss_sp = low;
    born->uc_stack.ss_size = top - (uintptr_t)low;
    born->uc_link = NULL;
    makecontext(born, entry, 0);
    child->registers.saved = born;
    coro__annotate_birth(&child->annotation, low, size);
}

void coro__context_entered(void)
{
    struct coro__annotation first;
    memset(&first, 0, sizeof first);
    coro__fp_load(&crossing);
    coro__annotate_enter(&first);
}

struct coro__registers *coro__registers_exchange(struct coro__registers *from,
                                                 struct coro__registers *to)
{
    ucontext_t here;
    if (from == to)
        return from; /* swapcontext would read the signal mask before it has saved it */
    from->saved = &here;
    coro__fp_save(&crossing);
    swapcontext(&here, to->saved);
    coro__fp_load(&crossing);
    return from;
}
