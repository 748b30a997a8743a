/* SPDX-License-Identifier: MIT */
/* A server over TLS that writes back what it reads: tlsecho PORT CERTIFICATE [CLIENT-CA] serves
 * until it is interrupted. The certificate's file has the key, too. With a file of authorities
 * clients must have a certificate by one of them. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int echo(coro_stream *stream, void *arg)
{
    char *line, who[128];
    ssize_t n;
    (void)arg;
    if (coro_stream_tls_peer_subject(stream, who, sizeof who) > 0)
        printf("%s is here\n", who);
    while ((n = coro_stream_readline(stream, &line)) > 0) {
        coro_stream_write(stream, line, (size_t)n);
        n = coro_stream_drain(stream);
        if (n < 0)
            break;
    }
    return 0; /* also if the client was rude */
}

static int serve(const char *port, coro_tls *tls)
{
    const coro_server_options options = {.tls = tls};
    coro_server *server;
    int rc = coro_start_server(&server, "127.0.0.1", port, echo, NULL, &options);
    if (rc < 0)
        return rc;
    fprintf(stderr, "listening on port %d\n", coro_server_port(server));
    rc = coro_server_serve_forever(server);
    coro_server_destroy(server);
    return rc;
}

static int start(void *arg)
{
    char **argv = arg;
    const coro_tls_options options = {.server = true,
                                      .certificate = argv[2],
                                      .ca_file = argv[3],
                                      .verify = argv[3] ? CORO_TLS_VERIFY_REQUIRED
                                                        : CORO_TLS_VERIFY_NONE};
    coro_tls *tls;
    int rc = coro_tls_create(&tls, &options);
    if (rc == 0)
        rc = serve(argv[1], tls);
    coro_tls_release(tls);
    if (rc < 0 && rc != -ECANCELED) {
        const char *text = coro_error_message(coro_current_task());
        fprintf(stderr, "tlsecho: %s\n", text ? text : strerror(-rc));
    }
    return rc;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: tlsecho PORT CERTIFICATE [CLIENT-CA]\n");
        return 2;
    }
    return coro_run(start, argv) < 0;
}
