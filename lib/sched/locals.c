/* SPDX-License-Identifier: MIT */
#include "sched/locals.h"
#include "util/compiler.h"
#include "util/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct value {
    const coro_local *local;
    void *value;
};

struct coro__locals {
    unsigned references;
    unsigned count;
    struct value values[];
};

struct coro__locals *coro__locals_retain(struct coro__locals *locals)
{
    if (locals)
        locals->references++;
    return locals;
}

void coro__locals_release(struct coro__locals *locals)
{
    if (locals && --locals->references == 0)
        free(locals);
}

void **coro__locals_find(const struct coro__locals *locals, const coro_local *local)
{
    for (unsigned i = 0; locals && i < locals->count; i++)
        if (locals->values[i].local == local)
            return (void **)(uintptr_t)&locals->values[i].value;
    return NULL;
}

/* An unshared copy with room for one value more; NULL without memory. */
static struct coro__locals *copy_of(const struct coro__locals *locals)
{
    const unsigned count = locals ? locals->count : 0;
    struct coro__locals *copy = coro__malloc(sizeof *copy + (count + 1) * sizeof copy->values[0]);
    if (!copy)
        return NULL;
    copy->references = 1;
    copy->count = count;
    if (count > 0)
        memcpy(copy->values, locals->values, count * sizeof copy->values[0]);
    return copy;
}

int coro__locals_copy(struct coro__locals **copy, const struct coro__locals *locals)
{
    *copy = locals ? copy_of(locals) : NULL;
    return locals && !*copy ? -ENOMEM : 0;
}

/* Makes *locals unshared, with room for one value more. */
static int own(struct coro__locals **locals)
{
    struct coro__locals *copy = copy_of(*locals);
    if (!copy)
        return -ENOMEM;
    coro__locals_release(*locals);
    *locals = copy;
    return 0;
}

int coro__locals_set(struct coro__locals **locals, const coro_local *local, void *value)
{
    void **found = coro__locals_find(*locals, local);
    if (!found || (*locals)->references > 1) {
        const int rc = own(locals);
        if (rc < 0)
            return rc;
        found = coro__locals_find(*locals, local);
    }
    if (found)
        *found = value;
    else
        (*locals)->values[(*locals)->count++] = (struct value){local, value};
    return 0;
}

int coro__locals_remove(struct coro__locals **locals, const coro_local *local)
{
    if (!coro__locals_find(*locals, local))
        return 0;
    if ((*locals)->references > 1) {
        const int rc = own(locals);
        if (rc < 0)
            return rc;
    }
    struct value *last = &(*locals)->values[--(*locals)->count];
    void **found = coro__locals_find(*locals, local);
    if (found)
        *CORO__CONTAINER_OF(found, struct value, value) = *last;
    return 0;
}
