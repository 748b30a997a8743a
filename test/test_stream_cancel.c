/* SPDX-License-Identifier: MIT */
/*
 * Calls of streams and servers, cancelled wherever they wait: after one pass, after two, after
 * three, until they end before. No byte is lost, and no fd.
 */
#include "support_process.h"
#include "support_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_PASSES = 200, MUCH = 400000 };

/* What a task calls, and what has come of that. */
struct call {
    ssize_t (*fn)(struct call *call);
    coro_stream *stream;
    coro_server *server;
    ssize_t rc;
    char got[64];
    size_t length; /* of what it has got */
};

static int makes_call(void *arg)
{
    struct call *call = arg;
    call->rc = call->fn(call);
    return call->rc < 0 ? (int)call->rc : 0;
}

/* Cancels it after so many passes. True if it was cancelled while it waited. */
static bool cancel_after(struct call *call, int count)
{
    coro_task *task = spawn(makes_call, call);
    passes(count);
    coro_cancel(task);
    coro_join(task, NULL);
    ck_assert_msg(call->rc >= 0 || call->rc == -ECANCELED || call->rc == -ENODATA, "rc %d",
                  (int)call->rc);
    return call->rc == -ECANCELED;
}

/* Runs the scenario with each number of passes, until nothing was cancelled in it; at least so many
 * times it must have been. */
static void cancel_everywhere(bool (*scenario)(void *arg, int count), void *arg, int least)
{
    int count = 1, peer;
    close_stream(open_stream(&peer, 0)); /* now the poller has its fds */
    close(peer);
    const int before = count_fds();
    while (scenario(arg, count)) {
        ck_assert_msg(count_fds() == before, "fds after %d passes", count);
        ck_assert_int_lt(++count, MOST_PASSES);
    }
    ck_assert_int_eq(count_fds(), before);
    ck_assert_int_gt(count, least);
}

/* --- Reading ---------------------------------------------------------------------------------- */
static const char text[] = "some bytes\nand-some--more";

/* A byte at a time, and then the end. */
static int feeds_slowly(void *peer)
{
    for (size_t i = 0; i < strlen(text); i++) {
        passes(2);
        ck_assert_int_eq(write(NUMBER(peer), text + i, 1), 1);
    }
    feed_eof(NUMBER(peer));
    return 0;
}

static ssize_t keep(struct call *call, const char *data, ssize_t rc, size_t n)
{
    if (rc >= 0 || rc == -ENODATA) {
        memcpy(call->got, data, n);
        call->length = n;
    }
    return rc;
}

static ssize_t read_little(struct call *call)
{
    char bytes[4];
    const ssize_t n = coro_stream_read(call->stream, bytes, sizeof bytes);
    return keep(call, bytes, n, (size_t)n);
}

static ssize_t read_directly(struct call *call)
{
    static char bytes[100000];
    memset(bytes, 0, sizeof bytes);
    const ssize_t n = coro_stream_read(call->stream, bytes, sizeof bytes);
    if (n == -ECANCELED)
        ck_assert_mem_eq(bytes, bytes + 1, sizeof bytes - 1);
    return keep(call, bytes, n, (size_t)n);
}

static ssize_t read_exactly(struct call *call)
{
    char bytes[20];
    const ssize_t n = coro_stream_readexactly(call->stream, bytes, sizeof bytes, NULL);
    return keep(call, bytes, n, (size_t)n);
}

static ssize_t read_more_than_there_is(struct call *call)
{
    char bytes[60];
    size_t partial = 0;
    const ssize_t n = coro_stream_readexactly(call->stream, bytes, sizeof bytes, &partial);
    return keep(call, bytes, n, partial);
}

static ssize_t read_line(struct call *call)
{
    char *line;
    const ssize_t n = coro_stream_readline(call->stream, &line);
    return keep(call, line, n, (size_t)n);
}

static ssize_t read_until(struct call *call)
{
    char *data;
    size_t n;
    const int rc = coro_stream_readuntil(call->stream, "--", 2, &data, &n);
    return keep(call, data, rc, n);
}

static ssize_t read_until_any(struct call *call)
{
    static char first[] = "none", second[] = "-s";
    const struct iovec separators[] = {{first, 4}, {second, 2}};
    char *data;
    size_t n;
    const int rc = coro_stream_readuntil_any(call->stream, separators, 2, &data, &n);
    return keep(call, data, rc, n);
}

