/* SPDX-License-Identifier: MIT */
#include "coro/resolver.h"
#include "coro/task.h"
#include "task/current.h"
#include "task/to_thread.h"
#include "util/memory.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

/*
 * A lookup is memory of its own, with copies of all that it is about, and goes to the thread whole:
 * a caller that is cancelled leaves it behind.
 */

enum { MOST_THREADS = 8 };

/* Codes that not all systems have. */
#ifndef EAI_ADDRFAMILY
#define EAI_ADDRFAMILY EAI_FAMILY
#endif
#ifndef EAI_NODATA
#define EAI_NODATA EAI_NONAME
#endif

/* What getaddrinfo() or getnameinfo() returned, and errno after it. */
struct outcome {
    int code;
    int system_error;
};

static int error_of(const struct outcome *outcome)
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

static const char *text_of(const struct outcome *outcome)
{
    return outcome->code == EAI_SYSTEM ? coro__error_text(error_of(outcome))
                                       : gai_strerror(outcome->code);
}

/* 0, or the error with its text. What is said of what was looked up comes before that. */
static int result_of(const struct outcome *outcome, const char *node, const char *service)
{
    if (outcome->code == 0)
        return 0;
    const int saved_errno = errno;
    const int rc = coro_fail(error_of(outcome), "%s%s%s%s%s", node ? node : "", service ? ":" : "",
                             service ? service : "", node || service ? ": " : "", text_of(outcome));
    errno = saved_errno;
    return rc;
}

static struct coro__pool *pool_of(struct coro__loop *loop)
{
    if (!loop->resolver_pool)
        loop->resolver_pool = coro__pool_create(loop->inbox, "coro-resolver", MOST_THREADS);
    return loop->resolver_pool;
}

static int look_up_in_thread(coro_fn *fn, void *lookup, void (*discard)(void *lookup))
{
    const coro_thread_options options = {0};
    return coro__to_thread(pool_of(coro__loop_here()), &options, fn, lookup, discard);
}

/* --- Addresses of names ----------------------------------------------------------------------- */
struct address_lookup {
    const char *node;
    const char *service;
    struct addrinfo hints;
    struct addrinfo *found;
    struct outcome outcome;
    char text[];
};

static int find_address(void *arg)
{
    struct address_lookup *lookup = arg;
    lookup->outcome.code =
        getaddrinfo(lookup->node, lookup->service, &lookup->hints, &lookup->found);
    lookup->outcome.system_error = errno;
    return 0;
}

static void discard_address(void *arg)
{
    struct address_lookup *lookup = arg;
    if (lookup->found)
        freeaddrinfo(lookup->found);
    free(lookup);
}

static struct addrinfo copy_hints(const struct addrinfo *given)
{
    struct addrinfo hints;
    memset(&hints, 0, sizeof hints);
    if (given) {
        hints.ai_flags = given->ai_flags;
        hints.ai_family = given->ai_family;
        hints.ai_socktype = given->ai_socktype;
        hints.ai_protocol = given->ai_protocol;
    }
    return hints;
}

/* Whether all is numbers, or wrong: then this is the outcome, and no lookup is needed. */
static bool find_numeric(const char *node, const char *service, const struct addrinfo *hints,
                         struct outcome *outcome, struct addrinfo **found)
{
    const int saved_errno = errno;
    struct addrinfo numeric = *hints;
    numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
    outcome->code = getaddrinfo(node, service, &numeric, found);
    outcome->system_error = errno;
    errno = saved_errno;
    return outcome->code != EAI_NONAME || numeric.ai_flags == hints->ai_flags;
}

/* Copies the text to *end, behind which the next one may come. */
static const char *append(char **end, const char *text)
{
    if (!text)
        return NULL;
    const size_t size = strlen(text) + 1;
    char *copy = memcpy(*end, text, size);
    *end += size;
    return copy;
}

static struct address_lookup *create_address_lookup(const char *node, const char *service,
                                                    const struct addrinfo *hints)
{
    const size_t size = (node ? strlen(node) + 1 : 0) + (service ? strlen(service) + 1 : 0);
    struct address_lookup *lookup = coro__calloc(1, sizeof *lookup + size);
    if (!lookup)
        return NULL;
    char *end = lookup->text;
    lookup->node = append(&end, node);
    lookup->service = append(&end, service);
    lookup->hints = *hints;
    return lookup;
}

