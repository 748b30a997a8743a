/* SPDX-License-Identifier: MIT */
/*
 * Files in threads, as they are on epoll. The program is linked so that the library's open, preadv,
 * pwritev and close come here (--wrap; see the Makefile), where a test can have them wait at a
 * gate, or write little.
 */
#include "support_file.h"
#include "support_threads.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* NULL where the program was linked without --wrap. */
#define REAL __attribute__((weak))
int __real_open(const char *path, int flags, ...) REAL;
ssize_t __real_preadv(int fd, const struct iovec *parts, int count, off_t offset) REAL;
ssize_t __real_pwritev(int fd, const struct iovec *parts, int count, off_t offset) REAL;
int __real_close(int fd) REAL;
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_preadv(int fd, const struct iovec *parts, int count, off_t offset);
ssize_t __wrap_preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags);
ssize_t __wrap_pwritev(int fd, const struct iovec *parts, int count, off_t offset);
int __wrap_close(int fd);

static atomic_bool gated, gate_open;
static atomic_int waiting, reads;
static atomic_int last_opened, last_closed; /* descriptors; 0 is none */
static int close_error;
static size_t most_written = SIZE_MAX; /* at a time */

static void pass_the_gate(void)
{
    if (!atomic_load(&gated))
        return;
    atomic_fetch_add(&waiting, 1);
    until(&gate_open);
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = va_arg(args, mode_t);
    va_end(args);
    pass_the_gate();
    const int fd = __real_open(path, flags, mode);
    atomic_store(&last_opened, fd);
    return fd;
}

ssize_t __wrap_preadv(int fd, const struct iovec *parts, int count, off_t offset)
{
    pass_the_gate();
    atomic_fetch_add(&reads, 1);
    return __real_preadv(fd, parts, count, offset);
}

/* No file is in memory. */
ssize_t __wrap_preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    errno = EAGAIN;
    return -1;
}

ssize_t __wrap_pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    pass_the_gate();
    struct iovec first = parts[0];
    if (count > 1 || first.iov_len <= most_written)
        return __real_pwritev(fd, parts, count, offset);
    first.iov_len = most_written;
    return __real_pwritev(fd, &first, 1, offset);
}

int __wrap_close(int fd)
{
    const int rc = __real_close(fd);
    atomic_store(&last_closed, fd);
    if (close_error == 0)
        return rc;
    errno = close_error;
    return -1;
}

static bool cannot_work(const char *test)
{
    if (__real_open && __real_preadv && __real_pwritev && __real_close)
        return false;
    char why[128];
    snprintf(why, sizeof why, "%s: linked without --wrap", test);
    skip(why);
    return true;
}

#define GATE_TEST(name)                                                             \
    static int name##_at_the_gate(void);                                            \
    TASK_TEST(name)                                                                 \
    {                                                                               \
        return cannot_work(#name) ? 0 : run_with_folder(#name, name##_at_the_gate); \
    }                                                                               \
    static int name##_at_the_gate(void)

/* --- Slow disks and cancels ------------------------------------------------------------------- */
static void close_gate(void)
{
    atomic_store(&gated, true);
}

struct read {
    int fd;
    char found[8];
};

static int reads_at_the_gate(void *arg)
{
    struct read *read = arg;
    return (int)coro_pread(read->fd, read->found, sizeof read->found, 0);
}

static coro_task *spawn_read(struct read *read)
{
    put("a", "hello", 5);
    *read = (struct read){.fd = __real_open(in_folder("a"), O_RDONLY, 0)};
    close_gate();
    coro_task *task = spawn(reads_at_the_gate, read);
    until_count(&waiting, 1);
    return task;
}

GATE_TEST(other_tasks_run_while_a_disk_is_slow)
{
    struct read read;
    coro_task *task = spawn_read(&read);
    passes(5);
    ck_assert(!coro_done(task));
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_join(task, NULL), 5);
    ck_assert_str_eq(read.found, "hello");
    close(read.fd);
    return 0;
}

GATE_TEST(a_cancelled_call_has_ended_when_it_returns)
{
    struct read read;
    coro_task *task = spawn_read(&read);
    coro_cancel_with(task, "enough");
    passes(5);
    ck_assert(!coro_done(task));
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "enough");
    coro_release(task);
    ck_assert_int_eq(atomic_load(&reads), 1);
    close(read.fd);
    return 0;
}

static void opens_the_gate(void *arg)
{
    atomic_store(&gate_open, true);
}

