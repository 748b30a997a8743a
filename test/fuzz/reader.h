/* SPDX-License-Identifier: MIT */
/*
 * The reader of a stream beside a plain model of it, for scripts of bytes: what is fed when, and
 * which calls read it. A call that the model says has to wait is cancelled, and must lose nothing.
 *
 * A script begins with the limit, or 0: then all sizes are large, no line is too long, and how much
 * of what has come is in the stream's buffer does not matter; otherwise that is exactly known.
 */
#ifndef FUZZ_READER_H
#define FUZZ_READER_H

#include <coro.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READER_SMALL = 4000, READER_LARGE = 400 * 1000 };

struct reader_model {
    const uint8_t *script, *script_end;
    coro_stream *stream;
    int peer;
    bool large;
    size_t limit;
    char bytes[READER_LARGE]; /* all that are fed */
    size_t fed;
    size_t buffered; /* of them, taken from the kernel */
    size_t read;     /* of them, handed out or dropped */
    bool eof;
    uint32_t noise;
};

#define READER_MUST(holds)                                                             \
    do {                                                                               \
        if (!(holds)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds); \
            abort();                                                                   \
        }                                                                              \
    } while (0)

static unsigned reader_next(struct reader_model *model)
{
    return model->script < model->script_end ? *model->script++ : 0;
}

static size_t reader_size(struct reader_model *model)
{
    const size_t size = reader_next(model);
    return model->large ? size * 61 : size;
}

/* --- Feeding ---------------------------------------------------------------------------------- */
static void reader_feed(struct reader_model *model)
{
    static const char letters[] = "aab|b\n";
    const size_t most = model->large ? READER_LARGE : READER_SMALL;
    size_t n = reader_size(model);
    if (model->eof)
        return;
    if (n > most - model->fed)
        n = most - model->fed;
    for (size_t i = 0; i < n; i++) {
        model->noise =
            model->noise * 1664525 + 1013904223 + (model->large ? 0 : reader_next(model));
        model->bytes[model->fed + i] = letters[(model->noise >> 16) % (sizeof letters - 1)];
    }
    /* What the kernel has no room for is not fed. */
    const ssize_t sent = n > 0 ? send(model->peer, model->bytes + model->fed, n, MSG_DONTWAIT) : 0;
    if (sent > 0)
        model->fed += (size_t)sent;
}

static void reader_end(struct reader_model *model)
{
    if (!model->eof)
        shutdown(model->peer, SHUT_WR);
    model->eof = true;
}

/* Whether there is more; false if all has come in. */
static bool reader_fill(struct reader_model *model)
{
    const bool more = model->buffered < model->fed;
    model->buffered = model->fed;
    return more;
}

static size_t reader_available(const struct reader_model *model)
{
    return model->buffered - model->read;
}

/* --- Calls ------------------------------------------------------------------------------------ */
struct reader_call {
    coro_stream *stream;
    const struct iovec *separators; /* NULL: so many bytes */
    int count;
    bool exactly;
    bool line;
    char *data; /* what was read: in `memory` or in the stream's buffer */
    size_t n;
    ssize_t rc;
    size_t length;
    char memory[256 * 61];
};

static int reader_perform(void *arg)
{
    struct reader_call *call = arg;
    call->length = 0;
    call->data = call->memory;
    if (call->line) {
        call->rc = coro_stream_readline(call->stream, &call->data);
        call->length = call->rc > 0 ? (size_t)call->rc : 0;
    } else if (call->separators) {
        call->rc = coro_stream_readuntil_any(call->stream, call->separators, call->count,
                                             &call->data, &call->length);
    } else if (call->exactly) {
        call->rc = coro_stream_readexactly(call->stream, call->memory, call->n, &call->length);
    } else {
        call->rc = coro_stream_read(call->stream, call->memory, call->n);
        call->length = call->rc > 0 ? (size_t)call->rc : 0;
    }
    return call->rc == -ECANCELED ? -ECANCELED : 0;
}

/* The call has to wait, and is cancelled. */
static void reader_cancel(struct reader_call *call)
{
    coro_task *task = coro_create_task(reader_perform, call);
    for (int i = 0; i < 3; i++)
        coro_yield();
    READER_MUST(!coro_done(task));
    coro_cancel(task);
    READER_MUST(coro_join(task, NULL) == -ECANCELED);
}

/* These bytes are handed out. */
static void reader_expect(struct reader_model *model, const struct reader_call *call, size_t n)
{
    READER_MUST(call->length == n);
    READER_MUST(n == 0 || memcmp(call->data, model->bytes + model->read, n) == 0);
    model->read += n;
}

static void reader_read(struct reader_model *model, struct reader_call *call)
{
    call->n = reader_size(model);
    if (call->n > 0 && reader_available(model) == 0 && !reader_fill(model) && !model->eof) {
        reader_cancel(call);
        return;
    }
    const size_t most = call->n < reader_available(model) ? call->n : reader_available(model);
    reader_perform(call);
    READER_MUST(call->rc >= 0 && (size_t)call->rc <= most && (call->rc > 0 || most == 0));
    if (!model->large)
        READER_MUST((size_t)call->rc == most);
    reader_expect(model, call, (size_t)call->rc);
    model->buffered = model->large ? model->fed : model->buffered;
}

