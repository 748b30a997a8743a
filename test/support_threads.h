/* SPDX-License-Identifier: MIT */
/* What the suites with threads of their own share: a loop in another thread, and tasks for it. */
#ifndef SUPPORT_THREADS_H
#define SUPPORT_THREADS_H

#include "support.h"

#include <pthread.h>
#include <stdatomic.h>

void nap(int milliseconds);
pthread_t start_thread(void *(*fn)(void *), void *arg);
void join_thread(pthread_t thread);

/* Blocks the thread until another one has set the flag. */
void until(atomic_bool *flag);

/* Lets other tasks run until threads have counted as far. By a task. */
void until_count(atomic_int *counter, int count);

/* A constant text as an argument. */
void *word(const char *text);

/* The run of this main task, which catches the cancel and returns 0, must deadlock. */
void expect_deadlock(coro_fn *fn);

/* --- A loop in a thread of its own, which runs until it is told to stop ----------------------- */
struct server {
    pthread_t thread;
    coro_loop *loop; /* a handle */
    atomic_bool runs;
    coro_future *stop;
    int status; /* of its run */
};

coro_loop *start_server(struct server *server);
void stop_server(struct server *server);

/* The loop has ended then; the handle is still there. */
void end_server(struct server *server);

/* --- Tasks for such a loop -------------------------------------------------------------------- */
int returns_a_value(void *value); /* after a pass, with status 6 */
int fails_with_a_text(void *arg); /* -ENOENT, "no page 5" */
int cancels_itself(void *message);

/* Waits for the test to set `opened`, and returns 6. */
extern atomic_bool opened;
int waits_for_opening(void *arg);

/* Sleeps until cancelled, and returns what it was given, or for 0 what it got. */
extern atomic_bool begun;
extern atomic_int times_begun, got;
int waits_to_be_cancelled(void *result);

/* Has the loop run waits_to_be_cancelled, and waits until it does. */
coro_concurrent_future *ask_to_wait(coro_loop *loop, void *result);

#endif
