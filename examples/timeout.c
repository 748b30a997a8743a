/* SPDX-License-Identifier: MIT */
/* One task gets a second and not more, and then three calls get two and a half seconds together. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int download(void *arg)
{
    (void)arg;
    return coro_sleep(10 * CORO_SECOND);
}

static int step(int number)
{
    const int rc = coro_sleep(CORO_SECOND);
    if (rc < 0)
        return rc;
    printf("step %d is done\n", number);
    return 0;
}

/* A limit for a task: when the time is up it is cancelled, and has ended when the call returns. */
static int limited_task(void)
{
    coro_task *task = coro_create_task(download, NULL);
    const int rc = coro_wait_for(task, CORO_SECOND, NULL);
    coro_release(task);
    return rc;
}

/* A limit for all that lies between begin and end. If begin fails, end hands its error through. */
static int limited_calls(void)
{
    coro_timeout scope;
    int rc = coro_timeout_begin(&scope, 5 * CORO_SECOND / 2);
    for (int number = 1; rc == 0 && number <= 3; number++)
        rc = step(number);
    return coro_timeout_end(&scope, rc);
}

static int timeout_main(void *arg)
{
    (void)arg;
    coro_time began = coro_now();
    int rc = limited_task();
    if (rc != -ETIMEDOUT)
        return rc;
    printf("the download took too long: %.1f s\n", (double)(coro_now() - began) / CORO_SECOND);

    began = coro_now();
    rc = limited_calls();
    if (rc != -ETIMEDOUT)
        return rc;
    printf("the steps took too long: %.1f s\n", (double)(coro_now() - began) / CORO_SECOND);
    return 0;
}

int main(void)
{
    return coro_run(timeout_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
