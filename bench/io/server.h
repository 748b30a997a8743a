/* SPDX-License-Identifier: MIT */
/* A server that is measured: a process on a processor of its own, started with a free port as its
 * last argument. */
#ifndef BENCH_IO_SERVER_H
#define BENCH_IO_SERVER_H

#include "bench.h"

#include <errno.h>
#include <dirent.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVER_ARGUMENTS = 8, SERVER_COUNTERS = 64, SERVER_PATIENCE_MS = 10000 };

struct server {
    pid_t pid;
    struct sockaddr_in address;
    clockid_t clock;
    int counters[SERVER_COUNTERS]; /* of system calls, one for each thread */
    int counters_open;
};

static inline void server_pause_ms(long ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* A connected socket, or -1. */
static inline int server_connect(const struct server *server)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&server->address, sizeof server->address) == 0)
        return fd;
    close(fd);
    return -1;
}

/* With a reset, so that the port is free at once. */
static inline void server_disconnect(int fd)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
}

static inline struct sockaddr_in server_free_address(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bench_check(bind(fd, (const struct sockaddr *)&address, size) == 0 &&
                    getsockname(fd, (struct sockaddr *)&address, &size) == 0,
                "a free port");
    close(fd);
    return address;
}

/* To the first processor that is not this process's. */
static inline void server_leave_processor(void)
{
    const int here = sched_getcpu();
    for (int i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)i, &set);
        if (i != here && sched_setaffinity(0, sizeof set, &set) == 0)
            return;
    }
}

static inline void server_start(struct server *server, char **command)
{
    char port[16], *arguments[SERVER_ARGUMENTS + 2];
    int n = 0;
    server->address = server_free_address();
    snprintf(port, sizeof port, "%d", ntohs(server->address.sin_port));
    for (; command[n] && n < SERVER_ARGUMENTS; n++)
        arguments[n] = command[n];
    arguments[n] = port;
    arguments[n + 1] = NULL;
    server->pid = fork();
    bench_check(server->pid >= 0, "fork");
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        server_leave_processor();
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(arguments[0], arguments);
        perror(arguments[0]);
        _exit(127);
    }
    int fd = -1;
    for (int i = 0; fd < 0 && i < SERVER_PATIENCE_MS / 10; i++) {
        server_pause_ms(10);
        fd = server_connect(server);
    }
    bench_check(fd >= 0, "the server listens");
    server_disconnect(fd);
    bench_check(clock_getcpuclockid(server->pid, &server->clock) == 0, "the server's clock");
}

static inline void server_stop(const struct server *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
}

/* Its processor time so far, in nanoseconds. */
static inline double server_cpu(const struct server *server)
{
    return bench_clock(server->clock);
}

/* A figure of /proc/PID/status in KiB. */
static inline double server_kib(const struct server *server, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)server->pid);
    return bench_kib_of(path, name);
}

/* --- System calls ----------------------------------------------------------------------------- */
/* The number of the trace point at the entry of each system call; 0 if it cannot be read. */
static inline unsigned long server_trace_point(void)
{
    unsigned long id = 0;
    FILE *file = fopen("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%lu", &id) != 1)
        id = 0;
    fclose(file);
    return id;
}

/* From now on they are counted, which slows the server down. False where the system does not let
 * us: that is root's. */
static inline bool server_count_calls(struct server *server)
{
    char path[64];
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_TRACEPOINT, .size = sizeof attributes, .config = server_trace_point()};
    snprintf(path, sizeof path, "/proc/%d/task", (int)server->pid);
    DIR *threads = attributes.config ? opendir(path) : NULL;
    const struct dirent *entry;
    server->counters_open = 0;
    while (threads && (entry = readdir(threads)) && server->counters_open < SERVER_COUNTERS) {
        const int thread = atoi(entry->d_name);
        const int fd =
            thread ? (int)syscall(SYS_perf_event_open, &attributes, thread, -1, -1, 0) : -1;
        if (fd >= 0)
            server->counters[server->counters_open++] = fd;
    }
    if (threads)
        closedir(threads);
    return server->counters_open > 0;
}

/* How many there were, in all threads. */
static inline double server_calls(struct server *server)
{
    double calls = 0;
    for (int i = 0; i < server->counters_open; i++) {
        uint64_t count;
        if (read(server->counters[i], &count, sizeof count) == sizeof count)
            calls += (double)count;
    }
    return calls;
}

static inline void server_end_count(struct server *server)
{
    for (int i = 0; i < server->counters_open; i++)
        close(server->counters[i]);
    server->counters_open = 0;
}

#endif
