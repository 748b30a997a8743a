/* SPDX-License-Identifier: MIT */
/*
 * Reading from streams as CPython's cases of StreamReader have it. What they feed to a reader
 * comes from the peer here.
 */
#include "../support_stream.h"

static const char data[] = "line1\nline2\nline3\n";

/* CPython, does not apply: bytes come from the peer alone, and nobody else feeds a stream:
 * test_streams.StreamTests.test_feed_empty_data test_streams.StreamTests.test_feed_nonempty_data */
/* CPython, does not apply: a struct of C has no representation as a text:
 * test_streams.StreamTests.test___repr__ test_streams.StreamTests.test___repr__nondefault_limit
 * test_streams.StreamTests.test___repr__eof test_streams.StreamTests.test___repr__data
 * test_streams.StreamTests.test___repr__exception test_streams.StreamTests.test___repr__waiter
 * test_streams.StreamTests.test___repr__transport */
/* CPython, does not apply: errors are numbers, and pickle is Python's:
 * test_streams.StreamTests.test_IncompleteReadError_pickleable
 * test_streams.StreamTests.test_LimitOverrunError_pickleable */
/* CPython, does not apply: a stream is of the loop that the calling task runs in:
 * test_streams.StreamTests.test_streamreader_constructor_without_loop
 * test_streams.StreamTests.test_streamreader_constructor_use_running_loop
 * test_streams.StreamTests.test_streamreader_constructor_use_global_loop
 * test_streams.StreamTests.test_streamreaderprotocol_constructor_without_loop
 * test_streams.StreamTests.test_streamreaderprotocol_constructor_use_running_loop
 * test_streams.StreamTests.test_streamreaderprotocol_constructor_use_global_loop */
/* CPython, does not apply: a limit is unsigned, and 0 is the default one:
 * test_streams.StreamTests.test_invalid_limit */

/* A task that has begun to read. */
static coro_task *reads(coro_fn *fn, void *arg)
{
    coro_task *task = spawn(fn, arg);
    passes(2);
    ck_assert(!coro_done(task));
    return task;
}

/* --- read ------------------------------------------------------------------------------------- */
/* CPython: test_streams.StreamTests.test_read_zero */
TASK_TEST(reading_no_bytes_takes_none)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, data);
    expect_bytes(stream, 0, "");
    expect_rest(stream, peer, data);
    return 0;
}

static int reads_30(void *stream)
{
    char buffer[30];
    const ssize_t n = coro_stream_read((coro_stream *)stream, buffer, sizeof buffer);
    if (n > 0)
        ck_assert_mem_eq(buffer, data, (size_t)n);
    return (int)n;
}

/* CPython: test_streams.StreamTests.test_read */
/* CPython: test_selector_events.SelectorSocketTransportTests.test_read_ready
 * test_selector_events.SelectorSocketTransportTests.test_read_ready_tryagain */
TASK_TEST(a_read_has_what_comes)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = reads(reads_30, stream);
    feed(peer, data);
    ck_assert_int_eq(coro_join(task, NULL), sizeof data - 1);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_streams.StreamTests.test_read_line_breaks */
TASK_TEST(a_read_stops_at_its_size)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "line1");
    feed(peer, "line2");
    expect_bytes(stream, 5, "line1");
    expect_rest(stream, peer, "line2");
    return 0;
}

/* CPython: test_streams.StreamTests.test_read_eof */
/* CPython: test_selector_events.SelectorSocketTransportTests.test_read_ready_eof */
TASK_TEST(a_read_has_no_bytes_at_the_end)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = reads(reads_30, stream);
    feed_eof(peer);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_rest(stream, peer, "");
    return 0;
}

static int reads_all(void *stream)
{
    char buffer[8];
    ssize_t n;
    while ((n = coro_stream_read((coro_stream *)stream, buffer, sizeof buffer)) > 0)
        trace("%.*s", (int)n, buffer);
    return (int)n;
}

/* CPython: test_streams.StreamTests.test_read_until_eof */
TASK_TEST(reads_have_all_up_to_the_end)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = reads(reads_all, stream);
    feed(peer, "chunk1");
    passes(3);
    feed(peer, "chunk2");
    feed_eof(peer);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("chunk1 chunk2");
    expect_rest(stream, peer, "");
    return 0;
}

