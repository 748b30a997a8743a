/* SPDX-License-Identifier: MIT */
/* Addresses of names. */
#include "io/dns_cares.h"
#include "util/memory.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names in these c-ares does not look up. */
static bool is_special(const char *name)
{
    static const char *const domains[] = {"localhost", "onion"};
    size_t length = strlen(name);
    if (length > 0 && name[length - 1] == '.')
        length--;
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        const size_t size = strlen(domains[i]);
        if (length >= size && strncasecmp(name + length - size, domains[i], size) == 0 &&
            (length == size || name[length - size - 1] == '.'))
            return true;
    }
    return false;
}

/* Whether c-ares and libc, which keeps to an older RFC, have the same place for it among others. */
static bool is_ranked_alike(const struct ares_addrinfo_node *node)
{
    if (node->ai_family != AF_INET6)
        return true;
    const struct sockaddr_in6 *address = (const void *)node->ai_addr;
    const unsigned char *bytes = address->sin6_addr.s6_addr;
    const unsigned first = (unsigned)bytes[0] << 8 | bytes[1];
    const unsigned second = (unsigned)bytes[2] << 8 | bytes[3];
    const bool is_teredo = first == 0x2001 && second == 0, is_6to4 = first == 0x2002;
    return first >> 13 == 1 && !is_teredo && !is_6to4 && first != 0x3ffe;
}

static bool are_ranked_alike(const struct ares_addrinfo *found)
{
    for (const struct ares_addrinfo_node *at = found->nodes; at; at = at->ai_next)
        if (!is_ranked_alike(at))
            return !found->nodes->ai_next;
    return true;
}

static void on_end(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    struct coro__cares *lookup = arg;
    (void)timeouts;
    lookup->ended = true;
    lookup->status = status == ARES_SUCCESS && !found->nodes ? ARES_ENODATA : status;
    lookup->result = found;
}

/* The end of the chain that begins at the name. */
static const char *canonical_name(const struct ares_addrinfo *found, const char *name)
{
    const char *canonical = found->name ? found->name : name;
    for (const struct ares_addrinfo_cname *at = found->cnames; at; at = at->next)
        if (at->alias && at->name && strcasecmp(at->alias, canonical) == 0)
            canonical = at->name;
    return canonical;
}

static size_t count_nodes(const struct ares_addrinfo *found)
{
    size_t count = 0;
    for (const struct ares_addrinfo_node *at = found->nodes; at; at = at->ai_next)
        count++;
    return count;
}

/* NULL without memory. */
static struct coro__host *host_of(const struct ares_addrinfo *found, const char *name)
{
    const char *canonical = canonical_name(found, name);
    const size_t count = count_nodes(found), name_size = strlen(canonical) + 1;
    struct coro__host *host =
        coro__calloc(1, sizeof *host + count * sizeof host->addresses[0] + name_size);
    if (!host)
        return NULL;
    for (const struct ares_addrinfo_node *at = found->nodes; at; at = at->ai_next)
        memcpy(&host->addresses[host->count++], at->ai_addr, at->ai_addrlen);
    host->name = memcpy(&host->addresses[count], canonical, name_size);
    return host;
}

static int take_host(struct coro__cares *lookup, const char *name, struct coro__outcome *outcome,
                     struct coro__host **host)
{
    struct ares_addrinfo *found = lookup->result;
    *outcome = coro__cares_outcome(lookup);
    if (outcome->code != 0)
        return 0;
    if (!are_ranked_alike(found))
        return -EOPNOTSUPP;
    *host = host_of(found, name);
    return *host ? 0 : -ENOMEM;
}

int coro__dns_find_host(const struct coro__dns_setup *setup, const char *name, int family,
                        struct coro__outcome *outcome, struct coro__host **host)
{
    const struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_CANONNAME, .ai_family = family};
    struct coro__cares *lookup;
    if (is_special(name))
        return -EOPNOTSUPP;
    int rc = coro__cares_begin(setup, setup->file ? setup->servers ? "fb" : "f" : "b", &lookup);
    if (rc < 0)
        return rc;
    ares_getaddrinfo(lookup->channel, name, NULL, &hints, on_end, lookup);
    rc = coro__cares_run(lookup);
    if (rc == 0)
        rc = take_host(lookup, name, outcome, host);
    if (lookup->result)
        ares_freeaddrinfo(lookup->result);
    coro__cares_end(lookup);
    return rc;
}