int coro_getaddrinfo(const char *node, const char *service, const struct addrinfo *given,
                     struct addrinfo **result)
{
    if (!result)
        return -EINVAL;
    *result = NULL;
    if (!node && !service)
        return -EINVAL;
    if (!coro__caller())
        return -EPERM;
    struct outcome outcome;
    const struct addrinfo hints = copy_hints(given);
    if (find_numeric(node, service, &hints, &outcome, result))
        return result_of(&outcome, node, service);
    struct address_lookup *lookup = create_address_lookup(node, service, &hints);
    if (!lookup)
        return -ENOMEM;
    const int rc = look_up_in_thread(find_address, lookup, discard_address);
    if (rc < 0)
        return rc;
    outcome = lookup->outcome;
    *result = lookup->found;
    free(lookup);
    return result_of(&outcome, node, service);
}

/* --- Names of addresses ----------------------------------------------------------------------- */
struct name_lookup {
    struct sockaddr_storage address;
    socklen_t length;
    socklen_t host_size;
    socklen_t service_size;
    int flags;
    struct outcome outcome;
    char text[]; /* the host, and behind its size the service */
};

static int find_name(void *arg)
{
    struct name_lookup *lookup = arg;
    const struct sockaddr *address = (const struct sockaddr *)&lookup->address;
    lookup->outcome.code =
        getnameinfo(address, lookup->length, lookup->text, lookup->host_size,
                    lookup->text + lookup->host_size, lookup->service_size, lookup->flags);
    lookup->outcome.system_error = errno;
    return 0;
}

static struct name_lookup *create_name_lookup(const struct sockaddr *address, socklen_t length,
                                              socklen_t host_size, socklen_t service_size,
                                              int flags)
{
    struct name_lookup *lookup = coro__calloc(1, sizeof *lookup + (size_t)host_size + service_size);
    if (!lookup)
        return NULL;
    memcpy(&lookup->address, address, length);
    lookup->length = length;
    lookup->host_size = host_size;
    lookup->service_size = service_size;
    lookup->flags = flags;
    return lookup;
}

static bool all_numeric(socklen_t host_size, socklen_t service_size, int flags)
{
    return (host_size == 0 || flags & NI_NUMERICHOST) &&
           (service_size == 0 || flags & NI_NUMERICSERV);
}

static int name_numerically(const struct sockaddr *address, socklen_t length, char *host,
                            socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    const int saved_errno = errno;
    struct outcome outcome;
    outcome.code = getnameinfo(address, length, host, host_size, service, service_size, flags);
    outcome.system_error = errno;
    errno = saved_errno;
    return result_of(&outcome, NULL, NULL);
}

/* Copies one of the names that were found, if it was asked for. */
static void hand_over(char *to, const char *found, socklen_t size)
{
    if (size > 0)
        memcpy(to, found, strlen(found) + 1);
}

static int name_in_thread(struct name_lookup *lookup, char *host, char *service)
{
    const int rc = look_up_in_thread(find_name, lookup, free);
    if (rc < 0)
        return rc;
    const struct outcome outcome = lookup->outcome;
    if (outcome.code == 0) {
        hand_over(host, lookup->text, lookup->host_size);
        hand_over(service, lookup->text + lookup->host_size, lookup->service_size);
    }
    free(lookup);
    return result_of(&outcome, NULL, NULL);
}

static socklen_t no_more_than(socklen_t most, socklen_t size)
{
    return size < most ? size : most;
}

int coro_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                     socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    if (!address || length > sizeof(struct sockaddr_storage) || (!host && host_size > 0) ||
        (!service && service_size > 0) || (host_size == 0 && service_size == 0))
        return -EINVAL;
    if (!coro__caller())
        return -EPERM;
    if (all_numeric(host_size, service_size, flags))
        return name_numerically(address, length, host, host_size, service, service_size, flags);
    struct name_lookup *lookup =
        create_name_lookup(address, length, no_more_than(NI_MAXHOST, host_size),
                           no_more_than(NI_MAXSERV, service_size), flags);
    return lookup ? name_in_thread(lookup, host, service) : -ENOMEM;
}
