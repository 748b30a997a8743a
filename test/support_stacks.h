/* SPDX-License-Identifier: MIT */
/* Stacks as a loop has them, without one. */
#ifndef SUPPORT_STACKS_H
#define SUPPORT_STACKS_H

#include "sched/stack.h"

extern struct coro__stacks stacks;

/* Begins with none. No test enters one. */
void set_up_stacks(void);

struct coro__stack *get_stack(size_t size);

/* Whether that kills a child. */
bool writing_kills(char *address);

#endif
