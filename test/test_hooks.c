/* SPDX-License-Identifier: MIT */
/*
 * Log hooks that do more than to log, wherever a report may come from: every event of a run with
 * every thing that a hook may do, and the moments that are the most awkward.
 *
 * The program is linked so that the library's mmap and clock_gettime come here (--wrap; see the
 * Makefile).
 */
#include "support.h"

#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

/* NULL where the program was linked without --wrap. */
#define REAL __attribute__((weak))
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) REAL;
int __real_clock_gettime(clockid_t clock, struct timespec *time) REAL;
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

/* A stack for which there is no memory. */
enum { HUGE_STACK = 1 << 30 };

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (size < HUGE_STACK)
        return __real_mmap(at, size, protection, flags, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

static time_t seconds_later; /* it is than it is */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    const int rc = __real_clock_gettime(clock, time);
    time->tv_sec += seconds_later;
    return rc;
}

/* --- A run that makes every report ------------------------------------------------------------ */
static coro_future *never; /* has no result, unless a hook gives it one */

static int fails(void *arg)
{
    return coro_fail(-EIO, "unread");
}

static int fails_in_a_second(void *arg)
{
    coro_sleep(CORO_SECOND);
    return coro_fail(-EIO, "unread");
}

static int fails_when_cancelled(void *arg)
{
    coro_sleep(CORO_FOREVER);
    return coro_fail(-EIO, "unread");
}

static int shields(void *task)
{
    return coro_shield((coro_task *)task, NULL);
}

static int leaves_blocks_open(void *arg)
{
    coro_timeout scope;
    coro_group group;
    coro_completed completed;
    coro_signal signals;
    const int number = SIGUSR1;
    coro_signal_begin(&signals, &number, 1);
    coro_timeout_begin(&scope, CORO_SECOND);
    coro_group_begin(&group);
    return coro_completed_begin(&completed, &never, 1, CORO_SECOND);
}

static int rounds_up(void *arg)
{
    fesetround(FE_UPWARD);
    return coro_yield();
}

static int takes_its_time(void *arg)
{
    seconds_later++;
    return coro_yield();
}

static void callback_takes_its_time(coro_task *task, void *arg)
{
    seconds_later++;
}

static int never_ends(void *arg)
{
    while (never) {
        if (coro_done(never)) { /* or cancelled, with whoever waited for it */
            coro_release(never);
            never = coro_create_future();
        }
        coro_await(never, NULL);
    }
    return 0;
}

static void give_up_waiting(coro_task *task)
{
    coro_task *caller = spawn(shields, task);
    coro_yield();
    coro_yield(); /* it has run by now, in any order */
    coro_cancel(caller);
    coro_join(caller, NULL);
}

static void leave_unread(void)
{
    coro_task *task = spawn(fails, NULL);
    coro_yield();
    coro_release(task);               /* reported to the hook by a task that runs */
    coro_release(spawn(fails, NULL)); /* by one that is ending */
    coro_yield();
    const coro_task_options huge = {.stack_size = HUGE_STACK};
    coro_release(coro_create_task_with(&huge, fails, NULL)); /* and while another one ends */
    coro_join(spawn(returns, NULL), NULL);

    coro_future *future = coro_create_future();
    coro_set_error(future, -EIO, "unread");
    coro_release(future);
}

static int makes_every_report(void *arg)
{
    leave_unread();

    coro_task *task = spawn(fails_in_a_second, NULL);
    coro_future *future = coro_create_future();
    give_up_waiting(task);
    give_up_waiting(future);
    coro_set_error(future, -EIO, "unread");
    coro_sleep(2 * CORO_SECOND);
    coro_release(task);
    coro_release(future);

    future = coro_create_future();
    coro_add_done_callback(future, trace_done, NULL);
    coro_release(future);

    coro_join(spawn(leaves_blocks_open, NULL), NULL);
    coro_join(spawn(rounds_up, NULL), NULL);
    task = spawn(takes_its_time, NULL);
    coro_add_done_callback(task, callback_takes_its_time, NULL);
    coro_join(task, NULL);

    coro_release(spawn(fails_when_cancelled, NULL));
    coro_release(spawn(never_ends, NULL));
    coro_release(spawn(never_ends, NULL));
    return coro_await(never, NULL);
}

