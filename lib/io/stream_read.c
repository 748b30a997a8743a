/* SPDX-License-Identifier: MIT */
#include "io/stream.h"

#include <limits.h>

enum {
    /* Reads of this size go to the caller's buffer. */
    DIRECT = CORO__READ_BUFFER_FIRST_ROOM,
    /* After this much that was read ahead, others have their turn. */
    AHEAD_AT_ONCE = 256 * 1024,
};

/* Reads without waiting, as the transport does. An error loses the connection. */
static ssize_t read_now(coro_stream *stream, void *buffer, size_t n)
{
    const ssize_t rc = stream->transport->kind->read(stream->transport, buffer, n);
    if (rc == 0)
        stream->eof = true;
    else if (CORO__UNLIKELY(rc < 0) && rc != -EAGAIN) {
        coro__stream_lose(stream, (int)rc);
        return coro__stream_error(stream);
    }
    return rc;
}

CORO__INLINE ssize_t read_into_buffer(coro_stream *stream,
                                      ssize_t (*read)(coro_stream *stream, void *buffer, size_t n))
{
    struct coro__read_buffer *in = &stream->in;
    const ssize_t rc = read(stream, in->memory + in->end, in->room - in->end);
    coro__read_buffer_note(in, rc);
    return rc;
}

/* --- Ahead of any task ------------------------------------------------------------------------ */
static void on_readable(struct coro__listener *listener, int status)
{
    coro_stream *stream = CORO__CONTAINER_OF(listener, coro_stream, ahead);
    stream->reads_ahead = false;
    coro__stream_enter(stream);
    if (status < 0)
        coro__stream_lose(stream, status);
    else
        coro__stream_read_ahead(stream);
    coro__stream_leave(stream);
}

static bool may_read_ahead(const coro_stream *stream)
{
    return !stream->reads_ahead && !stream->reader && stream->watchers > 0 && !stream->eof &&
           !stream->closing && coro__read_buffer_size(&stream->in) / 2 < stream->limit;
}

/* Until the transport can go on. */
static void listen_ahead(coro_stream *stream)
{
    const struct coro__transport *transport = stream->transport;
    struct coro__fd *fd;
    int rc = coro__io_find(transport->io, transport->fd, &fd);
    if (rc == 0)
        rc = coro__io_listen(transport->io, fd, transport->wanted, &stream->ahead, on_readable);
    stream->reads_ahead = rc == 0;
}

/* Where nothing is to be read: that nobody reads is an error only if there is something to send. */
static ssize_t watch_reader(coro_stream *stream)
{
    const int rc = stream->transport->kind->watch_reader(stream->transport);
    if (rc != -EAGAIN)
        coro__stream_lose(stream, rc == -EPIPE && !stream->first ? 0 : rc);
    return rc;
}

static void go_on_soon(coro_stream *stream)
{
    stream->reads_ahead =
        coro__io_run_soon(stream->transport->io, &stream->ahead, on_readable) == 0;
}

void coro__stream_read_ahead(coro_stream *stream)
{
    ssize_t rc = 1, count = 0;
    if (stream->transport->kind->watch_reader && may_read_ahead(stream))
        rc = watch_reader(stream);
    while (rc > 0 && count < AHEAD_AT_ONCE && may_read_ahead(stream)) {
        if (coro__read_buffer_make_room_beside(&stream->in) < 0)
            return;
        rc = read_into_buffer(stream, read_now);
        count += rc;
    }
    if (rc == -EAGAIN)
        listen_ahead(stream);
    else if (rc > 0 && may_read_ahead(stream))
        go_on_soon(stream);
}

void coro__stream_stop_reading(coro_stream *stream)
{
    if (!stream->reads_ahead)
        return;
    stream->reads_ahead = false;
    coro__io_unlisten(stream->transport->io, &stream->ahead);
}

/* --- By a task -------------------------------------------------------------------------------- */
int coro__stream_begin_to_read(coro_stream *stream)
{
    const int rc = coro__stream_check_caller(stream);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    if (CORO__UNLIKELY(stream->reader != NULL))
        return -EBUSY;
    if (CORO__UNLIKELY(stream->lost) && stream->error < 0)
        return coro__stream_error(stream);
    coro__stream_stop_reading(stream);
    coro__stream_enter(stream);
    stream->reader = coro__caller();
    coro__read_buffer_take_back(&stream->in);
    return 0;
}

