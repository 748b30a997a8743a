/* SPDX-License-Identifier: MIT */
/* Connections and their writing ends as CPython's cases of streams have them. */
#include "../support_stream.h"

#include <netinet/in.h>
#include <unistd.h>

/* CPython, does not apply: nothing collects a stream that is not given up:
 * test_streams.StreamTests.test_unclosed_resource_warnings
 * test_streams.StreamTests.test_loop_is_closed_resource_warnings */

static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nTest message";

/* Answers one request, as CPython's test server does. */
static int answers(coro_stream *stream, void *arg)
{
    expect_until(stream, "\r\n\r\n", "GET / HTTP/1.0\r\n\r\n");
    return coro_stream_write(stream, answer, sizeof answer - 1);
}

static coro_server *start(coro_client_fn *fn, void *arg)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.1", NULL, fn, arg, NULL), 0);
    return server;
}

static coro_server *start_at_path(const char *path, coro_client_fn *fn)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_unix_server(&server, path, fn, NULL, NULL), 0);
    return server;
}

static coro_stream *connect_to_path(const char *path)
{
    coro_stream *stream;
    ck_assert_int_eq(coro_open_unix_connection(&stream, path, NULL), 0);
    return stream;
}

static void request(coro_stream *stream)
{
    ck_assert_int_eq(coro_stream_write(stream, "GET / HTTP/1.0\r\n\r\n", 18), 0);
    expect_line(stream, "HTTP/1.0 200 OK\r\n");
}

static void request_all(coro_stream *stream)
{
    char *body;
    size_t length;
    request(stream);
    ck_assert_int_eq(coro_stream_readuntil(stream, "never", 5, &body, &length), -ENODATA);
    ck_assert_uint_eq(length, sizeof answer - 1 - 17);
    ck_assert_mem_eq(body, answer + 17, length);
}

/* --- Connections ------------------------------------------------------------------------------ */
/* CPython: test_streams.StreamTests.test_open_connection
 * test_streams.StreamTests.test_async_writer_api */
/* CPython: test_events.EventLoopTestsMixin.test_create_connection */
TASK_TEST(a_connection_is_opened)
{
    coro_server *server = start(answers, NULL);
    coro_stream *stream = connect_to_server(server);
    request_all(stream);
    close_stream(stream);
    close_server(server);
    return 0;
}

/* CPython: test_streams.StreamTests.test_open_unix_connection */
/* CPython: test_events.EventLoopTestsMixin.test_create_unix_connection */
TASK_TEST(a_connection_to_a_path_is_opened)
{
    const char *path = socket_path();
    coro_server *server = start_at_path(path, answers);
    coro_stream *stream = connect_to_path(path);
    request_all(stream);
    close_stream(stream);
    close_server(server);
    return 0;
}

/* Ends the connection by an error at the peer. */
static int resets(coro_stream *stream, void *arg)
{
    const struct linger linger = {.l_onoff = 1};
    const int fd = coro_stream_fd(stream);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    ck_assert_int_eq(coro_poll(fd, POLLIN), POLLIN);
    return coro_stream_abort(stream);
}

