/* SPDX-License-Identifier: MIT */
#include "support_io.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static void expect_flags(const int fds[2])
{
    for (int i = 0; i < 2; i++) {
        ck_assert(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        ck_assert(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
    }
}

static int fds[2];

static int writes_late(void *arg)
{
    passes(3);
    ck_assert_int_eq(coro_write(fds[1], "ab", 2), 2);
    return coro_close(fds[1]);
}

TASK_TEST(a_pipe_is_read_in_one_task_and_written_in_another)
{
    char buffer[8];
    ck_assert_int_eq(coro_pipe(fds), 0);
    expect_flags(fds);
    coro_task *writer = spawn(writes_late, NULL);
    ck_assert_int_eq(coro_read_all(fds[0], buffer, sizeof buffer, NULL), 2);
    ck_assert_mem_eq(buffer, "ab", 2);
    ck_assert_int_eq(coro_join(writer, NULL), 0);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    return 0;
}

TASK_TEST(writing_to_a_pipe_that_nobody_reads_is_an_error_and_no_signal)
{
    ck_assert_int_eq(coro_pipe(fds), 0);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    ck_assert_int_eq(coro_write(fds[1], "a", 1), -EPIPE);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    return 0;
}

START_TEST(a_pipe_is_made_anywhere)
{
    ck_assert_int_eq(coro_pipe(fds), 0);
    expect_flags(fds);
    close_both(fds);
    struct rlimit before, limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    errno = E2BIG;
    ck_assert_int_eq(coro_pipe(fds), -EMFILE);
    ck_assert_int_eq(errno, E2BIG);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_pipe_is_read_in_one_task_and_written_in_another,
                                  writing_to_a_pipe_that_nobody_reads_is_an_error_and_no_signal,
                                  a_pipe_is_made_anywhere, NULL};
    return run_suite_on_pollers("pipe", tests);
}
