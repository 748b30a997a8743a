/* SPDX-License-Identifier: MIT */
/* Sockets: connections and how they fail, messages, flags. */
#include "support_io.h"

#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

static char buffer[4096];

static void expect_parked(const coro_task *task)
{
    passes(4);
    ck_assert(!coro_done(task));
}

static void expect_library_fd(int fd)
{
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}

static int accepts(void *fd)
{
    return coro_accept(NUMBER(fd), NULL, NULL);
}

static int connect_to(const struct sockaddr_storage *address, socklen_t size)
{
    const int fd = coro_socket(address->ss_family, SOCK_STREAM, 0);
    expect_library_fd(fd);
    ck_assert_int_eq(coro_connect(fd, (const struct sockaddr *)address, size), 0);
    return fd;
}

static int connect_plainly(const struct sockaddr_storage *address, socklen_t size)
{
    const int fd = socket(address->ss_family, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)address, size), 0);
    return fd;
}

/* --- Connections ------------------------------------------------------------------------------ */
TASK_TEST(a_connection_is_made_from_both_sides)
{
    struct sockaddr_storage address, peer, own;
    socklen_t size, peer_size = sizeof peer, own_size = sizeof own;
    const int listener = listen_tcp(&address, &size);
    coro_task *acceptor = spawn(accepts, ARG(listener));
    expect_parked(acceptor);
    int fds[] = {connect_to(&address, size), 0};
    fds[1] = coro_join(acceptor, NULL);
    expect_library_fd(fds[1]);
    ck_assert_int_eq(coro_send(fds[0], "hello", 5, 0), 5);
    ck_assert_int_eq(coro_recv(fds[1], buffer, sizeof buffer, 0), 5);
    ck_assert_int_eq(coro_connect(fds[0], (struct sockaddr *)&address, size), -EISCONN);
    close_both(fds);

    fds[0] = connect_to(&address, size);
    fds[1] = coro_accept(listener, (struct sockaddr *)&peer, &peer_size);
    ck_assert_int_eq(getsockname(fds[0], (struct sockaddr *)&own, &own_size), 0);
    ck_assert_uint_eq(peer_size, own_size);
    ck_assert_mem_eq(&peer, &own, own_size);
    close_both(fds);
    ck_assert_int_eq(coro_close(listener), 0);
    return 0;
}

TASK_TEST(a_listener_that_blocks_blocks_no_task)
{
    struct sockaddr_storage address;
    socklen_t size;
    const int listener = listen_tcp(&address, &size);
    ck_assert_int_eq(fcntl(listener, F_SETFL, 0), 0);
    const int copy = dup(listener); /* the library has not made it */
    coro_task *acceptor = spawn(accepts, ARG(copy));
    expect_parked(acceptor);
    int fds[] = {connect_to(&address, size), coro_join(acceptor, NULL)};
    ck_assert_int_ge(fds[1], 0);
    close_both(fds);
    ck_assert_int_eq(coro_close(listener), 0);
    ck_assert_int_eq(coro_close(copy), 0);
    return 0;
}

TASK_TEST(nobody_listens)
{
    struct sockaddr_storage address;
    socklen_t size;
    ck_assert_int_eq(coro_close(listen_tcp(&address, &size)), 0);
    const int fd = coro_socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(coro_connect(fd, (struct sockaddr *)&address, size), -ECONNREFUSED);
    ck_assert_int_eq(coro_close(fd), 0);
    return 0;
}

TASK_TEST(a_cancelled_accept_loses_no_connection)
{
    struct sockaddr_storage address;
    socklen_t size;
    const int listener = listen_tcp(&address, &size);
    coro_task *acceptors[3];
    for (int i = 0; i < 3; i++)
        acceptors[i] = spawn(accepts, ARG(listener));
    expect_parked(acceptors[0]);
    int first[2], second[2];
    /* Without a wait, during which the acceptors would run. */
    first[0] = connect_plainly(&address, size);
    second[0] = connect_plainly(&address, size);
    let_loop_look();
    coro_cancel(acceptors[0]);
    ck_assert_int_eq(coro_join(acceptors[0], NULL), -ECANCELED);
    first[1] = coro_join(acceptors[1], NULL);
    second[1] = coro_join(acceptors[2], NULL);
    ck_assert_int_eq(coro_send(first[0], "x", 1, 0), 1);
    ck_assert_int_eq(coro_send(second[0], "y", 1, 0), 1);
    ck_assert_int_eq(reads_one(ARG(first[1])), 'x');
    ck_assert_int_eq(reads_one(ARG(second[1])), 'y');
    close_both(first);
    close_both(second);
    ck_assert_int_eq(coro_close(listener), 0);
    return 0;
}

