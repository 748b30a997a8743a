/* SPDX-License-Identifier: MIT */
/* A port scanner: a task for each port, and a semaphore that lets a few be there at a time.
 * portscan ADDRESS FIRST LAST prints the ports that are open; without arguments it opens one itself
 * and looks for it. */
#include <coro.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_A_TIME = 64, AROUND = 100 };

#define PATIENCE (2 * CORO_SECOND) /* with each port */

static struct sockaddr_in target = {.sin_family = AF_INET};
static coro_semaphore places = CORO_SEMAPHORE_INITIALIZER(AT_A_TIME);
static int first, last, own; /* ports */

static int knock(int port)
{
    struct sockaddr_in to = target;
    coro_timeout limit;
    const int fd = coro_socket(AF_INET, SOCK_STREAM, 0);
    to.sin_port = htons((uint16_t)port);
    coro_timeout_begin(&limit, PATIENCE);
    const int rc = coro_connect(fd, (const struct sockaddr *)&to, sizeof to);
    coro_close(fd);
    return coro_timeout_end(&limit, rc);
}

static int try_port(void *arg)
{
    const int port = *(const int *)arg, rc = knock(port);
    coro_semaphore_release(&places);
    if (rc == 0 && own)
        printf("%s", port == own ? "found the port that is open\n" : "");
    else if (rc == 0)
        printf("port %d is open\n", port);
    /* A port without an answer is not open; anything else, such as no fds, ends the scan. */
    return rc == -ECONNREFUSED || rc == -ETIMEDOUT || rc == -EHOSTUNREACH ? 0 : rc;
}

static int scan(void *arg)
{
    const coro_task_options options = {.arg_size = sizeof(int)};
    coro_group group;
    (void)arg;
    int rc = coro_group_begin(&group);
    for (int port = first; rc == 0 && port <= last; port++) {
        rc = coro_semaphore_acquire(&places);
        if (rc == 0)
            rc = coro_group_create_task_with(&group, &options, try_port, &port, NULL);
    }
    return coro_group_end(&group, rc);
}

/* Opens a port, and has those around it scanned. */
static int open_port(void)
{
    socklen_t size = sizeof target;
    const int fd = coro_socket(AF_INET, SOCK_STREAM, 0);
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (const struct sockaddr *)&target, size) < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)&target, &size) < 0)
        return -errno;
    own = ntohs(target.sin_port);
    first = own > AROUND ? own - AROUND : 1;
    last = own < UINT16_MAX - AROUND ? own + AROUND : UINT16_MAX;
    return 0;
}

int main(int argc, char **argv)
{
    int rc = -EINVAL;
    if (argc == 1) {
        rc = open_port();
    } else if (argc == 4 && inet_pton(AF_INET, argv[1], &target.sin_addr) == 1) {
        first = atoi(argv[2]);
        last = atoi(argv[3]);
        rc = first > 0 && last <= UINT16_MAX ? 0 : -EINVAL;
    }
    if (rc == 0)
        rc = coro_run(scan, NULL);
    if (rc < 0)
        fprintf(stderr, "portscan: %s\nusage: portscan [ADDRESS FIRST LAST]\n", strerror(-rc));
    return rc < 0;
}
