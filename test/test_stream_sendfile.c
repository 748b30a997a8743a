/* SPDX-License-Identifier: MIT */
/* Files that streams send: as they are, and over TLS. */
#include "support_tls.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* More than what fits into the buffers between two ends. */
enum { SIZE = 11 * 64 * 1024 + 1 };

static bool encrypted;

static struct tls_ends open_ends(void)
{
    return encrypted ? connect_default_tls() : connect_ends();
}

/* Reads until all has come, and compares with the pattern from a place on. */
static void expect_pattern(coro_stream *stream, size_t n, size_t from)
{
    char *bytes = malloc(n);
    ck_assert_int_eq(coro_stream_readexactly(stream, bytes, n, NULL), (ssize_t)n);
    ck_assert(filled(bytes, n, from));
    free(bytes);
}

struct transfer {
    coro_stream *stream;
    int file;
    off_t *offset;
    size_t n;
};

static int sends_file(void *arg)
{
    const struct transfer *transfer = arg;
    return (int)coro_stream_sendfile(transfer->stream, transfer->file, transfer->offset,
                                     transfer->n);
}

/* A task that sends a file to a peer that does not read. */
static coro_task *start_transfer(const struct tls_ends *ends, struct transfer *transfer)
{
    *transfer = (struct transfer){ends->client, make_file(SIZE), NULL, SIZE};
    coro_task *task = spawn(sends_file, transfer);
    do
        ck_assert_int_eq(coro_sleep(CORO_MILLISECOND), 0);
    while (place_of(transfer->file) == 0);
    ck_assert(!coro_done(task));
    return task;
}

/* --- What is sent ----------------------------------------------------------------------------- */
/* CPython: test_sendfile.SendfileMixin.test_sendfile_ssl
 * test_sendfile.SendfileMixin.test_sendfile_ssl_pre_and_post_data */
TASK_TEST(a_file_between_other_bytes)
{
    static char other[SIZE];
    const struct tls_ends ends = open_ends();
    struct transfer transfer = {ends.client, make_file(SIZE), NULL, SIZE_MAX};
    fill(other, SIZE, 7);
    ck_assert_int_eq(coro_stream_write(ends.client, other, SIZE), 0);
    coro_task *task = spawn(sends_file, &transfer);
    expect_pattern(ends.server, SIZE, 7);
    expect_pattern(ends.server, SIZE, 0);
    ck_assert_int_eq(coro_join(task, NULL), SIZE);
    ck_assert_int_eq(place_of(transfer.file), SIZE);
    ck_assert_int_eq(coro_stream_write(ends.client, "end", 3), 0);
    expect_bytes(ends.server, 3, "end");
    close_ends(&ends);
    close(transfer.file);
    return 0;
}

/* CPython: test_sendfile.SendfileMixin.test_sendfile_ssl_partial */
TASK_TEST(a_part_of_a_file)
{
    const struct tls_ends ends = open_ends();
    const int file = make_file(SIZE);
    off_t offset = 1000;
    ck_assert_int_eq(coro_stream_sendfile(ends.client, file, &offset, 2000), 2000);
    ck_assert_int_eq(offset, 3000);
    ck_assert_int_eq(place_of(file), 0);
    expect_pattern(ends.server, 2000, 1000);
    ck_assert_int_eq(lseek(file, -10, SEEK_END), SIZE - 10);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, file, NULL, 100), 10);
    ck_assert_int_eq(place_of(file), SIZE);
    expect_pattern(ends.server, 10, SIZE - 10);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, file, NULL, 100), 0);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, file, &offset, 0), 0);
    ck_assert_int_eq(offset, 3000);
    close_ends(&ends);
    close(file);
    return 0;
}

/* sendfile(2) does not take it. */
/* CPython: test_sendfile.SendfileMixin.test_sendfile_force_fallback */
TASK_TEST(a_file_of_the_system)
{
    char expected[8], received[8];
    const struct tls_ends ends = open_ends();
    const int file = open("/proc/self/status", O_RDONLY);
    ck_assert_int_eq(pread(file, expected, sizeof expected, 0), sizeof expected);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, file, NULL, sizeof expected),
                     sizeof expected);
    ck_assert_int_eq(coro_stream_readexactly(ends.server, received, sizeof received, NULL),
                     sizeof received);
    ck_assert_mem_eq(received, expected, sizeof expected);
    ck_assert_int_eq(place_of(file), sizeof expected);
    close_ends(&ends);
    close(file);
    return 0;
}

