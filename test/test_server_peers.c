/* SPDX-License-Identifier: MIT */
/*
 * Servers whose clients behave badly: they reset, end their half, send a byte at a time, never
 * read. Many do at once; what their handlers see is told apart, and one who behaves is served
 * meanwhile.
 */
#include "support_process.h"
#include "support_stream.h"

#include <netinet/in.h>
#include <unistd.h>

enum { MANY = 20, MUCH = 300000, HIGH = 64 * 1024 };

static char bytes[MUCH];
static coro_server *server;

/* Of the handlers: how many have begun, ended well, and ended with an error of each kind. */
static int begun, ended, reset_by_peer, broken, others;
static size_t most_unsent;

static int note(coro_stream *stream, ssize_t rc)
{
    if (coro_stream_get_write_buffer_size(stream) > most_unsent)
        most_unsent = coro_stream_get_write_buffer_size(stream);
    if (rc >= 0)
        ended++;
    else if (rc == -ECONNRESET)
        reset_by_peer++;
    else if (rc == -EPIPE)
        broken++;
    else
        others++;
    return 0;
}

/* "much\n" is answered with much, another line with itself; the end with "end\n". */
static int answer(coro_stream *stream, const char *line, size_t n)
{
    const bool much = n == 5 && memcmp(line, "much\n", 5) == 0;
    int rc = 0;
    if (!much)
        rc = coro_stream_write(stream, line, n);
    for (size_t at = 0; much && at < MUCH && rc == 0; at += 1000) {
        rc = coro_stream_write(stream, bytes + at, 1000);
        if (coro_stream_get_write_buffer_size(stream) > most_unsent)
            most_unsent = coro_stream_get_write_buffer_size(stream);
        if (rc == 0)
            rc = coro_stream_drain(stream);
    }
    return rc < 0 ? rc : coro_stream_drain(stream);
}

