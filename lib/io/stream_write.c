/* SPDX-License-Identifier: MIT */
#include "coro/task.h"
#include "io/iov.h"
#include "io/stream.h"
#include "util/memory.h"

#include <stdlib.h>
#include <string.h>

/* Bytes to be sent, from begin to end. */
struct coro__chunk {
    struct coro__chunk *next;
    size_t begin, end, room;
    char bytes[];
};

enum {
    PIECES_AT_ONCE = 64,
    LEAST_ROOM = 4096 - sizeof(struct coro__chunk),
};

static void listen_behind(coro_stream *stream);
static void send_soon(coro_stream *stream);

/* --- What is still to be sent ----------------------------------------------------------------- */
static void update_paused(coro_stream *stream)
{
    if (stream->unsent > stream->high) {
        stream->paused = true;
    } else if (stream->paused && stream->unsent <= stream->low) {
        stream->paused = false;
        coro__stream_wake(stream, &stream->drainers);
    }
}

static void remove_first(coro_stream *stream)
{
    struct coro__chunk *chunk = stream->first;
    stream->first = chunk->next;
    if (!stream->first)
        stream->last = NULL;
    free(chunk);
}

/* `behind` listens, or for an error cannot. While the loop sends, that may wake those who wait for
 * the stream to close. */
static void begin_sending(coro_stream *stream, int rc)
{
    if (rc < 0) {
        coro__stream_lose(stream, rc);
        return;
    }
    stream->sends_behind = true;
    coro__loop_begin_fd_wait(stream->loop);
}

static void end_sending(coro_stream *stream)
{
    stream->sends_behind = false;
    coro__loop_end_fd_wait(stream->loop);
}

void coro__stream_discard_chunks(coro_stream *stream)
{
    if (stream->sends_behind) {
        coro__io_unlisten(stream->transport->io, &stream->behind);
        end_sending(stream);
    }
    while (stream->first)
        remove_first(stream);
    stream->unsent = 0;
}

static size_t room_at_end(const coro_stream *stream)
{
    return stream->last ? stream->last->room - stream->last->end : 0;
}

/* A chunk more, at the end. */
static int add_chunk(coro_stream *stream, size_t size)
{
    const size_t room = size > LEAST_ROOM ? size : LEAST_ROOM;
    struct coro__chunk *chunk = coro__malloc(sizeof *chunk + room);
    if (!chunk)
        return -ENOMEM;
    *chunk = (struct coro__chunk){.room = room};
    if (stream->last)
        stream->last->next = chunk;
    else
        stream->first = chunk;
    stream->last = chunk;
    return 0;
}

static void append(struct coro__chunk *chunk, const char *bytes, size_t n)
{
    if (n > 0)
        memcpy(chunk->bytes + chunk->end, bytes, n);
    chunk->end += n;
}

/* Copies what is behind the first `skipped` bytes of the pieces, `size` bytes. 0, or -ENOMEM and
 * nothing was copied. */
static int keep(coro_stream *stream, const struct iovec *iov, size_t skipped, size_t size)
{
    struct coro__chunk *tail = stream->last;
    const size_t in_tail = room_at_end(stream);
    if (size > in_tail && add_chunk(stream, size - in_tail) < 0)
        return -ENOMEM;
    stream->unsent += size;
    for (; size > 0; iov++) {
        if (skipped >= iov->iov_len) {
            skipped -= iov->iov_len;
            continue;
        }
        const char *bytes = (const char *)iov->iov_base + skipped;
        const size_t n = iov->iov_len - skipped;
        const size_t first = tail && n > tail->room - tail->end ? tail->room - tail->end : n;
        skipped = 0;
        size -= n;
        if (tail)
            append(tail, bytes, first);
        append(stream->last, bytes + (tail ? first : 0), tail ? n - first : n);
    }
    return 0;
}

/* --- Sending ---------------------------------------------------------------------------------- */
static ssize_t send_now(coro_stream *stream, const struct iovec *iov, int count)
{
    return stream->transport->kind->write(stream->transport, iov, count);
}

