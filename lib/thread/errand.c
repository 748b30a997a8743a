/* SPDX-License-Identifier: MIT */
#include "thread/errand.h"
#include "util/memory.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

CORO__THREAD_LOCAL struct coro__errand *coro__errand_here;

static void run(struct coro__job *job)
{
    struct coro__errand *errand = CORO__CONTAINER_OF(job, struct coro__errand, job);
    coro__errand_here = errand;
    errand->status = errand->fn(errand->arg);
    coro__errand_here = NULL;
}

/* The argument's copy lies behind the errand. */
struct with_argument {
    struct coro__errand errand;
    alignas(max_align_t) char copy[];
};

struct coro__errand *coro__errand_create(coro_fn *fn, void *arg, size_t arg_size,
                                         const struct coro__locals *locals,
                                         const struct coro__post_kind *kind)
{
    if (arg_size > SIZE_MAX - sizeof(struct with_argument))
        return NULL;
    struct with_argument *whole = coro__calloc(1, sizeof *whole + arg_size);
    if (!whole)
        return NULL;
    struct coro__errand *errand = &whole->errand;
    if (coro__locals_copy(&errand->locals, locals) < 0) {
        free(whole);
        return NULL;
    }
    errand->job.post.kind = kind;
    errand->job.run = run;
    coro__list_init(&errand->job.link);
    errand->fn = fn;
    errand->arg = arg_size ? memcpy(whole->copy, arg, arg_size) : arg;
    return errand;
}

void coro__errand_free(struct coro__errand *errand)
{
    if (errand->discard)
        errand->discard(errand->arg);
    coro__locals_release(errand->locals);
    coro__message_release(errand->message);
    free(errand);
}
