/* SPDX-License-Identifier: MIT */
/*
 * The back end for io_uring: what its parts share.
 *
 * Fds are watched by polls of a single shot, which are cancelled when nobody waits any more: a
 * request in the ring holds its file open. The exceptions are streams that tasks receive from and
 * listeners: at the second wait in a row the ring is told to go on receiving, or accepting, ahead
 * of the calls (io_uring_ahead.c). Sends are gathered while other tasks run (io_uring_send.c), and
 * so are calls on files (io_uring_file.c).
 *
 * The kernel works for the ring only when it is entered, and what has completed is then taken out
 * at once. So a system call on a socket finds what comes behind that which is held, and a request
 * that has not been submitted has not begun.
 */
#ifndef CORO_IO_IO_URING_H
#define CORO_IO_IO_URING_H

#include "io/io.h"
#include "io/io_uring_buffers.h"
#include "io/send.h"

/* Of a request, the lowest bits of its user_data. Above them: for a send and a call on a file its
 * address, for others a serial number and the fd's number. */
enum coro__uring_tag {
    CORO__URING_NOTHING, /* what comes of it is of no interest */
    CORO__URING_WAKE_UP, /* the inbox's eventfd, which is never read */
    CORO__URING_POLL_READ,
    CORO__URING_POLL_WRITE,
    CORO__URING_RECEIVE,
    CORO__URING_ACCEPT,
    CORO__URING_SEND,
    CORO__URING_FILE,
    CORO__URING_TAGS,
};

/* The requests of an fd that can be in the ring at a time. */
enum {
    CORO__URING_READ_SLOT,
    CORO__URING_WRITE_SLOT,
    CORO__URING_AHEAD_SLOT,
    CORO__URING_SLOTS,
};

struct coro__uring_fd {
    struct coro__uring_fd *next; /* of all */
    struct coro__fd *fd;
    uint64_t requests[CORO__URING_SLOTS]; /* user_data; 0 is none */
    struct coro__list sends;              /* queued, in their order */
    uint64_t file;                        /* valid while ahead: its inode, which is its own */
    struct coro__held held;
    unsigned char waits;    /* in a row that would gain by going ahead */
    unsigned char patience; /* how many there have to be; 0 is the first number */
    bool urgent;            /* the poll for reading is for urgent data as well */
    bool stopping;          /* what goes ahead has been cancelled */
    bool cancelled;         /* a request was, which may still be in the ring */
    int error;              /* that has come behind what is held; 0 is none */
    /* Connections that were accepted ahead, from `taken` to `accepted`. */
    int *connections;
    unsigned taken, accepted, capacity;
};

struct coro__uring {
    struct coro__backend backend;
    struct coro__io *io;
    int wake_fd;
    struct coro__ring ring;
    struct coro__buffers buffers;
    struct coro__uring_fd *fds;
    uint32_t serial; /* of the last request */
    bool closing;
};

static inline struct coro__uring *coro__uring_of(struct coro__backend *backend)
{
    return CORO__CONTAINER_OF(backend, struct coro__uring, backend);
}

static inline struct coro__uring_fd *coro__uring_fd_of(const struct coro__fd *fd)
{
    return fd->own;
}

/* The next request; if there is no room, what is pending is submitted first, and what has completed
 * reported. */
struct io_uring_sqe *coro__uring_request(struct coro__uring *uring);

/* Names a request on an fd, and remembers it in its slot. */
void coro__uring_name(struct coro__uring *uring, struct coro__fd *fd, struct io_uring_sqe *request,
                      unsigned slot, enum coro__uring_tag tag);

/* Has a request be cancelled. What comes of it counts no more, unless it is `awaited`. */
void coro__uring_cancel(struct coro__uring *uring, struct coro__uring_fd *own, unsigned slot,
                        bool awaited);

/* The same for a request that is on no fd's list. */
void coro__uring_cancel_request(struct coro__uring *uring, uint64_t name);

/* One that the kernel has not taken will do nothing. */
void coro__uring_take_back(struct io_uring_sqe *request);

/* Submits, lets the kernel work and reports what has completed. */
void coro__uring_enter(struct coro__uring *uring, coro_duration limit);

/* Has all be done that the kernel can do, the cancels before it among that. */
void coro__uring_finish(struct coro__uring *uring);

/* --- Watching --------------------------------------------------------------------------------- */
/* What the back end knows of an fd, which is made at the first use; NULL without memory. */
struct coro__uring_fd *coro__uring_find(struct coro__uring *uring, struct coro__fd *fd);

/* A poll of one direction has completed. If it has failed, who waits tries again. */
void coro__uring_polled(struct coro__uring *uring, struct coro__fd *fd, unsigned slot,
                        const struct io_uring_cqe *completion);

/* See struct coro__backend_kind, and _calls. */
int coro__uring_watch(struct coro__backend *backend, struct coro__fd *fd, unsigned directions);
void coro__uring_unwatch(struct coro__backend *backend, struct coro__fd *fd, unsigned directions);
void coro__uring_forget(struct coro__backend *backend, struct coro__fd *fd);
int coro__uring_verify(struct coro__backend *backend, struct coro__fd *fd);

/* --- Ahead ------------------------------------------------------------------------------------ */
/* A task is to wait for reading: true if the wait is for what goes ahead, as it does from now on or
 * did before. Where the task does something else with the fd, that ends. */
bool coro__uring_go_ahead(struct coro__uring *uring, struct coro__fd *fd, unsigned directions);

/* It ends for now; what comes until then is taken. */
void coro__uring_stop_ahead(struct coro__uring *uring, struct coro__uring_fd *own);

/* A receive or an accept has completed. */
void coro__uring_received(struct coro__uring *uring, struct coro__fd *fd,
                          const struct io_uring_cqe *completion);
void coro__uring_accepted(struct coro__uring *uring, struct coro__fd *fd,
                          const struct io_uring_cqe *completion);

/* Whether what goes ahead is still the file of this number. */
bool coro__uring_same_file(const struct coro__fd *fd);

/* What was taken goes. */
void coro__uring_drop_ahead(struct coro__uring *uring, struct coro__fd *fd);

/* See struct coro__backend_calls. */
bool coro__uring_take_bytes(struct coro__backend *backend, struct coro__fd *fd,
                            const struct msghdr *into, int flags, ssize_t *result);
int coro__uring_take_connection(struct coro__backend *backend, struct coro__fd *fd);

/* --- Sends ------------------------------------------------------------------------------------ */
bool coro__uring_send(struct coro__backend *backend, struct coro__fd *fd, struct coro__send *send);
void coro__uring_unsend(struct coro__backend *backend, struct coro__send *send);
void coro__uring_sent(struct coro__send *send, ssize_t result);

/* --- Calls on files --------------------------------------------------------------------------- */
struct coro__uring_file;

bool coro__uring_make_file_call(struct coro__backend *backend, struct coro__file_call *call,
                                ssize_t *rc);
void coro__uring_made(struct coro__uring_file *file, ssize_t result);

#endif
