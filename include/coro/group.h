/* SPDX-License-Identifier: MIT */
/*
 * Task groups: tasks that end together.
 *
 *     coro_group group;
 *     coro_group_begin(&group);
 *     coro_group_create_task(&group, fetch, &first);
 *     coro_group_create_task(&group, fetch, &second);
 *     rc = coro_group_end(&group, rc);        // waits for both
 *
 * The first task that fails, other than by being cancelled, has the others cancelled, and with them
 * the task that began the group, so that end is reached soon. Groups nest, and end in the reverse
 * order of their beginning. asyncio.TaskGroup.
 */
#ifndef CORO_GROUP_H
#define CORO_GROUP_H

#include "base.h"
#include "task.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A task group, usually a local variable. Its fields belong to the library. */
typedef struct coro_group {
    struct coro__cell *cell;
    uint64_t number;
} coro_group;

/* One of the errors that a group ended with. */
typedef struct coro_group_error {
    coro_task *task;     /* who failed; the task that began the group, for the body's own error */
    int error;           /* a negative errno */
    const char *message; /* its text */
} coro_group_error;

/*
 * Begins a group. Returns 0, -EPERM if the caller is no task, or -ENOMEM: the group is then not
 * active, its calls return -EINVAL, and coro_group_end() only hands its result through.
 */
CORO_API int coro_group_begin(coro_group *group);

/*
 * A task in the group, which the group keeps until it has ended. Any task of the loop may call it,
 * also while coro_group_end() waits.
 *
 * Returns 0, or
 *   -EINVAL     fn is NULL, or the group is not active
 *   -ESHUTDOWN  the group is being cancelled, or has no task left to wait for in its end
 *   -EPERM      outside the group's loop
 *   -ENOMEM     without memory
 */
CORO_API int coro_group_create_task(coro_group *group, coro_fn *fn, void *arg);

/*
 * coro_group_create_task() with options (NULL is the default of each), and with a reference of the
 * caller's own in *task, where task is not NULL: for its result. On failure *task is NULL.
 */
CORO_API int coro_group_create_task_with(coro_group *group, const coro_task_options *options,
                                         coro_fn *fn, void *arg, coro_task **task);

/*
 * Ends a group: waits until all its tasks have ended. rc is the result of its body; an error in it,
 * or a cancel of the caller meanwhile, cancels the tasks. Repeated cancels do not end the wait.
 *
 * Returns
 *   rc          if no task failed and the caller was not cancelled from outside
 *   -ECANCELED  if no task failed, and the body or the wait was cancelled from outside
 *   an error    the first of those that coro_group_errors() lists; if the caller was cancelled from
 *               outside as well, that request comes again in the next call that waits
 *   -EPERM      if the caller is not the task that began it
 */
CORO_API int coro_group_end(coro_group *group, int rc);

/*
 * Writes the errors with which the group ended to errors[0..capacity), in the order in which they
 * happened, the body's own last, and returns how many there are, which may be more. They can be
 * read, and what they point to is valid, until the task begins or ends another group, or ends.
 * ExceptionGroup.exceptions.
 */
CORO_API size_t coro_group_errors(const coro_group *group, coro_group_error errors[],
                                  size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
