/* SPDX-License-Identifier: MIT */
/* Tasks: how they are created and named, how they end, and who may wait for them. */
#include "support.h"

#include <pthread.h>

static int traces(void *word)
{
    trace("%s", (const char *)word);
    return 0;
}

/* --- Creating --------------------------------------------------------------------------------- */
TASK_TEST(a_task_starts_in_the_next_pass)
{
    coro_task *task = spawn(traces, (void *)"task");
    trace("created");
    passes(1);
    expect_trace("created task");
    coro_release(task);
    return 0;
}

START_TEST(no_task_is_made_outside_a_loop)
{
    ck_assert_ptr_null(coro_create_task(returns, NULL));
    ck_assert_ptr_null(coro_create_task_with(NULL, returns, NULL));
    ck_assert_ptr_null(coro_current_task());
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 0);
    ck_assert_int_eq(coro_yield(), -EPERM);
    ck_assert_int_eq(coro_sleep(1), -EPERM);
    ck_assert_int_eq(coro_await(NULL, NULL), -EPERM);
    ck_assert_int_eq(coro_gather(NULL, 0, 0), -EPERM);
}
END_TEST

/* CPython: test_tasks.BaseTaskTests.test_create_task_with_noncoroutine */
TASK_TEST(no_task_is_made_without_a_function)
{
    ck_assert_ptr_null(coro_create_task(NULL, NULL));
    ck_assert_ptr_null(coro_create_task_with(NULL, NULL, NULL));
    return 0;
}

TASK_TEST(all_options_default_to_zero)
{
    coro_task_options options = {0};
    coro_task *tasks[] = {coro_create_task_with(NULL, returns, ARG(1)),
                          coro_create_task_with(&options, returns, ARG(2))};
    ck_assert_int_eq(coro_join(tasks[0], NULL), 1);
    ck_assert_int_eq(coro_join(tasks[1], NULL), 2);
    return 0;
}

static int use_stack(void *bytes)
{
    volatile char used[200 * 1024];
    for (int i = 0; i < NUMBER(bytes); i++)
        used[i] = 1;
    return used[0];
}

static int tells_where_its_stack_is(void *where)
{
    *(uintptr_t *)where = (uintptr_t)__builtin_frame_address(0);
    return 0;
}

TASK_TEST(a_task_runs_on_the_stack_that_has_just_become_free)
{
    uintptr_t first = 0, last = 0;
    coro_task *tasks[] = {spawn(tells_where_its_stack_is, &first), spawn(returns, NULL),
                          spawn(tells_where_its_stack_is, &last)};
    coro_cancel(tasks[1]);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), i == 1 ? -ECANCELED : 0);
    ck_assert_uint_eq(first, last);
    return 0;
}

TASK_TEST(a_task_gets_the_stack_that_it_asks_for)
{
    const coro_task_options options = {.stack_size = 1024 * 1024};
    coro_task *task = coro_create_task_with(&options, use_stack, ARG(200 * 1024));
    coro_retain(task);
    ck_assert_int_eq(coro_join(task, NULL), 1);
    coro_release(task);
    return 0;
}

static int reports_high_water(void *arg)
{
    use_stack(ARG(200 * 1024));
    return (int)coro_stack_high_water(coro_current_task());
}

TASK_TEST(the_high_water_mark_is_what_was_used)
{
    const int used = coro_join(spawn(reports_high_water, NULL), NULL);
    ck_assert_int_ge(used, 200 * 1024);
    ck_assert_int_le(used, 256 * 1024);
    coro_future *future = coro_create_future();
    coro_task *fresh = spawn(returns, NULL);
    ck_assert_uint_eq(coro_stack_high_water(future), 0);
    ck_assert_uint_eq(coro_stack_high_water(fresh), 0);
    coro_release(future);
    coro_release(fresh);
    return 0;
}

static int debug_high_water(void *arg)
{
    coro_task *big = spawn(use_stack, ARG(100 * 1024)), *small = spawn(returns, NULL);
    passes(1);
    ck_assert_uint_ge(coro_stack_high_water(big), 100 * 1024);
    ck_assert_uint_lt(coro_stack_high_water(small), 16 * 1024);
    coro_release(big);
    coro_release(small);
    return 0;
}

