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
    outcome->code =
        getnameinfo(request->address, request->length, request->host, request->host_size,
                    request->service, request->service_size, request->flags);
    outcome->system_error = errno;
}

static bool asks_for_a_service(const struct request *request)
{
    return request->service_size > 0 && !(request->flags & NI_NUMERICSERV);
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

/* Copies one of the names that were found, if it was asked for. */
static void hand_over(char *to, const char *found, socklen_t size)
{
    if (size > 0)
        memcpy(to, found, strlen(found) + 1);
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
/* The bytes of an address that DNS may have a name for: one of a link has none outside it. NULL is
 * none. */
static const void *bytes_of(const struct request *request, size_t *size)
{
    const struct sockaddr_in *ipv4 = (const void *)request->address;
    const struct sockaddr_in6 *ipv6 = (const void *)request->address;
    *size = sizeof ipv4->sin_addr;
    if (request->length >= sizeof *ipv4 && ipv4->sin_family == AF_INET)
        return &ipv4->sin_addr;
    if (request->length < sizeof *ipv6 || ipv6->sin6_family != AF_INET6 || ipv6->sin6_scope_id != 0)
        return NULL;
    if (IN6_IS_ADDR_V4MAPPED(&ipv6->sin6_addr))
        return &ipv6->sin6_addr.s6_addr[sizeof ipv6->sin6_addr - *size];
    *size = sizeof ipv6->sin6_addr;
    return &ipv6->sin6_addr;
}

static bool is_for_dns(const struct request *request, struct coro__dns_setup *setup)
{
    const int known = NI_NAMEREQD | NI_NUMERICSERV | NI_DGRAM;
    size_t size;
    return request->host_size > 0 && !(request->flags & ~known) && bytes_of(request, &size) &&
           coro__dns_serves(setup) && (setup->services || !asks_for_a_service(request));
}

static int name_by_dns(const struct request *request, const struct coro__dns_setup *setup,
                       struct coro__outcome *outcome)
{
    size_t size;
    const void *address = bytes_of(request, &size);
    const int rc =
        coro__dns_find_name(setup, address, size, outcome, request->host, request->host_size);
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
           !asks_for_a_service(request);
}

static int look_up(const struct request *request, struct coro__outcome *outcome)
{
    struct coro__dns_setup setup;
    if (is_for_dns(request, &setup))
        return name_by_dns(request, &setup, outcome);
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
    const int saved_errno = errno;
    const struct request request = {address, length, host, host_size, service, service_size, flags};
    struct coro__outcome outcome = {0};
    int rc = look_up(&request, &outcome);
    if (rc == 0)
        rc = coro__outcome_result(&outcome, NULL, NULL);
    errno = saved_errno;
    return rc;
}
