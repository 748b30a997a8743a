/* SPDX-License-Identifier: MIT */
/* Three servers are asked at once, the first answer is taken, and the other two are cancelled. */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>

enum { SERVERS = 3 };

struct server {
    const char *name;
    coro_duration delay;
};

static int ask(void *arg)
{
    const struct server *server = arg;
    return coro_sleep(server->delay);
}

static int first_main(void *arg)
{
    (void)arg;
    const coro_time began = coro_now();
    struct server servers[SERVERS] = {
        {"Amsterdam", 3 * CORO_SECOND}, {"Berlin", CORO_SECOND}, {"Copenhagen", 2 * CORO_SECOND}};
    coro_task *tasks[SERVERS];
    for (int i = 0; i < SERVERS; i++)
        tasks[i] = coro_create_task(ask, &servers[i]);

    const int done = coro_wait(tasks, SERVERS, CORO_FIRST_COMPLETED, CORO_FOREVER);

    /* The wait has touched none of them. A cancel is a request: the join waits until it was met. */
    for (int i = 0; i < SERVERS; i++) {
        const bool late = coro_cancel(tasks[i]);
        const int rc = coro_join(tasks[i], NULL);
        if (late)
            printf("%s was too late\n", servers[i].name);
        else if (rc >= 0)
            printf("%s was first\n", servers[i].name);
    }
    printf("%.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);
    return done < 0 ? done : 0;
}

int main(void)
{
    return coro_run(first_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
