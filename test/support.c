/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { SECONDS_A_TEST = 30 };

static void (*preparation)(void);

void prepare_suites(void (*fn)(void))
{
    preparation = fn;
}

int run_suite(const char *name, const TTest *const tests[])
{
    Suite *suite = suite_create(name);
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, SECONDS_A_TEST);
    if (preparation)
        tcase_add_unchecked_fixture(cases, preparation, NULL);
    for (size_t i = 0; tests[i]; i++)
        tcase_add_test(cases, tests[i]);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

coro_run_options test_options(void)
{
    coro_run_options options = {0};
    options.virtual_clock = true;
    options.log = record_log;
    return options;
}

int run_test(coro_fn *fn, void *arg)
{
    const coro_run_options options = test_options();
    return coro_run_with(&options, fn, arg);
}

/* --- The trace -------------------------------------------------------------------------------- */
static char traced[8192];
static size_t traced_length;

void trace(const char *format, ...)
{
    char *end = traced + traced_length;
    const size_t room = sizeof traced - traced_length;
    const char *space = traced_length ? " " : "";
    va_list args;
    va_start(args, format);
    int length = snprintf(end, room, "%s", space);
    length += vsnprintf(end + length, room - (size_t)length, format, args);
    va_end(args);
    ck_assert_msg((size_t)length < room, "the trace is full");
    traced_length += (size_t)length;
}

static void empty_trace(void)
{
    traced[0] = '\0';
    traced_length = 0;
}

void expect_trace(const char *expected)
{
    ck_assert_str_eq(traced, expected);
    empty_trace();
}

void take_trace(char *copy, size_t size)
{
    ck_assert_uint_lt(traced_length, size);
    memcpy(copy, traced, traced_length + 1);
    empty_trace();
}

void trace_done(coro_task *task, void *name)
{
    ck_assert(coro_done(task));
    trace("%s", (const char *)name);
}

/* --- The log ---------------------------------------------------------------------------------- */
struct log_entry {
    enum coro_log_event event;
    int error;
    char message[512];
};

enum { MOST_RECORDS = 64 };

static struct log_entry records[MOST_RECORDS];
static size_t records_count, records_taken;

bool slow_steps_wanted;

void record_log(void *arg, const coro_log_record *record)
{
    /* On a busy machine any step may be one. */
    if (record->event == CORO_LOG_SLOW_STEP && !slow_steps_wanted)
        return;
    ck_assert_msg(records_count < MOST_RECORDS, "the log is full");
    ck_assert_ptr_null(strchr(record->message, '\n'));
    struct log_entry *entry = &records[records_count++];
    entry->event = record->event;
    entry->error = record->error;
    snprintf(entry->message, sizeof entry->message, "%s", record->message);
}

void expect_log(enum coro_log_event event, int error, const char *text)
{
    ck_assert_msg(records_taken < records_count, "nothing was logged of '%s'", text);
    const struct log_entry *entry = &records[records_taken++];
    ck_assert_msg(strstr(entry->message, text) != NULL, "logged '%s' instead of '%s'",
                  entry->message, text);
    ck_assert_int_eq(entry->event, event);
    ck_assert_int_eq(entry->error, error);
}

size_t logged(void)
{
    return records_count - records_taken;
}

void forget_log(void)
{
    records_taken = records_count;
}

void run_main(coro_fn *fn)
{
    ck_assert_int_eq(run_test(fn, NULL), 0);
    ck_assert_msg(logged() == 0, "logged: %s", records[records_taken].message);
    expect_trace("");
}

/* --- Tasks ------------------------------------------------------------------------------------ */
coro_task *spawn(coro_fn *fn, void *arg)
{
    coro_task *task = coro_create_task(fn, arg);
    ck_assert_ptr_nonnull(task);
    return task;
}

int returns(void *status)
{
    return NUMBER(status);
}

int yields_and_returns(void *status)
{
    const int rc = coro_yield();
    return rc < 0 ? rc : NUMBER(status);
}

int sleeps(void *milliseconds)
{
    return coro_sleep(NUMBER(milliseconds) * CORO_MILLISECOND);
}

int forever(void *arg)
{
    return coro_sleep(CORO_FOREVER);
}

int awaits(void *task)
{
    return coro_await((coro_task *)task, NULL);
}

int refuses(void *milliseconds)
{
    return sleeps(milliseconds) == -ECANCELED ? 7 : 0;
}

void passes(int count)
{
    while (count-- > 0)
        ck_assert_int_eq(coro_yield(), 0);
}

/* --- Where a test cannot work ----------------------------------------------------------------- */
bool under_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded && strstr(preloaded, "vgpreload");
}

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#ifdef __SANITIZE_THREAD__
enum { THREAD_SANITIZED = 1 };
#else
enum { THREAD_SANITIZED = __has_feature(thread_sanitizer) };
#endif
#ifdef __SANITIZE_ADDRESS__
enum { ADDRESS_SANITIZED = 1 };
#else
enum { ADDRESS_SANITIZED = __has_feature(address_sanitizer) };
#endif

bool is_filled(const void *memory, size_t size, int byte)
{
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)byte)
            return false;
    return true;
}

bool is_resident(const void *page)
{
    unsigned char resident = 0;
    return mincore((void *)(uintptr_t)page, 1, &resident) == 0 && (resident & 1);
}

bool sanitized(void)
{
    return THREAD_SANITIZED || ADDRESS_SANITIZED;
}

int many(int number)
{
    if (under_valgrind())
        return number / 100;
    return THREAD_SANITIZED && number > 5000 ? 5000 : number;
}

void skip(const char *why)
{
    printf("# SKIP %s\n", why);
    fflush(stdout);
}