static int counts(void *passes)
{
    while (coro_sleep(0) == 0)
        ++*(int *)passes;
    return 0;
}

static int reads_much(void *stream)
{
    expect_pattern(stream, SIZE, 0);
    return 0;
}

TASK_TEST(others_run_meanwhile)
{
    int passes = 0;
    const struct tls_ends ends = open_ends();
    const int file = make_file(SIZE);
    coro_task *counter = spawn(counts, &passes), *reader = spawn(reads_much, ends.server);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, file, NULL, SIZE), SIZE);
    ck_assert_int_gt(passes, 2);
    ck_assert_int_eq(coro_join(reader, NULL), 0);
    coro_cancel(counter);
    ck_assert_int_eq(coro_join(counter, NULL), 0);
    close_ends(&ends);
    close(file);
    return 0;
}

static int reads_and_closes(void *stream)
{
    expect_pattern(stream, SIZE, 0);
    return coro_stream_close(stream);
}

/* CPython: test_sendfile.SendfileMixin.test_sendfile_ssl_close_peer_after_receiving */
TASK_TEST(the_peer_closes_when_it_has_all)
{
    const struct tls_ends ends = open_ends();
    const int file = make_file(SIZE);
    coro_task *reader = spawn(reads_and_closes, ends.server);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, file, NULL, SIZE), SIZE);
    ck_assert_int_eq(coro_join(reader, NULL), 0);
    close_ends(&ends);
    close(file);
    return 0;
}

/* --- What cannot be sent ---------------------------------------------------------------------- */
static int reads_byte(void *stream)
{
    expect_bytes(stream, 1, "x");
    return 0;
}

/* Nor does it disturb who reads from it. */
TASK_TEST(a_file_that_cannot_be_read_leaves_the_stream)
{
    int ends_of_pipe[2];
    off_t offset = -1;
    const struct tls_ends ends = open_ends();
    coro_task *reader = spawn(reads_byte, ends.client);
    const int file = make_file(SIZE), closed = next_fd(), unreadable = open("/dev/null", O_WRONLY);
    make_pipe(ends_of_pipe);
    passes(2);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, ends_of_pipe[0], NULL, 1), -EINVAL);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, file, &offset, 1), -EINVAL);
    ck_assert_int_eq(offset, -1);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, unreadable, NULL, 1), -EBADF);
    close_both(ends_of_pipe);
    close(unreadable);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, closed + 10, NULL, 1), -EBADF);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, file, NULL, 3), 3);
    expect_pattern(ends.server, 3, 0);
    ck_assert_int_eq(coro_stream_write(ends.server, "x", 1), 0);
    ck_assert_int_eq(coro_join(reader, NULL), 0);
    close_ends(&ends);
    close(file);
    return 0;
}

TASK_TEST(a_stream_that_takes_no_more)
{
    const struct tls_ends ends = open_ends();
    const int file = make_file(SIZE);
    ck_assert_int_eq(coro_stream_sendfile(NULL, file, NULL, SIZE), -ENOMEM);
    if (!encrypted) {
        ck_assert_int_eq(coro_stream_write_eof(ends.server), 0);
        ck_assert_int_eq(coro_stream_sendfile(ends.server, file, NULL, SIZE), -EPIPE);
    }
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, file, NULL, SIZE), -EPIPE);
    ck_assert_int_eq(place_of(file), 0);
    close_ends(&ends);
    close(file);
    return 0;
}

static coro_stream *called_for;
static ssize_t sent_by_callback;

static void sends_without_task(void *file)
{
    sent_by_callback = coro_stream_sendfile(called_for, NUMBER(file), NULL, SIZE);
}

TASK_TEST(a_callback_sends_no_file)
{
    const struct tls_ends ends = open_ends();
    const int file = make_file(SIZE);
    called_for = ends.client;
    ck_assert_int_eq(coro_call_soon(sends_without_task, ARG(file), NULL), 0);
    passes(2);
    ck_assert_int_eq(sent_by_callback, -EPERM);
    close_ends(&ends);
    close(file);
    return 0;
}

