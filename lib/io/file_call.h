/* SPDX-License-Identifier: MIT */
/*
 * Calls on files. The kernel makes who calls it wait for the disk, so each is made by the back end,
 * where that can do so in another way, and else in a thread.
 *
 * A call lies on the stack of its caller, who waits until it has ended, also where he is cancelled:
 * one that went on behind its caller's back could use a descriptor that has another file by then,
 * or undo what comes after it.
 */
#ifndef CORO_IO_FILE_CALL_H
#define CORO_IO_FILE_CALL_H

#include "coro/base.h"

#include <sys/types.h>

struct iovec;
struct stat;

enum coro__file_call_kind {
    CORO__FILE_OPEN,
    CORO__FILE_CLOSE,
    CORO__FILE_READ,
    CORO__FILE_WRITE,
    CORO__FILE_SYNC,
    CORO__FILE_SYNC_DATA,
    CORO__FILE_TRUNCATE,
    CORO__FILE_STATUS_OF_FD,
    CORO__FILE_STATUS,
    CORO__FILE_STATUS_OF_LINK,
    CORO__FILE_UNLINK,
    CORO__FILE_RENAME,
    CORO__FILE_MAKE_FOLDER,
    CORO__FILE_REMOVE_FOLDER,
};

/* Its arguments, as far as the kind has them. */
struct coro__file_call {
    enum coro__file_call_kind kind;
    int fd;
    const char *path;
    const char *to;
    int flags;
    mode_t mode;
    const struct iovec *parts;
    int count;
    off_t offset; /* or size */
    struct stat *status;
    bool made;      /* also for a caller who was cancelled meanwhile */
    ssize_t result; /* valid when made: what the system call returned, or its negative errno */
};

/* Makes a call by a task. Its result, or where it has none a negative errno: -ECANCELED, -EPERM,
 * -EAGAIN or -ENOMEM, as of coro_to_thread_with(). */
ssize_t coro__file_make(struct coro__file_call *call);

#endif