/* --- With every thing that a hook may do ------------------------------------------------------ */
enum {
    EVERY_EVENT = 1 << CORO_LOG_NEVER_RETRIEVED | 1 << CORO_LOG_DESTROYED_PENDING |
                  1 << CORO_LOG_DEADLOCK | 1 << CORO_LOG_SHUTDOWN_ERROR |
                  1 << CORO_LOG_SHIELD_ERROR | 1 << CORO_LOG_TIMEOUT_NOT_ENDED |
                  1 << CORO_LOG_GROUP_NOT_ENDED | 1 << CORO_LOG_COMPLETED_NOT_ENDED |
                  1 << CORO_LOG_SLOW_STEP | 1 << CORO_LOG_HANDLES_HELD |
                  1 << CORO_LOG_FP_ENV_CHANGED | 1 << CORO_LOG_SIGNAL_NOT_ENDED,
    MOST_CREATED = 1000,
    MOST_CALLS = 10000, /* a report that does not end comes to this */
};

static unsigned events;
static int calls, started, in_hook;
static coro_task *created[MOST_CREATED];
static size_t created_count;

static void keep(coro_task *task)
{
    if (created_count < MOST_CREATED)
        created[created_count++] = task;
    else
        coro_release(task);
}

static void release_created(bool all_done)
{
    for (; created_count > 0; coro_release(created[created_count]))
        ck_assert(coro_done(created[--created_count]) || !all_done);
}

/* Its stack must be its own. */
static int fills_stack(void *word)
{
    char space[1024];
    bool intact = true;
    started++;
    memset(space, started, sizeof space);
    const char mine = space[0];
    ck_assert_int_eq(in_hook, 0);
    for (int i = 0; i < 3; i++) {
        const int rc = coro_yield();
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < sizeof space; k++)
            intact = intact && space[k] == mine;
    }
    ck_assert(intact);
    ck_assert(!word || strcmp(word, "hello") == 0);
    return 0;
}

static void creates_tasks(const coro_log_record *record)
{
    for (int i = 0; i < 5; i++)
        keep(coro_create_task(fills_stack, NULL));
}

static void creates_tasks_with_arguments(const coro_log_record *record)
{
    char word[64] = "hello";
    const coro_task_options options = {.arg_size = sizeof word};
    for (int i = 0; i < 3; i++)
        keep(coro_create_task_with(&options, fills_stack, word));
    memset(word, 'x', sizeof word);
}

static void creates_many_tasks(const coro_log_record *record)
{
    /* More than there were places for. */
    for (int i = 0; i < 70; i++)
        keep(coro_create_task(fills_stack, NULL));
}

static void settles_a_future(const coro_log_record *record)
{
    const int rc = coro_set_result(never, 0, NULL);
    ck_assert(rc == 0 || rc == -EALREADY || rc == -EXDEV);
    coro_future *next = coro_create_future();
    if (!next) /* the run is over */
        return;
    coro_release(never);
    never = next;
}

static void cancels_all(const coro_log_record *record)
{
    coro_task *tasks[100];
    const size_t count = coro_all_tasks(tasks, 100);
    for (size_t i = 0; i < count && i < 100; i++)
        coro_cancel(tasks[i]);
}

