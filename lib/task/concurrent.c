/* SPDX-License-Identifier: MIT */
#include "task/concurrent.h"
#include "coro/task.h"
#include "task/current.h"
#include "thread/errand.h"
#include "util/memory.h"

#include <stdlib.h>
#include <time.h>

/* --- References ------------------------------------------------------------------------------- */
static void stop_using_inbox(coro_concurrent_future *future)
{
    if (atomic_exchange(&future->uses_inbox, false))
        coro__inbox_release(future->inbox);
}

static void drop(coro_concurrent_future *future)
{
    if (atomic_fetch_sub(&future->references, 1) > 1)
        return;
    pthread_cond_destroy(&future->settled);
    pthread_mutex_destroy(&future->mutex);
    coro__locals_release(future->locals);
    coro__inbox_abandon(future->inbox);
    free(future->message);
    free(future);
}

coro_concurrent_future *coro_concurrent_retain(coro_concurrent_future *future)
{
    if (future)
        atomic_fetch_add(&future->handles, 1);
    return future;
}

void coro_concurrent_release(coro_concurrent_future *future)
{
    if (!future || atomic_fetch_sub(&future->handles, 1) > 1)
        return;
    stop_using_inbox(future);
    drop(future);
}

/* --- The result ------------------------------------------------------------------------------- */
/* The observer, with its reference to the inbox, may be gone as soon as it is posted. */
static void tell(struct coro__observer *observer)
{
    struct coro__inbox *inbox = observer->inbox;
    coro__inbox_hold(inbox);
    if (!coro__loop_post(inbox, &observer->post))
        observer->post.kind->discard(&observer->post);
    coro__inbox_abandon(inbox);
}

void coro__concurrent_observe(coro_concurrent_future *future, struct coro__observer *observer)
{
    pthread_mutex_lock(&future->mutex);
    const bool done = future->done;
    if (!done)
        coro__list_push_back(&future->observers, &observer->link);
    pthread_mutex_unlock(&future->mutex);
    if (done)
        tell(observer);
}

bool coro__concurrent_unobserve(coro_concurrent_future *future, struct coro__observer *observer)
{
    pthread_mutex_lock(&future->mutex);
    const bool listed = !coro__list_empty(&observer->link);
    coro__list_remove(&observer->link);
    pthread_mutex_unlock(&future->mutex);
    return listed;
}

static void tell_observers(coro_concurrent_future *future)
{
    pthread_mutex_lock(&future->mutex);
    while (!coro__list_empty(&future->observers)) {
        struct coro__list *link = future->observers.next;
        coro__list_remove(link);
        pthread_mutex_unlock(&future->mutex);
        tell(CORO__CONTAINER_OF(link, struct coro__observer, link));
        pthread_mutex_lock(&future->mutex);
    }
    pthread_mutex_unlock(&future->mutex);
}

/* False if there was a result. The message, which may be NULL, is copied. */
static bool settle(coro_concurrent_future *future, int status, void *value, const char *message)
{
    pthread_mutex_lock(&future->mutex);
    const bool first = !future->done;
    if (first) {
        future->done = true;
        future->status = status;
        future->value = value;
        future->message = message ? coro__strdup(message) : NULL;
        pthread_cond_broadcast(&future->settled);
    }
    pthread_mutex_unlock(&future->mutex);
    if (first)
        tell_observers(future);
    return first;
}

/* The last of the task, which has the result unless there is one already. */
static bool end(coro_concurrent_future *future, int status, void *value, const char *message)
{
    const bool first = settle(future, status, value, message);
    stop_using_inbox(future);
    drop(future);
    return first;
}

/* --- The task, in the loop's thread ----------------------------------------------------------- */
static coro_concurrent_future *of_callback(struct coro__callback *callback)
{
    return CORO__CONTAINER_OF(callback, coro_concurrent_future, callback);
}

static void on_end(struct coro__ready *ready, struct coro__callback *callback)
{
    coro_concurrent_future *future = of_callback(callback);
    coro_task *task = future->task;
    const struct coro__message *message = coro__task_message(task);
    future->task = NULL;
    coro__ready_unreserve(ready, 1);
    /* The error of a task whose future was cancelled is nobody's to read. */
    if (end(future, task->status, task->value, message ? message->text : NULL))
        task->retrieved = true;
    coro__task_release(task);
}

/* As a callback, whose task-locals the task inherits, and with its place for the end. */
static void start(void *arg)
{
    coro_concurrent_future *future = arg;
    struct coro__ready *ready = coro__ready_here;
    future->task = coro_create_task(future->fn, future->arg);
    if (future->task) {
        coro__callback_init(&future->callback, on_end);
        coro__add_callback(ready, future->task, &future->callback);
        return;
    }
    coro__ready_unreserve(ready, 1);
    end(future, -ENOMEM, NULL, NULL);
}

static void on_start(struct coro__ready *ready, struct coro__callback *callback)
{
    coro_concurrent_future *future = of_callback(callback);
    if (coro__loop_of(ready)->ending || coro_concurrent_done(future)) {
        coro__ready_unreserve(ready, 1);
        end(future, -ESHUTDOWN, NULL, NULL);
        return;
    }
    struct coro__locals *locals = future->locals;
    future->locals = NULL;
    coro__ready_call_with_locals(ready, locals, start, future);
}

