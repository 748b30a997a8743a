/* SPDX-License-Identifier: MIT */
/*
 * Files on io_uring, where the kernel has threads for the calls.
 *
 * A slow file is a pipe: the program is linked so that the library, which asks preadv and pwritev
 * whether there are offsets, is told here that there are (--wrap; see the Makefile).
 */
#include "support_file.h"
#include "support_io.h"
#include "support_threads.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* NULL where the program was linked without --wrap. */
#define REAL __attribute__((weak))
ssize_t __real_preadv(int fd, const struct iovec *parts, int count, off_t offset) REAL;
ssize_t __real_pwritev(int fd, const struct iovec *parts, int count, off_t offset) REAL;
ssize_t __wrap_preadv(int fd, const struct iovec *parts, int count, off_t offset);
ssize_t __wrap_pwritev(int fd, const struct iovec *parts, int count, off_t offset);

static int slow[2] = {-1, -1};      /* the ends of the pipe */
static atomic_int calls_of_threads; /* that read or write */

ssize_t __wrap_preadv(int fd, const struct iovec *parts, int count, off_t offset)
{
    if (count == 0)
        return fd == slow[0] ? 0 : __real_preadv(fd, parts, count, offset);
    calls_of_threads++;
    return __real_preadv(fd, parts, count, offset);
}

ssize_t __wrap_pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    if (count == 0)
        return fd == slow[1] ? 0 : __real_pwritev(fd, parts, count, offset);
    calls_of_threads++;
    return __real_pwritev(fd, parts, count, offset);
}

static const char *reason_against(void)
{
    if (!have_poller("io_uring"))
        return "no io_uring";
    return __real_preadv && __real_pwritev ? NULL : "linked without --wrap";
}

/* A test with a slow file. */
#define SLOW_TEST(name)                           \
    static int name##_with_a_slow_file(void);     \
    FILE_TEST(name)                               \
    {                                             \
        make_pipe(slow);                          \
        const int rc = name##_with_a_slow_file(); \
        close_both(slow);                         \
        return rc;                                \
    }                                             \
    static int name##_with_a_slow_file(void)

static int reads_slowly(void *found)
{
    return (int)coro_pread(slow[0], found, 8, 0);
}

static int writes_slowly(void *arg)
{
    return (int)coro_pwrite(slow[1], "late", 4, 0);
}

/* The disk has what it was asked for. */
static void arrive(const char *text)
{
    ck_assert_int_eq(write(slow[1], text, strlen(text)), (ssize_t)strlen(text));
}

/* Takes a task that has had a call on the slow file begin. */
static coro_task *begin(coro_fn *fn, void *arg)
{
    coro_task *task = spawn(fn, arg);
    passes(3);
    ck_assert(!coro_done(task));
    return task;
}

/* --- Without threads of the library ----------------------------------------------------------- */
static bool thread_is_the_librarys(const char *number)
{
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", number);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    ck_assert_ptr_nonnull(fgets(name, sizeof name, file));
    fclose(file);
    return strncmp(name, "coro-", 5) == 0;
}

static bool any_thread_is_the_librarys(void)
{
    bool any = false;
    DIR *threads = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(threads);
    for (const struct dirent *entry; (entry = readdir(threads));)
        any = any || (entry->d_name[0] != '.' && thread_is_the_librarys(entry->d_name));
    closedir(threads);
    return any;
}

/* But for two of them, and with a read that is too large to be made at once. */
FILE_TEST(calls_need_no_thread_of_the_library)
{
    enum { LARGE = 100000 };
    static char found[LARGE];
    struct stat status;
    char *data = some_data(LARGE);
    put("a", data, LARGE);
    ck_assert_int_eq(coro_mkdir(in_folder("b"), 0700), 0);
    ck_assert_int_eq(coro_rmdir(in_folder("b")), 0);
    ck_assert_int_eq(coro_rename(in_folder("a"), in_folder("b")), 0);
    ck_assert_int_eq(coro_stat(in_folder("b"), &status), 0);
    ck_assert_int_eq(coro_lstat(in_folder("b"), &status), 0);
    const int fd = coro_open(in_folder("b"), O_RDWR, 0);
    ck_assert_int_eq(coro_pwrite(fd, "H", 1, 0), 1);
    ck_assert_int_eq(coro_pread(fd, found, sizeof found, 0), LARGE);
    ck_assert_mem_eq(found + 1, data + 1, LARGE - 1);
    ck_assert_int_eq(coro_fsync(fd), 0);
    ck_assert_int_eq(coro_fdatasync(fd), 0);
    ck_assert_int_eq(coro_fstat(fd, &status), 0);
    ck_assert_int_eq(coro_close(fd), 0);
    ck_assert_int_eq(coro_unlink(in_folder("b")), 0);
    ck_assert(!any_thread_is_the_librarys());
    ck_assert_int_eq(calls_of_threads, 0);
    coro_to_thread(returns, ARG(0));
    ck_assert(any_thread_is_the_librarys());
    free(data);
    return 0;
}

/* --- Slow files ------------------------------------------------------------------------------- */
SLOW_TEST(other_tasks_run_while_a_file_is_slow)
{
    char found[8] = "";
    coro_task *task = begin(reads_slowly, found);
    arrive("hello");
    ck_assert_int_eq(coro_join(task, NULL), 5);
    ck_assert_str_eq(found, "hello");
    return 0;
}

