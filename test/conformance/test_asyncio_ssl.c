/* SPDX-License-Identifier: MIT */
/* TLS as CPython's cases have it. Peers are tasks instead of threads. */
#include "../support_tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* CPython, does not apply: no protocols, which are called with what comes in:
 * test_ssl.TestSSL.test_start_tls_client_buf_proto_1
 * test_sslproto.BaseStartTLS.test_start_tls_client_buf_proto_1
 * test_sslproto.BaseStartTLS.test_buf_feed_data
 * test_sslproto.SslProtoHandshakeTests.test_set_new_app_protocol */
/* CPython, does not apply: 0 is the default:
 * test_sslproto.SslProtoHandshakeTests.test_handshake_timeout_zero */
/* CPython, does not apply: the compiler finds names that are not there:
 * test_sslproto.SslProtoHandshakeTests.test_fatal_error_no_name_error */

enum { CLIENTS = 25, SIZE = 256 * 1024 };

/* --- A server and its clients ----------------------------------------------------------------- */
/* Reads this often so many bytes of one kind, and answers. */
static int answers_twice(coro_stream *stream, void *served)
{
    char *bytes = malloc(SIZE);
    ck_assert_int_eq(coro_stream_readexactly(stream, bytes, SIZE, NULL), SIZE);
    ck_assert_int_eq(bytes[SIZE - 1], 'A');
    coro_stream_write(stream, "OK", 2);
    ck_assert_int_eq(coro_stream_readexactly(stream, bytes, SIZE, NULL), SIZE);
    ck_assert_int_eq(bytes[SIZE - 1], 'B');
    free(bytes);
    const struct iovec spam[] = {{(char[]){"SP"}, 2}, {(char[]){"A"}, 1}, {(char[]){"M"}, 1}};
    ck_assert_int_eq(coro_stream_writelines(stream, spam, 3), 0);
    ++*(int *)served;
    return coro_stream_drain(stream);
}

static void write_bytes(coro_stream *stream, char byte)
{
    char *bytes = malloc(SIZE);
    memset(bytes, byte, SIZE);
    ck_assert_int_eq(coro_stream_write(stream, bytes, SIZE), 0);
    free(bytes);
}

struct client {
    const coro_server *server;
    coro_tls *tls;
};

static coro_stream *connect_with(const struct client *client)
{
    const coro_connection_options options = with_tls(client->tls, "localhost");
    coro_stream *stream;
    char port[8];
    snprintf(port, sizeof port, "%d", coro_server_port(client->server));
    ck_assert_int_eq(coro_open_connection(&stream, "127.0.0.1", port, &options), 0);
    return stream;
}

static int asks_twice(void *arg)
{
    coro_stream *stream = connect_with((const struct client *)arg);
    char answer[4];
    write_bytes(stream, 'A');
    ck_assert_int_eq(coro_stream_readexactly(stream, answer, 2, NULL), 2);
    ck_assert_mem_eq(answer, "OK", 2);
    write_bytes(stream, 'B');
    ck_assert_int_eq(coro_stream_readexactly(stream, answer, 4, NULL), 4);
    ck_assert_mem_eq(answer, "SPAM", 4);
    close_stream(stream);
    return 0;
}

static coro_server *start(coro_client_fn *fn, void *arg)
{
    coro_tls *tls = server_tls("server");
    const coro_server_options options = {.tls = tls};
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.1", NULL, fn, arg, &options), 0);
    coro_tls_release(tls);
    return server;
}

/* CPython: test_ssl.TestSSL.test_create_server_ssl_1
 * test_ssl.TestSSL.test_create_connection_ssl_1 */
