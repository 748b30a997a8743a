/* SPDX-License-Identifier: MIT */
/* Streams, read: what comes in pieces or in bulk, cancels, the end, errors, misuse. */
#include "support_stream.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MUCH = 300 * 1000 };

static char buffer[MUCH];

static void expect_parked(coro_task *task)
{
    passes(4);
    ck_assert(!coro_done(task));
}

/* --- In pieces and in bulk -------------------------------------------------------------------- */
static int reads_three_lines(void *stream)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_gt(reads_line(stream), 0);
    return 0;
}

TASK_TEST(bytes_come_one_at_a_time)
{
    static const char text[] = "one\n\nthree\n";
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = spawn(reads_three_lines, stream);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        ck_assert_int_eq(write(peer, text + i, 1), 1);
        passes(3);
    }
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("one\n \n three\n");
    expect_rest(stream, peer, "");
    return 0;
}

/* Writes the pattern, n bytes, and then ends. */
struct source {
    int fd;
    size_t n;
};

static int writes_pattern(void *arg)
{
    static char bytes[MUCH];
    const struct source *source = arg;
    fill(bytes, source->n, 0);
    ck_assert_int_eq(coro_write_all(source->fd, bytes, source->n, NULL), (ssize_t)source->n);
    return shutdown(source->fd, SHUT_WR);
}

static coro_task *write_pattern(struct source *source, int fd, size_t n)
{
    *source = (struct source){fd, n};
    return spawn(writes_pattern, source);
}

TASK_TEST(all_sizes_of_reads_have_all_bytes)
{
    static const size_t sizes[] = {1, 7, 4095, 4096, 100000, 3, 65536, 511};
    int peer;
    struct source source;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *writer = write_pattern(&source, peer, MUCH);
    size_t got = 0;
    for (size_t i = 0; got < MUCH; i++) {
        const ssize_t n = coro_stream_read(stream, buffer, sizes[i % 8]);
        ck_assert_int_gt(n, 0);
        ck_assert_int_le(n, (ssize_t)sizes[i % 8]);
        ck_assert(filled(buffer, (size_t)n, got));
        got += (size_t)n;
    }
    ck_assert_uint_eq(got, MUCH);
    ck_assert_int_eq(coro_join(writer, NULL), 0);
    expect_rest(stream, peer, "");
    return 0;
}

TASK_TEST(exactly_many_bytes_are_read)
{
    int peer;
    struct source source;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *writer = write_pattern(&source, peer, MUCH);
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer, 10, NULL), 10);
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer, MUCH - 20, NULL), MUCH - 20);
    ck_assert(filled(buffer, MUCH - 20, 10));
    size_t partial;
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer, 11, &partial), -ENODATA);
    ck_assert_uint_eq(partial, 10);
    ck_assert(filled(buffer, 10, MUCH - 10));
    ck_assert_int_eq(coro_join(writer, NULL), 0);
    expect_rest(stream, peer, "");
    return 0;
}

TASK_TEST(a_line_is_far_longer_than_the_buffer)
{
    int peer;
    char *line;
    coro_stream *stream = open_stream(&peer, MUCH);
    memset(buffer, 'x', MUCH);
    buffer[MUCH - 3] = '\n';
    coro_stream *other;
    ck_assert_int_eq(coro_open_stream(&other, peer, NULL), 0);
    ck_assert_int_eq(coro_stream_write(other, buffer, MUCH), 0);
    ck_assert_int_eq(coro_stream_readline(stream, &line), MUCH - 2);
    ck_assert_mem_eq(line, buffer, MUCH - 2);
    expect_bytes(stream, 8, "xx");
    close_stream(other);
    expect_bytes(stream, 8, "");
    close_stream(stream);
    return 0;
}

