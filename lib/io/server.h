/* SPDX-License-Identifier: MIT */
/*
 * A server has sockets until it is closed, and clients. A client is the task of its handler and its
 * stream: it is in the server's list until the handler has ended and the stream is lost, in either
 * order. The server is freed when its handle is given up, no client is left and no call waits in
 * it.
 *
 * The loop accepts, through a listener for each socket; after an error a timer starts that again.
 * As long as a server accepts, a client may come and wake a task.
 */
#ifndef CORO_IO_SERVER_H
#define CORO_IO_SERVER_H

#include "coro/server.h"
#include "io/start_tls.h"
#include "sched/alarm.h"

struct coro__server_socket {
    coro_server *server;
    int fd;
    bool listens; /* `listener` does */
    struct coro__listener listener;
    struct coro__alarm retry;
    ino_t inode; /* of a Unix socket's path, if that is to be removed; else 0 */
};

struct coro_server {
    struct coro__owned owned;
    struct coro__io *io; /* the loop's; NULL when it has gone */
    coro_client_fn *on_client;
    void *arg;
    struct coro__locals *locals; /* of whoever has started it */
    size_t limit;
    size_t stack_size;
    struct coro__tls_start tls; /* without a context clients are not encrypted */
    int backlog;
    unsigned references; /* the handle, each client, each call that waits */
    bool serving;
    bool closed;
    struct coro__server_socket *sockets;
    size_t count;
    struct coro__list clients;
    struct coro__waiter *closers; /* who wait until it is closed and has no clients */
    struct coro__waiter *forever; /* who is in coro_server_serve_forever() */
};

/* 0, -ENOMEM for NULL, or -EXDEV if it is another thread's. */
int coro__server_check(const coro_server *server);

static inline void coro__server_retain(coro_server *server)
{
    server->references++;
}

void coro__server_release(coro_server *server);

/* --- Creating --------------------------------------------------------------------------------- */
/* A server with these fds; if that fails they stay the caller's. 0, or a negative errno. */
int coro__server_create(coro_server **server, struct coro__io *io, const int fds[], size_t count,
                        coro_client_fn *on_client, void *arg, const coro_server_options *options);

/* --- Clients ---------------------------------------------------------------------------------- */
/* Has the loop accept clients. 0, or a negative errno. */
int coro__server_listen(struct coro__server_socket *socket);
void coro__server_unlisten(struct coro__server_socket *socket);

/* Calls a function for the stream of each client, which may end it. */
void coro__server_each_client(coro_server *server, int (*fn)(coro_stream *stream));

/* Wakes those that wait until it has no clients, if that is so. */
void coro__server_wake_if_finished(coro_server *server);

#endif
