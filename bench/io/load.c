/* SPDX-License-Identifier: MIT */
/*
 * The load on a server over loopback, as a benchmark of it (see bench.h).
 *
 *     load echo SERVER... ROW    64 bytes and their echo, over and over, on each connection
 *     load http SERVER... ROW    GET / by wrk
 *
 * Its rows are numbers of connections: CONNECTIONS="1 64" chooses them. A server runs on another
 * processor than the load. After some time to warm up a second is measured; after that, as it costs
 * time, system calls are counted.
 */
#include "latency.h"
#include "server.h"

#include <coro/base.h>
#include <sys/epoll.h>

enum {
    MESSAGE = 64,
    MOST_EVENTS = 512,
    MOST_ROWS = 16,
    WARM_UP_MS = 200,
    MEASURED_MS = 1000,
    COUNTED_MS = 400,
    LONG = 10000, /* rows of that many connections take long */
};

static char **command; /* the server's */

/* --- What is printed of a row ----------------------------------------------------------------- */
struct figures {
    double rate, p50, p99; /* 1/s, ns */
    double cpu, busy;      /* ns for each request; processor time for each ns */
    double memory;         /* KiB for each connection */
    double calls;          /* for each request; < 0 if they could not be counted */
};

static void print(const struct bench_row *row, const struct figures *figures)
{
    bench_print_as(row, ": rate", figures->rate, "/s");
    bench_print_as(row, ": p50", figures->p50 / 1e3, "us");
    bench_print_as(row, ": p99", figures->p99 / 1e3, "us");
    bench_print_as(row, ": CPU of a request", figures->cpu / 1e3, "us");
    bench_print_as(row, ": busy", figures->busy * 100, "%");
    if (figures->calls >= 0)
        bench_print_as(row, ": system calls", figures->calls, "");
    if (row->count >= 1000)
        bench_print_as(row, ": memory", figures->memory, "KiB");
}

/* --- echo ------------------------------------------------------------------------------------- */
struct connection {
    int fd;
    size_t missing; /* bytes of the answer */
    double sent_at;
};

static struct connection *connections;
static int epoll_fd;
static struct latency latency;

static void ask(struct connection *connection, double now)
{
    static const char message[MESSAGE] = "0123456789abcdef";
    connection->missing = MESSAGE;
    connection->sent_at = now;
    bench_check(send(connection->fd, message, MESSAGE, MSG_NOSIGNAL) == MESSAGE, "send");
}

static void hear(struct connection *connection, bool measured)
{
    char buffer[4 * MESSAGE];
    const ssize_t n = recv(connection->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    bench_check((n > 0 && (size_t)n <= connection->missing) || (n < 0 && errno == EAGAIN), "recv");
    if (n < 0 || (connection->missing -= (size_t)n) > 0)
        return;
    const double now = bench_now();
    if (measured)
        latency_add(&latency, now - connection->sent_at);
    ask(connection, now);
}

/* Returns how long it took, in nanoseconds. */
static double load_for(double ms, bool measured)
{
    struct epoll_event events[MOST_EVENTS];
    const double began = bench_now(), end = began + ms * 1e6;
    double now;
    do {
        const int n = epoll_wait(epoll_fd, events, MOST_EVENTS, SERVER_PATIENCE_MS);
        bench_check(n > 0, "the server answers");
        for (int i = 0; i < n; i++)
            hear(events[i].data.ptr, measured);
        now = bench_now();
    } while (now < end);
    return now - began;
}

static void connect_all(const struct server *server, size_t count)
{
    connections = calloc(count, sizeof *connections);
    bench_check(connections != NULL, "memory");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
        struct connection *connection = &connections[i];
        struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = connection};
        connection->fd = server_connect(server);
        bench_check(connection->fd >= 0 &&
                        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) == 0,
                    "connect");
    }
}

static void disconnect_all(size_t count)
{
    for (size_t i = 0; i < count; i++)
        server_disconnect(connections[i].fd);
    close(epoll_fd);
    free(connections);
}

static void echo(const struct bench_row *row)
{
    struct server server;
    struct figures figures;
    server_start(&server, command);
    const double before = server_kib(&server, "VmRSS:");
    connect_all(&server, row->count);
    for (size_t i = 0; i < row->count; i++)
        ask(&connections[i], bench_now());
    load_for(WARM_UP_MS, false);
    const double cpu = server_cpu(&server), time = load_for(MEASURED_MS, true);
    const double used = server_cpu(&server) - cpu, requests = (double)latency.total;
    figures.rate = requests / time * 1e9;
    figures.p50 = latency_quantile(&latency, .5);
    figures.p99 = latency_quantile(&latency, .99);
    figures.cpu = used / requests;
    figures.busy = used / time;
    figures.memory = (server_kib(&server, "VmRSS:") - before) / (double)row->count;
    figures.calls = -1;
    if (server_count_calls(&server)) {
        latency.total = 0;
        load_for(COUNTED_MS, true);
        figures.calls = server_calls(&server) / (double)latency.total;
        server_end_count(&server);
    }
    disconnect_all(row->count);
    server_stop(&server);
    print(row, &figures);
}