/* Lines of many lengths, so that they lie anywhere in the buffer. */
TASK_TEST(lines_of_many_lengths)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0), *other;
    ck_assert_int_eq(coro_open_stream(&other, peer, NULL), 0);
    for (int i = 0; i < 400; i++) {
        const int length = snprintf(buffer, sizeof buffer, "%0*d\n", 1 + i * 37 % 1500, i);
        ck_assert_int_eq(coro_stream_write(other, buffer, (size_t)length), 0);
    }
    for (int i = 0; i < 400; i++) {
        char *line;
        ck_assert_int_eq(coro_stream_readline(stream, &line),
                         snprintf(buffer, sizeof buffer, "%0*d\n", 1 + i * 37 % 1500, i));
        ck_assert_mem_eq(line, buffer, strlen(buffer));
    }
    close_stream(other);
    close_stream(stream);
    return 0;
}

TASK_TEST(a_line_may_be_written_to)
{
    int peer;
    char *line;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "first\nsecond\n");
    ck_assert_int_eq(coro_stream_readline(stream, &line), 6);
    line[5] = '\0';
    ck_assert_str_eq(line, "first");
    expect_line(stream, "second\n");
    expect_rest(stream, peer, "");
    return 0;
}

TASK_TEST(a_file_is_read_by_lines)
{
    coro_stream *stream;
    const int fd = open("/dev/null", O_RDONLY);
    FILE *file = tmpfile();
    fputs("first\nsecond", file);
    rewind(file);
    ck_assert_int_eq(coro_open_stream(&stream, dup(fileno(file)), NULL), 0);
    expect_line(stream, "first\n");
    expect_line(stream, "second");
    expect_line(stream, "");
    close_stream(stream);
    fclose(file);
    ck_assert_int_eq(coro_open_stream(&stream, fd, NULL), 0);
    expect_line(stream, "");
    close_stream(stream);
    return 0;
}

static int counts(void *count)
{
    for (;;) {
        ++*(int *)count;
        const int rc = coro_yield();
        if (rc < 0)
            return rc;
    }
}

TASK_TEST(who_never_waits_lets_others_run)
{
    int count = 0;
    coro_stream *stream;
    coro_task *other = spawn(counts, &count);
    ck_assert_int_eq(coro_open_stream(&stream, open("/dev/zero", O_RDONLY), NULL), 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(coro_stream_read(stream, buffer, 8192), 8192);
    ck_assert_int_ge(count, 10);
    coro_cancel(other);
    coro_join(other, NULL);
    close_stream(stream);
    return 0;
}

/* --- Cancels and time limits ------------------------------------------------------------------ */
static int reads_byte(void *stream)
{
    char byte;
    return (int)coro_stream_read((coro_stream *)stream, &byte, 1);
}

static int reads_much(void *stream)
{
    return (int)coro_stream_read((coro_stream *)stream, buffer, MUCH);
}

static int reads_exactly_20(void *stream)
{
    return (int)coro_stream_readexactly((coro_stream *)stream, buffer, 20, NULL);
}

static int reads_until_bar(void *stream)
{
    char *data;
    size_t length;
    return coro_stream_readuntil((coro_stream *)stream, "||", 2, &data, &length);
}

TASK_TEST(a_cancel_loses_no_byte)
{
    coro_fn *const readers[] = {reads_byte, reads_much, reads_exactly_20, reads_until_bar,
                                reads_line};
    for (int i = 0; i < 5; i++) {
        int peer;
        coro_stream *stream = open_stream(&peer, 0);
        coro_task *task = spawn(readers[i], stream);
        if (i >= 2)
            feed(peer, "came |");
        expect_parked(task);
        coro_cancel(task);
        feed(peer, "with it");
        ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
        expect_rest(stream, peer, i >= 2 ? "came |with it" : "with it");
    }
    return 0;
}

TASK_TEST(a_cancel_wins_over_bytes_that_wake_the_reader)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = spawn(reads_line, stream);
    expect_parked(task);
    feed(peer, "line\n");
    let_loop_look();
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    expect_rest(stream, peer, "line\n");
    return 0;
}

