/* SPDX-License-Identifier: MIT */
/* Names of addresses. */
#include "io/dns_cares.h"
#include "util/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASS_IN = 1, TYPE_PTR = 12, IPV4_LENGTH = 4 };

/* "1.2.0.192.in-addr.arpa", or of nibbles in "ip6.arpa": with space for the longest. */
static void write_question(const unsigned char *address, size_t length, char text[80])
{
    for (size_t i = length; i-- > 0;)
        text += length == IPV4_LENGTH ? sprintf(text, "%u.", address[i])
                                      : sprintf(text, "%x.%x.", address[i] & 15, address[i] >> 4);
    strcpy(text, length == IPV4_LENGTH ? "in-addr.arpa" : "ip6.arpa");
}

static void end(struct coro__cares *lookup, int status, const char *name)
{
    lookup->ended = true;
    lookup->status = status;
    if (status != ARES_SUCCESS)
        return;
    lookup->result = coro__strdup(name);
    if (!lookup->result)
        lookup->status = ARES_ENOMEM;
}

static void on_file(void *arg, int status, int timeouts, struct hostent *host)
{
    (void)timeouts;
    end(arg, status, host ? host->h_name : NULL);
}

/* Of several names the first one. */
static void on_answer(void *arg, int status, int timeouts, unsigned char *answer, int size)
{
    struct coro__cares *lookup = arg;
    struct hostent *host = NULL;
    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = ares_parse_ptr_reply(answer, size, NULL, 0, AF_UNSPEC, &host);
    end(lookup, status, !host ? NULL : host->h_aliases[0] ? host->h_aliases[0] : host->h_name);
    if (host)
        ares_free_hostent(host);
}

static int ask(struct coro__cares *lookup, const void *address, size_t length)
{
    char question[80];
    write_question(address, length, question);
    lookup->ended = false;
    ares_query(lookup->channel, question, CLASS_IN, TYPE_PTR, on_answer, lookup);
    return coro__cares_run(lookup);
}

static int look_up(struct coro__cares *lookup, const struct coro__dns_setup *setup,
                   const void *address, size_t length)
{
    int rc = 0;
    lookup->status = ARES_ENOTFOUND;
    if (setup->file) {
        ares_gethostbyaddr(lookup->channel, address, (int)length,
                           length == IPV4_LENGTH ? AF_INET : AF_INET6, on_file, lookup);
        rc = coro__cares_run(lookup);
    }
    return rc == 0 && lookup->status == ARES_ENOTFOUND && setup->servers
               ? ask(lookup, address, length)
               : rc;
}

static void take_name(const struct coro__cares *lookup, struct coro__outcome *outcome, char *name,
                      size_t size)
{
    *outcome = coro__cares_outcome(lookup);
    if (outcome->code == EAI_NODATA)
        outcome->code = EAI_NONAME;
    if (outcome->code != 0)
        return;
    const size_t needed = strlen(lookup->result) + 1;
    if (needed > size)
        outcome->code = EAI_OVERFLOW;
    else
        memcpy(name, lookup->result, needed);
}

int coro__dns_find_name(const struct coro__dns_setup *setup, const void *address, size_t length,
                        struct coro__outcome *outcome, char *name, size_t size)
{
    struct coro__cares *lookup;
    int rc = coro__cares_begin(setup, "f", &lookup);
    if (rc < 0)
        return rc;
    rc = look_up(lookup, setup, address, length);
    if (rc == 0)
        take_name(lookup, outcome, name, size);
    free(lookup->result);
    coro__cares_end(lookup);
    return rc;
}
