/* SPDX-License-Identifier: MIT */
#include "io/server.h"
#include "coro/io.h"
#include "coro/task.h"
#include "io/endpoint.h"
#include "io/stream.h"
#include "io/system.h"
#include "util/memory.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_BACKLOG = 100 };

/* --- Its life --------------------------------------------------------------------------------- */
static const struct coro__loop *loop_of(const coro_server *server)
{
    return server->io ? server->io->loop : NULL;
}

int coro__server_check(const coro_server *server)
{
    return server ? coro__check_thread(loop_of(server)) : -ENOMEM;
}

void coro__server_release(coro_server *server)
{
    if (--server->references > 0)
        return;
    coro__list_remove(&server->owned.link);
    coro__locals_release(server->locals);
    coro_tls_release(server->tls.tls);
    free(server->sockets);
    free(server);
}

static void wake_all(coro_server *server, struct coro__waiter **list, int status)
{
    while (*list) {
        struct coro__waiter *waiter = *list;
        coro__waiter_remove(waiter);
        coro__wake(&server->io->loop->ready, waiter->wait, status);
    }
}

static bool is_finished(const coro_server *server)
{
    return server->closed && coro__list_empty(&server->clients);
}

void coro__server_wake_if_finished(coro_server *server)
{
    if (is_finished(server))
        wake_all(server, &server->closers, 0);
}

/* --- Closing ---------------------------------------------------------------------------------- */
/* The path of a Unix socket; false if it has none in the file system. */
static bool path_of(int fd, struct sockaddr_un *address)
{
    socklen_t size = sizeof *address;
    const int saved_errno = errno;
    const bool known = getsockname(fd, (struct sockaddr *)address, &size) == 0;
    errno = saved_errno;
    return known && address->sun_family == AF_UNIX &&
           size > offsetof(struct sockaddr_un, sun_path) && address->sun_path[0];
}

static ino_t inode_of(const struct sockaddr_un *address)
{
    struct stat file;
    const int saved_errno = errno;
    if (lstat(address->sun_path, &file) == 0)
        return file.st_ino;
    errno = saved_errno;
    return 0;
}

/* If it is still this socket's. */
static void remove_path(const struct coro__server_socket *socket)
{
    struct sockaddr_un address;
    const int saved_errno = errno;
    if (socket->inode && path_of(socket->fd, &address) && inode_of(&address) == socket->inode)
        unlink(address.sun_path);
    errno = saved_errno;
}

static void close_socket(struct coro__server_socket *socket)
{
    coro__server_unlisten(socket);
    remove_path(socket);
    coro__io_close(socket->server->io, socket->fd);
}

int coro_server_close(coro_server *server)
{
    const int rc = coro__server_check(server);
    if (rc < 0 || server->closed)
        return rc;
    server->closed = true;
    server->serving = false;
    for (size_t i = 0; i < server->count; i++)
        close_socket(&server->sockets[i]);
    wake_all(server, &server->forever, 0);
    coro__server_wake_if_finished(server);
    return 0;
}

void coro_server_destroy(coro_server *server)
{
    if (coro__server_check(server) < 0)
        return;
    coro_server_close(server);
    coro__server_release(server);
}

static void discard(struct coro__loop *loop, struct coro__owned *owned)
{
    coro_server *server = CORO__CONTAINER_OF(owned, coro_server, owned);
    (void)loop;
    coro__list_remove(&owned->link);
    coro_server_close(server);
    server->io = NULL;
}

static int end_clients(coro_server *server, int (*end)(coro_stream *stream))
{
    const int rc = coro__server_check(server);
    if (rc == 0)
        coro__server_each_client(server, end);
    return rc;
}

int coro_server_close_clients(coro_server *server)
{
    return end_clients(server, coro_stream_close);
}

int coro_server_abort_clients(coro_server *server)
{
    return end_clients(server, coro_stream_abort);
}

/* --- Waiting ---------------------------------------------------------------------------------- */
struct server_wait {
    struct coro__waiting waiting;
    coro_server *server;
};

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    coro__waiting_abandon(ready, wait);
    coro__server_release(CORO__CONTAINER_OF(wait, struct server_wait, waiting.wait)->server);
}

static int park(coro_server *server, struct coro__waiter **list, const struct coro__wait_kind *kind)
{
    struct server_wait parked = {.server = server};
    coro__server_retain(server);
    const int rc = coro__waiters_park(list, &parked.waiting, kind, coro__caller());
    coro__server_release(server);
    return rc;
}

/* For calls that wait. */
static int check_caller(const coro_server *server)
{
    return server ? coro__check_caller(loop_of(server)) : -ENOMEM;
}

