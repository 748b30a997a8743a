/* SPDX-License-Identifier: MIT */
/*
 * A lookup with c-ares. It has a channel of its own, which reads resolv.conf(5) anew, as libc does,
 * and whose sockets are the loop's.
 */
#ifndef CORO_IO_DNS_CARES_H
#define CORO_IO_DNS_CARES_H

/* What is used here has newer names since c-ares 1.34, which older ones do not have. */
#define CARES_NO_DEPRECATED

#include "io/dns.h"
#include "io/io.h"

#include <ares.h>

/* Two for each server. */
enum { CORO__CARES_SOCKETS = 8 };

/* One direction of one socket. */
struct coro__cares_watch {
    struct coro__listener listener;
    struct coro__cares *lookup;
    int fd;
    bool listening;
    bool ready;
};

struct coro__cares {
    ares_channel channel;
    struct coro__io *io;
    struct coro__wait wait;
    struct coro__timer timer;
    struct coro__cares_watch readers[CORO__CARES_SOCKETS];
    struct coro__cares_watch writers[CORO__CARES_SOCKETS];
    int sockets;
    int socket_error; /* why none could be made; 0 if one could */
    bool made_socket;
    /* Set by the callback that c-ares was given: */
    bool ended;
    int status;
    void *result; /* NULL, but for success */
};

/* The lookups are c-ares' "f" and "b". 0, -ENOMEM, or -ECANCELED. */
int coro__cares_begin(const struct coro__dns_setup *setup, const char *lookups,
                      struct coro__cares **begun);

/* Runs what c-ares was asked for until it has ended. 0, -ECANCELED, -ENOMEM or another error. */
int coro__cares_run(struct coro__cares *lookup);

struct coro__outcome coro__cares_outcome(const struct coro__cares *lookup);

/* The result is freed before. */
void coro__cares_end(struct coro__cares *lookup);

#endif
