/* SPDX-License-Identifier: MIT */
#include "io/dns_cares.h"
#include "coro/net.h"
#include "io/dns_cares_setup.h"
#include "io/operation.h"
#include "util/memory.h"

#include <stdlib.h>
#include <string.h>

/* Five times what c-ares, and libc for the names of services, were seen to take. */
enum { STACK_NEEDED = 48 * 1024 };

bool coro__dns_serves(struct coro__dns_setup *setup)
{
    const coro_task *caller = coro__caller();
    const char *here = __builtin_frame_address(0);
    return !coro__loop_here()->clock.is_virtual && here - caller->stack->low >= STACK_NEEDED &&
           coro__dns_read_setup(setup);
}

/* --- Sockets ---------------------------------------------------------------------------------- */
/* For c-ares, errno says what has failed. */
static ssize_t as_system_result(ssize_t rc)
{
    if (rc < 0)
        errno = (int)-rc;
    return rc < 0 ? -1 : rc;
}

static int make_socket(int domain, int type, int protocol, void *arg)
{
    struct coro__cares *lookup = arg;
    const int fd = coro_socket(domain, type, protocol);
    lookup->made_socket |= fd >= 0;
    lookup->socket_error = lookup->made_socket ? 0 : -fd;
    return (int)as_system_result(fd);
}

static int close_socket(int fd, void *arg)
{
    const struct coro__cares *lookup = arg;
    return (int)as_system_result(coro__io_close(lookup->io, fd));
}

static int connect_socket(int fd, const struct sockaddr *address, socklen_t length, void *arg)
{
    (void)arg;
    return connect(fd, address, length);
}

static ssize_t receive(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
                       socklen_t *length, void *arg)
{
    const struct coro__cares *lookup = arg;
    struct iovec iov = {buffer, size};
    struct msghdr message = {
        .msg_name = address, .msg_namelen = length ? *length : 0, .msg_iov = &iov, .msg_iovlen = 1};
    (void)flags;
    const ssize_t rc = coro__recvmsg_now(lookup->io, fd, &message);
    if (length)
        *length = message.msg_namelen;
    return as_system_result(rc);
}

static ssize_t send_pieces(int fd, const struct iovec *iov, int count, void *arg)
{
    const struct coro__cares *lookup = arg;
    return as_system_result(coro__writev_now(lookup->io, fd, iov, count));
}

static const struct ares_socket_functions socket_functions = {make_socket, close_socket,
                                                              connect_socket, receive, send_pieces};

/* --- Waiting ---------------------------------------------------------------------------------- */
static void on_socket(struct coro__listener *listener, int status)
{
    struct coro__cares_watch *watch =
        CORO__CONTAINER_OF(listener, struct coro__cares_watch, listener);
    (void)status; /* c-ares finds out itself */
    watch->listening = false;
    watch->ready = true;
    coro__wake(&watch->lookup->io->loop->ready, &watch->lookup->wait, 0);
}

static void on_time(struct coro__ready *ready, struct coro__callback *callback)
{
    coro__wake(ready, &CORO__CONTAINER_OF(callback, struct coro__cares, timer.callback)->wait, 0);
}

static int listen_to(struct coro__cares *lookup, struct coro__cares_watch *watch,
                     unsigned direction)
{
    struct coro__fd *fd;
    int rc = coro__io_find(lookup->io, watch->fd, &fd);
    if (rc == 0)
        rc = coro__io_listen(lookup->io, fd, direction, &watch->listener, on_socket);
    watch->listening = rc == 0;
    return rc;
}

static bool wants(unsigned wanted, unsigned i)
{
    return ARES_GETSOCK_READABLE(wanted, i) || ARES_GETSOCK_WRITABLE(wanted, i);
}

/* All that c-ares waits for; then *left until it wants to be called in any case. */
static int listen_to_all(struct coro__cares *lookup, struct timeval *left)
{
    int fds[CORO__CARES_SOCKETS];
    const unsigned wanted = (unsigned)ares_getsock(lookup->channel, fds, CORO__CARES_SOCKETS);
    int rc = ares_timeout(lookup->channel, NULL, left) ? 0 : -EIO;
    lookup->sockets = 0;
    for (unsigned i = 0; rc == 0 && i < CORO__CARES_SOCKETS && wants(wanted, i); i++) {
        struct coro__cares_watch *reader = &lookup->readers[i], *writer = &lookup->writers[i];
        *reader = *writer = (struct coro__cares_watch){.lookup = lookup, .fd = fds[i]};
        lookup->sockets++;
        if (ARES_GETSOCK_READABLE(wanted, i))
            rc = listen_to(lookup, reader, CORO__READ);
        if (rc == 0 && ARES_GETSOCK_WRITABLE(wanted, i))
            rc = listen_to(lookup, writer, CORO__WRITE);
    }
    return rc;
}

