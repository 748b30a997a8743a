/* SPDX-License-Identifier: MIT */
/*
 * Addresses of names. What is numbers or wrong libc says at once. Names of hosts are asked of DNS,
 * where that serves, and libc adds what only it knows: the types of sockets, and the ports of
 * services. The rest libc looks up in a thread.
 */
#include "coro/resolver.h"
#include "coro/task.h"
#include "io/dns.h"
#include "task/current.h"
#include "util/memory.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* --- Lists ------------------------------------------------------------------------------------ */
/* A list is one block: its nodes, and the canonical name. */
struct node {
    struct addrinfo info;
    struct sockaddr_storage address;
};

static struct addrinfo *create_list(size_t count, const char *canonical_name)
{
    const size_t name_size = canonical_name ? strlen(canonical_name) + 1 : 0;
    struct node *nodes = coro__calloc(1, count * sizeof *nodes + name_size);
    if (!nodes)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        nodes[i].info.ai_addr = (struct sockaddr *)&nodes[i].address;
        nodes[i].info.ai_next = i + 1 < count ? &nodes[i + 1].info : NULL;
    }
    if (canonical_name)
        nodes->info.ai_canonname = memcpy(nodes + count, canonical_name, name_size);
    return &nodes->info;
}

static void fill(struct addrinfo *info, const struct addrinfo *from, const void *address,
                 socklen_t length)
{
    info->ai_flags = from->ai_flags;
    info->ai_socktype = from->ai_socktype;
    info->ai_protocol = from->ai_protocol;
    info->ai_addrlen = length;
    memcpy(info->ai_addr, address, length);
    info->ai_family = info->ai_addr->sa_family;
}

static size_t count_of(const struct addrinfo *list)
{
    size_t count = 0;
    for (; list; list = list->ai_next)
        count++;
    return count;
}

/* A list of libc's, which is freed, as one of ours. 0, or -ENOMEM. */
static int take_over(struct addrinfo *theirs, struct addrinfo **ours)
{
    struct addrinfo *to = *ours = create_list(count_of(theirs), theirs->ai_canonname);
    for (const struct addrinfo *from = theirs; to && from; from = from->ai_next, to = to->ai_next)
        fill(to, from, from->ai_addr, from->ai_addrlen);
    freeaddrinfo(theirs);
    return *ours ? 0 : -ENOMEM;
}

void coro_freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

/* --- In a thread ------------------------------------------------------------------------------ */
struct lookup {
    const char *node;
    const char *service;
    struct addrinfo hints;
    struct addrinfo *found;
    struct coro__outcome outcome;
    char text[];
};

static int find(void *arg)
{
    struct lookup *lookup = arg;
    lookup->outcome.code =
        getaddrinfo(lookup->node, lookup->service, &lookup->hints, &lookup->found);
    lookup->outcome.system_error = errno;
    return 0;
}

