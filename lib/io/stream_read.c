/* SPDX-License-Identifier: MIT */
#include "io/stream.h"
#include "util/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_ROOM = 4096,
    /* Reads of this size go to the caller's buffer. */
    DIRECT = FIRST_ROOM,
    /* Up to which the buffer grows because the peer is fast. */
    MOST_FOR_SPEED = 64 * 1024,
};

static size_t available(const coro_stream *stream)
{
    return stream->end - stream->begin;
}

static char *taken(coro_stream *stream, size_t n)
{
    char *data = stream->buffer + stream->begin;
    stream->begin += n;
    return data;
}

/* --- The buffer ------------------------------------------------------------------------------- */
static int grow(coro_stream *stream)
{
    const size_t room = stream->room ? 2 * stream->room : FIRST_ROOM;
    char *buffer = coro__realloc(stream->buffer, room);
    if (!buffer)
        return -ENOMEM;
    stream->buffer = buffer;
    stream->room = room;
    return 0;
}

/* Has there be room behind what is in the buffer. That is moved only where at least as much has
 * been taken since it was moved last, so that it costs no more than the reading. */
static int make_room(coro_stream *stream)
{
    if (stream->begin == stream->end) {
        stream->begin = stream->end = 0;
        if (!stream->buffer || (stream->filled && stream->room < MOST_FOR_SPEED))
            return grow(stream);
    }
    if (stream->end < stream->room)
        return 0;
    if (stream->begin < available(stream))
        return grow(stream);
    memmove(stream->buffer, stream->buffer + stream->begin, available(stream));
    stream->end -= stream->begin;
    stream->begin = 0;
    return 0;
}

/* The same while pointers into the buffer are out: if it is full it stays with them. */
static int make_room_beside(coro_stream *stream)
{
    if (!stream->lent || stream->lent != stream->buffer)
        return make_room(stream);
    if (stream->end < stream->room)
        return 0;
    const size_t n = available(stream);
    const size_t room = n > stream->room / 2 ? 2 * stream->room : stream->room;
    char *buffer = coro__malloc(room);
    if (!buffer)
        return -ENOMEM;
    memcpy(buffer, stream->buffer + stream->begin, n);
    stream->buffer = buffer;
    stream->begin = 0;
    stream->end = n;
    stream->room = room;
    return 0;
}

void coro__stream_take_back(coro_stream *stream)
{
    if (stream->lent != stream->buffer)
        free(stream->lent);
    stream->lent = NULL;
}

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

