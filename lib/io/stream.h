/* SPDX-License-Identifier: MIT */
/*
 * A stream is open, then closing, then lost.
 *   open     bytes are read and written
 *   closing  it was closed here: no more is read or written, but the loop still sends the chunks,
 *            and tells the peer of the end
 *   lost     its fd is closed; `error` says whether by an error
 * coro__stream_lose() is the only way to the last one.
 *
 * Its transport is the fd, `plain`; with TLS that is below one of its own, which stays until the
 * stream is freed, as it knows who the peer was.
 *
 * Reading is done by the task that reads; while there is none, and others wait (`watchers`), by the
 * loop, through `ahead`. The rest of what is written is sent by the loop, through `behind`, which
 * listens as long as there are chunks.
 *
 * The loop owns it too, and loses it when it is closed itself. It is freed when it is lost, has no
 * references, and no call is inside (`calls`).
 */
#ifndef CORO_IO_STREAM_H
#define CORO_IO_STREAM_H

#include "coro/stream.h"
#include "io/read_buffer.h"
#include "io/transport.h"
#include "sched/alarm.h"

struct coro_stream {
    struct coro__owned owned;
    struct coro__loop *loop; /* NULL when it has gone */
    struct coro__transport *transport;
    struct coro__transport plain;
    unsigned references;
    unsigned calls; /* that wait, or are about to look at it again */
    bool closing;
    bool lost;
    int error;                     /* valid when lost: a negative errno, or 0 */
    struct coro__message *message; /* of the error; NULL is none */
    /* Called when it is lost; NULL is nothing. */
    void (*on_lost)(coro_stream *stream, void *arg);
    void *on_lost_arg;

    /* Reading. */
    coro_task *reader; /* that is in a call; NULL is none */
    struct coro__read_buffer in;
    size_t limit;
    bool eof;
    bool reads_ahead; /* `ahead` listens */
    struct coro__listener ahead;

    /* Writing. */
    struct coro__chunk *first, *last;
    size_t unsent;
    size_t high, low;
    bool paused; /* it went over the high mark, and has not come down to the low one */
    bool eof_written;
    bool sends_file;   /* a task does, and nothing else is written */
    char *file_piece;  /* of the file, where it is read; else NULL */
    bool sends_behind; /* `behind` listens */
    struct coro__listener behind;

    /* Closing. */
    coro_duration closing_limit; /* of time; 0 is none */
    struct coro__alarm late;

    struct coro__waiter *drainers;
    struct coro__waiter *emptiers; /* that wait until all is sent */
    struct coro__waiter *closers;
    unsigned watchers; /* of all three */

    socklen_t peer_size; /* 0: there is none, because of peer_error */
    int peer_error;
    struct sockaddr_storage peer;
};

/* Makes a stream of an fd, with one reference, in the loop of the I/O. A peer that is NULL is asked
 * for. 0, or a negative errno: the fd is still the caller's. */
int coro__stream_create(coro_stream **stream, struct coro__io *io, int fd, size_t limit,
                        const struct sockaddr *peer, socklen_t size);

/* 0, -ENOMEM for NULL, or -EXDEV if it is another thread's. */
int coro__stream_check(const coro_stream *stream);

/* For calls that wait: also -EPERM where no task calls, and -EXDEV if it is another loop's. */
int coro__stream_check_caller(const coro_stream *stream);

/* The connection is lost, by an error or, for 0, because it was closed. It may be freed by that. */
void coro__stream_lose(coro_stream *stream, int error);

/* The error by which it was lost, with its message if a task calls. */
int coro__stream_error(const coro_stream *stream);

/* Wakes all that wait in one of its lists. */
void coro__stream_wake(coro_stream *stream, struct coro__waiter **list);

/* A call that waits, or goes on after what may have lost the stream, is inside. */
static inline void coro__stream_enter(coro_stream *stream)
{
    stream->calls++;
}

void coro__stream_leave(coro_stream *stream);

/* Parks the caller until something is done about the stream. The status that it was woken with. */
int coro__stream_park(coro_stream *stream, struct coro__waiter **list,
                      const struct coro__wait_kind *kind);

void coro__stream_park_abandon(struct coro__ready *ready, struct coro__wait *wait);

/* What a task does with the transport in place of reading, between begin and end: nobody reads
 * meanwhile. Begin returns 0, or why it cannot. */
int coro__stream_begin_to_read(coro_stream *stream);
void coro__stream_end_reading(coro_stream *stream);

/* Gets more into the buffer, for the task that reads. How many bytes, 0 at the end, or an error. */
ssize_t coro__stream_get_more(coro_stream *stream);

/* Parks the reader until the transport can go on, after -EAGAIN. 0, also if the stream was lost;
 * -ECANCELED or -ENOMEM. */
int coro__stream_await_transport(coro_stream *stream, struct coro__io *io, const char *name);

/* Reads ahead, if there is reason to and room; or does so no more. */
void coro__stream_read_ahead(coro_stream *stream);
void coro__stream_stop_reading(coro_stream *stream);

/* 0 if more may be written. */
int coro__stream_check_writing(const coro_stream *stream);

/* coro_stream_write(), where that was checked. */
int coro__stream_write(coro_stream *stream, const void *buffer, size_t n);

/* Waits until all that was written is sent, or the stream is lost. 0, -ECANCELED or -ENOMEM. */
int coro__stream_send_all(coro_stream *stream);

/* When all that was written has been sent: does what comes then. 0, or the error that loses it. */
int coro__stream_finish(coro_stream *stream);

/* Drops what was not sent. */
void coro__stream_discard_chunks(coro_stream *stream);

#endif