static void expect_text(const struct call *call)
{
    char all[64];
    size_t n = call->length;
    ssize_t rc;
    memcpy(all, call->got, n);
    while ((rc = coro_stream_read(call->stream, all + n, sizeof all - n)) > 0)
        n += (size_t)rc;
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_eq(n, strlen(text));
    ck_assert_mem_eq(all, text, n);
}

static bool read_and_cancel(void *fn, int count)
{
    struct call call = {.fn = *(ssize_t(**)(struct call *))fn};
    int peer;
    call.stream = open_stream(&peer, 0);
    coro_task *feeder = spawn(feeds_slowly, ARG(peer));
    const bool cancelled = cancel_after(&call, count);
    expect_text(&call);
    ck_assert_int_eq(coro_join(feeder, NULL), 0);
    close(peer);
    close_stream(call.stream);
    return cancelled;
}

TASK_TEST(reads)
{
    static ssize_t (*const calls[])(struct call *) = {
        read_little, read_directly, read_exactly,   read_more_than_there_is,
        read_line,   read_until,    read_until_any,
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        cancel_everywhere(read_and_cancel, (void *)(uintptr_t)&calls[i], i < 2 ? 1 : 4);
    return 0;
}

/* --- Writing ---------------------------------------------------------------------------------- */
static char buffer[MUCH];

/* Takes some bytes at each pass, up to the end, and compares them. */
static int takes_slowly(void *peer)
{
    static char part[20000];
    size_t got = 0;
    ssize_t n;
    while ((n = coro_read(NUMBER(peer), part, sizeof part)) > 0) {
        ck_assert_mem_eq(part, buffer + got, (size_t)n);
        got += (size_t)n;
        passes(1);
    }
    ck_assert_int_eq(n, 0);
    return (int)got;
}

static ssize_t drain_it(struct call *call)
{
    return coro_stream_drain(call->stream);
}

static ssize_t wait_closed(struct call *call)
{
    coro_stream_close(call->stream);
    return coro_stream_wait_closed(call->stream);
}

static bool write_and_cancel(void *fn, int count)
{
    struct call call = {.fn = *(ssize_t(**)(struct call *))fn};
    int peer;
    call.stream = open_stream(&peer, 0);
    ck_assert_int_eq(coro_stream_write(call.stream, buffer, MUCH), 0);
    coro_task *taker = spawn(takes_slowly, ARG(peer));
    const bool cancelled = cancel_after(&call, count);
    close_stream(call.stream);
    ck_assert_int_eq(coro_join(taker, NULL), MUCH);
    ck_assert_int_eq(coro_close(peer), 0);
    return cancelled;
}

TASK_TEST(writes)
{
    static ssize_t (*const calls[])(struct call *) = {drain_it, wait_closed};
    fill(buffer, MUCH, 0);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        cancel_everywhere(write_and_cancel, (void *)(uintptr_t)&calls[i], 4);
    return 0;
}

/* --- Connecting ------------------------------------------------------------------------------- */
static int handled, failed;

/* A line after another. */
static int answers(coro_stream *stream, void *arg)
{
    char *line;
    ssize_t n;
    handled++;
    while ((n = coro_stream_readline(stream, &line)) > 0) {
        coro_stream_write(stream, line, (size_t)n);
        n = coro_stream_drain(stream);
        if (n < 0)
            break;
    }
    failed += n < 0;
    return (int)n;
}

static ssize_t open_connection(struct call *call)
{
    const coro_connection_options options = {.happy_eyeballs_delay = CORO_SECOND,
                                             .local_host = "127.0.0.1"};
    return coro_open_connection(&call->stream, "127.0.0.1", port_of(call->server), &options);
}

static ssize_t open_unix_connection(struct call *call)
{
    char path[128];
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    coro_server_address(call->server, 0, (struct sockaddr *)&address, &size);
    snprintf(path, sizeof path, "%s", ((struct sockaddr *)&address)->sa_data);
    return coro_open_unix_connection(&call->stream, path, NULL);
}

static void ask(coro_stream *stream)
{
    ck_assert_int_eq(coro_stream_write(stream, "asked\n", 6), 0);
    expect_line(stream, "asked\n");
    close_stream(stream);
}

/* The server then serves the next as if nothing had been. */
static bool connect_and_cancel(void *arg, int count)
{
    struct call call = {.fn = open_connection, .server = *(coro_server **)arg}, next;
    if (coro_server_port(call.server) < 0)
        call.fn = open_unix_connection;
    next = call;
    const bool cancelled = cancel_after(&call, count);
    if (cancelled)
        ck_assert_ptr_null(call.stream);
    else
        ask(call.stream);
    ck_assert_int_eq(next.fn(&next), 0);
    ask(next.stream);
    passes(20); /* until their handlers have seen the end */
    let_loop_look();
    passes(4);
    return cancelled;
}

TASK_TEST(connections)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.1", "0", answers, NULL, NULL), 0);
    cancel_everywhere(connect_and_cancel, &server, 1);
    close_server(server);
    ck_assert_int_eq(coro_start_unix_server(&server, socket_path(), answers, NULL, NULL), 0);
    cancel_everywhere(connect_and_cancel, &server, 0);
    close_server(server);
    ck_assert_int_eq(failed, 0);
    return 0;
}