static void reader_read_exactly(struct reader_model *model, struct reader_call *call)
{
    call->n = reader_size(model);
    call->exactly = true;
    if (reader_available(model) < call->n)
        reader_fill(model);
    if (reader_available(model) < call->n && !model->eof) {
        reader_cancel(call);
        return;
    }
    reader_perform(call);
    const bool enough = call->n <= reader_available(model);
    READER_MUST(call->rc == (enough ? (ssize_t)call->n : -ENODATA));
    reader_expect(model, call, enough ? call->n : reader_available(model));
}

/* The first end of a separator in what is buffered; its begin in *begin. 0 if there is none. */
static size_t reader_find(const struct reader_model *model, const struct reader_call *call,
                          size_t *begin)
{
    const char *data = model->bytes + model->read;
    for (size_t end = 1; end <= reader_available(model); end++) {
        size_t shortest = 0;
        for (int i = 0; i < call->count; i++) {
            const size_t n = call->separators[i].iov_len;
            if (n <= end && memcmp(data + end - n, call->separators[i].iov_base, n) == 0 &&
                (shortest == 0 || n < shortest))
                shortest = n;
        }
        *begin = end - shortest;
        if (shortest > 0)
            return end;
    }
    return 0;
}

static void reader_read_until(struct reader_model *model, struct reader_call *call)
{
    size_t begin, end, longest = 0;
    for (int i = 0; i < call->count; i++)
        longest = call->separators[i].iov_len > longest ? call->separators[i].iov_len : longest;
    do {
        end = reader_find(model, call, &begin);
        if (end == 0)
            begin = reader_available(model) >= longest ? reader_available(model) + 1 - longest : 0;
    } while (end == 0 && begin <= model->limit && reader_fill(model));
    if (end == 0 && begin <= model->limit && !model->eof) {
        reader_cancel(call);
        return;
    }
    reader_perform(call);
    if (begin > model->limit) {
        READER_MUST(call->rc == -EMSGSIZE && !call->data);
        READER_MUST(call->line || call->length == begin);
        if (call->line)
            model->read += end > 0 ? end : reader_available(model);
        return;
    }
    if (end == 0 && call->line)
        READER_MUST(call->rc == (ssize_t)reader_available(model));
    else if (end == 0)
        READER_MUST(call->rc == -ENODATA);
    else
        READER_MUST(call->rc == (call->line ? (ssize_t)end : 0));
    reader_expect(model, call, end > 0 ? end : reader_available(model));
}

/* --- The script ------------------------------------------------------------------------------- */
static bool reader_step(struct reader_model *model)
{
    static char newline[] = "\n", bar[] = "||", several[2][4] = {"|", "a\nb"};
    const struct iovec line = {newline, 1}, bars = {bar, 2},
                       any[] = {{several[0], 1}, {several[1], 3}};
    static struct reader_call call;
    memset(&call, 0, offsetof(struct reader_call, memory));
    call.stream = model->stream;
    if (model->large)
        model->buffered = model->fed;
    switch (reader_next(model) % 8) {
    case 0:
    case 1:
        reader_feed(model);
        break;
    case 2:
        reader_read(model, &call);
        break;
    case 3:
        reader_read_exactly(model, &call);
        break;
    case 4:
        call.line = true;
        call.separators = &line;
        call.count = 1;
        reader_read_until(model, &call);
        break;
    case 5:
        call.separators = &bars;
        call.count = 1;
        reader_read_until(model, &call);
        break;
    case 6:
        call.separators = any;
        call.count = 2;
        reader_read_until(model, &call);
        break;
    default:
        if (reader_next(model) % 16 == 0)
            reader_end(model);
    }
    return model->script < model->script_end;
}

static int reader_run(void *arg)
{
    struct reader_model *model = arg;
    int fds[2];
    const unsigned limit = reader_next(model);
    model->large = limit == 0;
    model->limit = limit ? limit : READER_LARGE;
    const coro_connection_options options = {.limit = model->limit};
    READER_MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    READER_MUST(coro_open_stream(&model->stream, fds[0], &options) == 0);
    model->peer = fds[1];
    while (reader_step(model))
        continue;
    reader_end(model);
    model->buffered = model->fed;
    static struct reader_call rest;
    rest.stream = model->stream;
    do {
        rest.n = sizeof rest.memory;
        reader_perform(&rest);
        READER_MUST(rest.rc >= 0);
        reader_expect(model, &rest, (size_t)rest.rc);
    } while (rest.rc > 0);
    READER_MUST(model->read == model->fed);
    READER_MUST(coro_stream_at_eof(model->stream));
    coro_stream_release(model->stream);
    close(model->peer);
    return 0;
}

/* Runs a script; aborts if the reader is not as the model is. */
static void reader_check(const uint8_t *script, size_t size)
{
    static struct reader_model model;
    const coro_run_options options = {.virtual_clock = true};
    memset(&model, 0, sizeof model);
    model.script = script;
    model.script_end = script + size;
    READER_MUST(coro_run_with(&options, reader_run, &model) == 0);
}

#endif
