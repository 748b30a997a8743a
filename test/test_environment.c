/* SPDX-License-Identifier: MIT */
/* What belongs to a thread and follows a task: errno, and the fp control words of one that asks. */
#include "support.h"

#include <fenv.h>

static const coro_task_options fp_env = {.fp_env = true};

/* The compiler must not move the reading of the mode. */
static __attribute__((noinline)) double third(void)
{
    volatile double one = 1, three = 3;
    return one / three;
}

static int rounding(void)
{
    return fegetround();
}

/* --- errno ------------------------------------------------------------------------------------ */
static int keeps_errno(void *number)
{
    errno = NUMBER(number);
    passes(1);
    ck_assert_int_eq(errno, NUMBER(number));
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert_int_eq(errno, NUMBER(number));
    return 0;
}

TASK_TEST(errno_is_kept_per_task)
{
    coro_task *tasks[5];
    errno = 99;
    for (int i = 0; i < 5; i++)
        tasks[i] = spawn(keeps_errno, ARG(i + 1));
    ck_assert_int_eq(errno, 99);
    ck_assert_int_eq(coro_gather(tasks, 5, 0), 0);
    ck_assert_int_eq(errno, 99);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    ck_assert_int_eq(errno, 99);
    return 0;
}

static int starts_without_errno(void *arg)
{
    return errno;
}

TASK_TEST(a_task_starts_with_errno_zero)
{
    const coro_task_options eager = {.eager_start = true};
    errno = 99;
    ck_assert_int_eq(coro_join(spawn(starts_without_errno, NULL), NULL), 0);
    ck_assert_int_eq(coro_join(coro_create_task_with(&eager, starts_without_errno, NULL), NULL), 0);
    ck_assert_int_eq(errno, 99);
    return 0;
}

TASK_TEST(the_library_leaves_errno_alone)
{
    errno = 99;
    ck_assert_int_eq(coro_await(coro_current_task(), NULL), -EDEADLK);
    ck_assert_int_eq(coro_wait(NULL, 0, CORO_ALL_COMPLETED, 0), -EINVAL);
    coro_task *task = spawn(forever, NULL);
    ck_assert_int_eq(coro_wait_for(task, CORO_SECOND, NULL), -ETIMEDOUT);
    coro_release(task);
    ck_assert_int_eq(errno, 99);
    return 0;
}

static int sets_errno(void *arg)
{
    errno = 42;
    return coro_yield();
}

START_TEST(a_run_gives_the_callers_errno_back)
{
    errno = 99;
    ck_assert_int_eq(run_test(sets_errno, NULL), 0);
    ck_assert_int_eq(errno, 99);
}
END_TEST

/* --- Floating-point control ------------------------------------------------------------------- */
static int keeps_rounding(void *mode)
{
    const int mine = NUMBER(mode);
    ck_assert_int_eq(rounding(), FE_TONEAREST);
    fesetround(mine);
    const double before = third();
    for (int i = 0; i < 3; i++) {
        passes(1);
        ck_assert_int_eq(rounding(), mine);
        ck_assert(third() == before);
    }
    ck_assert_int_eq(coro_sleep(CORO_SECOND), 0);
    ck_assert_int_eq(rounding(), mine);
    return 0;
}

static int sees_the_default(void *arg)
{
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(rounding(), FE_TONEAREST);
        passes(1);
    }
    return 0;
}

static int modes_side_by_side(void *arg)
{
    coro_task *tasks[] = {
        coro_create_task_with(&fp_env, keeps_rounding, ARG(FE_UPWARD)),
        spawn(sees_the_default, NULL),
        coro_create_task_with(&fp_env, keeps_rounding, ARG(FE_DOWNWARD)),
        spawn(sees_the_default, NULL),
        coro_create_task_with(&fp_env, keeps_rounding, ARG(FE_TOWARDZERO)),
    };
    ck_assert_int_eq(coro_gather(tasks, 5, 0), 0);
    ck_assert_int_eq(rounding(), FE_TONEAREST);
    for (int i = 0; i < 5; i++)
        coro_release(tasks[i]);
    return 0;
}