static ssize_t send_chunks(coro_stream *stream)
{
    struct iovec pieces[PIECES_AT_ONCE];
    int count = 0;
    for (struct coro__chunk *chunk = stream->first; chunk && count < PIECES_AT_ONCE;
         chunk = chunk->next)
        pieces[count++] = (struct iovec){chunk->bytes + chunk->begin, chunk->end - chunk->begin};
    return send_now(stream, pieces, count);
}

static void remove_sent(coro_stream *stream, size_t n)
{
    stream->unsent -= n;
    while (n > 0) {
        struct coro__chunk *chunk = stream->first;
        const size_t size = chunk->end - chunk->begin;
        if (n < size) {
            chunk->begin += n;
            return;
        }
        n -= size;
        remove_first(stream);
    }
}

static int shut_down(coro_stream *stream)
{
    const struct coro__transport_kind *kind = stream->transport->kind;
    return kind->shut_down ? kind->shut_down(stream->transport) : 0;
}

int coro__stream_finish(coro_stream *stream)
{
    int rc = 0;
    if (stream->closing)
        rc = shut_down(stream);
    else if (stream->eof_written)
        rc = stream->transport->kind->write_eof(stream->transport);
    if (rc == -EAGAIN)
        listen_behind(stream);
    else if (stream->closing || rc < 0)
        coro__stream_lose(stream, rc);
    return rc == -EAGAIN ? 0 : rc;
}

static void on_writable(struct coro__listener *listener, int status)
{
    coro_stream *stream = CORO__CONTAINER_OF(listener, coro_stream, behind);
    ssize_t rc = status;
    end_sending(stream);
    coro__stream_enter(stream);
    if (rc >= 0 && stream->first)
        rc = send_chunks(stream);
    if (rc > 0)
        remove_sent(stream, (size_t)rc);
    update_paused(stream);
    if (!stream->first)
        coro__stream_wake(stream, &stream->emptiers);
    if (rc == -EAGAIN)
        listen_behind(stream);
    else if (rc < 0)
        coro__stream_lose(stream, (int)rc);
    else if (stream->first)
        send_soon(stream);
    else
        coro__stream_finish(stream);
    coro__stream_leave(stream);
}

/* Others have their turn first: a peer may take it as fast as it is sent. */
static void send_soon(coro_stream *stream)
{
    begin_sending(stream, coro__io_run_soon(stream->transport->io, &stream->behind, on_writable));
}

/* Has the loop send the rest. */
static void listen_behind(coro_stream *stream)
{
    const struct coro__transport *transport = stream->transport;
    struct coro__fd *fd;
    int rc = coro__io_find(transport->io, transport->fd, &fd);
    if (rc == 0)
        rc = coro__io_listen(transport->io, fd, transport->wanted, &stream->behind, on_writable);
    begin_sending(stream, rc);
}

/* --- The calls -------------------------------------------------------------------------------- */
/* How many of the bytes can be sent at once, or an error. */
static ssize_t send_at_once(coro_stream *stream, const struct iovec *iov, int count)
{
    size_t sent = 0;
    while (count > 0) {
        size_t size;
        const int pieces = count < CORO__IOV_MAX ? count : CORO__IOV_MAX;
        coro__iov_size(iov, pieces, &size);
        const ssize_t rc = size > 0 ? send_now(stream, iov, pieces) : 0;
        if (rc < 0 && rc != -EAGAIN)
            return rc;
        sent += rc > 0 ? (size_t)rc : 0;
        if (rc < (ssize_t)size)
            break;
        iov += pieces;
        count -= pieces;
    }
    return (ssize_t)sent;
}

int coro__stream_check_writing(const coro_stream *stream)
{
    if (CORO__UNLIKELY(stream->lost) && stream->error < 0)
        return coro__stream_error(stream);
    if (CORO__UNLIKELY(stream->closing || stream->eof_written))
        return -EPIPE;
    return CORO__UNLIKELY(stream->sends_file) ? -EBUSY : 0;
}

