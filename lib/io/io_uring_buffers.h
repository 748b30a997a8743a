/* SPDX-License-Identifier: MIT */
/*
 * Buffers for what is received before it is asked for. A buffer is the kernel's, which fills it for
 * whichever socket comes next; or holds bytes, in the queue of their socket; or is not there yet:
 * there are few at first, and more when they do not suffice.
 */
#ifndef CORO_IO_IO_URING_BUFFERS_H
#define CORO_IO_IO_URING_BUFFERS_H

#include "io/io_uring_ring.h"

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
    CORO__BUFFER_SIZE = 4096,
    CORO__BUFFERS_AT_FIRST = 64,
    CORO__MOST_BUFFERS = 1024, /* a power of two */
};

struct coro__buffers {
    struct io_uring_buf_ring *ring; /* shared with the kernel */
    char *memory;                   /* of all of them; untouched before they are there */
    unsigned count;
    unsigned kernels; /* of them the kernel's */
    struct {
        uint16_t next; /* in its queue */
        uint16_t from;
        uint16_t to;
    } about[CORO__MOST_BUFFERS];
};

/* Bytes of one socket, in their order. All zero is empty. */
struct coro__held {
    uint16_t first;
    uint16_t last;
    uint16_t count; /* of buffers */
};

/* 0, or a negative errno. */
int coro__buffers_open(struct coro__buffers *buffers, struct coro__ring *ring);

/* After the ring was closed. */
void coro__buffers_close(struct coro__buffers *buffers);

/* Gives the kernel more; false if there are no more. */
bool coro__buffers_grow(struct coro__buffers *buffers);

/* The kernel has put n bytes into a buffer. 0 gives it back at once. */
void coro__held_push(struct coro__buffers *buffers, struct coro__held *held, unsigned number,
                     size_t n);

/* Copies bytes of the first buffer, with the flags MSG_PEEK and MSG_TRUNC of recv(2). */
size_t coro__held_take(struct coro__buffers *buffers, struct coro__held *held,
                       const struct msghdr *into, int flags);

/* Gives all its buffers back. */
void coro__held_drop(struct coro__buffers *buffers, struct coro__held *held);

#endif
