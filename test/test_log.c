/* SPDX-License-Identifier: MIT */
/* Reports: to the hook with all its fields, else to stderr. */
#include "support.h"

#include "util/log.h"

#include <stdio.h>
#include <unistd.h>

struct received {
    coro_log_record record;
    char message[1024];
    int calls;
};

static void receive(void *arg, const coro_log_record *record)
{
    struct received *received = arg;
    received->record = *record;
    snprintf(received->message, sizeof received->message, "%s", record->message);
    received->calls++;
    errno = EBUSY;
}

/* CPython: test_base_events.BaseEventLoopTests.test_set_exc_handler_custom
 * test_base_events.BaseEventLoopTests.test_default_exc_handler_coro */
START_TEST(the_hook_gets_the_report)
{
    struct received received = {.calls = 0};
    const struct coro__log log = {.fn = receive, .arg = &received};
    errno = ENOENT;
    coro__log(&log, CORO_LOG_SHIELD_ERROR, NULL, -EIO, "%s %d", "number", 5);
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(received.calls, 1);
    ck_assert_str_eq(received.message, "number 5");
    ck_assert_int_eq(received.record.event, CORO_LOG_SHIELD_ERROR);
    ck_assert_int_eq(received.record.error, -EIO);
    ck_assert_ptr_null(received.record.task);
}
END_TEST

START_TEST(a_long_report_is_cut)
{
    struct received received = {.calls = 0};
    const struct coro__log log = {.fn = receive, .arg = &received};
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    coro__log(&log, CORO_LOG_DEADLOCK, NULL, 0, "%s", text);
    ck_assert_uint_gt(strlen(received.message), 400);
    ck_assert_uint_lt(strlen(received.message), 600);
}
END_TEST

/* Runs a task function with stderr going into the text. */
static void run_with_stderr(coro_fn *fn, char *text, size_t size)
{
    const coro_run_options options = {.virtual_clock = true};
    FILE *file = tmpfile();
    const int saved = dup(STDERR_FILENO);
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    const int rc = coro_run_with(&options, fn, NULL);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    ck_assert_int_eq(rc, 0);
}

static int fails(void *arg)
{
    return coro_fail(-EIO, "unread");
}

static int drops_an_error(void *arg)
{
    coro_release(spawn(fails, NULL));
    passes(1);
    return 0;
}

START_TEST(without_a_hook_reports_go_to_stderr)
{
    char text[1024];
    run_with_stderr(drops_an_error, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "libcoro: task 'Task-2' (entry: fails) failed and its error "
                                       "was never retrieved: unread\n"));
}
END_TEST

/* --- What a hook may do ----------------------------------------------------------------------- */
static coro_task *kept;

static void keep(void *arg, const coro_log_record *record)
{
    ck_assert_ptr_null(kept);
    kept = coro_retain(record->task);
    ck_assert_int_eq(coro_yield(), -EPERM);
}

START_TEST(a_hook_may_keep_the_task)
{
    const coro_run_options options = {.virtual_clock = true, .log = keep};
    ck_assert_int_eq(coro_run_with(&options, drops_an_error, NULL), 0);
    ck_assert_int_eq(coro_result(kept, NULL), -EIO);
    ck_assert_str_eq(coro_error_message(kept), "unread");
    ck_assert_str_eq(coro_get_name(kept), "Task-2");
    coro_release(kept); /* it has been read now */
}
END_TEST

static void create_one(void *arg, const coro_log_record *record)
{
    coro_release(coro_create_task(returns, NULL));
    ++*(int *)arg;
}

START_TEST(a_hook_may_create_a_task)
{
    int calls = 0;
    const coro_run_options options = {.virtual_clock = true, .log = create_one, .log_arg = &calls};
    ck_assert_int_eq(coro_run_with(&options, drops_an_error, NULL), 0);
    ck_assert_int_eq(calls, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_hook_gets_the_report, a_long_report_is_cut,     without_a_hook_reports_go_to_stderr,
        a_hook_may_keep_the_task, a_hook_may_create_a_task, NULL,
    };
    return run_suite("log", tests);
}
