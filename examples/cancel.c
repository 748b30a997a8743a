/* SPDX-License-Identifier: MIT */
/* A task that would take five seconds is cancelled after one, and tidies up before it ends. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A cancel comes as -ECANCELED from the call that waits. Handing it on ends the task cancelled. */
static int work(void *arg)
{
    (void)arg;
    printf("work: started\n");
    const int rc = coro_sleep(5 * CORO_SECOND);
    if (rc == -ECANCELED)
        printf("work: tidying up, because %s\n", coro_error_message(coro_current_task()));
    else
        printf("work: finished\n");
    return rc;
}

static int cancel_main(void *arg)
{
    (void)arg;
    const coro_time began = coro_now();
    coro_task *task = coro_create_task(work, NULL);
    int rc = coro_sleep(CORO_SECOND);
    coro_cancel_with(task, "nobody wants it any more");
    if (rc == 0)
        rc = coro_await(task, NULL);
    /* -ECANCELED is no failure here, if it is the task's and not this function's own. */
    if (rc == -ECANCELED && coro_cancelled(task)) {
        printf("Task was cancelled\n");
        rc = 0;
    }
    coro_release(task);
    printf("%.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);
    return rc;
}

int main(void)
{
    return coro_run(cancel_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
