/* SPDX-License-Identifier: MIT */
#include "io/endpoint.h"
#include "coro/resolver.h"
#include "io/system.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

int coro__endpoint_look_up(const char *host, const char *port, int family, int flags,
                           struct addrinfo **found)
{
    const struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    return coro_getaddrinfo(host, port, &hints, found);
}

int coro__endpoint_of_path(const char *path, struct sockaddr_un *address, socklen_t *size)
{
    const size_t length = path ? strlen(path) : 0;
    if (length == 0)
        return -EINVAL;
    if (length >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, length + 1);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return 0;
}

const char *coro__endpoint_text(const struct sockaddr *address, socklen_t size,
                                char text[CORO__ENDPOINT_TEXT])
{
    const int saved_errno = errno;
    char host[96], port[16];
    if (address->sa_family == AF_UNIX)
        snprintf(text, CORO__ENDPOINT_TEXT, "%s",
                 ((const struct sockaddr_un *)(const void *)address)->sun_path);
    else if (getnameinfo(address, size, host, sizeof host, port, sizeof port,
                         NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(text, CORO__ENDPOINT_TEXT, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    else
        snprintf(text, CORO__ENDPOINT_TEXT, "an address of family %d", address->sa_family);
    errno = saved_errno;
    return text;
}

int coro__endpoint_check(int fd)
{
    int type;
    socklen_t size = sizeof type;
    const int saved_errno = errno;
    const int rc =
        (int)coro__system_result(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size), saved_errno);
    return rc < 0 || type == SOCK_STREAM ? rc : -EINVAL;
}

int coro__endpoint_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    const int saved_errno = errno;
    const int rc =
        (int)coro__system_result(getsockname(fd, (struct sockaddr *)&address, &size), saved_errno);
    if (rc < 0)
        return rc;
    if (address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address)->sin_port);
    return address.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&address)->sin6_port)
                                         : -EINVAL;
}
