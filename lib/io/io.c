/* SPDX-License-Identifier: MIT */
#include "io/io.h"
#include "util/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* Checks that a wait sees before it is verified: the second comes after at least one interval.
     */
    CHECKS_BEFORE = 2,
};

/* Between two checks of the waits that parked on what was remembered. */
#define CHECK_EVERY (100 * CORO_MILLISECOND)

static struct coro__io *io_of(struct coro__poller *poller)
{
    return CORO__CONTAINER_OF(poller, struct coro__io, poller);
}

/* --- Reports ---------------------------------------------------------------------------------- */
void coro__io_run_listener(struct coro__ready *ready, struct coro__waiter *waiter, int status)
{
    waiter->wait->status = status;
    coro__ready_push_callback(ready, &waiter->wait->callback);
}

static void wake_all(struct coro__ready *ready, struct coro__waiter **waiters, int status)
{
    while (*waiters) {
        struct coro__waiter *waiter = *waiters;
        coro__waiter_remove(waiter);
        if (waiter->wait->task)
            waiter->granted = coro__wake(ready, waiter->wait, status);
        else
            coro__io_run_listener(ready, waiter, status);
    }
}

static void wake(struct coro__io *io, struct coro__fd *fd, unsigned directions, int status)
{
    for (int i = 0; i < CORO__FD_DIRECTIONS; i++)
        if (directions & (1u << i))
            wake_all(&io->loop->ready, &fd->waiters[i], status);
}

void coro__io_report(struct coro__io *io, struct coro__fd *fd, unsigned bits)
{
    if (bits & CORO__CLOSED) {
        coro__io_forget(io, fd, -EBADF);
        return;
    }
    const unsigned directions = bits & CORO__BOTH;
    fd->ready |= (uint8_t)directions;
    if (bits & CORO__EXCEPTION)
        fd->exceptional = true;
    wake(io, fd, directions, 0);
}

void coro__io_forget(struct coro__io *io, struct coro__fd *fd, int status)
{
    if (fd->watched || fd->own)
        io->backend->kind->forget(io->backend, fd);
    coro__fd_reset(fd);
    fd->generation++;
    wake(io, fd, CORO__BOTH, status);
}

/* --- Verifying -------------------------------------------------------------------------------- */
void coro__io_verify_later(struct coro__io *io, struct coro__fd *fd)
{
    if (!coro__fd_awaited(fd) || !fd->unverified)
        fd->parked_at = io->checks;
    if (fd->unverified)
        return;
    fd->unverified = true;
    fd->next_unverified = io->unverified;
    io->unverified = fd;
}

/* Whether the fd is still watched; if not, its waiters look at what it is now. */
static void verify(struct coro__io *io, struct coro__fd *fd)
{
    const struct coro__backend_kind *kind = io->backend->kind;
    const int rc = kind->calls ? kind->calls->verify(io->backend, fd)
                               : kind->watch(io->backend, fd, fd->watched);
    if (rc >= 0 && !(rc & CORO__NEW))
        return;
    if (rc == -EBADF) {
        fd->watched = 0;
        coro__io_forget(io, fd, -EBADF);
        return;
    }
    coro__fd_reset(fd);
    fd->watched = rc < 0 ? 0 : (uint8_t)(rc & ~CORO__NEW);
    wake(io, fd, CORO__BOTH, 0);
}

static bool is_due(const struct coro__io *io, const struct coro__fd *fd)
{
    return io->checks - fd->parked_at >= CHECKS_BEFORE;
}

/* Takes those out of the list that nobody waits for any more, and verifies those that are due, or
 * all. */
static void check(struct coro__io *io, bool all)
{
    struct coro__fd **link = &io->unverified;
    while (*link) {
        struct coro__fd *fd = *link;
        if (coro__fd_awaited(fd) && !all && !is_due(io, fd)) {
            link = &fd->next_unverified;
            continue;
        }
        *link = fd->next_unverified;
        fd->unverified = false;
        if (coro__fd_awaited(fd))
            verify(io, fd);
    }
}

static void verify_all(struct coro__poller *poller)
{
    struct coro__io *io = io_of(poller);
    check(io, true);
    if (io->backend->kind->calls)
        io->backend->kind->calls->submit(io->backend);
}

