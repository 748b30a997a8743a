/* SPDX-License-Identifier: MIT */
#include "io/stream.h"

#include <limits.h>
#include <string.h>

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
    const char *data = stream->in.memory + stream->in.begin;
    size_t most = coro__read_buffer_size(&stream->in); /* a later end is of no use */
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
        if (stream->in.memory && find(stream, separators, match->begin, match))
            return match->begin > stream->limit ? -EMSGSIZE : 0;
        if (coro__read_buffer_size(&stream->in) >= separators->longest)
            match->begin = coro__read_buffer_size(&stream->in) + 1 - separators->longest;
        if (match->begin > stream->limit)
            return -EMSGSIZE;
        const ssize_t rc = coro__stream_get_more(stream);
        if (rc <= 0)
            return rc < 0 ? (int)rc : -ENODATA;
    }
}

static void lend(coro_stream *stream, size_t n, char **data, size_t *length)
{
    *data = coro__read_buffer_lend(&stream->in, n);
    *length = n;
}

static int read_until(coro_stream *stream, const struct separators *separators, char **data,
                      size_t *length)
{
    struct match match;
    const int rc = search(stream, separators, &match);
    if (rc == 0)
        lend(stream, match.end, data, length);
    else if (rc == -ENODATA)
        lend(stream, coro__read_buffer_size(&stream->in), data, length);
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
    const size_t size = coro__read_buffer_size(&stream->in);
    coro__read_buffer_take(&stream->in, length < size ? length + 1 : size);
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
