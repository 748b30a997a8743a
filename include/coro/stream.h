/* SPDX-License-Identifier: MIT */
/*
 * Streams: connections with buffers, for either direction. asyncio's StreamReader and StreamWriter
 * in one handle.
 *
 *     coro_stream *stream;
 *     int rc = coro_open_connection(&stream, "example.com", "80", NULL);
 *     if (rc < 0)
 *         return rc;
 *     char *line;
 *     ssize_t n = coro_stream_write(stream, request, strlen(request));
 *     if (n == 0)
 *         n = coro_stream_readline(stream, &line);
 *     if (n > 0)
 *         printf("%.*s", (int)n, line);
 *     coro_stream_release(stream);
 *
 * Reading. One task at a time may read. A cancel, or a time limit, loses no byte: what has come in
 * stays in the buffer. Bytes are taken from the kernel when a task reads; while one waits in
 * coro_stream_drain() or coro_stream_wait_closed() and none reads, the loop reads up to twice the
 * limit, so that a peer that writes as well is not held up.
 *
 * Writing. Writes never wait: what cannot be sent at once is buffered, and sent by the loop when
 * the peer takes more. coro_stream_drain() after each keeps the buffer small.
 *
 * The end. The peer's end of writing is the end of what is read here; writing may go on. A
 * connection is lost when it is closed here, with nothing left to send, or by an error. The error
 * is then that of all calls that read or drain, and of coro_stream_wait_closed(). The writing end
 * of a pipe is lost as well when nobody reads any more, which is an error (-EPIPE) only with
 * something left to send; it is noticed by a write, and while a task drains or waits for the close.
 *
 * TLS. A stream is encrypted from its beginning (the option `tls`, of a server too), or from some
 * point on (coro_stream_start_tls()). It is then used like any other, but that its end of writing
 * cannot be told without closing it. Verification that fails is -EACCES, all else that goes wrong
 * with TLS -EPROTO, and the message of the error (coro_error_message()) says what it was. If the
 * connection ends and the peer has not said that it ends there, somebody else may have cut it off:
 * that is -ECONNRESET where asyncio reads the end, unless the context has allow_truncation. Closing
 * tells the peer, and waits in the loop until it does so as well, for 30 s at most. What is written
 * to coro_stream_fd() is not encrypted.
 *
 * Ownership. Whoever opens a stream has a reference to it, and gives it up with
 * coro_stream_release(). A stream belongs to the loop that it was opened in, and when that is
 * closed, what is still to be sent is lost. A handle may outlive it.
 *
 * Calls return -ENOMEM for a NULL stream, and -EXDEV in another thread than the loop's. Those that
 * wait return -EPERM where no task calls, and -EXDEV in another loop; the others may be made by
 * callbacks too.
 */
#ifndef CORO_STREAM_H
#define CORO_STREAM_H

#include "base.h"
#include "tls.h"

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct coro_stream coro_stream;

/* --- Opening ---------------------------------------------------------------------------------- */

/* Options of a connection. All zero is the default of each; so is a NULL for the whole. */
typedef struct coro_connection_options {
    /* The longest line, without its separator, in bytes; 0 is 64 KiB. */
    size_t limit;
    /* The address to connect from; NULL is any. */
    const char *local_host, *local_port;
    /* AF_INET or AF_INET6; 0 is either. Flags of getaddrinfo(3) for the lookup. */
    int family, flags;
    /* Not 0: the next address is tried while the one before it has not answered for this long, and
     * the first that answers is taken (RFC 8305, which recommends 250 ms). 0: one after another. */
    coro_duration happy_eyeballs_delay;
    /* How many addresses of the first one's family come before one of another; from then on they
     * alternate. 0 is 1 with a happy_eyeballs_delay, and without it the order of the lookup. */
    unsigned interleave;
    /* Not NULL: encrypted, with the context of a client. ssl=. */
    coro_tls *tls;
    /* Whom to ask for, and whose certificate it must be; NULL is the host. server_hostname=. */
    const char *server_name;
    /* How long the handshake may last, and closing; 0 is 60 s and 30 s. ssl_handshake_timeout=,
     * ssl_shutdown_timeout=. */
    coro_duration tls_handshake_timeout, tls_shutdown_timeout;
} coro_connection_options;