START_TEST(debug_mode_knows_the_high_water_mark_of_a_task_that_has_ended)
{
    coro_run_options options = test_options();
    options.debug = true;
    ck_assert_int_eq(coro_run_with(&options, debug_high_water, NULL), 0);
}
END_TEST

/* CPython, stronger: nothing half made is left that had to be reported:
 * test_tasks.BaseTaskTests.test_error_in_call_soon */
TASK_TEST(options_that_cannot_be_met_make_no_task)
{
    static char large[256 * 1024];
    coro_task_options options = {.arg_size = sizeof large / 2 + 1};
    ck_assert_ptr_null(coro_create_task_with(&options, returns, large));
    options = (coro_task_options){.arg_size = 1};
    ck_assert_ptr_null(coro_create_task_with(&options, returns, NULL));
    options = (coro_task_options){.stack_size = ((size_t)1 << 40) + 1};
    ck_assert_ptr_null(coro_create_task_with(&options, returns, NULL));
    options = (coro_task_options){.stack_size = SIZE_MAX};
    ck_assert_ptr_null(coro_create_task_with(&options, returns, NULL));
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
    return 0;
}

struct point {
    long double x; /* the copy must be aligned for it */
    int y;
};

static int reads_point(void *arg)
{
    const struct point *point = arg;
    ck_assert_uint_eq((uintptr_t)arg % _Alignof(max_align_t), 0);
    passes(1);
    ck_assert(point->x == 1.5L);
    return point->y;
}

TASK_TEST(the_copied_argument_outlives_the_original)
{
    const coro_task_options options = {.arg_size = sizeof(struct point)};
    struct point point = {1.5L, 1};
    coro_task *a = coro_create_task_with(&options, reads_point, &point);
    point.y = 2;
    coro_task *b = coro_create_task_with(&options, reads_point, &point);
    memset(&point, 0, sizeof point);
    ck_assert_int_eq(coro_join(a, NULL), 1);
    ck_assert_int_eq(coro_join(b, NULL), 2);
    return 0;
}

static int sums(void *arg)
{
    const unsigned char *bytes = arg;
    int sum = 0;
    for (int i = 0; i < 100 * 1024; i++)
        sum += bytes[i];
    return sum;
}

TASK_TEST(a_large_argument_is_copied)
{
    static unsigned char bytes[100 * 1024];
    const coro_task_options options = {.arg_size = sizeof bytes};
    memset(bytes, 3, sizeof bytes);
    coro_task *task = coro_create_task_with(&options, sums, bytes);
    memset(bytes, 0, sizeof bytes);
    ck_assert_int_eq(coro_join(task, NULL), 3 * 100 * 1024);
    return 0;
}

TASK_TEST(a_task_with_a_copied_argument_may_be_cancelled_before_it_starts)
{
    int number = 1;
    const coro_task_options options = {.arg_size = sizeof number};
    coro_task *task = coro_create_task_with(&options, traces, &number);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    return 0;
}

/* --- Eager start ------------------------------------------------------------------------------ */
static const coro_task_options eager = {.eager_start = true};

static int traces_itself(void *name)
{
    trace("%s", coro_get_name(coro_current_task()));
    passes(1);
    trace("%s", coro_get_name(coro_current_task()));
    return 5;
}

TASK_TEST(an_eager_task_runs_up_to_its_first_suspension)
{
    const coro_task_options options = {.eager_start = true, .name = "eager"};
    coro_set_name(coro_current_task(), "main");
    coro_task *task = coro_create_task_with(&options, traces_itself, NULL);
    trace("%s", coro_get_name(coro_current_task()));
    ck_assert(!coro_done(task));
    passes(1);
    trace("pass");
    ck_assert_int_eq(coro_join(task, NULL), 5);
    expect_trace("eager main eager pass");
    return 0;
}

TASK_TEST(an_eager_task_that_never_suspends_is_done_at_once)
{
    coro_task *task = coro_create_task_with(&eager, returns, ARG(6));
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_result(task, NULL), 6);
    coro_release(task);
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
    return 0;
}

TASK_TEST(an_eager_task_does_not_let_others_run)
{
    coro_task *first = spawn(traces, (void *)"first");
    coro_task *task = coro_create_task_with(&eager, traces, (void *)"eager");
    trace("created");
    passes(1);
    expect_trace("eager created first");
    coro_release(first);
    coro_release(task);
    return 0;
}

