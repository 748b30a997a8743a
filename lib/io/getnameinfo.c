/* SPDX-License-Identifier: MIT */
/*
 * Names of addresses. What is numbers libc says at once. Names of hosts are asked of DNS, where
 * that serves, and libc adds the names of services. The rest libc looks up in a thread.
 */
#include "coro/resolver.h"
#include "io/dns.h"
#include "task/current.h"
#include "util/memory.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* What is asked for, of an address. */
struct request {
    const struct sockaddr *address;
    socklen_t length;
    char *host;
    socklen_t host_size;
    char *service;
    socklen_t service_size;
    int flags;
};

static void name(const struct request *request, struct coro__outcome *outcome)
{
    const int saved_errno = errno;
    outcome->code =
        getnameinfo(request->address, request->length, request->host, request->host_size,
                    request->service, request->service_size, request->flags);
    outcome->system_error = errno;
    errno = saved_errno;
}

/* Copies one of the names that were found, if it was asked for. */
static void hand_over(char *to, const char *found, socklen_t size)
{
    if (size > 0)
        memcpy(to, found, strlen(found) + 1);
}

/* --- In a thread ------------------------------------------------------------------------------ */
struct lookup {
    struct request request; /* of the copies below */
    struct sockaddr_storage address;
    struct coro__outcome outcome;
    char text[]; /* the host, and behind its size the service */
};

static int name_now(void *arg)
{
    struct lookup *lookup = arg;
    name(&lookup->request, &lookup->outcome);
    return 0;
}

static socklen_t no_more_than(socklen_t most, socklen_t size)
{
    return size < most ? size : most;
}

static struct lookup *create_lookup(const struct request *of)
{
    const socklen_t host_size = no_more_than(NI_MAXHOST, of->host_size);
    const socklen_t service_size = no_more_than(NI_MAXSERV, of->service_size);
    struct lookup *lookup = coro__calloc(1, sizeof *lookup + (size_t)host_size + service_size);
    if (!lookup)
        return NULL;
    memcpy(&lookup->address, of->address, of->length);
    lookup->request = (struct request){.address = (const struct sockaddr *)&lookup->address,
                                       .length = of->length,
                                       .host = lookup->text,
                                       .host_size = host_size,
                                       .service = lookup->text + host_size,
                                       .service_size = service_size,
                                       .flags = of->flags};
    return lookup;
}

static int name_in_thread(const struct request *request, struct coro__outcome *outcome)
{
    struct lookup *lookup = create_lookup(request);
    if (!lookup)
        return -ENOMEM;
    const int rc = coro__look_up_in_thread(name_now, lookup, free);
    if (rc < 0)
        return rc;
    *outcome = lookup->outcome;
    if (outcome->code == 0) {
        hand_over(request->host, lookup->request.host, request->host_size);
        hand_over(request->service, lookup->request.service, request->service_size);
    }
    free(lookup);
    return 0;
}

/* --- By DNS ----------------------------------------------------------------------------------- */
/* An address that DNS may have a name for: one of a link has none outside it. */
static bool is_for_dns(const struct request *request)
{
    const struct sockaddr_in6 *ipv6 = (const void *)request->address;
    const int known = NI_NAMEREQD | NI_NUMERICSERV | NI_DGRAM;
    if (request->host_size == 0 || request->flags & ~known)
        return false;
    const bool has_family = request->length >= sizeof(struct sockaddr_in);
    const sa_family_t family = has_family ? request->address->sa_family : AF_UNSPEC;
    return (family == AF_INET ||
            (family == AF_INET6 && request->length >= sizeof *ipv6 && ipv6->sin6_scope_id == 0)) &&
           coro__dns_serves();
}

static int name_by_dns(const struct request *request, struct coro__outcome *outcome)
{
    const int rc = coro__dns_find_name(request->address, request->length, outcome, request->host,
                                       request->host_size);
    if (rc < 0)
        return rc;
    struct request rest = *request;
    rest.flags &= ~NI_NAMEREQD;
    if (outcome->code == 0)
        rest.host_size = 0;
    else if (outcome->code == EAI_NONAME && !(request->flags & NI_NAMEREQD))
        rest.flags |= NI_NUMERICHOST;
    else
        return 0;
    if (rest.host_size > 0 || rest.service_size > 0)
        name(&rest, outcome);
    return 0;
}

/* --- The call --------------------------------------------------------------------------------- */
static bool is_numeric(const struct request *request)
{
    return (request->host_size == 0 || request->flags & NI_NUMERICHOST) &&
           (request->service_size == 0 || request->flags & NI_NUMERICSERV);
}

static int look_up(const struct request *request, struct coro__outcome *outcome)
{
    if (is_for_dns(request))
        return name_by_dns(request, outcome);
    if (!is_numeric(request))
        return name_in_thread(request, outcome);
    name(request, outcome);
    return 0;
}

int coro_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                     socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    if (!address || length > sizeof(struct sockaddr_storage) || (!host && host_size > 0) ||
        (!service && service_size > 0) || (host_size == 0 && service_size == 0))
        return -EINVAL;
    if (!coro__caller())
        return -EPERM;
    const struct request request = {address, length, host, host_size, service, service_size, flags};
    struct coro__outcome outcome = {0};
    const int rc = look_up(&request, &outcome);
    return rc < 0 ? rc : coro__outcome_result(&outcome, NULL, NULL);
}
