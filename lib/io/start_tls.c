/* SPDX-License-Identifier: MIT */
#include "io/start_tls.h"
#include "coro/task.h"
#include "coro/timeout.h"
#include "io/tls.h"

#define HANDSHAKE_TIMEOUT (60 * CORO_SECOND)
#define SHUTDOWN_TIMEOUT  (30 * CORO_SECOND)

/* --- What is asked for ------------------------------------------------------------------------ */
static coro_duration or_default(coro_duration given, coro_duration normal)
{
    return given ? given : normal;
}

static const char *name_of(const struct coro__tls_start *start)
{
    return start->server_name && *start->server_name ? start->server_name : NULL;
}

int coro__tls_start_check(const struct coro__tls_start *start, bool server)
{
    if (start->handshake_timeout < 0 || start->shutdown_timeout < 0)
        return -EINVAL;
    return coro__tls_check(start->tls, server);
}

/* --- The handshake ---------------------------------------------------------------------------- */
static int shake_hands(coro_stream *stream, struct coro__io *io)
{
    int rc = 0;
    while (rc == 0) {
        if (stream->lost && stream->error < 0)
            return stream->error;
        if (stream->closing)
            return -ECONNABORTED;
        rc = coro__tls_handshake(stream->transport);
        if (rc != -EAGAIN)
            return rc;
        rc = coro__stream_await_transport(stream, io, "stream_start_tls");
    }
    return rc;
}

static int shake_hands_in_time(coro_stream *stream, struct coro__io *io, coro_duration limit)
{
    coro_timeout scope;
    int rc = coro_timeout_begin(&scope, limit);
    if (rc == 0)
        rc = shake_hands(stream, io);
    rc = coro_timeout_end(&scope, rc);
    if (rc == -ETIMEDOUT && coro_timeout_expired(&scope))
        stream->transport->text = "the TLS handshake has taken too long";
    return rc;
}

/* Half a handshake leads nowhere. */
static int give_up(coro_stream *stream, int error)
{
    if (error == -ECANCELED)
        stream->transport->text = NULL;
    coro__stream_lose(stream, error == -ECANCELED ? -ECONNABORTED : error);
    return error == -ECANCELED || stream->error == 0 ? error : coro__stream_error(stream);
}

/* By the reader. */
static int encrypt(coro_stream *stream, struct coro__io *io, const struct coro__tls_start *start)
{
    struct coro__transport *transport;
    const char *name = name_of(start);
    int rc = coro__tls_transport_create(&transport, stream->transport, start->tls, name);
    if (rc == -EINVAL)
        return name ? coro_fail(rc, "%s is no name of a server", name)
                    : coro_fail(rc, "no name to verify the server's certificate with");
    if (rc < 0)
        return rc;
    stream->transport = transport;
    stream->closing_limit = or_default(start->shutdown_timeout, SHUTDOWN_TIMEOUT);
    rc = shake_hands_in_time(stream, io, or_default(start->handshake_timeout, HANDSHAKE_TIMEOUT));
    return rc < 0 ? give_up(stream, rc) : 0;
}

/* --- What comes before it --------------------------------------------------------------------- */
/* Bytes that came unencrypted must not be taken for encrypted ones. */
static int check_nothing_read(const coro_stream *stream)
{
    if (stream->eof)
        return -EPIPE;
    return coro__read_buffer_size(&stream->in) == 0
               ? 0
               : coro_fail(-EPROTO, "there are bytes from before the TLS handshake");
}

int coro__stream_start_tls(coro_stream *stream, const struct coro__tls_start *start)
{
    struct coro__io *io;
    int rc = coro__io_begin(&io);
    if (rc == 0)
        rc = coro__stream_begin_to_read(stream);
    if (rc < 0)
        return rc;
    rc = stream->sends_file ? -EBUSY : coro__stream_send_all(stream);
    if (rc == 0)
        rc = coro__stream_check_writing(stream);
    if (rc == 0)
        rc = check_nothing_read(stream);
    if (rc == 0)
        rc = encrypt(stream, io, start);
    coro__stream_end_reading(stream);
    return rc;
}

int coro_stream_start_tls(coro_stream *stream, coro_tls *tls,
                          const coro_connection_options *options)
{
    struct coro__tls_start start = {.tls = tls};
    int rc = coro__stream_check(stream);
    if (rc < 0)
        return rc;
    if (!tls)
        return -EINVAL;
    if (options) {
        start.server_name = options->server_name;
        start.handshake_timeout = options->tls_handshake_timeout;
        start.shutdown_timeout = options->tls_shutdown_timeout;
    }
    rc = coro__tls_start_check(&start, coro__tls_is_server(tls));
    return rc < 0 ? rc : coro__stream_start_tls(stream, &start);
}