static void expect_reset(coro_stream *stream)
{
    char buffer[8];
    ck_assert_int_eq(coro_stream_write(stream, "x", 1), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(coro_stream_read(stream, buffer, sizeof buffer), -ECONNRESET);
    ck_assert_int_eq(coro_stream_drain(stream), -ECONNRESET);
    ck_assert_int_eq(coro_stream_wait_closed(stream), -ECONNRESET);
    coro_stream_release(stream);
}

/* CPython: test_streams.StreamTests.test_open_connection_error */
TASK_TEST(a_connection_is_lost)
{
    coro_server *server = start(resets, NULL);
    expect_reset(connect_to_server(server));
    close_server(server);
    return 0;
}

/* CPython: test_streams.StreamTests.test_open_unix_connection_error */
TASK_TEST(a_connection_to_a_path_is_lost)
{
    const char *path = socket_path();
    coro_server *server = start_at_path(path, resets);
    expect_reset(connect_to_path(path));
    close_server(server);
    return 0;
}

/* --- Servers ---------------------------------------------------------------------------------- */
static int echoes_a_line(coro_stream *stream, void *arg)
{
    char *line;
    const ssize_t n = coro_stream_readline(stream, &line);
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(coro_stream_write(stream, line, (size_t)n), 0);
    ck_assert_int_eq(coro_stream_drain(stream), 0);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    return coro_stream_wait_closed(stream);
}

static int echoes_in_a_task(void *stream)
{
    const int rc = echoes_a_line((coro_stream *)stream, NULL);
    coro_stream_release((coro_stream *)stream);
    return rc;
}

/* Hands the stream on, and waits for that. */
static int hands_on(coro_stream *stream, void *arg)
{
    return coro_join(spawn(echoes_in_a_task, coro_stream_retain(stream)), NULL);
}

static void expect_echo(coro_stream *stream)
{
    ck_assert_int_eq(coro_stream_write(stream, "hello world!\n", 13), 0);
    expect_line(stream, "hello world!\n");
    close_stream(stream);
}

/* CPython: test_streams.StreamTests.test_start_server */
TASK_TEST(a_server_echoes)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    coro_server *server;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&any, sizeof any), 0);
    ck_assert_int_eq(coro_start_fd_server(&server, fd, echoes_a_line, NULL, NULL), 0);
    expect_echo(connect_to_server(server));
    close_server(server);

    server = start(hands_on, NULL);
    expect_echo(connect_to_server(server));
    close_server(server);
    return 0;
}

/* CPython: test_streams.StreamTests.test_start_unix_server */
/* CPython: test_events.EventLoopTestsMixin.test_create_unix_server */
TASK_TEST(a_server_at_a_path_echoes)
{
    coro_client_fn *const handlers[] = {echoes_a_line, hands_on};
    for (int i = 0; i < 2; i++) {
        const char *path = socket_path();
        coro_server *server = start_at_path(path, handlers[i]);
        expect_echo(connect_to_path(path));
        close_server(server);
    }
    return 0;
}

/* --- Draining --------------------------------------------------------------------------------- */
/* CPython: test_streams.StreamTests.test_multiple_drain */
TASK_TEST(several_tasks_drain)
{
    static char bytes[1 << 20];
    int peer;
    coro_task *tasks[10];
    coro_stream *stream = open_stream(&peer, 0);
    ck_assert_int_eq(coro_stream_write(stream, bytes, sizeof bytes), 0);
    for (int i = 0; i < 10; i++)
        tasks[i] = spawn(drains, stream);
    passes(3);
    for (int i = 0; i < 10; i++)
        ck_assert(!coro_done(tasks[i]));
    size_t got = 0;
    while (got < sizeof bytes) {
        got += drain(peer);
        passes(1);
    }
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_streams.StreamTests.test_drain_raises */
TASK_TEST(drains_notice_that_the_peer_has_gone)
{
    int fds[2];
    coro_stream *stream;
    make_tcp(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], NULL), 0);
    ck_assert_int_eq(close(fds[1]), 0);
    int rc = 0;
    while (rc == 0) {
        coro_stream_write(stream, "foo\n", 4);
        rc = coro_stream_drain(stream);
    }
    ck_assert(rc == -ECONNRESET || rc == -EPIPE);
    coro_stream_release(stream);
    return 0;
}

/* --- Closing ---------------------------------------------------------------------------------- */
/* CPython: test_streams.StreamTests.test_wait_closed_on_close */
/* CPython: test_selector_events.SelectorTransportTests.test_close
 * test_selector_events.SelectorTransportTests.test_connection_lost */
TASK_TEST(the_close_is_waited_for)
{
    coro_server *server = start(answers, NULL);
    coro_stream *stream = connect_to_server(server);
    request_all(stream);
    ck_assert(!coro_stream_is_closing(stream));
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert(coro_stream_is_closing(stream));
    ck_assert_int_eq(coro_stream_wait_closed(stream), 0);
    coro_stream_release(stream);
    close_server(server);
    return 0;
}