static int serves(coro_stream *stream, void *arg)
{
    const int little = 16384;
    char *line;
    ssize_t n;
    begun++;
    setsockopt(coro_stream_fd(stream), SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    while ((n = coro_stream_readline(stream, &line)) > 0) {
        const int rc = answer(stream, line, (size_t)n);
        if (rc < 0)
            return note(stream, rc);
    }
    if (n == 0)
        n = coro_stream_write(stream, "end\n", 4);
    return note(stream, n);
}

static void start(void)
{
    begun = ended = reset_by_peer = broken = others = 0;
    most_unsent = 0;
    fill(bytes, MUCH, 0);
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.1", "0", serves, NULL, NULL), 0);
}

/* All handlers have ended by themselves: so many well, reset, broken. */
static void expect_ends(int well, int reset_ones, int broken_ones)
{
    ck_assert_int_eq(coro_server_close(server), 0);
    ck_assert_int_eq(coro_server_wait_closed(server), 0);
    coro_server_destroy(server);
    ck_assert_int_eq(ended, well);
    ck_assert_int_eq(reset_by_peer, reset_ones);
    ck_assert_int_eq(broken, broken_ones);
    ck_assert_int_eq(others, 0);
    ck_assert_int_eq(begun, well + reset_ones + broken_ones);
}

/* One who behaves. */
static void expect_service(void)
{
    coro_stream *stream = connect_to_server(server);
    ck_assert_int_eq(coro_stream_write(stream, "line\n", 5), 0);
    expect_line(stream, "line\n");
    ck_assert_int_eq(coro_stream_write_eof(stream), 0);
    expect_line(stream, "end\n");
    close_stream(stream);
}

/* --- Those who do not ------------------------------------------------------------------------- */
static int peers[MANY];

static int connect_plainly(void)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0), little = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    ck_assert_int_eq(coro_server_address(server, 0, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

static void connect_many(const char *first)
{
    for (int i = 0; i < MANY; i++) {
        peers[i] = connect_plainly();
        feed(peers[i], first);
    }
}

static void until(const int *counter, int count)
{
    while (*counter < count)
        ck_assert_int_eq(coro_sleep(CORO_MILLISECOND), 0);
}

static void reset_many(void)
{
    const struct linger at_once = {1, 0};
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(setsockopt(peers[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
        close(peers[i]);
    }
}

/* What comes is read in small pieces, up to the end. */
static size_t read_all(int fd, char *into, size_t room)
{
    size_t got = 0;
    ssize_t n;
    while ((n = coro_read(fd, into + got, room - got < 777 ? room - got : 777)) > 0)
        got += (size_t)n;
    ck_assert_int_eq(n, 0);
    return got;
}

TASK_TEST(they_reset_before_they_are_accepted)
{
    start();
    connect_many("");
    reset_many();
    expect_service();
    ck_assert_int_le(begun, MANY + 1);
    expect_ends(begun - reset_by_peer, reset_by_peer, 0);
    return 0;
}

TASK_TEST(they_reset_in_the_middle_of_a_line)
{
    start();
    connect_many("half a li");
    until(&begun, MANY);
    expect_service();
    reset_many();
    expect_service();
    until(&reset_by_peer, MANY);
    expect_ends(2, MANY, 0);
    return 0;
}

/* A writer may learn of it by either error. */
TASK_TEST(they_reset_while_they_are_sent_to)
{
    start();
    connect_many("much\n");
    until(&begun, MANY);
    expect_service();
    reset_many();
    expect_service();
    while (reset_by_peer + broken < MANY)
        ck_assert_int_eq(coro_sleep(CORO_MILLISECOND), 0);
    expect_ends(2, reset_by_peer, broken);
    return 0;
}

TASK_TEST(they_close_and_do_not_read_what_was_sent)
{
    start();
    connect_many("much\n");
    until(&begun, MANY);
    for (int i = 0; i < MANY; i++)
        close(peers[i]);
    expect_service();
    while (reset_by_peer + broken < MANY)
        ck_assert_int_eq(coro_sleep(CORO_MILLISECOND), 0);
    expect_ends(1, reset_by_peer, broken);
    return 0;
}

TASK_TEST(they_end_their_half_and_read_on)
{
    static char all[MUCH + 100];
    start();
    connect_many("much\nlast");
    for (int i = 0; i < MANY; i++)
        feed_eof(peers[i]);
    expect_service();
    for (int i = 0; i < MANY; i++) {
        ck_assert_uint_eq(read_all(peers[i], all, sizeof all), MUCH + 8);
        ck_assert(filled(all, MUCH, 0));
        ck_assert_mem_eq(all + MUCH, "lastend\n", 8);
        ck_assert_int_eq(coro_close(peers[i]), 0);
    }
    expect_ends(MANY + 1, 0, 0);
    ck_assert_uint_le(most_unsent, HIGH + 1000);
    return 0;
}

TASK_TEST(they_send_a_byte_at_a_time)
{
    static const char line[] = "a line, in small pieces\n";
    char all[64];
    start();
    connect_many("");
    for (size_t at = 0; at < strlen(line); at++) {
        for (int i = 0; i < MANY; i++)
            ck_assert_int_eq(write(peers[i], line + at, 1), 1);
        passes(at % 4 ? 1 : 40);
    }
    expect_service();
    for (int i = 0; i < MANY; i++) {
        feed_eof(peers[i]);
        const size_t n = read_all(peers[i], all, sizeof all);
        ck_assert_uint_eq(n, strlen(line) + 4);
        ck_assert_mem_eq(all, line, strlen(line));
        ck_assert_int_eq(coro_close(peers[i]), 0);
    }
    expect_ends(MANY + 1, 0, 0);
    return 0;
}

static int waits_for_server(void *arg)
{
    return coro_server_wait_closed(server);
}

/* Each costs its write buffer and no more, and nobody waits for them for ever who does not want to.
 */
TASK_TEST(they_never_read)
{
    start();
    connect_many("much\n");
    until(&begun, MANY);
    expect_service();
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert_int_eq(ended, 1);
    ck_assert_uint_gt(most_unsent, HIGH);
    ck_assert_uint_le(most_unsent, HIGH + 1000);
    coro_task *waiter = spawn(waits_for_server, NULL);
    ck_assert_int_eq(coro_server_close(server), 0);
    ck_assert_int_eq(coro_server_close_clients(server), 0);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert(!coro_done(waiter));
    ck_assert_int_eq(coro_server_abort_clients(server), 0);
    ck_assert_int_eq(coro_join(waiter, NULL), 0);
    for (int i = 0; i < MANY; i++)
        close(peers[i]);
    ck_assert_int_eq(begun, MANY + 1);
    ck_assert_int_eq(ended + reset_by_peer + broken, begun);
    coro_server_destroy(server);
    return 0;
}

/* They are not waited for when a run ends, and leave no fd. */
static int leaves_them(void *arg)
{
    start();
    connect_many("much\n");
    until(&begun, MANY);
    return 0;
}

START_TEST(a_run_ends_while_they_do_not_read)
{
    const int before = count_fds();
    ck_assert_int_eq(run_test(leaves_them, NULL), 0);
    coro_server_destroy(server);
    for (int i = 0; i < MANY; i++) {
        char byte[4096];
        while (read(peers[i], byte, sizeof byte) > 0)
            continue;
        close(peers[i]);
    }
    errno = 0;
    ck_assert_int_eq(count_fds(), before);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        they_reset_before_they_are_accepted,
        they_reset_in_the_middle_of_a_line,
        they_reset_while_they_are_sent_to,
        they_close_and_do_not_read_what_was_sent,
        they_end_their_half_and_read_on,
        they_send_a_byte_at_a_time,
        they_never_read,
        a_run_ends_while_they_do_not_read,
        NULL,
    };
    return run_suite_on_pollers("server_peers", tests);
}
