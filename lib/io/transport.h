/* SPDX-License-Identifier: MIT */
/*
 * What moves the bytes of a stream: the fd itself, or what encrypts them on their way to it. No
 * call here waits, or is told twice what it has taken: each takes what it can now, or returns
 * -EAGAIN and says in `wanted` what to wait for on the fd.
 */
#ifndef CORO_IO_TRANSPORT_H
#define CORO_IO_TRANSPORT_H

#include "io/io.h"

#include <sys/uio.h>

struct coro__transport;

struct coro__transport_kind {
    /* How many bytes were read; 0 is the end. */
    ssize_t (*read)(struct coro__transport *transport, void *buffer, size_t n);
    /* Where nothing is to be read ahead, at the writing end of a pipe: -EAGAIN as long as somebody
     * may read what is written, else -EPIPE, or -EBADF. NULL elsewhere. */
    int (*watch_reader)(struct coro__transport *transport);
    /* How many bytes were written, of at most IOV_MAX pieces. */
    ssize_t (*write)(struct coro__transport *transport, const struct iovec *iov, int count);
    /* Tells the peer that all has been written. -EOPNOTSUPP where that cannot be told. */
    int (*write_eof)(struct coro__transport *transport);
    bool (*can_write_eof)(const struct coro__transport *transport);
    /* Ends the connection in the peer's eyes, before it is closed. 0, -EAGAIN, or an error. NULL
     * where there is nothing to be said. */
    int (*shut_down)(struct coro__transport *transport);
    /* Closes the fd; nothing but `free` is called after that. */
    void (*close)(struct coro__transport *transport);
    /* Frees the transport; NULL where that is another's. */
    void (*free)(struct coro__transport *transport);
};

struct coro__transport {
    const struct coro__transport_kind *kind;
    struct coro__io *io;
    int fd;
    unsigned wanted;  /* valid after -EAGAIN: the directions of coro__io_wait() */
    const char *text; /* valid after another error: what it was; NULL is what the number says */
};

/* An fd as it is. 0, or -EBADF, -ENOMEM. */
int coro__fd_transport_init(struct coro__transport *transport, struct coro__io *io, int fd);

#endif
