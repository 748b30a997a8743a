/* SPDX-License-Identifier: MIT */
/* An HTTP/1.1 server: a task for each connection, in which the callbacks of http_parser wait as if
 * it had been written for that. http PORT (0 is any) serves until SIGINT or SIGTERM, and then
 * finishes the requests that have begun. */
#include <coro.h>
#include <errno.h>
#include <http_parser.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

enum { MAX_URL = 1024, MAX_HEADERS = 8192, MAX_BODY = 65536 };

#define IDLE_LIMIT    (30 * CORO_SECOND) /* between two requests */
#define REQUEST_LIMIT (10 * CORO_SECOND) /* for a request and its answer */

static const char page[] = "<!DOCTYPE html>\n<title>libcoro</title>\n<p>Each client is a task.\n";

struct connection {
    LIST_ENTRY(connection) entry;
    int fd;
    bool idle;    /* between two requests */
    bool closing; /* no more requests */
    coro_timeout limit;
    http_parser parser;
    size_t url_size, body_size;
    char url[MAX_URL];
};

static LIST_HEAD(, connection) connections;
static coro_group tasks;
static bool stopping;

static int answer(struct connection *c, enum http_status status, const char *content)
{
    const time_t now = time(NULL);
    char date[40], text[512];
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
    c->closing |= stopping || c->parser.upgrade || !http_should_keep_alive(&c->parser);
    const int n =
        snprintf(text, sizeof text,
                 "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: %s\r\n"
                 "Content-Type: text/html\r\nContent-Length: %zu\r\n\r\n%s",
                 status, http_status_str(status), date, c->closing ? "close" : "keep-alive",
                 strlen(content), c->parser.method == HTTP_HEAD ? "" : content);
    c->closing |= coro_send_all(c->fd, text, (size_t)n, 0, NULL) < 0;
    return c->closing;
}

static int refuse(struct connection *c, enum http_status status)
{
    c->closing = true;
    return answer(c, status, "");
}

static void set_idle(struct connection *c, bool idle)
{
    c->idle = idle;
    coro_timeout_reschedule(&c->limit, coro_now() + (idle ? IDLE_LIMIT : REQUEST_LIMIT));
}

/* --- What the parser calls: all but 0 stops it ------------------------------------------------ */
static int on_begin(http_parser *parser)
{
    struct connection *c = parser->data;
    c->url_size = c->body_size = 0;
    set_idle(c, false);
    return 0;
}

static int on_url(http_parser *parser, const char *at, size_t n)
{
    struct connection *c = parser->data;
    if (n > MAX_URL - c->url_size)
        return refuse(c, HTTP_STATUS_URI_TOO_LONG);
    memcpy(c->url + c->url_size, at, n);
    c->url_size += n;
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t n)
{
    struct connection *c = parser->data;
    (void)at; /* it is only counted */
    c->body_size += n;
    return c->body_size > MAX_BODY ? refuse(c, HTTP_STATUS_PAYLOAD_TOO_LARGE) : 0;
}

static int on_complete(http_parser *parser)
{
    struct connection *c = parser->data;
    char count[32];
    snprintf(count, sizeof count, "%zu bytes\n", c->body_size);
    if (c->url_size != 1 || c->url[0] != '/')
        answer(c, HTTP_STATUS_NOT_FOUND, "");
    else if (parser->method == HTTP_POST)
        answer(c, HTTP_STATUS_OK, count);
    else if (parser->method == HTTP_GET || parser->method == HTTP_HEAD)
        answer(c, HTTP_STATUS_OK, page);
    else
        answer(c, HTTP_STATUS_METHOD_NOT_ALLOWED, "");
    set_idle(c, true);
    return c->closing;
}

static const http_parser_settings callbacks = {.on_message_begin = on_begin,
                                               .on_url = on_url,
                                               .on_body = on_body,
                                               .on_message_complete = on_complete};

static void converse(struct connection *c)
{
    char buffer[4096];
    ssize_t n;
    while (!c->closing && (n = coro_recv(c->fd, buffer, sizeof buffer, 0)) > 0)
        if (http_parser_execute(&c->parser, &callbacks, buffer, (size_t)n) < (size_t)n &&
            !c->closing)
            refuse(c, HTTP_PARSER_ERRNO(&c->parser) == HPE_HEADER_OVERFLOW
                          ? HTTP_STATUS_REQUEST_HEADER_FIELDS_TOO_LARGE
                          : HTTP_STATUS_BAD_REQUEST);
}

/* --- Tasks ------------------------------------------------------------------------------------ */
static int serve(void *arg)
{
    struct connection c = {.fd = *(const int *)arg, .idle = true};
    http_parser_init(&c.parser, HTTP_REQUEST);
    c.parser.data = &c;
    LIST_INSERT_HEAD(&connections, &c, entry);
    coro_timeout_begin(&c.limit, IDLE_LIMIT);
    converse(&c);
    coro_timeout_end(&c.limit, 0);
    coro_timeout_begin(&c.limit, CORO_SECOND);
    if (!c.idle && !c.closing)
        refuse(&c, HTTP_STATUS_REQUEST_TIMEOUT);
    if (c.closing && shutdown(c.fd, SHUT_WR) == 0)
        while (coro_recv(c.fd, c.url, MAX_URL, 0) > 0)
            continue; /* to close with something unread is a reset: the answer may be lost */
    coro_timeout_end(&c.limit, 0);
    LIST_REMOVE(&c, entry);
    coro_close(c.fd);
    return 0;
}

static int accept_all(void *arg)
{
    const coro_task_options options = {.arg_size = sizeof(int), .eager_start = true};
    int rc = 0;
    while (rc >= 0) {
        int fd = rc = coro_accept(*(const int *)arg, NULL, NULL);
        if (rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM)
            rc = coro_sleep(100 * CORO_MILLISECOND); /* until others have gone */
        else if (rc >= 0)
            rc = coro_group_create_task_with(&tasks, &options, serve, &fd, NULL);
    }
    return stopping ? 0 : rc;
}

static int run(void *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    socklen_t size = sizeof address;
    int listener = coro_socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, SOMAXCONN) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    fprintf(stderr, "listening on port %d\n", ntohs(address.sin_port));
    coro_signal signals;
    int rc = coro_signal_begin(&signals, (const int[]){SIGINT, SIGTERM}, 2);
    coro_group_begin(&tasks);
    if (rc == 0)
        rc = coro_group_create_task(&tasks, accept_all, &listener);
    if (rc == 0)
        rc = coro_signal_wait(&signals);
    stopping = true;
    coro_close(listener);
    for (struct connection *c = LIST_FIRST(&connections); c; c = LIST_NEXT(c, entry))
        if (c->idle)
            shutdown(c->fd, SHUT_RD); /* its next coro_recv() returns 0 */
    rc = coro_group_end(&tasks, rc);
    coro_signal_end(&signals);
    return rc;
}

int main(int argc, char **argv)
{
    http_parser_set_max_header_size(MAX_HEADERS);
    const int rc = argc == 2 ? coro_run(run, argv[1]) : -EINVAL;
    if (rc < 0)
        fprintf(stderr, "http: %s\nusage: http PORT\n", strerror(-rc));
    return rc < 0;
}
