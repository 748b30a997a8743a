/* SPDX-License-Identifier: MIT */
/*
 * Receiving and accepting ahead of the calls. What was taken is handed out by the calls, before
 * they ask the system.
 *
 * It pays for small pieces only: what fills whole buffers is better received where it is to go. And
 * it ends while more has come than is asked for, so that a peer who is not listened to is held up,
 * and at the first wait for something else, as then others may read the fd.
 */
#include "io/io_uring.h"
#include "io/system.h"
#include "util/memory.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* Waits in a row before it begins. */
    FIRST_PATIENCE = 2,
    MOST_PATIENCE = 128,
    /* What is held of one fd before it ends. */
    MOST_BUFFERS = 16,
    MOST_CONNECTIONS = 64,
    FIRST_CAPACITY = 16,
};

/* --- Beginning and ending --------------------------------------------------------------------- */
void coro__uring_stop_ahead(struct coro__uring *uring, struct coro__uring_fd *own)
{
    if (own->requests[CORO__URING_AHEAD_SLOT] && !own->stopping)
        coro__uring_cancel(uring, own, CORO__URING_AHEAD_SLOT, true);
    own->stopping = true;
    own->waits = 0;
}

/* It did not pay. */
static void stop_for_longer(struct coro__uring *uring, struct coro__uring_fd *own)
{
    own->patience =
        own->patience < MOST_PATIENCE / 2 ? (unsigned char)(own->patience * 2) : MOST_PATIENCE;
    coro__uring_stop_ahead(uring, own);
}

/* The inode of a file that has one for itself, as sockets do; 0 if the fd is not open. */
static uint64_t identify(int number)
{
    struct stat file;
    const int saved_errno = errno;
    return coro__system_result(fstat(number, &file), saved_errno) == 0 ? file.st_ino : 0;
}

bool coro__uring_same_file(const struct coro__fd *fd)
{
    return identify(fd->number) == coro__uring_fd_of(fd)->file;
}

static bool may_go_ahead(const struct coro__fd *fd, unsigned directions)
{
    return directions & CORO__ACCEPT || (directions & CORO__RECEIVE && fd->type == CORO__FD_TCP);
}

/* It tries at once, before it polls: if a reset is there already, beside bytes, it is not reported
 * to who polls first. */
static void begin_receiving(struct coro__uring *uring, struct coro__fd *fd)
{
    struct io_uring_sqe *request = coro__uring_request(uring);
    io_uring_prep_recv_multishot(request, fd->number, NULL, 0, 0);
    request->flags |= IOSQE_BUFFER_SELECT;
    coro__uring_name(uring, fd, request, CORO__URING_AHEAD_SLOT, CORO__URING_RECEIVE);
}

