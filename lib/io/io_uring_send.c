/* SPDX-License-Identifier: MIT */
/*
 * All sends have MSG_DONTWAIT, so that each is made or refused when it is submitted: in between
 * there is nothing to cancel, and nobody reads the sender's memory.
 */
#include "io/io_uring.h"

static void fill_in(struct io_uring_sqe *request, const struct coro__fd *fd,
                    const struct coro__send *send)
{
    const int flags = send->flags | MSG_DONTWAIT | MSG_NOSIGNAL;
    if (send->message)
        io_uring_prep_sendmsg(request, fd->number, send->message, (unsigned)flags);
    else
        io_uring_prep_send(request, fd->number, send->buffer, send->size, flags);
    request->user_data = (uintptr_t)send | CORO__URING_SEND;
}

bool coro__uring_send(struct coro__backend *backend, struct coro__fd *fd, struct coro__send *send)
{
    struct coro__uring *uring = coro__uring_of(backend);
    if (!coro__ready_any(&uring->io->loop->ready) && coro__ring_pending(&uring->ring) == 0)
        return false;
    if (send->size > UINT32_MAX || !coro__uring_find(uring, fd))
        return false;
    struct io_uring_sqe *request = coro__uring_request(uring);
    fill_in(request, fd, send);
    send->request = request;
    send->position = coro__ring_position(&uring->ring);
    send->fd = fd;
    coro__list_push_back(&coro__uring_fd_of(fd)->sends, &send->link);
    fd->queued = true;
    return true;
}

static void dequeue(struct coro__send *send)
{
    coro__list_remove(&send->link);
    send->fd->queued = !coro__list_empty(&coro__uring_fd_of(send->fd)->sends);
    send->request = NULL;
}

void coro__uring_unsend(struct coro__backend *backend, struct coro__send *send)
{
    (void)backend;
    coro__uring_take_back(send->request);
    dequeue(send);
}

void coro__uring_sent(struct coro__send *send, ssize_t result)
{
    dequeue(send);
    send->result = result;
    coro__wake(&send->io->loop->ready, &send->wait, 0);
}