/* --- While it is sent ------------------------------------------------------------------------- */
/* CPython: test_sendfile.SendfileMixin.test_sendfile_prevents_bare_write */
TASK_TEST(nothing_else_is_written_meanwhile)
{
    const struct tls_ends ends = open_ends();
    struct transfer transfer;
    coro_task *task = start_transfer(&ends, &transfer);
    off_t offset = 0;
    ck_assert_int_eq(coro_stream_write(ends.client, "x", 1), -EBUSY);
    ck_assert_int_eq(coro_stream_write_eof(ends.client), -EBUSY);
    ck_assert_int_eq(coro_stream_sendfile(ends.client, transfer.file, &offset, 1), -EBUSY);
    ck_assert_int_eq(offset, 0);
    expect_pattern(ends.server, SIZE, 0);
    ck_assert_int_eq(coro_join(task, NULL), SIZE);
    ck_assert_int_eq(coro_stream_write(ends.client, "x", 1), 0);
    expect_bytes(ends.server, 1, "x");
    close_ends(&ends);
    close(transfer.file);
    return 0;
}

/* Marks that are set while what was written before goes out stay as they are set. */
TASK_TEST(the_marks_are_the_users)
{
    static char other[SIZE];
    const struct tls_ends ends = open_ends();
    struct transfer transfer = {ends.client, make_file(SIZE), NULL, 1};
    ck_assert_int_eq(coro_stream_write(ends.client, other, SIZE), 0);
    coro_task *task = spawn(sends_file, &transfer);
    passes(3);
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_stream_set_write_buffer_limits(ends.client, 4 * SIZE, SIZE), 0);
    ck_assert_int_eq(coro_stream_drain(ends.client), 0);
    ck_assert_int_eq(coro_stream_readexactly(ends.server, other, SIZE, NULL), SIZE);
    expect_pattern(ends.server, 1, 0);
    ck_assert_int_eq(coro_join(task, NULL), 1);
    ck_assert_int_eq(coro_stream_write(ends.client, other, SIZE), 0);
    ck_assert_uint_gt(coro_stream_get_write_buffer_size(ends.client), 0);
    ck_assert_int_eq(coro_stream_drain(ends.client), 0);
    abort_ends(&ends);
    close(transfer.file);
    return 0;
}

TASK_TEST(it_does_not_become_encrypted_meanwhile)
{
    const struct tls_ends ends = open_ends();
    struct transfer transfer;
    coro_tls *tls = client_tls();
    const struct tls_start start = {ends.client, tls, "localhost"};
    coro_task *task = start_transfer(&ends, &transfer);
    ck_assert_int_eq(starts_tls((void *)(uintptr_t)&start), -EBUSY);
    expect_pattern(ends.server, SIZE, 0);
    ck_assert_int_eq(coro_join(task, NULL), SIZE);
    close_ends(&ends);
    coro_tls_release(tls);
    close(transfer.file);
    return 0;
}

TASK_TEST(a_cancel_leaves_what_was_not_sent)
{
    const struct tls_ends ends = open_ends();
    struct transfer transfer;
    coro_task *task = start_transfer(&ends, &transfer);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    const off_t place = place_of(transfer.file);
    ck_assert_int_lt(place, SIZE);
    expect_pattern(ends.server, (size_t)place, 0);
    task = spawn(sends_file, &transfer);
    expect_pattern(ends.server, (size_t)(SIZE - place), (size_t)place);
    ck_assert_int_eq(coro_join(task, NULL), SIZE - place);
    close_ends(&ends);
    close(transfer.file);
    return 0;
}

/* Behind bytes that the peer does not take, of which none is lost. */
TASK_TEST(a_cancel_before_it_begins)
{
    static char other[SIZE];
    const struct tls_ends ends = open_ends();
    struct transfer transfer = {ends.client, make_file(SIZE), NULL, SIZE};
    fill(other, SIZE, 0);
    ck_assert_int_eq(coro_stream_write(ends.client, other, SIZE), 0);
    coro_task *task = spawn(sends_file, &transfer);
    passes(3);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(place_of(transfer.file), 0);
    expect_pattern(ends.server, SIZE, 0);
    close_ends(&ends);
    close(transfer.file);
    return 0;
}

