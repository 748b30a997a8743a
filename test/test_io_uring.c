/* SPDX-License-Identifier: MIT */
/*
 * The poller over io_uring, where it does more than to tell what is ready: it receives and accepts
 * ahead of the calls, and gathers sends. Nothing of that may be lost, doubled or out of order.
 *
 * The program is linked so that some calls of the library come here to be counted or refused
 * (-Wl,--wrap=recv and so on; see the Makefile).
 */
#include "support_child.h"
#include "support_stream.h"
#include "support_threads.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- Counting and refusing -------------------------------------------------------------------- */
struct io_uring;
struct io_uring_cqe;
struct __kernel_timespec;

#define REAL __attribute__((weak))
ssize_t __real_recv(int fd, void *buffer, size_t n, int flags) REAL;
ssize_t __real_send(int fd, const void *buffer, size_t n, int flags) REAL;
int __real_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags) REAL;
int __real_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *params) REAL;
int __real_io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *about,
                                      unsigned flags) REAL;
int __real_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **completion,
                                            unsigned count, struct __kernel_timespec *limit,
                                            sigset_t *mask) REAL;
int __real_io_uring_submit_and_get_events(struct io_uring *ring) REAL;

ssize_t __wrap_recv(int fd, void *buffer, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *buffer, size_t n, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *params);
int __wrap_io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *about,
                                      unsigned flags);
int __wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **completion,
                                            unsigned count, struct __kernel_timespec *limit,
                                            sigset_t *mask);
int __wrap_io_uring_submit_and_get_events(struct io_uring *ring);

static atomic_int receives, sends, accepts, enters;
static int refusal, refusal_of_buffers; /* negative errnos; 0 is none */
static bool lacks_features;

ssize_t __wrap_recv(int fd, void *buffer, size_t n, int flags)
{
    receives++;
    return __real_recv(fd, buffer, n, flags);
}

ssize_t __wrap_send(int fd, const void *buffer, size_t n, int flags)
{
    sends++;
    return __real_send(fd, buffer, n, flags);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    accepts++;
    return __real_accept4(fd, address, size, flags);
}

int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *params)
{
    const int rc = refusal ? refusal : __real_io_uring_queue_init_params(entries, ring, params);
    if (lacks_features)
        params->features = 0;
    return rc;
}

int __wrap_io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *about,
                                      unsigned flags)
{
    return refusal_of_buffers ? refusal_of_buffers
                              : __real_io_uring_register_buf_ring(ring, about, flags);
}

int __wrap_io_uring_submit_and_wait_timeout(struct io_uring *ring, struct io_uring_cqe **completion,
                                            unsigned count, struct __kernel_timespec *limit,
                                            sigset_t *mask)
{
    enters++;
    return __real_io_uring_submit_and_wait_timeout(ring, completion, count, limit, mask);
}

int __wrap_io_uring_submit_and_get_events(struct io_uring *ring)
{
    enters++;
    return __real_io_uring_submit_and_get_events(ring);
}

/* --- What the tests share --------------------------------------------------------------------- */
static char buffer[4096];

static void expect_parked(const coro_task *task)
{
    passes(4);
    ck_assert(!coro_done(task));
}

