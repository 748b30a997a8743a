/* SPDX-License-Identifier: MIT */
/* Two tasks speak, one after a second and one after two, and as they wait together it takes two. */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>

struct line {
    const char *text;
    coro_duration delay;
};

/* A task function, `async def say(line)`: an int that is negative when it failed. */
static int say(void *arg)
{
    const struct line *line = arg;
    const int rc = coro_sleep(line->delay);
    if (rc < 0)
        return rc;
    printf("%s\n", line->text);
    return 0;
}

static int hello_main(void *arg)
{
    (void)arg;
    const coro_time began = coro_now();
    struct line hello = {"hello", CORO_SECOND};
    struct line world = {"world", 2 * CORO_SECOND};
    coro_task *first = coro_create_task(say, &hello);
    coro_task *second = coro_create_task(say, &world);

    /* Both are joined, whatever became of the first: they use what lies on this stack. */
    const int first_rc = coro_join(first, NULL);
    const int second_rc = coro_join(second, NULL);
    printf("%.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);
    return first_rc < 0 ? first_rc : second_rc;
}

int main(void)
{
    return coro_run(hello_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