TASK_TEST(reads_have_time_limits)
{
    int peer;
    coro_timeout timeout;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "half a ");
    ck_assert_int_eq(coro_timeout_begin(&timeout, CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_end(&timeout, reads_line(stream)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    feed(peer, "line\n");
    expect_line(stream, "half a line\n");
    expect_rest(stream, peer, "");
    return 0;
}

TASK_TEST(one_task_reads_at_a_time)
{
    int peer;
    char byte, *data;
    size_t length;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = spawn(reads_line, stream);
    expect_parked(task);
    ck_assert_int_eq(coro_stream_read(stream, &byte, 1), -EBUSY);
    ck_assert_int_eq(coro_stream_readexactly(stream, &byte, 1, NULL), -EBUSY);
    ck_assert_int_eq(coro_stream_readline(stream, &data), -EBUSY);
    ck_assert_int_eq(coro_stream_readuntil(stream, "x", 1, &data, &length), -EBUSY);
    feed(peer, "line\n");
    ck_assert_int_eq(coro_join(task, NULL), 5);
    expect_trace("line\n");
    expect_rest(stream, peer, "");
    return 0;
}

/* --- Ahead of any reader ---------------------------------------------------------------------- */
/* The peer takes nothing, and so the task that drains waits. */
static coro_task *begin_to_drain(coro_stream *stream)
{
    static char bytes[MUCH * 4];
    ck_assert_int_eq(coro_stream_write(stream, bytes, sizeof bytes), 0);
    coro_task *task = spawn(drains, stream);
    expect_parked(task);
    return task;
}

static void drain_all(int peer, coro_stream *stream)
{
    while (coro_stream_get_write_buffer_size(stream) > 0) {
        drain(peer);
        passes(1);
    }
    drain(peer);
}

/* The line stays where it is while its reader drains, and what comes meanwhile is read ahead. */
static void drain_beside(const char *line, const char *text, coro_stream *stream, int peer)
{
    coro_task *task = begin_to_drain(stream);
    memset(buffer, 'x', 20000);
    ck_assert_int_eq(write(peer, buffer, 20000), 20000);
    passes(10);
    ck_assert_mem_eq(line, text, strlen(text));
    drain_all(peer, stream);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_mem_eq(line, text, strlen(text));
}

TASK_TEST(a_line_stays_where_it_is_while_its_reader_drains)
{
    int peer;
    char *line;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "kept\n");
    ck_assert_int_eq(coro_stream_readline(stream, &line), 5);
    drain_beside(line, "kept\n", stream, peer);
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer + 20000, 20000, NULL), 20000);
    ck_assert_mem_eq(buffer + 20000, buffer, 20000);
    expect_rest(stream, peer, "");
    return 0;
}

static void expect_read_ahead(coro_stream *stream, int peer)
{
    coro_task *task = begin_to_drain(stream);
    const size_t at_first = fill_up(peer);
    size_t more = 0, n;
    do {
        let_loop_look();
        passes(1);
        more += n = fill_up(peer);
    } while (n > 0);
    ck_assert_uint_ge(more, 40000);
    ck_assert_uint_lt(more, 4 * 40000 + 65536);
    drain_all(peer, stream);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    close(peer);
    size_t got = 0;
    ssize_t rc;
    while ((rc = coro_stream_read(stream, buffer, MUCH)) > 0)
        got += (size_t)rc;
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_eq(got, at_first + more);
    close_stream(stream);
}

TASK_TEST(a_peer_that_writes_is_read_from_up_to_twice_the_limit)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 40000);
    expect_read_ahead(stream, peer);
    return 0;
}

TASK_TEST(beside_a_line_as_much_is_read)
{
    int peer;
    char *line;
    coro_stream *stream = open_stream(&peer, 40000);
    feed(peer, "line\nand a half");
    ck_assert_int_eq(coro_stream_readline(stream, &line), 5);
    drain_beside(line, "line\n", stream, peer);
    expect_bytes(stream, 10, "and a half");
    feed(peer, "x\n");
    ck_assert_int_eq(coro_stream_readline(stream, &line), 20002);
    expect_read_ahead(stream, peer);
    return 0;
}

