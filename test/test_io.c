/* SPDX-License-Identifier: MIT */
/* Reading and writing fds: what is transferred, and what becomes of it under cancel, close and
 * end. */
#include "support_io.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static char buffer[1 << 20], received[1 << 20];

/* Whether a task waits for something, after it had time to. */
static void expect_parked(const coro_task *task)
{
    passes(4);
    ck_assert(!coro_done(task));
}

static int cancelled(coro_task *task)
{
    coro_cancel(task);
    return coro_join(task, NULL);
}

/* --- Transfers -------------------------------------------------------------------------------- */
static void transfer_between(const int fds[2])
{
    char text[8];
    ck_assert_int_eq(coro_write(fds[1], "hello", 5), 5);
    ck_assert_int_eq(coro_read(fds[0], text, sizeof text), 5);
    ck_assert_mem_eq(text, "hello", 5);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    expect_parked(reader);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(coro_join(reader, NULL), 'x');
    reader = spawn(reads_one, ARG(fds[0]));
    expect_parked(reader);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    ck_assert_int_eq(coro_join(reader, NULL), 1000);
    ck_assert_int_eq(coro_read(fds[0], text, sizeof text), 0);
    ck_assert_int_eq(coro_close(fds[0]), 0);
}

TASK_TEST(a_read_waits_for_what_is_written)
{
    int fds[2];
    make_pair(fds);
    transfer_between(fds);
    make_pipe(fds);
    transfer_between(fds);
    make_tcp(fds);
    transfer_between(fds);
    return 0;
}

TASK_TEST(nothing_is_asked_for_and_nothing_comes)
{
    int fds[2];
    make_pair(fds);
    ck_assert_int_eq(coro_read(fds[0], NULL, 0), 0);
    ck_assert_int_eq(coro_readv(fds[0], NULL, 0), 0);
    ck_assert_int_eq(coro_write(fds[0], NULL, 0), 0);
    ck_assert_int_eq(coro_writev(fds[0], NULL, 0), 0);
    ck_assert_int_eq(coro_read_all(fds[0], NULL, 0, NULL), 0);
    ck_assert_int_eq(coro_write_all(fds[0], NULL, 0, NULL), 0);
    ck_assert_int_eq(coro_writev_all(fds[0], NULL, 0, NULL), 0);
    close_both(fds);
    return 0;
}

static int writes_byte_by_byte(void *fd)
{
    for (size_t i = 0; i < 300; i++) {
        const char byte = pattern(i);
        ck_assert_int_eq(coro_write(NUMBER(fd), &byte, 1), 1);
        passes(1);
    }
    return coro_close(NUMBER(fd));
}

static void read_byte_by_byte(const int fds[2])
{
    size_t done;
    coro_task *writer = spawn(writes_byte_by_byte, ARG(fds[1]));
    ck_assert_int_eq(coro_read_all(fds[0], received, 200, &done), 200);
    ck_assert_uint_eq(done, 200);
    ck_assert(filled(received, 200, 0));
    ck_assert_int_eq(coro_read_all(fds[0], received, 200, &done), 100);
    ck_assert_uint_eq(done, 100);
    ck_assert(filled(received, 100, 200));
    ck_assert_int_eq(coro_join(writer, NULL), 0);
    ck_assert_int_eq(coro_close(fds[0]), 0);
}

TASK_TEST(bytes_that_come_one_by_one_are_put_together)
{
    int fds[2];
    make_pair(fds);
    read_byte_by_byte(fds);
    make_pipe(fds);
    read_byte_by_byte(fds);
    make_tcp(fds);
    read_byte_by_byte(fds);
    return 0;
}

static int writes_all(void *fd)
{
    size_t done;
    ck_assert_int_eq(coro_write_all(NUMBER(fd), buffer, sizeof buffer, &done), sizeof buffer);
    ck_assert_uint_eq(done, sizeof buffer);
    return coro_close(NUMBER(fd));
}

