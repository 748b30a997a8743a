/* SPDX-License-Identifier: MIT */
/* What the two ends of a connection have agreed on, and who the other one is. */
#include "io/stream.h"
#include "io/tls_openssl.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

/* NULL for a stream that is not encrypted. */
static const struct coro__tls_transport *tls_of(const coro_stream *stream)
{
    if (!stream || stream->transport == &stream->plain)
        return NULL;
    return coro__tls_transport_of(stream->transport);
}

/* NULL also before the two ends have agreed. */
static const SSL_CIPHER *cipher_of(const coro_stream *stream)
{
    const struct coro__tls_transport *tls = tls_of(stream);
    return tls ? SSL_get_current_cipher(tls->ssl) : NULL;
}

const char *coro_stream_tls_version(const coro_stream *stream)
{
    return cipher_of(stream) ? SSL_get_version(tls_of(stream)->ssl) : NULL;
}

const char *coro_stream_tls_cipher(const coro_stream *stream)
{
    const SSL_CIPHER *cipher = cipher_of(stream);
    return cipher ? SSL_CIPHER_get_name(cipher) : NULL;
}

const char *coro_stream_tls_alpn(const coro_stream *stream)
{
    const struct coro__tls_transport *tls = tls_of(stream);
    return tls ? tls->alpn : NULL;
}

const char *coro_stream_tls_server_name(const coro_stream *stream)
{
    const struct coro__tls_transport *tls = tls_of(stream);
    return tls ? SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
}

void *coro_stream_tls_ssl(coro_stream *stream)
{
    const struct coro__tls_transport *tls = tls_of(stream);
    return tls ? tls->ssl : NULL;
}

/* --- The peer's certificate ------------------------------------------------------------------- */
/* With a reference. 0, -EOPNOTSUPP or -ENODATA. */
static int find_certificate(const coro_stream *stream, X509 **certificate)
{
    const struct coro__tls_transport *tls = tls_of(stream);
    if (!tls)
        return -EOPNOTSUPP;
    *certificate = SSL_get1_peer_certificate(tls->ssl);
    return *certificate ? 0 : -ENODATA;
}

/* What this makes of it, in the caller's buffer. */
static ssize_t look_at(const coro_stream *stream, ssize_t (*fn)(X509 *, void *, size_t),
                       void *buffer, size_t size)
{
    X509 *certificate;
    const int saved_errno = errno;
    ssize_t rc = find_certificate(stream, &certificate);
    if (rc < 0)
        return rc;
    rc = fn(certificate, buffer, size);
    X509_free(certificate);
    ERR_clear_error();
    errno = saved_errno;
    return rc;
}

static ssize_t encode(X509 *certificate, void *buffer, size_t size)
{
    unsigned char *der = buffer;
    const int length = i2d_X509(certificate, NULL);
    if (length < 0)
        return -ENOMEM;
    if ((size_t)length <= size)
        i2d_X509(certificate, &der);
    return length;
}

ssize_t coro_stream_tls_peer_certificate(const coro_stream *stream, void *der, size_t size)
{
    return look_at(stream, encode, der, size);
}

static ssize_t print_subject(X509 *certificate, void *buffer, size_t size)
{
    char *text = buffer, *data;
    BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
                                   XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0) {
        BIO_free(bio);
        return -ENOMEM;
    }
    const size_t length = (size_t)BIO_get_mem_data(bio, &data);
    const size_t copied = length < size ? length : size > 0 ? size - 1 : 0;
    if (size > 0) {
        if (copied > 0)
            memcpy(text, data, copied);
        text[copied] = '\0';
    }
    BIO_free(bio);
    return (ssize_t)length;
}

ssize_t coro_stream_tls_peer_subject(const coro_stream *stream, char *text, size_t size)
{
    return look_at(stream, print_subject, text, size);
}
