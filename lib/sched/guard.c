/* SPDX-License-Identifier: MIT */
#include "sched/guard.h"
#include "sched/advice.h"
#include "util/message.h"
#include "util/valgrind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void coro__guards_init(struct coro__guards *guards, const struct coro__log *log)
{
    memset(guards, 0, sizeof *guards);
    guards->log = log;
    guards->page = (size_t)sysconf(_SC_PAGESIZE);
    /* It complains of calls that it does not know. */
    guards->one_by_one = coro__valgrind_runs();
}

/* Emulators accept advice that they do not know: the first guard page must be one. */
static bool guard_by_advice(struct coro__guards *guards, char *page)
{
    if (guards->by_mprotect || madvise(page, guards->page, MADV_GUARD_INSTALL) < 0)
        return false;
    if (guards->by_advice)
        return true;
    guards->by_advice = madvise(page, guards->page, MADV_POPULATE_READ) < 0;
    return guards->by_advice;
}

/* Each takes two of the mappings that the process may have, without which it can map no more
 * memory: a quarter of them is left to all else. */
static size_t most_guards(void)
{
    enum { LINUX_DEFAULT = 65530 };
    char text[32] = "";
    const int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    const unsigned long most = length > 0 ? strtoul(text, NULL, 10) : LINUX_DEFAULT;
    return most / 8 * 3;
}

static bool guard_by_mprotect(struct coro__guards *guards, char *page)
{
    if (!guards->by_mprotect) {
        guards->by_mprotect = true;
        guards->left = most_guards();
    }
    errno = ENOMEM;
    if (guards->left == 0 || mprotect(page, guards->page, PROT_NONE) < 0)
        return false;
    guards->left--;
    return true;
}

static void guard_one(struct coro__guards *guards, char *page)
{
    if (guard_by_advice(guards, page) || guard_by_mprotect(guards, page) ||
        guards->reported_missing)
        return;
    guards->reported_missing = true;
    coro__log(guards->log, CORO_LOG_NO_GUARD_PAGE, NULL, -errno,
              "no guard page for a stack: %s; raise vm.max_map_count (an overflow of a stack "
              "without one is not noticed)",
              coro__error_text(-errno));
}

size_t coro__guard(struct coro__guards *guards, char *page, size_t stride, size_t n)
{
    const size_t most = coro__advice_most(guards->page, stride);
    n = n < most ? n : most;
    if (n >= CORO__ADVICE_LEAST && guards->by_advice && !guards->one_by_one) {
        const size_t made = coro__advise_many(page, guards->page, stride, n, MADV_GUARD_INSTALL);
        if (made > 0)
            return made;
        guards->one_by_one = true;
    }
    guard_one(guards, page);
    return 1;
}