/* --- Serving ---------------------------------------------------------------------------------- */
/* Asks a byte at a time. Whoever answers may have been cancelled. */
static int asks_slowly(void *server)
{
    char *line;
    ssize_t n = 0, rc;
    coro_stream *stream = connect_to_server((coro_server *)server);
    for (int i = 0; i < 6; i++) {
        rc = coro_stream_write(stream, &"asked\n"[i], 1);
        ck_assert(rc == 0 || rc == -EPIPE || rc == -ECONNRESET);
        passes(2);
    }
    while ((rc = coro_stream_readline(stream, &line)) > 0)
        n += rc;
    ck_assert(rc == 0 || rc == -EPIPE || rc == -ECONNRESET);
    ck_assert(n == 0 || n == 6);
    coro_stream_release(stream);
    return 0;
}

static coro_task *handler;

static int answers_once(coro_stream *stream, void *arg)
{
    char *line;
    handler = coro_retain(coro_current_task());
    const ssize_t n = coro_stream_readline(stream, &line);
    if (n > 0)
        coro_stream_write(stream, line, (size_t)n);
    return n < 0 ? (int)n : coro_stream_drain(stream);
}

/* It is over so many passes after it has begun. */
static bool handle_and_cancel(void *arg, int count)
{
    coro_server *server = arg;
    coro_task *client = spawn(asks_slowly, server);
    handler = NULL;
    while (!handler)
        passes(1);
    passes(count);
    const bool cancelled = coro_cancel(handler);
    coro_await(handler, NULL);
    coro_release(handler);
    ck_assert_int_eq(coro_join(client, NULL), 0);
    passes(20);
    let_loop_look();
    passes(4);
    return cancelled;
}

TASK_TEST(handlers)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.1", "0", answers_once, NULL, NULL), 0);
    cancel_everywhere(handle_and_cancel, server, 4);
    close_server(server);
    return 0;
}

static ssize_t serve_for_ever(struct call *call)
{
    return coro_server_serve_forever(call->server);
}

/* Waits for the client too. */
static ssize_t close_and_wait(struct call *call)
{
    coro_server_close(call->server);
    return coro_server_wait_closed(call->server);
}

static bool serve_and_cancel(void *fn, int count)
{
    struct call call = {.fn = *(ssize_t(**)(struct call *))fn};
    ck_assert_int_eq(coro_start_server(&call.server, "127.0.0.1", "0", answers_once, NULL, NULL),
                     0);
    coro_task *client = spawn(asks_slowly, call.server);
    handler = NULL;
    while (!handler)
        passes(1);
    const bool cancelled = cancel_after(&call, count);
    ck_assert_uint_eq(coro_server_socket_count(call.server), 0);
    ck_assert_int_eq(coro_server_wait_closed(call.server), 0);
    ck_assert_int_eq(coro_join(client, NULL), 0);
    coro_release(handler);
    coro_server_destroy(call.server);
    return cancelled && count < 40; /* for ever it is always cancelled */
}

TASK_TEST(servers)
{
    static ssize_t (*const calls[])(struct call *) = {close_and_wait, serve_for_ever};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        cancel_everywhere(serve_and_cancel, (void *)(uintptr_t)&calls[i], 4);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        reads, writes, connections, handlers, servers, NULL,
    };
    return run_suite_on_pollers("stream_cancel", tests);
}
