/* SPDX-License-Identifier: MIT */
/*
 * TLS contexts: what streams that are encrypted present, and whom they trust. ssl.SSLContext.
 *
 *     coro_tls *tls;
 *     int rc = coro_tls_create(&tls, NULL);
 *     if (rc < 0)
 *         return rc;
 *     const coro_connection_options options = {.tls = tls};
 *     rc = coro_open_connection(&stream, "example.com", "443", &options);
 *     coro_tls_release(tls);
 *
 * All zero is what is safe: TLS 1.2 or later, without renegotiation, with keys of 112 bits of
 * security at least (RSA: 2,048), and a client verifies the server's certificate and its name. One
 * context serves any number of connections, in loops of any threads; it may not be changed
 * (coro_tls_ssl_ctx()) once there is one.
 *
 * The encryption is OpenSSL's. In a library that was configured without it (--with-openssl=no)
 * there are no contexts: coro_tls_create() returns -EOPNOTSUPP.
 */
#ifndef CORO_TLS_H
#define CORO_TLS_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct coro_tls coro_tls;

/* What becomes of the peer's certificate. SSLContext.verify_mode. */
enum coro_tls_verify {
    CORO_TLS_VERIFY_DEFAULT,  /* clients: required; servers: none */
    CORO_TLS_VERIFY_NONE,     /* clients take any, servers ask for none. CERT_NONE */
    CORO_TLS_VERIFY_OPTIONAL, /* one that is there is verified. CERT_OPTIONAL */
    CORO_TLS_VERIFY_REQUIRED, /* there must be one. CERT_REQUIRED */
};

enum coro_tls_version {
    CORO_TLS_VERSION_DEFAULT,
    CORO_TLS_1_2 = 0x0303,
    CORO_TLS_1_3 = 0x0304,
};

/* The context for a client that asks for this name; NULL refuses it. The name is NULL where the
 * client asks for none. Called while a task, or a callback, shakes hands; it must not wait. */
typedef coro_tls *coro_tls_select_fn(const char *name, void *arg);

/* Options of a context. All zero is the default of each; so is a NULL for the whole. */
typedef struct coro_tls_options {
    bool server; /* for the side that is connected to. PROTOCOL_TLS_SERVER */
    /* PEM files: the own certificate, behind it those up to its root; and its key, which NULL is in
     * the same file. The password of the key; without one, none is asked for. load_cert_chain(). */
    const char *certificate, *key, *password;
    /* Whom to trust: a PEM file, and a folder that c_rehash(1) has seen. With neither, clients
     * trust whom the system trusts. load_verify_locations(). */
    const char *ca_file, *ca_folder;
    enum coro_tls_verify verify;
    /* Clients: the certificate may be for any name. check_hostname=False. */
    bool no_host_check;
    /* Protocols above TLS that are spoken, such as "h2", up to a NULL: of those that the client
     * has too, the server takes its own first. set_alpn_protocols(). */
    const char *const *alpn;
    enum coro_tls_version min_version, max_version; /* by default 1.2, and the last there is */
    /* A connection that ends without the peer's having said so has ended, and was not lost.
     * suppress_ragged_eofs. */
    bool allow_truncation;
    /* Servers: another context for some names (SNI). Its certificate, its verification and its
     * protocols count. One that verifies refuses a client that takes a session of another name up
     * again: there, its certificate may not have been asked for. sni_callback. */
    coro_tls_select_fn *select;
    void *select_arg;
} coro_tls_options;

/*
 * Makes a context; it reads files, and waits for them in the kernel. ssl.SSLContext(),
 * create_default_context().
 *
 * Returns 0 with the context in *tls, or an error with *tls NULL:
 *   -EINVAL      a file is not what it should be, the key is another certificate's, options
 *                contradict each other, or a server verifies and trusts nobody
 *   -EOPNOTSUPP  the library was built without OpenSSL
 *   -ENOMEM
 * or an error of opening a file. The message of the error (coro_error_message()) says which.
 */
CORO_API int coro_tls_create(coro_tls **tls, const coro_tls_options *options);

/* Another reference, and its end, in any thread; connections and servers have their own. Both take
 * NULL. Retain returns its argument. */
CORO_API coro_tls *coro_tls_retain(coro_tls *tls);
CORO_API void coro_tls_release(coro_tls *tls);

/* The SSL_CTX, for all that has no option here; NULL for NULL. */
CORO_API void *coro_tls_ssl_ctx(coro_tls *tls);

#ifdef __cplusplus
}
#endif

#endif