static int open_fds(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* What a program gets that asks the system itself. */
static ssize_t receive_plainly(int fd, int flags)
{
    const ssize_t n = recv(fd, buffer, sizeof buffer, flags);
    const int error = errno;
    errno = 0;
    return n < 0 ? -error : n;
}

/* Waits so often for bytes of the first one that they are received ahead from then on. */
static void wait_often(const int fds[2])
{
    for (int i = 0; i < 3; i++) {
        coro_task *reader = spawn(reads_one, ARG(fds[0]));
        expect_parked(reader);
        ck_assert_int_eq(send(fds[1], "w", 1, 0), 1);
        ck_assert_int_eq(coro_join(reader, NULL), 'w');
    }
}

/* Has a text be received before it is asked for: what comes with a byte that is. */
static void have_ahead(const int fds[2], const char *text)
{
    char bytes[64];
    const int n = snprintf(bytes, sizeof bytes, "x%s", text);
    wait_often(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    expect_parked(reader);
    ck_assert_int_eq(send(fds[1], bytes, (size_t)n, 0), n);
    ck_assert_int_eq(coro_join(reader, NULL), 'x');
    ck_assert_int_eq(receive_plainly(fds[0], MSG_DONTWAIT | MSG_PEEK), -EAGAIN);
}

static void expect_text(const int fds[2], const char *text)
{
    const size_t n = strlen(text);
    ck_assert_int_eq(coro_read_all(fds[0], buffer, n, NULL), (ssize_t)n);
    ck_assert_mem_eq(buffer, text, n);
    ck_assert_int_eq(coro_recv(fds[0], buffer, sizeof buffer, MSG_DONTWAIT), -EAGAIN);
}

/* The loop looks at fds only while somebody waits for one. */
static coro_task *start_waiter(int fds[2])
{
    make_pipe(fds);
    coro_task *waiter = spawn(reads_one, ARG(fds[0]));
    passes(2);
    return waiter;
}

static void end_waiter(coro_task *waiter, const int fds[2])
{
    coro_cancel(waiter);
    ck_assert_int_eq(coro_join(waiter, NULL), -ECANCELED);
    close_both(fds);
}

/* --- Refused ---------------------------------------------------------------------------------- */
static int reads_x(void *arg)
{
    int fds[2];
    make_pair(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    expect_parked(reader);
    ck_assert_int_eq(coro_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(coro_join(reader, NULL), 'x');
    close_both(fds);
    return 0;
}

static void expect_refusal(int error, const char *text)
{
    const int before = open_fds();
    enters = 0;
    ck_assert_int_eq(run_test(reads_x, NULL), 0);
    expect_log(CORO_LOG_POLLER_REFUSED, error, text);
    ck_assert_int_eq(enters, 0);
    ck_assert_int_eq(open_fds(), before);
    ck_assert_uint_eq(logged(), 0);
}

START_TEST(where_the_kernel_refuses_epoll_is_used)
{
    const int errors[] = {-EPERM, -ENOSYS, -ENOMEM};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        refusal = errors[i];
        expect_refusal(errors[i], "'io_uring' cannot be used");
    }
    refusal = -EINVAL;
    expect_refusal(-EOPNOTSUPP, "'epoll' is");
    refusal = 0;
    refusal_of_buffers = -EINVAL;
    expect_refusal(-EOPNOTSUPP, "'epoll' is");
    refusal_of_buffers = -ENOMEM;
    expect_refusal(-ENOMEM, "'epoll' is");
    refusal_of_buffers = 0;
    lacks_features = true;
    expect_refusal(-EOPNOTSUPP, "'epoll' is");
    lacks_features = false;
    ck_assert_int_eq(run_test(reads_x, NULL), 0);
    ck_assert_int_gt(enters, 0);
}
END_TEST

/* --- What it costs ---------------------------------------------------------------------------- */
enum { CONNECTIONS = 64, REQUESTS = 100, REQUEST = 64 };

static int serves(void *fd)
{
    ssize_t n;
    char request[REQUEST];
    while ((n = coro_recv(NUMBER(fd), request, sizeof request, 0)) > 0)
        ck_assert_int_eq(coro_send_all(NUMBER(fd), request, (size_t)n, 0, NULL), n);
    return (int)n;
}

static int asks(void *fd)
{
    char request[REQUEST] = {0};
    for (int i = 0; i < REQUESTS; i++) {
        ck_assert_int_eq(coro_send(NUMBER(fd), request, REQUEST, 0), REQUEST);
        ck_assert_int_eq(coro_read_all(NUMBER(fd), request, REQUEST, NULL), REQUEST);
    }
    return 0;
}

/* Of both sides together, on the way there and back. */
TASK_TEST(a_request_costs_a_fraction_of_a_call)
{
    static int fds[CONNECTIONS][2];
    coro_task *servers[CONNECTIONS], *clients[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++) {
        make_tcp(fds[i]);
        servers[i] = spawn(serves, ARG(fds[i][0]));
        clients[i] = spawn(asks, ARG(fds[i][1]));
    }
    receives = sends = enters = 0;
    for (int i = 0; i < CONNECTIONS; i++)
        ck_assert_int_eq(coro_join(clients[i], NULL), 0);
    ck_assert_int_le(receives + sends + enters, CONNECTIONS * REQUESTS * 4 / 10);
    for (int i = 0; i < CONNECTIONS; i++) {
        ck_assert_int_eq(coro_close(fds[i][1]), 0);
        ck_assert_int_eq(coro_join(servers[i], NULL), 0);
        ck_assert_int_eq(coro_close(fds[i][0]), 0);
    }
    return 0;
}

static void *writes_in_a_while(void *fd)
{
    nap(20);
    return write(NUMBER(fd), "x", 1) == 1 ? fd : NULL;
}

static int waits_for_a_while(void *arg)
{
    int fds[2], others[2];
    make_tcp(others);
    wait_often(others);
    make_pair(fds);
    const pthread_t thread = start_thread(writes_in_a_while, ARG(fds[1]));
    enters = 0;
    ck_assert_int_eq(reads_one(ARG(fds[0])), 'x');
    ck_assert_int_le(enters, 10);
    join_thread(thread);
    close_both(fds);
    close_both(others);
    return 0;
}

START_TEST(it_sleeps_while_nothing_happens)
{
    ck_assert_int_eq(run_in_real_time(waits_for_a_while), 0);
    ck_assert_int_eq(run_test(waits_for_a_while, NULL), 0);
}
END_TEST

/* --- Receiving ahead -------------------------------------------------------------------------- */
static ssize_t with_recv(int fd)
{
    return coro_recv(fd, buffer, sizeof buffer, 0);
}

static ssize_t with_recv_now(int fd)
{
    return coro_recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
}

static ssize_t with_peek(int fd)
{
    memset(buffer, 0, sizeof buffer);
    ck_assert_int_eq(coro_recv(fd, buffer, 2, MSG_PEEK), 2);
    ck_assert_str_eq(buffer, "ab");
    return coro_recv(fd, buffer, sizeof buffer, 0);
}

static ssize_t with_two_reads(int fd)
{
    ck_assert_int_eq(coro_read(fd, buffer, 0), 0);
    ck_assert_int_eq(coro_read(fd, buffer, 1), 1);
    return 1 + coro_read(fd, buffer + 1, sizeof buffer - 1);
}

static ssize_t with_readv(int fd)
{
    struct iovec pieces[] = {{buffer, 1}, {buffer + 9, 0}, {buffer + 1, sizeof buffer - 1}};
    return coro_readv(fd, pieces, 3);
}

static ssize_t with_recvmsg(int fd)
{
    struct iovec piece = {buffer, sizeof buffer};
    char name[64];
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_name = name, .msg_namelen = sizeof name};
    const ssize_t n = coro_recvmsg(fd, &message, 0);
    ck_assert_uint_eq(message.msg_namelen, 0);
    return n;
}

static ssize_t with_recvfrom(int fd)
{
    return coro_recvfrom(fd, buffer, sizeof buffer, 0, NULL, NULL);
}

static ssize_t with_poll(int fd)
{
    ck_assert_int_eq(coro_poll(fd, POLLIN | POLLOUT), POLLIN | POLLOUT);
    ck_assert_int_eq(coro_poll(fd, POLLOUT), POLLOUT);
    return coro_recv(fd, buffer, sizeof buffer, 0);
}

static ssize_t with_splice(int fd)
{
    int fds[2];
    make_pipe(fds);
    ck_assert_int_eq(coro_splice(fd, NULL, fds[1], NULL, 1, 0), 1);
    ck_assert_int_eq(coro_splice(fd, NULL, fds[1], NULL, 100, 0), 2);
    const ssize_t n = coro_read(fds[0], buffer, sizeof buffer);
    close_both(fds);
    return n;
}

TASK_TEST(every_call_gets_what_was_received_ahead)
{
    ssize_t (*const calls[])(int fd) = {
        with_recv,    with_recv_now, with_peek, with_two_reads, with_readv,
        with_recvmsg, with_recvfrom, with_poll, with_splice,
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        int fds[2];
        make_tcp(fds);
        have_ahead(fds, "abc");
        ck_assert_int_eq(calls[i](fds[0]), 3);
        ck_assert_mem_eq(buffer, "abc", 3);
        ck_assert_int_eq(send(fds[1], "d", 1, 0), 1);
        ck_assert_int_eq(coro_recv(fds[0], buffer, sizeof buffer, 0), 1);
        ck_assert_int_eq(buffer[0], 'd');
        close_both(fds);
    }
    return 0;
}

TASK_TEST(bytes_are_discarded_and_urgent_ones_are_apart)
{
    int fds[2];
    make_tcp(fds);
    have_ahead(fds, "abc");
    ck_assert_int_eq(coro_accept(fds[0], NULL, NULL), -EINVAL);
    strcpy(buffer, "-");
    ck_assert_int_eq(coro_recv(fds[0], buffer, 2, MSG_TRUNC), 2);
    ck_assert_str_eq(buffer, "-");
    ck_assert_int_eq(send(fds[1], "!", 1, MSG_OOB), 1);
    ck_assert_int_eq(coro_poll(fds[0], POLLPRI) & POLLPRI, POLLPRI);
    ck_assert_int_eq(coro_recv(fds[0], buffer, 1, MSG_OOB), 1);
    ck_assert_int_eq(buffer[0], '!');
    expect_text(fds, "c");
    close_both(fds);
    return 0;
}

TASK_TEST(what_is_still_in_the_socket_comes_behind_it)
{
    int fds[2];
    make_tcp(fds);
    have_ahead(fds, "abc");
    ck_assert_int_eq(send(fds[1], "def", 3, 0), 3);
    expect_text(fds, "abcdef");
    close_both(fds);
    return 0;
}

static int polls(void *fd)
{
    return coro_poll(NUMBER(fd), POLLIN);
}

TASK_TEST(a_poll_is_woken_by_what_is_received_ahead)
{
    int fds[2];
    make_tcp(fds);
    wait_often(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    expect_parked(reader);
    coro_task *poller = spawn(polls, ARG(fds[0]));
    expect_parked(poller);
    ck_assert_int_eq(send(fds[1], "ab", 2, 0), 2);
    ck_assert_int_eq(coro_join(reader, NULL), 'a');
    ck_assert_int_eq(coro_join(poller, NULL), POLLIN);
    expect_text(fds, "b");
    close_both(fds);
    return 0;
}

TASK_TEST(a_poll_ends_it_for_who_reads_the_fd_himself)
{
    int fds[2];
    make_tcp(fds);
    wait_often(fds);
    coro_task *poller = spawn(polls, ARG(fds[0]));
    expect_parked(poller);
    ck_assert_int_eq(send(fds[1], "ab", 2, 0), 2);
    ck_assert_int_eq(coro_join(poller, NULL), POLLIN);
    ck_assert_int_eq(receive_plainly(fds[0], MSG_DONTWAIT), 2);
    close_both(fds);
    return 0;
}

TASK_TEST(who_reads_messages_only_is_never_read_ahead)
{
    int fds[2];
    make_tcp(fds);
    for (int i = 0; i < 5; i++) {
        char byte;
        ck_assert_int_eq(send(fds[1], "abc", 3, 0), 3);
        ck_assert_int_eq(coro_recvfrom(fds[0], &byte, 1, 0, NULL, NULL), 1);
        ck_assert_int_eq(receive_plainly(fds[0], MSG_DONTWAIT), 2);
    }
    close_both(fds);
    return 0;
}

TASK_TEST(the_end_comes_behind_it)
{
    int fds[2];
    make_tcp(fds);
    have_ahead(fds, "abc");
    ck_assert_int_eq(coro_close(fds[1]), 0);
    passes(2);
    ck_assert_int_eq(coro_read_all(fds[0], buffer, 10, NULL), 3);
    ck_assert_int_eq(coro_read(fds[0], buffer, 10), 0);
    ck_assert_int_eq(coro_read(fds[0], buffer, 10), 0);
    return coro_close(fds[0]);
}

/* An error is told once by the system, and must not be lost where nobody has asked. */
TASK_TEST(a_reset_comes_behind_it)
{
    const struct linger reset = {1, 0};
    int fds[2], beside[2];
    coro_task *waiter = start_waiter(beside);
    make_tcp(fds);
    have_ahead(fds, "abc");
    ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    for (int i = 0; i < 10; i++)
        let_loop_look();
    ck_assert_int_eq(coro_read(fds[0], buffer, 10), 3);
    ck_assert_int_eq(coro_recv(fds[0], buffer, 10, MSG_PEEK), -ECONNRESET);
    ck_assert_int_eq(coro_read(fds[0], buffer, 10), -ECONNRESET);
    ck_assert_int_eq(coro_read(fds[0], buffer, 10), 0);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    end_waiter(waiter, beside);
    return 0;
}

TASK_TEST(streams_are_received_ahead)
{
    enum { LINES = 10 };
    coro_stream *stream;
    int fds[2];
    make_tcp(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], NULL), 0);
    for (int i = 0; i < 2 * LINES; i++) {
        if (i == LINES)
            receives = 0;
        coro_task *reader = spawn(reads_line, stream);
        expect_parked(reader);
        ck_assert_int_eq(send(fds[1], "line\n", 5, 0), 5);
        ck_assert_int_eq(coro_join(reader, NULL), 5);
        expect_trace("line\n");
    }
    ck_assert_int_eq(receives, 0);
    ck_assert_int_eq(send(fds[1], "rest", 4, 0), 4);
    expect_rest(stream, fds[1], "rest");
    return 0;
}

/* Whatever wait is the one from which on it is received ahead. */
TASK_TEST(a_reset_comes_behind_what_has_come_with_it)
{
    const struct linger reset = {1, 0};
    const int on = 1;
    for (int waits = 0; waits < 5; waits++) {
        int fds[2];
        make_tcp(fds);
        setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        for (int i = 0; i < waits; i++) {
            coro_task *writer = spawn(writes_one, ARG(fds[1]));
            ck_assert_int_eq(coro_read(fds[0], buffer, 10), 1);
            ck_assert_int_eq(coro_join(writer, NULL), 1);
        }
        ck_assert_int_eq(send(fds[1], "abc", 3, 0), 3);
        ck_assert_int_eq(coro_close(fds[1]), 0);
        ck_assert_int_eq(coro_read(fds[0], buffer, 10), 3);
        ck_assert_int_eq(coro_read(fds[0], buffer, 10), -ECONNRESET);
        ck_assert_int_eq(coro_close(fds[0]), 0);
    }
    return 0;
}

TASK_TEST(a_cancelled_receive_loses_nothing)
{
    int fds[2];
    make_tcp(fds);
    wait_often(fds);
    for (int i = 0; i < 3; i++) {
        coro_task *reader = spawn(reads_one, ARG(fds[0]));
        expect_parked(reader);
        if (i > 0)
            ck_assert_int_eq(send(fds[1], "ab", 2, 0), 2);
        if (i > 1)
            let_loop_look();
        coro_cancel(reader);
        ck_assert_int_eq(coro_join(reader, NULL), -ECANCELED);
        if (i > 0)
            expect_text(fds, "ab");
    }
    close_both(fds);
    return 0;
}

TASK_TEST(several_readers_share_it)
{
    enum { READERS = 5 };
    coro_task *readers[READERS];
    int fds[2];
    make_tcp(fds);
    wait_often(fds);
    for (int i = 0; i < READERS; i++)
        readers[i] = spawn(reads_one, ARG(fds[0]));
    expect_parked(readers[0]);
    ck_assert_int_eq(send(fds[1], "abc", 3, 0), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(coro_join(readers[i], NULL), 'a' + i);
    expect_parked(readers[3]);
    ck_assert_int_eq(send(fds[1], "de", 2, 0), 2);
    for (int i = 3; i < READERS; i++)
        ck_assert_int_eq(coro_join(readers[i], NULL), 'a' + i);
    close_both(fds);
    return 0;
}

/* --- Much of it ------------------------------------------------------------------------------- */
static ssize_t send_pattern(int fd, size_t at, size_t n)
{
    char piece[1000];
    fill(piece, n, at);
    return send(fd, piece, n, MSG_DONTWAIT);
}

/* Sends in small pieces, while nobody receives, until the peer takes no more. */
static size_t overwhelm(int fd, size_t most)
{
    size_t sent = 0;
    int refused = 0;
    while (sent < most && refused < 5) {
        const ssize_t n = send_pattern(fd, sent, 1000);
        if (n > 0)
            sent += (size_t)n;
        refused = n > 0 ? 0 : refused + 1;
        errno = 0;
        let_loop_look();
    }
    return sent;
}

static void expect_pattern(int fd, size_t total)
{
    for (size_t at = 0; at < total;) {
        const ssize_t n = coro_recv(fd, buffer, sizeof buffer, 0);
        ck_assert_int_gt(n, 0);
        ck_assert(filled(buffer, (size_t)n, at));
        at += (size_t)n;
    }
}

static void make_small_tcp(int fds[2])
{
    const int size = 4096;
    make_tcp(fds);
    ck_assert_int_eq(setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
}

TASK_TEST(a_peer_who_is_not_listened_to_is_held_up)
{
    int fds[2], beside[2];
    coro_task *waiter = start_waiter(beside);
    make_small_tcp(fds);
    wait_often(fds);
    const size_t sent = overwhelm(fds[1], 1000000);
    int there;
    ck_assert_int_eq(ioctl(fds[0], FIONREAD, &there), 0);
    ck_assert_int_lt((int)sent - there, 40 * 1000); /* pieces; there are 64 buffers */
    expect_pattern(fds[0], sent);
    close_both(fds);
    end_waiter(waiter, beside);
    return 0;
}

/* More than there are at first: some connections find none, and then there are more. */
TASK_TEST(buffers_become_more)
{
    enum { MANY = 200, ROUNDS = 4 };
    static int fds[MANY][2];
    static coro_task *readers[MANY];
    int last = 0;
    for (int i = 0; i < MANY; i++) {
        make_tcp(fds[i]);
        wait_often(fds[i]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < MANY; i++)
            readers[i] = spawn(reads_one, ARG(fds[i][0]));
        expect_parked(readers[0]);
        for (int i = 0; i < MANY; i++)
            ck_assert_int_eq(send(fds[i][1], "xy", 2, 0), 2);
        receives = 0;
        for (int i = 0; i < MANY; i++)
            ck_assert_int_eq(coro_join(readers[i], NULL), 'x');
        for (int i = 0; i < MANY; i++)
            ck_assert_int_eq(reads_one(ARG(fds[i][0])), 'y');
        last = receives;
    }
    ck_assert_int_eq(last, 0);
    for (int i = 0; i < MANY; i++)
        close_both(fds[i]);
    return 0;
}

/* More than there are buffers: what does not fit stays in the sockets. */
TASK_TEST(all_buffers_are_full)
{
    enum { MANY = 100, PIECES = 20 };
    static int fds[MANY][2];
    const int count = many(MANY) + 10 < MANY ? many(MANY) + 10 : MANY;
    int beside[2];
    coro_task *waiter = start_waiter(beside);
    for (int i = 0; i < count; i++) {
        make_tcp(fds[i]);
        wait_often(fds[i]);
    }
    for (size_t piece = 0; piece < PIECES; piece++) {
        for (int i = 0; i < count; i++)
            ck_assert_int_eq(send_pattern(fds[i][1], piece * 100, 100), 100);
        let_loop_look();
    }
    for (int i = 0; i < count; i++) {
        expect_pattern(fds[i][0], (size_t)PIECES * 100);
        ck_assert_int_eq(send(fds[i][1], "z", 1, 0), 1);
        ck_assert_int_eq(reads_one(ARG(fds[i][0])), 'z');
        close_both(fds[i]);
    }
    end_waiter(waiter, beside);
    return 0;
}

enum { MUCH = 2000000 };

/* Whole buffers are better received where they are to go, small pieces ahead. */
TASK_TEST(large_pieces_are_received_directly)
{
    static char piece[8000];
    int fds[2];
    make_tcp(fds);
    wait_often(fds);
    fill(piece, sizeof piece, 0);
    receives = 0;
    for (int i = 0; i < 6; i++) {
        ck_assert_int_eq(send(fds[1], piece, sizeof piece, 0), sizeof piece);
        expect_pattern(fds[0], sizeof piece);
    }
    ck_assert_int_gt(receives, 0);
    for (int i = 0; i < 10; i++)
        wait_often(fds);
    have_ahead(fds, "abc");
    expect_text(fds, "abc");
    close_both(fds);
    return 0;
}

static int sends_much(void *fd)
{
    static char bytes[MUCH];
    fill(bytes, sizeof bytes, 0);
    return coro_send_all(NUMBER(fd), bytes, sizeof bytes, 0, NULL) == MUCH ? 0 : -EIO;
}

TASK_TEST(much_is_received_directly)
{
    int fds[2];
    make_tcp(fds);
    wait_often(fds);
    coro_task *sender = spawn(sends_much, ARG(fds[1]));
    receives = 0;
    expect_pattern(fds[0], MUCH);
    ck_assert_int_gt(receives, MUCH / (int)sizeof buffer / 2);
    ck_assert_int_eq(coro_join(sender, NULL), 0);
    wait_often(fds);
    close_both(fds);
    return 0;
}

/* --- Polls ------------------------------------------------------------------------------------ */
static int polls_for_writing(void *fd)
{
    return coro_poll(NUMBER(fd), POLLOUT);
}

/* The kernel tells of the end to who waits to write as well, again and again. */
TASK_TEST(the_peer_s_end_does_not_wake_who_writes)
{
    int fds[2];
    for (int tcp = 0; tcp < 2; tcp++) {
        if (tcp)
            make_tcp(fds);
        else
            make_pair(fds);
        fill_up(fds[0]);
        ck_assert_int_eq(shutdown(fds[1], SHUT_WR), 0);
        coro_task *poller = spawn(polls_for_writing, ARG(fds[0]));
        expect_parked(poller);
        enters = 0;
        for (int i = 0; i < 50; i++)
            let_loop_look();
        ck_assert_int_le(enters, 5);
        ck_assert(!coro_done(poller));
        while (!coro_done(poller)) {
            drain(fds[1]);
            let_loop_look();
        }
        ck_assert_int_eq(coro_join(poller, NULL), POLLOUT);
        ck_assert_int_eq(coro_poll(fds[0], POLLIN), POLLIN);
        close_both(fds);
    }
    return 0;
}

/* --- Closing ---------------------------------------------------------------------------------- */
/* What is in the ring holds the file open: without a pass of the loop the peer must see the end. */
static void expect_end(int fd)
{
    ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
    ck_assert_int_eq(receive_plainly(fd, 0), 0);
}

TASK_TEST(closing_is_seen_at_once)
{
    int fds[2];
    make_tcp(fds);
    wait_often(fds);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    expect_end(fds[1]);
    ck_assert_int_eq(coro_close(fds[1]), 0);

    make_tcp(fds);
    have_ahead(fds, "abc");
    coro_task *poller = spawn(forever, NULL);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    expect_end(fds[1]);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    coro_cancel(poller);
    coro_release(poller);

    make_pair(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    expect_parked(reader);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    expect_end(fds[1]);
    ck_assert_int_eq(coro_join(reader, NULL), -EBADF);
    ck_assert_int_eq(coro_close(fds[1]), 0);

    make_pair(fds);
    reader = spawn(reads_one, ARG(fds[0]));
    expect_parked(reader);
    coro_cancel(reader);
    ck_assert_int_eq(coro_join(reader, NULL), -ECANCELED);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    expect_end(fds[1]);
    return coro_close(fds[1]);
}

static int polls_and_closes(void *fd)
{
    const int rc = polls(fd);
    close(NUMBER(fd));
    return rc;
}

/* Kernels do only some of what they could each time when they are entered. */
TASK_TEST(closing_is_seen_at_once_while_much_happens)
{
    enum { MANY = 200 };
    int fds[2], event[2];
    coro_task *tasks[MANY];
    make_tcp(fds);
    make_pipe(event);
    wait_often(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    for (int i = 0; i < MANY; i++)
        tasks[i] = spawn(polls_and_closes, ARG(dup(event[0])));
    expect_parked(reader);
    let_loop_look();
    ck_assert_int_eq(write(event[1], "x", 1), 1);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    expect_end(fds[1]);
    ck_assert_int_eq(coro_join(reader, NULL), -EBADF);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_gt(coro_join(tasks[i], NULL), 0);
    close_both(event);
    return coro_close(fds[1]);
}

TASK_TEST(what_is_not_waited_for_any_more_can_be_closed_by_anybody)
{
    int fds[2], beside[2];
    coro_task *waiter = start_waiter(beside);
    make_pair(fds);
    coro_task *poller = spawn(polls, ARG(fds[0]));
    expect_parked(poller);
    coro_cancel(poller);
    ck_assert_int_eq(coro_join(poller, NULL), -ECANCELED);
    let_loop_look();
    close(fds[0]);
    expect_end(fds[1]);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    end_waiter(waiter, beside);
    return 0;
}

TASK_TEST(a_number_that_is_given_again_has_nothing_of_the_old_file)
{
    int fds[2], others[2];
    make_tcp(fds);
    have_ahead(fds, "abc");
    make_tcp(others);
    ck_assert_int_eq(send(others[1], "xy", 2, 0), 2);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    ck_assert_int_eq(fcntl(others[0], F_DUPFD_CLOEXEC, fds[0]), fds[0]);
    expect_text(fds, "xy");
    close_both(fds);
    close_both(others);
    return 0;
}

/* --- From run to run -------------------------------------------------------------------------- */
static int run_fds[2];

static int reads_ahead_on(void *arg)
{
    wait_often(run_fds);
    coro_release(spawn(reads_one, ARG(run_fds[0])));
    passes(3);
    return 0;
}

static int makes_run_fds(void *arg)
{
    make_tcp(run_fds);
    return 0;
}

START_TEST(after_a_run_nothing_goes_on)
{
    const int before = open_fds();
    ck_assert_int_eq(run_test(makes_run_fds, NULL), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(run_test(reads_ahead_on, NULL), 0);
        ck_assert_int_eq(send(run_fds[1], "abc", 3, 0), 3);
        ck_assert_int_eq(fcntl(run_fds[0], F_SETFL, 0), 0);
        ck_assert_int_eq(receive_plainly(run_fds[0], 0), 3);
    }
    close(run_fds[0]);
    expect_end(run_fds[1]);
    close(run_fds[1]);
    ck_assert_int_eq(open_fds(), before);
}
END_TEST

static int talks(void *arg)
{
    int fds[2];
    make_tcp(fds);
    coro_task *server = spawn(serves, ARG(fds[0])), *client = spawn(asks, ARG(fds[1]));
    ck_assert_int_eq(coro_join(client, NULL), 0);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    ck_assert_int_eq(coro_join(server, NULL), 0);
    return coro_close(fds[0]);
}

static pthread_barrier_t all_have_talked;

/* No ring is where another one was before: ThreadSanitizer sees neither of them come and go. */
static int talks_beside_others(void *arg)
{
    const int rc = talks(arg);
    pthread_barrier_wait(&all_have_talked);
    return rc;
}

static void *runs_talks(void *arg)
{
    return coro_run(talks_beside_others, NULL) == 0 ? arg : NULL;
}

START_TEST(threads_have_a_ring_each)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    void *result;
    ck_assert_int_eq(pthread_barrier_init(&all_have_talked, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(runs_talks, threads);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_eq(result, threads);
    }
}
END_TEST

/* A child has copies of the fds, but no part in the ring. */
static int forks(void *arg)
{
    int fds[2];
    make_tcp(fds);
    have_ahead(fds, "abc");
    coro_task *reader = spawn(serves, ARG(fds[1]));
    expect_parked(reader);
    const pid_t child = fork();
    if (child == 0)
        _exit(send(fds[1], "de", 2, 0) == 2 ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(coro_read_all(fds[0], buffer, 5, NULL), 5);
    ck_assert_mem_eq(buffer, "abcde", 5);
    ck_assert_int_eq(coro_send(fds[0], "f", 1, 0), 1);
    ck_assert_int_eq(reads_one(ARG(fds[0])), 'f');
    ck_assert_int_eq(coro_close(fds[0]), 0);
    ck_assert_int_eq(coro_join(reader, NULL), 0);
    return coro_close(fds[1]);
}

static void runs_in_child(void)
{
    if (coro_run(talks, NULL) != 0)
        abort();
}

START_TEST(processes_fork)
{
    ck_assert_int_eq(run_test(forks, NULL), 0);
    const struct outcome outcome = run_in_child(runs_in_child);
    expect_exit(&outcome, 0);
    ck_assert_str_eq(outcome.text, "");
}
END_TEST

/* --- Accepting ahead -------------------------------------------------------------------------- */
static struct sockaddr_storage address;
static socklen_t address_size;

static int accepts_one(void *fd)
{
    return coro_accept(NUMBER(fd), NULL, NULL);
}

static int connect_plainly(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, address_size), 0);
    return fd;
}

/* A listener whose connections are accepted ahead. */
static int listen_ahead(void)
{
    const int listener = listen_tcp(&address, &address_size);
    for (int i = 0; i < 3; i++) {
        coro_task *acceptor = spawn(accepts_one, ARG(listener));
        expect_parked(acceptor);
        const int fds[2] = {connect_plainly(), coro_join(acceptor, NULL)};
        ck_assert_int_ge(fds[1], 0);
        close_both(fds);
    }
    return listener;
}

TASK_TEST(connections_are_accepted_ahead)
{
    enum { CLIENTS = 20 };
    int clients[CLIENTS], connections[CLIENTS];
    const int listener = listen_ahead();
    accepts = 0;
    coro_task *acceptor = spawn(accepts_one, ARG(listener));
    expect_parked(acceptor);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_plainly();
    connections[0] = coro_join(acceptor, NULL);
    ck_assert_int_eq(coro_poll(listener, POLLIN), POLLIN);
    for (int i = 1; i < CLIENTS; i++) {
        struct sockaddr_storage peer, own;
        socklen_t peer_size = sizeof peer, own_size = sizeof own;
        connections[i] = coro_accept(listener, (struct sockaddr *)&peer, &peer_size);
        ck_assert_int_eq(getsockname(clients[i], (struct sockaddr *)&own, &own_size), 0);
        ck_assert_uint_eq(peer_size, own_size);
        ck_assert_mem_eq(&peer, &own, own_size);
    }
    ck_assert_int_eq(accepts, 0);
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(fcntl(connections[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        ck_assert_int_eq(fcntl(connections[i], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
        ck_assert_int_eq(coro_close(connections[i]), 0);
        expect_end(clients[i]);
        ck_assert_int_eq(coro_close(clients[i]), 0);
    }
    return coro_close(listener);
}

TASK_TEST(closing_a_listener_closes_what_was_accepted)
{
    int listener = listen_ahead();
    ck_assert_int_eq(coro_close(listener), 0);
    const int before = open_fds();
    listener = listen_ahead();
    coro_task *acceptor = spawn(accepts_one, ARG(listener));
    expect_parked(acceptor);
    const int first = connect_plainly(), second = connect_plainly();
    ck_assert_int_eq(coro_close(coro_join(acceptor, NULL)), 0);
    ck_assert_int_eq(coro_close(listener), 0);
    ck_assert_int_le(receive_plainly(second, 0), 0);
    const int third = coro_socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(coro_connect(third, (const struct sockaddr *)&address, address_size),
                     -ECONNREFUSED);
    ck_assert_int_eq(coro_close(third), 0);
    close(first);
    close(second);
    ck_assert_int_eq(open_fds(), before);
    return 0;
}

static int leaves_a_listener(void *arg)
{
    const int listener = listen_ahead();
    coro_task *acceptor = spawn(accepts_one, ARG(listener));
    expect_parked(acceptor);
    const int first = connect_plainly(), second = connect_plainly();
    ck_assert_int_eq(coro_close(coro_join(acceptor, NULL)), 0);
    close(first);
    close(second);
    return listener;
}

START_TEST(the_end_of_a_run_closes_what_was_accepted)
{
    const int before = open_fds();
    const int listener = run_test(leaves_a_listener, NULL);
    ck_assert_int_ge(listener, 0);
    close(listener);
    ck_assert_int_eq(open_fds(), before);
}
END_TEST

TASK_TEST(while_nobody_wants_connections_none_is_accepted)
{
    const int listener = listen_ahead();
    int beside[2];
    coro_task *waiter = start_waiter(beside);
    coro_task *acceptor = spawn(accepts_one, ARG(listener));
    expect_parked(acceptor);
    coro_cancel(acceptor);
    ck_assert_int_eq(coro_join(acceptor, NULL), -ECANCELED);
    let_loop_look();
    const int fds[2] = {connect_plainly(), -1};
    let_loop_look();
    struct pollfd there = {.fd = listener, .events = POLLIN};
    ck_assert_int_eq(poll(&there, 1, 10000), 1);
    ck_assert_int_eq(coro_close(accept4(listener, NULL, NULL, 0)), 0);
    close(fds[0]);
    end_waiter(waiter, beside);
    return coro_close(listener);
}

TASK_TEST(without_fds_no_connection_is_lost)
{
    enum { LIMIT = 60 };
    int fillers[LIMIT], count = 0;
    struct rlimit limit;
    if (under_valgrind()) {
        skip("without_fds_no_connection_is_lost: Valgrind has limits of its own");
        return 0;
    }
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = LIMIT;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const int listener = listen_ahead();
    coro_task *acceptor = spawn(accepts_one, ARG(listener));
    expect_parked(acceptor);
    while ((fillers[count] = dup(listener)) >= 0)
        count++;
    errno = 0;
    close(fillers[--count]);
    int fds[2] = {connect_plainly(), -1};
    ck_assert_int_eq(coro_join(acceptor, NULL), -EMFILE);
    ck_assert_int_eq(accepts_one(ARG(listener)), -EMFILE);
    while (count > 0)
        close(fillers[--count]);
    fds[1] = accepts_one(ARG(listener));
    ck_assert_int_ge(fds[1], 0);
    close_both(fds);
    return coro_close(listener);
}

/* As many are accepted as would fit a usual backlog, and the others wait there. */
TASK_TEST(connections_that_nobody_takes_are_not_accepted_for_ever)
{
    enum { CLIENTS = 120, AT_FIRST = 80 };
    int clients[CLIENTS], beside[2];
    coro_task *waiter = start_waiter(beside);
    const int listener = listen_ahead();
    ck_assert_int_eq(listen(listener, CLIENTS), 0);
    coro_task *acceptor = spawn(accepts_one, ARG(listener));
    expect_parked(acceptor);
    struct pollfd there = {.fd = listener, .events = POLLIN};
    for (int i = 0; i < AT_FIRST; i++)
        clients[i] = connect_plainly();
    ck_assert_int_eq(coro_close(coro_join(acceptor, NULL)), 0);
    for (int i = 0; i < 3; i++)
        let_loop_look();
    for (int i = AT_FIRST; i < CLIENTS; i++)
        clients[i] = connect_plainly();
    for (int i = 0; i < 3; i++)
        let_loop_look();
    ck_assert_int_eq(poll(&there, 1, 10000), 1);
    for (int i = 1; i < CLIENTS; i++)
        ck_assert_int_eq(coro_close(accepts_one(ARG(listener))), 0);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(coro_close(clients[i]), 0);
    end_waiter(waiter, beside);
    return coro_close(listener);
}

/* --- Sends ------------------------------------------------------------------------------------ */
struct text {
    int fd;
    const char *text;
};

static int sends_text(void *arg)
{
    const struct text *text = arg;
    return (int)coro_send(text->fd, text->text, strlen(text->text), 0);
}

static int sends_text_now(void *arg)
{
    const struct text *text = arg;
    return (int)coro_send(text->fd, text->text, strlen(text->text), MSG_DONTWAIT);
}

static int sends_pieces(void *arg)
{
    const struct text *text = arg;
    struct iovec pieces[] = {{(void *)(uintptr_t)text->text, 1},
                             {(void *)(uintptr_t)(text->text + 1), strlen(text->text) - 1}};
    return (int)coro_writev(text->fd, pieces, 2);
}

static int sends_message(void *arg)
{
    const struct text *text = arg;
    return (int)coro_sendto(text->fd, text->text, strlen(text->text), 0, NULL, 0);
}

static int sends_from_file(void *arg)
{
    const struct text *text = arg;
    const int file = make_file(0);
    off_t offset = 0;
    ck_assert_int_eq(write(file, text->text, strlen(text->text)), (ssize_t)strlen(text->text));
    const ssize_t n = coro_sendfile(text->fd, file, &offset, strlen(text->text));
    ck_assert_int_eq(coro_close(file), 0);
    return (int)n;
}

static int splices_text(void *arg)
{
    const struct text *text = arg;
    int fds[2];
    make_pipe(fds);
    ck_assert_int_eq(write(fds[1], text->text, strlen(text->text)), (ssize_t)strlen(text->text));
    const ssize_t n = coro_splice(fds[0], NULL, text->fd, NULL, 100, 0);
    close_both(fds);
    return (int)n;
}

TASK_TEST(what_tasks_send_keeps_its_order)
{
    coro_fn *const senders[] = {sends_text,      sends_text_now, sends_text,   sends_pieces,
                                sends_from_file, sends_message,  splices_text, sends_text};
    enum { SENDERS = sizeof senders / sizeof senders[0] };
    static const char *const texts[] = {"zero", "one",  "two", "three",
                                        "four", "five", "six", "seven"};
    struct text told[SENDERS];
    coro_task *tasks[SENDERS];
    int fds[2];
    make_tcp(fds);
    for (int i = 0; i < SENDERS; i++) {
        told[i] = (struct text){fds[1], texts[i]};
        tasks[i] = spawn(senders[i], &told[i]);
    }
    for (int i = 0; i < SENDERS; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), (int)strlen(texts[i]));
    expect_text(fds, "zeroonetwothreefourfivesixseven");
    close_both(fds);
    return 0;
}

/* More than the ring has room for, in one pass. */
TASK_TEST(many_sends_are_made_together)
{
    enum { MANY = 2000 };
    static coro_task *tasks[MANY];
    const int count = many(MANY);
    int fds[2];
    make_tcp(fds);
    struct text told = {fds[1], "abc"};
    for (int i = 0; i < count; i++)
        tasks[i] = spawn(sends_text, &told);
    sends = enters = 0;
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 3);
    ck_assert_int_eq(sends, 0);
    ck_assert_int_le(enters, 20);
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(coro_read_all(fds[0], buffer, 3, NULL), 3);
        ck_assert_mem_eq(buffer, "abc", 3);
    }
    close_both(fds);
    return 0;
}

static int sends_and_sleeps(void *arg)
{
    trace("%d", sends_text(arg));
    const int rc = coro_sleep(CORO_SECOND);
    trace("%d", rc == -ECANCELED);
    return rc;
}

/* It has been made before the cancel is seen, and says so: the next wait is cancelled instead. */
TASK_TEST(a_cancelled_send_says_what_it_has_done)
{
    int fds[2];
    make_tcp(fds);
    struct text told = {fds[1], "abc"};
    coro_task *sender = spawn(sends_and_sleeps, &told), *other = spawn(returns, ARG(0));
    passes(1);
    coro_cancel_with(sender, "enough");
    ck_assert_int_eq(coro_await(sender, NULL), -ECANCELED);
    expect_trace("3 1");
    ck_assert_str_eq(coro_error_message(sender), "enough");
    coro_release(sender);
    coro_release(other);
    expect_text(fds, "abc");
    close_both(fds);
    return 0;
}

static int cancels_itself_and_sends(void *arg)
{
    coro_cancel(coro_current_task());
    return sends_and_sleeps(arg);
}

TASK_TEST(a_request_made_before_does_not_cancel_a_send)
{
    int fds[2];
    make_tcp(fds);
    struct text told = {fds[1], "abc"};
    coro_task *sender = spawn(cancels_itself_and_sends, &told), *other = spawn(returns, ARG(0));
    ck_assert_int_eq(coro_join(sender, NULL), -ECANCELED);
    expect_trace("3 1");
    coro_release(other);
    expect_text(fds, "abc");
    close_both(fds);
    return 0;
}

TASK_TEST(sends_are_made_at_the_end_of_the_pass)
{
    int fds[2], beside[2];
    coro_task *waiter = start_waiter(beside);
    make_pair(fds);
    struct text told = {fds[1], "abc"};
    passes(100); /* the loop looks around less often now */
    coro_task *sender = spawn(sends_text, &told), *other = spawn(returns, ARG(0));
    passes(2);
    ck_assert_int_eq(receive_plainly(fds[0], MSG_DONTWAIT), 3);
    ck_assert_int_eq(coro_join(sender, NULL), 3);
    coro_release(other);
    close_both(fds);
    end_waiter(waiter, beside);
    return 0;
}

static int polls_both_ways(void *fd)
{
    return coro_poll(NUMBER(fd), POLLIN | POLLOUT);
}

/* The ring is full when a task is to wait: what is submitted to make room brings what it waits for,
 * to somebody else as well, and it must not overlook that. */
TASK_TEST(what_comes_while_room_is_made_is_not_overlooked)
{
    enum { ROOM = 512 };
    static coro_task *senders[ROOM];
    int fds[2], others[2];
    make_pair(fds);
    make_tcp(others);
    fill_up(fds[0]);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    expect_parked(reader);
    struct text first = {fds[1], "x"}, more = {others[1], "y"};
    for (int i = 0; i < ROOM; i++)
        senders[i] = spawn(sends_text, i == 0 ? &first : &more);
    coro_task *poller = spawn(polls_both_ways, ARG(fds[0]));
    for (int i = 0; i < ROOM; i++)
        ck_assert_int_eq(coro_join(senders[i], NULL), 1);
    ck_assert_int_eq(coro_join(reader, NULL), 'x');
    ck_assert_int_eq(send(fds[1], "z", 1, 0), 1);
    ck_assert_int_eq(coro_join(poller, NULL), POLLIN);
    ck_assert_int_eq(coro_read_all(others[0], buffer, ROOM - 1, NULL), ROOM - 1);
    ck_assert_int_eq(reads_one(ARG(fds[0])), 'z');
    close_both(fds);
    close_both(others);
    return 0;
}

TASK_TEST(what_was_not_sent_before_a_close_is_not_sent)
{
    int fds[2], others[2];
    make_tcp(fds);
    make_tcp(others);
    struct text told[] = {{fds[1], "abc"}, {others[1], "xyz"}};
    coro_task *senders[] = {spawn(sends_text, &told[0]), spawn(sends_text, &told[1]),
                            spawn(returns, ARG(0))};
    passes(1);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    ck_assert_int_eq(fcntl(others[1], F_DUPFD_CLOEXEC, fds[1]), fds[1]);
    ck_assert_int_eq(coro_join(senders[0], NULL), -EBADF);
    ck_assert_int_eq(coro_join(senders[1], NULL), 3);
    coro_release(senders[2]);
    expect_text(others, "xyz");
    close_both(fds);
    close_both(others);
    return 0;
}

static int leaves_a_sender(void *arg)
{
    coro_release(spawn(sends_text, arg));
    coro_release(spawn(returns, ARG(0)));
    return 0;
}

START_TEST(a_run_ends_with_sends_that_were_not_made)
{
    int fds[2];
    make_pair(fds);
    struct text told = {fds[1], "abc"};
    ck_assert_int_eq(run_test(leaves_a_sender, &told), 0);
    close(fds[1]);
    ck_assert_int_ge(receive_plainly(fds[0], 0), 0);
    close(fds[0]);
}
END_TEST

static struct text left;
static coro_stream *left_stream;
static coro_task *left_senders[2];

/* They have queued their sends when the run ends. */
static int leaves_senders_and_a_stream(void *fds)
{
    left = (struct text){((int *)fds)[1], "abc"};
    ck_assert_int_eq(coro_open_stream(&left_stream, left.fd, NULL), 0);
    for (int i = 0; i < 2; i++)
        left_senders[i] = spawn(sends_text, &left);
    coro_release(spawn(returns, ARG(0)));
    return 0;
}

static int joins_senders(void *status)
{
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(coro_join(left_senders[i], NULL), NUMBER(status));
    return 0;
}

static int writes_and_leaves(void *arg)
{
    ck_assert_int_eq(coro_stream_write(left_stream, "xyz", 3), 0);
    return coro_yield();
}

/* Their tasks are woken in their own loop, which is not the one that runs, if any does. */
START_TEST(queued_sends_end_while_their_loop_does_not_run)
{
    const coro_run_options options = test_options();
    for (int i = 0; i < 2; i++) {
        const bool in_another = i == 0;
        coro_runner *runner = coro_runner_create(&options), *other = coro_runner_create(&options);
        int fds[2];
        make_pair(fds);
        ck_assert_int_eq(coro_runner_run(runner, leaves_senders_and_a_stream, fds), 0);
        if (in_another)
            ck_assert_int_eq(coro_runner_run(other, writes_and_leaves, NULL), 0);
        coro_stream_release(left_stream);
        ck_assert_int_eq(coro_runner_run(runner, joins_senders, ARG(in_another ? 3 : -EBADF)), 0);
        ck_assert_int_eq(coro_runner_close(other), 0);
        ck_assert_int_eq(coro_runner_close(runner), 0);
        ck_assert_int_eq(receive_plainly(fds[0], 0), in_another ? 9 : 0);
        close(fds[0]);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        where_the_kernel_refuses_epoll_is_used,
        a_request_costs_a_fraction_of_a_call,
        it_sleeps_while_nothing_happens,
        every_call_gets_what_was_received_ahead,
        bytes_are_discarded_and_urgent_ones_are_apart,
        what_is_still_in_the_socket_comes_behind_it,
        a_poll_is_woken_by_what_is_received_ahead,
        a_poll_ends_it_for_who_reads_the_fd_himself,
        who_reads_messages_only_is_never_read_ahead,
        the_end_comes_behind_it,
        a_reset_comes_behind_it,
        streams_are_received_ahead,
        a_reset_comes_behind_what_has_come_with_it,
        a_cancelled_receive_loses_nothing,
        several_readers_share_it,
        a_peer_who_is_not_listened_to_is_held_up,
        buffers_become_more,
        all_buffers_are_full,
        large_pieces_are_received_directly,
        much_is_received_directly,
        the_peer_s_end_does_not_wake_who_writes,
        closing_is_seen_at_once,
        closing_is_seen_at_once_while_much_happens,
        what_is_not_waited_for_any_more_can_be_closed_by_anybody,
        a_number_that_is_given_again_has_nothing_of_the_old_file,
        after_a_run_nothing_goes_on,
        threads_have_a_ring_each,
        processes_fork,
        connections_are_accepted_ahead,
        closing_a_listener_closes_what_was_accepted,
        the_end_of_a_run_closes_what_was_accepted,
        while_nobody_wants_connections_none_is_accepted,
        connections_that_nobody_takes_are_not_accepted_for_ever,
        without_fds_no_connection_is_lost,
        what_tasks_send_keeps_its_order,
        many_sends_are_made_together,
        a_cancelled_send_says_what_it_has_done,
        a_request_made_before_does_not_cancel_a_send,
        sends_are_made_at_the_end_of_the_pass,
        what_comes_while_room_is_made_is_not_overlooked,
        what_was_not_sent_before_a_close_is_not_sent,
        a_run_ends_with_sends_that_were_not_made,
        queued_sends_end_while_their_loop_does_not_run,
        NULL,
    };
    const TTest *const none[] = {NULL};
    setenv("CORO_POLLER", "io_uring", 1);
    if (__real_recv && __real_io_uring_queue_init_params && have_poller("io_uring"))
        return run_suite("io_uring", tests);
    skip("io_uring: not built in, refused by the kernel, or linked without --wrap");
    return run_suite("io_uring", none);
}