static int write_pieces(coro_stream *stream, const struct iovec *iov, int count, size_t size)
{
    const bool tried = !stream->first;
    const ssize_t sent = tried ? send_at_once(stream, iov, count) : 0;
    if (CORO__UNLIKELY(sent < 0)) {
        coro__stream_lose(stream, (int)sent);
        return coro__stream_error(stream);
    }
    if (CORO__LIKELY((size_t)sent == size))
        return 0;
    if (keep(stream, iov, (size_t)sent, size - (size_t)sent) < 0) {
        /* OpenSSL holds to what it was once given. */
        if (sent > 0 || (tried && stream->transport != &stream->plain))
            coro__stream_lose(stream, -ENOMEM);
        return -ENOMEM;
    }
    update_paused(stream);
    if (!stream->sends_behind)
        listen_behind(stream);
    return stream->lost ? coro__stream_error(stream) : 0;
}

int coro_stream_writelines(coro_stream *stream, const struct iovec *iov, int count)
{
    size_t size;
    int rc = coro__stream_check(stream);
    if (CORO__LIKELY(rc == 0))
        rc = coro__stream_check_writing(stream);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    if (CORO__UNLIKELY(!coro__iov_size(iov, count, &size)))
        return -EINVAL;
    coro__stream_enter(stream);
    rc = size > 0 ? write_pieces(stream, iov, count, size) : 0;
    coro__stream_leave(stream);
    return rc;
}

int coro__stream_write(coro_stream *stream, const void *buffer, size_t n)
{
    const struct iovec iov = {(void *)(uintptr_t)buffer, n};
    return write_pieces(stream, &iov, 1, n);
}

int coro_stream_write(coro_stream *stream, const void *buffer, size_t n)
{
    const struct iovec iov = {(void *)(uintptr_t)buffer, n};
    return coro_stream_writelines(stream, &iov, 1);
}

static int drain(coro_stream *stream)
{
    static const struct coro__wait_kind kind = {.name = "stream_drain",
                                                .abandon = coro__stream_park_abandon};
    struct coro__io *io;
    int rc = coro__io_begin(&io);
    if (rc == 0 && stream->closing && !stream->lost)
        rc = coro_yield();
    if (rc < 0)
        return rc;
    if (stream->lost)
        return stream->error < 0 ? coro__stream_error(stream) : -ECONNRESET;
    if (stream->paused)
        rc = coro__stream_park(stream, &stream->drainers, &kind);
    return rc == 0 && stream->lost ? coro__stream_error(stream) : rc;
}

int coro_stream_drain(coro_stream *stream)
{
    int rc = coro__stream_check_caller(stream);
    if (rc < 0)
        return rc;
    coro__stream_enter(stream);
    rc = drain(stream);
    coro__stream_leave(stream);
    return rc;
}

int coro__stream_send_all(coro_stream *stream)
{
    static const struct coro__wait_kind kind = {.name = "stream_send_all",
                                                .abandon = coro__stream_park_abandon};
    int rc = 0;
    while (rc == 0 && stream->first)
        rc = coro__stream_park(stream, &stream->emptiers, &kind);
    return rc;
}

int coro_stream_set_write_buffer_limits(coro_stream *stream, size_t high, size_t low)
{
    const int rc = coro__stream_check(stream);
    if (rc < 0)
        return rc;
    if (low > high)
        return -EINVAL;
    stream->high = high;
    stream->low = low;
    update_paused(stream);
    return 0;
}

size_t coro_stream_get_write_buffer_size(const coro_stream *stream)
{
    return stream ? stream->unsent : 0;
}

bool coro_stream_can_write_eof(const coro_stream *stream)
{
    return coro__stream_check(stream) == 0 && !stream->lost &&
           stream->transport->kind->can_write_eof(stream->transport);
}

int coro_stream_write_eof(coro_stream *stream)
{
    int rc = coro__stream_check(stream);
    if (rc < 0)
        return rc;
    if (stream->lost && stream->error < 0)
        return coro__stream_error(stream);
    if (stream->closing || stream->eof_written)
        return 0;
    if (stream->sends_file)
        return -EBUSY;
    if (!coro_stream_can_write_eof(stream))
        return -EOPNOTSUPP;
    stream->eof_written = true;
    coro__stream_enter(stream);
    if (!stream->first)
        rc = coro__stream_finish(stream);
    coro__stream_leave(stream);
    return rc;
}
