/* SPDX-License-Identifier: MIT */
#include "util/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Compilers may take the allocator to leave errno alone, and would drop both the load and the store
 * if these could be seen through. */
static int load_errno(void)
{
    return *(volatile int *)&errno;
}

static void *keep_errno(int saved_errno, void *memory)
{
    *(volatile int *)&errno = saved_errno;
    return memory;
}

void *coro__malloc(size_t size)
{
    const int saved_errno = load_errno();
    return keep_errno(saved_errno, malloc(size));
}

void *coro__calloc(size_t count, size_t size)
{
    const int saved_errno = load_errno();
    return keep_errno(saved_errno, calloc(count, size));
}

void *coro__realloc(void *memory, size_t size)
{
    const int saved_errno = load_errno();
    return keep_errno(saved_errno, realloc(memory, size));
}

void *coro__aligned_alloc(size_t alignment, size_t size)
{
    const int saved_errno = load_errno();
    return keep_errno(saved_errno, aligned_alloc(alignment, size));
}

char *coro__strdup(const char *text)
{
    const int saved_errno = load_errno();
    return keep_errno(saved_errno, strdup(text));
}
