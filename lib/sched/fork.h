/* SPDX-License-Identifier: MIT */
/*
 * fork(): the child is a copy of one thread, but has no part in the loop that the thread was in.
 * What that waits for, its fds and its signals are the parent's.
 */
#ifndef CORO_SCHED_FORK_H
#define CORO_SCHED_FORK_H

/* Has every child to come be in no loop. 0 or -ENOMEM. */
int coro__fork_watch(void);

#endif