/* The connection is lost by an error, which a write finds. */
static void lose(coro_stream *stream, int peer)
{
    reset(stream, peer);
    ck_assert_int_eq(coro_stream_write(stream, "more", 4), -EPIPE);
}

/* CPython: test_streams.StreamTests.test_read_exception */
/* CPython: test_selector_events.SelectorSocketTransportTests.test_read_ready_conn_reset
 * test_selector_events.SelectorSocketTransportTests.test_read_ready_err */
TASK_TEST(a_read_has_the_error_of_the_connection)
{
    int peer;
    char buffer[2];
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "line\n");
    expect_bytes(stream, 2, "li");
    lose(stream, peer);
    ck_assert_int_eq(coro_stream_read(stream, buffer, 2), -EPIPE);
    coro_stream_release(stream);
    return 0;
}

/* CPython: test_streams.StreamTests.test_read_limit */
TASK_TEST(a_read_is_not_limited)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 3);
    feed(peer, "chunk");
    expect_bytes(stream, 5, "chunk");
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_streams.StreamTests.test_read_all_from_pipe_reader */
TASK_TEST(a_pipe_is_read_beyond_twice_the_limit)
{
    int fds[2];
    char buffer[8];
    coro_stream *stream;
    const coro_connection_options options = {.limit = 1};
    make_pipe(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], &options), 0);
    feed(fds[1], "data");
    ck_assert_int_eq(coro_close(fds[1]), 0);
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer, 4, NULL), 4);
    ck_assert_mem_eq(buffer, "data", 4);
    expect_bytes(stream, 8, "");
    close_stream(stream);
    return 0;
}

/* CPython: test_streams.StreamTests.test_at_eof */
TASK_TEST(at_the_end_all_has_been_read)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    ck_assert(!coro_stream_at_eof(stream));
    feed(peer, "some data\n");
    ck_assert(!coro_stream_at_eof(stream));
    expect_line(stream, "some data\n");
    ck_assert(!coro_stream_at_eof(stream));
    feed(peer, "some data");
    feed_eof(peer);
    expect_line(stream, "some data");
    ck_assert(coro_stream_at_eof(stream));
    expect_rest(stream, peer, "");
    return 0;
}

/* --- readline --------------------------------------------------------------------------------- */
/* CPython: test_streams.StreamTests.test_readline */
/* CPython: test_pep492.StreamReaderTests.test_readline */
TASK_TEST(a_line_comes_in_pieces)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "chunk1 ");
    coro_task *task = reads(reads_line, stream);
    feed(peer, "chunk2 ");
    passes(3);
    feed(peer, "chunk3 ");
    feed(peer, "\n chunk4");
    ck_assert_int_eq(coro_join(task, NULL), 22);
    expect_trace("chunk1 chunk2 chunk3 \n");
    expect_rest(stream, peer, " chunk4");
    return 0;
}

static void expect_too_long(coro_stream *stream)
{
    char *line;
    ck_assert_int_eq(coro_stream_readline(stream, &line), -EMSGSIZE);
    ck_assert_ptr_null(line);
}

/* CPython: test_streams.StreamTests.test_readline_limit_with_existing_data */
TASK_TEST(a_line_over_the_limit_is_dropped)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 3);
    feed(peer, "li");
    feed(peer, "ne1\nline2\n");
    expect_too_long(stream);
    expect_rest(stream, peer, "line2\n");

    stream = open_stream(&peer, 3);
    feed(peer, "li");
    feed(peer, "ne1");
    feed(peer, "li");
    expect_too_long(stream);
    expect_rest(stream, peer, "");
    return 0;
}

static int reads_too_long_a_line(void *stream)
{
    expect_too_long((coro_stream *)stream);
    return 0;
}

