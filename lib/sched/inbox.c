/* SPDX-License-Identifier: MIT */
#include "sched/inbox.h"
#include "util/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* In place of the newest post. */
static struct coro__post closed;

int coro__inbox_create(struct coro__inbox **created)
{
    struct coro__inbox *inbox = coro__malloc(sizeof *inbox);
    if (!inbox)
        return -ENOMEM;
    const int saved_errno = errno;
    inbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const int error = errno;
    errno = saved_errno;
    if (inbox->wake_fd < 0) {
        free(inbox);
        return -error;
    }
    atomic_init(&inbox->references, 1);
    atomic_init(&inbox->users, 0);
    atomic_init(&inbox->newest, NULL);
    atomic_init(&inbox->asleep, 0);
    *created = inbox;
    return 0;
}

/* If the loop sleeps, or is about to. */
static void wake(struct coro__inbox *inbox)
{
    if (!atomic_load(&inbox->asleep) || !atomic_exchange(&inbox->asleep, 0))
        return;
    const int saved_errno = errno;
    const uint64_t one = 1;
    const ssize_t written = write(inbox->wake_fd, &one, sizeof one);
    (void)written;
    errno = saved_errno;
}

void coro__inbox_abandon(struct coro__inbox *inbox)
{
    if (atomic_fetch_sub(&inbox->references, 1) > 1)
        return;
    close(inbox->wake_fd);
    free(inbox);
}

void coro__inbox_hold(struct coro__inbox *inbox)
{
    atomic_fetch_add(&inbox->references, 1);
}

void coro__inbox_retain(struct coro__inbox *inbox)
{
    coro__inbox_hold(inbox);
    atomic_fetch_add(&inbox->users, 1);
}

/* A loop that sleeps because somebody may wake it is woken to see that nobody can any more. */
void coro__inbox_release(struct coro__inbox *inbox)
{
    if (atomic_fetch_sub(&inbox->users, 1) == 1)
        wake(inbox);
    coro__inbox_abandon(inbox);
}

bool coro__inbox_post(struct coro__inbox *inbox, struct coro__post *post)
{
    struct coro__post *newest = atomic_load(&inbox->newest);
    do {
        if (newest == &closed)
            return false;
        post->next = newest;
    } while (!atomic_compare_exchange_weak(&inbox->newest, &newest, post));
    wake(inbox);
    return true;
}

static struct coro__post *reversed(struct coro__post *post)
{
    struct coro__post *before = NULL;
    while (post) {
        struct coro__post *next = post->next;
        post->next = before;
        before = post;
        post = next;
    }
    return before;
}

struct coro__post *coro__inbox_take(struct coro__inbox *inbox)
{
    return reversed(atomic_exchange(&inbox->newest, NULL));
}

void coro__inbox_close(struct coro__inbox *inbox)
{
    struct coro__post *post = reversed(atomic_exchange(&inbox->newest, &closed));
    while (post) {
        struct coro__post *next = post->next;
        post->kind->discard(post);
        post = next;
    }
}

bool coro__inbox_begin_sleep(struct coro__inbox *inbox, bool while_shared)
{
    atomic_store(&inbox->asleep, 1);
    return !atomic_load(&inbox->newest) && (!while_shared || atomic_load(&inbox->users) > 0);
}

void coro__inbox_end_sleep(struct coro__inbox *inbox)
{
    atomic_store(&inbox->asleep, 0);
}

void coro__inbox_drain(struct coro__inbox *inbox)
{
    const int saved_errno = errno;
    uint64_t count;
    const ssize_t got = read(inbox->wake_fd, &count, sizeof count);
    (void)got;
    errno = saved_errno;
}

void coro__inbox_wait(struct coro__inbox *inbox, coro_duration limit, bool while_shared)
{
    const int saved_errno = errno;
    struct pollfd wake_fd = {.fd = inbox->wake_fd, .events = POLLIN};
    const struct timespec time = {.tv_sec = limit / CORO_SECOND, .tv_nsec = limit % CORO_SECOND};
    if (coro__inbox_begin_sleep(inbox, while_shared))
        ppoll(&wake_fd, 1, limit == CORO_FOREVER ? NULL : &time, NULL);
    coro__inbox_end_sleep(inbox);
    if (wake_fd.revents)
        coro__inbox_drain(inbox);
    errno = saved_errno;
}
