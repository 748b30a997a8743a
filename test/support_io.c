/* SPDX-License-Identifier: MIT */
#include "support_io.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void note_refusal(void *refused, const coro_log_record *record)
{
    if (record->event == CORO_LOG_POLLER_REFUSED)
        *(bool *)refused = true;
}

static int looks_at_stdin(void *arg)
{
    return coro_poll(0, POLLIN) * 0;
}

bool have_poller(const char *name)
{
    bool refused = false;
    const coro_run_options options = {.poller = name, .log = note_refusal, .log_arg = &refused};
    coro_run_with(&options, looks_at_stdin, NULL);
    return !refused;
}

bool on_io_uring(void)
{
    const char *poller = getenv("CORO_POLLER");
    return poller && strcmp(poller, "io_uring") == 0;
}

/* Why a suite does not run on a poller; NULL if it does. */
static const char *reason_against(const char *poller)
{
    if (under_valgrind() && strcmp(poller, "poll") == 0)
        return "Valgrind takes long";
    return have_poller(poller) ? NULL : "it is not there";
}

int run_suite_on_pollers(const char *name, const TTest *const tests[])
{
    static const char *const pollers[] = {"epoll", "poll", "io_uring"};
    int rc = 0;
    for (size_t i = 0; i < sizeof pollers / sizeof pollers[0]; i++) {
        char title[128];
        const char *reason = reason_against(pollers[i]);
        if (reason) {
            snprintf(title, sizeof title, "%s (%s): %s", name, pollers[i], reason);
            skip(title);
            continue;
        }
        snprintf(title, sizeof title, "%s (%s)", name, pollers[i]);
        setenv("CORO_POLLER", pollers[i], 1);
        rc |= run_suite(title, tests);
    }
    return rc;
}

void make_pair(int fds[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

void make_pipe(int fds[2])
{
    ck_assert_int_eq(pipe(fds), 0);
}

void make_large_pipe(int fds[2])
{
    make_pipe(fds);
    ck_assert_int_eq(fcntl(fds[1], F_SETPIPE_SZ, LARGE_PIPE), LARGE_PIPE);
}

size_t pipe_size(int fd)
{
    int n;
    ck_assert_int_eq(ioctl(fd, FIONREAD, &n), 0);
    return (size_t)n;
}

void close_both(const int fds[2])
{
    ck_assert_int_eq(coro_close(fds[0]), 0);
    ck_assert_int_eq(coro_close(fds[1]), 0);
}

int listen_tcp(struct sockaddr_storage *address, socklen_t *size)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = coro_socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&any, sizeof any), 0);
    ck_assert_int_eq(listen(fd, 64), 0);
    *size = sizeof *address;
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, size), 0);
    return fd;
}

void make_tcp(int fds[2])
{
    struct sockaddr_storage address;
    socklen_t size;
    const int listener = listen_tcp(&address, &size);
    fds[0] = coro_socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(coro_connect(fds[0], (const struct sockaddr *)&address, size), 0);
    fds[1] = coro_accept(listener, NULL, NULL);
    ck_assert_int_ge(fds[1], 0);
    ck_assert_int_eq(coro_close(listener), 0);
}

int make_file(size_t n)
{
    char block[1000];
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    const int fd = dup(fileno(file));
    fclose(file);
    for (size_t at = 0; at < n;) {
        const size_t part = n - at < sizeof block ? n - at : sizeof block;
        fill(block, part, at);
        ck_assert_int_eq(write(fd, block, part), (ssize_t)part);
        at += part;
    }
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

off_t place_of(int file)
{
    return lseek(file, 0, SEEK_CUR);
}

char pattern(size_t at)
{
    return (char)(at * 7 + at / 251);
}

void fill(char *buffer, size_t n, size_t from)
{
    for (size_t i = 0; i < n; i++)
        buffer[i] = pattern(from + i);
}

bool filled(const char *buffer, size_t n, size_t from)
{
    for (size_t i = 0; i < n; i++)
        if (buffer[i] != pattern(from + i))
            return false;
    return true;
}

static void set_nonblocking(int fd)
{
    ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

size_t fill_up(int fd)
{
    static const char zeros[4096];
    size_t total = 0;
    ssize_t n;
    set_nonblocking(fd);
    while ((n = write(fd, zeros, sizeof zeros)) > 0)
        total += (size_t)n;
    ck_assert_int_eq(errno, EAGAIN);
    errno = 0;
    return total;
}

size_t drain(int fd)
{
    char buffer[4096];
    size_t total = 0;
    ssize_t n;
    set_nonblocking(fd);
    while ((n = read(fd, buffer, sizeof buffer)) > 0)
        total += (size_t)n;
    errno = 0;
    return total;
}

/* A new handle has it see at the end of this pass who may wake it. */
void let_loop_look(void)
{
    coro_loop_release(coro_loop_retain(coro_current_loop()));
    passes(1);
}

static int notes(void *flag)
{
    *(bool *)flag = true;
    return 0;
}

ssize_t receive_at_once(int fd, void *buffer, size_t n, int flags)
{
    bool others_ran = false;
    coro_task *other = spawn(notes, &others_ran);
    const ssize_t rc = coro_recv(fd, buffer, n, flags);
    ck_assert_msg(!others_ran, "it has waited");
    ck_assert_int_eq(coro_join(other, NULL), 0);
    return rc;
}

int reads_one(void *fd)
{
    unsigned char byte;
    const ssize_t n = coro_read(NUMBER(fd), &byte, 1);
    return n == 1 ? byte : n == 0 ? 1000 : (int)n;
}

int writes_one(void *fd)
{
    return (int)coro_write(NUMBER(fd), "y", 1);
}

int closes(void *fd)
{
    passes(2);
    return coro_close(NUMBER(fd));
}

int run_in_real_time(coro_fn *fn)
{
    coro_run_options options = test_options();
    options.virtual_clock = false;
    return coro_run_with(&options, fn, NULL);
}

int next_fd(void)
{
    const int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}
