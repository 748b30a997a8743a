/* SPDX-License-Identifier: MIT */
/* An echo server with a task for each connection, like examples/echo.c. */
#include "listen.h"

#include <coro.h>

static int serve(void *arg)
{
    const int fd = *(const int *)arg;
    char buffer[4096];
    ssize_t n;
    while ((n = coro_recv(fd, buffer, sizeof buffer, 0)) > 0)
        if (coro_send_all(fd, buffer, (size_t)n, 0, NULL) < 0)
            break;
    coro_close(fd);
    return 0;
}

static int accept_all(void *arg)
{
    const coro_task_options options = {.arg_size = sizeof(int)};
    const int listener = listen_on(arg);
    int fd;
    while ((fd = coro_accept(listener, NULL, NULL)) >= 0)
        coro_release(coro_create_task_with(&options, serve, &fd));
    return fd;
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "-v") == 0)
        return printf("libcoro %s, a task for each connection\n", coro_version()) < 0;
    return coro_run(accept_all, argv[1]) < 0;
}
