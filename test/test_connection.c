/* SPDX-License-Identifier: MIT */
/*
 * Connections to servers: by name, in the order of addresses, and as a race.
 *
 * The program is linked so that lookups come here first (-Wl,--wrap=getaddrinfo): the host
 * "many.test" has the addresses below.
 */
#include "io/race.h"
#include "support_stream.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REAL __attribute__((weak))
int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found) REAL;
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found);

static const char *const hosts_of_many[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3",
                                            "::1",       "::1",       NULL};

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **found)
{
    if (!node || strcmp(node, "many.test") != 0)
        return __real_getaddrinfo(node, service, hints, found);
    if (hints->ai_flags & AI_NUMERICHOST)
        return EAI_NONAME;
    for (int i = 0; hosts_of_many[i]; i++) {
        /* Not those of another family. */
        if (__real_getaddrinfo(hosts_of_many[i], service, hints, found) == 0)
            found = &(*found)->ai_next;
    }
    return 0;
}

static bool linked_without_wrap(const char *test)
{
    if (__real_getaddrinfo)
        return false;
    skip(test);
    return true;
}

static int echoes(coro_stream *stream, void *arg)
{
    char buffer[64];
    ssize_t n;
    while ((n = coro_stream_read(stream, buffer, sizeof buffer)) > 0)
        coro_stream_write(stream, buffer, (size_t)n);
    return 0;
}

static coro_server *start(const char *host)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, host, NULL, echoes, NULL, NULL), 0);
    return server;
}

static void expect_echo(coro_stream *stream)
{
    ck_assert_int_eq(coro_stream_write(stream, "hello\n", 6), 0);
    expect_line(stream, "hello\n");
    close_stream(stream);
}

/* --- By name ---------------------------------------------------------------------------------- */
TASK_TEST(names_and_options_of_an_address)
{
    coro_stream *stream;
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    coro_server *server = start("127.0.0.1");
    const coro_connection_options options = {.family = AF_INET, .local_host = "127.0.0.9"};
    ck_assert_int_eq(coro_open_connection(&stream, "localhost", port_of(server), &options), 0);
    ck_assert_int_eq(coro_stream_sockname(stream, (struct sockaddr *)&own, &size), 0);
    ck_assert_int_eq(own.sin_addr.s_addr, htonl(0x7f000009));
    expect_echo(stream);
    close_server(server);
    return 0;
}

static void expect_error(int rc, int expected, const char *text)
{
    ck_assert_int_eq(rc, expected);
    if (text)
        ck_assert_str_eq(coro_error_message(coro_current_task()), text);
}

/* CPython: test_events.EventLoopTestsMixin.test_create_connection_local_addr_nomatch_family
 * test_events.EventLoopTestsMixin.test_create_connection_local_addr_skip_different_family
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_no_host_port_sock
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_connect_err
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_no_local_addr
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_connection_nopath_nosock
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_connection_pathlike */
TASK_TEST(connections_that_cannot_be_made)
{
    coro_stream *stream;
    char path[200];
    const int fd = next_fd();
    const coro_connection_options v6 = {.local_host = "::1"};
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    expect_error(coro_open_connection(&stream, "127.0.0.1", "1", NULL), -ECONNREFUSED,
                 "127.0.0.1:1: Connection refused");
    ck_assert_ptr_null(stream);
    expect_error(coro_open_connection(&stream, NULL, NULL, NULL), -EINVAL, NULL);
    expect_error(coro_open_connection(&stream, "127.0.0.1", "no-such-service", NULL),
                 -EPROTONOSUPPORT, NULL);
    expect_error(coro_open_connection(&stream, "127.0.0.1", "1", &v6), -EADDRNOTAVAIL,
                 "127.0.0.1:1: Cannot assign requested address");
    expect_error(coro_open_unix_connection(&stream, "/no/such/socket", NULL), -ENOENT, NULL);
    ck_assert_ptr_null(stream);
    expect_error(coro_open_unix_connection(&stream, path, NULL), -ENAMETOOLONG, NULL);
    expect_error(coro_open_unix_connection(&stream, "", NULL), -EINVAL, NULL);
    expect_error(coro_open_unix_connection(&stream, NULL, NULL), -EINVAL, NULL);
    ck_assert_int_eq(next_fd(), fd);
    return 0;
}

START_TEST(outside_a_task_there_is_no_connection)
{
    coro_stream *stream;
    const int fd = next_fd();
    ck_assert_int_eq(coro_open_connection(&stream, "127.0.0.1", "1", NULL), -EPERM);
    ck_assert_int_eq(coro_open_unix_connection(&stream, "/tmp", NULL), -EPERM);
    ck_assert_ptr_null(stream);
    ck_assert_int_eq(next_fd(), fd);
}
END_TEST

/* Without a host the addresses are ::1, where nobody listens, and 127.0.0.1. */
/* CPython:
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_multiple_errors_local_addr
 */
