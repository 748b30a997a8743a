/* SPDX-License-Identifier: MIT */
/* Three workers share the jobs of a queue; when all is done, which join tells, they are cancelled.
 */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKERS = 3, JOBS = 8 };

static coro_queue *queue;

static int work(void *arg)
{
    const char *name = arg;
    for (;;) {
        void *item;
        int rc = coro_queue_get(queue, &item);
        if (rc < 0)
            return rc; /* cancelled: no job has been taken */
        const int *milliseconds = item;
        rc = coro_sleep(*milliseconds * CORO_MILLISECOND);
        coro_queue_task_done(queue);
        if (rc < 0)
            return rc;
        printf("%s: a job of %d ms\n", name, *milliseconds);
    }
}

static int run_workers(void)
{
    static char names[WORKERS][8] = {"ann", "ben", "cleo"};
    coro_task *workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        workers[i] = coro_create_task(work, names[i]);

    const int rc = coro_queue_join(queue); /* until every job has been dealt with */
    for (int i = 0; i < WORKERS; i++)
        coro_cancel(workers[i]);
    for (int i = 0; i < WORKERS; i++)
        coro_join(workers[i], NULL);
    return rc;
}

static int workers_main(void *arg)
{
    (void)arg;
    static int jobs[JOBS] = {300, 120, 500, 80, 250, 400, 60, 190};
    int total = 0;
    queue = coro_queue_create(NULL);
    int rc = 0;
    for (int i = 0; i < JOBS && rc == 0; i++) {
        rc = coro_queue_put(queue, &jobs[i]);
        total += jobs[i];
    }
    const coro_time began = coro_now();
    if (rc == 0)
        rc = run_workers();
    printf("%.2f s of work in %.2f s\n", total / 1000.0,
           (double)(coro_now() - began) / CORO_SECOND);
    coro_queue_destroy(queue);
    return rc;
}

int main(void)
{
    return coro_run(workers_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
