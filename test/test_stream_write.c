/* SPDX-License-Identifier: MIT */
/* Streams, written: what is sent at once and what later, marks, ends, losses. */
#include "support_stream.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

enum { MUCH = 1000 * 1000 };

static char buffer[MUCH];

static void expect_parked(coro_task *task)
{
    passes(4);
    ck_assert(!coro_done(task));
}

/* Writes the pattern, which the peer does not take. */
static coro_stream *fill_stream(int *peer)
{
    coro_stream *stream = open_stream(peer, 0);
    fill(buffer, MUCH, 0);
    ck_assert_int_eq(coro_stream_write(stream, buffer, MUCH), 0);
    ck_assert_uint_gt(coro_stream_get_write_buffer_size(stream), 64 * 1024);
    return stream;
}

/* Takes the pattern up to n bytes; they come from the loop. */
static void expect_pattern(int peer, size_t n)
{
    char part[8192];
    for (size_t at = 0; at < n;) {
        const ssize_t got = recv(peer, part, sizeof part, MSG_DONTWAIT);
        if (got < 0) {
            ck_assert_int_eq(errno, EAGAIN);
            passes(1);
            continue;
        }
        ck_assert_int_gt(got, 0);
        ck_assert(filled(part, (size_t)got, at));
        at += (size_t)got;
    }
    errno = 0;
}

static void expect_end(int peer)
{
    char byte;
    ck_assert_int_eq(recv(peer, &byte, 1, MSG_DONTWAIT), 0);
    close(peer);
}

/* --- Now and later ---------------------------------------------------------------------------- */
/* CPython: test_selector_events.SelectorSocketTransportTests.test_write
 * test_selector_events.SelectorSocketTransportTests.test_write_no_data
 * test_unix_events.UnixWritePipeTransportTests.test_write
 * test_unix_events.UnixWritePipeTransportTests.test_write_no_data */
TASK_TEST(what_can_be_sent_is_sent_at_once)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    ck_assert_int_eq(coro_stream_write(stream, "at once", 7), 0);
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(stream), 0);
    expect_sent(peer, "at once");
    ck_assert_int_eq(coro_stream_write(stream, NULL, 0), 0);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_selector_events.SelectorSocketTransportTests.test_writelines_sendmsg_full
 * test_selector_events.SelectorSocketTransportTests.test_writelines_send_full
 * test_selector_events.SelectorSocketTransportTests.test_write_sendmsg_full
 * test_selector_events.SelectorSocketTransportTests.test_write_sendmsg_no_data */
