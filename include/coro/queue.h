/* SPDX-License-Identifier: MIT */
/*
 * Queues: items handed from tasks to tasks.
 *
 *     coro_queue *queue = coro_queue_create(NULL);
 *
 *     rc = coro_queue_put(queue, item);       // some tasks
 *
 *     void *item;
 *     rc = coro_queue_get(queue, &item);      // others
 *     ...
 *     coro_queue_task_done(queue);            // if somebody joins
 *
 * An item is a pointer that means nothing to the queue; it may be NULL. No item is lost to a
 * cancel: a get that is cancelled has taken none, a put that is cancelled has put none.
 *
 * A queue belongs to the loop whose tasks wait in it, while they do; callbacks may use all that
 * does not wait. A NULL queue is one that could not be created: calls return -ENOMEM for it.
 * asyncio.Queue, LifoQueue, PriorityQueue.
 */
#ifndef CORO_QUEUE_H
#define CORO_QUEUE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct coro_queue coro_queue;

/* In which order items come out. */
enum coro_queue_kind {
    CORO_QUEUE_FIFO = 0, /* first in, first out: asyncio.Queue */
    CORO_QUEUE_LIFO,     /* last in, first out: asyncio.LifoQueue */
    CORO_QUEUE_PRIORITY, /* lowest first, equal ones first in, first out: asyncio.PriorityQueue */
};

/* Compares two items as for qsort: < 0 if a comes out before b. It must not wait, nor use the
 * queue. */
typedef int coro_queue_compare_fn(const void *a, const void *b, void *arg);

/* Called for an item that nobody will get any more. It must not wait, nor use the queue. */
typedef void coro_queue_discard_fn(void *item, void *arg);

/* Options of a queue. All zero is the default of each; so is a NULL for the whole. */
typedef struct coro_queue_options {
    enum coro_queue_kind kind;
    /* The most items at a time; 0 is no limit. */
    size_t maxsize;
    /* The order of a CORO_QUEUE_PRIORITY, which needs one; not used by the others. */
    coro_queue_compare_fn *compare;
    /* Gets the items that a shutdown or a destroy removes, to free them. NULL: nothing is done. */
    coro_queue_discard_fn *discard;
    /* Handed to both. */
    void *arg;
} coro_queue_options;

/*
 * A queue; NULL without memory, or for options that cannot be met (an unknown kind, a
 * CORO_QUEUE_PRIORITY without compare). Can be called outside of a run as well.
 */
CORO_API CORO_NODISCARD coro_queue *coro_queue_create(const coro_queue_options *options);

/*
 * Frees a queue, and with it all items (coro_queue_options.discard). Tasks that wait in it get
 * -ESHUTDOWN. NULL is allowed. If tasks of another loop wait in it, it does nothing.
 */
CORO_API void coro_queue_destroy(coro_queue *queue);

/*
 * Puts an item in; waits while the queue is full. If it is not, the call is no suspension and no
 * cancellation point. Queue.put().
 *
 * Returns 0, or, and then the item is not in the queue:
 *   -ESHUTDOWN  the queue was shut down, perhaps while the call waited
 *   -ECANCELED  the caller was cancelled while it waited
 *   -EPERM      it would have to wait, and the caller is no task
 *   -ENOMEM     without memory
 *   -EXDEV      tasks of another loop wait in the queue
 */
CORO_API int coro_queue_put(coro_queue *queue, void *item);

/* coro_queue_put() that does not wait: -EAGAIN if the queue is full. Queue.put_nowait(). */
CORO_API int coro_queue_put_nowait(coro_queue *queue, void *item);

/*
 * Takes the next item out, to *item where that is not NULL; waits while the queue is empty. If it
 * is not, the call is no suspension and no cancellation point. Tasks that wait are woken in the
 * order in which they came; but one that has been woken and finds that another task was faster
 * waits again, as the last. Queue.get().
 *
 * Returns 0, or, and then *item is NULL:
 *   -ESHUTDOWN  the queue was shut down, and is empty
 *   -ECANCELED  the caller was cancelled while it waited
 *   -EPERM      it would have to wait, and the caller is no task
 *   -ENOMEM     the queue is NULL
 *   -EXDEV      tasks of another loop wait in the queue
 */
CORO_API int coro_queue_get(coro_queue *queue, void **item);

/* coro_queue_get() that does not wait: -EAGAIN if the queue is empty. Queue.get_nowait(). */
CORO_API int coro_queue_get_nowait(coro_queue *queue, void **item);

/* How many items are in it. Queue.qsize(). */
CORO_API size_t coro_queue_size(const coro_queue *queue);

/* Its limit; 0 is none. Queue.maxsize. */
CORO_API size_t coro_queue_maxsize(const coro_queue *queue);

/* Whether no item is in it. Queue.empty(). */
CORO_API bool coro_queue_empty(const coro_queue *queue);

/* Whether it is at its limit. Queue.full(). */
CORO_API bool coro_queue_full(const coro_queue *queue);

/*
 * Says that an item has been dealt with, once for each that was taken out, for those that join.
 * Queue.task_done().
 *
 * Returns 0, -EINVAL if that was said for every item that was ever put in, -ENOMEM for NULL, or
 * -EXDEV if tasks of another loop join.
 */
CORO_API int coro_queue_task_done(coro_queue *queue);

/*
 * Waits until coro_queue_task_done() has been called for every item that was put in. If it has, the
 * call is no suspension and no cancellation point. Queue.join().
 *
 * Returns 0, -ECANCELED if the caller was cancelled, -ESHUTDOWN if the queue was destroyed
 * meanwhile, -EPERM, -ENOMEM or -EXDEV as coro_queue_get().
 */
CORO_API int coro_queue_join(coro_queue *queue);

/*
 * Has every put return -ESHUTDOWN from now on, and every get as soon as the queue is empty; those
 * that wait do so in the next pass. With `immediate` the items that are left are removed, and count
 * as dealt with. Queue.shutdown().
 *
 * Returns 0, also where it was shut down already, -ENOMEM for NULL, or -EXDEV if tasks of another
 * loop wait in the queue.
 */
CORO_API int coro_queue_shutdown(coro_queue *queue, bool immediate);

#ifdef __cplusplus
}
#endif

#endif