/*
 * Connects to a host and a port, a number or the name of a service, and tries all of its addresses.
 * TCP_NODELAY is set. asyncio.open_connection().
 *
 * Returns 0 with the stream in *stream, or an error with *stream NULL:
 *   -EINVAL     host and port are both NULL, the context is one for servers, or there is no name
 *               to verify
 *   -ECANCELED  the caller was cancelled; no socket is left
 *   -EADDRNOTAVAIL  the host has no address of a family that local_host has
 *   -EPERM, -ENOMEM
 * or an error of coro_getaddrinfo(), or of the first address that was tried; its message
 * (coro_error_message()) then has those of all; or as coro_stream_start_tls(), whose handshake it
 * makes.
 */
CORO_API int coro_open_connection(coro_stream **stream, const char *host, const char *port,
                                  const coro_connection_options *options);

/* Connects to a Unix socket. Of the options, the limit and those of TLS count. -ENAMETOOLONG for a
 * path that is too long. asyncio.open_unix_connection(). */
CORO_API int coro_open_unix_connection(coro_stream **stream, const char *path,
                                       const coro_connection_options *options);

/*
 * Makes a stream of an fd: a connected socket, an end of a pipe, a terminal. The stream closes it;
 * if the call fails, it stays the caller's. Of the options, the limit counts; a context is -EINVAL,
 * as coro_stream_start_tls() does that. open_connection(sock=), loop.connect_read_pipe(),
 * connect_write_pipe().
 *
 * Returns 0 with the stream in *stream, or -EINVAL, also for a socket of datagrams or packets,
 * -EBADF, -EPERM, -ENOMEM, -ECANCELED.
 */
CORO_API int coro_open_stream(coro_stream **stream, int fd, const coro_connection_options *options);

/* Another reference. Returns its argument. */
CORO_API coro_stream *coro_stream_retain(coro_stream *stream);

/* Gives up a reference; NULL is allowed. With the last one the stream is closed, as by
 * coro_stream_close(), and freed when it has sent what it has to. */
CORO_API void coro_stream_release(coro_stream *stream);

/* --- Reading ---------------------------------------------------------------------------------- */
/*
 * Calls that read return, beside their results,
 *   -ECANCELED  the caller was cancelled while it waited; nothing was taken
 *   -EBUSY      another task reads
 *   -ENOMEM     without memory; nothing was taken
 * or the error by which the connection was lost. A stream that was closed here has ended.
 */

/* At most n bytes, as soon as there is one. Returns how many; 0 is the end. StreamReader.read(n).
 */
CORO_API ssize_t coro_stream_read(coro_stream *stream, void *buffer, size_t n);

/*
 * Exactly n bytes. If the stream ends before, it returns -ENODATA, and the bytes that there were
 * are in the buffer, *partial of them, where that is not NULL. StreamReader.readexactly(n),
 * IncompleteReadError.
 *
 * Returns n, or -ENODATA, or -EINVAL for n over SSIZE_MAX.
 */
CORO_API ssize_t coro_stream_readexactly(coro_stream *stream, void *buffer, size_t n,
                                         size_t *partial);

/*
 * A line, its newline included, without copying it: *line points into the stream's buffer, and is
 * valid until the next call that reads, or the last reference goes. It may be written to. The last
 * line may be without a newline. StreamReader.readline().
 *
 * Returns its length; 0, with *line NULL, is the end. -EMSGSIZE if it is longer than the limit: it
 * is then dropped, if it has come in completely; else all that has come in of it is.
 */
CORO_API ssize_t coro_stream_readline(coro_stream *stream, char **line);

/*
 * All bytes up to a separator, and the separator, in the stream's buffer as those of
 * coro_stream_readline(): *length of them at *data. StreamReader.readuntil().
 *
 * Returns 0, or
 *   -ENODATA   the stream has ended before: *data and *length are all that there was.
 *              IncompleteReadError
 *   -EMSGSIZE  it is longer than the limit: all stays in the buffer, of which the first *length
 *              bytes have no separator in them; *data is NULL. LimitOverrunError
 *   -EINVAL    a separator is empty, or there is none
 */
CORO_API int coro_stream_readuntil(coro_stream *stream, const void *separator, size_t n,
                                   char **data, size_t *length);

