/* SPDX-License-Identifier: MIT */
/*
 * Birth for the register switches. The parent saves its registers and enters the newborn stack
 * through swapcontext; the child saves its own and switches straight back, so that from then on
 * both are left and entered by register switches alone.
 */
#include "context/context.h"

static CORO__THREAD_LOCAL struct coro__birthplace *birthplace;

static void enter_newborn(void *arg)
{
    struct coro__birthplace *place = arg;
    swapcontext(&place->discarded, &place->born);
}

void coro__context_birth(struct coro__birthplace *place, struct coro__context *parent,
                         struct coro__context *child, void *low, size_t size, void (*entry)(void))
{
    getcontext(&place->born);
    place->born.uc_stack.ss_sp = low;
    place->born.uc_stack.ss_size = size;
    place->born.uc_link = NULL;
    makecontext(&place->born, entry, 0);
    place->child = child;
    place->parent = parent;
    birthplace = place;

    coro__annotate_birth(&child->annotation, low, size);
    coro__annotate_leave(&parent->annotation, &child->annotation);
    coro__registers_leave(&parent->registers, enter_newborn, place);
    coro__annotate_enter(&parent->annotation);
}

void coro__context_entered(void)
{
    struct coro__birthplace *place = birthplace;
    coro__annotate_enter(&place->child->annotation);
    coro__context_switch(place->child, place->parent);
}
