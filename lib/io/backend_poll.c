/* SPDX-License-Identifier: MIT */
/*
 * poll(2), for where there is nothing better. Each fd that is waited for has an entry, from the
 * time when it is first watched in a direction until it has been reported in all of them.
 */
#include "io/backend.h"
#include "io/io.h"
#include "util/memory.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST_CAPACITY = 16, NOWHERE = 0 };

struct poll_set {
    struct coro__backend backend;
    struct coro__io *io;
    struct pollfd *entries; /* the first is of wake_fd */
    size_t count;
    size_t capacity;
    size_t *places; /* by fd: which entry is its own; NOWHERE */
    size_t numbers; /* of fds that have a place there */
};

static struct poll_set *set_of(struct coro__backend *backend)
{
    return CORO__CONTAINER_OF(backend, struct poll_set, backend);
}

static void close_poll(struct coro__backend *backend)
{
    struct poll_set *set = set_of(backend);
    free(set->entries);
    free(set->places);
    free(set);
}

static bool grow_entries(struct poll_set *set)
{
    if (set->count < set->capacity)
        return true;
    const size_t capacity = set->capacity ? set->capacity * 2 : FIRST_CAPACITY;
    struct pollfd *entries = coro__realloc(set->entries, capacity * sizeof *entries);
    if (!entries)
        return false;
    set->entries = entries;
    set->capacity = capacity;
    return true;
}

static bool grow_places(struct poll_set *set, size_t number)
{
    size_t numbers = set->numbers ? set->numbers : FIRST_CAPACITY;
    while (numbers <= number)
        numbers *= 2;
    if (numbers == set->numbers)
        return true;
    size_t *places = coro__realloc(set->places, numbers * sizeof *places);
    if (!places)
        return false;
    memset(places + set->numbers, 0, (numbers - set->numbers) * sizeof *places);
    set->places = places;
    set->numbers = numbers;
    return true;
}

static int open_poll(struct coro__io *io, int wake_fd, struct coro__backend **backend)
{
    struct poll_set *set = coro__calloc(1, sizeof *set);
    if (!set || !grow_entries(set)) {
        free(set);
        return -ENOMEM;
    }
    set->backend.kind = &coro__poll;
    set->io = io;
    set->entries[set->count++] = (struct pollfd){.fd = wake_fd, .events = POLLIN};
    *backend = &set->backend;
    return 0;
}

static int watch(struct coro__backend *backend, struct coro__fd *fd, unsigned directions)
{
    struct poll_set *set = set_of(backend);
    const size_t number = (size_t)fd->number;
    if (!grow_places(set, number) || !grow_entries(set))
        return -ENOMEM;
    if (set->places[number] == NOWHERE) {
        set->entries[set->count] = (struct pollfd){.fd = fd->number};
        set->places[number] = set->count++;
    }
    struct pollfd *entry = &set->entries[set->places[number]];
    if (directions & CORO__READ)
        entry->events |= POLLIN;
    if (directions & CORO__EXCEPTION)
        entry->events |= POLLPRI;
    if (directions & CORO__WRITE)
        entry->events |= POLLOUT;
    return (int)((directions | fd->watched) & (CORO__BOTH | CORO__EXCEPTION));
}

/* The last entry takes the place of the one that goes. */
static void take_out(struct poll_set *set, size_t place)
{
    const struct pollfd last = set->entries[--set->count];
    set->places[set->entries[place].fd] = NOWHERE;
    if (place == set->count)
        return;
    set->entries[place] = last;
    set->places[last.fd] = place;
}

static void forget(struct coro__backend *backend, struct coro__fd *fd)
{
    struct poll_set *set = set_of(backend);
    if ((size_t)fd->number < set->numbers && set->places[fd->number] != NOWHERE)
        take_out(set, set->places[fd->number]);
}

static unsigned bits_of(short events)
{
    unsigned bits = 0;
    if (events & POLLNVAL)
        return CORO__CLOSED;
    if (events & (POLLIN | POLLPRI | POLLHUP | POLLERR))
        bits |= CORO__READ;
    if (events & (POLLOUT | POLLHUP | POLLERR))
        bits |= CORO__WRITE;
    if (events & (POLLPRI | POLLHUP | POLLERR))
        bits |= CORO__EXCEPTION;
    return bits;
}

static void report(struct poll_set *set, size_t place)
{
    struct pollfd *entry = &set->entries[place];
    const unsigned bits = bits_of(entry->revents);
    const unsigned ended = bits & CORO__READ ? bits | CORO__EXCEPTION : bits;
    struct coro__fd *fd = coro__fds_find(&set->io->fds, entry->fd);
    entry->revents = 0;
    if (bits & CORO__READ)
        entry->events &= (short)~(POLLIN | POLLPRI);
    if (bits & CORO__WRITE)
        entry->events &= (short)~POLLOUT;
    if (entry->events == 0)
        take_out(set, place);
    fd->watched &= (uint8_t)~ended;
    coro__io_report(set->io, fd, bits);
}

static void wait(struct coro__backend *backend, coro_duration limit)
{
    struct poll_set *set = set_of(backend);
    const struct timespec time = {.tv_sec = limit / CORO_SECOND, .tv_nsec = limit % CORO_SECOND};
    const int count =
        ppoll(set->entries, (nfds_t)set->count, limit == CORO_FOREVER ? NULL : &time, NULL);
    if (count <= 0)
        return;
    if (set->entries[0].revents)
        coro__inbox_drain(set->io->loop->inbox);
    for (size_t place = 1; place < set->count;) {
        const size_t before = set->count;
        if (set->entries[place].revents)
            report(set, place);
        if (set->count == before) /* else another one has this place now */
            place++;
    }
}

const struct coro__backend_kind coro__poll = {
    .name = "poll",
    .remembers = false,
    .open = open_poll,
    .close = close_poll,
    .watch = watch,
    .forget = forget,
    .wait = wait,
};
