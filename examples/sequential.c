/* SPDX-License-Identifier: MIT */
/* The same two steps as plain calls, one after another, and then as tasks, at the same time. */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>

struct step {
    const char *name;
    coro_duration length;
};

static int perform(void *arg)
{
    const struct step *step = arg;
    const int rc = coro_sleep(step->length);
    if (rc < 0)
        return rc;
    printf("  %s\n", step->name);
    return 0;
}

/* Calling a task function is awaiting it: it returns when it has ended. */
static int one_after_another(struct step *first, struct step *second)
{
    const int rc = perform(first);
    return rc < 0 ? rc : perform(second);
}

static int at_the_same_time(struct step *first, struct step *second)
{
    coro_task *one = coro_create_task(perform, first);
    coro_task *two = coro_create_task(perform, second);
    const int one_rc = coro_join(one, NULL);
    const int two_rc = coro_join(two, NULL);
    return one_rc < 0 ? one_rc : two_rc;
}

static int sequential_main(void *arg)
{
    (void)arg;
    struct step wash = {"washed", CORO_SECOND};
    struct step cook = {"cooked", 2 * CORO_SECOND};

    coro_time began = coro_now();
    printf("one after another:\n");
    int rc = one_after_another(&wash, &cook);
    if (rc < 0)
        return rc;
    printf("  %.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);

    began = coro_now();
    printf("at the same time:\n");
    rc = at_the_same_time(&wash, &cook);
    printf("  %.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);
    return rc;
}

int main(void)
{
    return coro_run(sequential_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
