/* SPDX-License-Identifier: MIT */
/* coro__return_after() where nothing is known of how returns are predicted. */
#ifndef CORO_CONTEXT_RETURN_PLAINLY_H
#define CORO_CONTEXT_RETURN_PLAINLY_H

#include "util/compiler.h"

#include <stdbool.h>

CORO__INLINE int coro__return_after(const void *predicted, bool same, int value)
{
    (void)predicted;
    (void)same;
    return value;
}

#endif