static void note_filled(coro_stream *stream, ssize_t rc)
{
    if (rc <= 0)
        return;
    stream->end += (size_t)rc;
    stream->filled = stream->end == stream->room;
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
           !stream->closing && available(stream) / 2 < stream->limit;
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

void coro__stream_read_ahead(coro_stream *stream)
{
    ssize_t rc = 1;
    if (stream->transport->kind->watch_reader && may_read_ahead(stream))
        rc = watch_reader(stream);
    while (rc > 0 && may_read_ahead(stream)) {
        if (make_room_beside(stream) < 0)
            return;
        rc = read_now(stream, stream->buffer + stream->end, stream->room - stream->end);
        note_filled(stream, rc);
    }
    if (rc == -EAGAIN)
        listen_ahead(stream);
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
    coro__stream_take_back(stream);
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

/* Gets more into the buffer. How many bytes, 0 at the end, or an error. */
static ssize_t get_more(coro_stream *stream)
{
    const int room = make_room(stream);
    if (CORO__UNLIKELY(room < 0))
        return room;
    const ssize_t rc = receive(stream, stream->buffer + stream->end, stream->room - stream->end);
    note_filled(stream, rc);
    return rc;
}

static size_t take(coro_stream *stream, void *buffer, size_t n)
{
    const size_t count = n < available(stream) ? n : available(stream);
    if (count > 0)
        memcpy(buffer, taken(stream, count), count);
    return count;
}

/* --- The calls -------------------------------------------------------------------------------- */
static ssize_t read_some(coro_stream *stream, void *buffer, size_t n)
{
    if (n >= DIRECT && available(stream) == 0)
        return receive(stream, buffer, n < SSIZE_MAX ? n : SSIZE_MAX);
    ssize_t rc = 0;
    if (available(stream) == 0 && n > 0)
        rc = get_more(stream);
    return rc < 0 ? rc : (ssize_t)take(stream, buffer, n);
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
        rc = available(stream) < n ? get_more(stream) : 1;
    while (rc > 0 && available(stream) < n);
    if (rc >= 0) {
        const size_t count = take(stream, buffer, n);
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
    return ended && available(stream) == 0;
}

/* --- Separators ------------------------------------------------------------------------------- */
struct separators {
    const struct iovec *each;
    int count;
    size_t longest;
};

/* A place in what is in the buffer. */
struct match {
    size_t begin;
    size_t end; /* of the separator */
};

static int check_separators(struct separators *separators, const struct iovec *each, int count)
{
    if (count <= 0)
        return -EINVAL;
    *separators = (struct separators){each, count, 0};
    for (int i = 0; i < count; i++) {
        if (each[i].iov_len == 0 || each[i].iov_len > SSIZE_MAX)
            return -EINVAL;
        if (each[i].iov_len > separators->longest)
            separators->longest = each[i].iov_len;
    }
    return 0;
}

/* The separator that ends first; if several do, the shortest. */
static bool find(const coro_stream *stream, const struct separators *separators, size_t from,
                 struct match *match)
{
    const char *data = stream->buffer + stream->begin;
    size_t most = available(stream); /* a later end is of no use */
    bool found = false;
    for (int i = 0; i < separators->count; i++) {
        const struct iovec *separator = &separators->each[i];
        const char *at =
            from < most ? memmem(data + from, most - from, separator->iov_base, separator->iov_len)
                        : NULL;
        if (!at)
            continue;
        const size_t begin = (size_t)(at - data), end = begin + separator->iov_len;
        if (found && end == match->end && begin < match->begin)
            continue;
        *match = (struct match){begin, end};
        found = true;
        most = end;
    }
    return found;
}

/* Until it is found: 0, the end of the stream: -ENODATA, or an error. In match->begin, what is
 * before it, or cannot be it. */
static int search(coro_stream *stream, const struct separators *separators, struct match *match)
{
    *match = (struct match){0, 0};
    for (;;) {
        if (stream->buffer && find(stream, separators, match->begin, match))
            return match->begin > stream->limit ? -EMSGSIZE : 0;
        if (available(stream) >= separators->longest)
            match->begin = available(stream) + 1 - separators->longest;
        if (match->begin > stream->limit)
            return -EMSGSIZE;
        const ssize_t rc = get_more(stream);
        if (rc <= 0)
            return rc < 0 ? (int)rc : -ENODATA;
    }
}

static void lend(coro_stream *stream, size_t n, char **data, size_t *length)
{
    *data = n > 0 ? taken(stream, n) : NULL;
    *length = n;
    stream->lent = n > 0 ? stream->buffer : NULL;
}

static int read_until(coro_stream *stream, const struct separators *separators, char **data,
                      size_t *length)
{
    struct match match;
    const int rc = search(stream, separators, &match);
    if (rc == 0)
        lend(stream, match.end, data, length);
    else if (rc == -ENODATA)
        lend(stream, available(stream), data, length);
    else if (rc == -EMSGSIZE)
        *length = match.begin;
    return rc;
}

int coro_stream_readuntil_any(coro_stream *stream, const struct iovec *each, int count, char **data,
                              size_t *length)
{
    struct separators separators;
    *data = NULL;
    *length = 0;
    int rc = check_separators(&separators, each, count);
    if (rc == 0)
        rc = coro__stream_begin_to_read(stream);
    if (rc < 0)
        return rc;
    rc = read_until(stream, &separators, data, length);
    coro__stream_end_reading(stream);
    return rc;
}

int coro_stream_readuntil(coro_stream *stream, const void *separator, size_t n, char **data,
                          size_t *length)
{
    const struct iovec each = {(void *)(uintptr_t)separator, n};
    return coro_stream_readuntil_any(stream, &each, 1, data, length);
}

/* A line that is too long: all of it if it is there, else all that is there. */
static void drop_line(coro_stream *stream, size_t length)
{
    const bool complete = length < available(stream);
    taken(stream, complete ? length + 1 : available(stream));
}

ssize_t coro_stream_readline(coro_stream *stream, char **line)
{
    static char newline[] = "\n";
    const struct iovec each = {newline, 1};
    const struct separators separators = {&each, 1, 1};
    size_t length = 0;
    *line = NULL;
    int rc = coro__stream_begin_to_read(stream);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    rc = read_until(stream, &separators, line, &length);
    if (rc == -EMSGSIZE)
        drop_line(stream, length);
    coro__stream_end_reading(stream);
    return rc == 0 || rc == -ENODATA ? (ssize_t)length : rc;
}
