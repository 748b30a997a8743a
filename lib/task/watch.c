/* SPDX-License-Identifier: MIT */
#include "task/watch.h"
#include "util/memory.h"

#include <stdlib.h>

static void on_end(struct coro__ready *ready, struct coro__callback *callback)
{
    struct coro__watched *watched = CORO__CONTAINER_OF(callback, struct coro__watched, callback);
    watched->watch->ended(ready, watched->watch, callback->of);
}

static void fill(struct coro__watch *watch, coro_task *const tasks[], size_t n)
{
    const uint64_t seen = coro__task_stamp(watch->wait.task->pool);
    watch->count = watch->different = watch->missing = 0;
    for (size_t i = 0; i < n; i++) {
        if (!tasks[i]) {
            watch->missing++;
            continue;
        }
        struct coro__watched *watched = &watch->watched[watch->count++];
        const bool first = tasks[i]->stamp != seen;
        coro__callback_init(&watched->callback, first ? on_end : NULL);
        watched->callback.of = tasks[i];
        watched->watch = watch;
        coro__task_retain(tasks[i]);
        tasks[i]->stamp = seen;
        watch->different += first;
    }
}

int coro__watch_begin(struct coro__watch *watch, const struct coro__wait_kind *kind,
                      coro_task *caller, coro_task *const tasks[], size_t n)
{
    const int rc = coro__check_targets(caller, tasks, n);
    if (rc < 0)
        return rc;
    watch->watched = watch->few;
    if (n > CORO__WATCHED_FEW && !(watch->watched = coro__calloc(n, sizeof *watch->watched)))
        return -ENOMEM;
    coro__wait_init_forwarding(&watch->wait, kind, caller);
    fill(watch, tasks, n);
    if (coro__ready_reserve(coro__ready_here, watch->different) == 0)
        return 0;
    watch->different = 0;
    coro__watch_end(coro__ready_here, watch);
    return -ENOMEM;
}

void coro__watch_task(struct coro__ready *ready, struct coro__watched *watched)
{
    coro__add_callback(ready, watched->callback.of, &watched->callback);
}

void coro__watch_wake(struct coro__ready *ready, struct coro__watch *watch, coro_task *task)
{
    (void)task;
    coro__wake(ready, &watch->wait, 0);
}

size_t coro__watch_done(const struct coro__watch *watch)
{
    size_t done = watch->missing;
    for (size_t i = 0; i < watch->count; i++)
        done += coro__watched_first(&watch->watched[i]) && watch->watched[i].callback.of->done;
    return done;
}

void coro__watch_end(struct coro__ready *ready, struct coro__watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct coro__callback *callback = &watch->watched[i].callback;
        coro__callback_cancel(ready, callback);
        coro__task_release(callback->of);
    }
    coro__ready_unreserve(ready, watch->different);
    if (watch->watched != watch->few)
        free(watch->watched);
}

coro_task *coro__watch_target(const struct coro__wait *wait, size_t i)
{
    const struct coro__watch *watch = CORO__CONTAINER_OF(wait, struct coro__watch, wait);
    return i < watch->count ? watch->watched[i].callback.of : NULL;
}

void coro__watch_abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    coro__watch_end(ready, CORO__CONTAINER_OF(wait, struct coro__watch, wait));
}
