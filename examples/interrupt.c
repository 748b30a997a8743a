/* SPDX-License-Identifier: MIT */
/* Ctrl-C, which a task presses here, cancels the main task, and that saves its work before it ends.
 */
#include <coro.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static int press_ctrl_c(void *arg)
{
    (void)arg;
    const int rc = coro_sleep(5 * CORO_SECOND / 2);
    if (rc < 0)
        return rc;
    printf("Ctrl-C\n");
    return raise(SIGINT) == 0 ? 0 : -EINVAL;
}

static int serve(void)
{
    for (int request = 1;; request++) {
        const int rc = coro_sleep(CORO_SECOND);
        if (rc < 0)
            return rc;
        printf("request %d\n", request);
    }
}

/* Nothing here is about the signal: it comes as any cancel does, and is handed on. */
static int interrupt_main(void *arg)
{
    (void)arg;
    const coro_time began = coro_now();
    coro_task *user = coro_create_task(press_ctrl_c, NULL);
    const int rc = user ? serve() : -ENOMEM;
    printf("saving\n");
    if (coro_sleep(CORO_SECOND) == 0) /* a second Ctrl-C would end the program here */
        printf("saved\n");
    coro_release(user);
    printf("%.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);
    return rc;
}

int main(void)
{
    signal(SIGINT, SIG_DFL); /* a shell has it ignored by what it runs in the background */
    const int rc = coro_run(interrupt_main, NULL);
    if (rc != -EINTR)
        return EXIT_FAILURE;
    printf("interrupted\n");
    return EXIT_SUCCESS;
}
