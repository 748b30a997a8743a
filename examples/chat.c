/* SPDX-License-Identifier: MIT */
/* A chat server: what one client writes, all others in the room read. chat PORT (0 is any) serves
 * until SIGINT or SIGTERM. The first line of a client is its name. Nobody waits for a client that
 * does not read: if too much is unsent for it, it is thrown out. */
#include <coro.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

enum { MAX_LINE = 1024, MAX_UNSENT = 256 * 1024, MAX_NAME = 32 };

#define NAME_LIMIT (60 * CORO_SECOND) /* to say it */
#define STOP_LIMIT (5 * CORO_SECOND)  /* to read what is still to be read */

struct member {
    LIST_ENTRY(member) entry;
    coro_stream *stream;
    char name[MAX_NAME + 1];
};

static LIST_HEAD(, member) room;

/* To all but one. None of this waits, so that the room stays as it is meanwhile. */
CORO_PRINTF(2, 3) static void tell(const struct member *but, const char *format, ...)
{
    char text[MAX_NAME + MAX_LINE + 32];
    struct member *member;
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    LIST_FOREACH(member, &room, entry)
    {
        if (member == but)
            continue;
        coro_stream_write(member->stream, text, (size_t)n);
        if (coro_stream_get_write_buffer_size(member->stream) > MAX_UNSENT)
            coro_stream_abort(member->stream); /* its own task then reads the end */
    }
}

/* Reads a line, of which the control characters are left out. Its length, or -1 at the end. */
static int read_line(coro_stream *stream, char *text, size_t room_for_it)
{
    char *line;
    const ssize_t n = coro_stream_readline(stream, &line);
    int length = 0;
    for (ssize_t i = 0; i < n; i++)
        if ((unsigned char)line[i] >= ' ' && line[i] != 0x7f && (size_t)length + 1 < room_for_it)
            text[length++] = line[i];
    text[length] = '\0';
    return n > 0 ? length : -1;
}

static int ask_name(coro_stream *stream, struct member *member)
{
    static const char question[] = "Your name?\n";
    coro_timeout limit;
    coro_timeout_begin(&limit, NAME_LIMIT);
    coro_stream_write(stream, question, sizeof question - 1);
    const int length = read_line(stream, member->name, sizeof member->name);
    const int rc = coro_timeout_end(&limit, length < 0 ? -ENODATA : 0);
    return length == 0 ? -EINVAL : rc;
}

static void say_who_is_there(const struct member *newcomer)
{
    const struct member *member;
    char text[MAX_NAME + 32];
    LIST_FOREACH(member, &room, entry)
    {
        const int n = snprintf(text, sizeof text, "* %s is here\n", member->name);
        coro_stream_write(newcomer->stream, text, (size_t)n);
    }
}

static int chat(coro_stream *stream, void *arg)
{
    struct member self = {.stream = stream};
    char text[MAX_LINE + 1];
    (void)arg;
    if (ask_name(stream, &self) < 0)
        return 0;
    say_who_is_there(&self);
    tell(NULL, "* %s comes\n", self.name);
    LIST_INSERT_HEAD(&room, &self, entry);
    while (read_line(stream, text, sizeof text) >= 0)
        tell(&self, "%s: %s\n", self.name, text);
    LIST_REMOVE(&self, entry);
    tell(NULL, "* %s goes\n", self.name);
    return 0;
}

static void stop(coro_server *server)
{
    coro_timeout limit;
    tell(NULL, "* the server stops\n");
    coro_server_close(server);
    coro_server_close_clients(server);
    coro_timeout_begin(&limit, STOP_LIMIT);
    const int rc = coro_server_wait_closed(server);
    if (coro_timeout_end(&limit, rc) < 0)
        coro_server_abort_clients(server);
    coro_server_wait_closed(server);
    coro_server_destroy(server);
}

static int serve(void *port)
{
    const coro_server_options options = {.limit = MAX_LINE};
    coro_server *server;
    coro_signal signals;
    int rc = coro_signal_begin(&signals, (const int[]){SIGINT, SIGTERM}, 2);
    if (rc < 0)
        return rc;
    rc = coro_start_server(&server, "127.0.0.1", port, chat, NULL, &options);
    if (rc == 0) {
        fprintf(stderr, "listening on port %d\n", coro_server_port(server));
        rc = coro_signal_wait(&signals);
        stop(server);
    }
    coro_signal_end(&signals);
    return rc;
}

int main(int argc, char **argv)
{
    const int rc = argc == 2 ? coro_run(serve, argv[1]) : -EINVAL;
    if (rc < 0)
        fprintf(stderr, "chat: %s\nusage: chat PORT\n", strerror(-rc));
    return rc < 0;
}
