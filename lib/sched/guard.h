/* SPDX-License-Identifier: MIT */
/*
 * Guard pages: to touch one is a signal.
 *
 * One is MADV_GUARD_INSTALL where the kernel has it, which splits no mapping; else mprotect, which
 * does, and which the kernel refuses beyond vm.max_map_count: then a page stays as it is, and that
 * is logged once.
 */
#ifndef CORO_SCHED_GUARD_H
#define CORO_SCHED_GUARD_H

#include "util/log.h"

#include <stdbool.h>
#include <stddef.h>

struct coro__guards {
    const struct coro__log *log;
    size_t page;      /* its size */
    bool by_advice;   /* the first one has been tried */
    bool by_mprotect; /* the kernel has no MADV_GUARD_INSTALL */
    bool one_by_one;  /* it takes advice on one page at a time */
    size_t left;      /* by mprotect: how many more may be made */
    bool reported_missing;
};

void coro__guards_init(struct coro__guards *guards, const struct coro__log *log);

/* Has the page be a guard page, and of up to n - 1 others, each `stride` bytes behind the one
 * before, as many as one system call makes so. Returns how many there are, and at least 1: without
 * that one, the program goes on. n > 0. */
size_t coro__guard(struct coro__guards *guards, char *page, size_t stride, size_t n);

#endif
