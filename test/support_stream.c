/* SPDX-License-Identifier: MIT */
#include "support_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

coro_stream *open_stream(int *peer, size_t limit)
{
    int fds[2];
    coro_stream *stream;
    const coro_connection_options options = {.limit = limit};
    make_pair(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], &options), 0);
    *peer = fds[1];
    return stream;
}

coro_stream *open_pipe(int *reader)
{
    int fds[2];
    coro_stream *stream;
    make_pipe(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[1], NULL), 0);
    *reader = fds[0];
    return stream;
}

void feed(int peer, const char *text)
{
    ck_assert_int_eq(write(peer, text, strlen(text)), (ssize_t)strlen(text));
}

void feed_eof(int peer)
{
    ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
}

void reset(coro_stream *stream, int peer)
{
    ck_assert_int_eq(coro_stream_write(stream, "unread", 6), 0);
    ck_assert_int_eq(close(peer), 0);
}

static void expect_text(const char *data, ssize_t n, const char *text)
{
    ck_assert_int_eq(n, (ssize_t)strlen(text));
    if (n > 0)
        ck_assert_mem_eq(data, text, (size_t)n);
}

void expect_bytes(coro_stream *stream, size_t n, const char *text)
{
    char buffer[256];
    ck_assert_uint_le(n, sizeof buffer);
    expect_text(buffer, coro_stream_read(stream, buffer, n), text);
}

void expect_line(coro_stream *stream, const char *text)
{
    char *line;
    const ssize_t n = coro_stream_readline(stream, &line);
    expect_text(line, n, text);
}

void expect_until(coro_stream *stream, const char *separator, const char *text)
{
    char *data;
    size_t length;
    ck_assert_int_eq(coro_stream_readuntil(stream, separator, strlen(separator), &data, &length),
                     0);
    expect_text(data, (ssize_t)length, text);
}

void expect_rest(coro_stream *stream, int peer, const char *text)
{
    char rest[256];
    size_t length = 0;
    ssize_t n;
    ck_assert_int_eq(close(peer), 0);
    while ((n = coro_stream_read(stream, rest + length, sizeof rest - length)) > 0)
        length += (size_t)n;
    ck_assert_int_eq(n, 0);
    expect_text(rest, (ssize_t)length, text);
    ck_assert(coro_stream_at_eof(stream));
    close_stream(stream);
}

void expect_sent(int peer, const char *text)
{
    char buffer[256];
    expect_text(buffer, recv(peer, buffer, sizeof buffer, MSG_DONTWAIT), text);
}

/* --- Paths ------------------------------------------------------------------------------------ */
static char folder[] = "/tmp/coro-XXXXXX";
static char path[sizeof folder + 16];

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

const char *socket_path(void)
{
    static int count;
    if (count == 0) {
        ck_assert_ptr_nonnull(mkdtemp(folder));
        atexit(remove_folder);
    }
    snprintf(path, sizeof path, "%s/%d", folder, count++);
    return path;
}

bool path_exists(const char *name)
{
    return access(name, F_OK) == 0;
}

/* --- Both ends -------------------------------------------------------------------------------- */
const char *port_of(const coro_server *server)
{
    static char port[8];
    snprintf(port, sizeof port, "%d", coro_server_port(server));
    return port;
}

coro_stream *connect_to_server(const coro_server *server)
{
    coro_stream *stream;
    ck_assert_int_eq(coro_open_connection(&stream, "127.0.0.1", port_of(server), NULL), 0);
    return stream;
}

void close_server(coro_server *server)
{
    ck_assert_int_eq(coro_server_close(server), 0);
    ck_assert_int_eq(coro_server_wait_closed(server), 0);
    coro_server_destroy(server);
}

void close_stream(coro_stream *stream)
{
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_stream_wait_closed(stream), 0);
    coro_stream_release(stream);
}

int reads_line(void *stream)
{
    char *line;
    const ssize_t n = coro_stream_readline((coro_stream *)stream, &line);
    if (n < 0)
        return (int)n;
    trace("%.*s", (int)n, n > 0 ? line : "");
    return (int)n;
}

int waits_closed(void *stream)
{
    return coro_stream_wait_closed((coro_stream *)stream);
}

int drains(void *stream)
{
    return coro_stream_drain((coro_stream *)stream);
}
