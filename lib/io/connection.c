/* SPDX-License-Identifier: MIT */
/* Streams to servers. */
#include "coro/io.h"
#include "coro/net.h"
#include "coro/resolver.h"
#include "coro/task.h"
#include "io/endpoint.h"
#include "io/race.h"
#include "io/start_tls.h"
#include "io/stream.h"
#include "io/system.h"
#include "util/memory.h"
#include "util/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The addresses to try, in this order, and where from; what has come of it. */
struct attempts {
    const struct addrinfo **remotes;
    size_t count;
    const struct addrinfo *locals; /* NULL is any */
    char failures[384];            /* what failed and why, as far as there is room */
};

/* --- The order of addresses ------------------------------------------------------------------- */
static size_t count_all(const struct addrinfo *found)
{
    size_t count = 0;
    for (; found; found = found->ai_next)
        count++;
    return count;
}

/* The next one of a family that is not taken, from an index on; count if there is none. */
static size_t find_family(const struct addrinfo *const *infos, size_t count, size_t from,
                          int family)
{
    while (from < count && (!infos[from] || infos[from]->ai_family != family))
        from++;
    return from;
}

enum { MOST_FAMILIES = 8 };

/* The families that there are, in their order. */
static int list_families(const struct addrinfo *const *infos, size_t count, int *families)
{
    int n = 0;
    for (size_t i = 0; i < count; i++) {
        int k = 0;
        while (k < n && families[k] != infos[i]->ai_family)
            k++;
        if (k == n && n < MOST_FAMILIES)
            families[n++] = infos[i]->ai_family;
    }
    return n;
}

/* Takes turns between the families, of which the first has `first` turns at first. Families beyond
 * the most are left where they are, at the end. */
static void interleave(const struct addrinfo **from, const struct addrinfo **to, size_t count,
                       unsigned first)
{
    int families[MOST_FAMILIES];
    const int n = list_families(from, count, families);
    size_t placed = 0;
    unsigned turns = first;
    for (int k = 0, idle = 0; idle < n; k = (k + 1) % n) {
        idle++;
        for (; turns > 0; turns--) {
            const size_t i = find_family(from, count, 0, families[k]);
            if (i == count)
                break;
            to[placed++] = from[i];
            from[i] = NULL;
            idle = 0;
        }
        turns = 1;
    }
    for (size_t i = 0; i < count; i++)
        if (from[i])
            to[placed++] = from[i];
}

/* 0, or -ENOMEM. */
static int put_in_order(struct attempts *attempts, const struct addrinfo *found, unsigned first)
{
    attempts->count = count_all(found);
    const struct addrinfo **all =
        coro__calloc(2 * attempts->count, sizeof(const struct addrinfo *));
    if (!all)
        return -ENOMEM;
    attempts->remotes = all;
    const struct addrinfo **plain = first ? all + attempts->count : all;
    for (size_t i = 0; found; found = found->ai_next)
        plain[i++] = found;
    if (first)
        interleave(plain, all, attempts->count, first);
    return 0;
}

/* --- One address ------------------------------------------------------------------------------ */
static int bind_to_one(int fd, const struct addrinfo *locals, int family)
{
    const int saved_errno = errno;
    int rc = -EADDRNOTAVAIL;
    for (const struct addrinfo *local = locals; local && rc < 0; local = local->ai_next)
        if (local->ai_family == family)
            rc = (int)coro__system_result(bind(fd, local->ai_addr, local->ai_addrlen), saved_errno);
    return rc;
}

static int connect_from(const struct addrinfo *locals, int family, const struct sockaddr *address,
                        socklen_t size)
{
    const int fd = coro_socket(family, SOCK_STREAM, 0);
    if (fd < 0)
        return fd;
    int rc = locals ? bind_to_one(fd, locals, family) : 0;
    if (rc == 0)
        rc = coro_connect(fd, address, size);
    if (rc < 0)
        coro_close(fd);
    return rc < 0 ? rc : fd;
}

static void note_failure(struct attempts *attempts, const struct addrinfo *remote, int error)
{
    char text[CORO__ENDPOINT_TEXT];
    const size_t length = strlen(attempts->failures);
    snprintf(attempts->failures + length, sizeof attempts->failures - length, "%s%s: %s",
             length > 0 ? ", " : "", coro__endpoint_text(remote->ai_addr, remote->ai_addrlen, text),
             coro__error_text(error));
}

