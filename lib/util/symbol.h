/* SPDX-License-Identifier: MIT */
/* Names of functions, for reports. */
#ifndef CORO_UTIL_SYMBOL_H
#define CORO_UTIL_SYMBOL_H

#include <stddef.h>

typedef void coro__code(void);

/*
 * The name of a function, static ones included where the program is not stripped, else the file it
 * is in and the offset there, for addr2line. Written to the buffer, which is returned. Allocates
 * nothing, so that it may be used while a crash is being reported.
 */
const char *coro__symbol_name(coro__code *function, char *buffer, size_t size);

#endif
