/* SPDX-License-Identifier: MIT */
#include "sched/fork.h"
#include "sched/overflow.h"
#include "sched/signal.h"

#include <pthread.h>

static int watching; /* 0, or a negative errno */

/* The open loops of this thread, linked through next_of_thread. */
static CORO__THREAD_LOCAL struct coro__loop *loops;

void coro__fork_add(struct coro__loop *loop)
{
    loop->next_of_thread = loops;
    loops = loop;
}

void coro__fork_remove(const struct coro__loop *loop)
{
    struct coro__loop **at = &loops;
    while (*at != loop)
        at = &(*at)->next_of_thread;
    *at = loop->next_of_thread;
}

/* What belongs to the loops is refused like that of another thread. */
static void leave_loops(void)
{
    for (; loops; loops = loops->next_of_thread)
        loops->ready.errno_location = NULL;
    coro__ready_here = NULL;
    coro__overflow_forget();
    coro__signal_forget_all();
}

static void watch(void)
{
    watching = -pthread_atfork(NULL, NULL, leave_loops);
}

int coro__fork_watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
    return watching;
}
