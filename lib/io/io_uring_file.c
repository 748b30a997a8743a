/* SPDX-License-Identifier: MIT */
/*
 * Calls on files. The kernel makes them in threads of its own (IOSQE_ASYNC), where they may wait:
 * it would try some of them at once, and on some file systems that takes as long as it takes.
 */
#include "io/file_call.h"
#include "io/io_uring.h"
#include "io/system.h"
#include "util/valgrind.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

/* A call that is in the ring. Aligned: the lowest bits of its address are the tag's. */
struct coro__uring_file {
    _Alignas(8) struct coro__file_call *call;
    struct coro__uring *uring;
    struct coro__wait wait;
    struct io_uring_sqe *request; /* valid until the kernel has taken it */
    unsigned position;            /* of that, among all */
    bool ended;
    struct statx status;
};

static void ask_for_status(struct io_uring_sqe *request, int folder, const char *path, int flags,
                           struct coro__uring_file *file)
{
    io_uring_prep_statx(request, folder, path, flags | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
                        &file->status);
}

static void fill_in(struct io_uring_sqe *request, struct coro__uring_file *file)
{
    const struct coro__file_call *call = file->call;
    const unsigned count = (unsigned)call->count;
    const uint64_t offset = (uint64_t)call->offset;
    switch (call->kind) {
    case CORO__FILE_OPEN:
        io_uring_prep_openat(request, AT_FDCWD, call->path, call->flags, call->mode);
        break;
    case CORO__FILE_READ:
        io_uring_prep_readv(request, call->fd, call->parts, count, offset);
        break;
    case CORO__FILE_WRITE:
        io_uring_prep_writev(request, call->fd, call->parts, count, offset);
        break;
    case CORO__FILE_SYNC:
        io_uring_prep_fsync(request, call->fd, 0);
        break;
    case CORO__FILE_SYNC_DATA:
        io_uring_prep_fsync(request, call->fd, IORING_FSYNC_DATASYNC);
        break;
    case CORO__FILE_STATUS_OF_FD:
        ask_for_status(request, call->fd, "", AT_EMPTY_PATH, file);
        break;
    case CORO__FILE_STATUS:
        ask_for_status(request, AT_FDCWD, call->path, 0, file);
        break;
    case CORO__FILE_STATUS_OF_LINK:
        ask_for_status(request, AT_FDCWD, call->path, AT_SYMLINK_NOFOLLOW, file);
        break;
    case CORO__FILE_UNLINK:
        io_uring_prep_unlinkat(request, AT_FDCWD, call->path, 0);
        break;
    case CORO__FILE_RENAME:
        io_uring_prep_renameat(request, AT_FDCWD, call->path, AT_FDCWD, call->to, 0);
        break;
    case CORO__FILE_MAKE_FOLDER:
        io_uring_prep_mkdirat(request, AT_FDCWD, call->path, call->mode);
        break;
    case CORO__FILE_REMOVE_FOLDER:
        io_uring_prep_unlinkat(request, AT_FDCWD, call->path, AT_REMOVEDIR);
        break;
    case CORO__FILE_CLOSE:
    case CORO__FILE_TRUNCATE:
        break; /* see can_make() */
    }
    request->flags |= IOSQE_ASYNC;
    request->user_data = (uintptr_t)file | CORO__URING_FILE;
}

/* --- Results ---------------------------------------------------------------------------------- */
static void give_status(const struct statx *from, struct stat *to)
{
    *to = (struct stat){
        .st_dev = makedev(from->stx_dev_major, from->stx_dev_minor),
        .st_rdev = makedev(from->stx_rdev_major, from->stx_rdev_minor),
        .st_ino = from->stx_ino,
        .st_mode = from->stx_mode,
        .st_nlink = from->stx_nlink,
        .st_uid = from->stx_uid,
        .st_gid = from->stx_gid,
        .st_size = (off_t)from->stx_size,
        .st_blksize = (blksize_t)from->stx_blksize,
        .st_blocks = (blkcnt_t)from->stx_blocks,
        .st_atim = {from->stx_atime.tv_sec, from->stx_atime.tv_nsec},
        .st_mtim = {from->stx_mtime.tv_sec, from->stx_mtime.tv_nsec},
        .st_ctim = {from->stx_ctime.tv_sec, from->stx_ctime.tv_nsec},
    };
}

/* Valgrind does not see what the kernel writes. */
static void note_read(const struct coro__file_call *call, size_t n)
{
    for (int i = 0; n > 0; i++) {
        const size_t part = n < call->parts[i].iov_len ? n : call->parts[i].iov_len;
        coro__valgrind_define(call->parts[i].iov_base, part);
        n -= part;
    }
}

