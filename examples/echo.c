/* SPDX-License-Identifier: MIT */
/* A TCP echo server with a task for each connection, and three clients that talk to it at the same
 * time. With a port as its argument (0 is any) it serves until it is interrupted. */
#include <coro.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 3 };

static struct sockaddr_in address = {.sin_family = AF_INET};

static int serve(void *arg)
{
    const int fd = *(int *)arg;
    char buffer[4096];
    ssize_t n;
    while ((n = coro_recv(fd, buffer, sizeof buffer, 0)) > 0)
        if (coro_send_all(fd, buffer, (size_t)n, 0, NULL) < 0)
            break;
    coro_close(fd);
    return 0; /* also if the client was rude */
}

static int accept_all(void *arg)
{
    const int listener = *(int *)arg;
    for (;;) {
        int fd = coro_accept(listener, NULL, NULL);
        const coro_task_options options = {.arg_size = sizeof fd};
        if (fd == -EMFILE || fd == -ENFILE)
            fd = coro_sleep(100 * CORO_MILLISECOND); /* until others have gone */
        else if (fd >= 0)
            coro_release(coro_create_task_with(&options, serve, &fd));
        if (fd < 0)
            return fd;
    }
}

static int talk(void *arg)
{
    static const char *const lines[] = {"to be", "or not", "to be"};
    const int number = *(const int *)arg, fd = coro_socket(AF_INET, SOCK_STREAM, 0);
    ssize_t rc = coro_connect(fd, (const struct sockaddr *)&address, sizeof address);
    for (int i = 0; rc >= 0 && i < 3; i++) {
        char answer[64];
        const size_t length = strlen(lines[i]);
        rc = coro_sleep((i ? 100 : 10 * number) * CORO_MILLISECOND);
        if (rc == 0)
            rc = coro_send_all(fd, lines[i], length, 0, NULL);
        if (rc >= 0)
            rc = coro_read_all(fd, answer, length, NULL);
        if (rc > 0)
            printf("client %d hears: %.*s\n", number, (int)rc, answer);
    }
    coro_close(fd);
    return (int)rc;
}

static int talk_all(void)
{
    static int numbers[CLIENTS];
    coro_group group;
    int rc = coro_group_begin(&group);
    for (int i = 0; rc == 0 && i < CLIENTS; i++) {
        numbers[i] = i + 1;
        rc = coro_group_create_task(&group, talk, &numbers[i]);
    }
    return coro_group_end(&group, rc);
}

static int start(void *arg)
{
    socklen_t size = sizeof address;
    int listener = coro_socket(AF_INET, SOCK_STREAM, 0);
    address.sin_port = htons((unsigned short)atoi(arg ? arg : "0"));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (const struct sockaddr *)&address, size) < 0 ||
        listen(listener, SOMAXCONN) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        return -errno;
    if (arg) {
        fprintf(stderr, "listening on port %d\n", ntohs(address.sin_port));
        return accept_all(&listener);
    }
    coro_task *server = coro_create_task(accept_all, &listener);
    const int rc = talk_all();
    coro_close(listener); /* which ends the server */
    coro_join(server, NULL);
    return rc;
}

int main(int argc, char **argv)
{
    const int rc = coro_run(start, argc > 1 ? argv[1] : NULL);
    if (rc < 0)
        fprintf(stderr, "echo: %s\n", strerror(-rc));
    return rc < 0;
}
