/* SPDX-License-Identifier: MIT */
#include "coro/semaphore.h"
#include "sync/waiters.h"

/*
 * A permit is in exactly one place: in value, on its way to a woken task, which `woken` counts, or
 * with a task that has acquired it. A waiter is taken out of the list with its permit; if it was
 * cancelled since, it puts that back.
 */

static const struct coro__wait_kind kind = {.name = "semaphore", .abandon = coro__waiting_abandon};

static void hand_out(coro_semaphore *semaphore, size_t most)
{
    while (most-- > 0 && semaphore->value > 0 && coro__waiters_wake_next(&semaphore->waiters)) {
        semaphore->value--;
        semaphore->woken++;
    }
}

bool coro_semaphore_locked(const coro_semaphore *semaphore)
{
    return semaphore->value == 0 || semaphore->woken > 0 || coro__waiters_any(&semaphore->waiters);
}

int coro__semaphore_acquire_slow(coro_semaphore *semaphore)
{
    struct coro__waiting waiting;
    const void *predicted;
    if (!coro_semaphore_locked(semaphore)) {
        semaphore->value--;
        return 0;
    }
    const int rc = coro__waiters_park_predicting(&semaphore->waiters, &waiting, &kind,
                                                 coro__caller(), &predicted);
    if (CORO__UNLIKELY(rc == -EPERM || rc == -EXDEV))
        return rc;
    if (waiting.waiter.granted) {
        semaphore->woken--;
        semaphore->value += rc < 0;
    }
    /* Permits that came meanwhile, while others had to wait their turn. */
    hand_out(semaphore, SIZE_MAX);
    return coro__return_after(predicted, true, rc);
}

int coro__semaphore_release_slow(coro_semaphore *semaphore)
{
    if (semaphore->value == ~semaphore->limit_complement)
        return -EOVERFLOW;
    const int rc = coro__waiters_check(&semaphore->waiters);
    if (CORO__UNLIKELY(rc < 0))
        return rc;
    semaphore->value++;
    hand_out(semaphore, 1);
    return 0;
}
