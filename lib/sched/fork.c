/* SPDX-License-Identifier: MIT */
#include "sched/fork.h"
#include "sched/overflow.h"
#include "sched/ready.h"
#include "sched/signal.h"

#include <pthread.h>

static int watching; /* 0, or a negative errno */

/* What belongs to the loop is refused like that of another thread. */
static void leave_loop(void)
{
    if (coro__ready_here)
        coro__ready_here->errno_location = NULL;
    coro__ready_here = NULL;
    coro__overflow_forget();
    coro__signal_forget_all();
}

static void watch(void)
{
    watching = -pthread_atfork(NULL, NULL, leave_loop);
}

int coro__fork_watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch);
    return watching;
}
