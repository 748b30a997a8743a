/* SPDX-License-Identifier: MIT */
/* Files that are sent as CPython's cases have them. coro_sendfile() is sendfile(2), which may send
 * less than was asked for; coro_stream_sendfile() sends all. */
#include "../support_stream.h"

#include <netinet/in.h>
#include <unistd.h>

/* CPython, does not apply: for a socket nothing is done in place of sendfile(2), and for a stream
 * there is no option against it:
 * test_base_events.BaseLoopSockSendfileTests.test__sock_sendfile_native_failure
 * test_base_events.BaseLoopSockSendfileTests.test_sock_sendfile_no_fallback
 * test_base_events.BaseLoopSockSendfileTests.test_sock_sendfile_fallback
 * test_base_events.BaseLoopSockSendfileTests.test_sock_sendfile_fallback_offset_and_count
 * test_sendfile.SendfileMixin.test_sendfile_force_unsupported_native
 * test_sendfile.SendfileMixin.test_sendfile_no_fallback_for_fallback_transport
 * test_unix_events.SelectorEventLoopUnixSockSendfileTests.test_sock_sendfile_not_available */
/* CPython, does not apply: a file is an fd, and a size or an offset a number:
 * test_base_events.BaseLoopSockSendfileTests.test_nonbinary_file
 * test_base_events.BaseLoopSockSendfileTests.test_notint_count
 * test_base_events.BaseLoopSockSendfileTests.test_negative_count
 * test_base_events.BaseLoopSockSendfileTests.test_notint_offset
 * test_unix_events.SelectorEventLoopUnixSockSendfileTests.test_sock_sendfile_not_a_file
 * test_unix_events.SelectorEventLoopUnixSockSendfileTests.test_sock_sendfile_iobuffer
 * test_unix_events.SelectorEventLoopUnixSockSendfileTests.test_sock_sendfile_exception */
/* CPython, does not apply: sendfile(2) sends to sockets of any kind:
 * test_base_events.BaseLoopSockSendfileTests.test_nonstream_socket
 * test_sendfile.SendfileMixin.test_sendfile_not_supported */

enum { SIZE = 17 * 64 * 1024 + 1, MIXED = 64 * 1024, SMALL = 64 * 1024 };

static char received[SIZE + 2 * MIXED];

/* All that is left of n bytes, from where the file is. */
static ssize_t send_all_of(int to, int file, size_t n)
{
    size_t sent = 0;
    while (sent < n) {
        const ssize_t rc = coro_sendfile(to, file, NULL, n - sent);
        if (rc < 0)
            return rc;
        if (rc == 0)
            break;
        sent += (size_t)rc;
    }
    return (ssize_t)sent;
}