/* coro_stream_readuntil() of several separators: up to the end of the first one that ends. */
CORO_API int coro_stream_readuntil_any(coro_stream *stream, const struct iovec *separators,
                                       int count, char **data, size_t *length);

/* Whether the end has been read from the peer, and the buffer is empty. StreamReader.at_eof(). */
CORO_API bool coro_stream_at_eof(const coro_stream *stream);

/* --- Writing ---------------------------------------------------------------------------------- */

/*
 * Sends n bytes, now or later; what is sent later is copied. It never waits. StreamWriter.write().
 *
 * Returns 0, or
 *   -EPIPE   the stream was closed here, or its end was written
 *   -EBUSY   a task sends a file
 *   -ENOMEM  without memory. If only a part could have been sent, or with TLS, the connection is
 *            lost by it
 * or the error by which the connection was lost. asyncio passes over lost connections here.
 */
CORO_API int coro_stream_write(coro_stream *stream, const void *buffer, size_t n);

/* coro_stream_write() of several pieces in one go. -EINVAL for a count below 0, or more than
 * SSIZE_MAX bytes. StreamWriter.writelines(). */
CORO_API int coro_stream_writelines(coro_stream *stream, const struct iovec *iov, int count);

/*
 * Sends n bytes of a file, or what there is up to its end: from its offset, or from *offset, which
 * is moved on by what was taken, also if the call fails. What was written before is sent first, and
 * nothing else is written meanwhile. By sendfile(2); with TLS, and where sendfile(2) does not send
 * such a file, it is read and written to the stream, with coro_stream_drain(). loop.sendfile().
 *
 * Returns how many bytes were taken, which is less than n only at the end of the file, or
 *   -EINVAL  the file is a pipe or a socket, or the offset is below 0
 *   -EPIPE   the stream was closed here, or its end was written
 *   -ECONNABORTED  it was closed here meanwhile; what was taken still goes out, unless aborted
 *   -EBUSY   another task sends a file
 *   -ECANCELED  the caller was cancelled
 *   -ENOMEM
 * or the error of reading the file, or that by which the connection was lost. An error of the file
 * leaves the stream as it is.
 */
CORO_API ssize_t coro_stream_sendfile(coro_stream *stream, int file, off_t *offset, size_t n);

/*
 * Waits, if the write buffer is over its high-water mark, until it is down to the low one. Also a
 * task that never has to wait here lets others run now and then. StreamWriter.drain().
 *
 * Returns 0, -ECANCELED if the caller was cancelled, or the error by which the connection was lost;
 * -ECONNRESET if it was closed here before.
 */
CORO_API int coro_stream_drain(coro_stream *stream);

/* The marks, in bytes. 64 KiB and 16 KiB at first; a high of 0 has coro_stream_drain() wait until
 * all is sent. -EINVAL for a low over the high. transport.set_write_buffer_limits(). */
CORO_API int coro_stream_set_write_buffer_limits(coro_stream *stream, size_t high, size_t low);

/* How many bytes are still to be sent. transport.get_write_buffer_size(). */
CORO_API size_t coro_stream_get_write_buffer_size(const coro_stream *stream);

/* Whether the end of writing can be told to the peer: not on a pipe, nor with TLS.
 * StreamWriter.can_write_eof(). */
CORO_API bool coro_stream_can_write_eof(const coro_stream *stream);

/* Ends writing, when all is sent: the peer reads the end. Reading goes on. Does nothing the second
 * time, and on a stream that was closed. StreamWriter.write_eof().
 *
 * Returns 0, -EOPNOTSUPP if that cannot be told, -EBUSY if a task sends a file, or the error by
 * which the connection was lost. */
CORO_API int coro_stream_write_eof(coro_stream *stream);

/* --- Closing ---------------------------------------------------------------------------------- */

/* Closes the stream: a task that reads gets what is in the buffer and then the end, and what is
 * still to be sent is sent by the loop. It does not wait. With TLS it is lost by -ETIMEDOUT if that
 * lasts too long. What the peer has sent by then, and nobody has read, is dropped; where it sends
 * on after that TCP may take back what it has not got yet, so read to its end first if that
 * matters. Returns 0. StreamWriter.close(). */
CORO_API int coro_stream_close(coro_stream *stream);

/* Closes it at once: what was not sent is lost. Returns 0. transport.abort(). */
CORO_API int coro_stream_abort(coro_stream *stream);