static int nests(void *depth)
{
    if (NUMBER(depth) == 0)
        return 0;
    trace("<%d", NUMBER(depth));
    coro_task *task = coro_create_task_with(&eager, nests, ARG(NUMBER(depth) - 1));
    trace("%d>", NUMBER(depth));
    passes(1);
    const int rc = coro_join(task, NULL);
    return rc < 0 ? rc : rc + 1;
}

TASK_TEST(eager_tasks_nest)
{
    coro_task *task = coro_create_task_with(&eager, nests, ARG(3));
    expect_trace("<3 <2 <1 1> 2> 3>");
    ck_assert_int_eq(coro_join(task, NULL), 3);
    return 0;
}

static int nests_silently(void *depth)
{
    if (NUMBER(depth) == 0)
        return 0;
    const int rc =
        coro_join(coro_create_task_with(&eager, nests_silently, ARG(NUMBER(depth) - 1)), NULL);
    return rc < 0 ? rc : rc + 1;
}

TASK_TEST(eager_tasks_nest_deeply)
{
    ck_assert_int_eq(nests_silently(ARG(300)), 300);
    return 0;
}

static void create_eagerly(coro_task *future, void *task)
{
    trace("callback");
    *(coro_task **)task = coro_create_task_with(&eager, traces_itself, NULL);
    coro_set_name(*(coro_task **)task, "later");
    ck_assert_ptr_null(coro_current_task());
    trace("back");
}

TASK_TEST(a_callback_may_start_a_task_eagerly)
{
    coro_task *task = NULL;
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, create_eagerly, &task);
    coro_add_done_callback(future, trace_done, (void *)"next");
    coro_set_result(future, 0, NULL);
    passes(1);
    ck_assert_int_eq(coro_join(task, NULL), 5);
    expect_trace("callback Task-2 back next later");
    coro_release(future);
    return 0;
}

TASK_TEST(an_eager_task_may_await_its_creator)
{
    coro_task *task = coro_create_task_with(&eager, awaits, coro_current_task());
    ck_assert(!coro_done(task));
    coro_release(task); /* it ends after this one */
    return 0;
}

TASK_TEST(an_eager_task_may_get_a_copied_argument)
{
    const coro_task_options options = {.eager_start = true, .arg_size = sizeof(struct point)};
    struct point point = {1.5L, 8};
    coro_task *task = coro_create_task_with(&options, reads_point, &point);
    memset(&point, 0, sizeof point);
    ck_assert_int_eq(coro_join(task, NULL), 8);
    return 0;
}

/* --- Results ---------------------------------------------------------------------------------- */
static int returns_value(void *value)
{
    return coro_return(value);
}

TASK_TEST(a_task_returns_a_value)
{
    int value;
    void *got = NULL;
    coro_task *task = spawn(returns_value, &value);
    ck_assert_int_eq(coro_result(task, &got), -EINPROGRESS);
    ck_assert_int_eq(coro_await(task, &got), 0);
    ck_assert_ptr_eq(got, &value);
    got = NULL;
    ck_assert_int_eq(coro_result(task, &got), 0);
    ck_assert_ptr_eq(got, &value);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    return 0;
}

TASK_TEST(awaiting_what_is_done_does_not_suspend)
{
    coro_task *done = spawn(returns, ARG(1));
    passes(1);
    coro_task *other = spawn(traces, (void *)"other");
    ck_assert_int_eq(coro_await(done, NULL), 1);
    ck_assert_int_eq(coro_join(done, NULL), 1);
    trace("awaited");
    ck_assert_int_eq(coro_join(other, NULL), 0);
    expect_trace("awaited other");
    return 0;
}

static int fails(void *name)
{
    return coro_fail(-ENOENT, "no user %s", (const char *)name);
}

TASK_TEST(an_error_comes_with_its_message)
{
    coro_task *task = spawn(fails, (void *)"bob");
    ck_assert_ptr_null(coro_error_message(task));
    ck_assert_int_eq(coro_await(task, NULL), -ENOENT);
    ck_assert_str_eq(coro_error_message(task), "no user bob");
    ck_assert_str_eq(coro_error_message(coro_current_task()), "no user bob");
    coro_release(task);
    return 0;
}

static int awaits_failure(void *name)
{
    return coro_join(spawn(fails, name), NULL);
}

static int calls_awaits_failure(void *name)
{
    return awaits_failure(name);
}

