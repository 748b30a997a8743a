/* SPDX-License-Identifier: MIT */
#include "io/backend.h"

#include <stddef.h>

const struct coro__backend_kind *const coro__backends[] = {CORO_BACKENDS, NULL};
