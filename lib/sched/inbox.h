/* SPDX-License-Identifier: MIT */
/*
 * The inbox of a loop: the one part of it that other threads, and signal handlers, may touch
 * (coro_loop in the public headers). What they put in, a post, is delivered by the loop in its own
 * thread, in the order in which it came; a loop that sleeps is woken.
 *
 * Lock-free, and a post is memory of whoever posts it, so that posting never fails but for a loop
 * that has ended. The inbox outlives its loop for as long as somebody has a reference.
 */
#ifndef CORO_SCHED_INBOX_H
#define CORO_SCHED_INBOX_H

#include "coro/base.h"

#include <stdatomic.h>

struct coro__loop;
struct coro__post;

struct coro__post_kind {
    /* In the loop's thread, with no task current. */
    void (*deliver)(struct coro__loop *loop, struct coro__post *post);
    /* Instead, when the loop ends first: in its thread. */
    void (*discard)(struct coro__post *post);
};

struct coro__post {
    struct coro__post *next;
    const struct coro__post_kind *kind;
};

struct coro__inbox {
    atomic_uint references;              /* the loop's, one for each user, and others */
    atomic_uint users;                   /* handles that others hold: each may wake the loop */
    _Atomic(struct coro__post *) newest; /* linked to older ones; or a mark that it is closed */
    atomic_int asleep;                   /* the loop sleeps, or is about to */
    int wake_fd;                         /* readable: somebody has found it asleep */
};

/* 0 with the loop's reference in *inbox, or -ENOMEM, -EMFILE or -ENFILE. */
int coro__inbox_create(struct coro__inbox **inbox);

/* A reference more, in any thread, as memory only: whoever has it is no user. */
void coro__inbox_hold(struct coro__inbox *inbox);

/* Such a reference goes, or the loop's. */
void coro__inbox_abandon(struct coro__inbox *inbox);

/* A user more, or one less. In any thread. */
void coro__inbox_retain(struct coro__inbox *inbox);
void coro__inbox_release(struct coro__inbox *inbox);

/* Puts a post in; false if the inbox is closed. In any thread, and in signal handlers. The loop may
 * end before this returns, so that the reference must not be one that goes with the post. */
bool coro__inbox_post(struct coro__inbox *inbox, struct coro__post *post);

/* Whether others than the loop may wake it. When not, what they had posted can be seen. */
static inline bool coro__inbox_shared(struct coro__inbox *inbox)
{
    return atomic_load_explicit(&inbox->users, memory_order_acquire) > 0;
}

static inline bool coro__inbox_empty(struct coro__inbox *inbox)
{
    return atomic_load_explicit(&inbox->newest, memory_order_relaxed) == NULL;
}

/* For the loop: takes all posts out, oldest first; NULL is none. */
struct coro__post *coro__inbox_take(struct coro__inbox *inbox);

/* For the loop: refuses posts from now on, and discards those that are there. */
void coro__inbox_close(struct coro__inbox *inbox);

/* For a loop that sleeps elsewhere, until wake_fd is readable among other things. Begin: false if
 * it must not, because there is a post or, where that is asked for, nobody shares the inbox. End
 * follows in any case. */
bool coro__inbox_begin_sleep(struct coro__inbox *inbox, bool while_shared);
void coro__inbox_end_sleep(struct coro__inbox *inbox);

/* Has wake_fd not be readable any more. */
void coro__inbox_drain(struct coro__inbox *inbox);

/* For the loop: sleeps until there is a post, this much time has gone by (CORO_FOREVER: no limit),
 * a signal comes in, or, where that is asked for, nobody shares the inbox any more. */
void coro__inbox_wait(struct coro__inbox *inbox, coro_duration limit, bool while_shared);

#endif
