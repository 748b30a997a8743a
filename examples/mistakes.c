/* SPDX-License-Identifier: MIT */
/* What each common mistake gets: an error code or a report, and never a crash. */
#include <coro.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *name_of(int rc)
{
    switch (rc) {
    case -EINPROGRESS:
        return "-EINPROGRESS";
    case -EDEADLK:
        return "-EDEADLK";
    case -ENOMEM:
        return "-ENOMEM";
    case -EALREADY:
        return "-EALREADY";
    case -EPERM:
        return "-EPERM";
    default:
        return rc < 0 ? "another error" : "success";
    }
}

static void show(const char *mistake, int rc)
{
    printf("%-36s %s\n", mistake, name_of(rc));
}

/* Receives what no call can return. Without such a hook it goes to stderr. */
static void on_report(void *arg, const coro_log_record *record)
{
    (void)arg;
    if (record->event == CORO_LOG_NEVER_RETRIEVED)
        printf("%-36s reported: %s: %s\n", "an error never retrieved", coro_get_name(record->task),
               coro_error_message(record->task));
    else
        fprintf(stderr, "%s\n", record->message);
}

static int nap(void *arg)
{
    const int rc = coro_sleep(CORO_SECOND);
    if (rc == 0 && arg)
        printf("%-36s %s\n", (const char *)arg, "the task runs on");
    return rc;
}

static int look_up(void *arg)
{
    return coro_fail(-ENOENT, "no user '%s'", (const char *)arg);
}

static int mistakes_main(void *arg)
{
    (void)arg;
    static char dropped[] = "a handle dropped", user[] = "eve";
    const coro_time began = coro_now();

    coro_task *task = coro_create_task(nap, NULL);
    show("a result read too early", coro_result(task, NULL));
    coro_release(coro_create_task(nap, dropped));
    int rc = coro_join(task, NULL);

    const coro_task_options options = {.name = "look-up"};
    coro_release(coro_create_task_with(&options, look_up, user));
    if (rc == 0)
        rc = coro_yield(); /* it runs, fails, and nobody holds it any more */

    show("a task awaits itself", coro_await(coro_current_task(), NULL));

    task = coro_create_task(NULL, NULL); /* cannot be created: NULL */
    show("a task that could not be created", coro_join(task, NULL));

    coro_future *future = coro_create_future();
    coro_set_result(future, 0, NULL);
    show("a result set twice", coro_set_result(future, 0, NULL));
    coro_release(future);

    show("a run inside a run", coro_run(nap, NULL));
    printf("%.1f s in all\n", (double)(coro_now() - began) / CORO_SECOND);
    return rc;
}

int main(void)
{
    show("a sleep outside a loop", coro_sleep(CORO_SECOND));
    const coro_run_options options = {.log = on_report};
    return coro_run_with(&options, mistakes_main, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
