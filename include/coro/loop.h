/* SPDX-License-Identifier: MIT */
/*
 * Running: one loop a thread, from the start of its main task to its end.
 */
#ifndef CORO_LOOP_H
#define CORO_LOOP_H

#include "base.h"
#include "log.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Options of a run. All zero is the default of each; so is a NULL for the whole. */
typedef struct coro_run_options {
    /* Bytes of stack for the main task and for every task that does not ask for its own size;
     * 0 is 256 KiB. Rounded up to whole pages, at least 16 KiB. Only touched pages cost memory. */
    size_t stack_size;
    /* Receives the reports; NULL is stderr. Handles that outlive the run still report to it. */
    coro_log_fn *log;
    void *log_arg;
    /* The most threads for coro_to_thread(); 0 is four more than there are processors, but at most
     * 32. */
    unsigned threads;
    /* Seed of the order in which ready tasks run. 0 is FIFO; any other value shuffles the tasks of
     * each pass, the same way every time. Callbacks keep their places. */
    uint64_t seed;
    /* Time starts at 0, stands still while any task is ready, and jumps to the next deadline as
     * soon as all wait: an hour's sleep takes no time. It does not jump while coro_to_thread() has
     * something to do, nor while there is something for a task that waits for an fd; what is still
     * on its way from another thread, process or machine comes too late. */
    bool virtual_clock;
    /* Starts every task but the main one eagerly: see coro_task_options.
     * asyncio.eager_task_factory. */
    bool eager_start;
    /* Checks that cost time. Reported are steps of 100 ms and more, calls from the wrong thread,
     * handles that are held when the run ends, and changed floating-point control words; and a
     * stack is wiped before each task, so that coro_stack_high_water() is exact.
     * asyncio.run(debug=True). */
    bool debug;
    /* How the loop learns what happens to fds: "epoll", "io_uring" (see io.h) or "poll"; NULL is
     * the first of them that there is. If the one asked for is not there, or the kernel refuses it,
     * another one is used, and CORO_LOG_POLLER_REFUSED reported. */
    const char *poller;
    /* How much later than asked for a timer may be, beside what the system adds: those that are due
     * within this time wake the process once, in the order of their deadlines. 0 is none; asyncio's
     * loop sleeps up to the next millisecond. It matters where there are very many, as of time
     * limits and sleeps. A virtual clock has none. */
    coro_duration timer_slack;
} coro_run_options;

/*
 * Runs fn(arg) as the main task of a new loop until it ends, then cancels all tasks that are left,
 * together, and waits until none is. asyncio.run().
 *
 * SIGINT cancels the main task once; a second one ends the program. This holds in the process's
 * main thread, where SIGINT has its default action, and while no task has subscribed it
 * (coro_signal_begin()).
 *
 * A child of fork() is in no loop, also where a task has called it: what waits returns -EPERM
 * there, calls of streams, servers and runners -EXDEV, the actions of signals are those from before
 * the run, and the child may run a loop of its own. It must not return from the function of the
 * task, but end with exec or _exit().
 *
 * Four environment variables set what the program left at its default: CORO_CLOCK=virtual,
 * CORO_SEED=N, CORO_DEBUG=1 and CORO_POLLER=NAME. Programs with raised privileges ignore them.
 *
 * Returns the result of the main task, or
 *   -EINVAL   fn is NULL, the stack_size is over 1 TiB, or the timer_slack is below 0
 *   -EPERM    this thread is running a loop already (runs do not nest)
 *   -ENOMEM   there was no memory for the loop or its main task
 *   -EMFILE   there was no file descriptor for waking the loop; or -ENFILE
 *   -EINTR    SIGINT has cancelled the main task
 *   -EDEADLK  nothing could ever wake any task; who waits for what was logged, and the main task
 *             was cancelled
 */
CORO_API int coro_run(coro_fn *fn, void *arg);

/* coro_run() with options; NULL is the default of each. */
CORO_API int coro_run_with(const coro_run_options *options, coro_fn *fn, void *arg);

/*
 * The time now, in nanoseconds: the loop's clock, or CLOCK_MONOTONIC outside a loop. loop.time().
 */
CORO_API coro_time coro_now(void);

/*
 * Writes the tasks of this thread's loop that have not ended to tasks[0..capacity), oldest first,
 * and returns how many there are, which may be more. The references are borrowed: coro_retain()
 * what is to be kept over a suspension. Outside a loop there are none. asyncio.all_tasks().
 */
CORO_API size_t coro_all_tasks(coro_task *tasks[], size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