enum { PIECES = 200 };

/* Of all sizes, 0 among them. */
static int writes_pieces(void *fd)
{
    struct iovec pieces[PIECES];
    size_t done, at = 0;
    for (size_t i = 0; i < PIECES; i++) {
        const size_t size = i == PIECES - 1 ? sizeof buffer - at : i % 5 * 997;
        pieces[i] = (struct iovec){buffer + at, size};
        at += size;
    }
    ck_assert_int_eq(coro_writev_all(NUMBER(fd), pieces, PIECES, &done), sizeof buffer);
    ck_assert_uint_eq(done, sizeof buffer);
    ck_assert_ptr_eq(pieces[0].iov_base, buffer);
    return coro_close(NUMBER(fd));
}

static void transfer_much(const int fds[2], coro_fn *writes)
{
    fill(buffer, sizeof buffer, 0);
    memset(received, 0, sizeof received);
    coro_task *writer = spawn(writes, ARG(fds[1]));
    ck_assert_int_eq(coro_read_all(fds[0], received, sizeof received, NULL), sizeof received);
    ck_assert(filled(received, sizeof received, 0));
    ck_assert_int_eq(coro_join(writer, NULL), 0);
    ck_assert_int_eq(coro_close(fds[0]), 0);
}

TASK_TEST(a_write_waits_for_room)
{
    int fds[2];
    coro_fn *const writes[] = {writes_all, writes_pieces};
    for (int i = 0; i < 2; i++) {
        make_pair(fds);
        transfer_much(fds, writes[i]);
        make_pipe(fds);
        transfer_much(fds, writes[i]);
        make_tcp(fds);
        transfer_much(fds, writes[i]);
    }
    return 0;
}

TASK_TEST(pieces_are_read_and_written)
{
    int fds[2];
    char a[3], b[4];
    struct iovec into[] = {{a, 3}, {b, 4}};
    struct iovec from[] = {{(void *)"ab", 2}, {(void *)"", 0}, {(void *)"cdefg", 5}};
    for (int i = 0; i < 2; i++) {
        if (i)
            make_pair(fds);
        else
            make_pipe(fds);
        ck_assert_int_eq(coro_writev(fds[1], from, 3), 7);
        ck_assert_int_eq(coro_readv(fds[0], into, 2), 7);
        ck_assert_mem_eq(a, "abc", 3);
        ck_assert_mem_eq(b, "defg", 4);
        close_both(fds);
    }
    return 0;
}

TASK_TEST(files_are_read_and_written_directly)
{
    size_t done;
    const int fd = make_file(1000);
    ck_assert_int_eq(coro_poll(fd, POLLIN), POLLIN);
    ck_assert_int_eq(coro_read(fd, received, 400), 400);
    ck_assert_int_eq(coro_read_all(fd, received + 400, 1000, &done), 600);
    ck_assert_uint_eq(done, 600);
    ck_assert(filled(received, 1000, 0));
    ck_assert_int_eq(coro_write(fd, "end", 3), 3);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 1003);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(coro_close(fd), 0);
    return 0;
}

/* --- Who may call, and with what -------------------------------------------------------------- */
static void expect_no_task(int fd)
{
    struct iovec iov = {received, 1};
    ck_assert_int_eq(coro_read(fd, received, 1), -EPERM);
    ck_assert_int_eq(coro_readv(fd, &iov, 1), -EPERM);
    ck_assert_int_eq(coro_write(fd, "x", 1), -EPERM);
    ck_assert_int_eq(coro_writev(fd, &iov, 1), -EPERM);
    ck_assert_int_eq(coro_read_all(fd, received, 1, NULL), -EPERM);
    ck_assert_int_eq(coro_write_all(fd, "x", 1, NULL), -EPERM);
    ck_assert_int_eq(coro_writev_all(fd, &iov, 1, NULL), -EPERM);
    ck_assert_int_eq(coro_poll(fd, POLLIN), -EPERM);
    ck_assert_int_eq(coro_sendfile(fd, fd, NULL, 1), -EPERM);
    ck_assert_int_eq(coro_splice(fd, NULL, fd, NULL, 1, 0), -EPERM);
}