/* However much there is, and however much may be read. */
TASK_TEST(reading_ahead_gives_others_their_turn)
{
    static char much[LARGE_PIPE];
    const coro_connection_options options = {.limit = LARGE_PIPE};
    int fds[2];
    coro_stream *stream;
    make_large_pipe(fds);
    fill(much, LARGE_PIPE, 0);
    ck_assert_int_eq(write(fds[1], much, LARGE_PIPE), LARGE_PIPE);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], &options), 0);
    coro_task *closer = spawn(waits_closed, stream);
    passes(1);
    const size_t left = pipe_size(fds[0]);
    ck_assert_uint_lt(left, LARGE_PIPE);
    ck_assert_uint_gt(left, LARGE_PIPE / 2);
    passes(1);
    ck_assert_uint_lt(pipe_size(fds[0]), left);
    passes(5);
    ck_assert_uint_eq(pipe_size(fds[0]), 0);
    memset(much, 0, LARGE_PIPE);
    ck_assert_int_eq(coro_stream_readexactly(stream, much, LARGE_PIPE, NULL), LARGE_PIPE);
    ck_assert(filled(much, LARGE_PIPE, 0));
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_join(closer, NULL), 0);
    coro_stream_release(stream);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    return 0;
}

TASK_TEST(a_reader_has_what_was_read_ahead)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *closer = spawn(waits_closed, stream);
    feed(peer, "ahead ");
    expect_parked(closer);
    ck_assert_uint_eq(drain(coro_stream_fd(stream)), 0);
    feed(peer, "of it\n");
    expect_line(stream, "ahead of it\n");
    feed(peer, "more\n");
    expect_parked(closer);
    expect_line(stream, "more\n");
    feed_eof(peer);
    expect_parked(closer); /* the other direction is open */
    ck_assert(coro_stream_at_eof(stream));
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_join(closer, NULL), 0);
    coro_stream_release(stream);
    close(peer);
    return 0;
}

TASK_TEST(who_waits_for_the_close_learns_of_a_reset)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *closer = spawn(waits_closed, stream);
    expect_parked(closer);
    reset(stream, peer);
    ck_assert_int_eq(coro_join(closer, NULL), -ECONNRESET);
    ck_assert(coro_stream_is_closing(stream));
    ck_assert(!coro_stream_at_eof(stream));
    ck_assert_int_eq(coro_stream_fd(stream), -EBADF);
    coro_stream_release(stream);
    return 0;
}

/* --- The end ---------------------------------------------------------------------------------- */
/* CPython: test_selector_events.SelectorSocketTransportTests.test_read_ready_eof_keep_open */
TASK_TEST(writing_goes_on_after_the_peer_s_end)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "bye\n");
    feed_eof(peer);
    expect_line(stream, "bye\n");
    expect_line(stream, "");
    expect_bytes(stream, 10, "");
    ck_assert_int_eq(coro_stream_write(stream, "still here", 10), 0);
    ck_assert_int_eq(coro_stream_drain(stream), 0);
    expect_sent(peer, "still here");
    expect_rest(stream, peer, "");
    return 0;
}

TASK_TEST(closing_ends_what_is_read)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "one\ntwo");
    expect_line(stream, "one\n");
    coro_task *task = spawn(reads_line, stream);
    expect_parked(task);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_join(task, NULL), 3);
    expect_trace("two");
    ck_assert(coro_stream_at_eof(stream));
    expect_line(stream, "");
    coro_stream_release(stream);
    close(peer);
    return 0;
}

TASK_TEST(closing_with_bytes_to_send_ends_what_is_read)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *drainer = begin_to_drain(stream);
    coro_task *reader = spawn(reads_line, stream);
    expect_parked(reader);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_join(reader, NULL), 0);
    expect_trace("");
    ck_assert(!coro_done(drainer));
    drain_all(peer, stream);
    ck_assert_int_eq(coro_join(drainer, NULL), 0);
    ck_assert_int_eq(coro_stream_wait_closed(stream), 0);
    coro_stream_release(stream);
    close(peer);
    return 0;
}

TASK_TEST(a_reader_is_left_alone_with_the_stream)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = spawn(reads_line, stream);
    expect_parked(task);
    coro_stream_release(stream);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("");
    close(peer);
    return 0;
}

