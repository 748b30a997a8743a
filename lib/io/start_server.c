/* SPDX-License-Identifier: MIT */
/* Servers begin: the sockets for hosts, a path or an fd. */
#include "coro/io.h"
#include "coro/net.h"
#include "coro/resolver.h"
#include "coro/task.h"
#include "io/endpoint.h"
#include "io/server.h"
#include "io/system.h"
#include "util/memory.h"
#include "util/message.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sockets that are bound, and the addresses for those to come. */
struct sockets {
    int *fds;
    size_t count;
    const coro_server_options *options;
    struct addrinfo **found; /* for each host a list */
    size_t hosts;
};

static int begin(coro_client_fn *on_client, const coro_server_options *options,
                 struct coro__io **io)
{
    const struct coro__tls_start start = {options->tls, NULL, options->tls_handshake_timeout,
                                          options->tls_shutdown_timeout};
    if (!on_client || options->backlog < 0)
        return -EINVAL;
    const int rc = coro__tls_start_check(&start, true);
    return rc < 0 ? rc : coro__io_begin(io);
}

/* --- Sockets ---------------------------------------------------------------------------------- */
static int set_option(int fd, int level, int option, bool wanted)
{
    const int on = 1, saved_errno = errno;
    if (!wanted)
        return 0;
    return (int)coro__system_result(setsockopt(fd, level, option, &on, sizeof on), saved_errno);
}

static int set_up(int fd, const struct addrinfo *info, const coro_server_options *options)
{
    int rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, !options->no_reuse_address);
    if (rc == 0)
        rc = set_option(fd, SOL_SOCKET, SO_REUSEPORT, options->reuse_port);
    if (rc == 0)
        rc = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, options->keep_alive);
    if (rc == 0)
        rc = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, info->ai_family == AF_INET6);
    return rc;
}

static int bind_to(int fd, const struct sockaddr *address, socklen_t size)
{
    char text[CORO__ENDPOINT_TEXT];
    const int saved_errno = errno;
    const int rc = (int)coro__system_result(bind(fd, address, size), saved_errno);
    return rc == 0 ? 0
                   : coro_fail(rc, "bind to %s: %s", coro__endpoint_text(address, size, text),
                               coro__error_text(rc));
}

static bool is_no_family(int error)
{
    return error == -EAFNOSUPPORT || error == -EPROTONOSUPPORT || error == -ESOCKTNOSUPPORT;
}

/* An address of a family that this machine does not have is passed over. */
static int add_socket(struct sockets *sockets, const struct addrinfo *info)
{
    const int fd = coro_socket(info->ai_family, info->ai_socktype, info->ai_protocol);
    if (fd < 0)
        return is_no_family(fd) ? 0 : fd;
    int rc = set_up(fd, info, sockets->options);
    if (rc == 0)
        rc = bind_to(fd, info->ai_addr, info->ai_addrlen);
    if (rc < 0) {
        coro_close(fd);
        return rc == -EADDRNOTAVAIL ? 0 : rc;
    }
    sockets->fds[sockets->count++] = fd;
    return 0;
}

static void close_all(struct sockets *sockets)
{
    while (sockets->count > 0)
        coro_close(sockets->fds[--sockets->count]);
}

/* --- Hosts ------------------------------------------------------------------------------------ */
static int look_up(struct sockets *sockets, const char *host, const char *port)
{
    const coro_server_options *options = sockets->options;
    return coro__endpoint_look_up(host && *host ? host : NULL, port ? port : "0", options->family,
                                  options->flags | AI_PASSIVE, &sockets->found[sockets->hosts++]);
}

static int look_up_all(struct sockets *sockets, const char *host, const char *port)
{
    const char *const *more = sockets->options->more_hosts;
    size_t count = 1;
    while (more && more[count - 1])
        count++;
    sockets->found = coro__calloc(count, sizeof *sockets->found);
    int rc = sockets->found ? look_up(sockets, host, port) : -ENOMEM;
    for (size_t i = 1; i < count && rc == 0; i++)
        rc = look_up(sockets, more[i - 1], port);
    return rc;
}

