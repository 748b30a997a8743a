/* SPDX-License-Identifier: MIT */
#include "io/sigpipe.h"

#include <errno.h>
#include <time.h>

static sigset_t only_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

static bool is_pending(void)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE);
}

void coro__sigpipe_begin(struct coro__sigpipe *sigpipe)
{
    const sigset_t set = only_sigpipe();
    pthread_sigmask(SIG_BLOCK, &set, &sigpipe->mask);
    sigpipe->pending = sigismember(&sigpipe->mask, SIGPIPE) && is_pending();
}

void coro__sigpipe_end(const struct coro__sigpipe *sigpipe, ssize_t rc)
{
    if (rc == -EPIPE && !sigpipe->pending) {
        const sigset_t set = only_sigpipe();
        const struct timespec none = {0};
        const int saved_errno = errno;
        while (sigtimedwait(&set, NULL, &none) < 0 && errno == EINTR)
            continue;
        errno = saved_errno;
    }
    pthread_sigmask(SIG_SETMASK, &sigpipe->mask, NULL);
}