/* CPython: test_streams.StreamTests.test_wait_closed_on_close_with_unread_data */
TASK_TEST(a_close_leaves_bytes_unread)
{
    coro_server *server = start(answers, NULL);
    coro_stream *stream = connect_to_server(server);
    request(stream);
    close_stream(stream);
    close_server(server);
    return 0;
}

/* CPython: test_streams.StreamTests.test_async_writer_api_exception_after_close */
/* CPython: test_selector_events.SelectorSocketTransportTests.test_write_closing
 * test_selector_events.SelectorSocketTransportTests.test_write_eof_after_close */
TASK_TEST(after_a_close_nothing_is_written)
{
    coro_server *server = start(answers, NULL);
    coro_stream *stream = connect_to_server(server);
    request_all(stream);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_stream_write(stream, "data", 4), -EPIPE);
    ck_assert_int_eq(coro_stream_drain(stream), -ECONNRESET);
    coro_stream_release(stream);
    close_server(server);
    return 0;
}

/* CPython: test_streams.StreamTests.test_eof_feed_when_closing_writer */
TASK_TEST(a_stream_that_is_closed_has_ended)
{
    char buffer[8];
    coro_server *server = start(answers, NULL);
    coro_stream *stream = connect_to_server(server);
    ck_assert_int_eq(coro_stream_write(stream, "GET / HTTP/1.0\r\n\r\n", 18), 0);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_stream_wait_closed(stream), 0);
    ck_assert(coro_stream_at_eof(stream));
    ck_assert_int_eq(coro_stream_read(stream, buffer, sizeof buffer), 0);
    coro_stream_release(stream);
    close_server(server);
    return 0;
}

/* --- Handlers --------------------------------------------------------------------------------- */
static int returns_at_once(coro_stream *stream, void *status)
{
    return NUMBER(status);
}

static void send_and_close(coro_client_fn *fn, void *arg)
{
    char buffer[8];
    coro_server *server = start(fn, arg);
    coro_stream *stream = connect_to_server(server);
    ck_assert_int_eq(coro_stream_write(stream, "test msg", 8), 0);
    const ssize_t n = coro_stream_read(stream, buffer, sizeof buffer);
    ck_assert(n == 0 || n == -ECONNRESET); /* there were unread bytes */
    coro_stream_release(stream);
    close_server(server);
}

/* CPython, stronger: its stream is closed, where asyncio waits for the garbage collector:
 * test_streams.StreamTests.test_unclosed_server_resource_warnings */
TASK_TEST(a_handler_returns)
{
    send_and_close(returns_at_once, ARG(0));
    ck_assert_uint_eq(logged(), 0);
    return 0;
}

/* CPython: test_streams.StreamTests.test_unhandled_exception */
TASK_TEST(a_handler_fails)
{
    send_and_close(returns_at_once, ARG(-EDOM));
    expect_log(CORO_LOG_CLIENT_ERROR, -EDOM, "handler of a client failed");
    return 0;
}

static int cancels_itself(coro_stream *stream, void *arg)
{
    coro_stream_close(stream);
    coro_cancel(coro_current_task());
    return coro_yield();
}

/* CPython: test_streams.StreamTests.test_unhandled_cancel */
TASK_TEST(a_handler_is_cancelled)
{
    send_and_close(cancels_itself, NULL);
    ck_assert_uint_eq(logged(), 0);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_connection_is_opened,
        a_connection_to_a_path_is_opened,
        a_connection_is_lost,
        a_connection_to_a_path_is_lost,
        a_server_echoes,
        a_server_at_a_path_echoes,
        several_tasks_drain,
        drains_notice_that_the_peer_has_gone,
        the_close_is_waited_for,
        a_close_leaves_bytes_unread,
        after_a_close_nothing_is_written,
        a_stream_that_is_closed_has_ended,
        a_handler_returns,
        a_handler_fails,
        a_handler_is_cancelled,
        NULL,
    };
    return run_suite_on_pollers("asyncio_streams", tests);
}
