/* SPDX-License-Identifier: MIT */
#include "support_io.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

static int open_on(const char *host, const char *port)
{
    const coro_datagram_options options = {.local_host = host, .local_port = port};
    return coro_open_datagram(&options);
}

/* One that is bound to the loopback, and its port. */
static int open_server(struct sockaddr_in *address, char port[8])
{
    socklen_t size = sizeof *address;
    const int fd = open_on("127.0.0.1", "0");
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &size), 0);
    snprintf(port, 8, "%d", ntohs(address->sin_port));
    return fd;
}

static int open_client(const char *port)
{
    const coro_datagram_options options = {.remote_host = "127.0.0.1", .remote_port = port};
    const int fd = coro_open_datagram(&options);
    ck_assert_int_ge(fd, 0);
    return fd;
}

/* Answers until there is an empty datagram. */
static int echoes(void *arg)
{
    char buffer[64];
    struct sockaddr_in from;
    ssize_t n;
    do {
        socklen_t size = sizeof from;
        n = coro_recvfrom(NUMBER(arg), buffer, sizeof buffer, 0, (struct sockaddr *)&from, &size);
        if (n >= 0)
            n = coro_sendto(NUMBER(arg), buffer, (size_t)n, 0, (struct sockaddr *)&from, size);
    } while (n > 0);
    return (int)n;
}

/* CPython: test_selector_events.SelectorDatagramTransportTests.test_read_ready
 * test_selector_events.SelectorDatagramTransportTests.test_sendto
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_no_data */
/* CPython: test_selector_events.SelectorDatagramTransportTests.test_read_ready_tryagain */
TASK_TEST(a_client_and_a_server_exchange_datagrams)
{
    char port[8], buffer[64];
    struct sockaddr_in address;
    const int server = open_server(&address, port), client = open_client(port);
    ck_assert(fcntl(client, F_GETFD) & FD_CLOEXEC);
    ck_assert(fcntl(client, F_GETFL) & O_NONBLOCK);
    coro_task *task = spawn(echoes, ARG(server));
    ck_assert_int_eq(coro_send(client, "first", 5, 0), 5);
    ck_assert_int_eq(coro_send(client, "second", 6, 0), 6);
    ck_assert_int_eq(coro_recv(client, buffer, sizeof buffer, 0), 5);
    ck_assert_int_eq(coro_recv(client, buffer, sizeof buffer, 0), 6);
    ck_assert_mem_eq(buffer, "second", 6);
    ck_assert_int_eq(coro_send(client, "", 0, 0), 0);
    ck_assert_int_eq(coro_recv(client, buffer, sizeof buffer, 0), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_int_eq(coro_close(client), 0);
    ck_assert_int_eq(coro_close(server), 0);
    return 0;
}

/* CPython: test_selector_events.SelectorDatagramTransportTests.test_read_ready_oserr
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_error_received_connected */
/* CPython: test_selector_events.SelectorDatagramTransportTests.test_read_ready_err
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_exception
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_ready_exception
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_ready_error_received_connection
 */
TASK_TEST(a_connected_socket_is_told_that_nobody_listens)
{
    char port[8], byte;
    struct sockaddr_in address;
    const int server = open_server(&address, port), client = open_client(port);
    ck_assert_int_eq(coro_close(server), 0);
    ck_assert_int_eq(coro_send(client, "a", 1, 0), 1);
    ck_assert_int_eq(coro_recv(client, &byte, 1, 0), -ECONNREFUSED);
    ck_assert_int_eq(coro_close(client), 0);
    return 0;
}

static int receives(void *arg)
{
    char byte;
    const ssize_t n = coro_recvfrom(NUMBER(arg), &byte, 1, 0, NULL, NULL);
    return n == 1 ? byte : (int)n;
}

/* CPython:
 * test_sock_lowlevel.ProactorEventLoopTests.test_datagram_send_to_non_listening_address_recvfrom
 * test_sock_lowlevel.ProactorEventLoopTests.test_datagram_send_to_non_listening_address_recvfrom_into
 */
/* CPython: test_events.EventLoopTestsMixin.test_datagram_send_to_non_listening_address */
/* CPython: test_selector_events.SelectorDatagramTransportTests.test_sendto_error_received
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_ready_error_received */
TASK_TEST(other_sockets_go_on_when_nobody_listens)
{
    char port[8];
    struct sockaddr_in closed, address;
    const socklen_t size = sizeof address;
    ck_assert_int_eq(coro_close(open_server(&closed, port)), 0);
    const int first = open_server(&address, port);
    struct sockaddr_in unused;
    const int second = open_server(&unused, port);
    coro_task *task = spawn(receives, ARG(first));
    passes(1);
    ck_assert_int_eq(coro_sendto(first, "c", 1, 0, (struct sockaddr *)&closed, size), 1);
    let_loop_look();
    passes(2);
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_sendto(second, "d", 1, 0, (struct sockaddr *)&address, size), 1);
    ck_assert_int_eq(coro_join(task, NULL), 'd');
    ck_assert_int_eq(coro_close(first), 0);
    ck_assert_int_eq(coro_close(second), 0);
    return 0;
}

/* --- Addresses -------------------------------------------------------------------------------- */
static int family_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return address.ss_family;
}

TASK_TEST(a_socket_has_the_family_that_is_asked_for)
{
    const coro_datagram_options options = {.family = AF_INET};
    const int fd = coro_open_datagram(&options);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(family_of(fd), AF_INET);
    ck_assert_int_eq(coro_close(fd), 0);
    return 0;
}

