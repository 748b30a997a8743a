/* SPDX-License-Identifier: MIT */
#include "coro/local.h"
#include "task/current.h"
#include "thread/errand.h"

/* The values of the task, callback or errand that runs, and a number that is only its own; NULL
 * outside. */
static struct coro__locals **here(uint64_t *owner)
{
    struct coro__ready *ready = coro__ready_here;
    if (!ready) {
        *owner = UINT64_MAX - (uintptr_t)coro__errand_here;
        return coro__errand_here ? &coro__errand_here->locals : NULL;
    }
    if (ready->current) {
        *owner = ready->current->number;
        return &ready->current->locals;
    }
    *owner = ready->callback_number;
    return ready->callback_locals;
}

void *coro_local_get(const coro_local *local)
{
    uint64_t owner;
    struct coro__locals **locals = here(&owner);
    void **value = locals ? coro__locals_find(*locals, local) : NULL;
    return value ? *value : local->initial;
}

int coro_local_set(const coro_local *local, void *value, coro_local_token *token)
{
    uint64_t owner;
    struct coro__locals **locals = here(&owner);
    if (!locals)
        return -EPERM;
    void **before = coro__locals_find(*locals, local);
    if (token)
        *token = (coro_local_token){local, before ? *before : NULL, owner, before != NULL};
    const int rc = coro__locals_set(locals, local, value);
    if (rc < 0 && token)
        token->local = NULL;
    return rc;
}

int coro_local_reset(const coro_local *local, coro_local_token *token)
{
    uint64_t owner;
    struct coro__locals **locals = here(&owner);
    if (!locals)
        return -EPERM;
    if (token->local != local || token->owner != owner)
        return -EINVAL;
    const int rc = token->was_set ? coro__locals_set(locals, local, token->value)
                                  : coro__locals_remove(locals, local);
    if (rc == 0)
        token->local = NULL;
    return rc;
}
