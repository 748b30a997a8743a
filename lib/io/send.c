/* SPDX-License-Identifier: MIT */
#include "io/send.h"

static void take_back(struct coro__send *send)
{
    struct coro__backend *backend = send->io->backend;
    if (send->request)
        backend->kind->calls->unsend(backend, send);
}

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    take_back(CORO__CONTAINER_OF(wait, struct coro__send, wait));
    coro__loop_end_fd_wait(coro__loop_of(ready));
}

static const struct coro__wait_kind kind = {.name = "send", .abandon = abandon};

bool coro__send_queued(struct coro__io *io, struct coro__fd *fd, struct coro__send *send,
                       ssize_t *result)
{
    struct coro__backend *backend = io->backend;
    send->io = io;
    coro__wait_init(&send->wait, &kind, coro__caller());
    if (!backend->kind->calls->send(backend, fd, send))
        return false;
    io->calls = 0;
    coro__loop_begin_fd_wait(io->loop);
    coro__loop_visit_next(io->loop);
    const int rc = coro__park_for_result(&io->loop->ready, &send->wait);
    const bool made = !send->request;
    abandon(&io->loop->ready, &send->wait);
    if (made && rc == -ECANCELED)
        coro__put_off_cancel(coro__caller());
    *result = made ? send->result : coro__deliver_cancel(coro__caller());
    return true;
}
