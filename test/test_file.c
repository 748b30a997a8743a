/* SPDX-License-Identifier: MIT */
/* Files, on each poller: some make the calls themselves, and for others threads do. */
#include "support_file.h"
#include "support_io.h"
#include "support_threads.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int open_new(const char *name)
{
    const int fd = coro_open(in_folder(name), O_RDWR | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    return fd;
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

static void expect_same(const struct stat *found, const struct stat *expected)
{
    ck_assert_uint_eq(found->st_dev, expected->st_dev);
    ck_assert_uint_eq(found->st_rdev, expected->st_rdev);
    ck_assert_uint_eq(found->st_ino, expected->st_ino);
    ck_assert_uint_eq(found->st_mode, expected->st_mode);
    ck_assert_uint_eq(found->st_nlink, expected->st_nlink);
    ck_assert_uint_eq(found->st_uid, expected->st_uid);
    ck_assert_uint_eq(found->st_gid, expected->st_gid);
    ck_assert_int_eq(found->st_size, expected->st_size);
    ck_assert_int_eq(found->st_blksize, expected->st_blksize);
    ck_assert_int_eq(found->st_blocks, expected->st_blocks);
    ck_assert_int_eq(found->st_atim.tv_sec, expected->st_atim.tv_sec);
    ck_assert_int_eq(found->st_mtim.tv_sec, expected->st_mtim.tv_sec);
    ck_assert_int_eq(found->st_mtim.tv_nsec, expected->st_mtim.tv_nsec);
    ck_assert_int_eq(found->st_ctim.tv_sec, expected->st_ctim.tv_sec);
    ck_assert_int_eq(found->st_ctim.tv_nsec, expected->st_ctim.tv_nsec);
}

FILE_TEST(a_status_is_the_systems)
{
    char *const data = some_data(10000);
    const char *const paths[] = {in_folder("a"), folder, "/dev/null", "/proc/self/stat"};
    put("a", data, 10000);
    ck_assert_int_eq(link(in_folder("a"), in_folder("b")), 0);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct stat expected, found;
        ck_assert_int_eq(stat(paths[i], &expected), 0);
        ck_assert_int_eq(coro_stat(paths[i], &found), 0);
        expect_same(&found, &expected);
        const int fd = coro_open(paths[i], O_RDONLY, 0);
        ck_assert_int_eq(coro_fstat(fd, &found), 0);
        expect_same(&found, &expected);
        close(fd);
    }
    free(data);
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
    char found[4] = "";
    int ends[2];
    struct stat status;
    ck_assert_int_eq(coro_open(in_folder("none"), O_RDONLY, 0), -ENOENT);
    ck_assert_int_eq(coro_open(folder, O_WRONLY, 0), -EISDIR);
    const char *text = coro_error_message(coro_current_task());
    ck_assert_int_eq(strncmp(text, folder, strlen(folder)), 0);
    ck_assert_str_eq(text + strlen(folder), ": Is a directory");
    ck_assert_int_eq(coro_pread(-1, found, sizeof found, 0), -EBADF);
    ck_assert_int_eq(coro_pwrite(-1, found, sizeof found, 0), -EBADF);
    ck_assert_int_eq(coro_fsync(-1), -EBADF);
    ck_assert_int_eq(coro_fdatasync(-1), -EBADF);
    ck_assert_int_eq(coro_fstat(-1, &status), -EBADF);
    ck_assert_int_eq(coro_unlink(in_folder("none")), -ENOENT);
    ck_assert_int_eq(coro_rename(in_folder("none"), in_folder("a")), -ENOENT);
    ck_assert_int_eq(coro_rmdir(in_folder("none")), -ENOENT);
    const int fd = open_new("a"), written = coro_open(in_folder("a"), O_WRONLY, 0);
    ck_assert_int_eq(coro_pread(written, found, sizeof found, 0), -EBADF);
    close(written);
    ck_assert_int_eq(coro_ftruncate(fd, -1), -EINVAL);
    ck_assert_int_eq(coro_pwrite(fd, found, sizeof found, -1), -EINVAL);
    ck_assert_int_eq(coro_pread(fd, found, sizeof found, -1), -EINVAL);
    const struct iovec part = {found, sizeof found};
    ck_assert_int_eq(coro_preadv(fd, &part, -1, 0), -EINVAL);
    close(fd);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(coro_pread(ends[0], found, sizeof found, 0), -ESPIPE);
    ck_assert_int_eq(coro_pwrite(ends[1], found, sizeof found, 0), -ESPIPE);
    ck_assert_int_eq(read(ends[0], found, sizeof found), 1);
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

/* --- Several at once -------------------------------------------------------------------------- */
struct record {
    int fd;
    int number;
};

static int writes_and_reads_a_record(void *arg)
{
    const struct record *record = arg;
    const off_t place = record->number * (off_t)sizeof *record;
    struct record found = {0};
    ck_assert_int_eq(coro_pwrite(record->fd, record, sizeof *record, place), sizeof *record);
    ck_assert_int_eq(coro_pread(record->fd, &found, sizeof found, place), sizeof found);
    return found.number == record->number ? 0 : -EIO;
}

FILE_TEST(many_calls_go_on_at_a_time)
{
    enum { MANY = 1500 };
    static struct record records[MANY];
    static coro_task *tasks[MANY];
    const int fd = open_new("a");
    for (int i = 0; i < MANY; i++) {
        records[i] = (struct record){fd, i};
        tasks[i] = spawn(writes_and_reads_a_record, &records[i]);
    }
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    close(fd);
    return 0;
}

static int notes(void *seen)
{
    *(bool *)seen = true;
    return 0;
}

/* Whether another task ran during a read of this many bytes. */
static bool others_run_while_reading(int fd, void *buffer, size_t size, ssize_t expected)
{
    bool seen = false;
    coro_task *task = spawn(notes, &seen);
    ck_assert_int_eq(coro_pread(fd, buffer, size, 0), expected);
    const bool during = seen;
    ck_assert_int_eq(coro_join(task, NULL), 0);
    return during;
}

static bool can_read_what_is_in_memory(int fd)
{
    char found;
    const struct iovec part = {&found, 1};
    return preadv2(fd, &part, 1, 0, RWF_NOWAIT) == 1;
}

FILE_TEST(what_is_in_memory_is_read_at_once)
{
    enum { LARGE = 100000 };
    static _Alignas(4096) char found[LARGE];
    char *data = some_data(LARGE);
    put("a", data, LARGE);
    const int fd = coro_open(in_folder("a"), O_RDONLY, 0);
    if (!can_read_what_is_in_memory(fd)) {
        skip("what_is_in_memory_is_read_at_once: the file system cannot tell");
        close(fd);
        free(data);
        return 0;
    }
    ck_assert(!others_run_while_reading(fd, found, 4096, 4096));
    ck_assert_mem_eq(found, data, 4096);
    ck_assert(others_run_while_reading(fd, found, LARGE, LARGE));
    ck_assert_mem_eq(found, data, LARGE);
    put("b", data, 100);
    const int small = coro_open(in_folder("b"), O_RDONLY, 0);
    ck_assert(!others_run_while_reading(small, found, 4096, 100));
    close(small);
    close(fd);
    free(data);
    return 0;
}

FILE_TEST(reading_past_the_memory_holds_nobody_up)
{
    static _Alignas(4096) char found[4096];
    char *data = some_data(sizeof found);
    put("a", data, sizeof found);
    const int fd = open(in_folder("a"), O_RDONLY | O_DIRECT);
    if (fd < 0) {
        skip("reading_past_the_memory_holds_nobody_up: the file system has no O_DIRECT");
    } else {
        ck_assert(others_run_while_reading(fd, found, sizeof found, sizeof found));
        ck_assert_mem_eq(found, data, sizeof found);
        close(fd);
    }
    free(data);
    return 0;
}

FILE_TEST(reading_for_ever_holds_nobody_up)
{
    char found[8];
    bool seen = false;
    put("a", "x", 1);
    const int fd = coro_open(in_folder("a"), O_RDONLY, 0);
    coro_task *task = spawn(notes, &seen);
    while (!seen)
        ck_assert_int_eq(coro_pread(fd, found, sizeof found, 0), 1);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    seen = false;
    task = spawn(notes, &seen);
    while (!seen)
        ck_assert_int_eq(coro_pread(-1, found, sizeof found, 0), -EBADF);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    close(fd);
    return 0;
}

/* On the virtual clock, which must not leave it behind. */
FILE_TEST(a_call_is_no_longer_than_a_time_limit)
{
    coro_timeout scope;
    char found[4];
    put("a", "x", 1);
    const int fd = coro_open(in_folder("a"), O_RDONLY, 0);
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_MILLISECOND), 0);
    const int rc = (int)coro_pread(fd, found, sizeof found, 0);
    ck_assert_int_eq(coro_timeout_end(&scope, rc), 1);
    close(fd);
    return 0;
}

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
}

