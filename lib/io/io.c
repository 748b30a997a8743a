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
static void run_listener(struct coro__ready *ready, struct coro__waiter *waiter, int status)
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
            run_listener(ready, waiter, status);
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
static void verify_later(struct coro__io *io, struct coro__fd *fd)
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
    if (coro__loop_anything_ready(io->loop))
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

/* --- Waiting ---------------------------------------------------------------------------------- */
static struct coro__fd_wait *fd_wait_of(struct coro__wait *wait)
{
    return CORO__CONTAINER_OF(wait, struct coro__fd_wait, wait);
}

void coro__fd_abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    struct coro__fd_wait *parked = fd_wait_of(wait);
    coro__waiter_remove(&parked->waiter);
    if (parked->both)
        coro__waiter_remove(&parked->second);
    coro__loop_end_fd_wait(coro__loop_of(ready));
}

/* Whether who waits for these is woken without anything being asked for. */
static bool covered(const struct coro__fd *fd, unsigned directions)
{
    if (directions & (CORO__RECEIVE | CORO__ACCEPT) && fd->watched & CORO__AHEAD)
        return true;
    return !(directions & (CORO__BOTH | CORO__EXCEPTION) & ~(unsigned)fd->watched);
}

static int watch(struct coro__io *io, struct coro__fd *fd, unsigned directions)
{
    const struct coro__backend_kind *backend = io->backend->kind;
    if (covered(fd, directions)) {
        if (backend->remembers)
            verify_later(io, fd);
        return 0;
    }
    const int rc = backend->watch(io->backend, fd, directions);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    if (CORO__UNLIKELY(rc & CORO__NEW) && fd->watched) /* it is another file */
        coro__fd_reset(fd);
    fd->watched = (uint8_t)(rc & ~CORO__NEW);
    if (backend->calls) /* it asks the kernel at each wait, but only then */
        verify_later(io, fd);
    return 0;
}

/* After a wait: what nobody waits for any more need not be watched. What is taken ahead goes on,
 * but for connections that nobody wants now. */
static void unwatch(struct coro__io *io, struct coro__fd *fd, unsigned directions, int rc)
{
    unsigned unwanted = rc < 0 && directions & CORO__ACCEPT ? CORO__AHEAD : 0;
    for (int i = 0; i < CORO__FD_DIRECTIONS; i++)
        if (!fd->waiters[i])
            unwanted |= 1u << i;
    if (fd->waiters[0])
        unwanted &= ~(unsigned)CORO__AHEAD;
    else
        unwanted |= CORO__EXCEPTION;
    if (unwanted & fd->watched)
        io->backend->kind->calls->unwatch(io->backend, fd, unwanted & fd->watched);
}

int coro__io_wait(struct coro__io *io, struct coro__fd *fd, unsigned directions,
                  const struct coro__wait_kind *wait_kind)
{
    struct coro__loop *loop = io->loop;
    const struct coro__backend_calls *calls = io->backend->kind->calls;
    struct coro__fd_wait parked;
    if (calls && calls->make_room(io->backend))
        return 0;
    int rc = watch(io, fd, directions);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    io->calls = 0;
    coro__wait_init(&parked.wait, wait_kind, coro__caller());
    coro__waiter_enter(&fd->waiters[!(directions & CORO__READ)], &parked.waiter, &parked.wait);
    parked.both = (directions & CORO__BOTH) == CORO__BOTH;
    if (parked.both)
        coro__waiter_enter(&fd->waiters[1], &parked.second, &parked.wait);
    coro__loop_begin_fd_wait(loop);
    rc = coro__park(&loop->ready, &parked.wait);
    coro__fd_abandon(&loop->ready, &parked.wait);
    if (calls)
        unwatch(io, fd, directions, rc);
    return rc;
}

/* --- Listening -------------------------------------------------------------------------------- */
static void end_listening(struct coro__loop *loop)
{
    coro__ready_unreserve(&loop->ready, 1);
    coro__loop_end_listening(loop);
}

static void on_report(struct coro__ready *ready, struct coro__callback *callback)
{
    struct coro__listener *listener =
        CORO__CONTAINER_OF(callback, struct coro__listener, wait.callback);
    end_listening(coro__loop_of(ready));
    listener->run(listener, listener->wait.status);
}

/* With its place reserved. */
static void begin_listening(struct coro__loop *loop, struct coro__listener *listener,
                            void (*run)(struct coro__listener *listener, int status))
{
    static const struct coro__wait_kind nobody = {.name = "listener"};
    coro__wait_init(&listener->wait, &nobody, NULL);
    coro__callback_init(&listener->wait.callback, on_report);
    listener->run = run;
    coro__waiter_init(&listener->waiter, &listener->wait);
    coro__loop_begin_listening(loop);
}

int coro__io_run_soon(struct coro__io *io, struct coro__listener *listener,
                      void (*run)(struct coro__listener *listener, int status))
{
    struct coro__ready *ready = &io->loop->ready;
    if (coro__ready_reserve(ready, 1) < 0)
        return -ENOMEM;
    begin_listening(io->loop, listener, run);
    run_listener(ready, &listener->waiter, 0);
    return 0;
}

int coro__io_listen(struct coro__io *io, struct coro__fd *fd, unsigned direction,
                    struct coro__listener *listener,
                    void (*run)(struct coro__listener *listener, int status))
{
    struct coro__ready *ready = &io->loop->ready;
    const struct coro__backend_calls *calls = io->backend->kind->calls;
    if (coro__ready_reserve(ready, 1) < 0)
        return -ENOMEM;
    if (calls)
        calls->make_room(io->backend);
    const bool was_covered = covered(fd, direction);
    const int rc = watch(io, fd, direction);
    if (rc < 0) {
        coro__ready_unreserve(ready, 1);
        return rc;
    }
    begin_listening(io->loop, listener, run);
    /* What has been reported and is still there is not reported again. */
    if (was_covered && fd->ready & direction)
        run_listener(ready, &listener->waiter, 0);
    else
        coro__waiter_push(&fd->waiters[direction == CORO__WRITE], &listener->waiter);
    return 0;
}

void coro__io_unlisten(struct coro__io *io, struct coro__listener *listener)
{
    coro__waiter_remove(&listener->waiter);
    coro__callback_cancel(&io->loop->ready, &listener->wait.callback);
    end_listening(io->loop);
}
