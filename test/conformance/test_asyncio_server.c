/* SPDX-License-Identifier: MIT */
/* Servers as CPython's cases have them. Clients are tasks instead of threads. */
#include "../support_stream.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

static coro_server *start(coro_client_fn *fn, void *arg, const coro_server_options *options)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.1", "0", fn, arg, options), 0);
    return server;
}

static int waits(void *server)
{
    return coro_server_wait_closed((coro_server *)server);
}

static void expect_waiting(coro_task *task)
{
    passes(1);
    ck_assert(!coro_done(task));
}

/* --- Serving for ever ------------------------------------------------------------------------- */
static int serves(void *server)
{
    return coro_server_serve_forever((coro_server *)server);
}

static int cancels_after_a_line(coro_stream *stream, void *serving)
{
    char *line;
    ck_assert_int_eq(coro_stream_readline(stream, &line), 5 * 1024 + 1);
    coro_cancel(*(coro_task **)serving);
    ck_assert_int_eq(coro_stream_write(stream, "1", 1), 0);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    return coro_stream_wait_closed(stream);
}

static void send_line(coro_stream *stream)
{
    char hello[5 * 1024 + 1];
    memset(hello, '1', sizeof hello - 1);
    hello[sizeof hello - 1] = '\n';
    ck_assert_int_eq(coro_stream_write(stream, hello, sizeof hello), 0);
    expect_bytes(stream, 8, "1");
    close_stream(stream);
}

static void expect_closed(coro_server *server)
{
    ck_assert_uint_eq(coro_server_socket_count(server), 0);
    ck_assert_int_eq(coro_server_fd(server, 0), -EINVAL);
    ck_assert(!coro_server_is_serving(server));
    ck_assert_int_eq(coro_server_wait_closed(server), 0);
    ck_assert_int_eq(coro_server_serve_forever(server), -ESHUTDOWN);
    coro_server_destroy(server);
}

/* CPython: test_server.BaseStartServer.test_start_server_1 */
TASK_TEST(serving_for_ever_ends_by_a_cancel)
{
    coro_task *serving;
    const coro_server_options options = {.start_later = true};
    coro_server *server = start(cancels_after_a_line, &serving, &options);
    ck_assert(!coro_server_is_serving(server));
    serving = spawn(serves, server);
    passes(1);
    ck_assert(coro_server_is_serving(server));
    send_line(connect_to_server(server));
    ck_assert_int_eq(coro_join(serving, NULL), -ECANCELED);
    expect_closed(server);
    return 0;
}

/* CPython: test_server.SelectorStartServerTests.test_start_unix_server_1 */
TASK_TEST(serving_at_a_path_ends_by_a_cancel)
{
    coro_task *serving;
    coro_server *server;
    coro_stream *stream;
    const char *path = socket_path();
    const coro_server_options options = {.start_later = true};
    ck_assert_int_eq(
        coro_start_unix_server(&server, path, cancels_after_a_line, &serving, &options), 0);
    ck_assert(!coro_server_is_serving(server));
    ck_assert_int_eq(coro_server_start_serving(server), 0);
    ck_assert(coro_server_is_serving(server));
    serving = spawn(serves, server);
    ck_assert_int_eq(coro_open_unix_connection(&stream, path, NULL), 0);
    send_line(stream);
    ck_assert_int_eq(coro_join(serving, NULL), -ECANCELED);
    expect_closed(server);
    return 0;
}

/* --- Waiting until it is closed --------------------------------------------------------------- */
static int reads_to_the_end(coro_stream *stream, void *arg)
{
    char buffer[64];
    ssize_t n;
    while ((n = coro_stream_read(stream, buffer, sizeof buffer)) > 0)
        continue;
    coro_stream_close(stream);
    coro_stream_wait_closed(stream);
    return (int)n;
}

/* CPython: test_server.TestServer2.test_wait_closed_basic */
TASK_TEST(the_close_and_the_last_client_are_waited_for)
{
    coro_task *tasks[3];
    coro_server *server = start(reads_to_the_end, NULL, NULL);
    tasks[0] = spawn(waits, server);
    expect_waiting(tasks[0]);
    coro_stream *stream = connect_to_server(server);
    passes(2); /* it is accepted */
    tasks[1] = spawn(waits, server);
    for (int i = 0; i < 2; i++)
        expect_waiting(tasks[i]);
    ck_assert_int_eq(coro_server_close(server), 0);
    tasks[2] = spawn(waits, server);
    for (int i = 0; i < 3; i++)
        expect_waiting(tasks[i]);
    close_stream(stream);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    ck_assert_int_eq(coro_server_wait_closed(server), 0);
    coro_server_destroy(server);
    return 0;
}

static void closes_server(void *server)
{
    coro_server_close((coro_server *)server);
}

static void closes_stream(void *stream)
{
    coro_stream_close((coro_stream *)stream);
}