static void waits(const coro_log_record *record)
{
    coro_timeout scope;
    coro_group group;
    coro_completed completed;
    coro_task *task;
    ck_assert_ptr_null(coro_current_task());
    ck_assert_int_eq(coro_yield(), -EPERM);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), -EPERM);
    ck_assert_int_eq(coro_await(never, NULL), -EPERM);
    ck_assert_int_eq(coro_shield(never, NULL), -EPERM);
    ck_assert_int_eq(coro_wait_for(never, 0, NULL), -EPERM);
    ck_assert_int_eq(coro_gather(&never, 1, 0), -EPERM);
    ck_assert_int_eq(coro_wait(&never, 1, CORO_ALL_COMPLETED, 0), -EPERM);
    ck_assert_int_eq(coro_timeout_begin(&scope, 0), -EPERM);
    ck_assert_int_eq(coro_group_begin(&group), -EPERM);
    ck_assert_int_eq(coro_completed_begin(&completed, &never, 1, 0), -EPERM);
    ck_assert_int_lt(coro_completed_next(&completed, &task), 0);
    ck_assert_int_eq(coro_run(returns, NULL), -EPERM);
}

static void looks_around(const coro_log_record *record)
{
    coro_task *tasks[100];
    const size_t count = coro_all_tasks(tasks, 100);
    for (size_t i = 0; i < count && i < 100; i++)
        ck_assert(!coro_done(tasks[i]));
    coro_now();
    if (!record->task)
        return;
    coro_get_name(record->task);
    coro_result(record->task, NULL);
    ck_assert(record->error == 0 || coro_error_message(record->task));
}

static void keeps_the_task(const coro_log_record *record)
{
    keep(coro_retain(record->task));
}

/* A report in the midst of a report. */
static void leaves_an_error_unread(const coro_log_record *record)
{
    if (in_hook > 3)
        return;
    coro_future *future = coro_create_future();
    coro_set_error(future, -EIO, "unread");
    coro_release(future);
}

/* Where the library is not ready yet for a hook that creates tasks. */
static bool must_not_create(const coro_log_record *record)
{
    return record->event == CORO_LOG_FP_ENV_CHANGED || record->event == CORO_LOG_SLOW_STEP ||
           record->event == CORO_LOG_HANDLES_HELD;
}

static void act(void *arg, const coro_log_record *record)
{
    void (*const *action)(const coro_log_record *) = arg;
    ck_assert_int_lt(++calls, MOST_CALLS);
    events |= 1u << record->event;
    in_hook++;
    if (!must_not_create(record))
        (*action)(record);
    in_hook--;
}

static int makes_a_future_first(void *arg)
{
    never = coro_create_future();
    return makes_every_report(arg);
}

static void test_action(void (*action)(const coro_log_record *), bool all_the_same)
{
    coro_run_options options = test_options();
    options.log = act;
    options.log_arg = &action;
    for (int round = 0; round < 4; round++) {
        options.debug = all_the_same || round % 2;
        options.seed = (uint64_t)round / 2;
        events = 0;
        calls = started = 0;
        const int rc = coro_run_with(&options, makes_a_future_first, NULL);
        ck_assert_int_eq(rc, -EDEADLK);
        if (options.debug && all_the_same)
            ck_assert_uint_eq(events & EVERY_EVENT, EVERY_EVENT);
        coro_release(never);
        release_created(false);
    }
    expect_trace("");
}

static bool cannot_work(const char *test)
{
    if (__real_mmap && __real_clock_gettime)
        return false;
    skip(test);
    return true;
}

START_TEST(a_hook_may_create_tasks)
{
    if (cannot_work("a_hook_may_create_tasks: linked without --wrap"))
        return;
    test_action(creates_tasks, true);
    ck_assert_int_gt(started, 0);
}
END_TEST

START_TEST(a_hook_may_create_tasks_that_want_a_stack_at_once)
{
    if (cannot_work("a_hook_may_create_tasks_that_want_a_stack_at_once: linked without --wrap"))
        return;
    test_action(creates_tasks_with_arguments, true);
    ck_assert_int_gt(started, 0);
}
END_TEST

START_TEST(a_hook_may_create_more_tasks_than_there_were_places)
{
    if (cannot_work("a_hook_may_create_more_tasks_than_there_were_places: linked without --wrap"))
        return;
    test_action(creates_many_tasks, true);
    ck_assert_int_gt(started, 0);
}
END_TEST

