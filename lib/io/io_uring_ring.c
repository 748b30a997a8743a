/* SPDX-License-Identifier: MIT */
#include "io/io_uring_ring.h"
#include "util/valgrind.h"

#include <errno.h>
#include <time.h>

enum { REQUESTS = 512, COMPLETIONS = 4096, MOST_NAP = CORO_MILLISECOND };

/* One thread submits, and the kernel works for the ring only when that thread enters it. */
#define NEEDED_SETUP \
    (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG)
#define NEEDED_FEATURES \
    (IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_FAST_POLL | IORING_FEAT_CQE_SKIP)

int coro__ring_open(struct coro__ring *ring)
{
    struct io_uring_params params = {
        .flags = NEEDED_SETUP | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETIONS,
    };
    const int saved_errno = errno;
    int rc = io_uring_queue_init_params(REQUESTS, &ring->ring, &params);
    if (rc == 0 && (params.features & NEEDED_FEATURES) != NEEDED_FEATURES) {
        io_uring_queue_exit(&ring->ring);
        rc = -EOPNOTSUPP;
    }
    if (rc == 0)
        io_uring_register_ring_fd(&ring->ring); /* or each call looks it up */
    errno = saved_errno;
    return rc == -EINVAL ? -EOPNOTSUPP : rc;
}

void coro__ring_close(struct coro__ring *ring)
{
    io_uring_queue_exit(&ring->ring);
}

static bool has_flags(const struct coro__ring *ring, unsigned flags)
{
    return IO_URING_READ_ONCE(*ring->ring.sq.kflags) & flags;
}

bool coro__ring_idle(const struct coro__ring *ring)
{
    return coro__ring_pending(ring) == 0 &&
           !has_flags(ring, IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

bool coro__ring_overflown(const struct coro__ring *ring)
{
    return has_flags(ring, IORING_SQ_CQ_OVERFLOW);
}

static void go_on(struct coro__ring *ring)
{
    if (!coro__ring_idle(ring))
        io_uring_submit_and_get_events(&ring->ring);
}

static void sleep_in_ring(struct coro__ring *ring, coro_duration limit)
{
    struct __kernel_timespec time = {.tv_sec = limit / CORO_SECOND, .tv_nsec = limit % CORO_SECOND};
    struct io_uring_cqe *completion;
    io_uring_submit_and_wait_timeout(&ring->ring, &completion, 1,
                                     limit == CORO_FOREVER ? NULL : &time, NULL);
}

/* Valgrind runs one thread at a time, and lets no other run while one sleeps in a ring. */
static void sleep_beside_ring(struct coro__ring *ring, coro_duration limit)
{
    int rc = 0;
    go_on(ring);
    while (rc == 0 && limit > 0 && io_uring_cq_ready(&ring->ring) == 0) {
        const coro_duration nap = limit < MOST_NAP ? limit : MOST_NAP;
        rc = nanosleep(&(struct timespec){.tv_nsec = (long)nap}, NULL);
        limit -= nap;
        go_on(ring);
    }
}

void coro__ring_enter(struct coro__ring *ring, coro_duration limit)
{
    const int saved_errno = errno;
    if (limit == 0)
        go_on(ring);
    else if (coro__valgrind_runs())
        sleep_beside_ring(ring, limit);
    else
        sleep_in_ring(ring, limit);
    errno = saved_errno;
}
