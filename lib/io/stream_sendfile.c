/* SPDX-License-Identifier: MIT */
/* A file goes out by sendfile(2) where the fd gets the bytes as they are, and the system can send
 * this file so; else it is read. */
#include "coro/file.h"
#include "io/sendfile.h"
#include "io/stream.h"
#include "io/system.h"
#include "util/memory.h"

#include <stdlib.h>
#include <unistd.h>

/* Of what is read; and of what the system is told to send at once, so that others have their turn
 * now and then. */
enum { PIECE = 64 * 1024, LARGE_PIECE = 256 * 1024 };

struct source {
    int file;
    off_t *offset; /* NULL: the file's own */
};

/* --- Reading, and writing what was read ------------------------------------------------------- */
static off_t place_of(const struct source *source)
{
    if (source->offset)
        return *source->offset;
    const int saved_errno = errno;
    return (off_t)coro__system_result(lseek(source->file, 0, SEEK_CUR), saved_errno);
}

static void move_on(const struct source *source, off_t to)
{
    const int saved_errno = errno;
    if (source->offset)
        *source->offset = to;
    else
        lseek(source->file, to, SEEK_SET);
    errno = saved_errno;
}

static ssize_t read_and_write(coro_stream *stream, const struct source *source, size_t n)
{
    const off_t place = place_of(source);
    const ssize_t rc =
        place < 0 ? place
                  : coro_pread(source->file, stream->file_piece, n < PIECE ? n : PIECE, place);
    if (rc <= 0)
        return rc == -ESPIPE ? -EINVAL : rc;
    if (stream->closing)
        return 0;
    const int written = coro__stream_write(stream, stream->file_piece, (size_t)rc);
    if (written < 0)
        return written;
    move_on(source, place + rc);
    const int drained = coro_stream_drain(stream);
    return drained < 0 ? drained : rc;
}

/* --- By the system ---------------------------------------------------------------------------- */
/* And not of the file. */
static bool is_of_connection(ssize_t rc)
{
    switch (-rc) {
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
        return true;
    default:
        return false;
    }
}

/* Others may run before the call begins, and close the stream; another file could have its number
 * then. */
static ssize_t send_by_system(coro_stream *stream, const struct source *source, size_t n)
{
    struct coro__io *io;
    ssize_t rc = coro__io_begin(&io);
    if (rc < 0 || stream->closing)
        return rc;
    rc = coro__sendfile(io, stream->transport->fd, source->file, source->offset,
                        n < LARGE_PIECE ? n : LARGE_PIECE);
    if (is_of_connection(rc))
        coro__stream_lose(stream, (int)rc);
    return rc;
}

/* --- The call --------------------------------------------------------------------------------- */
static int begin_to_read(coro_stream *stream)
{
    stream->file_piece = coro__malloc(PIECE);
    return stream->file_piece ? 0 : -ENOMEM;
}

static ssize_t send_piece(coro_stream *stream, const struct source *source, size_t n)
{
    if (stream->file_piece)
        return read_and_write(stream, source, n);
    ssize_t rc = send_by_system(stream, source, n);
    if (rc != -EINVAL)
        return rc;
    rc = begin_to_read(stream);
    return rc < 0 ? rc : read_and_write(stream, source, n);
}

static int closed_meanwhile(const coro_stream *stream)
{
    return stream->lost && stream->error < 0 ? coro__stream_error(stream) : -ECONNABORTED;
}

static ssize_t send_file(coro_stream *stream, const struct source *source, size_t n)
{
    size_t sent = 0;
    ssize_t rc = coro__stream_send_all(stream);
    if (rc == 0 && stream->transport != &stream->plain)
        rc = begin_to_read(stream);
    while (rc >= 0 && !stream->closing && sent < n) {
        rc = send_piece(stream, source, n - sent);
        if (rc == 0)
            break;
        sent += rc > 0 ? (size_t)rc : 0;
    }
    if (rc != -ECANCELED && stream->closing)
        return closed_meanwhile(stream);
    return rc < 0 ? rc : (ssize_t)sent;
}

ssize_t coro_stream_sendfile(coro_stream *stream, int file, off_t *offset, size_t n)
{
    const struct source source = {file, offset};
    int rc = coro__stream_check_caller(stream);
    if (rc == 0)
        rc = coro__stream_check_writing(stream);
    if (rc < 0)
        return rc;
    if (offset && *offset < 0)
        return -EINVAL;
    stream->sends_file = true;
    coro__stream_enter(stream);
    const ssize_t sent = send_file(stream, &source, n);
    stream->sends_file = false;
    free(stream->file_piece);
    stream->file_piece = NULL;
    coro__stream_leave(stream);
    return sent;
}
