/* SPDX-License-Identifier: MIT */
/*
 * The loop with fds to wait for: which poller it sleeps in, what that costs, and that fds, timers,
 * posts and tasks do not hold each other up.
 *
 * The program is linked so that some system calls of the library come here to be counted
 * (-Wl,--wrap=recv and so on; see the Makefile).
 */
#include "support_io.h"
#include "support_threads.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* --- Counting --------------------------------------------------------------------------------- */
#define REAL __attribute__((weak))
ssize_t __real_recv(int fd, void *buffer, size_t n, int flags) REAL;
ssize_t __real_send(int fd, const void *buffer, size_t n, int flags) REAL;
int __real_epoll_create1(int flags) REAL;
int __real_epoll_wait(int fd, struct epoll_event *events, int most, int limit) REAL;
int __real_epoll_pwait2(int fd, struct epoll_event *events, int most, const struct timespec *limit,
                        const sigset_t *mask) REAL;
int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit,
                 const sigset_t *mask) REAL;

ssize_t __wrap_recv(int fd, void *buffer, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *buffer, size_t n, int flags);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int most, int limit);
int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int most, const struct timespec *limit,
                        const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit, const sigset_t *mask);

static int transfers, epolls, polls;
static int refusal; /* of epoll_create1; 0 is none */

ssize_t __wrap_recv(int fd, void *buffer, size_t n, int flags)
{
    transfers++;
    return __real_recv(fd, buffer, n, flags);
}

ssize_t __wrap_send(int fd, const void *buffer, size_t n, int flags)
{
    transfers++;
    return __real_send(fd, buffer, n, flags);
}

int __wrap_epoll_create1(int flags)
{
    errno = refusal;
    return refusal ? -1 : __real_epoll_create1(flags);
}

int __wrap_epoll_wait(int fd, struct epoll_event *events, int most, int limit)
{
    epolls++;
    return __real_epoll_wait(fd, events, most, limit);
}

int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int most, const struct timespec *limit,
                        const sigset_t *mask)
{
    epolls++;
    return __real_epoll_pwait2(fd, events, most, limit, mask);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit, const sigset_t *mask)
{
    polls++;
    return __real_ppoll(fds, n, limit, mask);
}

static bool cannot_count(const char *test)
{
    if (__real_recv && __real_send && __real_epoll_create1 && __real_epoll_wait && __real_ppoll)
        return false;
    skip(test);
    return true;
}

/* --- Which poller ----------------------------------------------------------------------------- */
static int waits_once(void *arg)
{
    int fds[2];
    make_pair(fds);
    epolls = polls = 0;
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    passes(3);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(coro_join(reader, NULL), 'x');
    close_both(fds);
    return 0;
}

static void run_with(const char *poller)
{
    coro_run_options options = test_options();
    options.poller = poller;
    ck_assert_int_eq(coro_run_with(&options, waits_once, NULL), 0);
}