TASK_TEST(lines_are_sent_as_one)
{
    const struct iovec lines[] = {{(char[]){"one "}, 4}, {NULL, 0}, {(char[]){"two"}, 3}};
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    ck_assert_int_eq(coro_stream_writelines(stream, lines, 3), 0);
    expect_sent(peer, "one two");
    ck_assert_int_eq(coro_stream_writelines(stream, lines, 0), 0);
    ck_assert_int_eq(coro_stream_writelines(stream, lines, -1), -EINVAL);
    ck_assert_int_eq(coro_stream_write(stream, "x", (size_t)-1), -EINVAL);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_selector_events.SelectorSocketTransportTests.test_writelines_sendmsg_partial
 * test_selector_events.SelectorSocketTransportTests.test_writelines_send_partial */
TASK_TEST(many_pieces_of_many_sizes)
{
    enum { PIECES = 3000 };
    static struct iovec pieces[PIECES];
    int peer;
    size_t at = 0;
    coro_stream *stream = open_stream(&peer, 0);
    fill(buffer, MUCH, 0);
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = (struct iovec){buffer + at, i % 200};
        at += i % 200;
    }
    /* All of them, and then into what is there already. */
    ck_assert_int_eq(coro_stream_writelines(stream, pieces, PIECES / 2), 0);
    ck_assert_int_eq(coro_stream_writelines(stream, pieces + PIECES / 2, PIECES / 2), 0);
    expect_pattern(peer, at);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_selector_events.SelectorSocketTransportTests.test_write_partial
 * test_selector_events.SelectorSocketTransportTests.test_write_partial_none
 * test_selector_events.SelectorSocketTransportTests.test_write_tryagain
 * test_selector_events.SelectorSocketTransportTests.test_write_ready
 * test_selector_events.SelectorSocketTransportTests.test_write_ready_partial
 * test_selector_events.SelectorSocketTransportTests.test_write_ready_partial_none
 * test_selector_events.SelectorSocketTransportTests.test_write_ready_tryagain
 * test_selector_events.SelectorSocketTransportTests.test_write_sendmsg_partial */
TASK_TEST(what_cannot_be_sent_is_sent_by_the_loop)
{
    int peer;
    coro_task *all[4];
    coro_stream *stream = fill_stream(&peer);
    ck_assert_uint_eq(coro_all_tasks(all, 4), 1);
    memset(buffer, 0, MUCH); /* it was copied */
    expect_pattern(peer, MUCH);
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(stream), 0);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_selector_events.SelectorSocketTransportTests.test_write_buffer
 * test_selector_events.SelectorSocketTransportTests.test_write_sendmsg_half_buffer */
TASK_TEST(small_writes_behind_one_that_waits_keep_their_order)
{
    enum { FIRST = 500 * 1000 };
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    fill(buffer, MUCH, 0);
    ck_assert_int_eq(coro_stream_write(stream, buffer, FIRST), 0);
    for (size_t at = FIRST; at < FIRST + 20000; at += 5)
        ck_assert_int_eq(coro_stream_write(stream, buffer + at, 5), 0);
    expect_pattern(peer, FIRST + 20000);
    expect_rest(stream, peer, "");
    return 0;
}

/* --- Draining --------------------------------------------------------------------------------- */
TASK_TEST(the_peer_never_reads)
{
    int peer;
    coro_timeout timeout;
    coro_stream *stream = fill_stream(&peer);
    const size_t unsent = coro_stream_get_write_buffer_size(stream);
    ck_assert_int_eq(coro_timeout_begin(&timeout, CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_end(&timeout, coro_stream_drain(stream)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(stream), unsent);
    ck_assert_int_eq(coro_stream_abort(stream), 0);
    ck_assert_int_eq(coro_stream_wait_closed(stream), 0);
    coro_stream_release(stream);
    close(peer);
    return 0;
}

TASK_TEST(a_drain_ends_at_the_low_mark)
{
    int peer;
    coro_stream *stream = open_stream(&peer, 0);
    ck_assert_int_eq(coro_stream_set_write_buffer_limits(stream, 10, 11), -EINVAL);
    ck_assert_int_eq(coro_stream_set_write_buffer_limits(stream, 2 * MUCH, MUCH), 0);
    fill(buffer, MUCH, 0);
    ck_assert_int_eq(coro_stream_write(stream, buffer, MUCH), 0);
    ck_assert_int_eq(coro_stream_drain(stream), 0); /* below the high mark */
    ck_assert_int_eq(coro_stream_set_write_buffer_limits(stream, 300000, 1000), 0);
    coro_task *task = spawn(drains, stream);
    expect_parked(task);
    while (coro_stream_get_write_buffer_size(stream) > 1000) {
        ck_assert(!coro_done(task));
        drain(peer);
        passes(1);
    }
    passes(1);
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_join(task, NULL), 0);
    drain(peer);
    ck_assert_int_eq(coro_stream_set_write_buffer_limits(stream, 0, 0), 0);
    ck_assert_int_eq(coro_stream_drain(stream), 0);
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(stream), 0);
    drain(peer);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_transports.TransportTests.test_flowcontrol_mixin_set_write_limits */
TASK_TEST(higher_marks_end_a_drain)
{
    int peer;
    coro_stream *stream = fill_stream(&peer);
    coro_task *task = spawn(drains, stream);
    expect_parked(task);
    ck_assert_int_eq(coro_stream_set_write_buffer_limits(stream, MUCH, MUCH), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_pattern(peer, MUCH);
    expect_rest(stream, peer, "");
    return 0;
}

TASK_TEST(a_cancelled_drain_sends_all_the_same)
{
    int peer;
    coro_stream *stream = fill_stream(&peer);
    coro_task *drainer = spawn(drains, stream), *closer = spawn(waits_closed, stream);
    expect_parked(drainer);
    coro_cancel(drainer);
    coro_cancel(closer);
    ck_assert_int_eq(coro_join(drainer, NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(closer, NULL), -ECANCELED);
    expect_pattern(peer, MUCH);
    expect_rest(stream, peer, "");
    return 0;
}

/* --- Ends ------------------------------------------------------------------------------------- */
/* CPython: test_selector_events.SelectorSocketTransportTests.test_write_ready_closing
 * test_selector_events.SelectorTransportTests.test_close_write_buffer */
TASK_TEST(a_close_sends_what_is_left)
{
    int peer;
    coro_stream *stream = fill_stream(&peer);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_stream_write(stream, "more", 4), -EPIPE);
    ck_assert(coro_stream_is_closing(stream));
    coro_task *closer = spawn(waits_closed, stream);
    expect_parked(closer);
    expect_pattern(peer, MUCH);
    ck_assert_int_eq(coro_join(closer, NULL), 0);
    coro_stream_release(stream);
    expect_end(peer);
    return 0;
}

TASK_TEST(the_last_reference_goes_and_what_is_left_is_sent)
{
    int peer;
    coro_stream *stream = fill_stream(&peer);
    ck_assert_ptr_eq(coro_stream_retain(stream), stream);
    coro_stream_release(stream);
    ck_assert(!coro_stream_is_closing(stream));
    coro_stream_release(stream);
    expect_pattern(peer, MUCH);
    passes(2);
    expect_end(peer);
    return 0;
}

/* TCP takes back what the peer has not got yet when a socket is closed with bytes in it. */
TASK_TEST(a_close_sends_what_is_left_where_not_all_was_read)
{
    int fds[2];
    char byte;
    ssize_t rc;
    coro_stream *stream;
    make_tcp(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], NULL), 0);
    fill(buffer, MUCH, 0);
    feed(fds[1], "a line\n");
    expect_line(stream, "a line\n");
    feed(fds[1], "nobody reads this");
    ck_assert_int_eq(coro_stream_write(stream, buffer, MUCH), 0);
    feed(fds[1], "nor this");
    coro_stream_release(stream);
    expect_pattern(fds[1], MUCH);
    while ((rc = recv(fds[1], &byte, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN)
        passes(1);
    ck_assert_int_eq(rc, 0);
    errno = 0;
    close(fds[1]);
    return 0;
}

/* CPython: test_selector_events.SelectorTransportTests.test_abort */
TASK_TEST(an_abort_sends_nothing_more)
{
    int peer;
    coro_stream *stream = fill_stream(&peer);
    coro_task *drainer = spawn(drains, stream), *closer = spawn(waits_closed, stream);
    expect_parked(drainer);
    ck_assert_int_eq(coro_stream_abort(stream), 0);
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(stream), 0);
    ck_assert_int_eq(coro_join(drainer, NULL), 0);
    ck_assert_int_eq(coro_join(closer, NULL), 0);
    ck_assert_int_eq(coro_stream_abort(stream), 0);
    ck_assert_int_eq(coro_stream_drain(stream), -ECONNRESET);
    ck_assert_uint_lt(drain(peer), MUCH);
    coro_stream_release(stream);
    expect_end(peer);
    return 0;
}

/* CPython: test_selector_events.SelectorSocketTransportTests.test_write_eof
 * test_selector_events.SelectorSocketTransportTests.test_write_eof_buffer */
TASK_TEST(the_end_is_written_when_all_is_sent)
{
    int peer;
    coro_stream *stream = fill_stream(&peer);
    ck_assert(coro_stream_can_write_eof(stream));
    ck_assert_int_eq(coro_stream_write_eof(stream), 0);
    ck_assert_int_eq(coro_stream_write_eof(stream), 0);
    ck_assert_int_eq(coro_stream_write(stream, "more", 4), -EPIPE);
    expect_pattern(peer, MUCH);
    passes(1);
    char byte;
    ck_assert_int_eq(recv(peer, &byte, 1, MSG_DONTWAIT), 0);
    feed(peer, "answer\n");
    expect_line(stream, "answer\n");
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_stream_write_eof(stream), 0);
    ck_assert(!coro_stream_can_write_eof(stream));
    coro_stream_release(stream);
    close(peer);

    stream = open_stream(&peer, 0);
    ck_assert_int_eq(coro_stream_write_eof(stream), 0);
    ck_assert_int_eq(recv(peer, &byte, 1, MSG_DONTWAIT), 0);
    expect_rest(stream, peer, "");
    return 0;
}

/* CPython: test_unix_events.UnixWritePipeTransportTests.test_write_err
 * test_unix_events.UnixWritePipeTransportTests.test__write_ready_closing
 * test_unix_events.UnixWritePipeTransportTests.test_close
 * test_unix_events.UnixWritePipeTransportTests.test_close_closing */
TASK_TEST(pipes_are_written_and_closed)
{
    int fds[2];
    coro_stream *stream;
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    make_pipe(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[1], NULL), 0);
    ck_assert(!coro_stream_can_write_eof(stream));
    ck_assert_int_eq(coro_stream_write_eof(stream), -EOPNOTSUPP);
    ck_assert_int_eq(coro_stream_peername(stream, (struct sockaddr *)&address, &size), -ENOTSOCK);
    ck_assert_int_eq(coro_stream_sockname(stream, (struct sockaddr *)&address, &size), -ENOTSOCK);
    fill(buffer, MUCH, 0);
    ck_assert_int_eq(coro_stream_write(stream, buffer, MUCH), 0);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    char part[8192];
    size_t got = 0;
    ssize_t n;
    while ((n = coro_read(fds[0], part, sizeof part)) > 0) {
        ck_assert(filled(part, (size_t)n, got));
        got += (size_t)n;
    }
    ck_assert_uint_eq(got, MUCH);
    ck_assert_int_eq(coro_stream_wait_closed(stream), 0);
    coro_stream_release(stream);
    ck_assert_int_eq(coro_close(fds[0]), 0);

    stream = open_pipe(&fds[0]);
    ck_assert_int_eq(close(fds[0]), 0);
    ck_assert_int_eq(coro_stream_write(stream, "x", 1), -EPIPE); /* and no SIGPIPE */
    coro_stream_release(stream);
    return 0;
}

