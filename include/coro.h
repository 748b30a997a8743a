/* SPDX-License-Identifier: MIT */
/*
 * libcoro: asyncio's task model for C.
 *
 *     #include <coro.h>                       cc prog.c $(pkg-config --cflags --libs libcoro)
 *
 * This header only gathers the others; each of them compiles alone.
 */
#ifndef CORO_H
#define CORO_H

#include "coro/base.h"       /* results, durations, task functions */
#include "coro/barrier.h"    /* barriers */
#include "coro/call.h"       /* callbacks by the loop */
#include "coro/condition.h"  /* conditions */
#include "coro/datagram.h"   /* UDP sockets by name */
#include "coro/event.h"      /* events */
#include "coro/file.h"       /* files, in threads */
#include "coro/future.h"     /* futures, done callbacks, results */
#include "coro/group.h"      /* task groups */
#include "coro/io.h"         /* reading and writing fds */
#include "coro/local.h"      /* task-locals */
#include "coro/lock.h"       /* locks */
#include "coro/log.h"        /* what the library reports, and to whom */
#include "coro/loop.h"       /* run, the clock, all tasks */
#include "coro/net.h"        /* sockets */
#include "coro/pipe.h"       /* pipes */
#include "coro/process.h"    /* subprocesses */
#include "coro/queue.h"      /* queues */
#include "coro/resolver.h"   /* names of hosts and services */
#include "coro/runner.h"     /* several runs of one loop */
#include "coro/select.h"     /* the first of several things */
#include "coro/semaphore.h"  /* semaphores */
#include "coro/server.h"     /* a task for each client */
#include "coro/signal.h"     /* signals, waited for */
#include "coro/stream.h"     /* connections with buffers */
#include "coro/task.h"       /* create, await, cancel, sleep */
#include "coro/thread.h"     /* what would block, in a thread */
#include "coro/threadsafe.h" /* calls from other threads */
#include "coro/timeout.h"    /* timeout scopes */
#include "coro/tls.h"        /* certificates, and whom to trust */
#include "coro/wait.h"       /* gather, wait, wait_for, shield */

#endif
