/* SPDX-License-Identifier: MIT */
/* An echo server as an edge-triggered epoll loop by hand: the limit of what there is to reach. Who
 * does not read what it gets is disconnected. */
#include "listen.h"

#include <stdio.h>
#include <sys/epoll.h>

enum { MOST_EVENTS = 256 };

static int epoll_fd;

static void watch(int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void accept_all(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        watch(fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
}

static void serve(int fd)
{
    char buffer[4096];
    ssize_t n;
    do {
        n = recv(fd, buffer, sizeof buffer, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN) ||
            (n > 0 && send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n)) {
            close(fd);
            return;
        }
    } while (n == sizeof buffer);
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "-v") == 0)
        return puts("an epoll loop in C, by hand") < 0;
    const int listener = listen_on(argv[1]);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    watch(listener, EPOLLIN | EPOLLET);
    for (;;) {
        struct epoll_event events[MOST_EVENTS];
        const int n = epoll_wait(epoll_fd, events, MOST_EVENTS, -1);
        for (int i = 0; i < n; i++)
            if (events[i].data.fd == listener)
                accept_all(listener);
            else
                serve(events[i].data.fd);
    }
}