static coro_stream *fill_pipe(int *reader)
{
    coro_stream *stream = open_pipe(reader);
    fill(buffer, MUCH, 0);
    ck_assert_int_eq(coro_stream_write(stream, buffer, MUCH), 0);
    return stream;
}

/* CPython: test_unix_events.UnixWritePipeTransportTests.test_write_partial
 * test_unix_events.UnixWritePipeTransportTests.test_write_buffer
 * test_unix_events.UnixWritePipeTransportTests.test_write_again
 * test_unix_events.UnixWritePipeTransportTests.test__write_ready
 * test_unix_events.UnixWritePipeTransportTests.test__write_ready_partial
 * test_unix_events.UnixWritePipeTransportTests.test__write_ready_again */
TASK_TEST(a_pipe_is_drained)
{
    int reader;
    coro_stream *stream = fill_pipe(&reader);
    coro_task *drainer = spawn(drains, stream), *closer = spawn(waits_closed, stream);
    expect_parked(drainer);
    ck_assert_int_eq(coro_read_all(reader, buffer, MUCH, NULL), MUCH);
    ck_assert(filled(buffer, MUCH, 0));
    ck_assert_int_eq(coro_join(drainer, NULL), 0);
    expect_parked(closer);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_join(closer, NULL), 0);
    coro_stream_release(stream);
    ck_assert_int_eq(coro_close(reader), 0);
    return 0;
}