static void hand_out(struct coro__uring_file *file)
{
    const struct coro__file_call *call = file->call;
    if (call->result < 0)
        return;
    if (call->kind == CORO__FILE_READ) {
        note_read(call, (size_t)call->result);
    } else if (call->status) {
        coro__valgrind_define(&file->status, sizeof file->status);
        give_status(&file->status, call->status);
    }
}

/* --- Ends ------------------------------------------------------------------------------------- */
static void end(struct coro__uring_file *file)
{
    struct coro__loop *loop = file->uring->io->loop;
    file->ended = true;
    coro__loop_end_fd_wait(loop);
    coro__loop_unexpect(loop);
    coro__wake(&loop->ready, &file->wait, 0);
}

/* -ECANCELED: it was not begun, as its task did not want it any more, or there was no thread. */
void coro__uring_made(struct coro__uring_file *file, ssize_t result)
{
    file->call->made = result != -ECANCELED;
    file->call->result = result;
    end(file);
}

/* Has it end without being made; or, if it has begun, soon if the kernel can. */
static void give_up(struct coro__uring_file *file)
{
    struct coro__uring *uring = file->uring;
    if (file->ended)
        return;
    if (!coro__ring_taken(&uring->ring, file->position)) {
        coro__uring_take_back(file->request);
        end(file);
    } else {
        coro__uring_cancel_request(uring, (uintptr_t)file | CORO__URING_FILE);
    }
}

/* The stack with all of this is to go. */
static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    struct coro__uring_file *file = CORO__CONTAINER_OF(wait, struct coro__uring_file, wait);
    (void)ready;
    give_up(file);
    while (!file->ended)
        coro__uring_enter(file->uring, CORO_FOREVER);
}

static const struct coro__wait_kind kind = {.name = "file", .abandon = abandon};

/* --- Making a call ---------------------------------------------------------------------------- */
static void begin(struct coro__uring_file *file)
{
    struct coro__uring *uring = file->uring;
    file->request = coro__uring_request(uring);
    file->position = coro__ring_position(&uring->ring);
    fill_in(file->request, file);
    uring->io->calls = 0;
    coro__loop_begin_fd_wait(uring->io->loop);
    coro__loop_expect(uring->io->loop);
}

/* -ECANCELED if the caller was cancelled. */
static int wait_for_end(struct coro__uring_file *file)
{
    int rc = 0;
    while (!file->ended) {
        coro__wait_init(&file->wait, &kind, coro__caller());
        if (coro__park(&file->uring->io->loop->ready, &file->wait) < 0) {
            rc = -ECANCELED;
            give_up(file);
        }
    }
    return rc;
}

/* Whether preadv(2) and pwritev(2) would begin: a request reads or writes what has no offsets, as a
 * pipe, all the same. */
static bool has_offsets(const struct coro__file_call *call)
{
    const int saved_errno = errno;
    const ssize_t rc = call->kind == CORO__FILE_READ ? preadv(call->fd, NULL, 0, call->offset)
                                                     : pwritev(call->fd, NULL, 0, call->offset);
    return coro__system_result(rc, saved_errno) == 0;
}

/* Whether a request does what the call does. That for closing does not say after a failure whether
 * the descriptor is still there; and for some of the negative ones that is the current folder. */
static bool can_make(const struct coro__file_call *call)
{
    switch (call->kind) {
    case CORO__FILE_READ:
    case CORO__FILE_WRITE:
        return has_offsets(call);
    case CORO__FILE_STATUS_OF_FD:
        return call->fd >= 0;
    case CORO__FILE_CLOSE:
    case CORO__FILE_TRUNCATE: /* only newer kernels have one */
        return false;
    default:
        return true;
    }
}

/* Whether a read or a write was refused, as its file is one of those that never block, and the
 * kernel has no way to wait for it. */
static bool is_refused(const struct coro__file_call *call)
{
    const bool transfers = call->kind == CORO__FILE_READ || call->kind == CORO__FILE_WRITE;
    return transfers && call->result == -EAGAIN;
}

bool coro__uring_make_file_call(struct coro__backend *backend, struct coro__file_call *call,
                                ssize_t *rc)
{
    struct coro__uring_file file = {.call = call, .uring = coro__uring_of(backend)};
    if (!can_make(call))
        return false;
    begin(&file);
    *rc = wait_for_end(&file);
    if (call->made && is_refused(call))
        call->made = false;
    if (call->made)
        hand_out(&file);
    if (*rc < 0)
        return true;
    *rc = call->result;
    return call->made;
}
