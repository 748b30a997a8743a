/* SPDX-License-Identifier: MIT */
/*
 * A ring of io_uring's. Requests are filled in without a system call and go to the kernel, in their
 * order, with the next one that enters it.
 *
 * The kernel does nothing for the ring between these (IORING_SETUP_DEFER_TASKRUN): a completion
 * comes during coro__ring_enter() or _submit() only.
 */
#ifndef CORO_IO_IO_URING_RING_H
#define CORO_IO_IO_URING_RING_H

#include "coro/base.h"

#include <liburing.h>

struct coro__ring {
    struct io_uring ring;
};

/* 0, or a negative errno; -EOPNOTSUPP where the kernel lacks something that is needed. */
int coro__ring_open(struct coro__ring *ring);
void coro__ring_close(struct coro__ring *ring);

/* The next request, of zeros; NULL while the ring is full. */
static inline struct io_uring_sqe *coro__ring_request(struct coro__ring *ring)
{
    return io_uring_get_sqe(&ring->ring);
}

/* Requests that the kernel has not taken yet, and for how many there is room. */
static inline unsigned coro__ring_pending(const struct coro__ring *ring)
{
    return io_uring_sq_ready(&ring->ring);
}

static inline unsigned coro__ring_room(const struct coro__ring *ring)
{
    return io_uring_sq_space_left(&ring->ring);
}

/* The position of the last request among all, and whether the kernel has taken that. */
static inline unsigned coro__ring_position(const struct coro__ring *ring)
{
    return ring->ring.sq.sqe_tail - 1;
}

static inline bool coro__ring_taken(const struct coro__ring *ring, unsigned position)
{
    return ring->ring.sq.sqe_tail - position > coro__ring_pending(ring);
}

/* Submits what is pending, and has the kernel go on with what can go on. Sleeps at most for the
 * limit (0, CORO_FOREVER) until there is a completion. No system call where it would do nothing. */
void coro__ring_enter(struct coro__ring *ring, coro_duration limit);

/* Whether entering it would do nothing. Kernels do some of what they could at each time. */
bool coro__ring_idle(const struct coro__ring *ring);

/* Whether there are completions that had no room, and come with the next entering. */
bool coro__ring_overflown(const struct coro__ring *ring);

/* Takes the next completion out; false if there is none. */
static inline bool coro__ring_take(struct coro__ring *ring, struct io_uring_cqe *completion)
{
    const struct io_uring_cq *cq = &ring->ring.cq;
    if (io_uring_cq_ready(&ring->ring) == 0)
        return false;
    *completion = cq->cqes[*cq->khead & cq->ring_mask];
    io_uring_cq_advance(&ring->ring, 1);
    return true;
}

#endif