/* An fd, or an error. */
static int try_one(void *arg, size_t i)
{
    struct attempts *attempts = arg;
    const struct addrinfo *remote = attempts->remotes[i];
    const int fd =
        connect_from(attempts->locals, remote->ai_family, remote->ai_addr, remote->ai_addrlen);
    if (fd < 0 && fd != -ECANCELED)
        note_failure(attempts, remote, fd);
    return fd;
}

static void discard(int fd)
{
    coro_close(fd);
}

/* --- All of them ------------------------------------------------------------------------------ */
static int try_in_turn(struct attempts *attempts)
{
    int first = 0;
    for (size_t i = 0; i < attempts->count; i++) {
        const int fd = try_one(attempts, i);
        if (fd >= 0 || fd == -ECANCELED)
            return fd;
        if (i == 0)
            first = fd;
    }
    return first;
}

static int try_all(struct attempts *attempts, coro_duration delay)
{
    const struct coro__race race = {attempts->count, delay, try_one, discard, attempts};
    const int fd = delay > 0 && attempts->count > 1 ? coro__race_run(&race) : try_in_turn(attempts);
    return fd < 0 && fd != -ECANCELED && *attempts->failures
               ? coro_fail(fd, "%s", attempts->failures)
               : fd;
}

static int connect_to(const struct addrinfo *remotes, const struct addrinfo *locals,
                      const coro_connection_options *options)
{
    struct attempts attempts = {.locals = locals};
    const unsigned first =
        options->interleave ? options->interleave : options->happy_eyeballs_delay > 0;
    int rc = put_in_order(&attempts, remotes, first);
    if (rc == 0)
        rc = try_all(&attempts, options->happy_eyeballs_delay);
    free(attempts.remotes);
    return rc;
}

static int look_up_and_connect(const char *host, const char *port,
                               const coro_connection_options *options)
{
    struct addrinfo *remotes, *locals = NULL;
    int rc = coro__endpoint_look_up(host, port, options->family, options->flags, &remotes);
    if (rc < 0)
        return rc;
    if (options->local_host || options->local_port)
        rc = coro__endpoint_look_up(options->local_host, options->local_port, options->family,
                                    options->flags | (options->local_host ? 0 : AI_PASSIVE),
                                    &locals);
    if (rc == 0)
        rc = connect_to(remotes, locals, options);
    coro_freeaddrinfo(remotes);
    coro_freeaddrinfo(locals);
    return rc;
}

static struct coro__tls_start start_of(const coro_connection_options *options, const char *host)
{
    return (struct coro__tls_start){options->tls,
                                    options->server_name ? options->server_name : host,
                                    options->tls_handshake_timeout, options->tls_shutdown_timeout};
}

static int encrypt(coro_stream **stream, const struct coro__tls_start *start)
{
    const int rc = coro__stream_start_tls(*stream, start);
    if (rc < 0) {
        coro_stream_abort(*stream);
        coro_stream_release(*stream);
        *stream = NULL;
    }
    return rc;
}

static int make_stream(coro_stream **stream, int fd, const coro_connection_options *options,
                       const struct coro__tls_start *start)
{
    const int rc =
        fd < 0 ? fd : coro__stream_create(stream, coro__io_here(), fd, options->limit, NULL, 0);
    if (rc < 0 && fd >= 0)
        coro_close(fd);
    return rc < 0 || !start->tls ? rc : encrypt(stream, start);
}

int coro_open_connection(coro_stream **stream, const char *host, const char *port,
                         const coro_connection_options *given)
{
    const coro_connection_options options = given ? *given : (coro_connection_options){0};
    const struct coro__tls_start start = start_of(&options, host);
    *stream = NULL;
    const int rc = coro__tls_start_check(&start, false);
    if (rc < 0)
        return rc;
    return make_stream(stream, look_up_and_connect(host, port, &options), &options, &start);
}

int coro_open_unix_connection(coro_stream **stream, const char *path,
                              const coro_connection_options *given)
{
    const coro_connection_options options = given ? *given : (coro_connection_options){0};
    const struct coro__tls_start start = start_of(&options, NULL);
    struct sockaddr_un address;
    socklen_t size;
    *stream = NULL;
    int rc = coro__tls_start_check(&start, false);
    if (rc == 0)
        rc = coro__endpoint_of_path(path, &address, &size);
    if (rc < 0)
        return rc;
    const int fd = connect_from(NULL, AF_UNIX, (const struct sockaddr *)&address, size);
    return make_stream(stream, coro__result_at(path, fd), &options, &start);
}
