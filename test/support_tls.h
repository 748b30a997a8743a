/* SPDX-License-Identifier: MIT */
/* What the suites of TLS share: certificates, contexts, and streams that are encrypted. */
#ifndef SUPPORT_TLS_H
#define SUPPORT_TLS_H

#include "support_stream.h"

/* Whether the library has TLS; if not, no test of these can run. */
bool have_tls(void);

/* run_suite_on_pollers(). Under Valgrind, which spends most of its time on
 * translating OpenSSL, on one of them, and OpenSSL is used once before tests are children of that
 * process. */
int run_tls_suite(const char *name, const TTest *const tests[]);

/*
 * A PEM file with this in it, certificate and key, and all but the first by the first:
 *   ca        the authority, without its key
 *   server    localhost, any.example.test, 127.0.0.1, ::1
 *   other     other.test
 *   chained   localhost, by way of another authority
 *   expired   localhost
 *   locked    server, its key behind the password "sesame"
 *   client    a client
 *   stranger  localhost, by itself
 * Valid as long as the program.
 */
const char *pem_file(const char *name);

/* Contexts: one that must be made, a server with this certificate, a client that trusts the ca. */
coro_tls *make_tls(const coro_tls_options *options);
coro_tls *server_tls(const char *certificate);
coro_tls *client_tls(void);

/* Options of a client: these, and then no more of the context. */
coro_connection_options with_tls(coro_tls *tls, const char *server_name);

/* The ends of a TCP connection, with small buffers below; the second: they have shaken hands with
 * these contexts, which they take over. By a task. */
struct tls_ends {
    coro_stream *client;
    coro_stream *server;
};
struct tls_ends connect_ends(void);
struct tls_ends connect_tls(coro_tls *client, coro_tls *server);
struct tls_ends connect_default_tls(void);
struct tls_ends pair_tls(void); /* the same over a socket pair */

/* The system takes no megabytes. */
void limit_buffers(int fd);

/* A stream of one end of a TCP connection, and its peer, an fd. */
coro_stream *open_tcp_stream(int *peer);

/* Both end, without an error; or at once, with or without one. */
void close_ends(const struct tls_ends *ends);
void abort_ends(const struct tls_ends *ends);

/* The last error was this, and its message contains the text. */
void expect_failure(int rc, int error, const char *text);

/* --- Tasks for tests -------------------------------------------------------------------------- */
struct tls_start {
    coro_stream *stream;
    coro_tls *tls;
    const char *server_name;
};
int starts_tls(void *start); /* coro_stream_start_tls() */

#endif