/* --- HTTP ------------------------------------------------------------------------------------- */
/* A time as wrk prints it, in nanoseconds. */
static double wrk_time(const char *text)
{
    char unit[8] = "";
    double value = 0;
    bench_check(sscanf(text, "%lf%7[a-z]", &value, unit) == 2, "what wrk prints");
    return value * (strcmp(unit, "us") == 0 ? 1e3 : strcmp(unit, "ms") == 0 ? 1e6 : 1e9);
}

static void read_wrk(FILE *wrk, struct figures *figures)
{
    char line[256];
    while (fgets(line, sizeof line, wrk)) {
        const char *text = line + strspn(line, " ");
        if (strncmp(text, "50%", 3) == 0)
            figures->p50 = wrk_time(text + 3);
        else if (strncmp(text, "99%", 3) == 0)
            figures->p99 = wrk_time(text + 3);
        else if (strncmp(text, "Requests/sec:", 13) == 0)
            figures->rate = strtod(text + 13, NULL);
        else
            bench_check(!strstr(text, "Socket errors") && !strstr(text, "Non-2xx"), line);
    }
}

/* wrk takes whole seconds: within two of them are the one that is measured and the rest. */
static void http(const struct bench_row *row)
{
    struct server server;
    struct figures figures = {.calls = -1};
    char text[128];
    server_start(&server, command);
    snprintf(text, sizeof text, "wrk --latency -t 1 -c %zu -d 2 http://127.0.0.1:%d/", row->count,
             ntohs(server.address.sin_port));
    const double before = server_kib(&server, "VmRSS:");
    FILE *wrk = popen(text, "re");
    bench_check(wrk != NULL, "wrk");
    server_pause_ms(2 * WARM_UP_MS);
    const double cpu = server_cpu(&server), began = bench_now();
    server_pause_ms(MEASURED_MS);
    const double used = server_cpu(&server) - cpu, time = bench_now() - began;
    figures.memory = (server_kib(&server, "VmRSS:") - before) / (double)row->count;
    double counted = 0, calls = 0;
    if (server_count_calls(&server)) {
        counted = bench_now();
        server_pause_ms(COUNTED_MS);
        calls = server_calls(&server);
        counted = bench_now() - counted;
        server_end_count(&server);
    }
    read_wrk(wrk, &figures);
    bench_check(pclose(wrk) == 0 && figures.rate > 0, "wrk");
    server_stop(&server);
    figures.cpu = used / (figures.rate * time / 1e9);
    figures.busy = used / time;
    if (counted > 0)
        figures.calls = calls / (figures.rate * counted / 1e9);
    print(row, &figures);
}

/* --- The rows --------------------------------------------------------------------------------- */
/* "echo, 1,000 connections" */
static const char *name_of(const char *what, size_t count)
{
    char *name = malloc(64);
    bench_check(name != NULL, "memory");
    if (count < 1000)
        snprintf(name, 64, "%s, %zu connection%s", what, count, count == 1 ? "" : "s");
    else
        snprintf(name, 64, "%s, %zu,%03zu connections", what, count / 1000, count % 1000);
    return name;
}

static size_t make_rows(struct bench_row *rows, bool is_http)
{
    const char *text = getenv("CONNECTIONS");
    char *end;
    size_t n = 0, count;
    if (!text || !*text)
        text = "1 64 1000 10000";
    for (; (count = strtoul(text, &end, 10)) > 0 && n < MOST_ROWS; text = end)
        rows[n++] = (struct bench_row){.name = name_of(is_http ? "HTTP" : "echo", count),
                                       .run = is_http ? http : echo,
                                       .count = count,
                                       .takes_long = count >= LONG};
    return n;
}

/* Servers say themselves what they are, but for examples. */
static void tell_about(void)
{
    const char *example = strstr(command[0], "examples/");
    static char option[] = "-v";
    char *arguments[SERVER_ARGUMENTS + 2] = {0};
    int n = 0;
    if (example) {
        printf("libcoro %d.%d.%d, %s.c\n", CORO_VERSION_MAJOR, CORO_VERSION_MINOR,
               CORO_VERSION_PATCH, example);
        exit(EXIT_SUCCESS);
    }
    for (; command[n] && n < SERVER_ARGUMENTS; n++)
        arguments[n] = command[n];
    arguments[n] = option;
    execvp(arguments[0], arguments);
    perror(arguments[0]);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
    static struct bench_row rows[MOST_ROWS];
    struct rlimit files;
    bench_check(argc >= 4, "load echo|http SERVER... ROW");
    const size_t n = make_rows(rows, strcmp(argv[1], "http") == 0);
    char *choice[] = {argv[0], argv[argc - 1], NULL};
    argv[argc - 1] = NULL;
    command = argv + 2;
    if (strcmp(choice[1], "-v") == 0)
        tell_about();
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    return bench_run(choice, "", rows, n);
}
