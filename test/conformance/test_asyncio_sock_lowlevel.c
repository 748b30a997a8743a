/* SPDX-License-Identifier: MIT */
/* loop.sock_recv() and its kin as CPython's cases have them. */
#include "../support_io.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

/* CPython, does not apply: there are no transports to make of a socket:
 * test_sock_lowlevel.BaseSockTestsMixin.test_create_connection_sock */

static const char request[] = "GET / HTTP/1.0\r\n\r\n";
static const char headers[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n";

/* --- A server ----------------------------------------------------------------------------------
 */
struct server {
    int listener;
    struct sockaddr_storage address;
    socklen_t size;
    coro_task *task;
};

/* Up to the empty line. */
static int read_headers(int fd, char *text, size_t room)
{
    size_t length = 0;
    text[0] = '\0';
    while (!strstr(text, "\r\n\r\n")) {
        ck_assert_uint_lt(length + 1, room);
        const ssize_t n = coro_read(fd, text + length, 1);
        if (n <= 0)
            return n < 0 ? (int)n : -ECONNRESET;
        length += (size_t)n;
        text[length] = '\0';
    }
    return 0;
}

/* What is posted comes back. */
static int echo_content(int fd, size_t size)
{
    char block[5000];
    while (size > 0) {
        const ssize_t n = coro_recv(fd, block, sizeof block, 0);
        if (n <= 0 || coro_send_all(fd, block, (size_t)n, 0, NULL) < 0)
            return -EPIPE;
        size -= (size_t)n;
    }
    return 0;
}

static int serve_one(int fd)
{
    char text[256];
    int rc = read_headers(fd, text, sizeof text);
    const char *length = strstr(text, "Content-Length: ");
    if (rc == 0)
        rc = (int)coro_send_all(fd, headers, sizeof headers - 1, 0, NULL);
    if (rc >= 0 && length)
        rc = echo_content(fd, (size_t)atoi(length + strlen("Content-Length: ")));
    ck_assert_int_eq(coro_close(fd), 0);
    return rc;
}

static int serves(void *arg)
{
    const struct server *server = arg;
    int fd;
    while ((fd = coro_accept(server->listener, NULL, NULL)) >= 0)
        ck_assert_int_ge(serve_one(fd), 0);
    return fd;
}

static void start(struct server *server)
{
    server->listener = listen_tcp(&server->address, &server->size);
    server->task = spawn(serves, server);
}

static void start_unix(struct server *server, const char *path)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&server->address;
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    server->size = sizeof *address;
    server->listener = coro_socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(server->listener, (struct sockaddr *)address, server->size), 0);
    ck_assert_int_eq(listen(server->listener, 8), 0);
    server->task = spawn(serves, server);
}

static void stop(struct server *server)
{
    ck_assert_int_eq(coro_close(server->listener), 0);
    ck_assert_int_eq(coro_join(server->task, NULL), -EBADF);
}

static void connect_to(int fd, const struct server *server)
{
    ck_assert_int_eq(coro_connect(fd, (const struct sockaddr *)&server->address, server->size), 0);
}

/* The answer to a request, and the end of the file behind it. */
static void expect_answer(int fd)
{
    char answer[256];
    ck_assert_int_eq(coro_recv(fd, answer, sizeof answer, 0), sizeof headers - 1);
    ck_assert_mem_eq(answer, headers, sizeof headers - 1);
    ck_assert_int_eq(coro_recv(fd, answer, sizeof answer, 0), 0);
}

static void ask(int fd)
{
    ck_assert_int_eq(coro_send_all(fd, request, sizeof request - 1, 0, NULL), sizeof request - 1);
}

/* With a socket that blocks, and with one that does not. */
static void be_a_client(const struct server *server)
{
    const int family = server->address.ss_family;
    const int sockets[] = {socket(family, SOCK_STREAM, 0), coro_socket(family, SOCK_STREAM, 0)};
    for (int i = 0; i < 2; i++) {
        connect_to(sockets[i], server);
        ask(sockets[i]);
        expect_answer(sockets[i]);
        ck_assert_int_eq(coro_close(sockets[i]), 0);
    }
}