TASK_TEST(many_tasks_accept_many_connections)
{
    enum { MANY = 20 };
    struct sockaddr_storage address;
    socklen_t size;
    coro_task *acceptors[MANY];
    int clients[MANY];
    const int listener = listen_tcp(&address, &size);
    for (int i = 0; i < MANY; i++)
        acceptors[i] = spawn(accepts, ARG(listener));
    for (int i = 0; i < MANY; i++)
        clients[i] = connect_to(&address, size);
    for (int i = 0; i < MANY; i++) {
        const int fd = coro_join(acceptors[i], NULL);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(coro_close(fd), 0);
        ck_assert_int_eq(coro_close(clients[i]), 0);
    }
    ck_assert_int_eq(coro_close(listener), 0);
    return 0;
}

TASK_TEST(without_fds_accept_says_so_and_loses_no_connection)
{
    struct sockaddr_storage address;
    struct rlimit limit, none;
    socklen_t size;
    if (under_valgrind()) {
        skip("without_fds_...: Valgrind accepts the connection before it looks at the limit");
        return 0;
    }
    const int listener = listen_tcp(&address, &size);
    int fds[] = {connect_to(&address, size), 0};
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 1;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert_int_eq(accepts(ARG(listener)), -EMFILE);
    ck_assert_int_eq(accepts(ARG(listener)), -EMFILE);
    ck_assert_int_eq(coro_socket(AF_INET, SOCK_STREAM, 0), -EMFILE);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    fds[1] = accepts(ARG(listener));
    ck_assert_int_ge(fds[1], 0);
    close_both(fds);
    ck_assert_int_eq(coro_close(listener), 0);
    return 0;
}

struct goal {
    const struct sockaddr_storage *address;
    socklen_t size;
    int fd;
};

static int connects(void *arg)
{
    const struct goal *goal = arg;
    return coro_connect(goal->fd, (const struct sockaddr *)goal->address, goal->size);
}

/* Nobody answers who asks a listener with a full backlog. */
TASK_TEST(a_connect_is_cancelled_while_it_waits)
{
    enum { CLIENTS = 3 };
    struct sockaddr_storage address;
    socklen_t size;
    struct goal goals[CLIENTS];
    coro_task *clients[CLIENTS];
    const int listener = listen_tcp(&address, &size);
    ck_assert_int_eq(listen(listener, 0), 0);
    for (int i = 0; i < CLIENTS; i++) {
        goals[i] = (struct goal){&address, size, coro_socket(AF_INET, SOCK_STREAM, 0)};
        clients[i] = spawn(connects, &goals[i]);
    }
    ck_assert_int_eq(coro_join(clients[0], NULL), 0);
    expect_parked(clients[CLIENTS - 1]);
    for (int i = 1; i < CLIENTS; i++) {
        coro_cancel(clients[i]);
        ck_assert_int_eq(coro_join(clients[i], NULL), -ECANCELED);
    }
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(coro_close(goals[i].fd), 0);
    ck_assert_int_eq(coro_close(listener), 0);
    return 0;
}

/* Bound to a name without a file: its first byte is 0. */
static int listen_unix(struct sockaddr_un *address, int backlog)
{
    const int fd = coro_socket(AF_UNIX, SOCK_STREAM, 0);
    static int number;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "libcoro-test-%ld-%d",
             (long)getpid(), number++);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    return fd;
}

static struct sockaddr_un unix_address;

static int connects_unix(void *arg)
{
    const int fd = coro_socket(AF_UNIX, SOCK_STREAM, 0);
    const int rc = coro_connect(fd, (struct sockaddr *)&unix_address, sizeof unix_address);
    trace("%d", NUMBER(arg));
    ck_assert_int_eq(coro_close(fd), 0);
    return rc;
}