TASK_TEST(somebody_else_closes_the_fd)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = spawn(reads_line, stream);
    expect_parked(task);
    ck_assert_int_eq(coro_close(coro_stream_fd(stream)), 0);
    ck_assert_int_eq(coro_join(task, NULL), -EBADF);
    ck_assert_int_eq(coro_stream_wait_closed(stream), -EBADF);
    coro_stream_release(stream);
    close(peer);
    return 0;
}

/* --- Misuse and ends of runs ------------------------------------------------------------------ */
static void expect_everywhere(coro_stream *stream, int rc, int rc_without_wait)
{
    char byte, *data;
    size_t length;
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    ck_assert_int_eq(coro_stream_read(stream, &byte, 1), rc);
    ck_assert_int_eq(coro_stream_readexactly(stream, &byte, 1, NULL), rc);
    ck_assert_int_eq(coro_stream_readline(stream, &data), rc);
    ck_assert_ptr_null(data);
    ck_assert_int_eq(coro_stream_readuntil(stream, "x", 1, &data, &length), rc);
    ck_assert_int_eq(coro_stream_drain(stream), rc);
    ck_assert_int_eq(coro_stream_wait_closed(stream), rc);
    ck_assert_int_eq(coro_stream_write(stream, "x", 1), rc_without_wait);
    ck_assert_int_eq(coro_stream_writelines(stream, NULL, 0), rc_without_wait);
    ck_assert_int_eq(coro_stream_set_write_buffer_limits(stream, 1, 0), rc_without_wait);
    ck_assert_int_eq(coro_stream_peername(stream, (struct sockaddr *)&address, &size),
                     rc_without_wait);
}

static void in_callback(void *stream)
{
    expect_everywhere((coro_stream *)stream, -EPERM, 0);
}

static void *in_thread(void *stream)
{
    expect_everywhere((coro_stream *)stream, -EXDEV, -EXDEV);
    ck_assert_int_eq(coro_stream_close((coro_stream *)stream), -EXDEV);
    ck_assert_int_eq(coro_stream_abort((coro_stream *)stream), -EXDEV);
    ck_assert_int_eq(coro_stream_write_eof((coro_stream *)stream), -EXDEV);
    coro_stream_release((coro_stream *)stream);
    return NULL;
}

TASK_TEST(misuse_is_an_error)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    pthread_t thread;
    expect_everywhere(NULL, -ENOMEM, -ENOMEM);
    ck_assert_int_eq(coro_stream_close(NULL), -ENOMEM);
    ck_assert(coro_stream_at_eof(NULL));
    ck_assert(coro_stream_is_closing(NULL));
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(NULL), 0);
    ck_assert_ptr_null(coro_stream_retain(NULL));
    coro_stream_release(NULL);
    ck_assert_int_eq(coro_call_soon(in_callback, stream, NULL), 0);
    passes(1);
    ck_assert_int_eq(pthread_create(&thread, NULL, in_thread, stream), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    expect_sent(peer, "x");
    expect_rest(stream, peer, "");
    ck_assert_int_eq(coro_open_stream(&stream, -1, NULL), -EBADF);
    ck_assert_ptr_null(stream);
    return 0;
}

/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_wrong_sock */
TASK_TEST(a_socket_must_be_a_stream)
{
    static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
    coro_stream *stream;
    for (int i = 0; i < 2; i++) {
        int fds[2];
        ck_assert_int_eq(socketpair(AF_UNIX, types[i], 0, fds), 0);
        ck_assert_int_eq(coro_open_stream(&stream, fds[0], NULL), -EINVAL);
        ck_assert_ptr_null(stream);
        close_both(fds); /* it has stayed the caller's */
    }
    return 0;
}

START_TEST(outside_a_task_none_is_opened)
{
    coro_stream *stream = (coro_stream *)&stream;
    ck_assert_int_eq(coro_open_stream(&stream, 0, NULL), -EPERM);
    ck_assert_ptr_null(stream);
}
END_TEST

static coro_stream *left;
static int left_peer;

static int leaves_a_stream(void *arg)
{
    left = open_stream(&left_peer, 0);
    feed(left_peer, "in time\nlate");
    expect_line(left, "in time\n");
    coro_task *reader = spawn(reads_line, left);
    passes(3);
    coro_release(reader);
    return 0;
}

