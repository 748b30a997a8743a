/* SPDX-License-Identifier: MIT */
/*
 * DNS through c-ares. A lookup has a channel of its own, which reads resolv.conf(5) and its like
 * anew, as libc does, and whose sockets are the loop's.
 */
#include "coro/net.h"
#include "io/dns.h"
#include "io/dns_cares_sources.h"
#include "io/operation.h"
#include "util/memory.h"

#include <ares.h>
#include <stdlib.h>
#include <string.h>

/* More than c-ares takes of a stack, with what libc takes for the names of services. */
enum { STACK_NEEDED = 48 * 1024 };

enum { MOST_SOCKETS = ARES_GETSOCK_MAXNUM };

struct lookup;

/* One direction of one socket. */
struct watch {
    struct coro__listener listener;
    struct lookup *lookup;
    int fd;
    bool listening;
    bool ready;
};

struct lookup {
    ares_channel channel;
    struct coro__io *io;
    struct coro__wait wait;
    struct coro__timer timer;
    struct watch readers[MOST_SOCKETS];
    struct watch writers[MOST_SOCKETS];
    int sockets;
    int socket_error; /* why the last socket could not be made; 0 if it could */
    bool ended;
    int status; /* valid when it has ended, and so is what was found */
    struct ares_addrinfo *found;
    char name[NI_MAXHOST];
};

bool coro__dns_serves(void)
{
    const coro_task *caller = coro__caller();
    const char *here = __builtin_frame_address(0);
    return !coro__loop_here()->clock.is_virtual && here - caller->stack->low >= STACK_NEEDED &&
           coro__dns_knows_the_sources();
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
    struct lookup *lookup = arg;
    const int fd = coro_socket(domain, type, protocol);
    lookup->socket_error = fd < 0 ? -fd : 0;
    return (int)as_system_result(fd);
}

static int close_socket(int fd, void *arg)
{
    const struct lookup *lookup = arg;
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
    const struct lookup *lookup = arg;
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
    const struct lookup *lookup = arg;
    return as_system_result(coro__writev_now(lookup->io, fd, iov, count));
}

static const struct ares_socket_functions socket_functions = {make_socket, close_socket,
                                                              connect_socket, receive, send_pieces};

/* --- Waiting ---------------------------------------------------------------------------------- */
static void on_socket(struct coro__listener *listener, int status)
{
    struct watch *watch = CORO__CONTAINER_OF(listener, struct watch, listener);
    (void)status; /* c-ares finds out itself */
    watch->listening = false;
    watch->ready = true;
    coro__wake(&watch->lookup->io->loop->ready, &watch->lookup->wait, 0);
}

static void on_time(struct coro__ready *ready, struct coro__callback *callback)
{
    coro__wake(ready, &CORO__CONTAINER_OF(callback, struct lookup, timer.callback)->wait, 0);
}

static int listen_to(struct lookup *lookup, struct watch *watch, unsigned direction)
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
static int listen_to_all(struct lookup *lookup, struct timeval *left)
{
    int fds[MOST_SOCKETS];
    const unsigned wanted = (unsigned)ares_getsock(lookup->channel, fds, MOST_SOCKETS);
    int rc = ares_timeout(lookup->channel, NULL, left) ? 0 : -EIO;
    lookup->sockets = 0;
    for (unsigned i = 0; rc == 0 && i < MOST_SOCKETS && wants(wanted, i); i++) {
        struct watch *reader = &lookup->readers[i], *writer = &lookup->writers[i];
        *reader = *writer = (struct watch){.lookup = lookup, .fd = fds[i]};
        lookup->sockets++;
        if (ARES_GETSOCK_READABLE(wanted, i))
            rc = listen_to(lookup, reader, CORO__READ);
        if (rc == 0 && ARES_GETSOCK_WRITABLE(wanted, i))
            rc = listen_to(lookup, writer, CORO__WRITE);
    }
    return rc;
}

static void end_listening(struct lookup *lookup)
{
    for (int i = 0; i < lookup->sockets; i++) {
        if (lookup->readers[i].listening)
            coro__io_unlisten(lookup->io, &lookup->readers[i].listener);
        if (lookup->writers[i].listening)
            coro__io_unlisten(lookup->io, &lookup->writers[i].listener);
    }
    coro__loop_stop_timer(lookup->io->loop, &lookup->timer);
}

static void destroy(struct lookup *lookup)
{
    ares_destroy(lookup->channel);
    if (lookup->found)
        ares_freeaddrinfo(lookup->found);
    free(lookup);
}

static void abandon(struct coro__ready *ready, struct coro__wait *wait)
{
    struct lookup *lookup = CORO__CONTAINER_OF(wait, struct lookup, wait);
    (void)ready;
    end_listening(lookup);
    destroy(lookup);
}

static const struct coro__wait_kind kind = {.name = "dns", .abandon = abandon};

static coro_duration duration_of(const struct timeval *left)
{
    return left->tv_sec * CORO_SECOND + left->tv_usec * CORO_MICROSECOND;
}

static int wait_for_some(struct lookup *lookup)
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
static int fd_if(const struct watch *watch)
{
    return watch->ready ? watch->fd : ARES_SOCKET_BAD;
}

