/* SPDX-License-Identifier: MIT */
#include "io/transport.h"
#include "io/operation.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

enum { SMALL = 4096, MOST_DISCARDED = 256 * 1024 };

static ssize_t read_fd(struct coro__transport *transport, void *buffer, size_t n)
{
    transport->wanted = CORO__READ | CORO__RECEIVE;
    return coro__read_now(transport->io, transport->fd, buffer, n);
}

static int watch_reader(struct coro__transport *transport)
{
    struct coro__fd *fd;
    int rc = coro__io_find(transport->io, transport->fd, &fd);
    if (rc < 0)
        return rc;
    fd->ready &= (uint8_t)~CORO__READ;
    transport->wanted = CORO__READ;
    rc = coro__poll_now(fd, 0);
    if (rc == -EBADF)
        return rc;
    return rc > 0 ? -EPIPE : -EAGAIN;
}

static ssize_t write_fd(struct coro__transport *transport, const struct iovec *iov, int count)
{
    transport->wanted = CORO__WRITE;
    return coro__writev_now(transport->io, transport->fd, iov, count);
}

static bool can_write_eof(const struct coro__transport *transport)
{
    struct coro__fd *fd;
    return coro__io_find(transport->io, transport->fd, &fd) == 0 && coro__fd_is_socket(fd);
}

static int write_eof(struct coro__transport *transport)
{
    const int saved_errno = errno;
    if (!can_write_eof(transport))
        return -EOPNOTSUPP;
    return (int)coro__system_result(shutdown(transport->fd, SHUT_WR), saved_errno);
}

/* A socket that is closed with bytes in it takes back what it has sent, where the peer has not got
 * that yet. What comes later is not waited for. */
static int shut_down(struct coro__transport *transport)
{
    char buffer[SMALL];
    const int saved_errno = errno;
    ssize_t n = can_write_eof(transport) ? 1 : 0;
    for (size_t discarded = 0; n > 0 && discarded < MOST_DISCARDED; discarded += (size_t)n)
        n = recv(transport->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    errno = saved_errno;
    return 0;
}

static void close_fd(struct coro__transport *transport)
{
    coro__io_close(transport->io, transport->fd);
}

static const struct coro__transport_kind kind = {
    .read = read_fd,
    .write = write_fd,
    .write_eof = write_eof,
    .can_write_eof = can_write_eof,
    .shut_down = shut_down,
    .close = close_fd,
};

static const struct coro__transport_kind kind_for_writing = {
    .read = read_fd,
    .watch_reader = watch_reader,
    .write = write_fd,
    .write_eof = write_eof,
    .can_write_eof = can_write_eof,
    .close = close_fd,
};

/* Small writes are not to wait for the peer's acknowledgement of the one before. */
static void send_at_once(int fd)
{
    const int on = 1, saved_errno = errno;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    errno = saved_errno;
}

static bool is_write_only(int fd)
{
    const int saved_errno = errno;
    const int flags = (int)coro__system_result(fcntl(fd, F_GETFL), saved_errno);
    return flags >= 0 && (flags & O_ACCMODE) == O_WRONLY;
}

int coro__fd_transport_init(struct coro__transport *transport, struct coro__io *io, int number)
{
    struct coro__fd *fd;
    const int rc = coro__io_find(io, number, &fd);
    if (rc < 0)
        return rc;
    if (fd->type == CORO__FD_TCP)
        send_at_once(number);
    const bool for_writing = !coro__fd_is_socket(fd) && is_write_only(number);
    *transport = (struct coro__transport){
        .kind = for_writing ? &kind_for_writing : &kind, .io = io, .fd = number};
    return 0;
}