static void *arrives_late(void *arg)
{
    nap(20);
    arrive("hello");
    return NULL;
}

/* Nor does the virtual clock go on. */
SLOW_TEST(a_slow_file_is_no_deadlock)
{
    char found[8];
    const pthread_t disk = start_thread(arrives_late, NULL);
    const coro_time before = coro_now();
    coro_task *sleeper = spawn(sleeps, ARG(1000));
    ck_assert_int_eq(reads_slowly(found), 5);
    ck_assert_int_eq(coro_now(), before);
    ck_assert_int_eq(coro_join(sleeper, NULL), 0);
    join_thread(disk);
    return 0;
}

SLOW_TEST(a_cancelled_read_ends_and_takes_nothing)
{
    char found[8] = "";
    coro_task *task = begin(reads_slowly, found);
    coro_cancel_with(task, "enough");
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "enough");
    coro_release(task);
    arrive("hello");
    passes(3);
    ck_assert_str_eq(found, "");
    ck_assert_uint_eq(pipe_size(slow[0]), 5);
    return 0;
}

SLOW_TEST(a_cancelled_write_ends_and_puts_nothing)
{
    const size_t full = fill_up(slow[1]);
    coro_task *task = begin(writes_slowly, NULL);
    coro_cancel(task);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_uint_eq(drain(slow[0]), full);
    return 0;
}

/* Whether the read or the cancel comes first, nothing is lost without being told of. */
SLOW_TEST(a_cancel_may_come_with_the_result)
{
    char found[8] = "";
    coro_task *task = begin(reads_slowly, found);
    arrive("hello");
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(strcmp(found, "hello") == 0, pipe_size(slow[0]) == 0);
    return 0;
}

static int catches_a_cancel(void *found)
{
    int rc = reads_slowly(found);
    ck_assert_int_eq(rc, -ECANCELED);
    arrive("again");
    return reads_slowly(found);
}

SLOW_TEST(a_call_can_follow_one_that_was_cancelled)
{
    char found[8] = "";
    coro_task *task = begin(catches_a_cancel, found);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), 5);
    ck_assert_str_eq(found, "again");
    return 0;
}

SLOW_TEST(a_time_limit_ends_a_call)
{
    char found[8];
    coro_timeout scope;
    ck_assert_int_eq(coro_timeout_begin(&scope, 0), 0);
    const int rc = reads_slowly(found);
    ck_assert_int_eq(coro_timeout_end(&scope, rc), -ETIMEDOUT);
    return 0;
}

/* --- The end of a run ------------------------------------------------------------------------- */
static int leaves_a_call_behind(void *arg)
{
    static char found[8];
    coro_release(begin(reads_slowly, found));
    return 3;
}

START_TEST(a_run_ends_with_calls_that_go_on)
{
    make_pipe(slow);
    ck_assert_int_eq(run_test(leaves_a_call_behind, NULL), 3);
    close_both(slow);
}
END_TEST

/* One whose call the ring has not been told of, and one whose call it makes. */
static int reads_for_ever(void *arg)
{
    char found[8];
    int rc;
    do
        rc = reads_slowly(found);
    while (rc == -ECANCELED);
    return rc;
}

static void creates_what_never_ends(coro_task *task, void *arg)
{
    const coro_task_options options = {.eager_start = true};
    coro_release(coro_create_task_with(&options, reads_for_ever, NULL));
    if (arg)
        coro_release(spawn(returns, ARG(0)));
}

static int never_ends(void *arg)
{
    coro_add_done_callback(coro_current_task(), creates_what_never_ends, arg);
    while (coro_sleep(CORO_FOREVER) < 0)
        continue;
    return 0;
}

static void expect_end_without_return(void *arg)
{
    make_pipe(slow);
    ck_assert_int_eq(run_test(never_ends, arg), -EDEADLK);
    forget_log();
    arrive("x");
    ck_assert_uint_eq(pipe_size(slow[0]), 1);
    close_both(slow);
}

START_TEST(a_task_that_is_destroyed_leaves_no_call)
{
    expect_end_without_return(NULL);
}
END_TEST

START_TEST(a_task_that_is_destroyed_leaves_no_call_that_has_begun)
{
    expect_end_without_return(word("begun"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        calls_need_no_thread_of_the_library,
        other_tasks_run_while_a_file_is_slow,
        a_slow_file_is_no_deadlock,
        a_cancelled_read_ends_and_takes_nothing,
        a_cancelled_write_ends_and_puts_nothing,
        a_cancel_may_come_with_the_result,
        a_call_can_follow_one_that_was_cancelled,
        a_time_limit_ends_a_call,
        a_run_ends_with_calls_that_go_on,
        a_task_that_is_destroyed_leaves_no_call,
        a_task_that_is_destroyed_leaves_no_call_that_has_begun,
        NULL,
    };
    const TTest *const none[] = {NULL};
    setenv("CORO_POLLER", "io_uring", 1);
    const char *reason = reason_against();
    if (!reason)
        return run_suite("io_uring_file", tests);
    char why[128];
    snprintf(why, sizeof why, "io_uring_file: %s", reason);
    skip(why);
    return run_suite("io_uring_file", none);
}