/* CPython: test_server.TestServer2.test_wait_closed_race */
TASK_TEST(the_server_and_the_last_client_are_closed_together)
{
    coro_server *server = start(reads_to_the_end, NULL, NULL);
    coro_task *task = spawn(waits, server);
    expect_waiting(task);
    coro_stream *stream = connect_to_server(server);
    ck_assert_int_eq(coro_call_soon(closes_server, server, NULL), 0);
    ck_assert_int_eq(coro_call_soon(closes_stream, stream, NULL), 0);
    ck_assert_int_eq(coro_server_wait_closed(server), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    coro_stream_release(stream);
    coro_server_destroy(server);
    return 0;
}

/* CPython: test_server.TestServer2.test_close_clients */
TASK_TEST(clients_are_closed)
{
    coro_server *server = start(reads_to_the_end, NULL, NULL);
    coro_stream *stream = connect_to_server(server);
    passes(2);
    coro_task *task = spawn(waits, server);
    expect_waiting(task);
    ck_assert_int_eq(coro_server_close(server), 0);
    ck_assert_int_eq(coro_server_close_clients(server), 0);
    passes(2);
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_join(task, NULL), 0);
    coro_stream_release(stream);
    coro_server_destroy(server);
    return 0;
}

static int hands_out(coro_stream *stream, void *place)
{
    *(coro_stream **)place = stream;
    return coro_stream_wait_closed(stream);
}

/* CPython: test_server.TestServer2.test_abort_clients */
TASK_TEST(clients_are_aborted)
{
    static const char bytes[64 * 1024];
    coro_stream *client = NULL;
    coro_server *server = start(hands_out, &client, NULL);
    coro_stream *stream = connect_to_server(server);
    while (!client)
        passes(1);
    while (coro_stream_get_write_buffer_size(client) == 0)
        ck_assert_int_eq(coro_stream_write(client, bytes, sizeof bytes), 0);
    coro_task *task = spawn(waits, server);
    expect_waiting(task);
    ck_assert_int_eq(coro_server_close(server), 0);
    ck_assert_int_eq(coro_server_abort_clients(server), 0);
    passes(2);
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_join(task, NULL), 0);
    coro_stream_release(stream);
    coro_server_destroy(server);
    return 0;
}

/* --- Paths ------------------------------------------------------------------------------------ */
static int does_nothing(coro_stream *stream, void *arg)
{
    return 0;
}

static int bind_to_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static coro_server *start_at(const char *path, const coro_server_options *options)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_unix_server(&server, path, does_nothing, NULL, options), 0);
    ck_assert(path_exists(path));
    return server;
}

static coro_server *start_on_fd(int fd)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_fd_server(&server, fd, does_nothing, NULL, NULL), 0);
    return server;
}

/* CPython: test_server.UnixServerCleanupTests.test_unix_server_addr_cleanup */
TASK_TEST(its_path_is_removed)
{
    const char *path = socket_path();
    close_server(start_at(path, NULL));
    ck_assert(!path_exists(path));
    return 0;
}

/* CPython: test_server.UnixServerCleanupTests.test_unix_server_sock_cleanup */
/* CPython:
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_server_path_stream_bittype */
TASK_TEST(the_path_of_its_socket_is_removed)
{
    const char *path = socket_path();
    close_server(start_on_fd(bind_to_path(path)));
    ck_assert(!path_exists(path));
    return 0;
}

/* CPython: test_server.UnixServerCleanupTests.test_unix_server_cleanup_gone */
TASK_TEST(its_path_has_gone_already)
{
    const char *path = socket_path();
    coro_server *server = start_on_fd(bind_to_path(path));
    ck_assert_int_eq(unlink(path), 0);
    close_server(server);
    return 0;
}

/* CPython: test_server.UnixServerCleanupTests.test_unix_server_cleanup_replaced */
TASK_TEST(its_path_is_another_socket_s_by_now)
{
    const char *path = socket_path();
    coro_server *server = start_at(path, NULL);
    char other[64];
    snprintf(other, sizeof other, "%s-other", path);
    const int fd = bind_to_path(other); /* before the unlink, to have an inode of its own */
    ck_assert_int_eq(rename(other, path), 0);
    close_server(server);
    ck_assert(path_exists(path));
    ck_assert_int_eq(close(fd), 0);
    return 0;
}

/* CPython: test_server.UnixServerCleanupTests.test_unix_server_cleanup_prevented */
TASK_TEST(its_path_is_kept)
{
    const char *path = socket_path();
    const coro_server_options options = {.keep_socket = true};
    close_server(start_at(path, &options));
    ck_assert(path_exists(path));
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        serving_for_ever_ends_by_a_cancel,
        serving_at_a_path_ends_by_a_cancel,
        the_close_and_the_last_client_are_waited_for,
        the_server_and_the_last_client_are_closed_together,
        clients_are_closed,
        clients_are_aborted,
        its_path_is_removed,
        the_path_of_its_socket_is_removed,
        its_path_has_gone_already,
        its_path_is_another_socket_s_by_now,
        its_path_is_kept,
        NULL,
    };
    return run_suite_on_pollers("asyncio_server", tests);
}
