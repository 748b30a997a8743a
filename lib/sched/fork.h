/* SPDX-License-Identifier: MIT */
/*
 * fork(): the child is a copy of one thread, but has no part in the loops of the parent, neither
 * that which the thread was in nor those that may run again. What they wait for, their fds and
 * their signals are the parent's.
 */
#ifndef CORO_SCHED_FORK_H
#define CORO_SCHED_FORK_H

/* Has every child to come be in no loop. 0 or -ENOMEM. */
int coro__fork_watch(void);

/* How many of these children this process and those above it are. What belongs to a loop that was
 * opened at another number is refused like that of another thread. */
extern unsigned coro__forks;

#endif
