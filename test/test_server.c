/* SPDX-License-Identifier: MIT */
/* Servers: their sockets, many clients, ends in every order, want of fds. */
#include "support_stream.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static int clients; /* that are being served */

static int echoes(coro_stream *stream, void *arg)
{
    char buffer[512];
    ssize_t n;
    clients++;
    while ((n = coro_stream_read(stream, buffer, sizeof buffer)) > 0) {
        coro_stream_write(stream, buffer, (size_t)n);
        n = coro_stream_drain(stream);
        if (n < 0)
            break;
    }
    clients--;
    return (int)n;
}

static coro_server *start_with(coro_client_fn *fn, void *arg, const coro_server_options *options)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.1", "0", fn, arg, options), 0);
    return server;
}

static coro_server *start(coro_client_fn *fn, void *arg)
{
    return start_with(fn, arg, NULL);
}

static void expect_echo(coro_stream *stream)
{
    ck_assert_int_eq(coro_stream_write(stream, "echo\n", 5), 0);
    expect_line(stream, "echo\n");
}

/* Connects without a wait, so that the server has not accepted it yet. */
static coro_stream *connect_unseen(const coro_server *server)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    coro_stream *stream;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(coro_server_address(server, 0, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(coro_open_stream(&stream, fd, NULL), 0);
    return stream;
}

/* --- Sockets ---------------------------------------------------------------------------------- */
static bool has_ipv6(void)
{
    const struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                         .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const int fd = socket(AF_INET6, SOCK_STREAM, 0);
    const bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    errno = 0;
    return has;
}

/* CPython: test_events.EventLoopTestsMixin.test_create_server_multiple_hosts_ipv4
 * test_events.EventLoopTestsMixin.test_create_server_multiple_hosts_ipv6
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_server_ipv6 */
TASK_TEST(it_listens_at_all_addresses)
{
    static const char *const more[] = {"127.0.0.2", "127.0.0.1", "::1", NULL};
    const coro_server_options options = {.more_hosts = more};
    coro_server *server = start_with(echoes, NULL, &options);
    const size_t count = coro_server_socket_count(server);
    ck_assert_uint_eq(count, has_ipv6() ? 3 : 2);
    for (size_t i = 0; i < count; i++) {
        static const char *const hosts[] = {"127.0.0.1", "127.0.0.2", "::1"};
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        char port[8];
        coro_stream *stream;
        ck_assert_int_eq(coro_server_address(server, i, (struct sockaddr *)&address, &size), 0);
        ck_assert_int_eq(coro_getnameinfo((struct sockaddr *)&address, size, NULL, 0, port,
                                          sizeof port, NI_NUMERICSERV),
                         0);
        ck_assert_int_eq(coro_open_connection(&stream, hosts[i], port, NULL), 0);
        expect_echo(stream);
        close_stream(stream);
    }
    ck_assert_int_eq(coro_server_fd(server, count), -EINVAL);
    close_server(server);
    ck_assert_int_eq(clients, 0);
    return 0;
}

/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_create_server_empty_host */
TASK_TEST(of_one_family_and_any_address)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    coro_server *server;
    const coro_server_options options = {.family = AF_INET};
    const char *const hosts[] = {NULL, ""};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(coro_start_server(&server, hosts[i], NULL, echoes, NULL, &options), 0);
        ck_assert_uint_eq(coro_server_socket_count(server), 1);
        ck_assert_int_eq(coro_server_address(server, 0, (struct sockaddr *)&address, &size), 0);
        ck_assert_int_eq(address.sin_addr.s_addr, htonl(INADDR_ANY));
        ck_assert_int_eq(ntohs(address.sin_port), coro_server_port(server));
        coro_stream *stream = connect_to_server(server);
        expect_echo(stream);
        close_stream(stream);
        close_server(server);
    }
    return 0;
}