TASK_TEST(a_full_backlog_of_a_unix_socket_is_waited_for)
{
    enum { CLIENTS = 4 };
    coro_task *clients[CLIENTS];
    const int listener = listen_unix(&unix_address, 0);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = spawn(connects_unix, ARG(i));
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    expect_trace("0");
    coro_cancel(clients[3]);
    for (int i = 0; i < CLIENTS - 1; i++) {
        const int fd = accepts(ARG(listener));
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(coro_close(fd), 0);
    }
    for (int i = 0; i < CLIENTS - 1; i++)
        ck_assert_int_eq(coro_join(clients[i], NULL), 0);
    ck_assert_int_eq(coro_join(clients[3], NULL), -ECANCELED);
    char order[64];
    take_trace(order, sizeof order);
    ck_assert_int_eq(coro_close(listener), 0);
    return 0;
}

TASK_TEST(a_reset_is_an_error)
{
    int fds[2];
    const struct linger reset = {1, 0};
    make_tcp(fds);
    coro_task *reader = spawn(reads_one, ARG(fds[0]));
    expect_parked(reader);
    ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    ck_assert_int_eq(coro_join(reader, NULL), -ECONNRESET);
    ck_assert_int_eq(coro_send(fds[0], "x", 1, 0), -EPIPE);
    ck_assert_int_eq(coro_close(fds[0]), 0);
    return 0;
}