static void in_callback(void *fd)
{
    expect_no_task(NUMBER(fd));
    ck_assert_int_eq(coro_close(NUMBER(fd)), 0);
}

TASK_TEST(only_tasks_may_wait)
{
    int fds[2];
    make_pair(fds);
    ck_assert_int_eq(coro_call_soon(in_callback, ARG(fds[0]), NULL), 0);
    ck_assert_int_eq(reads_one(ARG(fds[1])), 1000);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    return 0;
}

START_TEST(outside_a_loop_an_fd_can_only_be_closed)
{
    int fds[2];
    make_pair(fds);
    expect_no_task(fds[0]);
    close_both(fds);
    ck_assert_int_eq(coro_close(fds[0]), -EBADF);
}
END_TEST

static void expect_bad(int fd)
{
    struct iovec iov = {received, 1};
    size_t done = 7;
    ck_assert_int_eq(coro_read(fd, received, 1), -EBADF);
    ck_assert_int_eq(coro_readv(fd, &iov, 1), -EBADF);
    ck_assert_int_eq(coro_write(fd, "x", 1), -EBADF);
    ck_assert_int_eq(coro_writev(fd, &iov, 1), -EBADF);
    ck_assert_int_eq(coro_write_all(fd, "x", 1, &done), -EBADF);
    ck_assert_uint_eq(done, 0);
    ck_assert_int_eq(coro_poll(fd, POLLIN), -EBADF);
    ck_assert_int_eq(coro_sendfile(fd, 0, NULL, 1), -EBADF);
    ck_assert_int_eq(coro_splice(fd, NULL, 1, NULL, 1, 0), -EBADF);
    ck_assert_int_eq(coro_close(fd), -EBADF);
}

TASK_TEST(an_fd_that_is_not_open_is_an_error)
{
    int fds[2];
    expect_bad(-1);
    expect_bad(INT_MIN);
    expect_bad(INT_MAX);
    expect_bad(1 << 20);
    make_pair(fds);
    ck_assert_int_eq(coro_write(fds[0], "x", 1), 1);
    close_both(fds);
    expect_bad(fds[0]);
    make_pair(fds);
    ck_assert_int_eq(coro_write(fds[0], "x", 1), 1);
    close(fds[0]);
    expect_bad(fds[0]);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    return 0;
}

TASK_TEST(bad_lengths_and_directions_are_errors)
{
    int fds[2];
    struct iovec too_long[] = {{received, SSIZE_MAX}, {received, 1}};
    const size_t too_much = (size_t)SSIZE_MAX + 1;
    make_pipe(fds);
    ck_assert_int_eq(coro_read(fds[0], received, too_much), -EINVAL);
    ck_assert_int_eq(coro_write(fds[1], received, too_much), -EINVAL);
    ck_assert_int_eq(coro_readv(fds[0], too_long, 2), -EINVAL);
    ck_assert_int_eq(coro_writev(fds[1], too_long, 2), -EINVAL);
    ck_assert_int_eq(coro_writev_all(fds[1], too_long, 2, NULL), -EINVAL);
    ck_assert_int_eq(coro_readv(fds[0], too_long, -1), -EINVAL);
    ck_assert_int_eq(coro_writev(fds[1], too_long, -1), -EINVAL);
    ck_assert_int_eq(coro_read(fds[1], received, 1), -EBADF); /* the wrong end */
    ck_assert_int_eq(coro_write(fds[0], received, 1), -EBADF);
    close_both(fds);
    return 0;
}

