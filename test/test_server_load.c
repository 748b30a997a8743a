/* SPDX-License-Identifier: MIT */
/*
 * A server with many connections, of which most are idle and some are active, from another process.
 * There are 1,000 and 100 of them; CORO_TEST_IDLE and CORO_TEST_ACTIVE say how many else:
 *
 *     make check TESTS=test_server_load CORO_TEST_IDLE=10000 CORO_TEST_ACTIVE=1000
 */
#include "support_process.h"
#include "support_stream.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IDLE = 1000, ACTIVE = 100, ROUNDS = 20, OTHER_FDS = 64, AT_ONCE = 50 };

static int idle, active;
static struct sockaddr_in address;

static int number_of(const char *name, int number)
{
    const char *text = getenv(name);
    return text ? atoi(text) : many(number);
}

/* Each process has one end of each connection. */
static bool may_have_fds(int count)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_max >= (rlim_t)count;
}

/* --- Clients ---------------------------------------------------------------------------------- */
static int ask(coro_stream *stream, int number)
{
    char question[32], *answer;
    const int n = snprintf(question, sizeof question, "question %d\n", number);
    int rc = coro_stream_write(stream, question, (size_t)n);
    if (rc == 0)
        rc = (int)coro_stream_readline(stream, &answer);
    return rc == n && memcmp(question, answer, (size_t)n) == 0 ? 0 : rc < 0 ? rc : -EPROTO;
}

static int open_and_ask(coro_stream **stream, int number)
{
    char port[8];
    snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
    const int rc = coro_open_connection(stream, "127.0.0.1", port, NULL);
    return rc < 0 ? rc : ask(*stream, number);
}

static int is_active(void *arg)
{
    coro_stream *stream;
    int rc = open_and_ask(&stream, 0);
    for (int i = 1; rc == 0 && i < ROUNDS; i++)
        rc = ask(stream, i);
    coro_stream_release(stream);
    return rc;
}

static coro_stream **idle_ones;

/* Every so manieth of them is this task's. */
static int opens_idle_ones(void *first)
{
    int rc = 0;
    for (int i = NUMBER(first); rc == 0 && i < idle; i += AT_ONCE)
        rc = open_and_ask(&idle_ones[i], i);
    return rc;
}

/* In a task each; the first error. */
static int all_together(coro_fn *fn, int count)
{
    coro_group group;
    coro_group_begin(&group);
    int rc = 0;
    for (int i = 0; rc == 0 && i < count; i++)
        rc = coro_group_create_task(&group, fn, ARG(i));
    return coro_group_end(&group, rc);
}

/* Idle ones are there before and after all that the others do. */
static int clients(void *arg)
{
    idle_ones = calloc((size_t)idle + 1, sizeof(coro_stream *));
    int rc = all_together(opens_idle_ones, AT_ONCE);
    if (rc == 0)
        rc = all_together(is_active, active);
    for (int i = 0; rc == 0 && i < idle; i++)
        rc = ask(idle_ones[i], i);
    for (int i = 0; i < idle; i++)
        coro_stream_release(idle_ones[i]);
    free(idle_ones);
    return rc;
}

/* --- The server ------------------------------------------------------------------------------- */
static int served, connected, most_connected, failed;

static int echoes(coro_stream *stream, void *arg)
{
    char *line;
    ssize_t n;
    served++;
    if (++connected > most_connected)
        most_connected = connected;
    while ((n = coro_stream_readline(stream, &line)) > 0) {
        n = coro_stream_write(stream, line, (size_t)n);
        if (n == 0)
            n = coro_stream_drain(stream);
        if (n < 0)
            break;
    }
    connected--;
    failed += n < 0;
    return 0;
}

static int listener, end_of_clients[2];

/* Until the other process has closed its end of the pipe. */
static int serves(void *arg)
{
    coro_server *server;
    char byte;
    const coro_server_options options = {.backlog = 1024};
    ck_assert_int_eq(coro_start_fd_server(&server, listener, echoes, NULL, &options), 0);
    ck_assert_int_eq(coro_read(end_of_clients[0], &byte, 1), 0);
    close_server(server);
    return coro_close(end_of_clients[0]);
}

static void listen_plainly(void)
{
    socklen_t size = sizeof address;
    address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(listener, 1024), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
}

START_TEST(most_connections_are_idle)
{
    const int before = count_fds();
    int status;
    idle = number_of("CORO_TEST_IDLE", IDLE);
    active = number_of("CORO_TEST_ACTIVE", ACTIVE);
    if (!may_have_fds(idle + active + OTHER_FDS)) {
        skip("most_connections_are_idle: the hard limit of fds is lower");
        return;
    }
    listen_plainly();
    make_pipe(end_of_clients);
    const pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(listener);
        close(end_of_clients[0]);
        const int rc = coro_run(clients, NULL);
        if (rc < 0)
            fprintf(stderr, "the clients: %s\n", strerror(-rc));
        _exit(rc < 0);
    }
    close(end_of_clients[1]);
    run_main(serves);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(served, idle + active);
    ck_assert_int_ge(most_connected, idle + (active > 0));
    ck_assert_int_eq(failed, 0);
    ck_assert_int_eq(count_fds(), before);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {most_connections_are_idle, NULL};
    return run_suite_on_pollers("server_load", tests);
}
