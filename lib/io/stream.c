/* SPDX-License-Identifier: MIT */
#include "io/stream.h"
#include "coro/task.h"
#include "io/endpoint.h"
#include "io/system.h"
#include "util/memory.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_LIMIT = 64 * 1024, DEFAULT_HIGH = 64 * 1024, DEFAULT_LOW = DEFAULT_HIGH / 4 };

/* --- Its life --------------------------------------------------------------------------------- */
int coro__stream_check(const coro_stream *stream)
{
    return CORO__LIKELY(stream != NULL) ? coro__check_thread(stream->loop) : -ENOMEM;
}

int coro__stream_check_caller(const coro_stream *stream)
{
    return CORO__LIKELY(stream != NULL) ? coro__check_caller(stream->loop) : -ENOMEM;
}

static void free_unused(coro_stream *stream)
{
    if (stream->references > 0 || stream->calls > 0 || !stream->lost)
        return;
    coro__list_remove(&stream->owned.link);
    if (stream->transport->kind->free)
        stream->transport->kind->free(stream->transport);
    coro__message_release(stream->message);
    coro__read_buffer_destroy(&stream->in);
    free(stream->file_piece);
    free(stream);
}

void coro__stream_leave(coro_stream *stream)
{
    stream->calls--;
    free_unused(stream);
}

/* A task that reads has another look. */
static void wake_reader(coro_stream *stream)
{
    struct coro__wait *wait = stream->reader ? stream->reader->wait : NULL;
    if (wait)
        coro__wake(&stream->loop->ready, wait, 0);
}

void coro__stream_wake(coro_stream *stream, struct coro__waiter **list)
{
    while (*list) {
        struct coro__waiter *waiter = *list;
        coro__waiter_remove(waiter);
        coro__wake(&stream->loop->ready, waiter->wait, 0);
    }
}

void coro__stream_lose(coro_stream *stream, int error)
{
    if (stream->lost)
        return;
    coro__stream_enter(stream);
    coro__stream_stop_reading(stream);
    coro__stream_discard_chunks(stream);
    coro__alarm_clear(stream->loop, &stream->late);
    stream->closing = stream->lost = true;
    stream->error = error;
    if (error < 0 && stream->transport->text)
        stream->message = coro__message_copy(error, stream->transport->text);
    stream->paused = false;
    stream->transport->kind->close(stream->transport);
    wake_reader(stream);
    coro__stream_wake(stream, &stream->drainers);
    coro__stream_wake(stream, &stream->emptiers);
    coro__stream_wake(stream, &stream->closers);
    if (stream->on_lost)
        stream->on_lost(stream, stream->on_lost_arg);
    coro__stream_leave(stream);
}

int coro__stream_error(const coro_stream *stream)
{
    coro_task *caller = coro__caller();
    if (caller && stream->message)
        coro__message_set(&caller->message, coro__message_retain(stream->message));
    return stream->error;
}

/* No task is left that could be in a call. */
static void discard(struct coro__loop *loop, struct coro__owned *owned)
{
    coro_stream *stream = CORO__CONTAINER_OF(owned, coro_stream, owned);
    (void)loop;
    coro__list_remove(&owned->link);
    stream->reader = NULL;
    stream->calls = 1;
    coro__stream_lose(stream, -ESHUTDOWN);
    stream->loop = NULL;
    coro__stream_leave(stream);
}

static void set_peer(coro_stream *stream, const struct sockaddr *peer, socklen_t size)
{
    if (peer) {
        stream->peer_size = size < sizeof stream->peer ? size : sizeof stream->peer;
        memcpy(&stream->peer, peer, stream->peer_size);
        return;
    }
    const int saved_errno = errno;
    size = sizeof stream->peer;
    stream->peer_error = (int)coro__system_result(
        getpeername(stream->transport->fd, (struct sockaddr *)&stream->peer, &size), saved_errno);
    stream->peer_size = stream->peer_error < 0 ? 0 : size;
}

int coro__stream_create(coro_stream **created, struct coro__io *io, int fd, size_t limit,
                        const struct sockaddr *peer, socklen_t size)
{
    coro_stream *stream = coro__calloc(1, sizeof *stream);
    if (!stream)
        return -ENOMEM;
    const int rc = coro__fd_transport_init(&stream->plain, io, fd);
    if (rc < 0) {
        free(stream);
        return rc;
    }
    stream->transport = &stream->plain;
    stream->loop = io->loop;
    stream->owned.discard = discard;
    coro__list_push_back(&io->loop->owned, &stream->owned.link);
    stream->references = 1;
    stream->limit = limit ? limit : DEFAULT_LIMIT;
    stream->high = DEFAULT_HIGH;
    stream->low = DEFAULT_LOW;
    set_peer(stream, peer, size);
    *created = stream;
    return 0;
}