TASK_TEST(errno_is_left_alone)
{
    int fds[2];
    errno = 99;
    make_pipe(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    expect_parked(reader);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(coro_join(reader, NULL), 'x');
    ck_assert_int_eq(coro_write(-1, "x", 1), -EBADF);
    close_both(fds);
    ck_assert_int_eq(coro_close(fds[0]), -EBADF);
    ck_assert_int_eq(errno, 99);
    return 0;
}

/* --- Cancel and time -------------------------------------------------------------------------- */
static int waits_for_events(void *fd)
{
    return coro_poll(NUMBER(fd), POLLIN);
}

/* CPython: test_events.EventLoopTestsMixin.test_prompt_cancellation
 * test_selector_events.BaseSelectorEventLoopTests.test_process_events_read_cancelled
 * test_selector_events.BaseSelectorEventLoopTests.test_remove_reader */
TASK_TEST(a_cancelled_read_takes_nothing)
{
    int fds[2];
    make_pair(fds);
    ck_assert_int_eq(cancelled(spawn(reads_one, ARG(fds[0]))), -ECANCELED); /* before it started */
    coro_task *tasks[] = {spawn(reads_one, ARG(fds[0])), spawn(waits_for_events, ARG(fds[0]))};
    for (int i = 0; i < 2; i++) {
        expect_parked(tasks[i]);
        ck_assert_int_eq(cancelled(tasks[i]), -ECANCELED);
    }
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(reads_one(ARG(fds[0])), 'x');
    close_both(fds);
    return 0;
}

TASK_TEST(a_cancel_between_the_wake_up_and_the_read_loses_nothing)
{
    int fds[2];
    make_pair(fds);
    coro_task *first = spawn(reads_one, ARG(fds[0])), *second = spawn(reads_one, ARG(fds[0]));
    expect_parked(first);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    let_loop_look();
    coro_cancel(first); /* woken, and yet to run */
    ck_assert_int_eq(coro_join(first, NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(second, NULL), 'x');
    close_both(fds);
    return 0;
}

/* CPython: test_selector_events.BaseSelectorEventLoopTests.test_process_events_write_cancelled
 * test_selector_events.BaseSelectorEventLoopTests.test_remove_writer */
TASK_TEST(a_cancelled_write_says_how_far_it_came)
{
    int fds[2];
    make_pair(fds);
    size_t full = fill_up(fds[0]);
    coro_task *writer = spawn(writes_one, ARG(fds[0]));
    expect_parked(writer);
    ck_assert_int_eq(cancelled(writer), -ECANCELED);
    ck_assert_uint_eq(drain(fds[1]), full);

    coro_timeout scope;
    size_t done;
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_SECOND), 0);
    ssize_t rc = coro_write_all(fds[0], buffer, sizeof buffer, &done);
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(coro_timeout_end(&scope, (int)rc), -ETIMEDOUT);
    ck_assert_uint_gt(done, 0);
    ck_assert_uint_lt(done, sizeof buffer);
    ck_assert_uint_eq(drain(fds[1]), done);

    struct iovec iov[] = {{buffer, 1000}, {buffer, sizeof buffer - 1000}};
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_SECOND), 0);
    rc = coro_writev_all(fds[0], iov, 2, &done);
    ck_assert_int_eq(coro_timeout_end(&scope, (int)rc), -ETIMEDOUT);
    ck_assert_uint_eq(drain(fds[1]), done);
    close_both(fds);
    return 0;
}

TASK_TEST(a_cancelled_read_all_says_how_much_there_is)
{
    int fds[2];
    size_t done;
    coro_timeout scope;
    make_pair(fds);
    ck_assert_int_eq(coro_write(fds[1], "abc", 3), 3);
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_SECOND), 0);
    const ssize_t rc = coro_read_all(fds[0], received, 10, &done);
    ck_assert_int_eq(coro_timeout_end(&scope, (int)rc), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_uint_eq(done, 3);
    ck_assert_mem_eq(received, "abc", 3);
    close_both(fds);
    return 0;
}