/* Whether it was closed here, or the connection is lost. StreamWriter.is_closing(). */
CORO_API bool coro_stream_is_closing(const coro_stream *stream);

/*
 * Waits until the connection is lost: all is sent, and its fd is closed.
 * StreamWriter.wait_closed().
 *
 * Returns 0, -ECANCELED if the caller was cancelled, or the error by which it was lost.
 */
CORO_API int coro_stream_wait_closed(coro_stream *stream);

/* --- TLS -------------------------------------------------------------------------------------- */

/*
 * Encrypts a stream from here on, as a client or as a server, which the context says: sends what is
 * still to be sent, and shakes hands. What the peer has sent before must have been read: else it,
 * or somebody between, could slip in commands that seem to have come encrypted. Of the options,
 * server_name (NULL is none) and the limits of time count. Over TLS it makes another layer.
 * StreamWriter.start_tls().
 *
 * Returns 0, or
 *   -EPROTO      the peer does not speak TLS, or nothing that this end accepts; or bytes that came
 *                unencrypted were not read: then the stream stays as it was
 *   -EACCES      the peer's certificate was not verified
 *   -ECONNRESET  the peer has closed the connection
 *   -ETIMEDOUT   it has taken too long
 *   -ECONNABORTED  the stream was closed meanwhile
 *   -ECANCELED   the caller was cancelled
 *   -EINVAL      the context is NULL, a limit is below 0, there is no name to verify, or it begins
 *                with a dot or is longer than 255 bytes
 *   -EPIPE       the stream was closed, its end was written, or the peer's end was read
 *   -EBUSY       another task reads, or sends a file
 *   -ENOMEM, -EPERM
 * or an error of the connection. After an error of the handshake the connection is lost.
 */
CORO_API int coro_stream_start_tls(coro_stream *stream, coro_tls *tls,
                                   const coro_connection_options *options);

/* The version of TLS, such as "TLSv1.3"; the cipher; the protocol above that was agreed on; and the
 * name of the server that the client has asked for. NULL: it is not encrypted, or there is none.
 * They stay valid as long as the stream. get_extra_info("cipher"), "ssl_object". */
CORO_API const char *coro_stream_tls_version(const coro_stream *stream);
CORO_API const char *coro_stream_tls_cipher(const coro_stream *stream);
CORO_API const char *coro_stream_tls_alpn(const coro_stream *stream);
CORO_API const char *coro_stream_tls_server_name(const coro_stream *stream);

/*
 * The peer's certificate, in DER, or its subject as a text (RFC 2253, such as "CN=example.com");
 * it was verified if the context does so, and says nothing of the peer otherwise. The certificate
 * is copied if it is no longer than size; the text, as by snprintf(3), as far as there is room.
 * get_extra_info("peercert").
 *
 * Returns the length, or -ENODATA if the peer has none, -EOPNOTSUPP if the stream is not encrypted,
 * -ENOMEM.
 */
CORO_API ssize_t coro_stream_tls_peer_certificate(const coro_stream *stream, void *der,
                                                  size_t size);
CORO_API ssize_t coro_stream_tls_peer_subject(const coro_stream *stream, char *text, size_t size);

/* The SSL, to look at; NULL if it is not encrypted. get_extra_info("ssl_object"). */
CORO_API void *coro_stream_tls_ssl(coro_stream *stream);

/* --- What it is ------------------------------------------------------------------------------- */

/*
 * Its fd, which it owns, for setsockopt(2) and the like; -EBADF when it is closed. Not to be read
 * from: the stream may have bytes that nobody has asked for yet, and with the poller "io_uring" so
 * may the library. get_extra_info("socket").
 */
CORO_API int coro_stream_fd(const coro_stream *stream);

/*
 * The address of the peer, and of this end, as getpeername(2) and getsockname(2) have it. The
 * peer's is known also when the connection is lost. get_extra_info("peername"), "sockname".
 *
 * Returns 0, -ENOTSOCK, -ENOTCONN, or -EBADF when the fd is closed.
 */
CORO_API int coro_stream_peername(const coro_stream *stream, struct sockaddr *address,
                                  socklen_t *size);
CORO_API int coro_stream_sockname(const coro_stream *stream, struct sockaddr *address,
                                  socklen_t *size);

#ifdef __cplusplus
}
#endif

#endif