START_TEST(the_option_chooses_the_poller)
{
    if (cannot_count("the_option_chooses_the_poller: linked without --wrap"))
        return;
    unsetenv("CORO_POLLER");
    run_with(NULL);
    ck_assert(epolls > 0 && polls == 0);
    run_with("epoll");
    ck_assert(epolls > 0 && polls == 0);
    run_with("poll");
    ck_assert(polls > 0 && epolls == 0);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

START_TEST(the_environment_chooses_it_where_the_program_does_not)
{
    if (cannot_count("the_environment_chooses...: linked without --wrap"))
        return;
    setenv("CORO_POLLER", "poll", 1);
    run_with(NULL);
    ck_assert(polls > 0 && epolls == 0);
    run_with("epoll");
    ck_assert(epolls > 0 && polls == 0);
}
END_TEST

START_TEST(a_poller_that_is_not_there_is_reported_once_a_run)
{
    run_with("carrier pigeons");
    expect_log(CORO_LOG_POLLER_REFUSED, -ENOENT, "'carrier pigeons'");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

START_TEST(a_poller_that_is_refused_is_replaced)
{
    if (cannot_count("a_poller_that_is_refused_is_replaced: linked without --wrap"))
        return;
    refusal = EMFILE;
    run_with("epoll");
    expect_log(CORO_LOG_POLLER_REFUSED, -EMFILE, "'epoll' cannot be used");
    ck_assert(polls > 0 && epolls == 0);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int does_no_io(void *arg)
{
    return coro_sleep(CORO_MILLISECOND);
}

START_TEST(a_run_without_io_needs_no_poller)
{
    refusal = EMFILE;
    ck_assert_int_eq(run_in_real_time(does_no_io), 0);
    ck_assert_int_eq(epolls, 0);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* --- What it costs ---------------------------------------------------------------------------- */
enum { CONNECTIONS = 64, REQUESTS = 100, REQUEST = 64 };

static int serves(void *fd)
{
    char buffer[4096];
    ssize_t n;
    while ((n = coro_recv(NUMBER(fd), buffer, sizeof buffer, 0)) > 0)
        ck_assert_int_eq(coro_send_all(NUMBER(fd), buffer, (size_t)n, 0, NULL), n);
    return (int)n;
}

static int asks(void *fd)
{
    char buffer[4096] = {0};
    for (int i = 0; i < REQUESTS; i++) {
        ck_assert_int_eq(coro_send(NUMBER(fd), buffer, REQUEST, 0), REQUEST);
        ck_assert_int_eq(coro_recv(NUMBER(fd), buffer, sizeof buffer, 0), REQUEST);
    }
    return 0;
}

/* Two calls a request at either end, and a share of those that wait. */
TASK_TEST(a_request_costs_two_calls)
{
    static int fds[CONNECTIONS][2];
    coro_task *servers[CONNECTIONS], *clients[CONNECTIONS];
    const int all = CONNECTIONS * REQUESTS;
    if (cannot_count("a_request_costs_two_calls: linked without --wrap"))
        return 0;
    transfers = epolls = polls = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        make_tcp(fds[i]);
        servers[i] = spawn(serves, ARG(fds[i][0]));
        clients[i] = spawn(asks, ARG(fds[i][1]));
    }
    for (int i = 0; i < CONNECTIONS; i++)
        ck_assert_int_eq(coro_join(clients[i], NULL), 0);
    /* io_uring makes none for each: test_io_uring has its count. */
    ck_assert(on_io_uring() || transfers >= 4 * all);
    ck_assert_int_le(transfers + epolls + polls, 4 * all + all / 10);
    for (int i = 0; i < CONNECTIONS; i++) {
        ck_assert_int_eq(coro_close(fds[i][1]), 0);
        ck_assert_int_eq(coro_join(servers[i], NULL), 0);
        ck_assert_int_eq(coro_close(fds[i][0]), 0);
    }
    return 0;
}

/* --- Fds that are closed without the library -------------------------------------------------- */
static int waits_for_a_closed_fd(void *arg)
{
    int fds[2];
    make_pair(fds);
    coro_task *readers[2];
    for (int i = 0; i < 2; i++) {
        readers[i] = spawn(reads_one, ARG(fds[0]));
        passes(2);
    }
    coro_task *hour = spawn(sleeps, ARG(3600 * 1000));
    close(fds[0]);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(coro_join(readers[i], NULL), -EBADF);
    ck_assert(!coro_done(hour));
    coro_cancel(hour);
    coro_release(hour);
    return coro_close(fds[1]);
}

TASK_TEST(waiting_for_a_closed_fd_ends)
{
    ck_assert_int_eq(waits_for_a_closed_fd(NULL), 0);
    ck_assert_int_eq(coro_now(), 0);
    return 0;
}

START_TEST(waiting_for_a_closed_fd_ends_in_real_time)
{
    ck_assert_int_eq(run_in_real_time(waits_for_a_closed_fd), 0);
}
END_TEST

/* Has a reader wait that has waited for the fd before, and the number be another file's meanwhile.
 */
static void wait_for_another_file(const int fds[2], const int others[2])
{
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    passes(3);
    ck_assert_int_eq(coro_write(fds[1], "w", 1), 1);
    ck_assert_int_eq(coro_join(reader, NULL), 'w');
    reader = spawn(reads_one, ARG(fds[0]));
    passes(3);
    ck_assert_int_eq(dup2(others[0], fds[0]), fds[0]);
    passes(3);
    ck_assert_int_eq(coro_write(others[1], "x", 1), 1);
    ck_assert_int_eq(coro_join(reader, NULL), 'x');
}

TASK_TEST(waiting_goes_on_for_whatever_has_the_number_now)
{
    void (*const make[])(int fds[2]) = {make_tcp, make_pair, make_pipe};
    for (int was = 0; was < 3; was++)
        for (int is = 0; is < 3; is++) {
            int fds[2], others[2];
            make[was](fds);
            make[is](others);
            wait_for_another_file(fds, others);
            close_both(fds);
            close_both(others);
        }
    return 0;
}

/* What was remembered of the old file, that a read would block, is not believed for ever. */
TASK_TEST(what_is_remembered_is_not_believed_for_another_file)
{
    void (*const make[])(int fds[2]) = {make_tcp, make_pair, make_pipe};
    for (int was = 0; was < 3; was++)
        for (int is = 0; is < 3; is++) {
            int fds[2], others[2];
            char buffer[16];
            make[was](fds);
            ck_assert_int_eq(coro_write(fds[1], "abc", 3), 3);
            ck_assert_int_eq(coro_read(fds[0], buffer, sizeof buffer), 3);
            coro_task *reader = spawn(reads_one, ARG(fds[0]));
            passes(3);
            coro_cancel(reader);
            ck_assert_int_eq(coro_join(reader, NULL), -ECANCELED);
            make[is](others);
            ck_assert_int_eq(coro_write(others[1], "xy", 2), 2);
            ck_assert_int_eq(dup2(others[0], fds[0]), fds[0]);
            ck_assert_int_eq(coro_read(fds[0], buffer, sizeof buffer), 2);
            close_both(fds);
            close_both(others);
        }
    return 0;
}

/* --- Everything together ---------------------------------------------------------------------- */
static bool stop;

static int yields_on(void *arg)
{
    while (!stop)
        ck_assert_int_eq(coro_yield(), 0);
    return 0;
}

static int sleeps_on(void *arg)
{
    while (!stop)
        ck_assert_int_eq(coro_sleep(1), 0);
    return 0;
}

static int plays(void *arg)
{
    const int *fds = arg;
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
        ck_assert_int_eq(reads_one(ARG(fds[0])), 'x');
        ck_assert_int_eq(coro_yield(), 0);
    }
    return 0;
}

static int plays_on(void *arg)
{
    while (!stop)
        ck_assert_int_eq(plays(arg), 0);
    return 0;
}

/* All its calls go through at once. */
static int reads_on(void *arg)
{
    char buffer[1];
    const int file = make_file(1);
    while (!stop) {
        ck_assert_int_eq(coro_read(file, buffer, 1) >= 0, true);
        lseek(file, 0, SEEK_SET);
    }
    return coro_close(file);
}

static int writes_back(void *arg)
{
    const int *fds = arg;
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(reads_one(ARG(fds[0])), 'a');
        ck_assert_int_eq(coro_write(fds[0], "b", 1), 1);
    }
    return 0;
}

static void *speaks(void *arg)
{
    const int *fds = arg;
    char byte;
    for (int i = 0; i < 50; i++)
        if (write(fds[1], "a", 1) != 1 || read(fds[1], &byte, 1) != 1 || byte != 'b')
            return NULL;
    return arg;
}

static void settle(void *future)
{
    coro_set_result(future, 0, NULL);
}

struct poster {
    coro_loop *loop;
    coro_future *future;
};

static void *posts(void *arg)
{
    const struct poster *poster = arg;
    nap(2);
    coro_call_soon_threadsafe(poster->loop, settle, poster->future);
    return NULL;
}

/* What is bound to end must, whatever `other` does all the time. */
static void end_beside(coro_fn *other)
{
    int own[2], pair[2];
    void *spoke;
    make_pair(own);
    make_pair(pair);
    stop = false;
    coro_task *busy = spawn(other, own);
    coro_task *tasks[] = {spawn(writes_back, pair), spawn(sleeps, ARG(3))};
    struct poster poster = {coro_loop_retain(coro_current_loop()), coro_create_future()};
    const pthread_t speaker = start_thread(speaks, pair);
    const pthread_t thread = start_thread(posts, &poster);
    ck_assert_int_eq(coro_join(tasks[0], NULL), 0);
    ck_assert_int_eq(coro_join(tasks[1], NULL), 0);
    ck_assert_int_eq(coro_join(poster.future, NULL), 0);
    stop = true;
    ck_assert_int_eq(coro_join(busy, NULL), 0);
    join_thread(thread);
    ck_assert_int_eq(pthread_join(speaker, &spoke), 0);
    ck_assert_ptr_eq(spoke, pair);
    coro_loop_release(poster.loop);
    close_both(own);
    close_both(pair);
}

static int all_together(void *arg)
{
    coro_fn *const busy[] = {yields_on, sleeps_on, plays_on, reads_on};
    for (size_t i = 0; i < sizeof busy / sizeof busy[0]; i++)
        end_beside(busy[i]);
    return 0;
}

START_TEST(nothing_is_held_up_by_anything)
{
    ck_assert_int_eq(run_in_real_time(all_together), 0);
}
END_TEST

START_TEST(nothing_is_held_up_in_debug_mode_and_with_a_seed)
{
    coro_run_options options = test_options();
    options.virtual_clock = false;
    options.debug = true;
    options.seed = 5;
    ck_assert_int_eq(coro_run_with(&options, all_together, NULL), 0);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int reads_often(void *count)
{
    char buffer[1];
    const int file = make_file(1);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(coro_read(file, buffer, 1), 1);
        lseek(file, 0, SEEK_SET);
    }
    trace("%d", *(int *)count);
    return coro_close(file);
}

TASK_TEST(a_task_that_never_waits_lets_others_run)
{
    int count = 0;
    coro_task *reader = spawn(reads_often, &count);
    while (!coro_done(reader)) {
        ck_assert_int_eq(coro_yield(), 0);
        count++;
    }
    coro_release(reader);
    expect_trace("15"); /* 1,000 calls, 64 at a time */
    return 0;
}

static int is_cancelled_between_calls(void *arg)
{
    char buffer[1];
    const int file = make_file(1);
    int calls = 0;
    ssize_t n;
    while ((n = coro_read(file, buffer, 1)) == 1) {
        calls++;
        lseek(file, 0, SEEK_SET);
    }
    /* The one that was cancelled has read nothing. */
    ck_assert_int_eq(lseek(file, 0, SEEK_CUR), 0);
    ck_assert_int_eq(coro_close(file), 0);
    ck_assert_int_gt(calls, 60);
    return (int)n;
}

TASK_TEST(it_can_be_cancelled_there)
{
    coro_task *reader = spawn(is_cancelled_between_calls, NULL);
    passes(1);
    coro_cancel(reader);
    ck_assert_int_eq(coro_join(reader, NULL), -ECANCELED);
    return 0;
}

/* --- Sleeping in the poller ------------------------------------------------------------------- */
static void writes_x(void *fd)
{
    ck_assert_int_eq(write(NUMBER(fd), "x", 1), 1);
}

static atomic_int answered;

struct asker {
    coro_loop *loop;
    int fd;
};

static void *asks_often(void *arg)
{
    const struct asker *asker = arg;
    for (int i = 0; i < 200; i++) {
        coro_call_soon_threadsafe(asker->loop, writes_x, ARG(asker->fd));
        while (atomic_load(&answered) <= i)
            sched_yield();
    }
    return NULL;
}

TASK_TEST(a_post_wakes_a_loop_that_sleeps_in_the_poller)
{
    int fds[2];
    make_pair(fds);
    struct asker asker = {coro_loop_retain(coro_current_loop()), fds[1]};
    const pthread_t thread = start_thread(asks_often, &asker);
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(reads_one(ARG(fds[0])), 'x');
        atomic_fetch_add(&answered, 1);
    }
    join_thread(thread);
    coro_loop_release(asker.loop);
    close_both(fds);
    return 0;
}

