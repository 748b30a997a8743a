/* SPDX-License-Identifier: MIT */
/*
 * Files in threads. The program is linked so that the library's open, preadv, pwritev and close
 * come here (--wrap; see the Makefile), where a test can have them wait at a gate, or write little.
 */
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

/* --- A folder for each test ------------------------------------------------------------------- */
static char folder[256];

static void make_folder(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/coro-test-XXXXXX", parent ? parent : P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* The path of a file in it, in one of a few buffers. */
static const char *in_folder(const char *name)
{
    static char paths[4][300];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    unlink(in_folder("a"));
    unlink(in_folder("b"));
    ck_assert_int_eq(rmdir(folder), 0);
}

#define FILE_TEST(name)               \
    static int name##_body(void);     \
    TASK_TEST(name)                   \
    {                                 \
        if (cannot_work(#name))       \
            return 0;                 \
        make_folder();                \
        const int rc = name##_body(); \
        remove_folder();              \
        return rc;                    \
    }                                 \
    static int name##_body(void)

static int open_new(const char *name)
{
    const int fd = coro_open(in_folder(name), O_RDWR | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static void put(const char *name, const void *data, size_t size)
{
    const int fd = __real_open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
    __real_close(fd);
}

static void expect_content(const char *name, const void *data, size_t size)
{
    char *found = malloc(size + 1);
    ck_assert_ptr_nonnull(found);
    const int fd = __real_open(in_folder(name), O_RDONLY, 0);
    ck_assert_int_eq(read(fd, found, size + 1), (ssize_t)size);
    if (size > 0)
        ck_assert_mem_eq(found, data, size);
    __real_close(fd);
    free(found);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* --- Single calls ----------------------------------------------------------------------------- */
FILE_TEST(what_is_written_is_read)
{
    char found[16] = "";
    const int fd = open_new("a");
    ck_assert_int_eq(coro_pwrite(fd, "hello world", 11, 0), 11);
    ck_assert_int_eq(coro_pwrite(fd, "W", 1, 6), 1);
    ck_assert_int_eq(coro_pread(fd, found, sizeof found, 0), 11);
    ck_assert_str_eq(found, "hello World");
    ck_assert_int_eq(coro_pread(fd, found, 5, 6), 5);
    ck_assert_mem_eq(found, "World", 5);
    ck_assert_int_eq(coro_pread(fd, found, 5, 11), 0);
    ck_assert_int_eq(coro_pread(fd, NULL, 0, 0), 0);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
    close(fd);
    return 0;
}

FILE_TEST(parts_are_read_and_written_together)
{
    char first[4] = "", second[8] = "", hello[] = "hello ", world[] = "world";
    const struct iovec from[] = {{hello, 6}, {world, 5}};
    const struct iovec to[] = {{first, 3}, {second, 7}};
    const int fd = open_new("a");
    ck_assert_int_eq(coro_pwritev(fd, from, 2, 2), 11);
    ck_assert_int_eq(coro_preadv(fd, to, 2, 2), 10);
    ck_assert_str_eq(first, "hel");
    ck_assert_str_eq(second, "lo worl");
    close(fd);
    return 0;
}

FILE_TEST(descriptors_are_closed_by_exec_and_never_block)
{
    const int fd = open_new("a");
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    close(fd);
    ck_assert_int_eq(mkfifo(in_folder("b"), 0600), 0);
    const int fifo = coro_open(in_folder("b"), O_RDONLY, 0);
    ck_assert_int_ge(fifo, 0);
    close(fifo);
    return 0;
}

FILE_TEST(sizes_are_set_and_said)
{
    struct stat status;
    const int fd = open_new("a");
    ck_assert_int_eq(coro_ftruncate(fd, 1000), 0);
    ck_assert_int_eq(coro_fsync(fd), 0);
    ck_assert_int_eq(coro_fdatasync(fd), 0);
    ck_assert_int_eq(coro_fstat(fd, &status), 0);
    ck_assert_int_eq(status.st_size, 1000);
    close(fd);
    ck_assert_int_eq(symlink("a", in_folder("b")), 0);
    ck_assert_int_eq(coro_stat(in_folder("b"), &status), 0);
    ck_assert(S_ISREG(status.st_mode));
    ck_assert_int_eq(status.st_size, 1000);
    ck_assert_int_eq(coro_lstat(in_folder("b"), &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    return 0;
}

FILE_TEST(files_and_folders_come_and_go)
{
    struct stat status;
    put("a", "x", 1);
    ck_assert_int_eq(coro_rename(in_folder("a"), in_folder("b")), 0);
    ck_assert_int_eq(coro_stat(in_folder("a"), &status), -ENOENT);
    ck_assert_int_eq(coro_unlink(in_folder("b")), 0);
    ck_assert_int_eq(coro_stat(in_folder("b"), &status), -ENOENT);
    ck_assert_int_eq(coro_mkdir(in_folder("a"), 0700), 0);
    ck_assert_int_eq(coro_mkdir(in_folder("a"), 0700), -EEXIST);
    ck_assert_int_eq(coro_stat(in_folder("a"), &status), 0);
    ck_assert(S_ISDIR(status.st_mode));
    ck_assert_int_eq(coro_rmdir(in_folder("a")), 0);
    ck_assert_int_eq(coro_stat(in_folder("a"), &status), -ENOENT);
    return 0;
}

FILE_TEST(failures_are_the_systems)
{
    char found[4];
    int ends[2];
    struct stat status;
    ck_assert_int_eq(coro_open(in_folder("none"), O_RDONLY, 0), -ENOENT);
    ck_assert_int_eq(coro_open(folder, O_WRONLY, 0), -EISDIR);
    ck_assert_int_eq(coro_pread(-1, found, sizeof found, 0), -EBADF);
    ck_assert_int_eq(coro_pwrite(-1, found, sizeof found, 0), -EBADF);
    ck_assert_int_eq(coro_fsync(-1), -EBADF);
    ck_assert_int_eq(coro_fdatasync(-1), -EBADF);
    ck_assert_int_eq(coro_fstat(-1, &status), -EBADF);
    ck_assert_int_eq(coro_unlink(in_folder("none")), -ENOENT);
    ck_assert_int_eq(coro_rename(in_folder("none"), in_folder("a")), -ENOENT);
    ck_assert_int_eq(coro_rmdir(in_folder("none")), -ENOENT);
    const int fd = open_new("a");
    ck_assert_int_eq(coro_ftruncate(fd, -1), -EINVAL);
    ck_assert_int_eq(coro_pread(fd, found, sizeof found, -1), -EINVAL);
    const struct iovec part = {found, sizeof found};
    ck_assert_int_eq(coro_preadv(fd, &part, -1, 0), -EINVAL);
    close(fd);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(coro_pread(ends[0], found, sizeof found, 0), -ESPIPE);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

TASK_TEST(null_is_refused)
{
    struct stat status;
    size_t size;
    void *data;
    ck_assert_int_eq(coro_open(NULL, O_RDONLY, 0), -EINVAL);
    ck_assert_int_eq(coro_pread(0, NULL, 1, 0), -EINVAL);
    ck_assert_int_eq(coro_pwrite(0, NULL, 1, 0), -EINVAL);
    ck_assert_int_eq(coro_preadv(0, NULL, 1, 0), -EINVAL);
    ck_assert_int_eq(coro_pwritev(0, NULL, 1, 0), -EINVAL);
    ck_assert_int_eq(coro_fstat(0, NULL), -EINVAL);
    ck_assert_int_eq(coro_stat("/", NULL), -EINVAL);
    ck_assert_int_eq(coro_stat(NULL, &status), -EINVAL);
    ck_assert_int_eq(coro_lstat(NULL, &status), -EINVAL);
    ck_assert_int_eq(coro_unlink(NULL), -EINVAL);
    ck_assert_int_eq(coro_rename(NULL, "a"), -EINVAL);
    ck_assert_int_eq(coro_rename("a", NULL), -EINVAL);
    ck_assert_int_eq(coro_mkdir(NULL, 0), -EINVAL);
    ck_assert_int_eq(coro_rmdir(NULL), -EINVAL);
    ck_assert_int_eq(coro_read_file(NULL, &data, &size), -EINVAL);
    ck_assert_int_eq(coro_read_file("a", NULL, &size), -EINVAL);
    ck_assert_int_eq(coro_read_file("a", &data, NULL), -EINVAL);
    ck_assert_int_eq(coro_write_file(NULL, "", 0), -EINVAL);
    ck_assert_int_eq(coro_write_file("a", NULL, 1), -EINVAL);
    return 0;
}

START_TEST(outside_a_task_all_is_refused)
{
    struct stat status;
    char found;
    ck_assert_int_eq(coro_open("/", O_RDONLY, 0), -EPERM);
    ck_assert_int_eq(coro_pread(0, &found, 1, 0), -EPERM);
    ck_assert_int_eq(coro_fsync(0), -EPERM);
    ck_assert_int_eq(coro_stat("/", &status), -EPERM);
    ck_assert_int_eq(coro_write_file("/tmp", "", 0), -EPERM);
}
END_TEST

FILE_TEST(errno_is_kept)
{
    void *data;
    size_t size;
    errno = EDOM;
    ck_assert_int_eq(coro_open(in_folder("none"), O_RDONLY, 0), -ENOENT);
    ck_assert_int_eq(coro_write_file(in_folder("a"), "x", 1), 0);
    ck_assert_int_eq(coro_read_file(in_folder("a"), &data, &size), 0);
    ck_assert_int_eq(errno, EDOM);
    free(data);
    return 0;
}

/* --- Slow disks and cancels ------------------------------------------------------------------- */
/* On the virtual clock a sleep takes no time, so yield. */
static void until_waiting(int count)
{
    while (atomic_load(&waiting) < count) {
        nap(1);
        coro_yield();
    }
}

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
    until_waiting(1);
    return task;
}

FILE_TEST(other_tasks_run_while_a_disk_is_slow)
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

FILE_TEST(a_cancelled_call_has_ended_when_it_returns)
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

FILE_TEST(a_timeout_is_one_when_the_call_has_ended)
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

FILE_TEST(a_cancelled_open_leaves_no_descriptor)
{
    close_gate();
    coro_task *task = spawn(opens_at_the_gate, NULL);
    until_waiting(1);
    coro_cancel(task);
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_gt(atomic_load(&last_opened), 0);
    ck_assert_int_eq(atomic_load(&last_closed), atomic_load(&last_opened));
    ck_assert(!is_open(atomic_load(&last_opened)));
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
static void expect_read(const char *path, const void *data, size_t expected)
{
    void *found = NULL;
    size_t size = 1;
    ck_assert_int_eq(coro_read_file(path, &found, &size), 0);
    ck_assert_uint_eq(size, expected);
    if (expected > 0)
        ck_assert_mem_eq(found, data, expected);
    ck_assert_int_eq(((const char *)found)[size], 0);
    free(found);
    ck_assert_int_eq(atomic_load(&last_closed), atomic_load(&last_opened));
}

static char *large(size_t size)
{
    char *data = malloc(size);
    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7 + i / 1000);
    return data;
}

FILE_TEST(files_are_read_whole)
{
    enum { LARGE = 3000000 };
    char *data = large(LARGE);
    put("a", "", 0);
    expect_read(in_folder("a"), "", 0);
    put("a", "hello", 5);
    expect_read(in_folder("a"), "hello", 5);
    put("a", data, 4096);
    expect_read(in_folder("a"), data, 4096);
    put("a", data, LARGE);
    expect_read(in_folder("a"), data, LARGE);
    free(data);
    return 0;
}

FILE_TEST(files_of_no_size_are_read_whole)
{
    static char plain[1 << 20];
    const int fd = __real_open("/proc/self/mountinfo", O_RDONLY, 0);
    if (fd < 0) {
        skip("files_of_no_size_are_read_whole: no /proc/self/mountinfo");
        return 0;
    }
    size_t size = 0;
    ssize_t found;
    while ((found = read(fd, plain + size, sizeof plain - size)) > 0)
        size += (size_t)found;
    __real_close(fd);
    expect_read("/proc/self/mountinfo", plain, size);
    return 0;
}

FILE_TEST(a_failed_read_leaves_nothing)
{
    void *data = folder;
    size_t size = 1;
    ck_assert_int_eq(coro_read_file(in_folder("none"), &data, &size), -ENOENT);
    ck_assert_ptr_null(data);
    ck_assert_uint_eq(size, 0);
    ck_assert_int_eq(coro_read_file(folder, &data, &size), -EISDIR);
    ck_assert_int_eq(atomic_load(&last_closed), atomic_load(&last_opened));
    return 0;
}

struct whole {
    void *data;
    size_t size;
};

static int reads_whole(void *arg)
{
    struct whole *whole = arg;
    return coro_read_file(in_folder("a"), &whole->data, &whole->size);
}

FILE_TEST(a_cancelled_read_of_a_file_leaves_nothing)
{
    enum { LARGE = 3000000 };
    struct whole whole;
    char *data = large(LARGE);
    put("a", data, LARGE);
    coro_task *task = spawn(reads_whole, &whole);
    while (atomic_load(&last_opened) == 0)
        coro_yield();
    close_gate();
    until_waiting(1);
    coro_cancel(task);
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_ptr_null(whole.data);
    ck_assert_int_lt(atomic_load(&reads), 3);
    ck_assert_int_eq(atomic_load(&last_closed), atomic_load(&last_opened));
    free(data);
    return 0;
}

FILE_TEST(files_are_written_whole)
{
    enum { LARGE = 3000000 };
    struct stat status;
    char *data = large(LARGE);
    const mode_t mask = umask(027);
    ck_assert_int_eq(coro_write_file(in_folder("a"), data, LARGE), 0);
    umask(mask);
    expect_content("a", data, LARGE);
    ck_assert_int_eq(stat(in_folder("a"), &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0640);
    ck_assert_int_eq(coro_write_file(in_folder("a"), "short", 5), 0);
    expect_content("a", "short", 5);
    most_written = 2;
    ck_assert_int_eq(coro_write_file(in_folder("a"), "in pieces", 9), 0);
    expect_content("a", "in pieces", 9);
    ck_assert_int_eq(coro_write_file(in_folder("a"), NULL, 0), 0);
    expect_content("a", "", 0);
    ck_assert_int_eq(atomic_load(&last_closed), atomic_load(&last_opened));
    free(data);
    return 0;
}

FILE_TEST(failures_to_write_are_reported)
{
    ck_assert_int_eq(coro_write_file(folder, "x", 1), -EISDIR);
    ck_assert_int_eq(coro_write_file(in_folder("none/a"), "x", 1), -ENOENT);
    most_written = 0;
    ck_assert_int_eq(coro_write_file(in_folder("a"), "x", 1), -EIO);
    most_written = SIZE_MAX;
    close_error = EDQUOT;
    ck_assert_int_eq(coro_write_file(in_folder("a"), "x", 1), -EDQUOT);
    close_error = 0;
    if (access("/dev/full", W_OK) == 0)
        ck_assert_int_eq(coro_write_file("/dev/full", "x", 1), -ENOSPC);
    ck_assert_int_eq(atomic_load(&last_closed), atomic_load(&last_opened));
    return 0;
}

static int writes_whole(void *arg)
{
    return coro_write_file(in_folder("a"), "hello", 5);
}

FILE_TEST(a_cancelled_write_of_a_file_is_closed)
{
    coro_task *task = spawn(writes_whole, NULL);
    while (atomic_load(&last_opened) == 0)
        coro_yield();
    close_gate();
    until_waiting(1);
    coro_cancel(task);
    atomic_store(&gate_open, true);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(atomic_load(&last_closed), atomic_load(&last_opened));
    ck_assert(!is_open(atomic_load(&last_opened)));
    return 0;
}

static int copies_a_file(void *name)
{
    void *data;
    size_t size;
    int rc = coro_read_file(in_folder("a"), &data, &size);
    if (rc == 0) {
        rc = coro_write_file(in_folder(name), data, size);
        free(data);
    }
    return rc;
}

/* At whatever point it is cancelled. */
FILE_TEST(cancels_at_any_moment_leave_no_descriptor)
{
    put("a", "hello", 5);
    const int before = dup(0);
    __real_close(before);
    for (int turns = 0; turns < 1000; turns += 40) {
        coro_task *task = spawn(copies_a_file, word("b"));
        for (int i = 0; i < turns; i++)
            coro_yield();
        coro_cancel(task);
        const int rc = coro_join(task, NULL);
        ck_assert(rc == 0 || rc == -ECANCELED);
    }
    const int after = dup(0);
    __real_close(after);
    ck_assert_int_eq(after, before);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        what_is_written_is_read,
        parts_are_read_and_written_together,
        descriptors_are_closed_by_exec_and_never_block,
        sizes_are_set_and_said,
        files_and_folders_come_and_go,
        failures_are_the_systems,
        null_is_refused,
        outside_a_task_all_is_refused,
        errno_is_kept,
        other_tasks_run_while_a_disk_is_slow,
        a_cancelled_call_has_ended_when_it_returns,
        a_timeout_is_one_when_the_call_has_ended,
        a_cancelled_open_leaves_no_descriptor,
        what_has_not_begun_never_does,
        files_are_read_whole,
        files_of_no_size_are_read_whole,
        a_failed_read_leaves_nothing,
        a_cancelled_read_of_a_file_leaves_nothing,
        files_are_written_whole,
        failures_to_write_are_reported,
        a_cancelled_write_of_a_file_is_closed,
        cancels_at_any_moment_leave_no_descriptor,
        NULL,
    };
    return run_suite("file", tests);
}
