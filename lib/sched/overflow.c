/* SPDX-License-Identifier: MIT */
#include "sched/overflow.h"
#include "sched/ready.h"
#include "util/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIGNAL_STACK = 64 * 1024 };

/* A guard page is SIGSEGV on Linux and SIGBUS elsewhere. */
static const int signals[] = {SIGSEGV, SIGBUS};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

/* Process-wide: the handlers that were there before ours, while any loop runs. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned loops;
static struct sigaction previous[SIGNALS];

static void say_which(const coro_task *task)
{
    char who[160];
    char text[512];
    int length = snprintf(text, sizeof text,
                          "libcoro: stack overflow in task %s: its stack has %zu bytes; set "
                          "stack_size in coro_task_options, or in coro_run_options for all tasks\n",
                          coro__task_describe(task, who, sizeof who), task->stack->of->size);
    if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
        return;
}

static void take_default(int number, const siginfo_t *info)
{
    /* It comes with the next fault, at the same place; a signal that somebody sent has no place and
     * is sent again. */
    signal(number, SIG_DFL);
    if (info->si_code <= 0)
        raise(number);
}

/* What would have happened without us. */
static void pass_on(int number, siginfo_t *info, void *context, const struct sigaction *action)
{
    if (action->sa_flags & SA_SIGINFO)
        action->sa_sigaction(number, info, context);
    else if (action->sa_handler == SIG_DFL)
        take_default(number, info);
    else if (action->sa_handler != SIG_IGN)
        action->sa_handler(number);
    else if (info->si_code > 0) /* a fault cannot be ignored */
        take_default(number, info);
}

/* The call of our handler that has not returned, or was left by siglongjmp. A handler that was
 * installed after ours may have us as the one before it, and be the one before us at the next run:
 * then it hands the same context down to a call below that one. */
static CORO__THREAD_LOCAL struct {
    const void *context;
    uintptr_t frame;
} outermost;

static void handle(int number, siginfo_t *info, void *context)
{
    const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    if (context == outermost.context && frame < outermost.frame) {
        take_default(number, info);
        return;
    }
    outermost.context = context;
    outermost.frame = frame;
    const coro_task *task = coro__ready_current(coro__ready_here);
    if (info->si_code > 0 && task && task->stack && coro__stack_guards(task->stack, info->si_addr))
        say_which(task);
    pass_on(number, info, context, &previous[number == signals[0] ? 0 : 1]);
    outermost.context = NULL;
}

static void install(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &action, &previous[i]);
}

/* Puts back what was there, unless the application has set its own since. */
static void uninstall(void)
{
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction now;
        if (sigaction(signals[i], NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
            now.sa_sigaction == handle)
            sigaction(signals[i], &previous[i], NULL);
    }
}

void coro__overflow_begin(struct coro__overflow_guard *guard)
{
    guard->memory = NULL;
    outermost.context = NULL;
    if (sigaltstack(NULL, &guard->previous) == 0 && (guard->previous.ss_flags & SS_DISABLE))
        guard->memory = coro__malloc(SIGNAL_STACK);
    if (guard->memory) {
        const stack_t stack = {.ss_sp = guard->memory, .ss_size = SIGNAL_STACK};
        sigaltstack(&stack, NULL);
    }
    pthread_mutex_lock(&mutex);
    if (loops++ == 0)
        install();
    pthread_mutex_unlock(&mutex);
}

void coro__overflow_end(struct coro__overflow_guard *guard)
{
    pthread_mutex_lock(&mutex);
    if (--loops == 0)
        uninstall();
    pthread_mutex_unlock(&mutex);
    stack_t now;
    if (guard->memory && sigaltstack(NULL, &now) == 0 && now.ss_sp == guard->memory)
        sigaltstack(&guard->previous, NULL);
    free(guard->memory);
}

void coro__overflow_forget(void)
{
    mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    loops = 0;
    uninstall();
}