static void *writes_in_a_while(void *fd)
{
    nap(20);
    writes_x(fd);
    return NULL;
}

static int waits_for_a_while(void *arg)
{
    int fds[2];
    make_pair(fds);
    const pthread_t thread = start_thread(writes_in_a_while, ARG(fds[1]));
    ck_assert_int_eq(reads_one(ARG(fds[0])), 'x');
    /* One look, one sleep, and what the machine may do. */
    ck_assert_int_le(epolls + polls, 10);
    join_thread(thread);
    close_both(fds);
    return 0;
}

START_TEST(it_sleeps_where_nobody_but_an_fd_can_wake_it)
{
    ck_assert_int_eq(run_in_real_time(waits_for_a_while), 0);
    ck_assert_int_eq(run_test(waits_for_a_while, NULL), 0);
}
END_TEST

static void *interrupts(void *arg)
{
    nap(5);
    kill(getpid(), SIGINT);
    return NULL;
}

/* Only a run takes the signal. */
static int is_interrupted(void *fd)
{
    const pthread_t thread = start_thread(interrupts, NULL);
    ck_assert_int_eq(reads_one(fd), -ECANCELED);
    join_thread(thread);
    return -ECANCELED;
}

START_TEST(sigint_wakes_it)
{
    int fds[2];
    make_pair(fds);
    signal(SIGINT, SIG_DFL);
    ck_assert_int_eq(run_test(is_interrupted, ARG(fds[0])), -EINTR);
    close_both(fds);
}
END_TEST

