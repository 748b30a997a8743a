/* SPDX-License-Identifier: MIT */
/*
 * Task-locals: values that belong to a task and are there for all that it calls. A task starts with
 * those that its creator has at that moment, and so does a callback with those of whoever schedules
 * it; what either sets afterwards is its own. contextvars.
 *
 *     static const coro_local user = CORO_LOCAL_INITIALIZER(NULL);
 *
 *     coro_local_set(&user, name, NULL);
 *     ... coro_local_get(&user) ...
 */
#ifndef CORO_LOCAL_H
#define CORO_LOCAL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A variable: a static object, known by its address. contextvars.ContextVar. */
typedef struct coro_local {
    void *initial; /* the value where none has been set */
} coro_local;

#define CORO_LOCAL_INITIALIZER(initial) \
    {                                   \
        initial                         \
    }

/* What coro_local_set() replaced, for coro_local_reset(). Its fields belong to the library.
 * contextvars.Token. */
typedef struct coro_local_token {
    const coro_local *local;
    void *value;
    uint64_t owner;
    bool was_set;
} coro_local_token;

/* The variable's value for the task or callback that runs; the initial one where none has been set,
 * and outside a loop. ContextVar.get(). */
CORO_API void *coro_local_get(const coro_local *local);

/*
 * Sets the variable for the task or callback that runs. The value is the caller's to keep alive,
 * for as long as tasks that have inherited it may ask for it. token may be NULL. ContextVar.set().
 *
 * Returns 0, -EPERM outside a task and a callback, or -ENOMEM.
 */
CORO_API int coro_local_set(const coro_local *local, void *value, coro_local_token *token);

/*
 * Puts back what coro_local_set() replaced; once for each token. ContextVar.reset().
 *
 * Returns 0, -EINVAL if the token is another variable's, another task's or callback's, or has been
 * used, -EPERM outside a task and a callback, or -ENOMEM.
 */
CORO_API int coro_local_reset(const coro_local *local, coro_local_token *token);

#ifdef __cplusplus
}
#endif

#endif