START_TEST(a_hook_may_settle_futures)
{
    if (!cannot_work("a_hook_may_settle_futures: linked without --wrap"))
        test_action(settles_a_future, true);
}
END_TEST

START_TEST(a_hook_may_cancel_all_tasks)
{
    if (!cannot_work("a_hook_may_cancel_all_tasks: linked without --wrap"))
        test_action(cancels_all, false);
}
END_TEST

START_TEST(a_hook_cannot_wait)
{
    if (!cannot_work("a_hook_cannot_wait: linked without --wrap"))
        test_action(waits, true);
}
END_TEST

START_TEST(a_hook_may_look_around)
{
    if (!cannot_work("a_hook_may_look_around: linked without --wrap"))
        test_action(looks_around, true);
}
END_TEST

START_TEST(a_hook_may_keep_what_it_is_told_about)
{
    if (!cannot_work("a_hook_may_keep_what_it_is_told_about: linked without --wrap"))
        test_action(keeps_the_task, true);
}
END_TEST

START_TEST(a_hook_may_cause_another_report)
{
    if (!cannot_work("a_hook_may_cause_another_report: linked without --wrap"))
        test_action(leaves_an_error_unread, true);
}
END_TEST

/* --- Deadlocks -------------------------------------------------------------------------------- */
struct lines {
    coro_log_fn *then; /* called after each, with its number in `count` */
    int count;
    int listed; /* those about a task or future */
    int fresh;  /* those about a task that the hook has created */
    char last[128];
};

static bool is_created(const coro_task *task)
{
    for (size_t i = 0; i < created_count; i++)
        if (created[i] == task)
            return true;
    return false;
}

static void count_lines(void *arg, const coro_log_record *record)
{
    struct lines *lines = arg;
    ck_assert_int_lt(++lines->count, MOST_CALLS);
    lines->listed += record->task != NULL;
    lines->fresh += is_created(record->task);
    strncpy(lines->last, record->message, sizeof lines->last - 1);
    if (!lines->then)
        return;
    in_hook++;
    lines->then(arg, record);
    in_hook--;
}

static int run_counting(struct lines *lines, coro_fn *fn, void *arg)
{
    coro_run_options options = test_options();
    options.log = count_lines;
    options.log_arg = lines;
    return coro_run_with(&options, fn, arg);
}

static int gathers_futures(void *count)
{
    static coro_future *futures[2000];
    for (int i = 0; i < NUMBER(count); i++)
        futures[i] = coro_create_future();
    const int rc = coro_gather(futures, (size_t)NUMBER(count), 0);
    for (int i = 0; i < NUMBER(count); i++)
        coro_release(futures[i]);
    return rc;
}

START_TEST(a_deadlock_report_ends_after_a_thousand_lines)
{
    struct lines lines = {.then = NULL};
    ck_assert_int_eq(run_counting(&lines, gathers_futures, ARG(1500)), -EDEADLK);
    ck_assert_int_eq(lines.listed, 1000);
    ck_assert_int_eq(lines.count, 1002); /* with the first and the last */
    ck_assert_str_eq(lines.last, "  and so on");

    lines = (struct lines){.then = NULL};
    ck_assert_int_eq(run_counting(&lines, gathers_futures, ARG(998)), -EDEADLK);
    ck_assert_int_eq(lines.listed, 999);
    ck_assert_int_eq(lines.count, 1000);
    ck_assert_str_ne(lines.last, "  and so on");
}
END_TEST

static int awaits_itself(void *arg)
{
    return coro_await(*(coro_task **)arg, NULL);
}

/* Half of them in pairs that wait for each other. */
static int has_many_parked(void *arg)
{
    enum { PARKED = 40 };
    static coro_task *tasks[PARKED];
    for (int i = 0; i < PARKED; i++)
        tasks[i] = i % 2 ? spawn(forever, NULL) : spawn(awaits_itself, &tasks[i ^ 2]);
    const int rc = coro_sleep(CORO_FOREVER);
    for (int i = 0; i < PARKED; i++)
        coro_release(tasks[i]);
    return rc;
}