TASK_TEST(a_message_travels_with_its_error_through_calls_and_awaits)
{
    coro_task *task = spawn(calls_awaits_failure, (void *)"eve");
    ck_assert_int_eq(coro_await(task, NULL), -ENOENT);
    ck_assert_str_eq(coro_error_message(task), "no user eve");
    coro_release(task);
    return 0;
}

static int fails_otherwise(void *arg)
{
    ck_assert_int_eq(fails((void *)"bob"), -ENOENT);
    return -EIO;
}

static int recovers(void *arg)
{
    ck_assert_int_eq(fails((void *)"bob"), -ENOENT);
    return 0;
}

TASK_TEST(a_message_is_never_shown_with_another_error)
{
    coro_task *other = spawn(fails_otherwise, NULL), *success = spawn(recovers, NULL);
    ck_assert_int_eq(coro_await(other, NULL), -EIO);
    ck_assert_str_eq(coro_error_message(other), strerror(EIO));
    ck_assert_int_eq(coro_await(success, NULL), 0);
    ck_assert_ptr_null(coro_error_message(success));
    coro_release(other);
    coro_release(success);
    return 0;
}

TASK_TEST(a_long_message_is_kept_whole)
{
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(coro_fail(-EIO, "%s", text), -EIO);
    ck_assert_str_eq(coro_error_message(coro_current_task()), text);
    return 0;
}

TASK_TEST(an_error_that_nobody_read_is_reported)
{
    const coro_task_options options = {.name = "look-up"};
    coro_release(coro_create_task_with(&options, fails, (void *)"bob"));
    passes(1);
    expect_log(CORO_LOG_NEVER_RETRIEVED, -ENOENT, "no user bob");

    coro_task *kept = coro_create_task_with(&options, fails, (void *)"eve");
    passes(1);
    ck_assert_uint_eq(logged(), 0);
    coro_release(kept);
    expect_log(CORO_LOG_NEVER_RETRIEVED, -ENOENT, "'look-up' (entry: fails)");
    return 0;
}

static int joins_failure(void *task)
{
    return coro_join((coro_task *)task, NULL);
}

TASK_TEST(an_error_handed_to_an_awaiter_is_not_reported_twice)
{
    coro_release(spawn(joins_failure, spawn(fails, (void *)"bob")));
    passes(3);
    expect_log(CORO_LOG_NEVER_RETRIEVED, -ENOENT, "entry: joins_failure");
    return 0;
}

TASK_TEST(ending_ECANCELED_is_ending_cancelled)
{
    coro_task *task = spawn(returns, ARG(-ECANCELED));
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert(coro_cancelled(task));
    ck_assert_int_eq(coro_cancelling(task), 0);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    coro_release(task);
    return 0;
}

/* --- References ------------------------------------------------------------------------------- */
TASK_TEST(a_released_task_runs_on)
{
    coro_release(spawn(traces, (void *)"detached"));
    passes(1);
    expect_trace("detached");
    return 0;
}

TASK_TEST(a_retained_task_can_be_read_after_a_join)
{
    coro_task *task = spawn(returns, ARG(3));
    ck_assert_ptr_eq(coro_retain(task), task);
    ck_assert_int_eq(coro_join(task, NULL), 3);
    ck_assert_int_eq(coro_result(task, NULL), 3);
    coro_release(task);
    return 0;
}

TASK_TEST(a_join_gives_the_reference_up_even_if_it_fails)
{
    coro_task *self = coro_retain(coro_current_task());
    ck_assert_int_eq(coro_join(self, NULL), -EDEADLK);
    return 0;
}

static int releases_itself(void *arg)
{
    coro_release(*(coro_task **)arg);
    passes(2);
    return 0;
}

TASK_TEST(a_task_may_release_itself)
{
    coro_task *task;
    task = spawn(releases_itself, &task);
    passes(4);
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 1);
    return 0;
}