TASK_TEST(a_request_made_before_the_call_cancels_it_only_if_it_waits)
{
    int fds[2];
    make_pair(fds);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    coro_cancel(coro_current_task());
    ck_assert_int_eq(reads_one(ARG(fds[0])), 'x');
    ck_assert_int_eq(reads_one(ARG(fds[0])), -ECANCELED);
    ck_assert_int_eq(coro_uncancel(coro_current_task()), 0);
    close_both(fds);
    return 0;
}

/* --- Many that wait --------------------------------------------------------------------------- */
TASK_TEST(those_that_wait_for_one_fd_get_their_bytes_in_order)
{
    enum { READERS = 5 };
    int fds[2];
    coro_task *readers[READERS];
    make_pair(fds);
    for (int i = 0; i < READERS; i++)
        readers[i] = spawn(reads_one, ARG(fds[0]));
    passes(3);
    for (int i = 0; i < READERS; i++) {
        const char byte = (char)('a' + i);
        ck_assert_int_eq(coro_write(fds[1], &byte, 1), 1);
    }
    for (int i = 0; i < READERS; i++)
        ck_assert_int_eq(coro_join(readers[i], NULL), 'a' + i);

    for (int i = 0; i < READERS; i++)
        readers[i] = spawn(reads_one, ARG(fds[0]));
    passes(3);
    for (int i = 0; i < READERS; i++) {
        const char byte = (char)('a' + i);
        ck_assert_int_eq(coro_write(fds[1], &byte, 1), 1);
        ck_assert_int_eq(coro_join(readers[i], NULL), 'a' + i);
    }
    close_both(fds);
    return 0;
}

/* CPython: test_selector_events.BaseSelectorEventLoopTests.test_add_reader_existing_writer
 * test_selector_events.BaseSelectorEventLoopTests.test_remove_reader_read_write
 * test_selector_events.BaseSelectorEventLoopTests.test_remove_writer_read_write */
TASK_TEST(one_fd_is_waited_for_in_both_directions)
{
    int fds[2];
    make_pair(fds);
    const size_t full = fill_up(fds[0]);
    coro_task *reader = spawn(reads_one, ARG(fds[0])), *writer = spawn(writes_one, ARG(fds[0]));
    expect_parked(reader);
    expect_parked(writer);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(coro_join(reader, NULL), 'x');
    expect_parked(writer);
    ck_assert_uint_eq(drain(fds[1]), full);
    ck_assert_int_eq(coro_join(writer, NULL), 1);
    close_both(fds);
    return 0;
}

struct echo {
    int fd;
    int count;
};

static int echoes(void *arg)
{
    const struct echo *echo = arg;
    char byte;
    for (int i = 0; i < echo->count; i++) {
        ck_assert_int_eq(coro_read(echo->fd, &byte, 1), 1);
        ck_assert_int_eq(coro_write(echo->fd, &byte, 1), 1);
    }
    return 0;
}

TASK_TEST(a_thousand_connections_at_once)
{
    enum { MOST = 1000 };
    static int fds[MOST][2];
    static struct echo echo[MOST];
    static coro_task *tasks[MOST];
    int count = 0;
    while (count < many(MOST) && socketpair(AF_UNIX, SOCK_STREAM, 0, fds[count]) == 0)
        count++;
    if (count < many(MOST)) /* the limit is 1,024 fds in many places */
        for (int i = 0; i < 20; i++, count--)
            close_both(fds[count - 1]);
    for (int i = 0; i < count; i++) {
        echo[i] = (struct echo){fds[i][1], 3};
        tasks[i] = spawn(echoes, &echo[i]);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < count; i++)
            ck_assert_int_eq(coro_write(fds[i][0], "z", 1), 1);
        for (int i = 0; i < count; i++)
            ck_assert_int_eq(reads_one(ARG(fds[i][0])), 'z');
    }
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
        close_both(fds[i]);
    }
    errno = 0;
    return 0;
}