int coro_server_wait_closed(coro_server *server)
{
    static const struct coro__wait_kind kind = {.name = "server_wait_closed", .abandon = abandon};
    const int rc = check_caller(server);
    if (rc < 0)
        return rc;
    return is_finished(server) ? 0 : park(server, &server->closers, &kind);
}

int coro_server_start_serving(coro_server *server)
{
    int rc = coro__server_check(server);
    if (rc == 0 && server->closed)
        rc = -ESHUTDOWN;
    if (rc < 0 || server->serving)
        return rc;
    for (size_t i = 0; i < server->count && rc == 0; i++) {
        struct coro__server_socket *socket = &server->sockets[i];
        const int saved_errno = errno;
        rc = (int)coro__system_result(listen(socket->fd, server->backlog), saved_errno);
        if (rc == 0 && !socket->listens)
            rc = coro__server_listen(socket);
    }
    server->serving = rc == 0;
    return rc;
}

int coro_server_serve_forever(coro_server *server)
{
    static const struct coro__wait_kind kind = {.name = "server_serve_forever", .abandon = abandon};
    int rc = check_caller(server);
    if (rc < 0)
        return rc;
    if (server->forever)
        return -EALREADY;
    rc = coro_server_start_serving(server);
    if (rc < 0)
        return rc;
    coro__server_retain(server);
    park(server, &server->forever, &kind);
    coro_server_close(server);
    coro_server_wait_closed(server);
    coro__server_release(server);
    return -ECANCELED;
}

bool coro_server_is_serving(const coro_server *server)
{
    return server && server->serving;
}

/* --- Its sockets ------------------------------------------------------------------------------ */
size_t coro_server_socket_count(const coro_server *server)
{
    return server && !server->closed ? server->count : 0;
}

int coro_server_fd(const coro_server *server, size_t i)
{
    const int rc = coro__server_check(server);
    if (rc < 0)
        return rc;
    return i < coro_server_socket_count(server) ? server->sockets[i].fd : -EINVAL;
}

int coro_server_address(const coro_server *server, size_t i, struct sockaddr *address,
                        socklen_t *size)
{
    const int fd = coro_server_fd(server, i), saved_errno = errno;
    return fd < 0 ? fd : (int)coro__system_result(getsockname(fd, address, size), saved_errno);
}

int coro_server_port(const coro_server *server)
{
    const int rc = coro__server_check(server);
    int port = -EINVAL;
    for (size_t i = 0; rc == 0 && port <= 0 && i < coro_server_socket_count(server); i++)
        port = coro__endpoint_port(server->sockets[i].fd);
    return rc < 0 ? rc : port == 0 ? -EINVAL : port;
}

/* --- Creating --------------------------------------------------------------------------------- */
static struct coro__server_socket *make_sockets(coro_server *server, const int fds[], size_t count,
                                                bool keep_socket)
{
    struct coro__server_socket *sockets = coro__calloc(count, sizeof *sockets);
    for (size_t i = 0; sockets && i < count; i++) {
        struct sockaddr_un address;
        sockets[i].server = server;
        sockets[i].fd = fds[i];
        if (!keep_socket && path_of(fds[i], &address))
            sockets[i].inode = inode_of(&address);
    }
    return sockets;
}

/* It does not begin, and its fds stay the caller's. */
static void give_up(coro_server *server)
{
    for (size_t i = 0; i < server->count; i++)
        coro__server_unlisten(&server->sockets[i]);
    coro__server_release(server);
}

int coro__server_create(coro_server **created, struct coro__io *io, const int fds[], size_t count,
                        coro_client_fn *client_fn, void *arg, const coro_server_options *options)
{
    coro_server *server = coro__calloc(1, sizeof *server);
    if (!server)
        return -ENOMEM;
    server->sockets = make_sockets(server, fds, count, options->keep_socket);
    if (!server->sockets) {
        free(server);
        return -ENOMEM;
    }
    server->count = count;
    server->io = io;
    server->owned.discard = discard;
    coro__list_push_back(&io->loop->owned, &server->owned.link);
    coro__list_init(&server->clients);
    server->references = 1;
    server->on_client = client_fn;
    server->arg = arg;
    server->locals = coro__locals_retain(coro__ready_locals(&io->loop->ready));
    server->limit = options->limit;
    server->stack_size = options->stack_size;
    server->tls = (struct coro__tls_start){.tls = coro_tls_retain(options->tls),
                                           .handshake_timeout = options->tls_handshake_timeout,
                                           .shutdown_timeout = options->tls_shutdown_timeout};
    server->backlog = options->backlog ? options->backlog : DEFAULT_BACKLOG;
    const int rc = options->start_later ? 0 : coro_server_start_serving(server);
    if (rc < 0) {
        give_up(server);
        return rc;
    }
    *created = server;
    return 0;
}