/* --- Names, and which tasks there are --------------------------------------------------------- */
/* CPython: test_tasks.BaseTaskTests.test_bare_create_named_task */
TASK_TEST(a_task_has_a_name)
{
    const coro_task_options options = {.name = "fetch"};
    coro_task *named = coro_create_task_with(&options, returns, NULL);
    coro_task *numbered = spawn(returns, NULL);
    ck_assert_str_eq(coro_get_name(coro_current_task()), "Task-1");
    ck_assert_str_eq(coro_get_name(named), "fetch");
    ck_assert_str_eq(coro_get_name(numbered), "Task-3");
    char text[] = "renamed";
    ck_assert_int_eq(coro_set_name(numbered, text), 0);
    text[0] = '-';
    ck_assert_str_eq(coro_get_name(numbered), "renamed");
    ck_assert_int_eq(coro_set_name(numbered, coro_get_name(numbered)), 0);
    ck_assert_str_eq(coro_get_name(numbered), "renamed");
    ck_assert_int_eq(coro_set_name(numbered, NULL), -EINVAL);
    ck_assert_str_eq(coro_get_name(numbered), "renamed");
    coro_release(named);
    coro_release(numbered);
    return 0;
}

TASK_TEST(a_name_is_there_after_the_end)
{
    coro_task *task = spawn(returns, NULL);
    passes(1);
    ck_assert_str_eq(coro_get_name(task), "Task-2");
    coro_release(task);
    return 0;
}

static int is_current(void *arg)
{
    coro_task *const *task = arg;
    ck_assert_ptr_eq(coro_current_task(), *task);
    passes(1);
    ck_assert_ptr_eq(coro_current_task(), *task);
    return 0;
}

TASK_TEST(the_current_task_is_the_one_that_runs)
{
    coro_task *self = coro_current_task(), *a, *b;
    a = spawn(is_current, &a);
    b = spawn(is_current, &b);
    ck_assert_int_eq(coro_join(a, NULL), 0);
    ck_assert_int_eq(coro_join(b, NULL), 0);
    ck_assert_ptr_eq(coro_current_task(), self);
    return 0;
}

TASK_TEST(all_tasks_are_those_that_have_not_ended)
{
    coro_task *all[3] = {NULL};
    coro_task *a = spawn(returns, NULL), *b = spawn(sleeps, ARG(1000));
    coro_future *future = coro_create_future();
    ck_assert_uint_eq(coro_all_tasks(all, 2), 3);
    ck_assert_ptr_eq(all[0], coro_current_task());
    ck_assert_ptr_eq(all[1], a);
    ck_assert_ptr_null(all[2]);
    passes(1);
    ck_assert_uint_eq(coro_all_tasks(all, 3), 2);
    ck_assert_ptr_eq(all[1], b);
    ck_assert_uint_eq(coro_all_tasks(NULL, 0), 2);
    coro_release(a);
    coro_release(b);
    coro_release(future);
    return 0;
}

/* --- Who may wait ----------------------------------------------------------------------------- */
/* CPython: test_tasks.BaseTaskTests.test_task_awaits_on_itself */
TASK_TEST(a_task_cannot_wait_for_itself)
{
    coro_task *self = coro_current_task(), *other = spawn(returns, NULL);
    coro_task *tasks[] = {other, self};
    ck_assert_int_eq(coro_await(self, NULL), -EDEADLK);
    ck_assert_int_eq(coro_gather(tasks, 2, 0), -EDEADLK);
    ck_assert_int_eq(coro_wait(tasks, 2, CORO_FIRST_COMPLETED, CORO_FOREVER), -EDEADLK);
    ck_assert_int_eq(coro_wait_for(self, CORO_SECOND, NULL), -EDEADLK);
    ck_assert_int_eq(coro_shield(self, NULL), -EDEADLK);
    ck_assert(!coro_done(other)); /* nothing has suspended */
    coro_release(other);
    return 0;
}

static int try_foreign(void *arg)
{
    coro_task *foreign = arg;
    ck_assert_int_eq(coro_await(foreign, NULL), -EXDEV);
    ck_assert_int_eq(coro_gather(&foreign, 1, 0), -EXDEV);
    ck_assert_int_eq(coro_wait(&foreign, 1, CORO_ALL_COMPLETED, CORO_FOREVER), -EXDEV);
    ck_assert_int_eq(coro_wait_for(foreign, CORO_SECOND, NULL), -EXDEV);
    ck_assert_int_eq(coro_wait_for(foreign, 0, NULL), -EXDEV);
    ck_assert_int_eq(coro_shield(foreign, NULL), -EXDEV);
    ck_assert_int_eq(coro_add_done_callback(foreign, trace_done, NULL), -EXDEV);
    ck_assert(!coro_cancel(foreign));
    return 0;
}