TASK_TEST(the_next_address_is_tried)
{
    const coro_connection_options race = {.happy_eyeballs_delay = CORO_SECOND};
    coro_stream *stream;
    coro_server *server = start("127.0.0.1");
    ck_assert_int_eq(coro_open_connection(&stream, NULL, port_of(server), NULL), 0);
    expect_echo(stream);
    ck_assert_int_eq(coro_open_connection(&stream, NULL, port_of(server), &race), 0);
    expect_echo(stream);
    ck_assert_int_eq(coro_now(), 0); /* a failure starts the next attempt */
    close_server(server);
    return 0;
}

/* --- The order of addresses ------------------------------------------------------------------- */
/* Every address fails, and the message has them in their order. */
static void expect_order(const coro_connection_options *options, const char *order)
{
    coro_stream *stream;
    char hosts[64] = "";
    size_t length = 0;
    ck_assert_int_lt(coro_open_connection(&stream, "many.test", "1", options), 0);
    const char *text = coro_error_message(coro_current_task());
    for (const char *at = text; at; at = strstr(at, ", ")) {
        at += at == text ? 0 : 2;
        length += (size_t)snprintf(hosts + length, sizeof hosts - length, "%c",
                                   *at == '[' ? '6' : at[strlen("127.0.0.")]);
    }
    ck_assert_str_eq(hosts, order);
}

/* CPython:
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_multiple_errors
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_multiple */
TASK_TEST(families_take_turns)
{
    static const struct {
        coro_connection_options options;
        const char *order;
    } cases[] = {
        {{0}, "12366"},
        {{.interleave = 1}, "16263"},
        {{.interleave = 2}, "12636"},
        {{.interleave = 9}, "12366"},
        {{.happy_eyeballs_delay = CORO_SECOND}, "16263"},
        {{.happy_eyeballs_delay = CORO_SECOND, .interleave = 3}, "12366"},
    };
    if (linked_without_wrap("families_take_turns: linked without --wrap"))
        return 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_order(&cases[i].options, cases[i].order);
    return 0;
}

/* --- Addresses that do not answer ------------------------------------------------------------- */
/* A socket at an address whose backlog is full, so that connections to it wait. */
struct silent {
    int listener;
    int queued[8];
    int count;
    char port[8];
};

static void make_silent(struct silent *silent)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    socklen_t size = sizeof address;
    silent->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(silent->listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(silent->listener, 0), 0);
    ck_assert_int_eq(getsockname(silent->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(silent->port, sizeof silent->port, "%d", ntohs(address.sin_port));
    for (silent->count = 0; silent->count < 8; silent->count++) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        silent->queued[silent->count] = fd;
        connect(fd, (struct sockaddr *)&address, size);
    }
    errno = 0;
}

static void end_silent(const struct silent *silent)
{
    for (int i = 0; i < silent->count; i++)
        close(silent->queued[i]);
    close(silent->listener);
}

static int connects_silently(void *arg)
{
    const struct silent *silent = arg;
    coro_stream *stream;
    return coro_open_connection(&stream, "127.0.0.1", silent->port, NULL);
}

/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_timeout */
TASK_TEST(a_connection_is_cancelled_and_leaves_no_fd)
{
    struct silent silent;
    make_silent(&silent);
    coro_task *task = spawn(connects_silently, &silent);
    passes(3);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    const int fd = next_fd();
    ck_assert_int_eq(coro_wait_for(task = spawn(connects_silently, &silent), CORO_SECOND, NULL),
                     -ETIMEDOUT);
    coro_release(task);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_int_eq(next_fd(), fd);
    end_silent(&silent);
    return 0;
}

static int races_to_many(void *arg)
{
    const struct silent *silent = arg;
    const coro_connection_options options = {.happy_eyeballs_delay = 250 * CORO_MILLISECOND,
                                             .family = AF_INET};
    coro_stream *stream;
    const int rc = coro_open_connection(&stream, "many.test", silent->port, &options);
    if (rc == 0)
        expect_echo(stream);
    return rc;
}

/* 127.0.0.1 does not answer, and 127.0.0.2 does. */
TASK_TEST(a_silent_address_does_not_hold_up_the_next)
{
    struct silent silent;
    coro_server *server;
    if (linked_without_wrap("a_silent_address_...: linked without --wrap"))
        return 0;
    make_silent(&silent);
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.2", silent.port, echoes, NULL, NULL), 0);
    const int fd = next_fd();
    ck_assert_int_eq(races_to_many(&silent), 0);
    ck_assert_int_eq(coro_now(), 250 * CORO_MILLISECOND);
    ck_assert_int_eq(next_fd(), fd);
    close_server(server);
    end_silent(&silent);
    return 0;
}

TASK_TEST(a_race_is_cancelled_and_leaves_no_fd)
{
    struct silent silent;
    if (linked_without_wrap("a_race_is_cancelled_...: linked without --wrap"))
        return 0;
    make_silent(&silent);
    const int fd = next_fd();
    coro_task *task = spawn(races_to_many, &silent);
    ck_assert_int_eq(coro_sleep(100 * CORO_MILLISECOND), 0);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(next_fd(), fd);
    end_silent(&silent);
    return 0;
}