FILE_TEST(files_are_read_whole)
{
    enum { LARGE = 3000000 };
    char *data = some_data(LARGE);
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
    const int fd = open("/proc/self/mountinfo", O_RDONLY);
    if (fd < 0) {
        skip("files_of_no_size_are_read_whole: no /proc/self/mountinfo");
        return 0;
    }
    size_t size = 0;
    ssize_t found;
    while ((found = read(fd, plain + size, sizeof plain - size)) > 0)
        size += (size_t)found;
    close(fd);
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
    return 0;
}

FILE_TEST(files_are_written_whole)
{
    enum { LARGE = 3000000 };
    struct stat status;
    char *data = some_data(LARGE);
    const mode_t mask = umask(027);
    ck_assert_int_eq(coro_write_file(in_folder("a"), data, LARGE), 0);
    umask(mask);
    expect_content("a", data, LARGE);
    ck_assert_int_eq(stat(in_folder("a"), &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0640);
    ck_assert_int_eq(coro_write_file(in_folder("a"), "short", 5), 0);
    expect_content("a", "short", 5);
    ck_assert_int_eq(coro_write_file(in_folder("a"), NULL, 0), 0);
    expect_content("a", "", 0);
    free(data);
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

FILE_TEST(failures_to_write_are_reported)
{
    ck_assert_int_eq(coro_write_file(folder, "x", 1), -EISDIR);
    ck_assert_int_eq(coro_write_file(in_folder("none/a"), "x", 1), -ENOENT);
    if (access("/dev/full", W_OK) == 0)
        ck_assert_int_eq(coro_write_file("/dev/full", "x", 1), -ENOSPC);
    return 0;
}

/* What goes beyond the limit may raise a signal; and check writes to a file as well. */
FILE_TEST(a_file_can_be_too_large)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = {5, limit.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    const int rc = coro_write_file(in_folder("a"), "too large", 9);
    setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert_int_eq(rc, -EFBIG);
    expect_content("a", "too l", 5);
    return 0;
}

/* At whatever point it is cancelled. */
FILE_TEST(cancels_at_any_moment_leave_no_descriptor)
{
    put("a", "hello", 5);
    for (int turns = 0; turns < 1000; turns += 40) {
        coro_task *task = spawn(copies_a_file, word("b"));
        for (int i = 0; i < turns; i++)
            coro_yield();
        coro_cancel(task);
        const int rc = coro_join(task, NULL);
        ck_assert(rc == 0 || rc == -ECANCELED);
    }
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        what_is_written_is_read,
        parts_are_read_and_written_together,
        descriptors_are_closed_by_exec_and_never_block,
        sizes_are_set_and_said,
        a_status_is_the_systems,
        files_and_folders_come_and_go,
        failures_are_the_systems,
        null_is_refused,
        outside_a_task_all_is_refused,
        errno_is_kept,
        many_calls_go_on_at_a_time,
        what_is_in_memory_is_read_at_once,
        reading_past_the_memory_holds_nobody_up,
        reading_for_ever_holds_nobody_up,
        a_call_is_no_longer_than_a_time_limit,
        files_are_read_whole,
        files_of_no_size_are_read_whole,
        a_failed_read_leaves_nothing,
        files_are_written_whole,
        failures_to_write_are_reported,
        a_file_can_be_too_large,
        cancels_at_any_moment_leave_no_descriptor,
        NULL,
    };
    return run_suite_on_pollers("file", tests);
}
