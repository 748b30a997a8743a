/* SPDX-License-Identifier: MIT */
#include "io/resolver.h"
#include "coro/task.h"
#include "task/current.h"
#include "task/to_thread.h"
#include "util/message.h"

enum { MOST_THREADS = 8 };

static int error_of(const struct coro__outcome *outcome)
{
    static const struct {
        int code;
        int error;
    } errors[] = {
        {EAI_NONAME, -ENOENT},
        {EAI_NODATA, -ENODATA},
        {EAI_AGAIN, -EAGAIN},
        {EAI_FAMILY, -EAFNOSUPPORT},
        {EAI_ADDRFAMILY, -EAFNOSUPPORT},
        {EAI_SERVICE, -EPROTONOSUPPORT},
        {EAI_SOCKTYPE, -ESOCKTNOSUPPORT},
        {EAI_BADFLAGS, -EINVAL},
        {EAI_OVERFLOW, -EOVERFLOW},
        {EAI_MEMORY, -ENOMEM},
    };
    if (outcome->code == EAI_SYSTEM && outcome->system_error > 0)
        return -outcome->system_error;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (outcome->code == errors[i].code)
            return errors[i].error;
    return -EIO;
}

static const char *text_of(const struct coro__outcome *outcome)
{
    return outcome->code == EAI_SYSTEM ? coro__error_text(error_of(outcome))
                                       : gai_strerror(outcome->code);
}

int coro__outcome_result(const struct coro__outcome *outcome, const char *node, const char *service)
{
    if (outcome->code == 0)
        return 0;
    return coro_fail(error_of(outcome), "%s%s%s%s%s", node ? node : "", service ? ":" : "",
                     service ? service : "", node || service ? ": " : "", text_of(outcome));
}

static struct coro__pool *pool_of(struct coro__loop *loop)
{
    if (!loop->resolver_pool)
        loop->resolver_pool = coro__pool_create(loop->inbox, "coro-resolver", MOST_THREADS);
    return loop->resolver_pool;
}

int coro__look_up_in_thread(coro_fn *fn, void *lookup, void (*discard)(void *lookup))
{
    const coro_thread_options options = {0};
    return coro__to_thread(pool_of(coro__loop_here()), &options, fn, lookup, discard);
}