/* However much the peer takes. */
TASK_TEST(sending_gives_others_their_turn)
{
    static char much[LARGE_PIPE + MUCH];
    int fds[2];
    coro_stream *stream;
    make_large_pipe(fds);
    fill(much, LARGE_PIPE + MUCH, 0);
    ck_assert_int_eq(coro_open_stream(&stream, fds[1], NULL), 0);
    ck_assert_int_eq(coro_stream_write(stream, much, LARGE_PIPE), 0);
    for (size_t at = 0; at < MUCH; at += 4000)
        ck_assert_int_eq(coro_stream_write(stream, much + LARGE_PIPE + at, 4000), 0);
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(stream), MUCH);
    ck_assert_int_eq(read(fds[0], much, LARGE_PIPE), LARGE_PIPE);
    ck_assert(filled(much, LARGE_PIPE, 0));
    while (pipe_size(fds[0]) == 0)
        passes(1);
    ck_assert_uint_lt(pipe_size(fds[0]), MUCH / 2);
    passes(10);
    ck_assert_uint_eq(pipe_size(fds[0]), MUCH);
    ck_assert_int_eq(read(fds[0], much, MUCH), MUCH);
    ck_assert(filled(much, MUCH, LARGE_PIPE));
    close_stream(stream);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    return 0;
}

