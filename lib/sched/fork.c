/* SPDX-License-Identifier: MIT */
#include "sched/fork.h"
#include "sched/overflow.h"
#include "sched/ready.h"
#include "sched/signal.h"

#include <pthread.h>

unsigned coro__forks;

static int watching; /* 0, or a negative errno */

static void leave_loops(void)
{
    coro__forks++;
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
