/* SPDX-License-Identifier: MIT */
/* Log and metric writers run in the background, and callbacks tell of their ends, while the main
 * task goes on. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int write_log(void *arg)
{
    const int rc = coro_sleep(CORO_SECOND);
    if (rc < 0)
        return rc;
    printf("  log: %s\n", (const char *)arg);
    return 0;
}

static int send_metric(void *arg)
{
    const int rc = coro_sleep(2 * CORO_SECOND);
    return rc < 0 ? rc : coro_fail(-ECONNREFUSED, "nobody collects '%s'", (const char *)arg);
}

/* The loop calls this when a task has ended. Reading the result here is what retrieves it. */
static void ended(coro_task *task, void *arg)
{
    int *running = arg;
    --*running;
    if (coro_result(task, NULL) < 0)
        printf("  %s failed: %s\n", coro_get_name(task), coro_error_message(task));
    else
        printf("  %s is done\n", coro_get_name(task));
}

/* Starts a task and lets go of it: the loop keeps it until it has ended. Without memory the task is
 * NULL, and the calls that follow take that, too. */
static int in_background(const char *name, coro_fn *fn, void *arg, int *running)
{
    const coro_task_options options = {.name = name};
    coro_task *task = coro_create_task_with(&options, fn, arg);
    const int rc = coro_add_done_callback(task, ended, running);
    if (rc == 0)
        ++*running;
    coro_release(task);
    return rc;
}

static int background_main(void *arg)
{
    (void)arg;
    /* Static, because tasks that nobody joins may outlive this function. */
    static char line[] = "user logged in", metric[] = "logins";
    static int running;
    const coro_time began = coro_now();
    int rc = in_background("log writer", write_log, line, &running);
    if (rc == 0)
        rc = in_background("metric writer", send_metric, metric, &running);

    /* What is left when the main task ends is cancelled, so it goes on for longer than they do. */
    for (int request = 1; rc == 0 && request <= 3; request++) {
        printf("request %d, %d in the background\n", request, running);
        rc = coro_sleep(3 * CORO_SECOND / 2);
    }
    printf("%d in the background, %.1f s in all\n", running,
           (double)(coro_now() - began) / CORO_SECOND);
    return rc;
}

int main(void)
{
    return coro_run(background_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