static int sleeps_beside_a_wait(void *arg)
{
    int fds[2];
    make_pair(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    const coro_time before = coro_now();
    ck_assert_int_eq(coro_sleep(3 * CORO_MILLISECOND), 0);
    ck_assert_int_ge(coro_now() - before, 3 * CORO_MILLISECOND);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    ck_assert_int_eq(coro_join(reader, NULL), -EBADF);
    return coro_close(fds[1]);
}

START_TEST(a_timer_wakes_it)
{
    ck_assert_int_eq(run_in_real_time(sleeps_beside_a_wait), 0);
}
END_TEST

/* --- Beginnings and ends ---------------------------------------------------------------------- */
static int waits_for_nothing(void *arg)
{
    int fds[2];
    make_pair(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    passes(2);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    ck_assert_int_eq(coro_join(reader, NULL), -EBADF);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    ck_assert_int_eq(coro_join(coro_create_future(), NULL), -ECANCELED);
    return 0;
}

START_TEST(a_deadlock_is_still_one_when_nobody_waits_for_an_fd)
{
    expect_deadlock(waits_for_nothing);
}
END_TEST

static int leaves_a_reader(void *fd)
{
    coro_release(spawn(reads_one, fd));
    passes(2);
    return 0;
}

START_TEST(tasks_that_wait_for_fds_are_cancelled_at_the_end)
{
    int fds[2];
    make_pair(fds);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(run_test(leaves_a_reader, ARG(fds[0])), 0);
    ck_assert_uint_eq(logged(), 0);
    close_both(fds);
}
END_TEST

static int writes_x_later(void *fd)
{
    return (int)coro_write(NUMBER(fd), "x", 1);
}

START_TEST(a_runner_keeps_its_fds_from_run_to_run)
{
    int fds[2];
    const coro_run_options options = test_options();
    make_pair(fds);
    coro_runner *runner = coro_runner_create(&options);
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_reader, ARG(fds[0])), 0);
    ck_assert_int_eq(coro_runner_run(runner, writes_x_later, ARG(fds[1])), 1);
    ck_assert_int_eq(coro_runner_run(runner, reads_one, ARG(fds[0])), 'x');
    ck_assert_int_eq(coro_runner_close(runner), 0);
    close_both(fds);
}
END_TEST

