/* SPDX-License-Identifier: MIT */
/* Subprocesses at the same time: filters that are fed and read, one that fails, one that is
 * stopped.
 */
#include <coro.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "pear\nfig\napple\nfig\n";

static int filter(void *arg)
{
    const char *command = arg;
    const coro_process_options options = {.in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE};
    coro_communication c = {.input = text, .input_size = strlen(text)};
    coro_process *process;
    int rc = coro_create_subprocess_shell(&process, command, &options);
    if (rc < 0)
        return rc;
    rc = coro_process_communicate(process, &c);
    coro_process_close(process);
    return rc < 0 ? rc : coro_return(c.output);
}

static int show(const char *command, coro_task *task)
{
    void *output = NULL;
    const int rc = coro_join(task, &output);
    if (rc == 0)
        printf("%s:\n%s", command, (char *)output);
    free(output);
    return rc;
}

static int filter_both(void)
{
    static char sort[] = "sort -u", count[] = "grep -c fig";
    coro_task *sorted = coro_create_task(filter, sort), *counted = coro_create_task(filter, count);
    int rc = show(sort, sorted);
    const int other = show(count, counted);
    return rc < 0 ? rc : other;
}

/* One that would take its time: a limit ends the wait for it, and what becomes of it is ours to
 * say.
 */
static int stop_one(void)
{
    const char *const argv[] = {"sleep", "60", NULL};
    coro_process *process;
    coro_timeout limit;
    int returncode = 0, rc = coro_create_subprocess_exec(&process, argv, NULL);
    if (rc < 0)
        return rc;
    coro_timeout_begin(&limit, 100 * CORO_MILLISECOND);
    rc = coro_timeout_end(&limit, coro_process_wait(process, NULL));
    printf("after the limit: %s\n", rc == -ETIMEDOUT ? "it still runs" : "it has ended");
    coro_process_terminate(process);
    rc = coro_process_wait(process, &returncode);
    printf("ended by signal %d\n", -returncode);
    coro_process_close(process);
    return rc;
}

static int start(void *arg)
{
    (void)arg;
    const char *const argv[] = {"no-such-program", NULL};
    coro_process *process;
    int rc = filter_both();
    if (rc == 0)
        rc = stop_one();
    if (rc == 0 && coro_create_subprocess_exec(&process, argv, NULL) == -ENOENT)
        printf("there is no such program\n");
    return rc;
}

int main(void)
{
    const int rc = coro_run(start, NULL);
    if (rc < 0)
        fprintf(stderr, "process: %s\n", strerror(-rc));
    return rc < 0;
}