static bool is_same(const struct addrinfo *a, const struct addrinfo *b)
{
    return a->ai_addrlen == b->ai_addrlen && memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen) == 0;
}

/* Whether the address has come before. */
static bool is_known(const struct sockets *sockets, const struct addrinfo *info)
{
    for (size_t i = 0; i < sockets->hosts; i++)
        for (const struct addrinfo *other = sockets->found[i]; other; other = other->ai_next) {
            if (other == info)
                return false;
            if (is_same(other, info))
                return true;
        }
    return false;
}

static size_t count_addresses(const struct sockets *sockets)
{
    size_t count = 0;
    for (size_t i = 0; i < sockets->hosts; i++)
        for (const struct addrinfo *info = sockets->found[i]; info; info = info->ai_next)
            count++;
    return count;
}

static int add_all(struct sockets *sockets)
{
    int rc = 0;
    sockets->fds = coro__calloc(count_addresses(sockets), sizeof *sockets->fds);
    if (!sockets->fds)
        return -ENOMEM;
    for (size_t i = 0; i < sockets->hosts; i++)
        for (const struct addrinfo *info = sockets->found[i]; info && rc == 0; info = info->ai_next)
            if (!is_known(sockets, info))
                rc = add_socket(sockets, info);
    return rc == 0 && sockets->count == 0 ? -EADDRNOTAVAIL : rc;
}

int coro_start_server(coro_server **server, const char *host, const char *port,
                      coro_client_fn *on_client, void *arg, const coro_server_options *given)
{
    const coro_server_options options = given ? *given : (coro_server_options){0};
    struct sockets sockets = {.options = &options};
    struct coro__io *io;
    *server = NULL;
    int rc = begin(on_client, &options, &io);
    if (rc == 0)
        rc = look_up_all(&sockets, host, port);
    if (rc == 0)
        rc = add_all(&sockets);
    if (rc == 0)
        rc = coro__server_create(server, io, sockets.fds, sockets.count, on_client, arg, &options);
    if (rc < 0)
        close_all(&sockets);
    for (size_t i = 0; i < sockets.hosts; i++)
        coro_freeaddrinfo(sockets.found[i]);
    free(sockets.found);
    free(sockets.fds);
    return rc;
}

/* --- A path ----------------------------------------------------------------------------------- */
static void remove_left_over(const char *path)
{
    struct stat file;
    const int saved_errno = errno;
    if (lstat(path, &file) == 0 && S_ISSOCK(file.st_mode))
        unlink(path);
    errno = saved_errno;
}

int coro_start_unix_server(coro_server **server, const char *path, coro_client_fn *on_client,
                           void *arg, const coro_server_options *given)
{
    const coro_server_options options = given ? *given : (coro_server_options){0};
    struct sockaddr_un address;
    struct coro__io *io;
    socklen_t size;
    *server = NULL;
    int rc = begin(on_client, &options, &io);
    if (rc == 0)
        rc = coro__endpoint_of_path(path, &address, &size);
    const int fd = rc == 0 ? coro_socket(AF_UNIX, SOCK_STREAM, 0) : rc;
    if (fd < 0)
        return fd;
    remove_left_over(path);
    rc = bind_to(fd, (const struct sockaddr *)&address, size);
    if (rc == 0) {
        rc = coro__server_create(server, io, &fd, 1, on_client, arg, &options);
        if (rc < 0)
            remove_left_over(path);
    }
    if (rc < 0)
        coro_close(fd);
    return rc;
}

/* --- An fd ------------------------------------------------------------------------------------ */
int coro_start_fd_server(coro_server **server, int fd, coro_client_fn *on_client, void *arg,
                         const coro_server_options *given)
{
    const coro_server_options options = given ? *given : (coro_server_options){0};
    struct coro__io *io;
    *server = NULL;
    int rc = begin(on_client, &options, &io);
    if (rc == 0)
        rc = coro__endpoint_check(fd);
    return rc < 0 ? rc : coro__server_create(server, io, &fd, 1, on_client, arg, &options);
}
