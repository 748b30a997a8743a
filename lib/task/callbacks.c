/* SPDX-License-Identifier: MIT */
#include "task/callbacks.h"
#include "coro/future.h"
#include "task/current.h"
#include "util/memory.h"

#include <stdlib.h>

struct done_callback {
    struct coro__callback callback;
    struct coro__locals *locals; /* of whoever added it */
    coro_done_fn *fn;
    void *arg;
};

static struct done_callback *of(struct coro__callback *callback)
{
    return CORO__CONTAINER_OF(callback, struct done_callback, callback);
}

void coro__done_callback_discard(struct coro__list *link)
{
    struct done_callback *done = of(CORO__CONTAINER_OF(link, struct coro__callback, link));
    coro__locals_release(done->locals);
    free(done);
}

static void call(void *done_callback)
{
    const struct done_callback *done = done_callback;
    done->fn(done->callback.of, done->arg);
}

static void run(struct coro__ready *ready, struct coro__callback *callback)
{
    struct done_callback done = *of(callback);
    free(of(callback));
    coro__ready_unreserve(ready, 1);
    coro__ready_call_with_locals(ready, done.locals, call, &done);
}

int coro_add_done_callback(coro_task *task, coro_done_fn *fn, void *arg)
{
    struct coro__ready *ready = coro__ready_here;
    if (!task)
        return -ENOMEM;
    if (!fn)
        return -EINVAL;
    if (!coro__is_ours(task))
        return -EXDEV;
    struct done_callback *done = coro__malloc(sizeof *done);
    if (!done)
        return -ENOMEM;
    if (coro__ready_reserve(ready, 1) < 0) {
        free(done);
        return -ENOMEM;
    }
    coro__callback_init(&done->callback, run);
    done->locals = coro__locals_retain(coro__ready_locals(ready));
    done->fn = fn;
    done->arg = arg;
    coro__add_callback(ready, task, &done->callback);
    return 0;
}

size_t coro_remove_done_callback(coro_task *task, coro_done_fn *fn, void *arg)
{
    size_t removed = 0;
    if (!task)
        return 0;
    for (struct coro__list *link = task->callbacks.next, *next; link != &task->callbacks;
         link = next) {
        next = link->next;
        struct coro__callback *callback = CORO__CONTAINER_OF(link, struct coro__callback, link);
        if (callback->run != run || of(callback)->fn != fn || of(callback)->arg != arg)
            continue;
        coro__list_remove(link);
        task->pool->places++;
        coro__done_callback_discard(link);
        removed++;
    }
    return removed;
}
