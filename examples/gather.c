/* SPDX-License-Identifier: MIT */
/* Three pages are fetched at once, and whichever comes first, their results are read in order. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGES = 3, PAGE_SIZE = 32 };

/* Ends with a value: memory that whoever reads the result frees. */
static int fetch(void *arg)
{
    const int number = *(const int *)arg;
    const int rc = coro_sleep((PAGES + 1 - number) * CORO_SECOND);
    if (rc < 0)
        return rc;
    char *page = malloc(PAGE_SIZE);
    if (!page)
        return coro_fail(-ENOMEM, "no memory for page %d", number);
    snprintf(page, PAGE_SIZE, "the text of page %d", number);
    printf("fetched page %d\n", number);
    return coro_return(page);
}

static int gather_main(void *arg)
{
    (void)arg;
    const coro_time began = coro_now();
    /* Each task gets a copy of its argument, on its own stack. */
    const coro_task_options options = {.arg_size = sizeof(int)};
    coro_task *tasks[PAGES];
    for (int number = 1; number <= PAGES; number++)
        tasks[number - 1] = coro_create_task_with(&options, fetch, &number);

    const int rc = coro_gather(tasks, PAGES, 0);
    for (int i = 0; i < PAGES; i++) {
        void *page = NULL;
        if (rc < 0)
            coro_cancel(tasks[i]); /* one has failed: nobody wants the others any more */
        if (coro_join(tasks[i], &page) == 0)
            printf("%s\n", (const char *)page);
        free(page);
    }
    printf("%.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);
    return rc;
}

int main(void)
{
    return coro_run(gather_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
