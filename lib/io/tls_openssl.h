/* SPDX-License-Identifier: MIT */
/* What the files of OpenSSL share. */
#ifndef CORO_IO_TLS_OPENSSL_H
#define CORO_IO_TLS_OPENSSL_H

#include "io/tls.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

struct coro_tls {
    atomic_uint references;
    bool server;
    bool checks_host;
    SSL_CTX *ctx;
    BIO_METHOD *below; /* the BIO over a transport */
    coro_tls_select_fn *select;
    void *select_arg;
    unsigned char *alpn; /* each behind its length */
    unsigned alpn_size;
};

/* A connection. The SSL lives as long as this, also when the fd is closed. */
struct coro__tls_transport {
    struct coro__transport transport;
    struct coro__transport *below;
    coro_tls *tls;
    coro_tls *selected; /* by the name that the client asked for; NULL is tls */
    SSL *ssl;
    bool established; /* the handshake is over */
    char *alpn;       /* valid then: NULL is none */
    int below_error;  /* of this call; 0 is none */
    bool ended;       /* there is nothing more to read below */
    bool closed;      /* perhaps by what OpenSSL calls, inside a call of it */
    bool notified;    /* the peer was told of the end */
    size_t discarded;
    char text[160]; /* of the last error */
};

/* Empties OpenSSL's queue of errors; whether it was out of memory is among them. */
bool coro__openssl_lacked_memory(void);

/* --- Calls of OpenSSL, and what has come of them ---------------------------------------------- */
/* Before each of them. Returns errno, which is to be put back behind it. */
int coro__tls_begin(struct coro__tls_transport *tls);

/* After one that has returned rc and has not succeeded: 0 at the peer's end, -EAGAIN with what is
 * wanted, or an error with its text. Puts errno back. */
int coro__tls_end(struct coro__tls_transport *tls, int rc, int saved_errno);

/* The error of a connection that ends where nobody has said so: another may have cut it off. */
int coro__tls_end_ragged(struct coro__tls_transport *tls);

/* --- The transport below ---------------------------------------------------------------------- */
/* A method for BIOs whose data is a struct coro__tls_transport; NULL without memory. */
BIO_METHOD *coro__tls_bio_method(void);

static inline struct coro__tls_transport *coro__tls_transport_of(struct coro__transport *transport)
{
    return CORO__CONTAINER_OF(transport, struct coro__tls_transport, transport);
}

#endif
