/* SPDX-License-Identifier: MIT */
/* TLS contexts. */
#include "io/tls_openssl.h"
#include "coro/task.h"
#include "util/memory.h"
#include "util/message.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum {
    LONGEST_PROTOCOL = 255,
    SECURITY_LEVEL = 2, /* of OpenSSL, and as in asyncio: 112 bits */
};

/* --- Errors ----------------------------------------------------------------------------------- */
bool coro__openssl_lacked_memory(void)
{
    bool lacked = false;
    for (unsigned long code; (code = ERR_get_error());)
        lacked = lacked || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    return lacked;
}

/* What OpenSSL complains of first, with what it was about. */
static int fail(const char *what, const char *name)
{
    const unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    int error = -EINVAL;
    if (coro__openssl_lacked_memory())
        return -ENOMEM;
    if (ERR_SYSTEM_ERROR(code)) {
        error = -ERR_GET_REASON(code);
        reason = coro__error_text(error);
    }
    return coro_fail(error, "%s%s%s: %s", what, name ? " " : "", name ? name : "",
                     reason ? reason : coro__error_text(error));
}

/* --- Its own certificate ---------------------------------------------------------------------- */
/* Never asks a terminal. */
static int give_password(char *buffer, int size, int for_writing, void *password)
{
    (void)for_writing;
    const size_t length = password ? strlen(password) : 0;
    if (length == 0 || length > (size_t)size)
        return -1;
    memcpy(buffer, password, length);
    return (int)length;
}

static int load_own(SSL_CTX *ctx, const coro_tls_options *options)
{
    const char *key = options->key ? options->key : options->certificate;
    if (SSL_CTX_use_certificate_chain_file(ctx, options->certificate) != 1)
        return fail("certificate", options->certificate);
    X509 *own = SSL_CTX_get0_certificate(ctx);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return fail("key", key);
    /* One of another type is taken for that of a certificate that is still to come. */
    if (X509_check_private_key(own, SSL_CTX_get0_privatekey(ctx)) != 1)
        return fail("key", key);
    return 0;
}

static int load_certificate(SSL_CTX *ctx, const coro_tls_options *options)
{
    if (!options->certificate)
        return options->key ? coro_fail(-EINVAL, "a key without a certificate") : 0;
    SSL_CTX_set_default_passwd_cb(ctx, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, (void *)(uintptr_t)options->password);
    const int rc = load_own(ctx, options);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    return rc;
}

/* --- Whom it trusts --------------------------------------------------------------------------- */
static enum coro_tls_verify verify_of(const coro_tls_options *options)
{
    if (options->verify != CORO_TLS_VERIFY_DEFAULT)
        return options->verify;
    return options->server ? CORO_TLS_VERIFY_NONE : CORO_TLS_VERIFY_REQUIRED;
}

/* Servers tell clients whose certificates they take. */
static int announce(SSL_CTX *ctx, const char *ca_file)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_file);
    if (!names)
        return fail("trusted certificates", ca_file);
    SSL_CTX_set_client_CA_list(ctx, names);
    return 0;
}

static int load_trusted(SSL_CTX *ctx, const coro_tls_options *options)
{
    const char *file = options->ca_file, *folder = options->ca_folder;
    if (file && SSL_CTX_load_verify_file(ctx, file) != 1)
        return fail("trusted certificates", file);
    if (folder && SSL_CTX_load_verify_dir(ctx, folder) != 1)
        return fail("trusted certificates", folder);
    return options->server && file ? announce(ctx, file) : 0;
}

