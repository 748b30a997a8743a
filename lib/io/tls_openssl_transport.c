/* SPDX-License-Identifier: MIT */
/*
 * A connection of OpenSSL as a transport. It reads and writes through a BIO that is the transport
 * below. What it cannot do now, it cannot do because that could not: so what that wants is what
 * this wants.
 *
 * A write that could not be finished has to be made again with the same bytes, and no fewer, which
 * may have moved meanwhile. A stream does so: what was not written is the beginning of the next
 * write. Pieces are put together to one record, as long as there are bytes and it has room: so it
 * never has fewer the next time.
 */
#include "io/iov.h"
#include "io/tls_openssl.h"
#include "util/memory.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_AT_ONCE = 16 * 1024, /* of a record */
    SMALL = 4096,
    /* What a peer may still send while the connection is shut down, before it is closed anyway. */
    MOST_DISCARDED = 256 * 1024,
};

/* --- Reading and writing ---------------------------------------------------------------------- */
static ssize_t read_tls(struct coro__transport *transport, void *buffer, size_t n)
{
    struct coro__tls_transport *tls = coro__tls_transport_of(transport);
    const int saved_errno = coro__tls_begin(tls);
    size_t count;
    const int rc = SSL_read_ex(tls->ssl, buffer, n, &count);
    if (rc != 1)
        return coro__tls_end(tls, rc, saved_errno);
    errno = saved_errno;
    return (ssize_t)count;
}

/* What is still to be written of some pieces. */
struct pieces {
    const struct iovec *iov;
    int count;
    size_t skipped; /* of the first */
};

static void skip(struct pieces *pieces, size_t n)
{
    pieces->skipped += n;
    while (pieces->count > 0 && pieces->skipped >= pieces->iov->iov_len) {
        pieces->skipped -= pieces->iov->iov_len;
        pieces->iov++;
        pieces->count--;
    }
}

/* The next bytes of a record: of one piece, or of several that are put together. 0: no more. */
static size_t next(struct pieces rest, char *gathered, const char **bytes)
{
    size_t n = 0;
    while (rest.count > 0 && n < MOST_AT_ONCE) {
        const char *piece = (const char *)rest.iov->iov_base + rest.skipped;
        size_t length = rest.iov->iov_len - rest.skipped;
        if (length > MOST_AT_ONCE - n)
            length = MOST_AT_ONCE - n;
        if (n == 0 && (length == MOST_AT_ONCE || rest.count == 1)) {
            *bytes = piece;
            return length;
        }
        memcpy(gathered + n, piece, length);
        n += length;
        skip(&rest, length);
    }
    *bytes = gathered;
    return n;
}

/* A message of a handshake, such as a change of keys, may be half sent: it has to go first. As for
 * a write, OpenSSL 3.2 takes fewer bytes than it has for a mistake; it ends nothing before. */
static int finish_handshake(SSL *ssl)
{
    return SSL_in_init(ssl) ? SSL_do_handshake(ssl) : 1;
}

static int write_record(SSL *ssl, const char *bytes, size_t n, size_t *written)
{
    const int rc = finish_handshake(ssl);
    return rc == 1 ? SSL_write_ex(ssl, bytes, n, written) : rc;
}

static ssize_t write_records(struct coro__tls_transport *tls, struct pieces rest, char *gathered)
{
    const char *bytes;
    size_t n, written, total = 0;
    skip(&rest, 0); /* those that are empty */
    while ((n = next(rest, gathered, &bytes)) > 0) {
        const int saved_errno = coro__tls_begin(tls);
        const int rc = write_record(tls->ssl, bytes, n, &written);
        if (rc != 1) {
            const int error = coro__tls_end(tls, rc, saved_errno);
            if (error == 0)
                return -EPIPE;
            return error == -EAGAIN && total > 0 ? (ssize_t)total : error;
        }
        errno = saved_errno;
        skip(&rest, written);
        total += written;
    }
    return (ssize_t)total;
}

/* A record costs a system call: large ones are put together on the heap, as stacks are small. */
static ssize_t write_tls(struct coro__transport *transport, const struct iovec *iov, int count)
{
    struct coro__tls_transport *tls = coro__tls_transport_of(transport);
    const struct pieces all = {iov, count, 0};
    char small[SMALL];
    size_t size;
    coro__iov_size(iov, count, &size);
    if (count == 1 || size <= sizeof small)
        return write_records(tls, all, small);
    char *gathered = coro__malloc(MOST_AT_ONCE);
    if (!gathered)
        return -ENOMEM;
    const ssize_t rc = write_records(tls, all, gathered);
    free(gathered);
    return rc;
}

static bool can_write_eof(const struct coro__transport *transport)
{
    (void)transport;
    return false;
}

static int write_eof(struct coro__transport *transport)
{
    (void)transport;
    return -EOPNOTSUPP;
}

/* --- The handshake ---------------------------------------------------------------------------- */
/* 0, or -ENOMEM. */
static int note_alpn(struct coro__tls_transport *tls)
{
    const unsigned char *protocol;
    unsigned length;
    SSL_get0_alpn_selected(tls->ssl, &protocol, &length);
    if (length == 0)
        return 0;
    tls->alpn = coro__calloc(length + 1, 1);
    if (!tls->alpn)
        return -ENOMEM;
    memcpy(tls->alpn, protocol, length);
    return 0;
}