TASK_TEST(a_port_alone_is_one_of_any_address)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    const coro_datagram_options options = {.local_port = "0", .family = AF_INET};
    const int fd = coro_open_datagram(&options);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    ck_assert_uint_eq(address.sin_addr.s_addr, htonl(INADDR_ANY));
    ck_assert_uint_ne(address.sin_port, 0);
    ck_assert_int_eq(coro_close(fd), 0);
    return 0;
}

TASK_TEST(a_socket_is_bound_and_connected)
{
    char port[8];
    struct sockaddr_in address, peer, own;
    socklen_t size = sizeof peer;
    const int server = open_server(&address, port);
    const coro_datagram_options options = {
        .local_host = "127.0.0.2", .remote_host = "127.0.0.1", .remote_port = port};
    const int client = coro_open_datagram(&options);
    ck_assert_int_ge(client, 0);
    ck_assert_int_eq(getpeername(client, (struct sockaddr *)&peer, &size), 0);
    ck_assert_mem_eq(&peer, &address, sizeof peer);
    ck_assert_int_eq(getsockname(client, (struct sockaddr *)&own, &size), 0);
    ck_assert_uint_eq(own.sin_addr.s_addr, inet_addr("127.0.0.2"));
    ck_assert_int_eq(coro_close(client), 0);
    ck_assert_int_eq(coro_close(server), 0);
    return 0;
}

TASK_TEST(two_share_a_port_only_if_both_say_so)
{
    char port[8];
    struct sockaddr_in address;
    const int server = open_server(&address, port);
    ck_assert_int_eq(open_on("127.0.0.1", port), -EADDRINUSE);
    coro_datagram_options options = {
        .local_host = "127.0.0.1", .local_port = port, .reuse_port = true};
    ck_assert_int_eq(coro_open_datagram(&options), -EADDRINUSE);
    ck_assert_int_eq(coro_close(server), 0);
    const int first = coro_open_datagram(&options), second = coro_open_datagram(&options);
    ck_assert_int_ge(first, 0);
    ck_assert_int_ge(second, 0);
    ck_assert_int_eq(coro_close(first), 0);
    ck_assert_int_eq(coro_close(second), 0);
    return 0;
}

static int broadcasts(bool allowed)
{
    const coro_datagram_options options = {.family = AF_INET, .allow_broadcast = allowed};
    int value = -1;
    socklen_t size = sizeof value;
    const int fd = coro_open_datagram(&options);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_BROADCAST, &value, &size), 0);
    ck_assert_int_eq(coro_close(fd), 0);
    return value;
}

/* CPython:
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_sockopts */
TASK_TEST(broadcasts_are_sent_if_that_is_allowed)
{
    ck_assert_int_eq(broadcasts(false), 0);
    ck_assert_int_eq(broadcasts(true), 1);
    return 0;
}

/* --- What cannot be --------------------------------------------------------------------------- */
static int open_pair(const char *local, const char *remote, const char *port, int family)
{
    const coro_datagram_options options = {
        .local_host = local, .remote_host = remote, .remote_port = port, .family = family};
    return coro_open_datagram(&options);
}

/* CPython:
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_noaddr_nofamily
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_no_matching_family
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_connect_err */
TASK_TEST(addresses_must_be_there_and_fit)
{
    ck_assert_int_eq(coro_open_datagram(NULL), -EINVAL);
    ck_assert_int_eq(open_pair(NULL, NULL, NULL, 0), -EINVAL);
    ck_assert_int_eq(open_pair(NULL, "127.0.0.1", NULL, 0), -EINVAL);
    ck_assert_int_eq(open_pair(NULL, NULL, "1", 0), -EINVAL);
    ck_assert_int_eq(open_pair(NULL, NULL, NULL, AF_UNIX), -EAFNOSUPPORT);
    ck_assert_int_eq(open_pair("127.0.0.1", "::1", "9", 0), -EAFNOSUPPORT);
    ck_assert_int_eq(open_pair("127.0.0.1", NULL, NULL, AF_INET6), -EAFNOSUPPORT);
    ck_assert_int_eq(open_pair(NULL, "127.0.0.1", "no-such-service", 0), -EPROTONOSUPPORT);
    ck_assert_int_eq(open_on("192.0.2.1", "0"), -EADDRNOTAVAIL);
    return 0;
}

START_TEST(only_a_task_opens_one)
{
    ck_assert_int_eq(open_on("127.0.0.1", "0"), -EPERM);
}
END_TEST

/* CPython:
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_cant_bind
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_socket_err */
TASK_TEST(a_failure_leaves_no_fd)
{
    const int free_before = dup(STDIN_FILENO);
    close(free_before);
    ck_assert_int_eq(open_on("192.0.2.1", "0"), -EADDRNOTAVAIL);
    const int free_now = dup(STDIN_FILENO);
    close(free_now);
    ck_assert_int_eq(free_now, free_before);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_client_and_a_server_exchange_datagrams,
        a_connected_socket_is_told_that_nobody_listens,
        other_sockets_go_on_when_nobody_listens,
        a_socket_has_the_family_that_is_asked_for,
        a_port_alone_is_one_of_any_address,
        a_socket_is_bound_and_connected,
        two_share_a_port_only_if_both_say_so,
        broadcasts_are_sent_if_that_is_allowed,
        addresses_must_be_there_and_fit,
        only_a_task_opens_one,
        a_failure_leaves_no_fd,
        NULL,
    };
    return run_suite_on_pollers("datagram", tests);
}
