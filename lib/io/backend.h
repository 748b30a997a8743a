/* SPDX-License-Identifier: MIT */
/*
 * Back ends of the poller: how the kernel is asked what has happened to fds. A file each,
 * backend_NAME.c; configure chooses which there are (CORO_BACKENDS), the best one first.
 *
 * A back end watches an fd from the first wait in a direction on, and reports with
 * coro__io_report(). One that keeps watching until the fd is closed, and reports only changes, says
 * so (edge_triggered): its registrations are verified now and then, as an fd may be closed, and its
 * number given away, without anybody telling the library. Any other one reports a direction once,
 * and is then told to watch again.
 */
#ifndef CORO_IO_BACKEND_H
#define CORO_IO_BACKEND_H

#include "config.h"
#include "coro/base.h"

struct coro__backend;
struct coro__fd;
struct coro__io;

/* Bits: directions, and what is reported beside them. */
enum {
    CORO__READ = 1,  /* a call that reads, or accepts, may go through */
    CORO__WRITE = 2, /* a call that writes, or connects, may go through */
    CORO__BOTH = CORO__READ | CORO__WRITE,
    CORO__EXCEPTION = 4, /* hang-up by either side, error, or urgent data */
    CORO__CLOSED = 8,    /* there is no such fd */
};

struct coro__backend_kind {
    const char *name;
    bool edge_triggered;
    /* 0 with *backend, or a negative errno. wake_fd ends the sleep of wait(). */
    int (*open)(struct coro__io *io, int wake_fd, struct coro__backend **backend);
    void (*close)(struct coro__backend *backend);
    /* Watches the fd in these directions, those of fd->watched included. 1 if it was not watched
     * before, although fd->watched may have said so: the number is another file's now. 0 if it was.
     * -EPERM where calls never block, as for a regular file; or another negative errno. */
    int (*watch)(struct coro__backend *backend, struct coro__fd *fd, unsigned directions);
    /* The fd, which is watched, is about to be closed, or has been. */
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

/* All that there are, up to a NULL, the best one first. */
extern const struct coro__backend_kind *const coro__backends[];

#endif
