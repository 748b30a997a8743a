/* SPDX-License-Identifier: MIT */
/* Advice to the kernel, as of madvise(2), on many pieces of memory in one system call. */
#ifndef CORO_SCHED_ADVICE_H
#define CORO_SCHED_ADVICE_H

#include <stddef.h>
#include <sys/mman.h>

/* Linux 6.13 and 5.14, which the headers may not be of; the numbers are the same on every
 * architecture. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* For fewer pieces a call for each is no slower: this one takes three. */
enum { CORO__ADVICE_LEAST = 3 };

/* How many pieces at this stride one call is to be about, at most; pages are this large. */
size_t coro__advice_most(size_t page, size_t stride);

/* Advises on n pieces of `size` bytes, each `stride` bytes behind the one before, in one system
 * call; n is at most coro__advice_most(). Returns how many they were: 0 where the kernel does not
 * do that. */
size_t coro__advise_many(char *first, size_t size, size_t stride, size_t n, int advice);

/* Has the kernel make the pages that lie within this memory, which is going to be written: where a
 * page fault is dear, many in one call are much cheaper. Keeps errno. */
void coro__advise_writing(char *memory, size_t size);

#endif