/* CPython: test_streams.StreamTests.test_readline_limit */
TASK_TEST(a_line_that_comes_while_it_is_read_is_limited)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 7);
    coro_task *task = reads(reads_too_long_a_line, stream);
    feed(peer, "chunk1");
    feed(peer, "chunk2");
    feed(peer, "chunk3\n");
    feed_eof(peer);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_rest(stream, peer, "");

    stream = open_stream(&peer, 7);
    task = reads(reads_too_long_a_line, stream);
    feed(peer, "chunk1");
    feed(peer, "chunk2\n");
    feed(peer, "chunk3\n");
    feed_eof(peer);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_rest(stream, peer, "chunk3\n");

    stream = open_stream(&peer, 7);
    feed(peer, "1234567\n");
    expect_line(stream, "1234567\n");
    feed(peer, "12345678\n");
    expect_too_long(stream);
    feed(peer, "12345678");
    expect_too_long(stream);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readline_nolimit_nowait */
TASK_TEST(a_line_that_is_there_is_read)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, data);
    expect_line(stream, "line1\n");
    expect_rest(stream, peer, "line2\nline3\n");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readline_eof */
TASK_TEST(the_last_line_may_be_without_a_newline)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "some data");
    feed_eof(peer);
    expect_line(stream, "some data");
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readline_empty_eof */
TASK_TEST(at_the_end_there_is_no_line)
{
    int peer;
    char *line;
    coro_stream *stream = open_stream(&peer, 0);
    feed_eof(peer);
    ck_assert_int_eq(coro_stream_readline(stream, &line), 0);
    ck_assert_ptr_null(line);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readline_read_byte_count */
TASK_TEST(lines_and_bytes_are_read_in_turn)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, data);
    expect_line(stream, "line1\n");
    expect_bytes(stream, 7, "line2\nl");
    expect_rest(stream, peer, "ine3\n");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readline_exception
 * test_streams.StreamTests.test_exception */
TASK_TEST(a_line_has_the_error_of_the_connection)
{
    int peer;
    char *line;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "line\n");
    expect_line(stream, "line\n");
    lose(stream, peer);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(coro_stream_readline(stream, &line), -EPIPE);
        ck_assert_ptr_null(line);
    }
    coro_stream_release(stream);
    return 0;
}

/* --- readuntil -------------------------------------------------------------------------------- */
static int until_any(coro_stream *stream, const char *a, const char *b, const char *text)
{
    const struct iovec separators[] = {{(void *)(uintptr_t)a, strlen(a)},
                                       {(void *)(uintptr_t)b, strlen(b)}};
    char *found;
    size_t length;
    const int rc = coro_stream_readuntil_any(stream, separators, 2, &found, &length);
    if (rc == 0) {
        ck_assert_uint_eq(length, strlen(text));
        ck_assert_mem_eq(found, text, length);
    }
    return rc;
}

/* CPython: test_streams.StreamTests.test_readuntil_separator */
TASK_TEST(a_separator_has_bytes)
{
    int peer;
    char *found;
    size_t length;
    coro_stream *stream = open_stream(&peer, 0);
    ck_assert_int_eq(coro_stream_readuntil(stream, "", 0, &found, &length), -EINVAL);
    ck_assert_int_eq(until_any(stream, "a", "", ""), -EINVAL);
    ck_assert_int_eq(coro_stream_readuntil_any(stream, NULL, 0, &found, &length), -EINVAL);
    ck_assert_int_eq(coro_stream_readuntil_any(stream, NULL, -1, &found, &length), -EINVAL);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readuntil_multi_chunks */
TASK_TEST(bytes_are_read_until_a_separator)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    for (int i = 0; i < 2; i++) {
        feed(peer, "lineAAA");
        expect_until(stream, "AAA", "lineAAA");
    }
    feed(peer, "lineAAAxxx");
    expect_until(stream, "AAA", "lineAAA");
    expect_rest(stream, peer, "xxx");
    return 0;
}

static int reads_until_aaa(void *stream)
{
    char *found;
    size_t length;
    const int rc = coro_stream_readuntil((coro_stream *)stream, "aaa", 3, &found, &length);
    trace("%.*s", (int)length, found ? found : "");
    return rc;
}

