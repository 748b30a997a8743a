/* SPDX-License-Identifier: MIT */
/* Birth for the register switches: they enter what makecontext has laid out. */
#include "context/context.h"

#include <string.h>

CORO__SWITCH_CODE

void coro__context_birth(struct coro__birthplace *place, struct coro__context *child, void *low,
                         size_t size, void (*entry)(void))
{
    /* A system call, and what it reads is not what a context is made of. */
    if (!place->prepared)
        place->prepared = getcontext(&place->born) == 0;
    place->born.uc_stack.ss_sp = low;
    place->born.uc_stack.ss_size = size;
    place->born.uc_link = NULL;
    makecontext(&place->born, entry, 0);
    coro__registers_born(&child->registers, &place->born, entry);
    coro__annotate_birth(&child->annotation, low, size);
}

void coro__context_entered(void)
{
    struct coro__annotation first;
    memset(&first, 0, sizeof first);
    coro__annotate_enter(&first);
}