/* CPython, stronger: test_sock_lowlevel.BaseSockTestsMixin.test_sock_client_ops: a
 * socket may block */
TASK_TEST(a_client_asks_and_reads)
{
    struct server server;
    start(&server);
    be_a_client(&server);
    stop(&server);
    return 0;
}

/* CPython, stronger: test_sock_lowlevel.BaseSockTestsMixin.test_unix_sock_client_ops: a
 * socket may block */
TASK_TEST(a_client_asks_and_reads_through_a_unix_socket)
{
    struct server server = {0};
    char folder[] = "/tmp/test_sock_XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    start_unix(&server, path);
    be_a_client(&server);
    stop(&server);
    unlink(path);
    rmdir(folder);
    return 0;
}

/* --- Races ------------------------------------------------------------------------------------ */
static int receives(void *fd)
{
    char byte;
    return (int)coro_recv(NUMBER(fd), &byte, 1, 0);
}

static int sends_hello(void *fd)
{
    return (int)coro_send_all(NUMBER(fd), "hello", 5, 0, NULL);
}

static void cancel_soon(coro_task *task)
{
    passes(1);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
}

static void race_to_receive(void)
{
    struct server server;
    start(&server);
    const int fd = coro_socket(AF_INET, SOCK_STREAM, 0);
    connect_to(fd, &server);
    cancel_soon(spawn(receives, ARG(fd)));
    ask(fd);
    expect_answer(fd);
    ck_assert_int_eq(coro_close(fd), 0);
    stop(&server);
}

static char tail[6];

/* What is not a zero, up to the end. */
static int receives_all(void *fd)
{
    char block[8192];
    size_t length = 0;
    ssize_t n;
    while ((n = coro_recv(NUMBER(fd), block, sizeof block, 0)) > 0)
        for (ssize_t i = 0; i < n; i++)
            if (block[i] && length < sizeof tail - 1)
                tail[length++] = block[i];
    return (int)n;
}

static void race_to_send(void)
{
    int fds[2];
    make_tcp(fds);
    fill_up(fds[0]);
    cancel_soon(spawn(sends_hello, ARG(fds[0])));
    coro_task *receiver = spawn(receives_all, ARG(fds[1]));
    ck_assert_int_eq(coro_send_all(fds[0], "world", 5, 0, NULL), 5);
    ck_assert_int_eq(shutdown(fds[0], SHUT_WR), 0);
    ck_assert_int_eq(coro_join(receiver, NULL), 0);
    ck_assert_str_eq(tail, "world");
    close_both(fds);
}

/* CPython: test_sock_lowlevel.BaseSockTestsMixin.test_sock_client_racing */
TASK_TEST(a_call_after_one_that_was_cancelled_is_not_disturbed)
{
    race_to_receive();
    race_to_send();
    return 0;
}

struct connection {
    int fd;
    struct sockaddr_storage address;
    socklen_t size;
};

static int connects(void *arg)
{
    const struct connection *to = arg;
    return coro_connect(to->fd, (const struct sockaddr *)&to->address, to->size);
}

/* CPython: test_sock_lowlevel.BaseSockTestsMixin.test_sock_client_connect_racing */
TASK_TEST(a_connect_can_be_made_again_when_somebody_listens)
{
    struct connection to = {.fd = coro_socket(AF_INET, SOCK_STREAM, 0), .size = sizeof to.address};
    const int listener = coro_socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&any, sizeof any), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&to.address, &to.size), 0);
    coro_task *task = spawn(connects, &to);
    passes(1);
    coro_cancel(task);
    const int first = coro_join(task, NULL);
    ck_assert(first == -ECANCELED || first == -ECONNREFUSED);
    ck_assert_int_eq(listen(listener, 1), 0);
    int rc = connects(&to);
    if (rc == -ECONNREFUSED) /* that was the answer to the first one */
        rc = connects(&to);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(coro_close(to.fd), 0);
    ck_assert_int_eq(coro_close(listener), 0);
    return 0;
}

/* --- Much ------------------------------------------------------------------------------------- */
enum { HUGE = 1000000 };