static int set_verification(SSL_CTX *ctx, const coro_tls_options *options)
{
    static const unsigned char session_id_context[] = "libcoro";
    const enum coro_tls_verify verify = verify_of(options);
    const bool anybody = options->ca_file || options->ca_folder;
    const int rc = load_trusted(ctx, options);
    if (rc < 0 || verify == CORO_TLS_VERIFY_NONE)
        return rc;
    if (options->server && !anybody)
        return coro_fail(-EINVAL, "clients are to be verified, and there is no ca_file");
    if (!anybody && SSL_CTX_set_default_verify_paths(ctx) != 1)
        return fail("the system's trusted certificates", NULL);
    SSL_CTX_set_verify(
        ctx,
        SSL_VERIFY_PEER |
            (verify == CORO_TLS_VERIFY_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        NULL);
    SSL_CTX_set_session_id_context(ctx, session_id_context, sizeof session_id_context - 1);
    return 0;
}

/* --- Protocols above -------------------------------------------------------------------------- */
static int list_protocols(coro_tls *tls, const char *const *names)
{
    size_t size = 0;
    for (const char *const *name = names; *name; name++) {
        const size_t length = strlen(*name);
        if (length == 0 || length > LONGEST_PROTOCOL)
            return coro_fail(-EINVAL, "a protocol's name has 1 to %d bytes", LONGEST_PROTOCOL);
        size += 1 + length;
    }
    tls->alpn = coro__malloc(size + 1);
    if (!tls->alpn)
        return -ENOMEM;
    for (; *names; names++) {
        const size_t length = strlen(*names);
        tls->alpn[tls->alpn_size] = (unsigned char)length;
        memcpy(tls->alpn + tls->alpn_size + 1, *names, length);
        tls->alpn_size += (unsigned)(1 + length);
    }
    return 0;
}

static int select_protocol(SSL *ssl, const unsigned char **protocol, unsigned char *length,
                           const unsigned char *offered, unsigned size, void *arg)
{
    const coro_tls *tls = arg;
    unsigned char *chosen;
    (void)ssl;
    const int rc = SSL_select_next_proto(&chosen, length, tls->alpn, tls->alpn_size, offered, size);
    *protocol = chosen;
    return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static int set_protocols(coro_tls *tls, const char *const *names)
{
    const int rc = names ? list_protocols(tls, names) : 0;
    if (rc < 0 || tls->alpn_size == 0)
        return rc;
    if (tls->server)
        SSL_CTX_set_alpn_select_cb(tls->ctx, select_protocol, tls);
    else if (SSL_CTX_set_alpn_protos(tls->ctx, tls->alpn, tls->alpn_size) != 0)
        return -ENOMEM;
    return 0;
}

/* --- Names of servers ------------------------------------------------------------------------- */
/* OpenSSL has taken the session up before the name is known, and verifies nobody a second time. A
 * session from under another name would bring a client past what this one asks for. */
static bool is_verified_for(const SSL *ssl, const char *name)
{
    if (!SSL_session_reused(ssl))
        return true;
    const char *then = SSL_SESSION_get0_hostname(SSL_get_session(ssl));
    return name && then ? strcmp(name, then) == 0 : name == then;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
    coro_tls *tls = arg;
    struct coro__tls_transport *transport = SSL_get_app_data(ssl);
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    coro_tls *selected = tls->select(name, tls->select_arg);
    if (!selected || !selected->server || !SSL_set_SSL_CTX(ssl, selected->ctx)) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    if (SSL_CTX_get_verify_mode(selected->ctx) != SSL_VERIFY_NONE && !is_verified_for(ssl, name)) {
        *alert = SSL_AD_ACCESS_DENIED;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(selected->ctx), NULL);
    coro_tls_release(transport->selected);
    transport->selected = coro_tls_retain(selected);
    return SSL_TLSEXT_ERR_OK;
}

static void set_selection(coro_tls *tls, const coro_tls_options *options)
{
    tls->select = options->select;
    tls->select_arg = options->select_arg;
    if (!tls->select)
        return;
    SSL_CTX_set_tlsext_servername_callback(tls->ctx, on_name);
    SSL_CTX_set_tlsext_servername_arg(tls->ctx, tls);
}

/* --- A context -------------------------------------------------------------------------------- */
/* What is the same for all: small buffers while nothing goes on, and few system calls. */
static int set_up(SSL_CTX *ctx, const coro_tls_options *options)
{
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (SSL_CTX_get_security_level(ctx) < SECURITY_LEVEL)
        SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    if (options->allow_truncation)
        SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_read_ahead(ctx, 1);
    if (SSL_CTX_set_min_proto_version(ctx, options->min_version ? (int)options->min_version
                                                                : TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, (int)options->max_version) != 1 ||
        (options->max_version && options->max_version < options->min_version))
        return coro_fail(-EINVAL, "no version of TLS from 0x%04x to 0x%04x",
                         (unsigned)options->min_version, (unsigned)options->max_version);
    return 0;
}

static int fill_in(coro_tls *tls, const coro_tls_options *options)
{
    tls->ctx = SSL_CTX_new(options->server ? TLS_server_method() : TLS_client_method());
    tls->below = coro__tls_bio_method();
    if (!tls->ctx || !tls->below)
        return -ENOMEM;
    int rc = set_up(tls->ctx, options);
    if (rc == 0)
        rc = load_certificate(tls->ctx, options);
    if (rc == 0)
        rc = set_verification(tls->ctx, options);
    if (rc == 0)
        rc = set_protocols(tls, options->alpn);
    set_selection(tls, options);
    return rc;
}

int coro_tls_create(coro_tls **created, const coro_tls_options *given)
{
    const coro_tls_options options = given ? *given : (coro_tls_options){0};
    const int saved_errno = errno;
    *created = NULL;
    if (options.select && !options.server)
        return coro_fail(-EINVAL, "a client selects no context");
    coro_tls *tls = coro__calloc(1, sizeof *tls);
    if (!tls)
        return -ENOMEM;
    atomic_init(&tls->references, 1);
    tls->server = options.server;
    tls->checks_host =
        !options.server && !options.no_host_check && verify_of(&options) != CORO_TLS_VERIFY_NONE;
    ERR_clear_error();
    const int rc = fill_in(tls, &options);
    ERR_clear_error();
    if (rc < 0)
        coro_tls_release(tls);
    else
        *created = tls;
    errno = saved_errno;
    return rc;
}

coro_tls *coro_tls_retain(coro_tls *tls)
{
    if (tls)
        atomic_fetch_add(&tls->references, 1);
    return tls;
}

void coro_tls_release(coro_tls *tls)
{
    if (!tls || atomic_fetch_sub(&tls->references, 1) > 1)
        return;
    SSL_CTX_free(tls->ctx);
    BIO_meth_free(tls->below);
    free(tls->alpn);
    free(tls);
}

void *coro_tls_ssl_ctx(coro_tls *tls)
{
    return tls ? tls->ctx : NULL;
}

int coro__tls_check(const coro_tls *tls, bool server)
{
    if (!tls || tls->server == server)
        return 0;
    return coro_fail(-EINVAL, "the TLS context is one for %s", tls->server ? "servers" : "clients");
}

bool coro__tls_is_server(const coro_tls *tls)
{
    return tls->server;
}