static int option_of(const coro_server *server, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(coro_server_fd(server, 0), SOL_SOCKET, option, &value, &size);
    return value != 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_create_server_reuse_port */
TASK_TEST(options_are_set)
{
    const coro_server_options options = {
        .no_reuse_address = true, .reuse_port = true, .keep_alive = true, .backlog = 1};
    coro_server *server = start(echoes, NULL), *other;
    const char *port = port_of(server);
    ck_assert_int_eq(option_of(server, SO_REUSEADDR), 1);
    ck_assert_int_eq(option_of(server, SO_REUSEPORT), 0);
    ck_assert_int_eq(option_of(server, SO_KEEPALIVE), 0);
    ck_assert_int_eq(fcntl(coro_server_fd(server, 0), F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(coro_start_server(&other, "127.0.0.1", port, echoes, NULL, NULL), -EADDRINUSE);
    ck_assert_ptr_null(other);
    char text[64];
    snprintf(text, sizeof text, "bind to 127.0.0.1:%s: Address already in use", port);
    ck_assert_str_eq(coro_error_message(coro_current_task()), text);
    close_server(server);

    server = start_with(echoes, NULL, &options);
    ck_assert_int_eq(option_of(server, SO_REUSEADDR), 0);
    ck_assert_int_eq(option_of(server, SO_REUSEPORT), 1);
    ck_assert_int_eq(option_of(server, SO_KEEPALIVE), 1);
    port = port_of(server);
    ck_assert_int_eq(coro_start_server(&other, "127.0.0.1", port, echoes, NULL, &options), 0);
    close_server(other);
    close_server(server);
    return 0;
}

/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_create_server_wrong_sock
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_server_cant_bind
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_server_path_dgram */
TASK_TEST(servers_that_cannot_be_started)
{
    static const char *const more[] = {"192.0.2.1", NULL};
    coro_server *server;
    int fds[2];
    const coro_server_options below = {.backlog = -1}, elsewhere = {.more_hosts = more};
    ck_assert_int_eq(coro_start_server(&server, NULL, NULL, NULL, NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_start_server(&server, NULL, NULL, echoes, NULL, &below), -EINVAL);
    ck_assert_int_eq(coro_start_server(&server, "192.0.2.1", NULL, echoes, NULL, NULL),
                     -EADDRNOTAVAIL);
    ck_assert_ptr_null(server);
    server = start_with(echoes, NULL, &elsewhere); /* at the one that it can */
    ck_assert_uint_eq(coro_server_socket_count(server), 1);
    close_server(server);
    ck_assert_int_eq(coro_start_fd_server(&server, -1, echoes, NULL, NULL), -EBADF);
    make_pipe(fds);
    ck_assert_int_eq(coro_start_fd_server(&server, fds[0], echoes, NULL, NULL), -ENOTSOCK);
    ck_assert_int_eq(close(fds[1]), 0);
    ck_assert_int_eq(close(fds[0]), 0); /* it is still open */
    const int udp = socket(AF_INET, SOCK_DGRAM, 0);
    ck_assert_int_eq(coro_start_fd_server(&server, udp, echoes, NULL, NULL), -EINVAL);
    ck_assert_int_eq(close(udp), 0);
    make_pair(fds);
    ck_assert_int_eq(coro_start_fd_server(&server, fds[0], echoes, NULL, NULL), -EINVAL);
    ck_assert_ptr_null(server);
    ck_assert_int_eq(close(fds[0]), 0);
    ck_assert_int_eq(close(fds[1]), 0);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_create_unix_server_path_socket_error
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_server_existing_path_sock
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_server_existing_path_nonsock
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_server_nopath_nosock
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_server_bind_error
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_server_pathlike */
TASK_TEST(paths_in_the_file_system)
{
    coro_server *server;
    coro_stream *stream;
    char name[128];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    ck_assert_int_eq(coro_start_unix_server(&server, name, echoes, NULL, NULL), -ENAMETOOLONG);
    ck_assert_int_eq(coro_start_unix_server(&server, NULL, echoes, NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_start_unix_server(&server, "/no/such/place", echoes, NULL, NULL),
                     -ENOENT);
    snprintf(name, sizeof name, "%s", socket_path());
    FILE *file = fopen(name, "w");
    fclose(file);
    ck_assert_int_eq(coro_start_unix_server(&server, name, echoes, NULL, NULL), -EADDRINUSE);
    ck_assert_ptr_null(server);
    ck_assert_int_eq(unlink(name), 0);

    const coro_server_options kept = {.keep_socket = true};
    ck_assert_int_eq(coro_start_unix_server(&server, name, echoes, NULL, &kept), 0);
    close_server(server);
    ck_assert(path_exists(name));
    ck_assert_int_eq(coro_start_unix_server(&server, name, echoes, NULL, NULL), 0);
    ck_assert_int_eq(coro_server_port(server), -EINVAL);
    ck_assert_int_eq(coro_open_unix_connection(&stream, name, NULL), 0);
    expect_echo(stream);
    close_stream(stream);
    close_server(server);
    ck_assert(!path_exists(name));
    return 0;
}

/* --- Clients ---------------------------------------------------------------------------------- */
static const char *path; /* of the server, if it has one */

static coro_stream *connect_somehow(const coro_server *server)
{
    coro_stream *stream;
    if (!path)
        return connect_to_server(server);
    ck_assert_int_eq(coro_open_unix_connection(&stream, path, NULL), 0);
    return stream;
}

static int talks(void *server)
{
    coro_stream *stream = connect_somehow((const coro_server *)server);
    for (int i = 0; i < 3; i++) {
        expect_echo(stream);
        coro_yield();
    }
    close_stream(stream);
    return 0;
}

static void serve_many(coro_server *server, int count)
{
    coro_task *tasks[200];
    for (int i = 0; i < count; i++)
        tasks[i] = spawn(talks, server);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    close_server(server);
    ck_assert_int_eq(clients, 0);
}

TASK_TEST(many_clients_at_once)
{
    const coro_server_options options = {.backlog = 256};
    serve_many(start_with(echoes, NULL, &options), under_valgrind() ? 20 : 200);
    return 0;
}

/* CPython: test_selector_events.BaseSelectorEventLoopTests.test_accept_connection_multiple
 * test_base_events.BaseEventLoopWithSelectorTests.test_accept_connection_retry */
TASK_TEST(clients_are_accepted_one_in_a_go)
{
    const coro_server_options options = {.backlog = 1, .stack_size = 64 * 1024, .limit = 100};
    coro_server *server;
    path = socket_path();
    ck_assert_int_eq(coro_start_unix_server(&server, path, echoes, NULL, &options), 0);
    serve_many(server, 20);
    return 0;
}

static int serves_many(void *arg)
{
    serve_many(start(echoes, NULL), 20);
    return 0;
}

START_TEST(handlers_start_eagerly)
{
    coro_run_options options = test_options();
    options.eager_start = true;
    ck_assert_int_eq(coro_run_with(&options, serves_many, NULL), 0);
}
END_TEST

START_TEST(tasks_run_in_any_order)
{
    coro_run_options options = test_options();
    for (options.seed = 1; options.seed < 6; options.seed++)
        ck_assert_int_eq(coro_run_with(&options, serves_many, NULL), 0);
}
END_TEST

static int closes_its_server(coro_stream *stream, void *server)
{
    coro_server_close(*(coro_server **)server);
    return coro_stream_write(stream, "closed", 6);
}

static int closes_servers_from_handlers(void *arg)
{
    coro_server *server;
    ck_assert_int_eq(
        coro_start_server(&server, "127.0.0.1", NULL, closes_its_server, &server, NULL), 0);
    coro_stream *stream = connect_to_server(server);
    expect_bytes(stream, 10, "closed");
    expect_bytes(stream, 10, "");
    coro_stream_release(stream);
    ck_assert_int_eq(coro_server_wait_closed(server), 0);
    coro_server_destroy(server);
    return 0;
}

START_TEST(a_handler_closes_its_server)
{
    coro_run_options options = test_options();
    ck_assert_int_eq(coro_run_with(&options, closes_servers_from_handlers, NULL), 0);
    options.eager_start = true;
    ck_assert_int_eq(coro_run_with(&options, closes_servers_from_handlers, NULL), 0);
}
END_TEST

static const coro_local color = CORO_LOCAL_INITIALIZER(NULL);

static int writes_color(coro_stream *stream, void *arg)
{
    const char *text = coro_local_get(&color);
    return coro_stream_write(stream, text, strlen(text));
}

TASK_TEST(handlers_inherit_the_locals_of_who_starts_the_server)
{
    static char red[] = "red", blue[] = "blue";
    ck_assert_int_eq(coro_local_set(&color, red, NULL), 0);
    coro_server *server = start(writes_color, NULL);
    ck_assert_int_eq(coro_local_set(&color, blue, NULL), 0);
    coro_stream *stream = connect_to_server(server);
    expect_bytes(stream, 10, "red");
    coro_stream_release(stream);
    close_server(server);
    return 0;
}

static int keeps(coro_stream *stream, void *place)
{
    *(coro_stream **)place = coro_stream_retain(stream);
    ck_assert_int_eq(coro_stream_write(stream, "kept\n", 5), 0);
    return 0;
}

TASK_TEST(a_stream_that_is_kept_is_closed_all_the_same)
{
    coro_stream *kept = NULL;
    struct sockaddr_in peer, own;
    socklen_t peer_size = sizeof peer, own_size = sizeof own;
    coro_server *server = start(keeps, &kept);
    coro_stream *stream = connect_to_server(server);
    expect_line(stream, "kept\n");
    expect_line(stream, "");
    ck_assert(coro_stream_is_closing(kept));
    ck_assert_int_eq(coro_stream_peername(kept, (struct sockaddr *)&peer, &peer_size), 0);
    ck_assert_int_eq(coro_stream_sockname(stream, (struct sockaddr *)&own, &own_size), 0);
    ck_assert_int_eq(peer.sin_port, own.sin_port);
    ck_assert_int_eq(coro_stream_wait_closed(kept), 0);
    coro_stream_release(kept);
    coro_stream_release(stream);
    close_server(server);
    return 0;
}

static int cannot_run(coro_stream *stream, void *arg)
{
    ck_abort_msg("it was cancelled before it began");
    return 0;
}

static void cancels_new_tasks(void *main_task)
{
    coro_task *tasks[8];
    const size_t count = coro_all_tasks(tasks, 8);
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != main_task)
            coro_cancel(tasks[i]);
}

TASK_TEST(a_handler_is_cancelled_before_it_begins)
{
    coro_handle handle;
    coro_server *server = start(cannot_run, NULL);
    coro_stream *stream = connect_unseen(server);
    /* In the pass in which it is accepted, and those around it. */
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(coro_call_soon(cancels_new_tasks, coro_current_task(), &handle), 0);
        coro_yield();
        cancels_new_tasks(coro_current_task());
    }
    expect_bytes(stream, 8, "");
    coro_stream_release(stream);
    close_server(server);
    return 0;
}

/* --- Ends ------------------------------------------------------------------------------------- */
static int waits(void *server)
{
    return coro_server_wait_closed((coro_server *)server);
}

TASK_TEST(clients_go_on_when_the_server_is_closed)
{
    coro_stream *stream, *late;
    coro_server *server = start(echoes, NULL);
    const char *port = port_of(server);
    stream = connect_to_server(server);
    expect_echo(stream);
    ck_assert_int_eq(coro_server_close(server), 0);
    ck_assert_int_eq(coro_server_close(server), 0);
    ck_assert_int_eq(coro_server_start_serving(server), -ESHUTDOWN);
    ck_assert_int_eq(coro_open_connection(&late, "127.0.0.1", port, NULL), -ECONNREFUSED);
    coro_task *task = spawn(waits, server);
    expect_echo(stream);
    ck_assert(!coro_done(task));
    coro_task *cancelled = spawn(waits, server);
    passes(1);
    coro_cancel(cancelled);
    ck_assert_int_eq(coro_join(cancelled, NULL), -ECANCELED);
    close_stream(stream);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    coro_server_destroy(server);
    return 0;
}

TASK_TEST(clients_go_on_when_the_server_is_destroyed)
{
    coro_server *server = start(echoes, NULL);
    coro_stream *stream = connect_to_server(server);
    expect_echo(stream);
    coro_server_destroy(server);
    expect_echo(stream);
    close_stream(stream);
    while (clients > 0)
        passes(1);
    return 0;
}

static int writes_much(coro_stream *stream, void *arg)
{
    static char bytes[4 << 20];
    return coro_stream_write(stream, bytes, sizeof bytes);
}

TASK_TEST(what_a_handler_has_written_is_waited_for)
{
    static char buffer[65536];
    coro_server *server = start(writes_much, NULL);
    coro_stream *stream = connect_to_server(server);
    passes(3);
    ck_assert_int_eq(coro_server_close(server), 0);
    coro_task *task = spawn(waits, server);
    size_t got = 0;
    ssize_t n;
    passes(5);
    ck_assert(!coro_done(task));
    while ((n = coro_stream_read(stream, buffer, sizeof buffer)) > 0)
        got += (size_t)n;
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(got, 4 << 20);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    coro_stream_release(stream);
    coro_server_destroy(server);
    return 0;
}

static int serves(void *server)
{
    return coro_server_serve_forever((coro_server *)server);
}

TASK_TEST(serving_for_ever_is_for_one_task_and_ends_with_the_server)
{
    coro_server *server = start(echoes, NULL);
    coro_task *task = spawn(serves, server);
    passes(1);
    ck_assert_int_eq(coro_server_serve_forever(server), -EALREADY);
    ck_assert_int_eq(coro_server_close(server), 0);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_server_serve_forever(server), -ESHUTDOWN);
    coro_server_destroy(server);
    return 0;
}

static int sleeps_through_cancels(coro_stream *stream, void *arg)
{
    coro_sleep(CORO_SECOND);
    return 0;
}

TASK_TEST(serving_for_ever_waits_for_the_clients_when_it_is_cancelled)
{
    coro_server *server = start(sleeps_through_cancels, NULL);
    coro_task *task = spawn(serves, server);
    coro_stream *stream = connect_to_server(server);
    passes(3);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    coro_stream_release(stream);
    coro_server_destroy(server);
    return 0;
}

/* --- Without fds ------------------------------------------------------------------------------ */
enum { FEW_FDS = 64 };

static struct rlimit limit;
static int taken[FEW_FDS], taken_count;

static void take_all_fds(void)
{
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit few = {FEW_FDS, limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    int fd;
    for (taken_count = 0; (fd = open("/dev/null", O_RDONLY)) >= 0;)
        taken[taken_count++] = fd;
    ck_assert_int_eq(errno, EMFILE);
    errno = 0;
}

static void give_fds_back(void)
{
    while (taken_count > 0)
        close(taken[--taken_count]);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_accept_connection_exception */
TASK_TEST(without_fds_a_socket_pauses_and_others_go_on)
{
    static const char *const more[] = {"127.0.0.2", NULL};
    const coro_server_options options = {.more_hosts = more};
    struct sockaddr_in second;
    socklen_t size = sizeof second;
    if (under_valgrind()) {
        skip("without_fds_...: Valgrind accepts the connection before it looks at the limit");
        return 0;
    }
    coro_server *server = start_with(echoes, NULL, &options);
    ck_assert_int_eq(coro_server_address(server, 1, (struct sockaddr *)&second, &size), 0);
    coro_stream *paused = connect_unseen(server);
    take_all_fds();
    passes(5);
    expect_log(CORO_LOG_ACCEPT_ERROR, -EMFILE, "cannot accept a client: Too many open files");
    give_fds_back();
    passes(5);
    ck_assert_int_eq(clients, 0);
    const int fd = coro_socket(AF_INET, SOCK_STREAM, 0);
    coro_stream *other;
    ck_assert_int_eq(coro_connect(fd, (struct sockaddr *)&second, size), 0);
    ck_assert_int_eq(coro_open_stream(&other, fd, NULL), 0);
    expect_echo(other);
    ck_assert_int_eq(coro_now(), 0);
    expect_echo(paused);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    close_stream(paused);
    close_stream(other);
    close_server(server);
    return 0;
}

TASK_TEST(a_server_is_closed_while_it_pauses)
{
    if (under_valgrind()) {
        skip(
            "a_server_is_closed_...: Valgrind accepts the connection before it looks at the limit");
        return 0;
    }
    coro_server *server = start(echoes, NULL);
    coro_stream *stream = connect_unseen(server);
    take_all_fds();
    passes(5);
    expect_log(CORO_LOG_ACCEPT_ERROR, -EMFILE, "");
    give_fds_back();
    close_server(server);
    ck_assert_int_eq(coro_sleep(2 * CORO_SECOND), 0);
    coro_stream_release(stream);
    return 0;
}

TASK_TEST(somebody_else_closes_its_socket)
{
    coro_server *server = start(echoes, NULL);
    ck_assert_int_eq(coro_close(coro_server_fd(server, 0)), 0);
    passes(2);
    expect_log(CORO_LOG_ACCEPT_ERROR, -EBADF, "");
    coro_server_destroy(server);
    return 0;
}

/* --- Misuse and ends of runs ------------------------------------------------------------------ */
static void *in_thread(void *arg)
{
    coro_server *server = arg;
    ck_assert_int_eq(coro_server_close(server), -EXDEV);
    ck_assert_int_eq(coro_server_close_clients(server), -EXDEV);
    ck_assert_int_eq(coro_server_start_serving(server), -EXDEV);
    ck_assert_int_eq(coro_server_serve_forever(server), -EXDEV);
    ck_assert_int_eq(coro_server_wait_closed(server), -EXDEV);
    ck_assert_int_eq(coro_server_fd(server, 0), -EXDEV);
    ck_assert_int_eq(coro_server_port(server), -EXDEV);
    coro_server_destroy(server);
    return NULL;
}

static void in_callback(void *server)
{
    ck_assert_int_eq(coro_server_serve_forever((coro_server *)server), -EPERM);
    ck_assert_int_eq(coro_server_wait_closed((coro_server *)server), -EPERM);
    ck_assert_int_eq(coro_server_close((coro_server *)server), 0);
}

TASK_TEST(misuse_is_an_error)
{
    pthread_t thread;
    coro_server *server = start(echoes, NULL);
    ck_assert_int_eq(coro_server_close(NULL), -ENOMEM);
    ck_assert_int_eq(coro_server_abort_clients(NULL), -ENOMEM);
    ck_assert_int_eq(coro_server_start_serving(NULL), -ENOMEM);
    ck_assert_int_eq(coro_server_serve_forever(NULL), -ENOMEM);
    ck_assert_int_eq(coro_server_wait_closed(NULL), -ENOMEM);
    ck_assert_int_eq(coro_server_port(NULL), -ENOMEM);
    ck_assert_uint_eq(coro_server_socket_count(NULL), 0);
    ck_assert(!coro_server_is_serving(NULL));
    coro_server_destroy(NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, in_thread, server), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(coro_server_is_serving(server));
    ck_assert_int_eq(coro_call_soon(in_callback, server, NULL), 0);
    ck_assert_int_eq(coro_server_wait_closed(server), 0);
    coro_server_destroy(server);
    return 0;
}

START_TEST(outside_a_task_none_is_started)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, NULL, NULL, echoes, NULL, NULL), -EPERM);
    ck_assert_ptr_null(server);
    ck_assert_int_eq(coro_start_unix_server(&server, "x", echoes, NULL, NULL), -EPERM);
    ck_assert_int_eq(coro_start_fd_server(&server, 0, echoes, NULL, NULL), -EPERM);
}
END_TEST

static coro_server *left;
static char left_path[128];

static int leaves_a_server(void *arg)
{
    coro_stream *stream;
    snprintf(left_path, sizeof left_path, "%s", socket_path());
    ck_assert_int_eq(coro_start_unix_server(&left, left_path, echoes, NULL, NULL), 0);
    ck_assert_int_eq(coro_open_unix_connection(&stream, left_path, NULL), 0);
    expect_echo(stream);
    coro_stream_release(stream);
    return 0;
}

START_TEST(a_server_outlives_its_loop)
{
    clients = 0;
    ck_assert_int_eq(run_test(leaves_a_server, NULL), 0);
    ck_assert(!path_exists(left_path));
    ck_assert(!coro_server_is_serving(left));
    ck_assert_uint_eq(coro_server_socket_count(left), 0);
    ck_assert_int_eq(coro_server_start_serving(left), -ESHUTDOWN);
    coro_server_destroy(left);
}
END_TEST

START_TEST(between_runs_a_server_is_closed)
{
    const coro_run_options options = test_options();
    coro_runner *runner = coro_runner_create(&options);
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_server, NULL), 0);
    ck_assert_int_eq(coro_server_close(left), 0);
    ck_assert(!path_exists(left_path));
    coro_server_destroy(left);
    ck_assert_int_eq(coro_runner_close(runner), 0);
}
END_TEST