static void *run_foreign(void *foreign)
{
    const coro_run_options options = {.virtual_clock = true};
    return ARG(coro_run_with(&options, try_foreign, foreign));
}

TASK_TEST(a_task_of_another_loop_cannot_be_waited_for)
{
    pthread_t thread;
    void *rc = NULL;
    coro_task *task = spawn(forever, NULL);
    passes(1);
    ck_assert_int_eq(pthread_create(&thread, NULL, run_foreign, task), 0);
    ck_assert_int_eq(pthread_join(thread, &rc), 0);
    ck_assert_int_eq(NUMBER(rc), 0);
    ck_assert_int_eq(coro_cancelling(task), 0);
    coro_release(task);
    return 0;
}

TASK_TEST(a_task_that_could_not_be_created_is_out_of_memory)
{
    coro_task *none = NULL;
    ck_assert_int_eq(coro_await(none, NULL), -ENOMEM);
    ck_assert_int_eq(coro_join(none, NULL), -ENOMEM);
    ck_assert_int_eq(coro_gather(&none, 1, 0), -ENOMEM);
    ck_assert_int_eq(coro_wait(&none, 1, CORO_ALL_COMPLETED, CORO_FOREVER), 1);
    ck_assert_int_eq(coro_wait_for(none, CORO_SECOND, NULL), -ENOMEM);
    ck_assert_int_eq(coro_shield(none, NULL), -ENOMEM);
    ck_assert_int_eq(coro_cancelling(none), 0);
    ck_assert_int_eq(coro_uncancel(none), 0);
    return 0;
}

/* --- Many ------------------------------------------------------------------------------------- */
static int adds(void *sum)
{
    passes(1);
    ++*(int *)sum;
    return 0;
}

TASK_TEST(many_tasks_run_and_end)
{
    enum { MOST = 20000 };
    static coro_task *tasks[MOST];
    const int count = many(MOST);
    int sum = 0;
    for (int i = 0; i < count; i++)
        tasks[i] = spawn(adds, &sum);
    ck_assert_int_eq(coro_gather(tasks, (size_t)count, 0), 0);
    ck_assert_int_eq(sum, count);
    for (int i = 0; i < count; i++)
        coro_release(tasks[i]);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_task_starts_in_the_next_pass,
        no_task_is_made_outside_a_loop,
        no_task_is_made_without_a_function,
        all_options_default_to_zero,
        a_task_runs_on_the_stack_that_has_just_become_free,
        a_task_gets_the_stack_that_it_asks_for,
        the_high_water_mark_is_what_was_used,
        debug_mode_knows_the_high_water_mark_of_a_task_that_has_ended,
        options_that_cannot_be_met_make_no_task,
        the_copied_argument_outlives_the_original,
        a_large_argument_is_copied,
        a_task_with_a_copied_argument_may_be_cancelled_before_it_starts,
        an_eager_task_runs_up_to_its_first_suspension,
        an_eager_task_that_never_suspends_is_done_at_once,
        an_eager_task_does_not_let_others_run,
        eager_tasks_nest,
        eager_tasks_nest_deeply,
        a_callback_may_start_a_task_eagerly,
        an_eager_task_may_await_its_creator,
        an_eager_task_may_get_a_copied_argument,
        a_task_returns_a_value,
        awaiting_what_is_done_does_not_suspend,
        an_error_comes_with_its_message,
        a_message_travels_with_its_error_through_calls_and_awaits,
        a_message_is_never_shown_with_another_error,
        a_long_message_is_kept_whole,
        an_error_that_nobody_read_is_reported,
        an_error_handed_to_an_awaiter_is_not_reported_twice,
        ending_ECANCELED_is_ending_cancelled,
        a_released_task_runs_on,
        a_retained_task_can_be_read_after_a_join,
        a_join_gives_the_reference_up_even_if_it_fails,
        a_task_may_release_itself,
        a_task_has_a_name,
        a_name_is_there_after_the_end,
        the_current_task_is_the_one_that_runs,
        all_tasks_are_those_that_have_not_ended,
        a_task_cannot_wait_for_itself,
        a_task_of_another_loop_cannot_be_waited_for,
        a_task_that_could_not_be_created_is_out_of_memory,
        many_tasks_run_and_end,
        NULL,
    };
    return run_suite("task", tests);
}