/* CPython: test_streams.StreamTests.test_readuntil_multi_chunks_1 */
TASK_TEST(a_separator_comes_in_pieces)
{
    static const char *const pieces[][4] = {
        {"QWEaa", "XYaa", "a"}, {"QWEaa", "XYa", "aa"}, {"aaa"}, {"Xaaa"}, {"XXX", "a", "a", "a"}};
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    for (int i = 0; i < 5; i++) {
        coro_task *task = reads(reads_until_aaa, stream);
        for (int k = 0; k < 4 && pieces[i][k]; k++) {
            ck_assert(!coro_done(task));
            feed(peer, pieces[i][k]);
            passes(3);
        }
        ck_assert_int_eq(coro_join(task, NULL), 0);
    }
    expect_trace("QWEaaXYaaa QWEaaXYaaa aaa Xaaa XXXaaa");
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readuntil_eof */
TASK_TEST(the_end_comes_before_a_separator)
{
    int peer;
    char *found;
    size_t length;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "some dataAA");
    feed_eof(peer);
    ck_assert_int_eq(coro_stream_readuntil(stream, "AAA", 3, &found, &length), -ENODATA);
    ck_assert_uint_eq(length, 11);
    ck_assert_mem_eq(found, "some dataAA", 11);
    expect_rest(stream, peer, "");
    return 0;
}

static void expect_overrun(coro_stream *stream, size_t consumed)
{
    char *found;
    size_t length;
    ck_assert_int_eq(coro_stream_readuntil(stream, "AAA", 3, &found, &length), -EMSGSIZE);
    ck_assert_ptr_null(found);
    ck_assert_uint_eq(length, consumed);
}

/* CPython: test_streams.StreamTests.test_readuntil_limit_found_sep */
TASK_TEST(over_the_limit_all_stays)
{
    int peer;
    char buffer[16];
    coro_stream *stream = open_stream(&peer, 3);
    feed(peer, "some dataAA");
    expect_overrun(stream, 9);
    feed(peer, "A");
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer, 1, NULL), 1);
    expect_overrun(stream, 8);
    expect_rest(stream, peer, "ome dataAAA");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readuntil_multi_separator */
TASK_TEST(of_several_separators_the_first_that_ends_counts)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "line 1\nline 2\r");
    ck_assert_int_eq(until_any(stream, "\r", "\n", "line 1\n"), 0);
    ck_assert_int_eq(until_any(stream, "\r", "\n", "line 2\r"), 0);
    feed(peer, "ABCDEFG");
    ck_assert_int_eq(until_any(stream, "DEF", "BCDE", "ABCDE"), 0);
    expect_rest(stream, peer, "FG");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readuntil_multi_separator_limit */
TASK_TEST(of_separators_that_end_together_the_shortest_counts)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 3);
    feed(peer, "some dataA");
    ck_assert_int_eq(until_any(stream, "A", "ome dataA", ""), -EMSGSIZE);
    ck_assert_int_eq(until_any(stream, "ome dataA", "A", ""), -EMSGSIZE);
    expect_rest(stream, peer, "some dataA");
    return 0;
}

static int reads_until_any(void *stream)
{
    return until_any((coro_stream *)stream, "A", "long sep", "dataZA");
}

/* CPython: test_streams.StreamTests.test_readuntil_multi_separator_negative_offset */
TASK_TEST(a_separator_is_longer_than_what_is_there)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "data");
    coro_task *task = reads(reads_until_any, stream);
    feed(peer, "Z");
    passes(3);
    feed(peer, "Aaaa");
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_rest(stream, peer, "aaa");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readuntil_bytearray */
TASK_TEST(a_separator_may_be_any_memory)
{
    int peer;
    char separator[] = {'\r', '\n', '\0'};
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "some data\r\n");
    expect_until(stream, separator, "some data\r\n");
    expect_rest(stream, peer, "");
    return 0;
}

/* --- readexactly ------------------------------------------------------------------------------ */
/* CPython: test_streams.StreamTests.test_readexactly_zero_or_less */
TASK_TEST(exactly_no_bytes_are_there_at_once)
{
    int peer;
    char buffer[1];
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, data);
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer, 0, NULL), 0);
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer, (size_t)-1, NULL), -EINVAL);
    expect_rest(stream, peer, data);
    return 0;
}

static int reads_exactly_36(void *stream)
{
    char buffer[2 * (sizeof data - 1)];
    size_t partial = 0;
    const ssize_t n =
        coro_stream_readexactly((coro_stream *)stream, buffer, sizeof buffer, &partial);
    trace("%zu", partial);
    for (size_t at = 0; at < partial; at += sizeof data - 1)
        ck_assert_mem_eq(buffer + at, data, sizeof data - 1);
    return (int)n;
}