enum { LINES_OF_MANY = 1 + 41 + 10 }; /* the second of a pair names the first again */

START_TEST(a_deadlock_report_names_each_task)
{
    struct lines lines = {.then = NULL};
    ck_assert_int_eq(run_counting(&lines, has_many_parked, NULL), -EDEADLK);
    ck_assert_int_eq(lines.count, LINES_OF_MANY);
}
END_TEST

static void create_many(void *arg, const coro_log_record *record)
{
    creates_many_tasks(record);
}

START_TEST(tasks_created_during_a_deadlock_report_are_not_in_it)
{
    struct lines lines = {.then = create_many};
    started = 0;
    ck_assert_int_eq(run_counting(&lines, forever, NULL), -EDEADLK);
    ck_assert_int_eq(lines.count, 2);
    ck_assert_int_eq(lines.fresh, 0);
    ck_assert_int_eq(started, 140);
    ck_assert_int_eq((int)created_count, 140);
    release_created(true);

    lines = (struct lines){.then = create_many};
    ck_assert_int_eq(run_counting(&lines, has_many_parked, NULL), -EDEADLK);
    ck_assert_int_eq(lines.count, LINES_OF_MANY);
    ck_assert_int_eq(lines.fresh, 0);
    release_created(true);
}
END_TEST

static void cancel_all_tasks(void *arg, const coro_log_record *record)
{
    cancels_all(record);
}

START_TEST(tasks_cancelled_during_a_deadlock_report_stay_in_it)
{
    struct lines lines = {.then = cancel_all_tasks};
    ck_assert_int_eq(run_counting(&lines, has_many_parked, NULL), -EDEADLK);
    ck_assert_int_le(lines.count, LINES_OF_MANY);
}
END_TEST

/* A task that is to start eagerly, settles what others wait for, and fills the queue. */
static coro_future *awaited;

static int wakes_and_creates(void *arg)
{
    /* It runs in a pass after the report, for which the main task has been cancelled meanwhile, and
     * what it awaits with it. */
    ck_assert_int_eq(coro_set_result(awaited, 0, NULL), -EALREADY);
    creates_many_tasks(NULL);
    return coro_yield();
}

static void start_eagerly_at_the_third(void *arg, const coro_log_record *record)
{
    const struct lines *lines = arg;
    const coro_task_options eager = {.eager_start = true};
    if (lines->count == 3)
        keep(coro_create_task_with(&eager, wakes_and_creates, NULL));
}

static int has_waiters(void *arg)
{
    coro_task *waiters[3];
    awaited = coro_create_future();
    for (int i = 0; i < 3; i++)
        waiters[i] = spawn(awaits, awaited);
    int rc = coro_await(awaited, NULL);
    ck_assert(rc == 0 || rc == -ECANCELED);
    for (int i = 0; i < 3; i++) {
        rc = coro_join(waiters[i], NULL);
        ck_assert(rc == 0 || rc == -ECANCELED);
    }
    coro_release(awaited);
    return 0;
}

START_TEST(a_task_created_eagerly_in_a_deadlock_report_starts_after_it)
{
    struct lines lines = {.then = start_eagerly_at_the_third};
    started = 0;
    ck_assert_int_eq(run_counting(&lines, has_waiters, NULL), -EDEADLK);
    ck_assert_int_eq(started, 70);
    release_created(true);
}
END_TEST

/* --- Tasks that are destroyed ----------------------------------------------------------------- */
static int refuses_and_awaits(void *arg)
{
    for (int i = 0; i < 100; i++) {
        coro_release(awaited);
        awaited = coro_create_future();
        ck_assert_int_eq(coro_await(awaited, NULL), -ECANCELED);
    }
    return 0;
}

static int refuses_and_sleeps(void *arg)
{
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(coro_sleep(CORO_FOREVER), -ECANCELED);
    return 0;
}

static int refuses_in_two_ways(void *arg)
{
    coro_release(spawn(refuses_and_awaits, NULL));
    return refuses_and_sleeps(NULL);
}

