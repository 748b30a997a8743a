/* SPDX-License-Identifier: MIT */
#include "io/server.h"
#include "coro/io.h"
#include "coro/task.h"
#include "io/operation.h"
#include "io/stream.h"
#include "util/memory.h"
#include "util/message.h"

#include <stdlib.h>

#define RETRY_AFTER CORO_SECOND

struct client {
    struct coro__list link;
    coro_server *server;
    coro_stream *stream; /* a reference; NULL when it has left the list */
    coro_task *task;     /* a reference */
    struct coro__callback ended;
    bool handled; /* the handler has ended, or will never begin */
    bool over;    /* the task has ended, or there is none */
};

/* --- Clients ---------------------------------------------------------------------------------- */
static void leave_if_over(struct client *client)
{
    coro_stream *stream = client->stream;
    if (!stream || !client->handled || !stream->lost)
        return;
    client->stream = NULL;
    coro__list_remove(&client->link);
    coro__server_wake_if_finished(client->server);
    coro_stream_release(stream);
}

static void free_if_over(struct client *client)
{
    if (client->stream || !client->over)
        return;
    coro__server_release(client->server);
    free(client);
}

static void on_lost(coro_stream *stream, void *arg)
{
    struct client *client = arg;
    (void)stream;
    leave_if_over(client);
    free_if_over(client);
}

static void end_handling(struct client *client)
{
    if (client->handled)
        return;
    client->handled = true;
    coro_stream_close(client->stream);
    if (client->stream)
        leave_if_over(client);
}

static void report_failure(const coro_server *server, int error)
{
    coro_task *task = coro_current_task();
    const char *text = coro_error_message(task);
    char who[160];
    coro__log(&server->io->loop->ready.pool->log, CORO_LOG_CLIENT_ERROR, task, error,
              "the handler of a client failed: task %s: %s",
              coro__task_describe(task, who, sizeof who), text ? text : coro__error_text(error));
}

/* As asyncio, which leaves it to who looks for it. */
static int begin_tls(const struct client *client)
{
    const coro_server *server = client->server;
    coro_task *task = coro_current_task();
    if (!server->tls.tls)
        return 0;
    const int rc = coro__stream_start_tls(client->stream, &server->tls);
    if (rc < 0 && rc != -ECANCELED && server->io->loop->ready.debug) {
        const char *text = coro_error_message(task);
        coro__log(&server->io->loop->ready.pool->log, CORO_LOG_TLS_ERROR, task, rc,
                  "the TLS handshake with a client failed: %s", text ? text : coro__error_text(rc));
    }
    return rc;
}

static int serve(const struct client *client)
{
    const int rc = client->server->on_client(client->stream, client->server->arg);
    if (rc < 0 && rc != -ECANCELED)
        report_failure(client->server, rc);
    return rc;
}

static int handle(void *arg)
{
    struct client *client = arg;
    int rc = begin_tls(client);
    if (rc == 0)
        rc = serve(client);
    end_handling(client);
    return rc;
}

/* Also of a task that was cancelled before it began. */
static void on_ended(struct coro__ready *ready, struct coro__callback *callback)
{
    struct client *client = CORO__CONTAINER_OF(callback, struct client, ended);
    coro_task *task = client->task;
    coro__ready_unreserve(ready, 1);
    task->retrieved = true;
    end_handling(client);
    client->over = true;
    coro__task_release(task);
    free_if_over(client);
}

/* Has the task run its handler. 0, or -ENOMEM. */
static int begin_handling(struct client *client)
{
    coro_server *server = client->server;
    struct coro__ready *ready = &server->io->loop->ready;
    const coro_task_options options = {.stack_size = server->stack_size};
    if (coro__ready_reserve(ready, 1) < 0)
        return -ENOMEM;
    client->task = coro_create_task_with(&options, handle, client);
    if (!client->task) {
        coro__ready_unreserve(ready, 1);
        return -ENOMEM;
    }
    coro__callback_init(&client->ended, on_ended);
    coro__add_callback(ready, client->task, &client->ended);
    return 0;
}

/* Takes over the fd, whatever comes. 0, or a negative errno. */
static int add_client(coro_server *server, int fd, const struct sockaddr *peer, socklen_t size)
{
    struct client *client = coro__calloc(1, sizeof *client);
    int rc = client
                 ? coro__stream_create(&client->stream, server->io, fd, server->limit, peer, size)
                 : -ENOMEM;
    if (rc < 0) {
        coro_close(fd);
        free(client);
        return rc;
    }
    client->server = server;
    coro__server_retain(server);
    coro__list_push_back(&server->clients, &client->link);
    client->stream->on_lost = on_lost;
    client->stream->on_lost_arg = client;
    rc = begin_handling(client);
    if (rc < 0) {
        client->handled = client->over = true;
        coro_stream_abort(client->stream);
    }
    return rc;
}

