/* SPDX-License-Identifier: MIT */
/* Sessions of TLS that are taken up again: what was verified, and for which name. */
#include "support_tls.h"

#include <stdio.h>

/* OpenSSL's own, which the library is linked with if it has TLS. */
#define OPENSSL __attribute__((weak))
typedef struct ssl_st SSL;
typedef struct ssl_session_st SSL_SESSION;
SSL_SESSION *SSL_get1_session(SSL *ssl) OPENSSL;
int SSL_set_session(SSL *ssl, SSL_SESSION *session) OPENSSL;
int SSL_session_reused(const SSL *ssl) OPENSSL;
int SSL_in_before(const SSL *ssl) OPENSSL;
void SSL_SESSION_free(SSL_SESSION *session) OPENSSL;
void SSL_CTX_set_info_callback(void *ctx,
                               void (*callback)(const SSL *ssl, int where, int ret)) OPENSSL;

/* --- A client that takes its last session up again -------------------------------------------- */
static SSL_SESSION *session; /* NULL is none */

static void on_info(const SSL *ssl, int where, int ret)
{
    (void)where, (void)ret;
    if (session && SSL_in_before(ssl))
        ck_assert_int_eq(SSL_set_session((SSL *)(uintptr_t)ssl, session), 1);
}

static coro_tls *client_with_sessions(const char *certificate, enum coro_tls_version version)
{
    const coro_tls_options options = {.ca_file = pem_file("ca"),
                                      .certificate = certificate ? pem_file(certificate) : NULL,
                                      .no_host_check = true,
                                      .max_version = version};
    coro_tls *tls = make_tls(&options);
    SSL_CTX_set_info_callback(coro_tls_ssl_ctx(tls), on_info);
    return tls;
}

static void forget_session(void)
{
    SSL_SESSION_free(session);
    session = NULL;
}

static int try_to_connect(coro_stream **stream, const coro_server *server, coro_tls *tls,
                          const char *name)
{
    const coro_connection_options options = with_tls(tls, name);
    return coro_open_connection(stream, "127.0.0.1", port_of(server), &options);
}

/* Is greeted with this line, and keeps the session. */
static void expect_greeting(const coro_server *server, coro_tls *tls, const char *name,
                            const char *line)
{
    coro_stream *stream;
    ck_assert_int_eq(try_to_connect(&stream, server, tls, name), 0);
    expect_line(stream, line);
    forget_session();
    session = SSL_get1_session(coro_stream_tls_ssl(stream));
    close_stream(stream);
}

/* --- A server of several names ---------------------------------------------------------------- */
static coro_tls *open_to_all, *open_to_some;

static coro_tls *selects(const char *name, void *arg)
{
    return name && strcmp(name, "other.test") == 0 ? open_to_some : open_to_all;
}

static int greets(coro_stream *stream, void *arg)
{
    char line[64];
    snprintf(line, sizeof line, "%s%s\n", coro_stream_tls_server_name(stream),
             SSL_session_reused(coro_stream_tls_ssl(stream)) ? " again" : "");
    return coro_stream_write(stream, line, strlen(line));
}

static coro_server *start_with_names(void)
{
    const coro_tls_options all = {
        .server = true, .certificate = pem_file("server"), .select = selects};
    const coro_tls_options some = {.server = true,
                                   .certificate = pem_file("other"),
                                   .verify = CORO_TLS_VERIFY_REQUIRED,
                                   .ca_file = pem_file("ca")};
    coro_server *server;
    open_to_all = make_tls(&all);
    open_to_some = make_tls(&some);
    const coro_server_options options = {.tls = open_to_all};
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.1", NULL, greets, NULL, &options), 0);
    return server;
}

static void end(coro_server *server, coro_tls *client)
{
    forget_session();
    close_server(server);
    coro_tls_release(client);
    coro_tls_release(open_to_all);
    coro_tls_release(open_to_some);
}

/* Where a client need not show a certificate he gets a session, and with that he goes where he has
 * to show one. */
TASK_TEST(a_session_does_not_open_another_name)
{
    coro_stream *stream;
    char *line;
    coro_server *server = start_with_names();
    coro_tls *client = client_with_sessions(NULL, CORO_TLS_VERSION_DEFAULT);
    expect_greeting(server, client, "localhost", "localhost\n");
    expect_greeting(server, client, "localhost", "localhost again\n");
    int rc = try_to_connect(&stream, server, client, "other.test");
    if (rc == 0)
        rc = (int)coro_stream_readline(stream, &line);
    expect_failure(rc, -EPROTO, "access denied");
    coro_stream_release(stream);
    end(server, client);
    return 0;
}

/* The older one has the name in the session, and the server sees that. */
TASK_TEST(an_older_session_stays_with_its_name)
{
    coro_server *server = start_with_names();
    coro_tls *client = client_with_sessions(NULL, CORO_TLS_1_2);
    expect_greeting(server, client, "localhost", "localhost\n");
    expect_greeting(server, client, "other.test", "localhost again\n");
    end(server, client);
    return 0;
}

TASK_TEST(a_client_that_was_verified_comes_back)
{
    static const enum coro_tls_version versions[] = {CORO_TLS_1_2, CORO_TLS_1_3};
    for (int i = 0; i < 2; i++) {
        coro_server *server = start_with_names();
        coro_tls *client = client_with_sessions("client", versions[i]);
        expect_greeting(server, client, "other.test", "other.test\n");
        expect_greeting(server, client, "other.test", "other.test again\n");
        end(server, client);
    }
    return 0;
}

int main(void)
{
    const TTest *const none[] = {NULL};
    const TTest *const tests[] = {
        a_session_does_not_open_another_name,
        an_older_session_stays_with_its_name,
        a_client_that_was_verified_comes_back,
        NULL,
    };
    return run_tls_suite("tls_sessions", have_tls() ? tests : none);
}