/* CPython: test_unix_events.UnixWritePipeTransportTests.test__read_ready
 * test_unix_events.UnixWritePipeTransportTests.test_write_close
 * test_unix_events.UnixWritePipeTransportTests.test__write_ready_err */
TASK_TEST(who_waits_for_the_end_of_a_pipe_learns_that_nobody_reads)
{
    int reader;
    coro_stream *stream = open_pipe(&reader);
    coro_task *closer = spawn(waits_closed, stream);
    ck_assert_int_eq(coro_wait_for(closer, CORO_SECOND, NULL), -ETIMEDOUT);
    coro_release(closer);
    closer = spawn(waits_closed, stream);
    expect_parked(closer);
    ck_assert_int_eq(close(reader), 0);
    ck_assert_int_eq(coro_join(closer, NULL), 0);
    ck_assert(coro_stream_is_closing(stream));
    ck_assert_int_eq(coro_stream_write(stream, "x", 1), -EPIPE);
    ck_assert_int_eq(coro_stream_drain(stream), -ECONNRESET);
    coro_stream_release(stream);

    stream = fill_pipe(&reader);
    coro_task *drainer = spawn(drains, stream);
    closer = spawn(waits_closed, stream);
    expect_parked(drainer);
    ck_assert_int_eq(close(reader), 0);
    ck_assert_int_eq(coro_join(drainer, NULL), -EPIPE);
    ck_assert_int_eq(coro_join(closer, NULL), -EPIPE);
    coro_stream_release(stream);
    return 0;
}

/* --- Losses ----------------------------------------------------------------------------------- */
/* CPython: test_selector_events.SelectorSocketTransportTests.test_write_ready_exception
 * test_selector_events.SelectorSocketTransportTests.test_write_exception
 * test_selector_events.SelectorSocketTransportTests.test_write_sendmsg_OSError
 * test_selector_events.SelectorTransportTests.test_fatal_error
 * test_selector_events.SelectorTransportTests.test_force_close */
TASK_TEST(the_peer_goes_while_there_is_more_to_send)
{
    int peer;
    coro_stream *stream = fill_stream(&peer);
    coro_task *drainer = spawn(drains, stream), *closer = spawn(waits_closed, stream);
    expect_parked(drainer);
    ck_assert_int_eq(close(peer), 0);
    const int rc = coro_join(drainer, NULL);
    ck_assert(rc == -EPIPE || rc == -ECONNRESET);
    ck_assert_int_eq(coro_join(closer, NULL), rc);
    ck_assert_int_eq(coro_stream_write(stream, "more", 4), rc);
    ck_assert_int_eq(coro_stream_write_eof(stream), rc);
    ck_assert_int_eq(coro_stream_drain(stream), rc);
    ck_assert_int_eq(coro_stream_wait_closed(stream), rc);
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(stream), 0);
    coro_stream_release(stream);
    return 0;
}

TASK_TEST(somebody_else_closes_the_fd)
{
    int peer;
    coro_stream *stream = fill_stream(&peer);
    ck_assert_int_eq(coro_close(coro_stream_fd(stream)), 0);
    ck_assert_int_eq(coro_stream_drain(stream), -EBADF);
    coro_stream_release(stream);
    close(peer);
    return 0;
}