/* --- Ends ------------------------------------------------------------------------------------- */
/* CPython: test_selector_events.BaseSelectorEventLoopTests.test_process_events_read
 * test_selector_events.BaseSelectorEventLoopTests.test_process_events_write */
TASK_TEST(close_wakes_all_that_wait)
{
    int fds[2];
    make_pair(fds);
    fill_up(fds[0]);
    coro_task *tasks[] = {spawn(reads_one, ARG(fds[0])), spawn(writes_one, ARG(fds[0])),
                          spawn(waits_for_events, ARG(fds[0]))};
    for (int i = 0; i < 3; i++)
        expect_parked(tasks[i]);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), -EBADF);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    return 0;
}

TASK_TEST(whoever_was_woken_does_not_take_from_another_file)
{
    int fds[2], others[2];
    make_pair(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    coro_task *poller = spawn(waits_for_events, ARG(fds[0]));
    expect_parked(reader);
    expect_parked(poller);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    let_loop_look();
    ck_assert_int_eq(coro_close(fds[0]), 0);
    make_pair(others);
    ck_assert_int_eq(others[0], fds[0]);
    ck_assert_int_eq(coro_write(others[1], "y", 1), 1);
    ck_assert_int_eq(coro_join(reader, NULL), -EBADF);
    ck_assert_int_eq(coro_join(poller, NULL), -EBADF);
    ck_assert_int_eq(reads_one(ARG(others[0])), 'y');
    close_both(others);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    return 0;
}

TASK_TEST(one_direction_can_end_alone)
{
    int fds[2];
    for (int tcp = 0; tcp < 2; tcp++) {
        if (tcp)
            make_tcp(fds);
        else
            make_pair(fds);
        coro_task *reader = spawn(reads_one, ARG(fds[0]));
        expect_parked(reader);
        ck_assert_int_eq(shutdown(fds[1], SHUT_WR), 0);
        ck_assert_int_eq(coro_join(reader, NULL), 1000);
        ck_assert_int_eq(reads_one(ARG(fds[0])), 1000);
        ck_assert_int_eq(coro_write(fds[0], "still", 5), 5);
        ck_assert_int_eq(coro_read_all(fds[1], received, 5, NULL), 5);
        ck_assert_int_eq(coro_write(fds[1], "x", 1), -EPIPE);
        close_both(fds);
    }
    return 0;
}

TASK_TEST(what_was_sent_before_the_end_is_read_first)
{
    int fds[2];
    for (int i = 0; i < 3; i++) {
        (i == 0 ? make_pair : i == 1 ? make_pipe : make_tcp)(fds);
        coro_task *reader = spawn(reads_one, ARG(fds[0]));
        expect_parked(reader);
        ck_assert_int_eq(coro_write(fds[1], "abc", 3), 3);
        ck_assert_int_eq(coro_close(fds[1]), 0);
        ck_assert_int_eq(coro_join(reader, NULL), 'a');
        ck_assert_int_eq(coro_read_all(fds[0], received, 10, NULL), 2);
        ck_assert_int_eq(coro_close(fds[0]), 0);
    }
    return 0;
}

/* --- SIGPIPE ---------------------------------------------------------------------------------- */
static void expect_broken(int fd)
{
    struct iovec iov = {received, 1};
    const int file = make_file(10);
    ck_assert_int_eq(coro_write(fd, "x", 1), -EPIPE);
    ck_assert_int_eq(coro_writev(fd, &iov, 1), -EPIPE);
    ck_assert_int_eq(coro_write_all(fd, "x", 1, NULL), -EPIPE);
    ck_assert_int_eq(coro_sendfile(fd, file, NULL, 10), -EPIPE);
    ck_assert_int_eq(coro_close(file), 0);
}

/* The signal has its default action, which would end the test. */
TASK_TEST(writing_to_nobody_is_an_error_and_no_signal)
{
    int fds[2];
    sigset_t set;
    for (int i = 0; i < 3; i++) {
        (i == 0 ? make_pair : i == 1 ? make_pipe : make_tcp)(fds);
        ck_assert_int_eq(coro_close(fds[0]), 0);
        while (i == 2 && coro_write(fds[1], "x", 1) == 1) /* until the reset comes */
            ck_assert_int_eq(coro_yield(), 0);
        expect_broken(fds[1]);
        ck_assert_int_eq(coro_close(fds[1]), 0);
    }
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &set), 0);
    ck_assert_int_eq(sigismember(&set, SIGPIPE), 0);
    ck_assert_int_eq(sigpending(&set), 0);
    ck_assert_int_eq(sigismember(&set, SIGPIPE), 0);
    return 0;
}

