/* SPDX-License-Identifier: MIT */
#include "io/file_call.h"
#include "coro/thread.h"
#include "io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t call_system(const struct coro__file_call *call)
{
    switch (call->kind) {
    case CORO__FILE_OPEN:
        return open(call->path, call->flags, call->mode);
    case CORO__FILE_CLOSE:
        return close(call->fd);
    case CORO__FILE_READ:
        return preadv(call->fd, call->parts, call->count, call->offset);
    case CORO__FILE_WRITE:
        return pwritev(call->fd, call->parts, call->count, call->offset);
    case CORO__FILE_SYNC:
        return fsync(call->fd);
    case CORO__FILE_SYNC_DATA:
        return fdatasync(call->fd);
    case CORO__FILE_TRUNCATE:
        return ftruncate(call->fd, call->offset);
    case CORO__FILE_STATUS_OF_FD:
        return fstat(call->fd, call->status);
    case CORO__FILE_STATUS:
        return stat(call->path, call->status);
    case CORO__FILE_STATUS_OF_LINK:
        return lstat(call->path, call->status);
    case CORO__FILE_UNLINK:
        return unlink(call->path);
    case CORO__FILE_RENAME:
        return rename(call->path, call->to);
    case CORO__FILE_MAKE_FOLDER:
        return mkdir(call->path, call->mode);
    case CORO__FILE_REMOVE_FOLDER:
        return rmdir(call->path);
    }
    errno = ENOSYS;
    return -1;
}

static int make(void *arg)
{
    struct coro__file_call *call = arg;
    const ssize_t rc = call_system(call);
    call->result = rc < 0 ? -errno : rc;
    call->made = true;
    return 0;
}

static ssize_t make_in_thread(struct coro__file_call *call)
{
    const coro_thread_options options = {.wait_on_cancel = true};
    const int rc = coro_to_thread_with(&options, make, call);
    return rc < 0 ? rc : call->result;
}

/* The caller's back end, if it makes such calls; NULL if not. */
static struct coro__backend *backend_here(void)
{
    struct coro__io *io = coro__io_here();
    if (!io && coro__io_begin_first(&io) < 0)
        return NULL;
    const struct coro__backend_calls *calls = io->backend->kind->calls;
    return calls ? io->backend : NULL;
}

ssize_t coro__file_make(struct coro__file_call *call)
{
    ssize_t rc;
    if (!coro__caller())
        return -EPERM;
    struct coro__backend *backend = backend_here();
    if (backend && backend->kind->calls->make_file_call(backend, call, &rc))
        return rc;
    return make_in_thread(call);
}