START_TEST(a_stream_outlives_its_loop)
{
    char byte;
    ck_assert_int_eq(run_test(leaves_a_stream, NULL), 0);
    ck_assert(coro_stream_is_closing(left));
    ck_assert_int_eq(coro_stream_read(left, &byte, 1), -EPERM);
    ck_assert_int_eq(coro_stream_write(left, "x", 1), -ESHUTDOWN);
    ck_assert_int_eq(coro_stream_fd(left), -EBADF);
    ck_assert_int_eq(coro_stream_close(left), 0);
    coro_stream_release(left);
    ck_assert_int_eq(read(left_peer, &byte, 1), 0);
    close(left_peer);
}
END_TEST

static int sends_in_a_run(void *arg)
{
    if (!left)
        left = open_stream(&left_peer, 0);
    return coro_stream_write(left, "run", 3);
}

START_TEST(between_runs_a_stream_is_closed)
{
    const coro_run_options options = test_options();
    left = NULL;
    coro_runner *runner = coro_runner_create(&options);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(coro_runner_run(runner, sends_in_a_run, NULL), 0);
    coro_stream_release(left);
    expect_sent(left_peer, "runrun");
    expect_sent(left_peer, "");
    close(left_peer);
    ck_assert_int_eq(coro_runner_close(runner), 0);
}
END_TEST

static int uses_another_loops(void *arg)
{
    expect_everywhere(left, -EXDEV, 0);
    return 0;
}

START_TEST(another_loop_does_not_wait_for_it)
{
    const coro_run_options options = test_options();
    left = NULL;
    coro_runner *runner = coro_runner_create(&options), *other = coro_runner_create(&options);
    ck_assert_int_eq(coro_runner_run(runner, sends_in_a_run, NULL), 0);
    ck_assert_int_eq(coro_runner_run(other, uses_another_loops, NULL), 0);
    ck_assert_int_eq(coro_runner_run(runner, sends_in_a_run, NULL), 0);
    expect_sent(left_peer, "runxrun");
    coro_stream_release(left);
    close(left_peer);
    ck_assert_int_eq(coro_runner_close(other), 0);
    ck_assert_int_eq(coro_runner_close(runner), 0);
}
END_TEST

static int waits_for_nobody(void *arg)
{
    coro_event event = CORO_EVENT_INITIALIZER;
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    ck_assert_int_eq(coro_event_wait(&event), -ECANCELED);
    expect_rest(stream, peer, "");
    return 0;
}

START_TEST(a_stream_that_nobody_waits_for_hides_no_deadlock)
{
    ck_assert_int_eq(run_test(waits_for_nobody, NULL), -EDEADLK);
    forget_log();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        bytes_come_one_at_a_time,
        all_sizes_of_reads_have_all_bytes,
        exactly_many_bytes_are_read,
        a_line_is_far_longer_than_the_buffer,
        lines_of_many_lengths,
        a_line_may_be_written_to,
        a_file_is_read_by_lines,
        who_never_waits_lets_others_run,
        a_cancel_loses_no_byte,
        a_cancel_wins_over_bytes_that_wake_the_reader,
        reads_have_time_limits,
        one_task_reads_at_a_time,
        a_line_stays_where_it_is_while_its_reader_drains,
        a_peer_that_writes_is_read_from_up_to_twice_the_limit,
        beside_a_line_as_much_is_read,
        reading_ahead_gives_others_their_turn,
        a_reader_has_what_was_read_ahead,
        who_waits_for_the_close_learns_of_a_reset,
        writing_goes_on_after_the_peer_s_end,
        closing_ends_what_is_read,
        closing_with_bytes_to_send_ends_what_is_read,
        a_reader_is_left_alone_with_the_stream,
        somebody_else_closes_the_fd,
        misuse_is_an_error,
        a_socket_must_be_a_stream,
        outside_a_task_none_is_opened,
        a_stream_outlives_its_loop,
        between_runs_a_stream_is_closed,
        another_loop_does_not_wait_for_it,
        a_stream_that_nobody_waits_for_hides_no_deadlock,
        NULL,
    };
    return run_suite_on_pollers("stream_read", tests);
}
