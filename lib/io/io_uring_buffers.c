/* SPDX-License-Identifier: MIT */
#include "io/io_uring_buffers.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define RING_SIZE   (CORO__MOST_BUFFERS * sizeof(struct io_uring_buf))
#define MEMORY_SIZE ((size_t)CORO__MOST_BUFFERS * CORO__BUFFER_SIZE)

static char *address_of(const struct coro__buffers *buffers, unsigned number)
{
    return buffers->memory + (size_t)number * CORO__BUFFER_SIZE;
}

static void give(struct coro__buffers *buffers, unsigned number)
{
    io_uring_buf_ring_add(buffers->ring, address_of(buffers, number), CORO__BUFFER_SIZE,
                          (unsigned short)number, CORO__MOST_BUFFERS - 1, 0);
    io_uring_buf_ring_advance(buffers->ring, 1);
    buffers->kernels++;
}

/* NULL without memory. */
static void *map(size_t size)
{
    const int saved_errno = errno;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = saved_errno;
    return memory == MAP_FAILED ? NULL : memory;
}

static int setup(struct coro__buffers *buffers, struct coro__ring *ring)
{
    buffers->ring = map(RING_SIZE);
    buffers->memory = map(MEMORY_SIZE);
    if (!buffers->ring || !buffers->memory)
        return -ENOMEM;
    struct io_uring_buf_reg about = {.ring_addr = (uintptr_t)buffers->ring,
                                     .ring_entries = CORO__MOST_BUFFERS};
    const int saved_errno = errno;
    const int rc = io_uring_register_buf_ring(&ring->ring, &about, 0);
    errno = saved_errno;
    return rc == -EINVAL ? -EOPNOTSUPP : rc;
}

int coro__buffers_open(struct coro__buffers *buffers, struct coro__ring *ring)
{
    const int rc = setup(buffers, ring);
    if (rc < 0) {
        coro__buffers_close(buffers);
        return rc;
    }
    io_uring_buf_ring_init(buffers->ring);
    coro__buffers_grow(buffers);
    return 0;
}

void coro__buffers_close(struct coro__buffers *buffers)
{
    if (buffers->ring)
        munmap(buffers->ring, RING_SIZE);
    if (buffers->memory)
        munmap(buffers->memory, MEMORY_SIZE);
}

bool coro__buffers_grow(struct coro__buffers *buffers)
{
    const unsigned count = buffers->count ? buffers->count * 2 : CORO__BUFFERS_AT_FIRST;
    if (count > CORO__MOST_BUFFERS)
        return false;
    while (buffers->count < count)
        give(buffers, buffers->count++);
    return true;
}

void coro__held_push(struct coro__buffers *buffers, struct coro__held *held, unsigned number,
                     size_t n)
{
    buffers->kernels--;
    if (n == 0) {
        give(buffers, number);
        return;
    }
    buffers->about[number].from = 0;
    buffers->about[number].to = (uint16_t)n;
    if (held->count++ == 0)
        held->first = (uint16_t)number;
    else
        buffers->about[held->last].next = (uint16_t)number;
    held->last = (uint16_t)number;
}

static void pop(struct coro__buffers *buffers, struct coro__held *held)
{
    const unsigned number = held->first;
    held->first = buffers->about[number].next;
    held->count--;
    give(buffers, number);
}

static size_t copy(const struct msghdr *into, const char *bytes, size_t n, bool only_count)
{
    size_t done = 0;
    for (size_t i = 0; i < into->msg_iovlen && done < n; i++) {
        const size_t room = into->msg_iov[i].iov_len;
        const size_t part = room < n - done ? room : n - done;
        if (part > 0 && !only_count)
            memcpy(into->msg_iov[i].iov_base, bytes + done, part);
        done += part;
    }
    return done;
}

size_t coro__held_take(struct coro__buffers *buffers, struct coro__held *held,
                       const struct msghdr *into, int flags)
{
    const unsigned number = held->first;
    const uint16_t from = buffers->about[number].from, to = buffers->about[number].to;
    const size_t n = copy(into, address_of(buffers, number) + from, (size_t)(to - from),
                          (flags & MSG_TRUNC) != 0);
    if (flags & MSG_PEEK)
        return n;
    buffers->about[number].from = (uint16_t)(from + n);
    if (buffers->about[number].from == to)
        pop(buffers, held);
    return n;
}

void coro__held_drop(struct coro__buffers *buffers, struct coro__held *held)
{
    while (held->count > 0)
        pop(buffers, held);
}