GATE_TEST(a_timeout_is_one_when_the_call_has_ended)
{
    coro_timeout scope;
    struct read read;
    put("a", "hello", 5);
    read.fd = __real_open(in_folder("a"), O_RDONLY, 0);
    close_gate();
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_FOREVER), 0);
    coro_call_soon(opens_the_gate, NULL, NULL);
    ck_assert_int_eq(coro_timeout_reschedule(&scope, coro_now()), 0);
    const int rc = reads_at_the_gate(&read);
    ck_assert_int_eq(coro_timeout_end(&scope, rc), -ETIMEDOUT);
    close(read.fd);
    return 0;
}

static int opens_at_the_gate(void *arg)
{
    return coro_open(in_folder("a"), O_RDWR | O_CREAT, 0600);
}

GATE_TEST(a_cancelled_open_leaves_no_descriptor)
{
    close_gate();
    coro_task *task = spawn(opens_at_the_gate, NULL);
    until_count(&waiting, 1);
    coro_cancel(task);
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_gt(atomic_load(&last_opened), 0);
    ck_assert_int_eq(atomic_load(&last_closed), atomic_load(&last_opened));
    return 0;
}

static int cancels_what_has_not_begun(void *arg)
{
    struct read read;
    coro_task *first = spawn_read(&read);
    coro_task *second = spawn(opens_at_the_gate, NULL);
    passes(3);
    coro_cancel(second);
    ck_assert_int_eq(coro_join(second, NULL), -ECANCELED);
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_join(first, NULL), 5);
    ck_assert_int_eq(atomic_load(&waiting), 1);
    ck_assert_int_eq(atomic_load(&last_opened), 0);
    close(read.fd);
    return 0;
}

START_TEST(what_has_not_begun_never_does)
{
    if (cannot_work("what_has_not_begun_never_does"))
        return;
    coro_run_options options = test_options();
    options.threads = 1;
    make_folder();
    ck_assert_int_eq(coro_run_with(&options, cancels_what_has_not_begun, NULL), 0);
    remove_folder();
}
END_TEST

/* --- Whole files ------------------------------------------------------------------------------ */
struct whole {
    void *data;
    size_t size;
};

/* In its next call, which is at the gate. */
static void cancel_once_it_has_opened(coro_task *task)
{
    while (atomic_load(&last_opened) == 0)
        coro_yield();
    close_gate();
    until_count(&waiting, 1);
    coro_cancel(task);
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
}

static int reads_whole(void *arg)
{
    struct whole *whole = arg;
    return coro_read_file(in_folder("a"), &whole->data, &whole->size);
}

GATE_TEST(a_cancelled_read_of_a_file_leaves_nothing)
{
    enum { LARGE = 3000000 };
    struct whole whole;
    char *data = some_data(LARGE);
    put("a", data, LARGE);
    coro_task *task = spawn(reads_whole, &whole);
    cancel_once_it_has_opened(task);
    ck_assert_ptr_null(whole.data);
    ck_assert_int_lt(atomic_load(&reads), 3);
    ck_assert_int_eq(atomic_load(&last_closed), atomic_load(&last_opened));
    free(data);
    return 0;
}

GATE_TEST(a_file_is_written_whole_in_pieces)
{
    most_written = 2;
    ck_assert_int_eq(coro_write_file(in_folder("a"), "in pieces", 9), 0);
    expect_content("a", "in pieces", 9);
    return 0;
}

GATE_TEST(failures_to_write_are_reported)
{
    most_written = 0;
    ck_assert_int_eq(coro_write_file(in_folder("a"), "x", 1), -EIO);
    most_written = SIZE_MAX;
    close_error = EDQUOT;
    ck_assert_int_eq(coro_write_file(in_folder("a"), "x", 1), -EDQUOT);
    close_error = 0;
    return 0;
}

static int writes_whole(void *arg)
{
    return coro_write_file(in_folder("a"), "hello", 5);
}

GATE_TEST(a_cancelled_write_of_a_file_is_closed)
{
    coro_task *task = spawn(writes_whole, NULL);
    cancel_once_it_has_opened(task);
    ck_assert_int_eq(atomic_load(&last_closed), atomic_load(&last_opened));
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        other_tasks_run_while_a_disk_is_slow,
        a_cancelled_call_has_ended_when_it_returns,
        a_timeout_is_one_when_the_call_has_ended,
        a_cancelled_open_leaves_no_descriptor,
        what_has_not_begun_never_does,
        a_cancelled_read_of_a_file_leaves_nothing,
        a_file_is_written_whole_in_pieces,
        failures_to_write_are_reported,
        a_cancelled_write_of_a_file_is_closed,
        NULL,
    };
    setenv("CORO_POLLER", "epoll", 1);
    return run_suite("file_thread", tests);
}