static int uses_another_loops(void *arg)
{
    ck_assert_int_eq(coro_server_serve_forever(left), -EXDEV);
    ck_assert_int_eq(coro_server_wait_closed(left), -EXDEV);
    return coro_server_close(left);
}

START_TEST(another_loop_does_not_wait_for_it)
{
    const coro_run_options options = test_options();
    coro_runner *runner = coro_runner_create(&options), *other = coro_runner_create(&options);
    ck_assert_int_eq(coro_runner_run(runner, leaves_a_server, NULL), 0);
    ck_assert_int_eq(coro_runner_run(other, uses_another_loops, NULL), 0);
    coro_server_destroy(left);
    ck_assert_int_eq(coro_runner_close(other), 0);
    ck_assert_int_eq(coro_runner_close(runner), 0);
}
END_TEST

static int waits_for_nobody(void *arg)
{
    const coro_server_options options = {.start_later = true};
    coro_server *server = start_with(echoes, NULL, &options);
    ck_assert_int_eq(coro_server_wait_closed(server), -ECANCELED);
    coro_server_destroy(server);
    return 0;
}

START_TEST(a_server_that_does_not_serve_hides_no_deadlock)
{
    ck_assert_int_eq(run_test(waits_for_nobody, NULL), -EDEADLK);
    forget_log();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_listens_at_all_addresses,
        of_one_family_and_any_address,
        options_are_set,
        servers_that_cannot_be_started,
        paths_in_the_file_system,
        many_clients_at_once,
        clients_are_accepted_one_in_a_go,
        handlers_start_eagerly,
        tasks_run_in_any_order,
        a_handler_closes_its_server,
        handlers_inherit_the_locals_of_who_starts_the_server,
        a_stream_that_is_kept_is_closed_all_the_same,
        a_handler_is_cancelled_before_it_begins,
        clients_go_on_when_the_server_is_closed,
        clients_go_on_when_the_server_is_destroyed,
        what_a_handler_has_written_is_waited_for,
        serving_for_ever_is_for_one_task_and_ends_with_the_server,
        serving_for_ever_waits_for_the_clients_when_it_is_cancelled,
        without_fds_a_socket_pauses_and_others_go_on,
        a_server_is_closed_while_it_pauses,
        somebody_else_closes_its_socket,
        misuse_is_an_error,
        outside_a_task_none_is_started,
        a_server_outlives_its_loop,
        between_runs_a_server_is_closed,
        another_loop_does_not_wait_for_it,
        a_server_that_does_not_serve_hides_no_deadlock,
        NULL,
    };
    return run_suite_on_pollers("server", tests);
}
