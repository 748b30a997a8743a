/* SPDX-License-Identifier: MIT */
/* The allocator, with one promise more: errno is as it was, also when there is no memory. */
#ifndef CORO_UTIL_MEMORY_H
#define CORO_UTIL_MEMORY_H

#include <stddef.h>

void *coro__malloc(size_t size);
void *coro__calloc(size_t count, size_t size);
void *coro__realloc(void *memory, size_t size);
void *coro__aligned_alloc(size_t alignment, size_t size);
char *coro__strdup(const char *text);

#endif