TASK_TEST(the_stream_is_closed_meanwhile)
{
    const struct tls_ends ends = open_ends();
    struct transfer transfer;
    coro_task *task = start_transfer(&ends, &transfer);
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    if (encrypted) /* what it has taken still goes out */
        expect_pattern(ends.server, (size_t)place_of(transfer.file), 0);
    ck_assert_int_eq(coro_join(task, NULL), -ECONNABORTED);
    abort_ends(&ends);
    close(transfer.file);
    return 0;
}

struct exchange {
    coro_stream *stream;
    int other;
};

/* Aborts the stream; its number becomes another one's. */
static int exchanges(void *arg)
{
    const struct exchange *exchange = arg;
    const int number = coro_stream_fd(exchange->stream);
    ck_assert_int_eq(coro_stream_abort(exchange->stream), 0);
    ck_assert_int_eq(dup2(exchange->other, number), number);
    return number;
}

/* After many calls without a wait a call lets others run first. */
TASK_TEST(what_has_the_number_of_a_closed_stream_gets_nothing)
{
    int other[2];
    char byte;
    const int file = make_file(SIZE);
    make_pair(other);
    for (int calls = 55; calls < 75; calls++) {
        const struct tls_ends ends = open_ends();
        const struct exchange exchange = {ends.client, other[0]};
        for (int i = 0; i < calls; i++)
            ck_assert_int_eq(coro_stream_drain(ends.client), 0);
        coro_task *task = spawn(exchanges, (void *)(uintptr_t)&exchange);
        const ssize_t n = coro_stream_sendfile(ends.client, file, NULL, 10);
        ck_assert(n == 10 || n == -ECONNABORTED);
        ck_assert_int_eq(coro_close(coro_join(task, NULL)), 0);
        ck_assert_int_eq(recv(other[1], &byte, 1, MSG_DONTWAIT), -1);
        errno = 0;
        abort_ends(&ends);
    }
    close_both(other);
    close(file);
    return 0;
}

TASK_TEST(the_stream_is_aborted_meanwhile)
{
    const struct tls_ends ends = open_ends();
    struct transfer transfer;
    coro_task *task = start_transfer(&ends, &transfer);
    ck_assert_int_eq(coro_stream_abort(ends.client), 0);
    ck_assert_int_eq(coro_join(task, NULL), -ECONNABORTED);
    abort_ends(&ends);
    close(transfer.file);
    return 0;
}

/* CPython: test_sendfile.SendfileMixin.test_sendfile_fallback_close_peer_in_the_middle_of_receiving
 */
TASK_TEST(the_peer_goes_meanwhile)
{
    const struct tls_ends ends = open_ends();
    struct transfer transfer;
    coro_task *task = start_transfer(&ends, &transfer);
    ck_assert_int_eq(coro_stream_abort(ends.server), 0);
    const int rc = coro_join(task, NULL);
    ck_assert(rc == -EPIPE || rc == -ECONNRESET);
    ck_assert_int_lt(place_of(transfer.file), SIZE);
    ck_assert(coro_stream_is_closing(ends.client));
    ck_assert_int_eq(coro_stream_write(ends.client, "x", 1), rc);
    ck_assert_int_eq(coro_stream_wait_closed(ends.client), rc);
    abort_ends(&ends);
    close(transfer.file);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_file_between_other_bytes,
        a_part_of_a_file,
        a_file_of_the_system,
        others_run_meanwhile,
        the_peer_closes_when_it_has_all,
        a_file_that_cannot_be_read_leaves_the_stream,
        a_stream_that_takes_no_more,
        a_callback_sends_no_file,
        nothing_else_is_written_meanwhile,
        the_marks_are_the_users,
        a_cancel_leaves_what_was_not_sent,
        a_cancel_before_it_begins,
        the_stream_is_closed_meanwhile,
        what_has_the_number_of_a_closed_stream_gets_nothing,
        the_stream_is_aborted_meanwhile,
        the_peer_goes_meanwhile,
        NULL,
    };
    const TTest *const with_contexts[] = {it_does_not_become_encrypted_meanwhile, NULL};
    int rc = run_suite_on_pollers("stream_sendfile", tests);
    if (!have_tls())
        return rc;
    rc |= run_tls_suite("stream_sendfile, and TLS", with_contexts);
    encrypted = true;
    return rc | run_tls_suite("stream_sendfile over TLS", tests);
}
