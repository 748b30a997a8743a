/* SPDX-License-Identifier: MIT */
/*
 * TLS over a transport: tls_openssl*.c, or tls_none.c where there is no OpenSSL. The rest of the
 * library knows it as the transport of a stream, and by these.
 */
#ifndef CORO_IO_TLS_H
#define CORO_IO_TLS_H

#include "coro/tls.h"
#include "io/transport.h"

/* 0 if such an end of a connection may use the context, which may be NULL; else -EINVAL, or
 * -EOPNOTSUPP. */
int coro__tls_check(const coro_tls *tls, bool server);
bool coro__tls_is_server(const coro_tls *tls);

/* A transport over another one, which it takes over when it was made. The name is that of the
 * server to a client; NULL is none. 0, -EINVAL if there must be one or it is none, or -ENOMEM. */
int coro__tls_transport_create(struct coro__transport **transport, struct coro__transport *below,
                               coro_tls *tls, const char *server_name);

/* Goes on with the handshake, as the calls of the transport do. 0, -EAGAIN, or its error. */
int coro__tls_handshake(struct coro__transport *transport);

#endif