/* CPython: test_streams.StreamTests.test_readexactly */
TASK_TEST(exactly_so_many_bytes_are_waited_for)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = reads(reads_exactly_36, stream);
    feed(peer, data);
    passes(3);
    ck_assert(!coro_done(task));
    feed(peer, data);
    feed(peer, data);
    ck_assert_int_eq(coro_join(task, NULL), 36);
    expect_trace("36");
    expect_rest(stream, peer, data);
    return 0;
}

/* CPython: test_streams.StreamTests.test_readexactly_limit */
TASK_TEST(exactly_so_many_bytes_are_not_limited)
{
    int peer;
    char buffer[5];
    coro_stream *stream = open_stream(&peer, 3);
    feed(peer, "chunk");
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer, 5, NULL), 5);
    ck_assert_mem_eq(buffer, "chunk", 5);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readexactly_eof */
TASK_TEST(at_the_end_there_are_fewer)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = reads(reads_exactly_36, stream);
    feed(peer, data);
    feed_eof(peer);
    ck_assert_int_eq(coro_join(task, NULL), -ENODATA);
    expect_trace("18");
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_streams.StreamTests.test_readexactly_exception */
TASK_TEST(exactly_so_many_bytes_have_the_error_of_the_connection)
{
    int peer;
    char buffer[2];
    coro_stream *stream = open_stream(&peer, 0);
    feed(peer, "line\n");
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer, 2, NULL), 2);
    ck_assert_mem_eq(buffer, "li", 2);
    lose(stream, peer);
    ck_assert_int_eq(coro_stream_readexactly(stream, buffer, 2, NULL), -EPIPE);
    coro_stream_release(stream);
    return 0;
}

/* --- Errors and cancels ----------------------------------------------------------------------- */
/* CPython: test_streams.StreamTests.test_exception_waiter */
TASK_TEST(whoever_waits_for_a_line_gets_the_error)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = reads(reads_line, stream);
    reset(stream, peer);
    ck_assert_int_eq(coro_join(task, NULL), -ECONNRESET);
    coro_stream_release(stream);
    return 0;
}

/* CPython: test_streams.StreamTests.test_exception_cancel */
TASK_TEST(an_error_after_a_cancel_wakes_nobody)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    coro_task *task = reads(reads_line, stream);
    coro_cancel(task);
    passes(1);
    lose(stream, peer);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    coro_stream_release(stream);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        reading_no_bytes_takes_none,
        a_read_has_what_comes,
        a_read_stops_at_its_size,
        a_read_has_no_bytes_at_the_end,
        reads_have_all_up_to_the_end,
        a_read_has_the_error_of_the_connection,
        a_read_is_not_limited,
        a_pipe_is_read_beyond_twice_the_limit,
        at_the_end_all_has_been_read,
        a_line_comes_in_pieces,
        a_line_over_the_limit_is_dropped,
        a_line_that_comes_while_it_is_read_is_limited,
        a_line_that_is_there_is_read,
        the_last_line_may_be_without_a_newline,
        at_the_end_there_is_no_line,
        lines_and_bytes_are_read_in_turn,
        a_line_has_the_error_of_the_connection,
        a_separator_has_bytes,
        bytes_are_read_until_a_separator,
        a_separator_comes_in_pieces,
        the_end_comes_before_a_separator,
        over_the_limit_all_stays,
        of_several_separators_the_first_that_ends_counts,
        of_separators_that_end_together_the_shortest_counts,
        a_separator_is_longer_than_what_is_there,
        a_separator_may_be_any_memory,
        exactly_no_bytes_are_there_at_once,
        exactly_so_many_bytes_are_waited_for,
        exactly_so_many_bytes_are_not_limited,
        at_the_end_there_are_fewer,
        exactly_so_many_bytes_have_the_error_of_the_connection,
        whoever_waits_for_a_line_gets_the_error,
        an_error_after_a_cancel_wakes_nobody,
        NULL,
    };
    return run_suite_on_pollers("asyncio_streams_reader", tests);
}
