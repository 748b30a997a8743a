/* SPDX-License-Identifier: MIT */
/* Waits for fds, by tasks and by callbacks. */
#include "io/io.h"

/* --- Tasks ------------------------------------------------------------------------------------ */
void coro__fd_abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    coro__waiter_remove(coro__waiting_waiter(wait));
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
            coro__io_verify_later(io, fd);
        return 0;
    }
    const int rc = backend->watch(io->backend, fd, directions);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    if (CORO__UNLIKELY(rc & CORO__NEW) && fd->watched) /* it is another file */
        coro__fd_reset(fd);
    fd->watched = (uint8_t)(rc & ~CORO__NEW);
    if (backend->calls) /* it asks the kernel at each wait, but only then */
        coro__io_verify_later(io, fd);
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

CORO__INLINE void begin(struct coro__io *io, struct coro__waiter **list,
                        struct coro__waiting *waiting, const struct coro__wait_kind *kind)
{
    io->calls = 0;
    coro__wait_init(&waiting->wait, kind, coro__caller());
    coro__waiter_enter(list, &waiting->waiter, &waiting->wait);
    coro__loop_begin_fd_wait(io->loop);
}

CORO__INLINE int park(struct coro__io *io, struct coro__waiter **list,
                      const struct coro__wait_kind *kind)
{
    struct coro__waiting waiting;
    begin(io, list, &waiting, kind);
    const int rc = coro__park(&io->loop->ready, &waiting.wait);
    coro__fd_abandon(&io->loop->ready, &waiting.wait);
    return rc;
}

/* For reading, and in the list for writing as well. */
struct waiting_in_both {
    struct coro__waiting waiting;
    struct coro__waiter second;
    const struct coro__wait_kind *kind; /* that was asked for: the wait's own is one for both */
};

static void abandon_both(struct coro__ready *ready, struct coro__wait *wait)
{
    struct waiting_in_both *both = CORO__CONTAINER_OF(wait, struct waiting_in_both, waiting.wait);
    coro__waiter_remove(&both->second);
    wait->kind = both->kind;
    both->kind->abandon(ready, wait);
}

static __attribute__((noinline)) int park_in_both(struct coro__io *io, struct coro__fd *fd,
                                                  const struct coro__wait_kind *of)
{
    const struct coro__wait_kind kind = {.name = of->name, .abandon = abandon_both};
    struct waiting_in_both both = {.kind = of};
    begin(io, &fd->waiters[0], &both.waiting, &kind);
    coro__waiter_enter(&fd->waiters[1], &both.second, &both.waiting.wait);
    const int rc = coro__park(&io->loop->ready, &both.waiting.wait);
    coro__waiter_remove(&both.second);
    coro__fd_abandon(&io->loop->ready, &both.waiting.wait);
    return rc;
}

int coro__io_wait(struct coro__io *io, struct coro__fd *fd, unsigned directions,
                  const struct coro__wait_kind *kind)
{
    const struct coro__backend_calls *calls = io->backend->kind->calls;
    if (calls && calls->make_room(io->backend))
        return 0;
    int rc = watch(io, fd, directions);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    rc = CORO__UNLIKELY((directions & CORO__BOTH) == CORO__BOTH)
             ? park_in_both(io, fd, kind)
             : park(io, &fd->waiters[!(directions & CORO__READ)], kind);
    if (calls)
        unwatch(io, fd, directions, rc);
    return rc;
}

/* --- Callbacks -------------------------------------------------------------------------------- */
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
    coro__io_run_listener(ready, &listener->waiter, 0);
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
        coro__io_run_listener(ready, &listener->waiter, 0);
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