void coro__stream_end_reading(coro_stream *stream)
{
    stream->reader = NULL;
    coro__stream_read_ahead(stream);
    coro__stream_leave(stream);
}

/* The kind of one wait, which leads to its stream. */
struct reading {
    struct coro__wait_kind kind;
    coro_stream *stream;
};

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    coro_stream *stream = CORO__CONTAINER_OF(wait->kind, struct reading, kind)->stream;
    coro__fd_abandon(ready, wait);
    stream->reader = NULL;
    coro__stream_leave(stream);
}

/* Nobody but the stream may close its fd: that too loses the connection. */
int coro__stream_await_transport(coro_stream *stream, struct coro__io *io, const char *name)
{
    const struct reading reading = {{.name = name, .abandon = abandon}, stream};
    struct coro__fd *fd;
    int rc = coro__io_find(io, stream->transport->fd, &fd);
    if (rc == 0) {
        const uint32_t generation = fd->generation;
        rc = coro__io_wait(io, fd, stream->transport->wanted, &reading.kind);
        if (rc == 0 && fd->generation != generation)
            rc = -EBADF;
    }
    if (CORO__LIKELY(rc == 0) || rc == -ECANCELED || rc == -ENOMEM)
        return rc;
    coro__stream_lose(stream, rc);
    return 0;
}

/* Some bytes of the peer's. How many, 0 at the end, or an error. */
static ssize_t receive(coro_stream *stream, void *buffer, size_t n)
{
    struct coro__io *io;
    ssize_t rc = coro__io_begin(&io);
    while (CORO__LIKELY(rc == 0)) {
        if (CORO__UNLIKELY(stream->lost) && stream->error < 0)
            return coro__stream_error(stream);
        if (stream->closing || stream->eof)
            return 0;
        rc = read_now(stream, buffer, n);
        if (rc != -EAGAIN)
            return rc;
        rc = coro__stream_await_transport(stream, io, "stream_read");
    }
    return rc;
}

ssize_t coro__stream_get_more(coro_stream *stream)
{
    const int room = coro__read_buffer_make_room(&stream->in);
    return CORO__LIKELY(room == 0) ? read_into_buffer(stream, receive) : room;
}

/* --- The calls -------------------------------------------------------------------------------- */
static ssize_t read_some(coro_stream *stream, void *buffer, size_t n)
{
    if (n >= DIRECT && coro__read_buffer_size(&stream->in) == 0)
        return receive(stream, buffer, n < SSIZE_MAX ? n : SSIZE_MAX);
    ssize_t rc = 0;
    if (coro__read_buffer_size(&stream->in) == 0 && n > 0)
        rc = coro__stream_get_more(stream);
    return rc < 0 ? rc : (ssize_t)coro__read_buffer_copy(&stream->in, buffer, n);
}

ssize_t coro_stream_read(coro_stream *stream, void *buffer, size_t n)
{
    ssize_t rc = coro__stream_begin_to_read(stream);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    rc = read_some(stream, buffer, n);
    coro__stream_end_reading(stream);
    return rc;
}

ssize_t coro_stream_readexactly(coro_stream *stream, void *buffer, size_t n, size_t *partial)
{
    if (n > SSIZE_MAX)
        return -EINVAL;
    ssize_t rc = coro__stream_begin_to_read(stream);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    do
        rc = coro__read_buffer_size(&stream->in) < n ? coro__stream_get_more(stream) : 1;
    while (rc > 0 && coro__read_buffer_size(&stream->in) < n);
    if (rc >= 0) {
        const size_t count = coro__read_buffer_copy(&stream->in, buffer, n);
        if (partial)
            *partial = count;
        rc = count < n ? -ENODATA : (ssize_t)n;
    }
    coro__stream_end_reading(stream);
    return rc;
}

bool coro_stream_at_eof(const coro_stream *stream)
{
    if (!stream)
        return true;
    const bool ended = stream->eof || (stream->closing && stream->error == 0);
    return ended && coro__read_buffer_size(&stream->in) == 0;
}