/* With small buffers, so that little fits in between. */
static void connect_both(int fds[2])
{
    const int size = SMALL;
    make_tcp(fds);
    ck_assert_int_eq(setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

static int receives_all(void *fd)
{
    return (int)coro_read_all(NUMBER(fd), received, sizeof received, NULL);
}

static int close_and_join(int fd, coro_task *receiver, int peer)
{
    ck_assert_int_eq(coro_close(fd), 0);
    const int n = coro_join(receiver, NULL);
    ck_assert_int_eq(coro_close(peer), 0);
    return n;
}

/* --- Sockets ---------------------------------------------------------------------------------- */
/* CPython: test_sendfile.SockSendfileMixin.test_sock_sendfile_success
 * test_unix_events.SelectorEventLoopUnixSockSendfileTests.test_sock_sendfile_blocking_error */
TASK_TEST(a_whole_file_is_sent)
{
    int fds[2];
    const int file = make_file(SIZE);
    connect_both(fds);
    coro_task *receiver = spawn(receives_all, ARG(fds[0]));
    ck_assert_int_eq(send_all_of(fds[1], file, SIZE), SIZE);
    ck_assert_int_eq(close_and_join(fds[1], receiver, fds[0]), SIZE);
    ck_assert(filled(received, SIZE, 0));
    ck_assert_int_eq(place_of(file), SIZE);
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

/* CPython: test_sendfile.SockSendfileMixin.test_sock_sendfile_with_offset_and_count */
TASK_TEST(a_part_of_a_file_is_sent)
{
    int fds[2];
    off_t offset = 1000;
    const int file = make_file(SIZE);
    connect_both(fds);
    coro_task *receiver = spawn(receives_all, ARG(fds[0]));
    ck_assert_int_eq(coro_sendfile(fds[1], file, &offset, 2000), 2000);
    ck_assert_int_eq(offset, 3000);
    ck_assert_int_eq(close_and_join(fds[1], receiver, fds[0]), 2000);
    ck_assert(filled(received, 2000, 1000));
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

/* CPython: test_sendfile.SockSendfileMixin.test_sock_sendfile_zero_size */
TASK_TEST(an_empty_file_is_sent)
{
    int fds[2];
    const int file = make_file(0);
    connect_both(fds);
    coro_task *receiver = spawn(receives_all, ARG(fds[0]));
    ck_assert_int_eq(coro_sendfile(fds[1], file, NULL, SIZE), 0);
    ck_assert_int_eq(close_and_join(fds[1], receiver, fds[0]), 0);
    ck_assert_int_eq(place_of(file), 0);
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

static void expect_mixed(void)
{
    ck_assert(filled(received, MIXED, 7));
    ck_assert(filled(received + MIXED, SIZE, 0));
    ck_assert(filled(received + MIXED + SIZE, MIXED, 7));
}

/* CPython: test_sendfile.SockSendfileMixin.test_sock_sendfile_mix_with_regular_send */
TASK_TEST(a_file_is_sent_between_other_bytes)
{
    static char other[MIXED];
    int fds[2];
    const int file = make_file(SIZE);
    connect_both(fds);
    fill(other, MIXED, 7);
    coro_task *receiver = spawn(receives_all, ARG(fds[0]));
    ck_assert_int_eq(coro_send_all(fds[1], other, MIXED, 0, NULL), MIXED);
    ck_assert_int_eq(send_all_of(fds[1], file, SIZE), SIZE);
    ck_assert_int_eq(coro_send_all(fds[1], other, MIXED, 0, NULL), MIXED);
    ck_assert_int_eq(close_and_join(fds[1], receiver, fds[0]), SIZE + 2 * MIXED);
    expect_mixed();
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

/* CPython, stronger: test_base_events.BaseLoopSockSendfileTests.test_blocking_socket: a socket may
 * block */
TASK_TEST(a_file_is_sent_to_a_socket_that_blocks)
{
    int fds[2];
    const int file = make_file(SIZE);
    make_pair(fds);
    coro_task *receiver = spawn(receives_all, ARG(fds[0]));
    ck_assert_int_eq(send_all_of(fds[1], file, SIZE), SIZE);
    ck_assert_int_eq(close_and_join(fds[1], receiver, fds[0]), SIZE);
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

/* CPython: test_base_events.BaseLoopSockSendfileTests.test_negative_offset
 * test_unix_events.SelectorEventLoopUnixSockSendfileTests.test_sock_sendfile_not_regular_file
 * test_unix_events.SelectorEventLoopUnixSockSendfileTests.test_sock_sendfile_os_error_first_call */
TASK_TEST(what_cannot_be_sent_is_an_error)
{
    int fds[2], ends[2];
    off_t offset = -1;
    const int file = make_file(SIZE);
    connect_both(fds);
    make_pipe(ends);
    ck_assert_int_eq(coro_sendfile(fds[1], file, &offset, 1), -EINVAL);
    ck_assert_int_eq(coro_sendfile(fds[1], ends[0], NULL, 1), -EINVAL);
    ck_assert_int_eq(coro_sendfile(fds[1], -1, NULL, 1), -EBADF);
    ck_assert_int_eq(place_of(file), 0);
    close_both(ends);
    close_both(fds);
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

struct transfer {
    int to, file;
};

static int sends_all(void *arg)
{
    const struct transfer *transfer = arg;
    return (int)send_all_of(transfer->to, transfer->file, SIZE);
}

/* CPython: test_unix_events.SelectorEventLoopUnixSockSendfileTests.test_sock_sendfile_cancel1
 * test_unix_events.SelectorEventLoopUnixSockSendfileTests.test_sock_sendfile_cancel2 */
TASK_TEST(a_cancelled_transfer_sends_nothing_more)
{
    int fds[2];
    struct transfer transfer = {.file = make_file(SIZE)};
    make_pair(fds);
    transfer.to = fds[1];
    coro_task *sender = spawn(sends_all, &transfer);
    passes(3);
    ck_assert(!coro_done(sender));
    const off_t place = place_of(transfer.file);
    coro_cancel(sender);
    ck_assert_int_eq(coro_join(sender, NULL), -ECANCELED);
    coro_task *receiver = spawn(receives_all, ARG(fds[0]));
    ck_assert_int_eq(coro_send_all(fds[1], "x", 1, 0, NULL), 1);
    ck_assert_int_eq(close_and_join(fds[1], receiver, fds[0]), place + 1);
    ck_assert_int_eq(place_of(transfer.file), place);
    ck_assert_int_eq(coro_close(transfer.file), 0);
    return 0;
}

/* --- Streams ---------------------------------------------------------------------------------- */
static coro_stream *open_sender(int *peer)
{
    int fds[2];
    coro_stream *stream;
    connect_both(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[1], NULL), 0);
    *peer = fds[0];
    return stream;
}

/* CPython: test_sendfile.SendfileMixin.test_sendfile
 * test_sendfile.SendfileMixin.test_sendfile_pre_and_post_data */
TASK_TEST(a_stream_sends_a_file_between_other_bytes)
{
    static char other[MIXED];
    int peer;
    const int file = make_file(SIZE);
    coro_stream *stream = open_sender(&peer);
    fill(other, MIXED, 7);
    coro_task *receiver = spawn(receives_all, ARG(peer));
    ck_assert_int_eq(coro_stream_write(stream, other, MIXED), 0);
    ck_assert_int_eq(coro_stream_sendfile(stream, file, NULL, SIZE), SIZE);
    ck_assert_int_eq(coro_stream_write(stream, other, MIXED), 0);
    close_stream(stream);
    ck_assert_int_eq(coro_join(receiver, NULL), SIZE + 2 * MIXED);
    expect_mixed();
    ck_assert_int_eq(place_of(file), SIZE);
    ck_assert_int_eq(coro_close(peer), 0);
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

/* CPython: test_sendfile.SendfileMixin.test_sendfile_partial */
TASK_TEST(a_stream_sends_a_part_of_a_file)
{
    int peer;
    const int file = make_file(SIZE);
    coro_stream *stream = open_sender(&peer);
    coro_task *receiver = spawn(receives_all, ARG(peer));
    ck_assert_int_eq(lseek(file, 1000, SEEK_SET), 1000);
    ck_assert_int_eq(coro_stream_sendfile(stream, file, NULL, 100), 100);
    close_stream(stream);
    ck_assert_int_eq(coro_join(receiver, NULL), 100);
    ck_assert(filled(received, 100, 1000));
    ck_assert_int_eq(place_of(file), 1100);
    ck_assert_int_eq(coro_close(peer), 0);
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

/* CPython: test_sendfile.SendfileMixin.test_sendfile_for_closing_transp */
TASK_TEST(a_stream_that_is_closed_sends_no_file)
{
    int peer;
    const int file = make_file(SIZE);
    coro_stream *stream = open_sender(&peer);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_stream_sendfile(stream, file, NULL, SIZE), -EPIPE);
    ck_assert_int_eq(receives_all(ARG(peer)), 0);
    ck_assert_int_eq(place_of(file), 0);
    coro_stream_release(stream);
    ck_assert_int_eq(coro_close(peer), 0);
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

struct reading {
    int fd;
    size_t n;
};

static int reads_and_closes(void *arg)
{
    const struct reading *reading = arg;
    ck_assert_int_eq(coro_read_all(reading->fd, received, reading->n, NULL), (ssize_t)reading->n);
    return coro_close(reading->fd);
}

/* CPython: test_sendfile.SendfileMixin.test_sendfile_close_peer_after_receiving */
TASK_TEST(the_peer_closes_when_it_has_all)
{
    struct reading reading = {.n = SIZE};
    const int file = make_file(SIZE);
    coro_stream *stream = open_sender(&reading.fd);
    coro_task *receiver = spawn(reads_and_closes, &reading);
    ck_assert_int_eq(coro_stream_sendfile(stream, file, NULL, SIZE), SIZE);
    ck_assert_int_eq(coro_join(receiver, NULL), 0);
    ck_assert(filled(received, SIZE, 0));
    close_stream(stream);
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

/* CPython: test_sendfile.SendfileMixin.test_sendfile_close_peer_in_the_middle_of_receiving
 * test_unix_events.SelectorEventLoopUnixSockSendfileTests.test_sock_sendfile_os_error_next_call */
TASK_TEST(the_peer_closes_in_the_middle)
{
    struct reading reading = {.n = 1024};
    const int file = make_file(SIZE);
    coro_stream *stream = open_sender(&reading.fd);
    coro_task *receiver = spawn(reads_and_closes, &reading);
    const ssize_t rc = coro_stream_sendfile(stream, file, NULL, SIZE);
    ck_assert(rc == -EPIPE || rc == -ECONNRESET);
    ck_assert_int_eq(coro_join(receiver, NULL), 0);
    ck_assert_int_ge(place_of(file), 1024);
    ck_assert_int_lt(place_of(file), SIZE);
    ck_assert_int_lt(coro_stream_write(stream, "x", 1), 0);
    ck_assert(coro_stream_is_closing(stream));
    coro_stream_release(stream);
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_whole_file_is_sent,
        a_part_of_a_file_is_sent,
        an_empty_file_is_sent,
        a_file_is_sent_between_other_bytes,
        a_file_is_sent_to_a_socket_that_blocks,
        what_cannot_be_sent_is_an_error,
        a_cancelled_transfer_sends_nothing_more,
        a_stream_sends_a_file_between_other_bytes,
        a_stream_sends_a_part_of_a_file,
        a_stream_that_is_closed_sends_no_file,
        the_peer_closes_when_it_has_all,
        the_peer_closes_in_the_middle,
        NULL,
    };
    return run_suite_on_pollers("asyncio_sendfile", tests);
}
