/* SPDX-License-Identifier: MIT */
/* An echo server with libuv: what can be written at once needs no request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { BACKLOG = 4096 };

struct rest {
    uv_write_t request;
    char bytes[];
};

static char buffer[4096]; /* of all: it is empty between two callbacks */

static void on_close(uv_handle_t *handle)
{
    free(handle);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    (void)handle;
    (void)size;
    *buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_written(uv_write_t *request, int status)
{
    (void)status;
    free(request);
}

static void write_rest(uv_stream_t *stream, const char *bytes, size_t n)
{
    struct rest *rest = malloc(sizeof *rest + n);
    memcpy(rest->bytes, bytes, n);
    const uv_buf_t buf = uv_buf_init(rest->bytes, (unsigned)n);
    uv_write(&rest->request, stream, &buf, 1, on_written);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    if (n < 0)
        uv_close((uv_handle_t *)stream, on_close);
    if (n <= 0)
        return;
    const uv_buf_t answer = uv_buf_init(buf->base, (unsigned)n);
    int written = uv_try_write(stream, &answer, 1);
    if (written < 0)
        written = 0;
    if (written < n)
        write_rest(stream, buf->base + written, (size_t)(n - written));
}

static void on_connection(uv_stream_t *listener, int status)
{
    uv_tcp_t *client = malloc(sizeof *client);
    uv_tcp_init(listener->loop, client);
    if (status == 0 && uv_accept(listener, (uv_stream_t *)client) == 0)
        uv_read_start((uv_stream_t *)client, on_alloc, on_read);
    else
        uv_close((uv_handle_t *)client, on_close);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    uv_tcp_t listener;
    if (argc < 2 || strcmp(argv[1], "-v") == 0)
        return printf("libuv %s, uv_try_write\n", uv_version_string()) < 0;
    uv_ip4_addr("127.0.0.1", atoi(argv[1]), &address);
    uv_tcp_init(uv_default_loop(), &listener);
    if (uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection) < 0)
        return EXIT_FAILURE;
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
