/* SPDX-License-Identifier: MIT */
#include "sched/signal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

static struct {
    _Atomic(struct coro__signal_listener *) first;
    struct sigaction previous; /* valid while there is a listener */
} signals[NSIG];

/* Of the lists and the previous actions; not for handlers. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static atomic_uint handling; /* handlers that look at the lists, in any thread */

static void handle(int number);

static bool is_action(const struct sigaction *action, void (*handler)(int))
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == handler;
}

/* The signal came when the last listener was about to leave, or the program has put the handler
 * back: it takes the action that it would have without us. It is blocked until the handler ends. */
static void pass_on(int number)
{
    struct sigaction now;
    if (sigaction(number, NULL, &now) == 0 && is_action(&now, handle) &&
        !atomic_load(&signals[number].first))
        signal(number, SIG_DFL);
    raise(number);
}

static void tell(int number)
{
    struct coro__signal_listener *fallback = NULL;
    bool told = false;
    for (struct coro__signal_listener *at = atomic_load(&signals[number].first); at;
         at = atomic_load(&at->next)) {
        if (at->fallback) {
            fallback = at;
        } else {
            at->tell(at);
            told = true;
        }
    }
    if (told)
        return;
    if (fallback)
        fallback->tell(fallback);
    else
        pass_on(number);
}

static void handle(int number)
{
    const int saved_errno = errno;
    atomic_fetch_add(&handling, 1);
    tell(number);
    atomic_fetch_sub(&handling, 1);
    errno = saved_errno;
}

/* All signals are blocked in it: one whose handler is left by a jump would keep it from ending. The
 * stack of a task may be too small for it. */
static int install(int number, struct sigaction *previous)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    return sigaction(number, &action, previous);
}

static void unlink_listener(struct coro__signal_listener *listener)
{
    _Atomic(struct coro__signal_listener *) *at = &signals[listener->number].first;
    struct coro__signal_listener *found;
    while ((found = atomic_load(at)) != listener)
        at = &found->next;
    atomic_store(at, atomic_load(&listener->next));
}

static void wait_for_handlers(void)
{
    while (atomic_load(&handling) > 0)
        sched_yield();
}

int coro__signal_add(struct coro__signal_listener *listener)
{
    const int saved_errno = errno;
    const int number = listener->number;
    struct sigaction before;
    if (number < 1 || number >= NSIG)
        return -EINVAL;
    pthread_mutex_lock(&mutex);
    /* It is listed before there can be a handler to look for it. */
    atomic_store(&listener->next, atomic_load(&signals[number].first));
    atomic_store(&signals[number].first, listener);
    const int rc = install(number, &before);
    if (rc < 0)
        unlink_listener(listener);
    else if (!is_action(&before, handle))
        signals[number].previous = before;
    pthread_mutex_unlock(&mutex);
    errno = saved_errno;
    return rc < 0 ? -EINVAL : 0;
}

void coro__signal_remove(struct coro__signal_listener *listener)
{
    const int saved_errno = errno;
    const int number = listener->number;
    struct sigaction now;
    pthread_mutex_lock(&mutex);
    const bool last =
        atomic_load(&signals[number].first) == listener && !atomic_load(&listener->next);
    if (last && sigaction(number, NULL, &now) == 0 && is_action(&now, handle))
        sigaction(number, &signals[number].previous, NULL);
    unlink_listener(listener);
    pthread_mutex_unlock(&mutex);
    wait_for_handlers();
    errno = saved_errno;
}

bool coro__signal_has_default(int number)
{
    struct sigaction now;
    pthread_mutex_lock(&mutex);
    bool is_default = false;
    if (sigaction(number, NULL, &now) == 0)
        is_default = is_action(is_action(&now, handle) ? &signals[number].previous : &now, SIG_DFL);
    pthread_mutex_unlock(&mutex);
    return is_default;
}

void coro__signal_forget_all(void)
{
    const int saved_errno = errno;
    mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    atomic_store(&handling, 0);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction now;
        if (!atomic_load(&signals[number].first))
            continue;
        if (sigaction(number, NULL, &now) == 0 && is_action(&now, handle))
            sigaction(number, &signals[number].previous, NULL);
        atomic_store(&signals[number].first, NULL);
    }
    errno = saved_errno;
}
