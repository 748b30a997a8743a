/* SPDX-License-Identifier: MIT */
/* An HTTPS client: https HOST PORT PATH [CA-FILE] prints a page, and on stderr how it came. The
 * server's certificate is verified with the file, or else with what the system trusts. */
#include <coro.h>
#include <stdio.h>
#include <string.h>

#define LIMIT (30 * CORO_SECOND)

static void describe(const coro_stream *stream)
{
    char subject[256];
    if (coro_stream_tls_peer_subject(stream, subject, sizeof subject) < 0)
        subject[0] = '\0';
    fprintf(stderr, "%s, %s, %s\n", coro_stream_tls_version(stream), coro_stream_tls_cipher(stream),
            subject);
}

static int ask(coro_stream *stream, const char *host, const char *path)
{
    char request[1024];
    const int n = snprintf(request, sizeof request,
                           "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host);
    return coro_stream_write(stream, request, (size_t)n);
}

/* If somebody cuts the connection, that is an error here and not the end of the page. */
static int print_all(coro_stream *stream)
{
    char bytes[16 * 1024];
    ssize_t n;
    while ((n = coro_stream_read(stream, bytes, sizeof bytes)) > 0)
        fwrite(bytes, 1, (size_t)n, stdout);
    return (int)n;
}

static int fetch(char **argv, coro_tls *tls)
{
    const coro_connection_options options = {.tls = tls,
                                             .happy_eyeballs_delay = 250 * CORO_MILLISECOND};
    coro_stream *stream;
    int rc = coro_open_connection(&stream, argv[1], argv[2], &options);
    if (rc < 0)
        return rc;
    describe(stream);
    rc = ask(stream, argv[1], argv[3]);
    if (rc == 0)
        rc = print_all(stream);
    coro_stream_close(stream);
    coro_stream_wait_closed(stream);
    coro_stream_release(stream);
    return rc;
}

static int start(void *arg)
{
    char **argv = arg;
    const coro_tls_options options = {.ca_file = argv[4]};
    coro_timeout scope;
    coro_tls *tls;
    int rc = coro_tls_create(&tls, &options);
    if (rc == 0) {
        coro_timeout_begin(&scope, LIMIT);
        rc = fetch(argv, tls);
        rc = coro_timeout_end(&scope, rc);
        coro_tls_release(tls);
    }
    if (rc < 0) {
        const char *text = coro_error_message(coro_current_task());
        fprintf(stderr, "https: %s\n", text ? text : strerror(-rc));
    }
    return rc;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: https HOST PORT PATH [CA-FILE]\n");
        return 2;
    }
    return coro_run(start, argv) < 0;
}