TASK_TEST(many_clients_at_once)
{
    int served = 0;
    const struct client client = {start(answers_twice, &served), client_tls()};
    coro_task *tasks[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        tasks[i] = spawn(asks_twice, (void *)(uintptr_t)&client);
    ck_assert_int_eq(coro_gather(tasks, CLIENTS, 0), 0);
    for (int i = 0; i < CLIENTS; i++)
        coro_release(tasks[i]);
    close_server((coro_server *)(uintptr_t)client.server);
    coro_tls_release(client.tls);
    ck_assert_int_eq(served, CLIENTS);
    return 0;
}

static const char page[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nTest message";

static int answers_with_page(coro_stream *stream, void *arg)
{
    expect_until(stream, "\r\n\r\n", "GET / HTTP/1.0\r\n\r\n");
    return coro_stream_write(stream, page, sizeof page - 1);
}

static void expect_page(coro_stream *stream)
{
    char *rest;
    size_t length;
    ck_assert_int_eq(coro_stream_write(stream, "GET / HTTP/1.0\r\n\r\n", 18), 0);
    expect_line(stream, "HTTP/1.0 200 OK\r\n");
    ck_assert_int_eq(coro_stream_readuntil(stream, "never", 5, &rest, &length), -ENODATA);
    ck_assert_uint_eq(length, sizeof page - 1 - 17);
    close_stream(stream);
}

/* CPython: test_streams.StreamTests.test_open_connection_no_loop_ssl */
TASK_TEST(a_page_over_tls)
{
    const struct client client = {start(answers_with_page, NULL), client_tls()};
    expect_page(connect_with(&client));
    close_server((coro_server *)(uintptr_t)client.server);
    coro_tls_release(client.tls);
    return 0;
}

/* CPython: test_streams.StreamTests.test_open_unix_connection_no_loop_ssl */
TASK_TEST(a_page_over_tls_and_a_unix_socket)
{
    const char *path = socket_path();
    coro_tls *tls = server_tls("server"), *client = client_tls();
    const coro_server_options serving = {.tls = tls};
    const coro_connection_options options = with_tls(client, "localhost");
    coro_server *server;
    coro_stream *stream;
    ck_assert_int_eq(coro_start_unix_server(&server, path, answers_with_page, NULL, &serving), 0);
    ck_assert_int_eq(coro_open_unix_connection(&stream, path, &options), 0);
    expect_page(stream);
    close_server(server);
    coro_tls_release(tls);
    coro_tls_release(client);
    return 0;
}

/* --- Connections that break ------------------------------------------------------------------- */
/* CPython: test_ssl.TestSSL.test_start_tls_client_corrupted_ssl
 * test_sslproto.BaseStartTLS.test_start_tls_client_corrupted_ssl */
TASK_TEST(a_connection_is_corrupted)
{
    static const char text[] = "please corrupt the connection";
    const struct tls_ends ends = connect_default_tls();
    char *line;
    ck_assert_int_eq(coro_stream_write(ends.server, "A\n", 2), 0);
    expect_line(ends.client, "A\n");
    ck_assert_int_eq(write(coro_stream_fd(ends.server), text, sizeof text), (ssize_t)sizeof text);
    expect_failure((int)coro_stream_readline(ends.client, &line), -EPROTO,
                   "TLS: wrong version number");
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    ck_assert_int_eq(coro_stream_wait_closed(ends.client), -EPROTO);
    coro_stream_release(ends.client);
    coro_stream_abort(ends.server);
    coro_stream_release(ends.server);
    return 0;
}

/* CPython: test_sslproto.SslProtoHandshakeTests.test_connection_lost_when_busy */
TASK_TEST(a_write_fails_and_so_does_the_next)
{
    const struct tls_ends ends = connect_default_tls();
    ck_assert_int_eq(shutdown(coro_stream_fd(ends.client), SHUT_WR), 0);
    ck_assert_int_eq(coro_stream_write(ends.client, "x", 1), -EPIPE);
    ck_assert_int_eq(coro_stream_write(ends.client, "x", 1), -EPIPE);
    ck_assert_int_eq(coro_stream_drain(ends.client), -EPIPE);
    coro_stream_release(ends.client);
    coro_stream_abort(ends.server);
    coro_stream_release(ends.server);
    return 0;
}

/* --- The peer ends first ---------------------------------------------------------------------- */
int SSL_shutdown(void *ssl) __attribute__((weak));

/* CPython: test_ssl.TestSSL.test_remote_shutdown_receives_trailing_data
 * test_ssl.TestSSL.test_remote_shutdown_receives_trailing_data_on_slow_socket */
TASK_TEST(a_peer_that_has_ended_gets_what_is_still_to_be_sent)
{
    const struct tls_ends ends = connect_default_tls();
    char *bytes = malloc(8 * SIZE);
    memset(bytes, 'x', 8 * SIZE);
    ck_assert_int_eq(coro_stream_write(ends.client, bytes, 8 * SIZE), 0);
    ck_assert_uint_gt(coro_stream_get_write_buffer_size(ends.client), 0);
    ck_assert_int_eq(SSL_shutdown(coro_stream_tls_ssl(ends.server)), 0);
    ck_assert_int_eq(coro_stream_read(ends.client, bytes, SIZE), 0);
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    ck_assert_int_eq(coro_stream_readexactly(ends.server, bytes, 8 * SIZE, NULL), 8 * SIZE);
    ck_assert_int_eq(coro_stream_read(ends.server, bytes, SIZE), 0);
    free(bytes);
    close_ends(&ends);
    return 0;
}

int main(void)
{
    const TTest *const none[] = {NULL};
    const TTest *const tests[] = {
        many_clients_at_once,
        a_page_over_tls,
        a_page_over_tls_and_a_unix_socket,
        a_connection_is_corrupted,
        a_write_fails_and_so_does_the_next,
        a_peer_that_has_ended_gets_what_is_still_to_be_sent,
        NULL,
    };
    return run_tls_suite("asyncio_ssl", have_tls() ? tests : none);
}
