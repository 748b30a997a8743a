/* SPDX-License-Identifier: MIT */
/* What OpenSSL reads from and writes to: the transport below, without a buffer between. */
#include "io/tls_openssl.h"

static int note_below(BIO *bio, struct coro__tls_transport *tls, ssize_t rc, int retry)
{
    BIO_clear_retry_flags(bio);
    if (rc == -EAGAIN)
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    else if (rc < 0)
        tls->below_error = (int)rc;
    return rc > 0;
}

static int read_below(BIO *bio, char *buffer, size_t size, size_t *count)
{
    struct coro__tls_transport *tls = BIO_get_data(bio);
    const ssize_t rc =
        tls->closed ? -ECONNABORTED : tls->below->kind->read(tls->below, buffer, size);
    if (rc == 0)
        tls->ended = true;
    *count = rc > 0 ? (size_t)rc : 0;
    return note_below(bio, tls, rc, BIO_FLAGS_READ);
}

static int write_below(BIO *bio, const char *buffer, size_t size, size_t *count)
{
    struct coro__tls_transport *tls = BIO_get_data(bio);
    const struct iovec iov = {(void *)(uintptr_t)buffer, size};
    const ssize_t rc = tls->closed ? -ECONNABORTED : tls->below->kind->write(tls->below, &iov, 1);
    *count = rc > 0 ? (size_t)rc : 0;
    return note_below(bio, tls, rc, BIO_FLAGS_WRITE);
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    const struct coro__tls_transport *tls = BIO_get_data(bio);
    (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH || (command == BIO_CTRL_EOF && tls->ended);
}

BIO_METHOD *coro__tls_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "coro__transport");
    if (method) {
        BIO_meth_set_read_ex(method, read_below);
        BIO_meth_set_write_ex(method, write_below);
        BIO_meth_set_ctrl(method, control);
    }
    return method;
}