static int sends_the_content(void *fd)
{
    char *content = malloc(HUGE);
    ck_assert_ptr_nonnull(content);
    fill(content, HUGE, 0);
    const ssize_t n = coro_send_all(NUMBER(fd), content, HUGE, 0, NULL);
    free(content);
    return (int)n;
}

/* CPython: test_sock_lowlevel.BaseSockTestsMixin.test_huge_content
 * test_sock_lowlevel.BaseSockTestsMixin.test_huge_content_recvinto */
TASK_TEST(much_is_sent_and_received_at_the_same_time)
{
    static char content[HUGE + 1];
    char text[256];
    struct server server;
    start(&server);
    const int fd = coro_socket(AF_INET, SOCK_STREAM, 0);
    connect_to(fd, &server);
    const int length =
        snprintf(text, sizeof text, "POST /loop HTTP/1.0\r\nContent-Length: %d\r\n\r\n", HUGE);
    ck_assert_int_eq(coro_send_all(fd, text, (size_t)length, 0, NULL), length);
    coro_task *sender = spawn(sends_the_content, ARG(fd));
    ck_assert_int_eq(read_headers(fd, text, sizeof text), 0);
    ck_assert_str_eq(text, headers);
    ck_assert_int_eq(coro_read_all(fd, content, sizeof content, NULL), HUGE);
    ck_assert(filled(content, HUGE, 0));
    ck_assert_int_eq(coro_join(sender, NULL), HUGE);
    ck_assert_int_eq(coro_close(fd), 0);
    stop(&server);
    return 0;
}

/* --- Datagrams -------------------------------------------------------------------------------- */
struct echo {
    int fd;
    struct sockaddr_in address;
    socklen_t size;
    coro_task *task;
};

static int echoes(void *arg)
{
    const struct echo *echo = arg;
    char buffer[8192];
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t n =
            coro_recvfrom(echo->fd, buffer, sizeof buffer, 0, (struct sockaddr *)&from, &size);
        if (n >= 0)
            n = coro_sendto(echo->fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, size);
        if (n < 0)
            return (int)n;
    }
}

static void start_echo(struct echo *echo)
{
    const coro_datagram_options options = {.local_host = "127.0.0.1", .local_port = "0"};
    echo->fd = coro_open_datagram(&options);
    echo->size = sizeof echo->address;
    ck_assert_int_ge(echo->fd, 0);
    ck_assert_int_eq(getsockname(echo->fd, (struct sockaddr *)&echo->address, &echo->size), 0);
    echo->task = spawn(echoes, echo);
}

static void exchange(const struct echo *echo, int fd, size_t room)
{
    char data[4096], answer[8192];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    fill(data, sizeof data, 0);
    ck_assert_int_eq(
        coro_sendto(fd, data, sizeof data, 0, (const struct sockaddr *)&echo->address, echo->size),
        sizeof data);
    ck_assert_int_eq(coro_recvfrom(fd, answer, room, 0, (struct sockaddr *)&from, &size),
                     sizeof data);
    ck_assert(filled(answer, sizeof data, 0));
    ck_assert_mem_eq(&from, &echo->address, sizeof from);
}

/* CPython: test_sock_lowlevel.BaseSockTestsMixin.test_recvfrom
 * test_sock_lowlevel.BaseSockTestsMixin.test_recvfrom_into */
TASK_TEST(a_datagram_comes_back_with_its_sender)
{
    struct echo echo;
    start_echo(&echo);
    const int fd = coro_socket(AF_INET, SOCK_DGRAM, 0);
    exchange(&echo, fd, 4096);
    exchange(&echo, fd, 8192);
    ck_assert_int_eq(coro_close(fd), 0);
    ck_assert_int_eq(coro_close(echo.fd), 0);
    ck_assert_int_eq(coro_join(echo.task, NULL), -EBADF);
    return 0;
}

static int sends_a_datagram(void *fd)
{
    return (int)coro_sendto(NUMBER(fd), "last", 4, 0, NULL, 0);
}

