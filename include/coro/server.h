/* SPDX-License-Identifier: MIT */
/*
 * Servers: a task for each client that connects. asyncio.Server.
 *
 *     static int echo(coro_stream *stream, void *arg)
 *     {
 *         char buffer[4096];
 *         ssize_t n;
 *         while ((n = coro_stream_read(stream, buffer, sizeof buffer)) > 0) {
 *             coro_stream_write(stream, buffer, (size_t)n);
 *             n = coro_stream_drain(stream);
 *             if (n < 0)
 *                 break;
 *         }
 *         return (int)n;
 *     }
 *
 *     coro_server *server;
 *     int rc = coro_start_server(&server, NULL, "7", echo, NULL, NULL);
 *     if (rc == 0)
 *         rc = coro_server_serve_forever(server);
 *     coro_server_destroy(server);
 *
 * The stream is the handler's while it runs. When it returns the stream is closed, as by
 * coro_stream_close(): what it has written is still sent. coro_stream_retain() keeps the handle
 * beyond that, but does not keep it open. (asyncio leaves it open until somebody closes it, or the
 * garbage collector does.) A handler that returns an error, other than by having been cancelled, is
 * reported (CORO_LOG_CLIENT_ERROR).
 *
 * With TLS the client's task shakes hands before it runs the function. A client with which that
 * fails is closed, which only debug mode reports (CORO_LOG_TLS_ERROR); others go on.
 *
 * Without fds or memory for another client, and on other errors of accept(2), a socket accepts none
 * for a second (CORO_LOG_ACCEPT_ERROR); the others go on. Without the memory for a timer the server
 * is closed.
 *
 * Calls return -ENOMEM for a NULL server, and -EXDEV in another thread than the loop's. Those that
 * wait return -EPERM where no task calls, and -EXDEV in another loop.
 */
#ifndef CORO_SERVER_H
#define CORO_SERVER_H

#include "base.h"
#include "stream.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct coro_server coro_server;

/* What a client's task runs. What it returns is reported, if it is an error, and else means
 * nothing. */
typedef int coro_client_fn(coro_stream *stream, void *arg);

/* Options of a server. All zero is the default of each; so is a NULL for the whole. */
typedef struct coro_server_options {
    size_t limit; /* of each stream: see coro_connection_options */
    /* Hosts to listen at beside the one that is named, up to a NULL. */
    const char *const *more_hosts;
    /* AF_INET or AF_INET6; 0 is both. Flags of getaddrinfo(3) beside AI_PASSIVE. */
    int family, flags;
    int backlog;           /* of listen(2), and the most clients to accept in a go; 0 is 100 */
    bool no_reuse_address; /* without SO_REUSEADDR */
    bool reuse_port;       /* others may bind to the same port, and share in the clients */
    bool keep_alive;       /* SO_KEEPALIVE */
    bool keep_socket;      /* leaves a Unix socket in the file system. cleanup_socket=False */
    /* Does not serve until coro_server_start_serving(). start_serving=False. */
    bool start_later;
    size_t stack_size; /* of the clients' tasks; 0 is the run's */
    /* Not NULL: clients are encrypted, with the context of a server. ssl=. The limits are as those
     * of coro_connection_options. */
    coro_tls *tls;
    coro_duration tls_handshake_timeout, tls_shutdown_timeout;
} coro_server_options;

/*
 * Listens at all addresses of a host (NULL: this machine's) and a port ("0", or NULL: a free one,
 * for each address its own), each IPv6 one for IPv6 alone, and runs on_client(stream, arg) in a
 * task for each client. asyncio.start_server().
 *
 * Returns 0 with the server in *server, or an error with *server NULL:
 *   -EINVAL     on_client is NULL, the backlog or a limit is below 0, or the context is one for
 *               clients
 *   -ECANCELED  the caller was cancelled
 *   -EADDRNOTAVAIL  none of the addresses is this machine's
 *   -EPERM, -ENOMEM
 * or an error of coro_getaddrinfo(), socket(2), bind(2) or listen(2): the message of the error
 * (coro_error_message()) says of which address.
 */
CORO_API int coro_start_server(coro_server **server, const char *host, const char *port,
                               coro_client_fn *on_client, void *arg,
                               const coro_server_options *options);

/*
 * The same at a path in the file system. A socket that is there already is taken for one that was
 * left behind, and replaced; any other file is -EADDRINUSE. The path is removed when the server is
 * closed, if it is still this server's. asyncio.start_unix_server().
 */
CORO_API int coro_start_unix_server(coro_server **server, const char *path,
                                    coro_client_fn *on_client, void *arg,
                                    const coro_server_options *options);

/* The same at a socket that is bound: the server closes it; if the call fails, it stays the
 * caller's. start_server(sock=). */
CORO_API int coro_start_fd_server(coro_server **server, int fd, coro_client_fn *on_client,
                                  void *arg, const coro_server_options *options);

/* Begins to accept clients, if it has not. 0, -ESHUTDOWN if it was closed, or an error of
 * listen(2), or -ENOMEM. Server.start_serving(). */
CORO_API int coro_server_start_serving(coro_server *server);

/*
 * Begins to accept clients and waits. When the caller is cancelled the server is closed, and the
 * call waits for its clients as coro_server_wait_closed() does. Server.serve_forever().
 *
 * Returns -ECANCELED if the caller was cancelled, or the server was closed by somebody else; or
 *   -EALREADY   another task is in this call
 *   -ESHUTDOWN  it was closed before
 * or as coro_server_start_serving().
 */
CORO_API int coro_server_serve_forever(coro_server *server);

/* Whether it accepts clients. Server.is_serving(). */
CORO_API bool coro_server_is_serving(const coro_server *server);

/* Accepts no more clients, and closes its sockets. Clients that there are go on. It does not wait.
 * Returns 0. Server.close(). */
CORO_API int coro_server_close(coro_server *server);

/*
 * Waits until the server is closed, the handlers of its clients have ended and their streams are
 * closed. (asyncio does not wait for the handlers.) Server.wait_closed().
 *
 * Returns 0 or -ECANCELED.
 */
CORO_API int coro_server_wait_closed(coro_server *server);

/* Closes the streams of all clients, as by coro_stream_close(), or by coro_stream_abort(): their
 * handlers read the end. Returns 0. Server.close_clients(), abort_clients(). */
CORO_API int coro_server_close_clients(coro_server *server);
CORO_API int coro_server_abort_clients(coro_server *server);

/* How many sockets it listens with; 0 when it is closed. len(Server.sockets). */
CORO_API size_t coro_server_socket_count(const coro_server *server);

/* One of them, which it owns, and its address, as getsockname(2) has it. -EINVAL for one that is
 * not there. Server.sockets. */
CORO_API int coro_server_fd(const coro_server *server, size_t i);
CORO_API int coro_server_address(const coro_server *server, size_t i, struct sockaddr *address,
                                 socklen_t *size);

/* The port of the first that has one, else -EINVAL. */
CORO_API int coro_server_port(const coro_server *server);

/* Closes the server, and gives the handle up. Its clients go on. NULL is allowed. */
CORO_API void coro_server_destroy(coro_server *server);

#ifdef __cplusplus
}
#endif

#endif
