/* SPDX-License-Identifier: MIT */
/*
 * A system that has neither pidfds nor close_range(2), as far as the library can see. A program
 * with this header is linked so that both come here (-Wl,--wrap; see the Makefile).
 */
#ifndef SUPPORT_OLD_SYSTEM_H
#define SUPPORT_OLD_SYSTEM_H

#include "support_io.h"
#include "support_syscall.h"

#include <stdio.h>
#include <sys/syscall.h>

int __wrap_close_range(unsigned first, unsigned last, int flags);

static bool old_system;

static int refusal(long number, const long given[5])
{
    (void)given;
    return old_system && (number == SYS_pidfd_open || number == SYS_pidfd_send_signal) ? ENOSYS : 0;
}

int __wrap_close_range(unsigned first, unsigned last, int flags)
{
    if (!old_system)
        return (int)__real_syscall(SYS_close_range, first, last, flags);
    errno = ENOSYS;
    return -1;
}

/* run_suite_on_pollers(), and once more on an old system; on that alone under Valgrind, which may
 * not know pidfds. */
static int run_suite_on_systems(const char *name, const TTest *const tests[])
{
    char title[64];
    const int rc = under_valgrind() ? 0 : run_suite_on_pollers(name, tests);
    old_system = true;
    snprintf(title, sizeof title, "%s (old system)", name);
    return rc | run_suite(title, tests);
}

#endif