TASK_TEST(a_signal_of_somebody_elses_stays_pending)
{
    int fds[2];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    make_pipe(fds);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    ck_assert_int_eq(raise(SIGPIPE), 0);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), -EPIPE);
    ck_assert_int_eq(sigpending(&set), 0);
    ck_assert_int_eq(sigismember(&set, SIGPIPE), 1);
    ck_assert_int_eq(sigwaitinfo(&set, NULL), SIGPIPE);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    return 0;
}

/* --- poll ------------------------------------------------------------------------------------- */
static int waits_for_either(void *fd)
{
    return coro_poll(NUMBER(fd), POLLIN | POLLOUT);
}

static int waits_for_end(void *fd)
{
    return coro_poll(NUMBER(fd), 0);
}

/* CPython: test_events.EventLoopTestsMixin.test_reader_callback
 * test_events.EventLoopTestsMixin.test_writer_callback
 * test_selector_events.BaseSelectorEventLoopTests.test_add_reader
 * test_selector_events.BaseSelectorEventLoopTests.test_add_writer */
TASK_TEST(poll_returns_what_is_there_and_takes_nothing)
{
    int fds[2];
    make_pair(fds);
    ck_assert_int_eq(coro_poll(fds[0], POLLIN | POLLOUT), POLLOUT);
    const size_t full = fill_up(fds[0]);
    coro_task *either = spawn(waits_for_either, ARG(fds[0]));
    coro_task *end = spawn(waits_for_end, ARG(fds[0]));
    expect_parked(either);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(coro_join(either, NULL), POLLIN);
    ck_assert_int_eq(coro_poll(fds[0], POLLIN), POLLIN);
    ck_assert_int_eq(reads_one(ARG(fds[0])), 'x');
    either = spawn(waits_for_either, ARG(fds[0]));
    expect_parked(either);
    ck_assert_uint_eq(drain(fds[1]), full);
    ck_assert_int_eq(coro_join(either, NULL), POLLOUT);
    expect_parked(end);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    ck_assert_int_eq(coro_join(end, NULL), POLLHUP);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    return 0;
}

/* --- sendfile and splice ---------------------------------------------------------------------- */
static int sends_file(void *to)
{
    const int file = make_file(300000);
    off_t offset = 1000;
    while (offset < 300000)
        ck_assert_int_gt(coro_sendfile(NUMBER(to), file, &offset, 300000 - (size_t)offset), 0);
    ck_assert_int_eq(coro_sendfile(NUMBER(to), file, &offset, 10), 0);
    ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 0);
    ck_assert_int_eq(coro_sendfile(NUMBER(to), file, NULL, 10), 10);
    ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 10);
    ck_assert_int_eq(coro_close(file), 0);
    return coro_close(NUMBER(to));
}

