/* SPDX-License-Identifier: MIT */
/*
 * What the suites share. Time in tests is the virtual clock.
 *
 *     TASK_TEST(a_sleep_takes_its_time)       the body is the main task of a run
 *     {
 *         ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
 *         ck_assert_int_eq(coro_now(), CORO_SECOND);
 *         return 0;
 *     }
 *
 *     int main(void)
 *     {
 *         const TTest *const tests[] = {a_sleep_takes_its_time, NULL};
 *         return run_suite("sleep", tests);
 *     }
 *
 * Whatever such a test traces or has logged it must also expect, or it fails.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <coro.h>

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* Task functions have an argument, which most of those in tests do not need. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs the tests, up to a NULL, and returns the exit status of the program. */
int run_suite(const char *name, const TTest *const tests[]);

/* Has this called, which may assert, before the tests of each suite that follows: once, in the
 * process that they are children of. */
void prepare_suites(void (*fn)(void));

#define TASK_TEST(name)                \
    static int name##_main(void *arg); \
    START_TEST(name)                   \
    {                                  \
        run_main(name##_main);         \
    }                                  \
    END_TEST                           \
    static int name##_main(void *arg)

/* Runs the main task of a test, which must return 0. */
void run_main(coro_fn *fn);

/* Virtual clock and recorded log, for a test with options of its own; and a run with these. */
coro_run_options test_options(void);
int run_test(coro_fn *fn, void *arg);

/* --- The trace: words in the order in which they were traced ---------------------------------- */
void trace(const char *format, ...) CORO_PRINTF(1, 2);

/* Compares the whole trace, words separated by a space, and empties it. */
void expect_trace(const char *expected);

/* Hands the whole trace out and empties it. */
void take_trace(char *copy, size_t size);

/* A done callback that traces its argument, a string. */
void trace_done(coro_task *task, void *name);

/* --- The log: what the run reported ----------------------------------------------------------- */
void record_log(void *arg, const coro_log_record *record);

/* Slow steps are recorded only if this is set. */
extern bool slow_steps_wanted;

/* Takes the oldest record, which must be this event with this error and contain the text. */
void expect_log(enum coro_log_event event, int error, const char *text);

/* How many records there are; and no more to be expected. */
size_t logged(void);
void forget_log(void);

/* --- Tasks for tests -------------------------------------------------------------------------- */
/* A number as the argument of a task. */
#define ARG(number) ((void *)(intptr_t)(number))
#define NUMBER(arg) ((int)(intptr_t)(arg))

/* A task that must have been created. */
coro_task *spawn(coro_fn *fn, void *arg);

int returns(void *status); /* at once */
int yields_and_returns(void *status);
int sleeps(void *milliseconds);  /* returns what coro_sleep did */
int forever(void *arg);          /* sleeps until cancelled */
int awaits(void *task);          /* returns what coro_await did */
int refuses(void *milliseconds); /* sleeps, and returns 7 if that was cancelled */

/* Lets some passes of the loop go by. */
void passes(int count);

/* --- Memory ----------------------------------------------------------------------------------- */
bool is_filled(const void *memory, size_t size, int byte);

/* Whether the page that begins there takes memory. */
bool is_resident(const void *page);

/* --- What a test cannot work under ------------------------------------------------------------ */
bool under_valgrind(void);
bool sanitized(void); /* by any sanitizer that was compiled in */

/* A hundredth under Valgrind, which looks through all its stacks whenever a stack pointer jumps,
 * and no more than the thread sanitizer knows contexts. */
int many(int number);

/* Says aloud that the test is skipped; what it calls for is that the test returns. */
void skip(const char *why);

#ifdef __cplusplus
}
#endif

#endif