/* --- Flags ------------------------------------------------------------------------------------ */
TASK_TEST(flags_are_heeded)
{
    int fds[2];
    struct iovec piece = {buffer, 10};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    make_tcp(fds);
    ck_assert_int_eq(coro_recv(fds[0], buffer, 10, MSG_DONTWAIT), -EAGAIN);
    ck_assert_int_eq(coro_recvfrom(fds[0], buffer, 10, MSG_DONTWAIT, NULL, NULL), -EAGAIN);
    ck_assert_int_eq(coro_recvmsg(fds[0], &message, MSG_DONTWAIT), -EAGAIN);
    ck_assert_int_eq(coro_recv(fds[0], buffer, 10, MSG_WAITALL), -EINVAL);
    ck_assert_int_eq(coro_recvmsg(fds[0], &message, MSG_WAITALL), -EINVAL);
    ck_assert_int_eq(coro_send(fds[1], "abc", 3, 0), 3);
    ck_assert_int_eq(coro_poll(fds[0], POLLIN), POLLIN);
    ck_assert_int_eq(coro_recv(fds[0], buffer, 10, MSG_PEEK), 3);
    ck_assert_int_eq(coro_recv(fds[0], buffer, 10, MSG_DONTWAIT), 3);
    ck_assert_int_eq(coro_recv(fds[0], buffer, 10, MSG_DONTWAIT), -EAGAIN);
    ck_assert_int_eq(coro_recv(fds[0], buffer, (size_t)SSIZE_MAX + 1, 0), -EINVAL);
    ck_assert_int_eq(coro_send(fds[0], buffer, (size_t)SSIZE_MAX + 1, 0), -EINVAL);
    ck_assert_int_eq(coro_recvfrom(fds[0], buffer, (size_t)SSIZE_MAX + 1, 0, NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_sendto(fds[0], buffer, (size_t)SSIZE_MAX + 1, 0, NULL, 0), -EINVAL);
    close_both(fds);
    return 0;
}

static int receives(void *fd)
{
    const ssize_t n = coro_recv(NUMBER(fd), buffer, sizeof buffer, 0);
    return (int)n;
}

/* A read stops at the place of the urgent byte, although there is more. Only epoll tells of urgent
 * bytes to who does not ask for them, and so the next read of others waits for a look at least. */
TASK_TEST(urgent_data_holds_nothing_up)
{
    ssize_t (*const receive)(int, void *, size_t, int) =
        strcmp(getenv("CORO_POLLER"), "epoll") == 0 ? receive_at_once : coro_recv;
    int fds[2];
    make_tcp(fds);
    coro_task *reader = spawn(receives, ARG(fds[0]));
    expect_parked(reader);
    ck_assert_int_eq(coro_send(fds[1], "ab", 2, 0), 2);
    ck_assert_int_eq(coro_send(fds[1], "!", 1, MSG_OOB), 1);
    ck_assert_int_eq(coro_send(fds[1], "cd", 2, 0), 2);
    ck_assert_int_eq(coro_join(reader, NULL), 2);
    ck_assert_int_eq(receive(fds[0], buffer, 1, MSG_OOB), 1);
    ck_assert_int_eq(buffer[0], '!');
    ck_assert_int_eq(receive(fds[0], buffer, sizeof buffer, 0), 2);
    ck_assert_mem_eq(buffer, "cd", 2);
    close_both(fds);
    return 0;
}

static int polls_for_bytes(void *fd)
{
    return coro_poll(NUMBER(fd), POLLIN);
}

static int polls_for_urgent_bytes(void *fd)
{
    return coro_poll(NUMBER(fd), POLLPRI);
}

/* A busy loop would not let the clock go on. */
TASK_TEST(urgent_bytes_do_not_wake_who_polls_for_others)
{
    int fds[2];
    make_tcp(fds);
    coro_task *poller = spawn(polls_for_bytes, ARG(fds[0]));
    coro_task *urgent = spawn(polls_for_urgent_bytes, ARG(fds[0]));
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert_int_eq(coro_send(fds[1], "!", 1, MSG_OOB), 1);
    ck_assert_int_eq(coro_join(urgent, NULL), POLLPRI);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert(!coro_done(poller));
    ck_assert_int_eq(coro_poll(fds[0], POLLPRI), POLLPRI);
    ck_assert_int_eq(coro_send(fds[1], "x", 1, 0), 1);
    ck_assert_int_eq(coro_join(poller, NULL), POLLIN);
    close_both(fds);
    return 0;
}

TASK_TEST(all_is_sent)
{
    static char much[1 << 20];
    int fds[2];
    size_t done;
    coro_timeout scope;
    make_tcp(fds);
    ck_assert_int_eq(coro_send_all(fds[1], "abc", 3, 0, &done), 3);
    ck_assert_uint_eq(done, 3);
    ck_assert_int_eq(coro_read_all(fds[0], buffer, 3, NULL), 3);
    close_both(fds);
    make_pair(fds);
    ck_assert_int_eq(coro_timeout_begin(&scope, CORO_SECOND), 0);
    const ssize_t rc = coro_send_all(fds[1], much, sizeof much, 0, &done);
    ck_assert_int_eq(coro_timeout_end(&scope, (int)rc), -ETIMEDOUT);
    ck_assert_uint_eq(drain(fds[0]), done);
    close_both(fds);
    return 0;
}

/* --- Messages --------------------------------------------------------------------------------- */
static int bound_udp(struct sockaddr_in *address)
{
    socklen_t size = sizeof *address;
    const int fd = coro_socket(AF_INET, SOCK_DGRAM, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(bind(fd, (struct sockaddr *)address, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

static int receives_from(void *fd)
{
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    const ssize_t n =
        coro_recvfrom(NUMBER(fd), buffer, sizeof buffer, 0, (struct sockaddr *)&from, &size);
    ck_assert_uint_eq(size, sizeof from);
    return n < 0 ? (int)n : ntohs(from.sin_port);
}

TASK_TEST(datagrams_keep_their_bounds_and_their_senders)
{
    struct sockaddr_in addresses[2];
    int fds[2];
    for (int i = 0; i < 2; i++)
        fds[i] = bound_udp(&addresses[i]);
    coro_task *receiver = spawn(receives_from, ARG(fds[0]));
    expect_parked(receiver);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(coro_sendto(fds[1], "hello", 5, 0, (struct sockaddr *)&addresses[0],
                                     sizeof addresses[0]),
                         5);
    ck_assert_int_eq(coro_join(receiver, NULL), ntohs(addresses[1].sin_port));
    /* The second one is there, although the first read took less than it could. */
    ck_assert_int_eq(receive_at_once(fds[0], buffer, sizeof buffer, 0), 5);
    ck_assert_int_eq(coro_connect(fds[1], (struct sockaddr *)&addresses[0], sizeof addresses[0]),
                     0);
    ck_assert_int_eq(coro_send(fds[1], "", 0, 0), 0);
    ck_assert_int_eq(coro_recv(fds[0], buffer, sizeof buffer, 0), 0);
    close_both(fds);
    return 0;
}

static ssize_t send_fd(int to, int fd, const char *text)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {{0}};
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    control.header =
        (struct cmsghdr){CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return coro_sendmsg(to, &message, 0);
}

static int receives_fd(void *from)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec iov = {buffer, sizeof buffer};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    int fd;
    const ssize_t n = coro_recvmsg(NUMBER(from), &message, 0);
    if (n < 0)
        return (int)n;
    memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

TASK_TEST(fds_are_passed_and_what_comes_behind_them_is_read)
{
    int fds[2], passed[2];
    make_pair(fds);
    make_pair(passed);
    coro_task *receiver = spawn(receives_fd, ARG(fds[0]));
    expect_parked(receiver);
    ck_assert_int_eq(send_fd(fds[1], passed[0], "one"), 3);
    ck_assert_int_eq(send_fd(fds[1], passed[0], "two"), 3);
    ck_assert_int_eq(coro_send(fds[1], "three", 5, 0), 5);
    const int fd = coro_join(receiver, NULL);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(coro_write(passed[1], "x", 1), 1);
    ck_assert_int_eq(reads_one(ARG(fd)), 'x');
    ck_assert_int_eq(coro_close(fd), 0);
    /* Each of these stops short, with more behind it. */
    ck_assert_int_eq(receive_at_once(fds[0], buffer, sizeof buffer, 0), 3);
    ck_assert_int_eq(receive_at_once(fds[0], buffer, sizeof buffer, 0), 5);
    close_both(fds);
    close_both(passed);
    return 0;
}

/* --- Who may call, and on what ---------------------------------------------------------------- */
static void expect_everywhere(int fd, int error)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct iovec piece = {buffer, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    ck_assert_int_eq(coro_recv(fd, buffer, 1, 0), error);
    ck_assert_int_eq(coro_recvfrom(fd, buffer, 1, 0, NULL, NULL), error);
    ck_assert_int_eq(coro_recvmsg(fd, &message, 0), error);
    ck_assert_int_eq(coro_send(fd, "x", 1, 0), error);
    ck_assert_int_eq(coro_send_all(fd, "x", 1, 0, NULL), error);
    ck_assert_int_eq(coro_sendto(fd, "x", 1, 0, NULL, 0), error);
    ck_assert_int_eq(coro_sendmsg(fd, &message, 0), error);
    ck_assert_int_eq(coro_accept(fd, NULL, NULL), error);
    ck_assert_int_eq(coro_connect(fd, (struct sockaddr *)&address, sizeof address), error);
}

static void in_callback(void *fd)
{
    expect_everywhere(NUMBER(fd), -EPERM);
}

TASK_TEST(what_is_no_socket_is_an_error)
{
    int fds[2];
    errno = 99;
    make_pipe(fds);
    expect_everywhere(fds[0], -ENOTSOCK);
    expect_everywhere(-1, -EBADF);
    ck_assert_int_eq(coro_socket(-1, 0, 0), -EAFNOSUPPORT);
    ck_assert_int_eq(coro_call_soon(in_callback, ARG(fds[0]), NULL), 0);
    passes(1);
    ck_assert_int_eq(errno, 99);
    close_both(fds);
    return 0;
}

START_TEST(outside_a_loop_sockets_can_be_made)
{
    const int fd = coro_socket(AF_INET, SOCK_STREAM, 0);
    expect_library_fd(fd);
    expect_everywhere(fd, -EPERM);
    ck_assert_int_eq(coro_close(fd), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_connection_is_made_from_both_sides,
        a_listener_that_blocks_blocks_no_task,
        nobody_listens,
        a_cancelled_accept_loses_no_connection,
        many_tasks_accept_many_connections,
        without_fds_accept_says_so_and_loses_no_connection,
        a_connect_is_cancelled_while_it_waits,
        a_full_backlog_of_a_unix_socket_is_waited_for,
        a_reset_is_an_error,
        flags_are_heeded,
        urgent_data_holds_nothing_up,
        urgent_bytes_do_not_wake_who_polls_for_others,
        all_is_sent,
        datagrams_keep_their_bounds_and_their_senders,
        fds_are_passed_and_what_comes_behind_them_is_read,
        what_is_no_socket_is_an_error,
        outside_a_loop_sockets_can_be_made,
        NULL,
    };
    return run_suite_on_pollers("net", tests);
}