TASK_TEST(a_file_is_sent)
{
    int fds[2];
    for (int i = 0; i < 3; i++) {
        (i == 0 ? make_pair : i == 1 ? make_pipe : make_tcp)(fds);
        coro_task *sender = spawn(sends_file, ARG(fds[1]));
        ck_assert_int_eq(coro_read_all(fds[0], received, sizeof received, NULL), 299010);
        ck_assert(filled(received, 299000, 1000));
        ck_assert(filled(received + 299000, 10, 0));
        ck_assert_int_eq(coro_join(sender, NULL), 0);
        ck_assert_int_eq(coro_close(fds[0]), 0);
    }
    make_pipe(fds);
    ck_assert_int_eq(coro_sendfile(fds[1], fds[0], NULL, 1), -EINVAL);
    close_both(fds);
    return 0;
}

static int splices_all(void *arg)
{
    const int *fds = arg; /* from, to */
    ssize_t n;
    while ((n = coro_splice(fds[0], NULL, fds[1], NULL, 65536, 0)) > 0)
        continue;
    const int rc = coro_close(fds[1]);
    return n < 0 ? (int)n : rc;
}

TASK_TEST(what_comes_is_spliced_through_a_pipe)
{
    int in[2], through[2], out[2];
    make_tcp(in);
    make_pipe(through);
    make_tcp(out);
    const int copy = dup(in[0]); /* the library does not know yet that it blocks */
    ck_assert_int_eq(fcntl(copy, F_SETFL, 0), 0);
    int first[] = {copy, through[1]}, second[] = {through[0], out[1]};
    coro_task *tasks[] = {spawn(splices_all, first), spawn(splices_all, second)};
    expect_parked(tasks[0]);
    const int ends[] = {out[0], in[1]};
    transfer_much(ends, writes_all);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    ck_assert_int_eq(coro_close(in[0]), 0);
    ck_assert_int_eq(coro_close(copy), 0);
    ck_assert_int_eq(coro_close(through[0]), 0);
    return 0;
}

TASK_TEST(a_file_is_spliced_from_an_offset)
{
    int fds[2];
    off_t offset = 20;
    const int file = make_file(100);
    make_pipe(fds);
    ck_assert_int_eq(coro_splice(file, &offset, fds[1], NULL, 30, 0), 30);
    ck_assert_int_eq(offset, 50);
    ck_assert_int_eq(coro_read(fds[0], received, 100), 30);
    ck_assert(filled(received, 30, 20));
    ck_assert_int_eq(coro_splice(fds[0], NULL, fds[1], NULL, 1, 0), -EINVAL);
    close_both(fds);
    ck_assert_int_eq(coro_close(file), 0);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_read_waits_for_what_is_written,
        nothing_is_asked_for_and_nothing_comes,
        bytes_that_come_one_by_one_are_put_together,
        a_write_waits_for_room,
        pieces_are_read_and_written,
        files_are_read_and_written_directly,
        only_tasks_may_wait,
        outside_a_loop_an_fd_can_only_be_closed,
        an_fd_that_is_not_open_is_an_error,
        bad_lengths_and_directions_are_errors,
        errno_is_left_alone,
        a_cancelled_read_takes_nothing,
        a_cancel_between_the_wake_up_and_the_read_loses_nothing,
        a_cancelled_write_says_how_far_it_came,
        a_cancelled_read_all_says_how_much_there_is,
        a_request_made_before_the_call_cancels_it_only_if_it_waits,
        those_that_wait_for_one_fd_get_their_bytes_in_order,
        one_fd_is_waited_for_in_both_directions,
        a_thousand_connections_at_once,
        close_wakes_all_that_wait,
        whoever_was_woken_does_not_take_from_another_file,
        one_direction_can_end_alone,
        what_was_sent_before_the_end_is_read_first,
        writing_to_nobody_is_an_error_and_no_signal,
        a_signal_of_somebody_elses_stays_pending,
        poll_returns_what_is_there_and_takes_nothing,
        a_file_is_sent,
        what_comes_is_spliced_through_a_pipe,
        a_file_is_spliced_from_an_offset,
        NULL,
    };
    return run_suite_on_pollers("io", tests);
}