START_TEST(a_task_with_fp_env_keeps_its_rounding_mode_to_itself)
{
    for (int debug = 0; debug < 2; debug++) {
        coro_run_options options = test_options();
        options.debug = debug;
        ck_assert_int_eq(coro_run_with(&options, modes_side_by_side, NULL), 0);
        ck_assert_int_eq(rounding(), FE_TONEAREST);
    }
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int ends_rounding_up(void *arg)
{
    fesetround(FE_UPWARD);
    return 0;
}

TASK_TEST(a_task_with_fp_env_takes_its_mode_with_it_when_it_ends)
{
    coro_task *task = coro_create_task_with(&fp_env, ends_rounding_up, NULL);
    coro_task *next = spawn(sees_the_default, NULL);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_int_eq(rounding(), FE_TONEAREST);
    ck_assert_int_eq(coro_join(next, NULL), 0);
    return 0;
}

TASK_TEST(an_eager_task_with_fp_env_leaves_its_creator_alone)
{
    const coro_task_options options = {.fp_env = true, .eager_start = true};
    coro_task *task = coro_create_task_with(&options, keeps_rounding, ARG(FE_UPWARD));
    ck_assert_int_eq(rounding(), FE_TONEAREST);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_int_eq(rounding(), FE_TONEAREST);
    return 0;
}

static int runs_with_the_callers_mode(void *arg)
{
    coro_task *task = coro_create_task_with(&fp_env, returns, NULL);
    ck_assert_int_eq(rounding(), FE_DOWNWARD);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    return rounding() == FE_DOWNWARD ? 0 : -1;
}

START_TEST(tasks_share_the_mode_that_the_run_was_started_with)
{
    fesetround(FE_DOWNWARD);
    ck_assert_int_eq(run_test(runs_with_the_callers_mode, NULL), 0);
    ck_assert_int_eq(rounding(), FE_DOWNWARD);
    fesetround(FE_TONEAREST);
}
END_TEST

/* --- Debug mode ------------------------------------------------------------------------------- */
static int changes_rounding(void *arg)
{
    fesetround(FE_UPWARD);
    return coro_yield();
}

static int lets_two_change_it(void *arg)
{
    const coro_task_options careless = {.name = "careless"};
    coro_task *tasks[] = {coro_create_task_with(&careless, changes_rounding, NULL),
                          spawn(sees_the_default, NULL),
                          coro_create_task_with(&careless, ends_rounding_up, NULL)};
    ck_assert_int_eq(coro_gather(tasks, 3, 0), 0);
    for (int i = 0; i < 3; i++)
        coro_release(tasks[i]);
    return 0;
}

START_TEST(debug_mode_reports_a_task_that_changes_the_control_words_and_puts_them_right)
{
    coro_run_options options = test_options();
    options.debug = true;
    ck_assert_int_eq(coro_run_with(&options, lets_two_change_it, NULL), 0);
    expect_log(CORO_LOG_FP_ENV_CHANGED, 0, "'careless' (entry: changes_rounding)");
    expect_log(CORO_LOG_FP_ENV_CHANGED, 0, "'careless' (entry: ends_rounding_up)");
    ck_assert_uint_eq(logged(), 0);
    ck_assert_int_eq(rounding(), FE_TONEAREST);
}
END_TEST

/* --- A hook that acts on what was about to run ------------------------------------------------ */
static coro_handle next_call;

static void traces_call(void *name)
{
    trace("%s", (const char *)name);
}

static void does_nothing(void *arg)
{
}

static void cancels_the_next_call(void *arg, const coro_log_record *record)
{
    if (record->event != CORO_LOG_FP_ENV_CHANGED) /* a slow machine has slow steps */
        return;
    for (int i = 0; i < 5000; i++)
        ck_assert_int_eq(coro_call_soon(does_nothing, NULL, NULL), 0);
    trace("cancelled %d", coro_handle_cancel(&next_call));
}

static int leaves_with_a_call_next(void *arg)
{
    coro_call_soon(traces_call, (void *)"call", &next_call);
    coro_call_soon(traces_call, (void *)"other", NULL);
    fesetround(FE_UPWARD);
    coro_yield();
    ck_assert(!coro_handle_cancel(&next_call));
    return 0;
}

START_TEST(a_hook_may_cancel_the_call_that_comes_next)
{
    const coro_run_options options = {
        .virtual_clock = true, .debug = true, .log = cancels_the_next_call};
    ck_assert_int_eq(coro_run_with(&options, leaves_with_a_call_next, NULL), 0);
    expect_trace("cancelled 1 other");
    ck_assert_int_eq(rounding(), FE_TONEAREST);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        errno_is_kept_per_task,
        a_task_starts_with_errno_zero,
        the_library_leaves_errno_alone,
        a_run_gives_the_callers_errno_back,
        a_task_with_fp_env_keeps_its_rounding_mode_to_itself,
        a_task_with_fp_env_takes_its_mode_with_it_when_it_ends,
        an_eager_task_with_fp_env_leaves_its_creator_alone,
        tasks_share_the_mode_that_the_run_was_started_with,
        debug_mode_reports_a_task_that_changes_the_control_words_and_puts_them_right,
        a_hook_may_cancel_the_call_that_comes_next,
        NULL,
    };
    return run_suite("environment", tests);
}
