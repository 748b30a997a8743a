/* SPDX-License-Identifier: MIT */
/*
 * Back ends of the poller: how the kernel is asked what has happened to fds. A file each,
 * backend_NAME.c; configure chooses which there are (CORO_BACKENDS), the default first.
 *
 * A back end watches an fd from the first wait in a direction on, and reports with
 * coro__io_report(). It takes a direction out of fd->watched when it watches that no more, and is
 * told to watch again at the next wait. One where a wait may rest on what the kernel was asked
 * before says so (remembers): such waits are verified now and then, as an fd may be closed, and its
 * number given away, without anybody telling the library.
 *
 * A back end may also make calls itself (calls): it may receive and accept ahead of the calls of
 * tasks, which then get what was taken, it may gather sends, and it may make calls on files.
 */
#ifndef CORO_IO_BACKEND_H
#define CORO_IO_BACKEND_H

#include "config.h"
#include "coro/base.h"

#include <sys/socket.h>
#include <sys/types.h>

struct coro__backend;
struct coro__fd;
struct coro__io;

/* Bits: directions, and what is reported beside them. */
enum {
    CORO__READ = 1,  /* a call that reads, or accepts, may go through */
    CORO__WRITE = 2, /* a call that writes, or connects, may go through */
    CORO__BOTH = CORO__READ | CORO__WRITE,
    CORO__EXCEPTION = 4, /* hang-up by either side, error, or urgent data; beside CORO__READ, where
                          * something is to be watched: urgent data too */
    CORO__CLOSED = 8,    /* there is no such fd */
    /* Beside CORO__READ, where something is to be watched: who waits will receive from a stream, or
     * accept, and the back end may do that ahead of him. In fd->watched CORO__AHEAD: it does. */
    CORO__RECEIVE = 16,
    CORO__ACCEPT = 32,
    CORO__AHEAD = 64,
    /* Beside what is watched: it was not before, although fd->watched may have said so. The number
     * is another file's now. */
    CORO__NEW = 128,
};

struct coro__file_call;
struct coro__send;

/* What a back end does that makes calls itself. */
struct coro__backend_calls {
    /* Before a wait: true if there was no room for more requests, and something may have been
     * reported while it was made. */
    bool (*make_room)(struct coro__backend *backend);
    /* Nobody waits for these any more, of those in fd->watched. */
    void (*unwatch)(struct coro__backend *backend, struct coro__fd *fd, unsigned directions);
    /* Whether the number is still that of the file which is watched. As watch(). */
    int (*verify)(struct coro__backend *backend, struct coro__fd *fd);
    /* What was received ahead, where fd->ahead: how many bytes, or the error that came behind them.
     * False if the system is to be asked. */
    bool (*receive)(struct coro__backend *backend, struct coro__fd *fd, const struct msghdr *into,
                    int flags, ssize_t *result);
    /* A connection that was accepted ahead, where fd->ahead; or -EAGAIN. */
    int (*accept)(struct coro__backend *backend, struct coro__fd *fd);
    /* Takes a send into the queue, fd->queued, and wakes its wait when it has been made. False if
     * a system call would be cheaper. */
    bool (*send)(struct coro__backend *backend, struct coro__fd *fd, struct coro__send *send);
    /* Takes one out of the queue again. */
    void (*unsend)(struct coro__backend *backend, struct coro__send *send);
    /* Makes all sends that are queued. */
    void (*submit)(struct coro__backend *backend);
    /* Makes a call on a file as coro__file_make() does; false if it has not been made, and is to be
     * in a thread. */
    bool (*make_file_call)(struct coro__backend *backend, struct coro__file_call *call,
                           ssize_t *rc);
};

struct coro__backend_kind {
    const char *name;
    bool remembers;
    const struct coro__backend_calls *calls; /* NULL: none of its own */
    /* 0 with *backend, or a negative errno. wake_fd ends the sleep of wait(). */
    int (*open)(struct coro__io *io, int wake_fd, struct coro__backend **backend);
    void (*close)(struct coro__backend *backend);
    /* Watches the fd in these directions, besides those of fd->watched. What is watched then, maybe
     * with CORO__NEW; -EPERM where calls never block, as for a regular file; or another negative
     * errno. */
    int (*watch)(struct coro__backend *backend, struct coro__fd *fd, unsigned directions);
    /* The fd, of which the back end has something in fd->own or fd->watched, is about to be closed,
     * or has been. */
    void (*forget)(struct coro__backend *backend, struct coro__fd *fd);
    /* Sleeps until something has happened, at most for the limit (0, CORO_FOREVER), and reports it.
     * May return early. errno may change. */
    void (*wait)(struct coro__backend *backend, coro_duration limit);
};

/* The first member of what open() makes. */
struct coro__backend {
    const struct coro__backend_kind *kind;
};

extern const struct coro__backend_kind coro__epoll;
extern const struct coro__backend_kind coro__poll;
extern const struct coro__backend_kind coro__io_uring;

/* All that there are, up to a NULL, the default first. */
extern const struct coro__backend_kind *const coro__backends[];

#endif