static int times_out(void *arg)
{
    int fds[2];
    coro_timeout scope;
    make_pair(fds);
    ck_assert_int_eq(coro_timeout_begin(&scope, 3600 * CORO_SECOND), 0);
    const int rc = coro_timeout_end(&scope, reads_one(ARG(fds[0])));
    ck_assert_int_eq(coro_now(), 3600 * CORO_SECOND);
    close_both(fds);
    return rc;
}

/* The virtual clock jumps, but not before what is there has been taken. */
START_TEST(time_jumps_only_when_no_fd_is_ready)
{
    ck_assert_int_eq(run_test(times_out, NULL), -ETIMEDOUT);
}
END_TEST

TASK_TEST(what_is_there_comes_before_a_deadline)
{
    int fds[2];
    make_pair(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    passes(2);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_assert_int_eq(coro_wait_for(reader, 1, NULL), 'x');
    ck_assert_int_eq(coro_now(), 0);
    coro_release(reader);
    close_both(fds);
    return 0;
}

int main(void)
{
    const TTest *const choice[] = {
        the_option_chooses_the_poller,
        the_environment_chooses_it_where_the_program_does_not,
        a_poller_that_is_not_there_is_reported_once_a_run,
        a_poller_that_is_refused_is_replaced,
        a_run_without_io_needs_no_poller,
        NULL,
    };
    const TTest *const tests[] = {
        a_request_costs_two_calls,
        waiting_for_a_closed_fd_ends,
        waiting_for_a_closed_fd_ends_in_real_time,
        waiting_goes_on_for_whatever_has_the_number_now,
        what_is_remembered_is_not_believed_for_another_file,
        nothing_is_held_up_by_anything,
        nothing_is_held_up_in_debug_mode_and_with_a_seed,
        a_task_that_never_waits_lets_others_run,
        it_can_be_cancelled_there,
        a_post_wakes_a_loop_that_sleeps_in_the_poller,
        it_sleeps_where_nobody_but_an_fd_can_wake_it,
        sigint_wakes_it,
        a_timer_wakes_it,
        a_deadlock_is_still_one_when_nobody_waits_for_an_fd,
        tasks_that_wait_for_fds_are_cancelled_at_the_end,
        a_runner_keeps_its_fds_from_run_to_run,
        time_jumps_only_when_no_fd_is_ready,
        what_is_there_comes_before_a_deadline,
        NULL,
    };
    return run_suite("poller", choice) | run_suite_on_pollers("poller", tests);
}