static void settle_what_is_destroyed(void *arg, const coro_log_record *record)
{
    if (record->event != CORO_LOG_DESTROYED_PENDING)
        return;
    ck_assert(coro_all_tasks(NULL, 0) <= 1);
    coro_cancel(record->task);
    coro_set_result(awaited, 0, NULL);
    trace("%s", coro_get_name(record->task));
}

START_TEST(what_a_destroyed_task_waits_for_may_be_settled_meanwhile)
{
    struct lines lines = {.then = settle_what_is_destroyed};
    awaited = NULL;
    ck_assert_int_eq(run_counting(&lines, refuses_in_two_ways, NULL), -EDEADLK);
    expect_trace("Task-1 Task-2");
    coro_release(awaited);
}
END_TEST

/* --- A task that ends ------------------------------------------------------------------------- */
/* Its stack is already free for the next one, and the one after that cannot start. */
static void create_with_argument(void *arg, const coro_log_record *record)
{
    creates_tasks_with_arguments(record);
}

static int ends_before_one_without_a_stack(void *arg)
{
    const coro_task_options huge = {.stack_size = HUGE_STACK};
    coro_task *last = spawn(returns, ARG(3));
    coro_release(coro_create_task_with(&huge, returns, NULL));
    ck_assert_int_eq(coro_join(last, NULL), 3);
    passes(5);
    return 0;
}

START_TEST(a_hook_called_by_a_task_that_ends_gets_no_stack_in_use)
{
    if (cannot_work("a_hook_called_by_a_task_that_ends_gets_no_stack_in_use: linked without "
                    "--wrap"))
        return;
    struct lines lines = {.then = create_with_argument};
    started = 0;
    ck_assert_int_eq(run_counting(&lines, ends_before_one_without_a_stack, NULL), 0);
    ck_assert_int_eq(lines.count, 1);
    ck_assert_int_eq(started, 3);
    release_created(true);
}
END_TEST

/* Those that have ended are not among all tasks. */
static void find_no_task_that_is_done(void *arg, const coro_log_record *record)
{
    looks_around(record);
    if (record->task)
        trace("%d:%s", record->event, coro_done(record->task) ? "done" : "pending");
}

static int leaves_one_that_fails(void *arg)
{
    coro_task *task = spawn(fails_in_a_second, NULL);
    coro_release(spawn(fails_when_cancelled, NULL));
    give_up_waiting(task);
    coro_release(task);
    return coro_sleep(2 * CORO_SECOND);
}

START_TEST(a_task_that_is_reported_has_left_the_list)
{
    char expected[64];
    struct lines lines = {.then = find_no_task_that_is_done};
    ck_assert_int_eq(run_counting(&lines, leaves_one_that_fails, NULL), 0);
    snprintf(expected, sizeof expected, "%d:done %d:done", CORO_LOG_SHIELD_ERROR,
             CORO_LOG_SHUTDOWN_ERROR);
    expect_trace(expected);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_hook_may_create_tasks,
        a_hook_may_create_tasks_that_want_a_stack_at_once,
        a_hook_may_create_more_tasks_than_there_were_places,
        a_hook_may_settle_futures,
        a_hook_may_cancel_all_tasks,
        a_hook_cannot_wait,
        a_hook_may_look_around,
        a_hook_may_keep_what_it_is_told_about,
        a_hook_may_cause_another_report,
        a_deadlock_report_ends_after_a_thousand_lines,
        a_deadlock_report_names_each_task,
        tasks_created_during_a_deadlock_report_are_not_in_it,
        tasks_cancelled_during_a_deadlock_report_stay_in_it,
        a_task_created_eagerly_in_a_deadlock_report_starts_after_it,
        what_a_destroyed_task_waits_for_may_be_settled_meanwhile,
        a_hook_called_by_a_task_that_ends_gets_no_stack_in_use,
        a_task_that_is_reported_has_left_the_list,
        NULL,
    };
    return run_suite("hooks", tests);
}