/* --- Names ------------------------------------------------------------------------------------ */
TASK_TEST(both_ends_have_names)
{
    int fds[2];
    coro_stream *stream;
    struct sockaddr_in own, peer, other;
    socklen_t own_size = sizeof own, peer_size = sizeof peer, other_size = sizeof other;
    make_tcp(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], NULL), 0);
    ck_assert_int_eq(coro_stream_fd(stream), fds[0]);
    ck_assert_int_eq(getsockname(fds[1], (struct sockaddr *)&other, &other_size), 0);
    ck_assert_int_eq(coro_stream_sockname(stream, (struct sockaddr *)&own, &own_size), 0);
    ck_assert_int_eq(own.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    ck_assert_int_eq(coro_stream_abort(stream), 0);
    ck_assert_int_eq(coro_stream_sockname(stream, (struct sockaddr *)&own, &own_size), -EBADF);
    ck_assert_int_eq(coro_stream_peername(stream, (struct sockaddr *)&peer, &peer_size), 0);
    ck_assert_uint_eq(peer_size, other_size);
    ck_assert_mem_eq(&peer, &other, other_size);
    peer_size = 2;
    ck_assert_int_eq(coro_stream_peername(stream, (struct sockaddr *)&peer, &peer_size), 0);
    ck_assert_uint_eq(peer_size, other_size);
    coro_stream_release(stream);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    return 0;
}

/* --- The end of a run ------------------------------------------------------------------------- */
static int left_peer;

static int leaves_bytes_unsent(void *arg)
{
    coro_stream *stream = fill_stream(&left_peer);
    coro_stream_release(stream);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_unclosed_pipe_transport */
START_TEST(what_was_not_sent_goes_with_the_loop)
{
    ck_assert_int_eq(run_test(leaves_bytes_unsent, NULL), 0);
    ck_assert_uint_lt(drain(left_peer), MUCH);
    expect_end(left_peer);
}
END_TEST

static int refuses_once(void *stream)
{
    ck_assert_int_eq(coro_stream_drain((coro_stream *)stream), -ECANCELED);
    return coro_stream_wait_closed((coro_stream *)stream);
}

static int waits_for_nobody(void *arg)
{
    int peer;
    coro_event event = CORO_EVENT_INITIALIZER;
    coro_stream *stream = fill_stream(&peer);
    coro_task *task = spawn(refuses_once, stream);
    coro_timeout timeout;
    ck_assert_int_eq(coro_timeout_begin(&timeout, CORO_SECOND), 0);
    ck_assert_int_eq(coro_timeout_end(&timeout, coro_event_wait(&event)), -ETIMEDOUT);
    coro_cancel(task);
    passes(3);
    ck_assert(!coro_done(task)); /* it waits again */
    coro_stream_abort(stream);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    coro_stream_release(stream);
    close(peer);
    return 0;
}

START_TEST(a_peer_that_takes_nothing_is_no_deadlock)
{
    ck_assert_int_eq(run_test(waits_for_nobody, NULL), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_can_be_sent_is_sent_at_once,
        lines_are_sent_as_one,
        many_pieces_of_many_sizes,
        what_cannot_be_sent_is_sent_by_the_loop,
        small_writes_behind_one_that_waits_keep_their_order,
        the_peer_never_reads,
        a_drain_ends_at_the_low_mark,
        higher_marks_end_a_drain,
        a_cancelled_drain_sends_all_the_same,
        a_close_sends_what_is_left,
        the_last_reference_goes_and_what_is_left_is_sent,
        a_close_sends_what_is_left_where_not_all_was_read,
        an_abort_sends_nothing_more,
        the_end_is_written_when_all_is_sent,
        pipes_are_written_and_closed,
        a_pipe_is_drained,
        sending_gives_others_their_turn,
        who_waits_for_the_end_of_a_pipe_learns_that_nobody_reads,
        the_peer_goes_while_there_is_more_to_send,
        somebody_else_closes_the_fd,
        both_ends_have_names,
        what_was_not_sent_goes_with_the_loop,
        a_peer_that_takes_nothing_is_no_deadlock,
        NULL,
    };
    return run_suite_on_pollers("stream_write", tests);
}
