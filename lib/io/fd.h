/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of each fd, in a table by its number. An entry is made at the first use, stays
 * where it is and as long as the loop, and is used again when the number is.
 */
#ifndef CORO_IO_FD_H
#define CORO_IO_FD_H

#include "io/backend.h"
#include "sync/waiters.h"

#include <stdalign.h>
#include <sys/types.h>

enum coro__fd_type {
    /* To be found out at the next use: files always, as their fds are often closed otherwise. */
    CORO__FD_UNKNOWN,
    CORO__FD_FILE,
    /* What is remembered. */
    CORO__FD_OTHER,
    CORO__FD_PIPE,
    CORO__FD_SOCKET,
    CORO__FD_TCP,
};

enum { CORO__FD_DIRECTIONS = 2 };

/* One cache line: of thousands of connections each is used seldom. */
struct coro__fd {
    /* Of CORO__READ, of CORO__WRITE. */
    alignas(CORO__CACHE_LINE) struct coro__waiter *waiters[CORO__FD_DIRECTIONS];
    struct coro__fd *next_unverified;
    void *own; /* the back end's own; NULL until it needs it */
    int number;
    uint32_t generation; /* counts the files that have had the number */
    uint32_t parked_at;  /* valid while unverified: io->checks when a wait began */
    uint8_t type;
    uint8_t ready;    /* directions in which a call may go through */
    uint8_t watched;  /* what the back end watches */
    bool ahead;       /* the back end has something that was taken ahead of calls */
    bool queued;      /* it has sends that were not made yet */
    bool exceptional; /* a hang-up, an error or urgent data was reported */
    bool nonblocking; /* it has O_NONBLOCK */
    bool unverified;  /* is in that list */
};

enum { CORO__FDS_CHUNK_SHIFT = 6, CORO__FDS_CHUNK = 1 << CORO__FDS_CHUNK_SHIFT };

struct coro__fds {
    struct coro__fd **chunks;
    size_t count; /* of chunks, some of them NULL */
};

void coro__fds_destroy(struct coro__fds *fds);

/* The entry of a number, if there is one. */
CORO__INLINE struct coro__fd *coro__fds_find(const struct coro__fds *fds, int number)
{
    const size_t chunk = (unsigned)number >> CORO__FDS_CHUNK_SHIFT;
    if (CORO__UNLIKELY(chunk >= fds->count) || CORO__UNLIKELY(!fds->chunks[chunk]))
        return NULL;
    return &fds->chunks[chunk][(unsigned)number % CORO__FDS_CHUNK];
}

/* The entry of a number that is a valid fd; NULL without memory. */
struct coro__fd *coro__fds_make(struct coro__fds *fds, int number);

/* Forgets all about the file, but for who waits. */
void coro__fd_reset(struct coro__fd *fd);

/* Finds out what kind of file it is, and that it never blocks: sockets are called with a flag for
 * that, others get O_NONBLOCK. 0, or a negative errno. */
int coro__fd_identify(int number, enum coro__fd_type *type);

bool coro__fd_is_open(int number);

enum coro__fd_type coro__fd_type_of_socket(int number);

/* Gives it O_NONBLOCK, for calls without such a flag. 0, or a negative errno. */
int coro__fd_set_nonblocking(struct coro__fd *fd);

static inline bool coro__fd_is_known(const struct coro__fd *fd)
{
    return fd->type > CORO__FD_FILE;
}

static inline bool coro__fd_is_socket(const struct coro__fd *fd)
{
    return fd->type >= CORO__FD_SOCKET;
}

static inline bool coro__fd_awaited(const struct coro__fd *fd)
{
    return fd->waiters[0] || fd->waiters[1];
}

/*
 * A call has taken n of the bytes that it asked for. If that is less, the next one would block.
 *
 * When reading only TCP is like that: a Unix socket stops at passed fds, a pipe may keep packets
 * apart. And only while nothing else could have stopped the call.
 */
static inline void coro__fd_note_read(struct coro__fd *fd, ssize_t n, size_t asked)
{
    if (n > 0 && (size_t)n < asked && fd->type == CORO__FD_TCP && !fd->exceptional && !fd->ahead)
        fd->ready &= (uint8_t)~CORO__READ;
}

static inline void coro__fd_note_written(struct coro__fd *fd, ssize_t n, size_t asked)
{
    if (n > 0 && (size_t)n < asked && fd->type >= CORO__FD_PIPE && !fd->exceptional)
        fd->ready &= (uint8_t)~CORO__WRITE;
}

#endif