/* --- Polling ---------------------------------------------------------------------------------- */
/* Verifies what has to be; returns how long to sleep instead of this long. */
static coro_duration check_in_time(struct coro__io *io, coro_time now, coro_duration limit)
{
    if (now - io->last_check >= CHECK_EVERY) {
        io->last_check = now;
        io->checks++;
        check(io, false);
    }
    if (coro__ready_any(&io->loop->ready))
        return 0;
    return io->unverified && limit > CHECK_EVERY ? CHECK_EVERY : limit;
}

static void poll_fds(struct coro__poller *poller, coro_time now, coro_duration limit,
                     bool while_shared)
{
    struct coro__io *io = io_of(poller);
    struct coro__backend *backend = io->backend;
    const int saved_errno = errno;
    if (io->unverified)
        limit = check_in_time(io, now, limit);
    const bool sleeps = limit > 0;
    if (sleeps && !coro__inbox_begin_sleep(io->loop->inbox, while_shared))
        limit = 0;
    backend->kind->wait(backend, limit);
    if (sleeps)
        coro__inbox_end_sleep(io->loop->inbox);
    errno = saved_errno;
}

/* --- The beginning and the end ---------------------------------------------------------------- */
static void destroy(struct coro__poller *poller)
{
    struct coro__io *io = io_of(poller);
    io->backend->kind->close(io->backend);
    coro__fds_destroy(&io->fds);
    free(io);
}

static const struct coro__poller_kind kind = {
    .poll = poll_fds, .verify = verify_all, .destroy = destroy};

static const struct coro__backend_kind *find_backend(const char *name)
{
    const struct coro__backend_kind *const *at = coro__backends;
    while (*at && *name && strcmp((*at)->name, name) != 0)
        at++;
    return *at;
}

static int open_backend(struct coro__io *io, const struct coro__backend_kind *backend)
{
    return backend ? backend->open(io, io->loop->inbox->wake_fd, &io->backend) : -ENOENT;
}

/* The back end that is asked for, or any other one. */
static int choose_backend(struct coro__io *io)
{
    const char *name = io->loop->poller_name;
    const struct coro__backend_kind *wanted = find_backend(name);
    const int refused = open_backend(io, wanted);
    int rc = refused;
    for (const struct coro__backend_kind *const *other = coro__backends; rc < 0 && *other; other++)
        if (*other != wanted)
            rc = open_backend(io, *other);
    if (rc == 0 && refused < 0)
        coro__log(&io->loop->ready.pool->log, CORO_LOG_POLLER_REFUSED, NULL, refused,
                  "the poller '%s' cannot be used (%s): '%s' is", wanted ? wanted->name : name,
                  coro__error_text(refused), io->backend->kind->name);
    return rc;
}

static int open_io(struct coro__loop *loop)
{
    struct coro__io *io = coro__calloc(1, sizeof *io);
    if (!io)
        return -ENOMEM;
    io->poller.kind = &kind;
    io->loop = loop;
    const int rc = choose_backend(io);
    if (rc < 0) {
        free(io);
        return rc;
    }
    loop->poller = &io->poller;
    return 0;
}

int coro__io_begin_first(struct coro__io **io)
{
    struct coro__loop *loop = coro__loop_here();
    const int rc = open_io(loop);
    if (rc == 0)
        *io = io_of(loop->poller);
    return rc;
}

/* --- Fds -------------------------------------------------------------------------------------- */
int coro__io_identify(struct coro__io *io, int number, struct coro__fd **fd)
{
    enum coro__fd_type type;
    const int rc = coro__fd_identify(number, &type);
    if (rc < 0)
        return rc;
    if (!*fd)
        *fd = coro__fds_make(&io->fds, number);
    if (!*fd)
        return -ENOMEM;
    (*fd)->type = (uint8_t)type;
    return 0;
}

void coro__io_made(int number, enum coro__fd_type type)
{
    struct coro__io *io = coro__io_here();
    if (!io)
        return;
    struct coro__fd *fd = coro__fds_make(&io->fds, number);
    if (!fd) /* it is found out later what it is */
        return;
    coro__io_forget(io, fd, -EBADF);
    fd->type = (uint8_t)type;
    fd->nonblocking = true;
}
