/* SPDX-License-Identifier: MIT */
/* A request is cancelled while it waits for its data to be saved, and the saving goes on to its
 * end. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int save(void *arg)
{
    (void)arg;
    printf("saving\n");
    const int rc = coro_sleep(2 * CORO_SECOND);
    if (rc < 0)
        return rc;
    printf("saved\n");
    return 0;
}

/* coro_await() would hand a cancel on to the task; coro_shield() does not. */
static int request(void *arg)
{
    coro_task *saving = arg;
    const int rc = coro_shield(saving, NULL);
    printf("request: %s\n", rc == -ECANCELED ? "cancelled" : "finished");
    return rc;
}

static int shield_main(void *arg)
{
    (void)arg;
    const coro_time began = coro_now();
    coro_task *saving = coro_create_task(save, NULL);
    coro_task *requesting = coro_create_task(request, saving);

    const int sleep_rc = coro_sleep(CORO_SECOND);
    coro_cancel(requesting);
    const int request_rc = coro_join(requesting, NULL);
    printf("%.1f s: the request has ended\n", (double)(coro_now() - began) / CORO_SECOND);

    const int save_rc = coro_join(saving, NULL);
    printf("%.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);
    if (sleep_rc < 0)
        return sleep_rc;
    return request_rc < 0 && request_rc != -ECANCELED ? request_rc : save_rc;
}

int main(void)
{
    return coro_run(shield_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
