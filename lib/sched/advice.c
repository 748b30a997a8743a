/* SPDX-License-Identifier: MIT */
#include "sched/advice.h"
#include "config.h"

#include CORO_PIDFD_HEADER

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

/* How far apart the first and the last piece are. A host that keeps its guest's page tables a
 * second time drops its copy of a directory in which three new tables are entered one after the
 * other, and all that the directory leads to then costs a page fault's time once more. */
enum { MOST_AT_ONCE = 64, TABLES_AT_ONCE = 2 };

size_t coro__advice_most(size_t page, size_t stride)
{
    const size_t table_covers = page / sizeof(uint64_t) * page;
    const size_t n = TABLES_AT_ONCE * table_covers / stride;
    return n < MOST_AT_ONCE ? n : MOST_AT_ONCE;
}

size_t coro__advise_many(char *first, size_t size, size_t stride, size_t n, int advice)
{
    struct iovec pieces[MOST_AT_ONCE];
    assert(n <= MOST_AT_ONCE);
    for (size_t i = 0; i < n; i++)
        pieces[i] = (struct iovec){first + i * stride, size};
    /* Linux takes such advice from the process itself only, but calls it by an fd. */
    const int self = coro__pidfd_open(getpid());
    const ssize_t advised = self < 0 ? -1 : coro__pidfd_madvise(self, pieces, n, advice);
    if (self >= 0)
        close(self);
    return advised > 0 ? (size_t)advised / size : 0;
}

void coro__advise_writing(char *memory, size_t size)
{
    const int saved_errno = errno;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const size_t before = (size_t)(-(uintptr_t)memory & (page - 1));
    if (size >= before + page)
        madvise(memory + before, (size - before) & ~(page - 1), MADV_POPULATE_WRITE);
    errno = saved_errno;
}