static void end_listening(struct coro__cares *lookup)
{
    for (int i = 0; i < lookup->sockets; i++) {
        if (lookup->readers[i].listening)
            coro__io_unlisten(lookup->io, &lookup->readers[i].listener);
        if (lookup->writers[i].listening)
            coro__io_unlisten(lookup->io, &lookup->writers[i].listener);
    }
    coro__loop_stop_timer(lookup->io->loop, &lookup->timer);
}

void coro__cares_end(struct coro__cares *lookup)
{
    ares_destroy(lookup->channel);
    free(lookup);
}

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    struct coro__cares *lookup = CORO__CONTAINER_OF(wait, struct coro__cares, wait);
    (void)ready;
    end_listening(lookup);
    coro__cares_end(lookup);
}

static const struct coro__wait_kind kind = {.name = "dns", .abandon = abandon};

/* c-ares has cut off what is less than a millisecond. */
static coro_duration duration_of(const struct timeval *left)
{
    return left->tv_sec * CORO_SECOND + left->tv_usec * CORO_MICROSECOND + CORO_MILLISECOND;
}

static int wait_for_some(struct coro__cares *lookup)
{
    struct coro__loop *loop = lookup->io->loop;
    struct timeval left;
    coro__wait_init(&lookup->wait, &kind, coro__caller());
    coro__timer_init(&lookup->timer, on_time);
    int rc = listen_to_all(lookup, &left);
    if (rc == 0)
        rc = coro__loop_start_timer(loop, &lookup->timer,
                                    coro__time_after(coro__loop_now(loop), duration_of(&left)));
    if (rc == 0)
        rc = coro__park(&loop->ready, &lookup->wait);
    end_listening(lookup);
    return rc;
}

/* --- A lookup --------------------------------------------------------------------------------- */
static int fd_if(const struct coro__cares_watch *watch)
{
    return watch->ready ? watch->fd : ARES_SOCKET_BAD;
}

static void process(struct coro__cares *lookup)
{
    for (int i = 0; i < lookup->sockets; i++)
        if (lookup->readers[i].ready || lookup->writers[i].ready)
            ares_process_fd(lookup->channel, fd_if(&lookup->readers[i]),
                            fd_if(&lookup->writers[i]));
    ares_process_fd(lookup->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

int coro__cares_begin(const struct coro__dns_setup *setup, const char *lookups,
                      struct coro__cares **begun)
{
    struct coro__io *io;
    const int rc = coro__io_begin(&io);
    struct coro__cares *lookup = rc == 0 ? coro__calloc(1, sizeof *lookup) : NULL;
    if (!lookup)
        return rc < 0 ? rc : -ENOMEM;
    char order[3];
    struct ares_options options;
    memset(&options, 0, sizeof options);
    options.timeout = setup->timeout * 1000;
    options.tries = setup->tries;
    options.lookups = strcpy(order, lookups);
    if (ares_init_options(&lookup->channel, &options,
                          ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS) != ARES_SUCCESS) {
        free(lookup);
        return -ENOMEM;
    }
    lookup->io = io;
    ares_set_socket_functions(lookup->channel, &socket_functions, lookup);
    *begun = lookup;
    return 0;
}

int coro__cares_run(struct coro__cares *lookup)
{
    int rc = 0;
    while (!lookup->ended && (rc = wait_for_some(lookup)) == 0)
        process(lookup);
    return rc;
}

struct coro__outcome coro__cares_outcome(const struct coro__cares *lookup)
{
    switch (lookup->status) {
    case ARES_SUCCESS:
        return (struct coro__outcome){.code = 0};
    case ARES_ENODATA:
        return (struct coro__outcome){.code = EAI_NODATA};
    case ARES_ENOMEM:
        return (struct coro__outcome){.code = EAI_MEMORY};
    case ARES_ENOTIMP:
    case ARES_EREFUSED:
    case ARES_ESERVFAIL:
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED:
        return lookup->socket_error ? (struct coro__outcome){EAI_SYSTEM, lookup->socket_error}
                                    : (struct coro__outcome){.code = EAI_AGAIN};
    default: /* there is none, it cannot be one, or the answer is none */
        return (struct coro__outcome){.code = EAI_NONAME};
    }
}