static void discard_start(struct coro__post *post)
{
    end(CORO__CONTAINER_OF(post, coro_concurrent_future, start), -ESHUTDOWN, NULL, NULL);
}

static void deliver_start(struct coro__loop *loop, struct coro__post *post)
{
    coro_concurrent_future *future = CORO__CONTAINER_OF(post, coro_concurrent_future, start);
    if (coro__ready_reserve(&loop->ready, 1) < 0) {
        end(future, -ENOMEM, NULL, NULL);
        return;
    }
    coro__callback_init(&future->callback, on_start);
    coro__ready_push_callback(&loop->ready, &future->callback);
}

static void deliver_cancel(struct coro__loop *loop, struct coro__post *post)
{
    coro_concurrent_future *future = CORO__CONTAINER_OF(post, coro_concurrent_future, cancel);
    if (future->task)
        coro__cancel(&loop->ready, future->task, NULL);
    drop(future);
}

static void discard_cancel(struct coro__post *post)
{
    drop(CORO__CONTAINER_OF(post, coro_concurrent_future, cancel));
}

static const struct coro__post_kind start_kind = {.deliver = deliver_start,
                                                  .discard = discard_start};
static const struct coro__post_kind cancel_kind = {.deliver = deliver_cancel,
                                                   .discard = discard_cancel};

/* --- In any thread ---------------------------------------------------------------------------- */
static coro_concurrent_future *create(coro_loop *loop, coro_fn *fn, void *arg)
{
    coro_concurrent_future *future = coro__calloc(1, sizeof *future);
    if (!future)
        return NULL;
    if (coro__locals_copy(&future->locals, coro__locals_here()) < 0) {
        free(future);
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&future->settled, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&future->mutex, NULL);
    atomic_init(&future->references, 2);
    atomic_init(&future->handles, 1);
    atomic_init(&future->uses_inbox, true);
    coro__list_init(&future->observers);
    coro__inbox_retain(loop);
    coro__inbox_hold(loop);
    future->inbox = loop;
    future->fn = fn;
    future->arg = arg;
    future->start.kind = &start_kind;
    future->cancel.kind = &cancel_kind;
    return future;
}

coro_concurrent_future *coro_run_coroutine_threadsafe(coro_loop *loop, coro_fn *fn, void *arg)
{
    coro_concurrent_future *future = loop && fn ? create(loop, fn, arg) : NULL;
    if (!future)
        return NULL;
    if (!coro__loop_post(loop, &future->start))
        discard_start(&future->start);
    return future;
}

/* With the mutex held, until there is a result or the time is up. */
static void wait_until(coro_concurrent_future *future, coro_time deadline)
{
    const struct timespec time = {.tv_sec = deadline / CORO_SECOND,
                                  .tv_nsec = deadline % CORO_SECOND};
    int error = 0;
    while (!future->done && error != ETIMEDOUT) {
        if (deadline == CORO_FOREVER)
            pthread_cond_wait(&future->settled, &future->mutex);
        else
            error = pthread_cond_timedwait(&future->settled, &future->mutex, &time);
    }
}

static int result(const coro_concurrent_future *future, void **value)
{
    if (!future->done)
        return -ETIMEDOUT;
    if (value)
        *value = future->value;
    return future->status;
}

int coro_concurrent_result(coro_concurrent_future *future, coro_duration timeout, void **value)
{
    if (!future)
        return -ENOMEM;
    int rc;
    pthread_mutex_lock(&future->mutex);
    if (!future->done && timeout > 0 && coro_current_loop() == future->inbox) {
        rc = -EDEADLK;
    } else {
        if (timeout > 0)
            wait_until(future, coro__time_after(coro__clock_monotonic(), timeout));
        rc = result(future, value);
    }
    pthread_mutex_unlock(&future->mutex);
    return rc;
}

/* The status where there is a result, else `unfinished`. */
static int status_or(coro_concurrent_future *future, int unfinished)
{
    pthread_mutex_lock(&future->mutex);
    const int status = future->done ? future->status : unfinished;
    pthread_mutex_unlock(&future->mutex);
    return status;
}

const char *coro_concurrent_error_message(coro_concurrent_future *future)
{
    const int status = future ? status_or(future, 0) : -ENOMEM;
    if (status >= 0)
        return NULL;
    return future && future->message ? future->message : coro__error_text(status);
}

bool coro_concurrent_done(coro_concurrent_future *future)
{
    if (!future)
        return true;
    pthread_mutex_lock(&future->mutex);
    const bool done = future->done;
    pthread_mutex_unlock(&future->mutex);
    return done;
}

bool coro_concurrent_cancelled(coro_concurrent_future *future)
{
    return future && status_or(future, 0) == -ECANCELED;
}

bool coro_concurrent_cancel(coro_concurrent_future *future)
{
    if (!future || !settle(future, -ECANCELED, NULL, NULL))
        return false;
    atomic_fetch_add(&future->references, 1);
    if (!coro__loop_post(future->inbox, &future->cancel))
        discard_cancel(&future->cancel);
    return true;
}
