/* SPDX-License-Identifier: MIT */
/* A stream becomes encrypted. */
#ifndef CORO_IO_START_TLS_H
#define CORO_IO_START_TLS_H

#include "coro/tls.h"
#include "io/stream.h"

struct coro__tls_start {
    coro_tls *tls;
    const char *server_name;                           /* NULL and "" are none */
    coro_duration handshake_timeout, shutdown_timeout; /* 0 is the default of each */
};

/* 0, -EINVAL or -EOPNOTSUPP. */
int coro__tls_start_check(const struct coro__tls_start *start, bool server);

/* Shakes hands. If that fails the stream is lost. 0, or a negative errno. */
int coro__stream_start_tls(coro_stream *stream, const struct coro__tls_start *start);

#endif