static void process(struct lookup *lookup)
{
    for (int i = 0; i < lookup->sockets; i++)
        if (lookup->readers[i].ready || lookup->writers[i].ready)
            ares_process_fd(lookup->channel, fd_if(&lookup->readers[i]),
                            fd_if(&lookup->writers[i]));
    ares_process_fd(lookup->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static int begin(struct lookup **begun)
{
    struct coro__io *io;
    const int rc = coro__io_begin(&io);
    struct lookup *lookup = rc == 0 ? coro__calloc(1, sizeof *lookup) : NULL;
    if (!lookup)
        return rc < 0 ? rc : -ENOMEM;
    struct ares_options none;
    memset(&none, 0, sizeof none);
    if (ares_init_options(&lookup->channel, &none, 0) != ARES_SUCCESS) {
        free(lookup);
        return -ENOMEM;
    }
    lookup->io = io;
    ares_set_socket_functions(lookup->channel, &socket_functions, lookup);
    *begun = lookup;
    return 0;
}

/* Until it has ended. */
static int run(struct lookup *lookup)
{
    int rc = 0;
    while (!lookup->ended && (rc = wait_for_some(lookup)) == 0)
        process(lookup);
    return rc;
}

static struct coro__outcome outcome_of(const struct lookup *lookup)
{
    switch (lookup->status) {
    case ARES_SUCCESS:
        return (struct coro__outcome){.code = 0};
    case ARES_ENODATA:
        return (struct coro__outcome){.code = EAI_NODATA};
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
    case ARES_EBADQUERY:
        return (struct coro__outcome){.code = EAI_NONAME};
    case ARES_ENOMEM:
        return (struct coro__outcome){.code = EAI_MEMORY};
    case ARES_ENOTIMP:
    case ARES_EREFUSED:
    case ARES_ESERVFAIL:
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED:
        return lookup->socket_error ? (struct coro__outcome){EAI_SYSTEM, lookup->socket_error}
                                    : (struct coro__outcome){.code = EAI_AGAIN};
    default:
        return (struct coro__outcome){.code = EAI_FAIL};
    }
}

/* --- Addresses of names ----------------------------------------------------------------------- */
static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    struct lookup *lookup = arg;
    (void)timeouts;
    lookup->ended = true;
    lookup->status = status;
    lookup->found = found;
}

static const char *canonical_name(const struct ares_addrinfo *found, const char *name)
{
    const char *canonical = found->name ? found->name : name;
    for (const struct ares_addrinfo_cname *at = found->cnames; at; at = at->next)
        if (at->name)
            canonical = at->name;
    return canonical;
}

static size_t count_nodes(const struct ares_addrinfo *found)
{
    size_t count = 0;
    for (const struct ares_addrinfo_node *at = found->nodes; at; at = at->ai_next)
        count++;
    return count;
}

/* NULL without memory. */
static struct coro__host *host_of(const struct ares_addrinfo *found, const char *name)
{
    const char *canonical = canonical_name(found, name);
    const size_t count = count_nodes(found), name_size = strlen(canonical) + 1;
    struct coro__host *host =
        coro__calloc(1, sizeof *host + count * sizeof host->addresses[0] + name_size);
    if (!host)
        return NULL;
    for (const struct ares_addrinfo_node *at = found->nodes; at; at = at->ai_next)
        memcpy(&host->addresses[host->count++], at->ai_addr, at->ai_addrlen);
    host->name = memcpy(&host->addresses[count], canonical, name_size);
    return host;
}

int coro__dns_find_host(const char *name, int family, struct coro__outcome *outcome,
                        struct coro__host **host)
{
    const struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_CANONNAME, .ai_family = family};
    const int saved_errno = errno;
    struct lookup *lookup;
    int rc = begin(&lookup);
    if (rc < 0)
        return rc;
    ares_getaddrinfo(lookup->channel, name, NULL, &hints, on_addresses, lookup);
    rc = run(lookup);
    if (rc == 0)
        *outcome = outcome_of(lookup);
    if (rc == 0 && outcome->code == 0) {
        *host = host_of(lookup->found, name);
        rc = *host ? 0 : -ENOMEM;
    }
    destroy(lookup);
    errno = saved_errno;
    return rc;
}

/* --- Names of addresses ----------------------------------------------------------------------- */
static void on_name(void *arg, int status, int timeouts, char *name, char *service)
{
    struct lookup *lookup = arg;
    (void)timeouts, (void)service;
    lookup->ended = true;
    lookup->status = status;
    if (status == ARES_SUCCESS && (!name || strlen(name) >= sizeof lookup->name))
        lookup->status = ARES_ENOTFOUND;
    else if (status == ARES_SUCCESS)
        memcpy(lookup->name, name, strlen(name) + 1);
}

int coro__dns_find_name(const struct sockaddr *address, socklen_t length,
                        struct coro__outcome *outcome, char *name, size_t size)
{
    const int saved_errno = errno;
    struct lookup *lookup;
    int rc = begin(&lookup);
    if (rc < 0)
        return rc;
    ares_getnameinfo(lookup->channel, address, length, ARES_NI_LOOKUPHOST | ARES_NI_NAMEREQD,
                     on_name, lookup);
    rc = run(lookup);
    if (rc == 0)
        *outcome = outcome_of(lookup);
    if (rc == 0 && outcome->code == EAI_NODATA)
        outcome->code = EAI_NONAME;
    if (rc == 0 && outcome->code == 0 && strlen(lookup->name) >= size)
        outcome->code = EAI_OVERFLOW;
    if (rc == 0 && outcome->code == 0)
        memcpy(name, lookup->name, strlen(lookup->name) + 1);
    destroy(lookup);
    errno = saved_errno;
    return rc;
}