static void begin_accepting(struct coro__uring *uring, struct coro__fd *fd)
{
    struct io_uring_sqe *request = coro__uring_request(uring);
    io_uring_prep_multishot_accept(request, fd->number, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    coro__uring_name(uring, fd, request, CORO__URING_AHEAD_SLOT, CORO__URING_ACCEPT);
}

bool coro__uring_go_ahead(struct coro__uring *uring, struct coro__fd *fd, unsigned directions)
{
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    if (!may_go_ahead(fd, directions)) {
        coro__uring_stop_ahead(uring, own);
        return false;
    }
    if (own->requests[CORO__URING_AHEAD_SLOT])
        return !own->stopping;
    if (own->patience == 0)
        own->patience = FIRST_PATIENCE;
    if (++own->waits < own->patience)
        return false;
    own->stopping = false;
    own->file = identify(fd->number);
    if (directions & CORO__ACCEPT)
        begin_accepting(uring, fd);
    else
        begin_receiving(uring, fd);
    return true;
}

/* --- What has come ---------------------------------------------------------------------------- */
/* Reports what is there, or that it is up to the calls again. */
static void report(struct coro__uring *uring, struct coro__fd *fd, bool goes_on, int error)
{
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    if (!goes_on) {
        own->requests[CORO__URING_AHEAD_SLOT] = 0;
        fd->watched &= (uint8_t)~CORO__AHEAD;
    }
    coro__io_report(uring->io, fd, error == -EBADF ? CORO__CLOSED : CORO__READ);
}

/* The socket's own errors, of which each is told only once. */
static bool is_of_socket(int error)
{
    switch (-error) {
    case EAGAIN:
    case EBADF:
    case ECANCELED:
    case EINTR:
    case EINVAL:
    case ENOBUFS:
    case ENOMEM:
    case ENOTSOCK:
    case EOPNOTSUPP:
        return false;
    default:
        return error < 0;
    }
}

void coro__uring_received(struct coro__uring *uring, struct coro__fd *fd,
                          const struct io_uring_cqe *completion)
{
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    const int result = completion->res;
    if (completion->flags & IORING_CQE_F_BUFFER)
        coro__held_push(&uring->buffers, &own->held, completion->flags >> IORING_CQE_BUFFER_SHIFT,
                        result > 0 ? (size_t)result : 0);
    if (is_of_socket(result))
        own->error = result;
    if (result == -ENOBUFS && uring->buffers.kernels == 0 && !coro__buffers_grow(&uring->buffers))
        stop_for_longer(uring, own);
    fd->ahead = own->held.count > 0 || own->error;
    const bool goes_on = completion->flags & IORING_CQE_F_MORE;
    if (goes_on && result == CORO__BUFFER_SIZE)
        stop_for_longer(uring, own);
    else if (goes_on && own->held.count >= MOST_BUFFERS)
        coro__uring_stop_ahead(uring, own);
    report(uring, fd, goes_on, result);
}

/* Has there be room for one more. */
static bool grow(struct coro__uring_fd *own)
{
    if (own->accepted < own->capacity)
        return true;
    const unsigned capacity = own->capacity ? own->capacity * 2 : FIRST_CAPACITY;
    int *connections = coro__realloc(own->connections, capacity * sizeof *connections);
    if (!connections)
        return false;
    own->connections = connections;
    own->capacity = capacity;
    return true;
}

void coro__uring_accepted(struct coro__uring *uring, struct coro__fd *fd,
                          const struct io_uring_cqe *completion)
{
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    const int result = completion->res;
    const bool goes_on = completion->flags & IORING_CQE_F_MORE;
    if (result >= 0 && grow(own))
        own->connections[own->accepted++] = result;
    else if (result >= 0)
        close(result);
    fd->ahead = own->accepted > own->taken;
    if (goes_on && own->accepted - own->taken >= MOST_CONNECTIONS)
        coro__uring_stop_ahead(uring, own);
    report(uring, fd, goes_on, result);
}

/* --- Handing it out --------------------------------------------------------------------------- */
/* Nothing is left. Who wants more waits for it, if it still goes on. */
static void run_out(struct coro__fd *fd)
{
    fd->ahead = false;
    if (coro__uring_fd_of(fd)->requests[CORO__URING_AHEAD_SLOT])
        fd->ready &= (uint8_t)~CORO__READ;
}

bool coro__uring_take_bytes(struct coro__backend *backend, struct coro__fd *fd,
                            const struct msghdr *into, int flags, ssize_t *result)
{
    struct coro__uring *uring = coro__uring_of(backend);
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    if (flags & (MSG_OOB | MSG_ERRQUEUE) || own->accepted > own->taken)
        return false;
    if (own->held.count > 0) {
        *result = (ssize_t)coro__held_take(&uring->buffers, &own->held, into, flags);
    } else {
        *result = own->error;
        if (!(flags & MSG_PEEK))
            own->error = 0;
    }
    if (own->held.count == 0 && !own->error)
        run_out(fd);
    return true;
}

int coro__uring_take_connection(struct coro__backend *backend, struct coro__fd *fd)
{
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    (void)backend;
    if (own->taken == own->accepted)
        return -EINVAL; /* a stream */
    const int connection = own->connections[own->taken++];
    if (own->taken == own->accepted) {
        own->taken = own->accepted = 0;
        run_out(fd);
    }
    return connection;
}

void coro__uring_drop_ahead(struct coro__uring *uring, struct coro__fd *fd)
{
    struct coro__uring_fd *own = coro__uring_fd_of(fd);
    const int saved_errno = errno;
    coro__held_drop(&uring->buffers, &own->held);
    while (own->taken < own->accepted)
        close(own->connections[own->taken++]);
    errno = saved_errno;
    free(own->connections);
    own->connections = NULL;
    own->taken = own->accepted = own->capacity = 0;
    own->error = 0;
    own->waits = own->patience = 0;
    fd->ahead = false;
}
