/* SPDX-License-Identifier: MIT */
#include "support_tls.h"
#include "support_tls_pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- Files ------------------------------------------------------------------------------------ */
static struct {
    const char *name;
    const char *pem;
    char path[64];
} files[] = {
    {"ca", ca_pem, ""},           {"server", server_pem, ""},     {"other", other_pem, ""},
    {"chained", chained_pem, ""}, {"locked", locked_pem, ""},     {"expired", expired_pem, ""},
    {"client", client_pem, ""},   {"stranger", stranger_pem, ""},
};

static char folder[] = "/tmp/coro-tls-XXXXXX";
static pid_t owner;

static void remove_files(void)
{
    if (getpid() != owner)
        return;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (*files[i].path)
            unlink(files[i].path);
    rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

const char *pem_file(const char *name)
{
    size_t i = 0;
    while (strcmp(files[i].name, name) != 0)
        i++;
    if (!*files[i].path) {
        if (strstr(folder, "XXXXXX")) {
            ck_assert_ptr_nonnull(mkdtemp(folder));
            owner = getpid();
            atexit(remove_files);
        }
        snprintf(files[i].path, sizeof files[i].path, "%s/%s.pem", folder, name);
        write_file(files[i].path, files[i].pem);
    }
    return files[i].path;
}

/* --- The thread sanitizer --------------------------------------------------------------------- */
/* OpenSSL is not built for it: it sees the memory that libcrypto compares, and not the atomic flags
 * by which one thread leaves to others what it has worked out about a certificate. */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libcrypto.so\n";
}

/* --- Contexts --------------------------------------------------------------------------------- */
coro_tls *make_tls(const coro_tls_options *options)
{
    coro_tls *tls;
    ck_assert_int_eq(coro_tls_create(&tls, options), 0);
    return tls;
}

coro_tls *server_tls(const char *certificate)
{
    const coro_tls_options options = {.server = true, .certificate = pem_file(certificate)};
    return make_tls(&options);
}

coro_tls *client_tls(void)
{
    const coro_tls_options options = {.ca_file = pem_file("ca")};
    return make_tls(&options);
}

coro_connection_options with_tls(coro_tls *tls, const char *server_name)
{
    return (coro_connection_options){.tls = tls, .server_name = server_name};
}

/* --- Both ends -------------------------------------------------------------------------------- */
int starts_tls(void *arg)
{
    const struct tls_start *start = arg;
    const coro_connection_options options = with_tls(NULL, start->server_name);
    return coro_stream_start_tls(start->stream, start->tls, &options);
}

void limit_buffers(int fd)
{
    const int size = 64 * 1024;
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

static struct tls_ends open_ends(const int fds[2])
{
    struct tls_ends ends;
    ck_assert_int_eq(coro_open_stream(&ends.client, fds[0], NULL), 0);
    ck_assert_int_eq(coro_open_stream(&ends.server, fds[1], NULL), 0);
    return ends;
}

struct tls_ends connect_ends(void)
{
    int fds[2];
    make_tcp(fds);
    limit_buffers(fds[0]);
    limit_buffers(fds[1]);
    return open_ends(fds);
}

static void shake_hands(const struct tls_ends *ends, coro_tls *client, coro_tls *server)
{
    struct tls_start start_server = {ends->server, server, NULL};
    struct tls_start start_client = {ends->client, client, "localhost"};
    coro_task *task = spawn(starts_tls, &start_server);
    ck_assert_int_eq(starts_tls(&start_client), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    coro_tls_release(client);
    coro_tls_release(server);
}

struct tls_ends connect_tls(coro_tls *client, coro_tls *server)
{
    const struct tls_ends ends = connect_ends();
    shake_hands(&ends, client, server);
    return ends;
}

struct tls_ends pair_tls(void)
{
    int fds[2];
    make_pair(fds);
    limit_buffers(fds[0]);
    limit_buffers(fds[1]);
    const struct tls_ends ends = open_ends(fds);
    shake_hands(&ends, client_tls(), server_tls("server"));
    return ends;
}

struct tls_ends connect_default_tls(void)
{
    return connect_tls(client_tls(), server_tls("server"));
}

coro_stream *open_tcp_stream(int *peer)
{
    coro_stream *stream;
    int fds[2];
    make_tcp(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], NULL), 0);
    *peer = fds[1];
    return stream;
}

void close_ends(const struct tls_ends *ends)
{
    ck_assert_int_eq(coro_stream_close(ends->client), 0);
    ck_assert_int_eq(coro_stream_close(ends->server), 0);
    ck_assert_int_eq(coro_stream_wait_closed(ends->client), 0);
    ck_assert_int_eq(coro_stream_wait_closed(ends->server), 0);
    coro_stream_release(ends->client);
    coro_stream_release(ends->server);
}

void abort_ends(const struct tls_ends *ends)
{
    coro_stream_abort(ends->client);
    coro_stream_abort(ends->server);
    coro_stream_release(ends->client);
    coro_stream_release(ends->server);
}

void expect_failure(int rc, int error, const char *text)
{
    const char *message = coro_error_message(coro_current_task());
    ck_assert_int_eq(rc, error);
    ck_assert_msg(message && strstr(message, text), "'%s' is not in '%s'", text,
                  message ? message : "");
}

/* --- Without and with it ---------------------------------------------------------------------- */
static int connects(void *arg)
{
    const struct tls_ends ends = connect_default_tls();
    close_ends(&ends);
    return 0;
}

static void use_tls(void)
{
    ck_assert_int_eq(run_test(connects, NULL), 0);
}

bool have_tls(void)
{
    coro_tls *tls;
    const int rc = coro_tls_create(&tls, NULL);
    coro_tls_release(tls);
    return rc != -EOPNOTSUPP;
}

int run_tls_suite(const char *name, const TTest *const tests[])
{
    if (!under_valgrind())
        return run_suite_on_pollers(name, tests);
    skip("TLS on other pollers: Valgrind takes long for OpenSSL");
    prepare_suites(use_tls);
    return run_suite(name, tests);
}