/* --- Accepting -------------------------------------------------------------------------------- */
static void pause_after(struct coro__server_socket *socket, int error);

static void retry(struct coro__ready *ready, struct coro__callback *callback)
{
    struct coro__server_socket *socket =
        CORO__CONTAINER_OF(coro__alarm_ran(ready, callback), struct coro__server_socket, retry);
    const int rc = coro__server_listen(socket);
    if (rc < 0)
        pause_after(socket, rc);
}

static void report(struct coro__server_socket *socket, int error)
{
    coro__log(&socket->server->io->loop->ready.pool->log, CORO_LOG_ACCEPT_ERROR, NULL, error,
              "a server cannot accept a client: %s", coro__error_text(error));
}

/* Without even the memory for a timer nothing would ever go on: clients are to learn of that. */
static void pause_after(struct coro__server_socket *socket, int error)
{
    report(socket, error);
    const int rc = coro__alarm_set(socket->server->io->loop, &socket->retry, retry, RETRY_AFTER);
    if (rc < 0) {
        report(socket, rc);
        coro_server_close(socket->server);
    }
}

/* What accept(2) tells of a connection that is no more, and not of the socket. */
static bool is_of_connection(int error)
{
    static const int errors[] = {ENETDOWN,     EPROTO,     ENOPROTOOPT, EHOSTDOWN, ENONET,
                                 EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ETIMEDOUT};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (error == -errors[i])
            return true;
    return false;
}

/* 0, -EAGAIN if there is none, or why there cannot be one. */
static int accept_one(struct coro__server_socket *socket)
{
    coro_server *server = socket->server;
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    struct sockaddr *address = (struct sockaddr *)&peer;
    const int fd = coro__accept_now(server->io, socket->fd, address, &size);
    if (fd < 0)
        return is_of_connection(fd) ? 0 : fd;
    return add_client(server, fd, address, size);
}

static void accept_some(void *arg)
{
    struct coro__server_socket *socket = arg;
    const coro_server *server = socket->server;
    int rc = 0;
    /* A client's task that starts eagerly may close the server. */
    for (int i = 0; i < server->backlog && rc == 0 && server->serving; i++)
        rc = accept_one(socket);
    if (!server->serving)
        return;
    if (rc == 0 || rc == -EAGAIN)
        rc = coro__server_listen(socket);
    if (rc < 0)
        pause_after(socket, rc);
}

static void on_client(struct coro__listener *listener, int status)
{
    struct coro__server_socket *socket =
        CORO__CONTAINER_OF(listener, struct coro__server_socket, listener);
    coro_server *server = socket->server;
    socket->listens = false;
    coro__loop_end_fd_wait(server->io->loop);
    if (status < 0) {
        report(socket, status); /* somebody has closed its fd */
        return;
    }
    coro__server_retain(server);
    coro__ready_call_with_locals(&server->io->loop->ready, coro__locals_retain(server->locals),
                                 accept_some, socket);
    coro__server_release(server);
}

int coro__server_listen(struct coro__server_socket *socket)
{
    struct coro__io *io = socket->server->io;
    struct coro__fd *fd;
    int rc = coro__io_find(io, socket->fd, &fd);
    if (rc == 0)
        rc = coro__io_listen(io, fd, CORO__READ, &socket->listener, on_client);
    socket->listens = rc == 0;
    if (socket->listens)
        coro__loop_begin_fd_wait(io->loop);
    return rc;
}

void coro__server_unlisten(struct coro__server_socket *socket)
{
    struct coro__io *io = socket->server->io;
    if (socket->listens) {
        coro__io_unlisten(io, &socket->listener);
        coro__loop_end_fd_wait(io->loop);
    }
    socket->listens = false;
    coro__alarm_clear(io->loop, &socket->retry);
}

void coro__server_each_client(coro_server *server, int (*fn)(coro_stream *stream))
{
    coro__server_retain(server);
    for (struct coro__list *link = server->clients.next, *next; link != &server->clients;
         link = next) {
        next = link->next;
        fn(CORO__CONTAINER_OF(link, struct client, link)->stream);
    }
    coro__server_release(server);
}