/* --- Races ------------------------------------------------------------------------------------ */
/* What each attempt does: it sleeps, and then has its result. */
struct script {
    int milliseconds;
    int result;
};

static int plays(void *arg, size_t i)
{
    const struct script *script = (const struct script *)arg + i;
    trace("%zu@%d", i, (int)(coro_now() / CORO_MILLISECOND));
    const int rc = coro_sleep(script->milliseconds * CORO_MILLISECOND);
    if (rc < 0)
        trace("%zu:cancelled", i);
    return rc < 0 && script->result <= 1000 ? rc : script->result;
}

static void discards(int result)
{
    trace("discarded:%d", result);
}

static int run_race(const struct script *script, size_t count)
{
    const struct coro__race race = {count, 100 * CORO_MILLISECOND, plays, discards,
                                    (void *)(uintptr_t)script};
    return coro__race_run(&race);
}

/* CPython: test_staggered.StaggeredTests.test_one_successful */
TASK_TEST(the_first_attempt_wins)
{
    static const struct script script[] = {{50, 7}, {50, 8}};
    ck_assert_int_eq(run_race(script, 2), 7);
    expect_trace("0@0");
    ck_assert_int_eq(coro_now(), 50 * CORO_MILLISECOND);
    return 0;
}

/* CPython: test_staggered.StaggeredTests.test_first_timeout_second_successful */
TASK_TEST(a_slow_attempt_is_overtaken_and_cancelled)
{
    static const struct script script[] = {{500, 7}, {500, 8}, {50, 9}, {0, 10}};
    ck_assert_int_eq(run_race(script, 4), 9);
    expect_trace("0@0 1@100 2@200 0:cancelled 1:cancelled");
    ck_assert_int_eq(coro_now(), 250 * CORO_MILLISECOND);
    return 0;
}

/* CPython: test_staggered.StaggeredTests.test_first_error_second_successful */
TASK_TEST(a_failure_starts_the_next_attempt)
{
    static const struct script script[] = {{30, -ENOENT}, {0, -EDOM}, {150, -EIO}, {10, 9}};
    ck_assert_int_eq(run_race(script, 4), 9);
    expect_trace("0@0 1@30 2@30 3@130 2:cancelled");
    return 0;
}

TASK_TEST(only_the_failure_of_the_last_begun_starts_the_next)
{
    static const struct script script[] = {{150, -ENOENT}, {150, 8}, {500, 9}};
    ck_assert_int_eq(run_race(script, 3), 8);
    expect_trace("0@0 1@100 2@200 2:cancelled");
    return 0;
}

/* CPython: test_staggered.StaggeredTests.test_none_successful */
TASK_TEST(all_attempts_fail)
{
    static const struct script script[] = {{250, -ENOENT}, {20, -EDOM}, {10, -EIO}};
    ck_assert_int_eq(run_race(script, 3), -ENOENT);
    expect_trace("0@0 1@100 2@120");
    ck_assert_int_eq(coro_now(), 250 * CORO_MILLISECOND);
    return 0;
}

TASK_TEST(two_attempts_win_together)
{
    static const struct script script[] = {{150, 7}, {50, 8}};
    ck_assert_int_eq(run_race(script, 2), 7);
    expect_trace("0@0 1@100 discarded:8");
    return 0;
}

TASK_TEST(an_attempt_refuses_the_cancel)
{
    static const struct script script[] = {{500, 1007}, {20, 8}};
    ck_assert_int_eq(run_race(script, 2), 8);
    expect_trace("0@0 1@100 0:cancelled discarded:1007");
    return 0;
}

static int races(void *script)
{
    return run_race((const struct script *)script, 2);
}

TASK_TEST(a_race_is_cancelled)
{
    static const struct script script[] = {{500, 7}, {500, 1008}};
    coro_task *task = spawn(races, (void *)(uintptr_t)script);
    ck_assert_int_eq(coro_sleep(200 * CORO_MILLISECOND), 0);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    expect_trace("0@0 1@100 0:cancelled 1:cancelled discarded:1008");
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        names_and_options_of_an_address,
        connections_that_cannot_be_made,
        outside_a_task_there_is_no_connection,
        the_next_address_is_tried,
        families_take_turns,
        a_connection_is_cancelled_and_leaves_no_fd,
        a_silent_address_does_not_hold_up_the_next,
        a_race_is_cancelled_and_leaves_no_fd,
        the_first_attempt_wins,
        a_slow_attempt_is_overtaken_and_cancelled,
        a_failure_starts_the_next_attempt,
        only_the_failure_of_the_last_begun_starts_the_next,
        all_attempts_fail,
        two_attempts_win_together,
        an_attempt_refuses_the_cancel,
        a_race_is_cancelled,
        NULL,
    };
    return run_suite_on_pollers("connection", tests);
}