/* A Unix socket, whose datagrams take room until they are received. */
/* CPython: test_sock_lowlevel.BaseSockTestsMixin.test_sendto_blocking */
/* CPython: test_selector_events.SelectorDatagramTransportTests.test_sendto_tryagain
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_ready
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_ready_tryagain
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_buffer
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_buffer_nodata */
TASK_TEST(a_datagram_waits_for_room)
{
    int fds[2];
    char buffer[8];
    size_t waiting = 0;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    while (send(fds[0], "fill", 4, MSG_DONTWAIT) == 4)
        waiting++;
    errno = 0;
    coro_task *task = spawn(sends_a_datagram, ARG(fds[0]));
    passes(3);
    ck_assert(!coro_done(task));
    for (size_t i = 0; i < waiting; i++)
        ck_assert_int_eq(coro_recv(fds[1], buffer, sizeof buffer, 0), 4);
    ck_assert_int_eq(coro_join(task, NULL), 4);
    ck_assert_int_eq(coro_recv(fds[1], buffer, sizeof buffer, 0), 4);
    ck_assert_mem_eq(buffer, "last", 4);
    close_both(fds);
    return 0;
}

/* --- accept and connect ----------------------------------------------------------------------- */
/* CPython: test_sock_lowlevel.BaseSockTestsMixin.test_sock_client_fail */
TASK_TEST(a_connect_that_is_refused_is_an_error)
{
    struct connection to = {.fd = coro_socket(AF_INET, SOCK_STREAM, 0)};
    const int listener = listen_tcp(&to.address, &to.size);
    ck_assert_int_eq(coro_close(listener), 0);
    ck_assert_int_eq(connects(&to), -ECONNREFUSED);
    ck_assert_int_eq(coro_close(to.fd), 0);
    return 0;
}

/* CPython: test_sock_lowlevel.BaseSockTestsMixin.test_sock_accept */
TASK_TEST(an_accepted_socket_does_not_block_and_has_its_addresses)
{
    struct connection to = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    struct sockaddr_in from, own, peer;
    socklen_t from_size = sizeof from, size = sizeof own;
    const int listener = listen_tcp(&to.address, &to.size);
    ck_assert_int_eq(connect(to.fd, (struct sockaddr *)&to.address, to.size), 0);
    const int fd = coro_accept(listener, (struct sockaddr *)&from, &from_size);
    ck_assert_int_ge(fd, 0);
    char byte;
    ck_assert_int_eq(recv(fd, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, EAGAIN);
    errno = 0;
    ck_assert_int_eq(getsockname(to.fd, (struct sockaddr *)&own, &size), 0);
    ck_assert_mem_eq(&from, &own, sizeof from);
    ck_assert_int_eq(getpeername(to.fd, (struct sockaddr *)&peer, &size), 0);
    ck_assert_mem_eq(&peer, &to.address, sizeof peer);
    ck_assert_int_eq(coro_close(fd), 0);
    ck_assert_int_eq(coro_close(to.fd), 0);
    ck_assert_int_eq(coro_close(listener), 0);
    return 0;
}

/* CPython: test_sock_lowlevel.BaseSockTestsMixin.test_cancel_sock_accept */
TASK_TEST(an_accept_that_was_cancelled_does_not_keep_the_socket)
{
    coro_timeout scope;
    struct connection to = {.fd = coro_socket(AF_INET, SOCK_STREAM, 0)};
    const int listener = listen_tcp(&to.address, &to.size);
    coro_timeout_begin(&scope, 100 * CORO_MILLISECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_accept(listener, NULL, NULL)), -ETIMEDOUT);
    ck_assert_int_eq(coro_close(listener), 0);
    ck_assert_int_eq(connects(&to), -ECONNREFUSED);
    ck_assert_int_eq(coro_close(to.fd), 0);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_client_asks_and_reads,
        a_client_asks_and_reads_through_a_unix_socket,
        a_call_after_one_that_was_cancelled_is_not_disturbed,
        a_connect_can_be_made_again_when_somebody_listens,
        much_is_sent_and_received_at_the_same_time,
        a_datagram_comes_back_with_its_sender,
        a_datagram_waits_for_room,
        a_connect_that_is_refused_is_an_error,
        an_accepted_socket_does_not_block_and_has_its_addresses,
        an_accept_that_was_cancelled_does_not_keep_the_socket,
        NULL,
    };
    return run_suite_on_pollers("asyncio sock_lowlevel", tests);
}