static void discard(void *arg)
{
    struct lookup *lookup = arg;
    if (lookup->found)
        freeaddrinfo(lookup->found);
    free(lookup);
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

static struct lookup *create_lookup(const char *node, const char *service,
                                    const struct addrinfo *hints)
{
    const size_t size = (node ? strlen(node) + 1 : 0) + (service ? strlen(service) + 1 : 0);
    struct lookup *lookup = coro__calloc(1, sizeof *lookup + size);
    if (!lookup)
        return NULL;
    char *end = lookup->text;
    lookup->node = append(&end, node);
    lookup->service = append(&end, service);
    lookup->hints = *hints;
    return lookup;
}

static int find_in_thread(const char *node, const char *service, const struct addrinfo *hints,
                          struct coro__outcome *outcome, struct addrinfo **result)
{
    struct lookup *lookup = create_lookup(node, service, hints);
    if (!lookup)
        return -ENOMEM;
    const int rc = coro__look_up_in_thread(find, lookup, discard);
    if (rc < 0)
        return rc;
    struct addrinfo *found = lookup->found;
    *outcome = lookup->outcome;
    free(lookup);
    return outcome->code == 0 ? take_over(found, result) : 0;
}

/* --- At once ---------------------------------------------------------------------------------- */
static void find_at_once(const char *node, const char *service, const struct addrinfo *hints,
                         struct coro__outcome *outcome, struct addrinfo **found)
{
    outcome->code = getaddrinfo(node, service, hints, found);
    outcome->system_error = errno;
}

/* Whether all is numbers (AI_NUMERICHOST, AI_NUMERICSERV), or wrong: then this is the outcome, and
 * no lookup is needed. */
static bool find_numeric(int numeric, const char *node, const char *service,
                         const struct addrinfo *hints, struct coro__outcome *outcome,
                         struct addrinfo **found)
{
    struct addrinfo changed = *hints;
    changed.ai_flags |= numeric;
    find_at_once(node, service, &changed, outcome, found);
    return outcome->code != EAI_NONAME || changed.ai_flags == hints->ai_flags;
}

/* --- By DNS ----------------------------------------------------------------------------------- */
/* What goes with each address of a host: a type of socket, and a port. */
struct row {
    struct addrinfo info;
    in_port_t port;
};

enum { MOST_ROWS = 8 };

static size_t find_rows(const char *service, const struct addrinfo *hints,
                        struct coro__outcome *outcome, struct row rows[MOST_ROWS])
{
    struct addrinfo of_any = *hints, *found;
    size_t count = 0;
    of_any.ai_family = AF_INET;
    of_any.ai_flags = AI_NUMERICHOST | (hints->ai_flags & AI_NUMERICSERV);
    find_at_once("0.0.0.0", service, &of_any, outcome, &found);
    if (outcome->code != 0)
        return 0;
    for (const struct addrinfo *at = found; at && count < MOST_ROWS; at = at->ai_next) {
        struct row *row = &rows[count++];
        row->info = *at;
        row->info.ai_flags = hints->ai_flags;
        row->port = ((const struct sockaddr_in *)(const void *)at->ai_addr)->sin_port;
    }
    freeaddrinfo(found);
    return count;
}

static void fill_row(struct addrinfo *info, const struct row *row,
                     const struct sockaddr_storage *address)
{
    const bool is_ipv6 = address->ss_family == AF_INET6;
    fill(info, &row->info, address,
         is_ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    if (is_ipv6)
        ((struct sockaddr_in6 *)(void *)info->ai_addr)->sin6_port = row->port;
    else
        ((struct sockaddr_in *)(void *)info->ai_addr)->sin_port = row->port;
}

static struct addrinfo *combine(const struct coro__host *host, const struct row *rows, size_t count,
                                bool named)
{
    struct addrinfo *list = create_list(host->count * count, named ? host->name : NULL);
    struct addrinfo *at = list;
    for (size_t i = 0; list && i < host->count; i++)
        for (size_t j = 0; j < count; j++, at = at->ai_next)
            fill_row(at, &rows[j], &host->addresses[i]);
    return list;
}

static int find_by_dns(const struct coro__dns_setup *setup, const char *node, const char *service,
                       const struct addrinfo *hints, struct coro__outcome *outcome,
                       struct addrinfo **result)
{
    struct row rows[MOST_ROWS];
    struct coro__host *host;
    const size_t count = find_rows(service, hints, outcome, rows);
    if (count == 0)
        return 0;
    const int rc = coro__dns_find_host(setup, node, hints->ai_family, outcome, &host);
    if (rc < 0 || outcome->code != 0)
        return rc;
    *result = combine(host, rows, count, hints->ai_flags & AI_CANONNAME);
    free(host);
    return *result ? 0 : -ENOMEM;
}

static bool is_number(const char *service)
{
    return !service || service[strspn(service, "0123456789")] == '\0';
}

/* libc would take the rest of a division. */
static bool is_beyond_ports(const char *service)
{
    return service && is_number(service) && strtoul(service, NULL, 10) > UINT16_MAX;
}

static bool is_for_dns(const char *node, const char *service, const struct addrinfo *hints,
                       struct coro__dns_setup *setup)
{
    const int known = AI_PASSIVE | AI_CANONNAME | AI_NUMERICSERV;
    return node && !(hints->ai_flags & ~known) && coro__dns_serves(setup) &&
           (setup->services || is_number(service));
}

/* --- The call --------------------------------------------------------------------------------- */
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

static int look_up(const char *node, const char *service, const struct addrinfo *hints,
                   struct coro__outcome *outcome, struct addrinfo **result)
{
    struct coro__dns_setup setup;
    struct addrinfo *found;
    int rc = -EOPNOTSUPP;
    if (find_numeric(AI_NUMERICHOST | AI_NUMERICSERV, node, service, hints, outcome, &found))
        return outcome->code == 0 ? take_over(found, result) : 0;
    if (is_for_dns(node, service, hints, &setup)) {
        if (!is_number(service) &&
            find_numeric(AI_NUMERICHOST, node, service, hints, outcome, &found))
            return outcome->code == 0 ? take_over(found, result) : 0;
        rc = find_by_dns(&setup, node, service, hints, outcome, result);
    }
    return rc == -EOPNOTSUPP ? find_in_thread(node, service, hints, outcome, result) : rc;
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
    const int saved_errno = errno;
    const struct addrinfo hints = copy_hints(given);
    struct coro__outcome outcome = {0};
    int rc = is_beyond_ports(service) ? coro_fail(-EINVAL, "there is no port %s", service)
                                      : look_up(node, service, &hints, &outcome, result);
    if (rc == 0)
        rc = coro__outcome_result(&outcome, node, service);
    errno = saved_errno;
    return rc;
}
