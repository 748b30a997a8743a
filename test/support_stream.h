/* SPDX-License-Identifier: MIT */
/* What the suites of streams share: a stream on one end of a socket pair, its peer a plain fd. */
#ifndef SUPPORT_STREAM_H
#define SUPPORT_STREAM_H

#include "support_io.h"

/* A stream with this limit (0: the default), and its peer. By a task. */
coro_stream *open_stream(int *peer, size_t limit);

/* A stream of the end of a pipe that is written to, and the other one. By a task. */
coro_stream *open_pipe(int *reader);

/* The stream reads this, and then, with the second, the end. */
void feed(int peer, const char *text);
void feed_eof(int peer);

/* The peer goes, and has not read what was sent: reads fail with -ECONNRESET, writes with -EPIPE.
 */
void reset(coro_stream *stream, int peer);

/* Each reads, and compares. */
void expect_bytes(coro_stream *stream, size_t n, const char *text); /* coro_stream_read(n) */
void expect_line(coro_stream *stream, const char *text);
void expect_until(coro_stream *stream, const char *separator, const char *text);

/* What is left in the stream is this; nothing more comes. Closes both ends. */
void expect_rest(coro_stream *stream, int peer, const char *text);

/* The peer's end gets this. */
void expect_sent(int peer, const char *text);

/* A path for a socket, in a folder of its own, where nothing is. Valid until the next one. */
const char *socket_path(void);
bool path_exists(const char *path);

/* Its port as a text. Valid until the next call. */
const char *port_of(const coro_server *server);

/* coro_open_connection() to this server, over IPv4. */
coro_stream *connect_to_server(const coro_server *server);

/* Closes it, and gives its handle up, when its clients have ended. */
void close_server(coro_server *server);

/* Gives the reference up when it has been closed without an error. */
void close_stream(coro_stream *stream);

/* --- Tasks for tests -------------------------------------------------------------------------- */
int reads_line(void *stream);   /* traces it, or the error */
int waits_closed(void *stream); /* coro_stream_wait_closed() */
int drains(void *stream);

#endif
