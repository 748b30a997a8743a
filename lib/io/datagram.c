/* SPDX-License-Identifier: MIT */
#include "coro/datagram.h"
#include "coro/io.h"
#include "coro/net.h"
#include "coro/resolver.h"
#include "io/system.h"
#include "task/current.h"

#include <netdb.h>
#include <stddef.h>
#include <sys/socket.h>

static int set_option(int fd, int option, bool wanted)
{
    const int on = 1, saved_errno = errno;
    if (!wanted)
        return 0;
    return (int)coro__system_result(setsockopt(fd, SOL_SOCKET, option, &on, sizeof on),
                                    saved_errno);
}

static int bind_to(int fd, const struct addrinfo *local)
{
    const int saved_errno = errno;
    if (!local)
        return 0;
    return (int)coro__system_result(bind(fd, local->ai_addr, local->ai_addrlen), saved_errno);
}

static int set_up(int fd, const coro_datagram_options *options, const struct addrinfo *local,
                  const struct addrinfo *remote)
{
    int rc = set_option(fd, SO_REUSEPORT, options->reuse_port);
    if (rc == 0)
        rc = set_option(fd, SO_BROADCAST, options->allow_broadcast);
    if (rc == 0)
        rc = bind_to(fd, local);
    if (rc == 0 && remote)
        rc = coro_connect(fd, remote->ai_addr, remote->ai_addrlen);
    return rc;
}

static int try_pair(const coro_datagram_options *options, const struct addrinfo *local,
                    const struct addrinfo *remote)
{
    const int family = local ? local->ai_family : remote ? remote->ai_family : options->family;
    const int fd = coro_socket(family, SOCK_DGRAM, 0);
    const int rc = fd < 0 ? fd : set_up(fd, options, local, remote);
    if (rc < 0 && fd >= 0)
        coro_close(fd);
    return rc < 0 ? rc : fd;
}

static bool fit(const struct addrinfo *local, const struct addrinfo *remote)
{
    return !local || !remote || local->ai_family == remote->ai_family;
}

/* The pairs of one family, where there are both, until one works; else the first error. */
static int try_all(const coro_datagram_options *options, const struct addrinfo *locals,
                   const struct addrinfo *remotes)
{
    int first = -EAFNOSUPPORT;
    bool tried = false;
    const struct addrinfo *local = locals;
    do {
        const struct addrinfo *remote = remotes;
        do {
            if (fit(local, remote)) {
                const int rc = try_pair(options, local, remote);
                if (rc >= 0 || rc == -ECANCELED)
                    return rc;
                if (!tried)
                    first = rc;
                tried = true;
            }
            remote = remote ? remote->ai_next : NULL;
        } while (remote);
        local = local ? local->ai_next : NULL;
    } while (local);
    return first;
}

/* NULL for an address that is not asked for. */
static int look_up(const char *host, const char *port, int family, struct addrinfo **found)
{
    const struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = host ? 0 : AI_PASSIVE};
    *found = NULL;
    return host || port ? coro_getaddrinfo(host, port, &hints, found) : 0;
}

static int check(const coro_datagram_options *options)
{
    const int family = options->family;
    if (family != AF_UNSPEC && family != AF_INET && family != AF_INET6)
        return -EAFNOSUPPORT;
    if (!options->remote_host != !options->remote_port)
        return -EINVAL;
    return options->local_host || options->local_port || options->remote_host || family ? 0
                                                                                        : -EINVAL;
}

int coro_open_datagram(const coro_datagram_options *options)
{
    struct addrinfo *locals, *remotes;
    if (!options)
        return -EINVAL;
    int rc = coro__caller() ? check(options) : -EPERM;
    if (rc == 0)
        rc = look_up(options->local_host, options->local_port, options->family, &locals);
    if (rc < 0)
        return rc;
    rc = look_up(options->remote_host, options->remote_port, options->family, &remotes);
    if (rc == 0)
        rc = try_all(options, locals, remotes);
    coro_freeaddrinfo(remotes);
    coro_freeaddrinfo(locals);
    return rc;
}
