/* SPDX-License-Identifier: MIT */
/* Without OpenSSL there are no contexts, and so nothing that is made with one. */
#include "coro/stream.h"
#include "io/tls.h"

int coro_tls_create(coro_tls **tls, const coro_tls_options *options)
{
    (void)options;
    *tls = NULL;
    return -EOPNOTSUPP;
}

coro_tls *coro_tls_retain(coro_tls *tls)
{
    return tls;
}

void coro_tls_release(coro_tls *tls)
{
    (void)tls;
}

void *coro_tls_ssl_ctx(coro_tls *tls)
{
    (void)tls;
    return NULL;
}

int coro__tls_check(const coro_tls *tls, bool server)
{
    (void)server;
    return tls ? -EOPNOTSUPP : 0;
}

bool coro__tls_is_server(const coro_tls *tls)
{
    (void)tls;
    return false;
}

int coro__tls_transport_create(struct coro__transport **transport, struct coro__transport *below,
                               coro_tls *tls, const char *server_name)
{
    (void)transport, (void)below, (void)tls, (void)server_name;
    return -EOPNOTSUPP;
}

int coro__tls_handshake(struct coro__transport *transport)
{
    (void)transport;
    return -EOPNOTSUPP;
}

const char *coro_stream_tls_version(const coro_stream *stream)
{
    (void)stream;
    return NULL;
}

const char *coro_stream_tls_cipher(const coro_stream *stream)
{
    (void)stream;
    return NULL;
}

const char *coro_stream_tls_alpn(const coro_stream *stream)
{
    (void)stream;
    return NULL;
}

const char *coro_stream_tls_server_name(const coro_stream *stream)
{
    (void)stream;
    return NULL;
}

ssize_t coro_stream_tls_peer_certificate(const coro_stream *stream, void *der, size_t size)
{
    (void)stream, (void)der, (void)size;
    return -EOPNOTSUPP;
}

ssize_t coro_stream_tls_peer_subject(const coro_stream *stream, char *text, size_t size)
{
    (void)stream, (void)text, (void)size;
    return -EOPNOTSUPP;
}

void *coro_stream_tls_ssl(coro_stream *stream)
{
    (void)stream;
    return NULL;
}
