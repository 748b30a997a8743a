/* SPDX-License-Identifier: MIT */
/*
 * The I/O of a loop: what is known of each fd, the back end that watches them, and the waits.
 *
 * For each direction of an fd it is remembered whether a call may go through. A call that would
 * block clears that, and so does one that took less than it could (fd.h); a report sets it. While
 * it is clear a call parks without asking the kernel. It is never clear while the kernel has
 * something and will not report it: all that clears it comes before a look of the kernel's own,
 * when the fd is first watched, or before a change, which is reported.
 *
 * That rests on what is remembered being about this file. coro_close() and all that makes an fd see
 * to it; for fds that were closed in other ways, waits that parked on what was remembered are
 * verified once they have lasted for a while.
 */
#ifndef CORO_IO_IO_H
#define CORO_IO_IO_H

#include "coro/task.h"
#include "io/backend.h"
#include "io/fd.h"
#include "task/current.h"

/* Calls of one task, none of which has to wait, before it lets others run. */
enum { CORO__MOST_CALLS = 64 };

struct coro__io {
    struct coro__poller poller; /* the first member: loop->poller */
    struct coro__loop *loop;
    struct coro__backend *backend;
    struct coro__fds fds;
    struct coro__fd *unverified; /* linked through next_unverified */
    coro_time last_check;
    uint32_t checks;         /* so far */
    const coro_task *caller; /* of the last call */
    unsigned calls;          /* that it has made without a wait */
};

/* A callback that waits for an fd, as a task would, and keeps nobody from a deadlock. It has a
 * place on the ready queue while it listens. */
struct coro__listener {
    struct coro__wait wait; /* nobody's: it is woken by running the callback */
    struct coro__waiter waiter;
    void (*run)(struct coro__listener *listener, int status);
};

/* The I/O of this thread's loop; NULL if there is none yet, or no loop. */
static inline struct coro__io *coro__io_here(void)
{
    struct coro__ready *ready = coro__ready_here;
    struct coro__poller *poller = ready ? coro__loop_of(ready)->poller : NULL;
    return poller ? CORO__CONTAINER_OF(poller, struct coro__io, poller) : NULL;
}

/* Begins the first call of a loop. */
CORO__COLD int coro__io_begin_first(struct coro__io **io);

/* Begins a call by a task: 0 with the loop's I/O in *io; -EPERM, -ENOMEM, or, as it lets others run
 * first after many calls without a wait, -ECANCELED. */
CORO__INLINE int coro__io_begin(struct coro__io **begun)
{
    struct coro__ready *ready = coro__ready_here;
    const coro_task *caller = coro__ready_current(ready);
    if (CORO__UNLIKELY(!caller))
        return -EPERM;
    struct coro__poller *poller = coro__loop_of(ready)->poller;
    if (CORO__UNLIKELY(!poller))
        return coro__io_begin_first(begun);
    struct coro__io *io = *begun = CORO__CONTAINER_OF(poller, struct coro__io, poller);
    if (CORO__LIKELY(io->caller != caller)) {
        io->caller = caller;
        io->calls = 0;
    } else if (CORO__UNLIKELY(++io->calls == CORO__MOST_CALLS)) {
        io->calls = 0;
        return coro_yield();
    }
    return 0;
}

/* Finds out what an fd is. */
CORO__COLD int coro__io_identify(struct coro__io *io, int number, struct coro__fd **fd);

/* What is known of an fd, which is found out at its first use. 0, -EBADF or -ENOMEM. */
CORO__INLINE int coro__io_find(struct coro__io *io, int number, struct coro__fd **fd)
{
    *fd = coro__fds_find(&io->fds, number);
    return CORO__LIKELY(*fd && coro__fd_is_known(*fd)) ? 0 : coro__io_identify(io, number, fd);
}

/* Parks the caller until something happens in one of these directions, beside which CORO__RECEIVE
 * or CORO__ACCEPT may be; may return early. 0, -ECANCELED, -EBADF if it is closed meanwhile,
 * -EPERM if it can never block, or a negative errno of the system's. */
int coro__io_wait(struct coro__io *io, struct coro__fd *fd, unsigned directions,
                  const struct coro__wait_kind *kind);

/* For the kinds of such waits. */
void coro__fd_abandon(struct coro__ready *ready, struct coro__wait *wait);

/* Runs the callback once, in a later pass, when a call may go through in this direction (as of
 * coro__io_wait()): with 0, or with -EBADF if the fd is closed. 0, or an error as of
 * coro__io_wait(), and then it is not run. */
int coro__io_listen(struct coro__io *io, struct coro__fd *fd, unsigned direction,
                    struct coro__listener *listener,
                    void (*run)(struct coro__listener *listener, int status));

/* Has such a callback run in the next pass, whatever happens to an fd. 0, or -ENOMEM. */
int coro__io_run_soon(struct coro__io *io, struct coro__listener *listener,
                      void (*run)(struct coro__listener *listener, int status));

/* Takes back a callback that has not run. */
void coro__io_unlisten(struct coro__io *io, struct coro__listener *listener);

/* A listener's waiter, out of the list: its callback is queued. */
void coro__io_run_listener(struct coro__ready *ready, struct coro__waiter *waiter, int status);

/* A wait has begun that rests on what is remembered of the fd. */
void coro__io_verify_later(struct coro__io *io, struct coro__fd *fd);

/* For back ends: what has happened, as bits. */
void coro__io_report(struct coro__io *io, struct coro__fd *fd, unsigned bits);

/* The file of an fd is gone, or about to go: nothing of it is remembered, and its waiters get the
 * status. */
void coro__io_forget(struct coro__io *io, struct coro__fd *fd, int status);

/* coro_close() of an fd that this loop, which need not run now, or none knows. */
int coro__io_close(struct coro__io *io, int number);

/* An fd was made by the library, close-on-exec and non-blocking. */
void coro__io_made(int number, enum coro__fd_type type);

#endif