int coro__tls_handshake(struct coro__transport *transport)
{
    struct coro__tls_transport *tls = coro__tls_transport_of(transport);
    const int saved_errno = coro__tls_begin(tls);
    const int rc = SSL_do_handshake(tls->ssl);
    if (rc == 1) {
        errno = saved_errno;
        tls->established = true;
        return note_alpn(tls);
    }
    const int error = coro__tls_end(tls, rc, saved_errno);
    return error == 0 ? coro__tls_end_ragged(tls) : error;
}

/* --- The end ---------------------------------------------------------------------------------- */
static int notify(struct coro__tls_transport *tls)
{
    if (tls->notified)
        return 0;
    const int saved_errno = coro__tls_begin(tls);
    int rc = finish_handshake(tls->ssl);
    if (rc == 1) {
        rc = SSL_shutdown(tls->ssl);
        tls->notified = rc >= 0;
    }
    const int error = tls->notified ? 0 : coro__tls_end(tls, rc, saved_errno);
    errno = saved_errno;
    return error;
}

/* Until the peer says so, too: a socket that is closed with bytes in it takes back what it sent. */
static int await_end(struct coro__tls_transport *tls)
{
    char buffer[SMALL];
    ssize_t n = 0;
    while (!(SSL_get_shutdown(tls->ssl) & SSL_RECEIVED_SHUTDOWN) &&
           tls->discarded <= MOST_DISCARDED) {
        n = read_tls(&tls->transport, buffer, sizeof buffer);
        if (n <= 0)
            break;
        tls->discarded += (size_t)n;
    }
    tls->transport.text = NULL;
    return n == -EAGAIN ? -EAGAIN : 0;
}

static int shut_down(struct coro__transport *transport)
{
    struct coro__tls_transport *tls = coro__tls_transport_of(transport);
    int rc = 0;
    if (tls->established || SSL_is_init_finished(tls->ssl))
        rc = notify(tls);
    if (rc == 0 && tls->notified)
        rc = await_end(tls);
    if (rc == 0 && tls->below->kind->shut_down)
        rc = tls->below->kind->shut_down(tls->below);
    if (rc == -EAGAIN)
        tls->transport.wanted = tls->below->wanted;
    return rc;
}

static void close_below(struct coro__transport *transport)
{
    struct coro__tls_transport *tls = coro__tls_transport_of(transport);
    tls->closed = true;
    tls->below->kind->close(tls->below);
}

static void free_tls(struct coro__transport *transport)
{
    struct coro__tls_transport *tls = coro__tls_transport_of(transport);
    if (tls->below->kind->free)
        tls->below->kind->free(tls->below);
    SSL_free(tls->ssl);
    coro_tls_release(tls->selected);
    coro_tls_release(tls->tls);
    free(tls->alpn);
    free(tls);
}

static const struct coro__transport_kind kind = {
    .read = read_tls,
    .write = write_tls,
    .write_eof = write_eof,
    .can_write_eof = can_write_eof,
    .shut_down = shut_down,
    .close = close_below,
    .free = free_tls,
};

/* --- Its beginning ---------------------------------------------------------------------------- */
static bool is_address(const char *name)
{
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* One that begins with a dot would be any below. */
static bool may_be_name(const char *name)
{
    return *name != '.' && strlen(name) <= TLSEXT_MAXLEN_host_name;
}

/* What the client asks for, and what the certificate must be for. Addresses are not asked for. */
static bool set_name(const struct coro__tls_transport *tls, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(tls->ssl);
    const bool address = is_address(name);
    if (!address && !SSL_set_tlsext_host_name(tls->ssl, name))
        return false;
    if (!tls->tls->checks_host)
        return true;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return address ? X509_VERIFY_PARAM_set1_ip_asc(param, name)
                   : X509_VERIFY_PARAM_set1_host(param, name, 0);
}

/* 0, or -ENOMEM. */
static int make_ssl(struct coro__tls_transport *tls, const char *server_name)
{
    BIO *bio = NULL;
    tls->ssl = SSL_new(tls->tls->ctx);
    if (tls->ssl)
        bio = BIO_new(tls->tls->below);
    if (!bio)
        return -ENOMEM;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_app_data(tls->ssl, tls);
    if (tls->tls->server) {
        SSL_set_accept_state(tls->ssl);
        return 0;
    }
    SSL_set_connect_state(tls->ssl);
    return server_name && !set_name(tls, server_name) ? -ENOMEM : 0;
}

int coro__tls_transport_create(struct coro__transport **transport, struct coro__transport *below,
                               coro_tls *context, const char *server_name)
{
    if (server_name ? !may_be_name(server_name) : context->checks_host)
        return -EINVAL;
    struct coro__tls_transport *tls = coro__calloc(1, sizeof *tls);
    if (!tls)
        return -ENOMEM;
    tls->transport = (struct coro__transport){.kind = &kind, .io = below->io, .fd = below->fd};
    tls->below = below;
    tls->tls = coro_tls_retain(context);
    const int saved_errno = coro__tls_begin(tls);
    const int rc = make_ssl(tls, server_name);
    ERR_clear_error();
    errno = saved_errno;
    if (rc < 0) {
        SSL_free(tls->ssl);
        coro_tls_release(tls->tls);
        free(tls);
        return rc;
    }
    *transport = &tls->transport;
    return 0;
}