int coro_open_stream(coro_stream **stream, int fd, const coro_connection_options *options)
{
    struct coro__io *io;
    *stream = NULL;
    int rc = coro__io_begin(&io);
    if (rc == 0)
        rc = coro__endpoint_check(fd);
    if (rc < 0 && rc != -ENOTSOCK)
        return rc;
    if (options && options->tls)
        return -EINVAL;
    return coro__stream_create(stream, io, fd, options ? options->limit : 0, NULL, 0);
}

coro_stream *coro_stream_retain(coro_stream *stream)
{
    if (coro__stream_check(stream) == 0)
        stream->references++;
    return stream;
}

void coro_stream_release(coro_stream *stream)
{
    if (coro__stream_check(stream) < 0)
        return;
    coro__stream_enter(stream);
    if (--stream->references == 0)
        coro_stream_close(stream);
    coro__stream_leave(stream);
}

/* --- Waiting for others ----------------------------------------------------------------------- */
static void end_watch(struct coro__loop *loop, coro_stream *stream)
{
    coro__loop_end_fd_wait(loop);
    if (--stream->watchers == 0)
        coro__stream_stop_reading(stream);
    coro__stream_leave(stream);
}

struct stream_wait {
    struct coro__waiting waiting;
    coro_stream *stream;
};

void coro__stream_park_abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    coro__waiting_abandon(ready, wait);
    end_watch(coro__loop_of(ready),
              CORO__CONTAINER_OF(wait, struct stream_wait, waiting.wait)->stream);
}

int coro__stream_park(coro_stream *stream, struct coro__waiter **list,
                      const struct coro__wait_kind *kind)
{
    struct coro__loop *loop = stream->loop;
    struct stream_wait parked = {.stream = stream};
    coro__stream_enter(stream);
    stream->watchers++;
    coro__loop_begin_fd_wait(loop);
    coro__stream_read_ahead(stream);
    int rc = 0;
    if (!stream->lost) { /* by reading ahead */
        rc = coro__waiters_park(list, &parked.waiting, kind, coro__caller());
        coro__waiter_remove(&parked.waiting.waiter); /* where it was woken as the reader */
    }
    end_watch(loop, stream);
    return rc;
}

/* --- Closing ---------------------------------------------------------------------------------- */
static void on_late(struct coro__ready *ready, struct coro__callback *callback)
{
    coro_stream *stream = CORO__CONTAINER_OF(coro__alarm_ran(ready, callback), coro_stream, late);
    coro__stream_lose(stream, -ETIMEDOUT);
}

/* Without the memory for a timer it is closed at once. */
static void limit_closing(coro_stream *stream)
{
    if (stream->closing_limit == 0 || stream->closing_limit == CORO_FOREVER)
        return;
    const int rc = coro__alarm_set(stream->loop, &stream->late, on_late, stream->closing_limit);
    if (rc < 0)
        coro__stream_lose(stream, rc);
}

int coro_stream_close(coro_stream *stream)
{
    const int rc = coro__stream_check(stream);
    if (rc < 0 || stream->closing)
        return rc;
    coro__stream_enter(stream);
    stream->closing = true;
    coro__stream_stop_reading(stream);
    if (!stream->first)
        coro__stream_finish(stream);
    if (!stream->lost) {
        limit_closing(stream);
        wake_reader(stream);
    }
    coro__stream_leave(stream);
    return 0;
}

int coro_stream_abort(coro_stream *stream)
{
    const int rc = coro__stream_check(stream);
    if (rc == 0)
        coro__stream_lose(stream, 0);
    return rc;
}

bool coro_stream_is_closing(const coro_stream *stream)
{
    return !stream || stream->closing;
}

int coro_stream_wait_closed(coro_stream *stream)
{
    static const struct coro__wait_kind kind = {.name = "stream_wait_closed",
                                                .abandon = coro__stream_park_abandon};
    int rc = coro__stream_check_caller(stream);
    if (rc < 0)
        return rc;
    coro__stream_enter(stream);
    if (!stream->lost)
        rc = coro__stream_park(stream, &stream->closers, &kind);
    if (rc == 0)
        rc = coro__stream_error(stream);
    coro__stream_leave(stream);
    return rc;
}

/* --- What it is ------------------------------------------------------------------------------- */
int coro_stream_fd(const coro_stream *stream)
{
    const int rc = coro__stream_check(stream);
    return rc < 0 ? rc : stream->lost ? -EBADF : stream->transport->fd;
}

int coro_stream_peername(const coro_stream *stream, struct sockaddr *address, socklen_t *size)
{
    const int rc = coro__stream_check(stream);
    if (rc < 0)
        return rc;
    if (stream->peer_error < 0)
        return stream->peer_error;
    memcpy(address, &stream->peer, *size < stream->peer_size ? *size : stream->peer_size);
    *size = stream->peer_size;
    return 0;
}

int coro_stream_sockname(const coro_stream *stream, struct sockaddr *address, socklen_t *size)
{
    const int fd = coro_stream_fd(stream), saved_errno = errno;
    return fd < 0 ? fd : (int)coro__system_result(getsockname(fd, address, size), saved_errno);
}
