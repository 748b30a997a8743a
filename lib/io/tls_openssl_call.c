/* SPDX-License-Identifier: MIT */
#include "io/tls_openssl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>

int coro__tls_begin(struct coro__tls_transport *tls)
{
    tls->below_error = 0;
    tls->transport.text = NULL;
    ERR_clear_error();
    return errno;
}

CORO_PRINTF(3, 4)
static int fail(struct coro__tls_transport *tls, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(tls->text, sizeof tls->text, format, args);
    va_end(args);
    tls->transport.text = tls->text;
    return error;
}

static int fail_verification(struct coro__tls_transport *tls)
{
    const long result = SSL_get_verify_result(tls->ssl);
    const bool other_name =
        result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH;
    const char *name = other_name ? X509_VERIFY_PARAM_get0_host(SSL_get0_param(tls->ssl), 0) : NULL;
    return fail(tls, -EACCES, "certificate verify failed: %s%s%s",
                X509_verify_cert_error_string(result), name ? ", it is not for " : "",
                name ? name : "");
}

int coro__tls_end_ragged(struct coro__tls_transport *tls)
{
    return fail(tls, -ECONNRESET, "the connection ended %s",
                tls->established ? "without TLS close_notify" : "during the TLS handshake");
}

static int fail_protocol(struct coro__tls_transport *tls)
{
    const unsigned long code = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(code);
    if (coro__openssl_lacked_memory())
        return -ENOMEM;
    switch (ERR_GET_REASON(code)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        return fail_verification(tls);
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return fail(tls, -EACCES, "certificate verify failed: %s", reason);
    default:
        return fail(tls, -EPROTO, "TLS: %s", reason ? reason : "unexpected state");
    }
}

static int outcome(struct coro__tls_transport *tls, int rc)
{
    const int error = SSL_get_error(tls->ssl, rc);
    if (tls->below_error < 0) {
        tls->transport.text = tls->below->text;
        return tls->below_error;
    }
    switch (error) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        tls->transport.wanted = tls->below->wanted;
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        return tls->ended ? coro__tls_end_ragged(tls) : fail_protocol(tls);
    }
}

int coro__tls_end(struct coro__tls_transport *tls, int rc, int saved_errno)
{
    const int result = outcome(tls, rc);
    ERR_clear_error();
    errno = saved_errno;
    return result;
}
