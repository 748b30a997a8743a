/* SPDX-License-Identifier: MIT */
/* coro_select: the first of several things, exactly one of them, and nothing lost to a cancel. */
#include "support.h"

#include <limits.h>

static coro_queue *first, *second;
static coro_event event;

static void with(size_t maxsize)
{
    const coro_queue_options options = {.maxsize = maxsize};
    first = coro_queue_create(&options);
    second = coro_queue_create(&options);
}

static void done(void)
{
    coro_queue_destroy(first);
    coro_queue_destroy(second);
}

static void put(coro_queue *queue, int number)
{
    ck_assert_int_eq(coro_queue_put_nowait(queue, ARG(number)), 0);
}

static int get(coro_queue *queue)
{
    void *item = NULL;
    const int rc = coro_queue_get_nowait(queue, &item);
    return rc < 0 ? rc : NUMBER(item);
}

/* Gets from either queue, and returns ten times the index and the number, or an error. */
static int gets_either(void *arg)
{
    coro_clause clauses[] = {coro_clause_get(first), coro_clause_get(second)};
    const int index = coro_select(clauses, 2, CORO_FOREVER);
    if (index < 0)
        return index;
    return clauses[index].status < 0 ? clauses[index].status
                                     : 10 * index + NUMBER(clauses[index].item);
}

static int puts_either(void *number)
{
    coro_clause clauses[] = {coro_clause_put(first, number), coro_clause_put(second, number)};
    const int index = coro_select(clauses, 2, CORO_FOREVER);
    return index < 0 || clauses[index].status == 0 ? index : clauses[index].status;
}

static int gets_first(void *arg)
{
    void *item = NULL;
    const int rc = coro_queue_get(first, &item);
    return rc < 0 ? rc : NUMBER(item);
}

TASK_TEST(what_can_happen_at_once_does_not_suspend)
{
    coro_task *other = spawn(returns, ARG(5));
    with(1);
    put(second, 7);
    coro_cancel(coro_current_task());
    ck_assert_int_eq(gets_either(NULL), 17);
    ck_assert_int_eq(puts_either(ARG(1)) + puts_either(ARG(2)), 1);
    coro_event_set(&event);
    coro_clause clauses[] = {coro_clause_put(first, NULL), coro_clause_set(&event)};
    ck_assert_int_eq(coro_select(clauses, 2, CORO_FOREVER), 1);
    ck_assert_int_eq(clauses[1].status, 0);
    ck_assert(!coro_done(other));
    ck_assert_int_eq(coro_yield(), -ECANCELED);
    coro_clause end = coro_clause_done(other);
    ck_assert_int_eq(coro_select(&end, 1, 0), 0);
    ck_assert_int_eq(end.status, 5);
    coro_release(other);
    done();
    return 0;
}

TASK_TEST(a_get_waits_for_whichever_queue_has_an_item)
{
    with(0);
    coro_task *task = spawn(gets_either, NULL);
    passes(3);
    put(second, 3);
    passes(1);
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_join(task, NULL), 13);
    task = spawn(gets_either, NULL);
    passes(1);
    put(first, 4);
    put(second, 5);
    ck_assert_int_eq(coro_join(task, NULL), 4);
    /* The other one's item is still there. */
    ck_assert_int_eq(get(second), 5);
    ck_assert(coro_queue_empty(first));
    done();
    return 0;
}

TASK_TEST(a_put_waits_for_whichever_queue_has_room)
{
    with(1);
    put(first, 1);
    put(second, 2);
    coro_task *task = spawn(puts_either, ARG(3));
    passes(2);
    ck_assert(!coro_done(task));
    ck_assert_int_eq(get(second), 2);
    ck_assert_int_eq(coro_join(task, NULL), 1);
    ck_assert_int_eq(get(second), 3);
    ck_assert_int_eq(get(first), 1);
    done();
    return 0;
}

static int value;

static int returns_a_value(void *arg)
{
    coro_sleep(CORO_SECOND);
    return coro_return(&value);
}

static int fails(void *arg)
{
    coro_sleep(CORO_SECOND);
    return coro_fail(-ENOENT, "not there");
}

TASK_TEST(the_end_of_a_task_hands_out_its_result)
{
    with(0);
    coro_task *tasks[] = {spawn(returns_a_value, NULL), spawn(fails, NULL)};
    coro_clause clauses[] = {coro_clause_get(first), coro_clause_done(tasks[0])};
    ck_assert_int_eq(coro_select(clauses, 2, CORO_FOREVER), 1);
    ck_assert_int_eq(clauses[1].status, 0);
    ck_assert_ptr_eq(clauses[1].item, &value);
    clauses[1] = coro_clause_done(tasks[1]);
    ck_assert_int_eq(coro_select(clauses, 2, CORO_FOREVER), 1);
    ck_assert_int_eq(clauses[1].status, -ENOENT);
    ck_assert_str_eq(coro_error_message(coro_current_task()), "not there");
    coro_release(tasks[0]);
    coro_release(tasks[1]);
    done();
    return 0;
}

static int sets(void *arg)
{
    coro_sleep(CORO_SECOND);
    return coro_event_set((coro_event *)arg);
}

TASK_TEST(an_event_may_go_as_soon_as_it_is_set)
{
    with(0);
    coro_future *future = coro_create_future();
    {
        coro_event local = {0};
        coro_task *setter = spawn(sets, &local);
        coro_clause clauses[] = {coro_clause_set(&local), coro_clause_done(future)};
        ck_assert_int_eq(coro_select(clauses, 2, CORO_FOREVER), 0);
        ck_assert_int_eq(coro_now(), CORO_SECOND);
        coro_release(setter);
    }
    coro_release(future);
    done();
    return 0;
}

TASK_TEST(the_time_can_be_limited)
{
    with(0);
    coro_task *task = spawn(forever, NULL);
    coro_clause clauses[] = {coro_clause_get(first), coro_clause_done(task),
                             coro_clause_set(&event)};
    ck_assert_int_eq(coro_select(clauses, 3, CORO_SECOND), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    ck_assert_int_eq(coro_select(clauses, 3, 0), -ETIMEDOUT);
    ck_assert_int_eq(coro_select(clauses, 3, -1), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    /* Nothing of it is left behind. */
    put(first, 1);
    ck_assert_int_eq(get(first), 1);
    coro_event_set(&event);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    done();
    return 0;
}

TASK_TEST(a_cancel_takes_nothing_and_passes_on_what_was_on_its_way)
{
    with(0);
    coro_task *task = spawn(gets_either, NULL), *next = spawn(gets_first, NULL);
    passes(1);
    put(first, 1);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(next, NULL), 1);
    task = spawn(gets_either, NULL);
    passes(1);
    coro_cancel(task);
    put(second, 2);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(get(second), 2);
    done();
    return 0;
}

TASK_TEST(a_put_that_was_cancelled_passes_its_place_on)
{
    with(1);
    put(first, 1);
    put(second, 2);
    coro_task *task = spawn(puts_either, ARG(3)), *next = spawn(puts_either, ARG(4));
    passes(1);
    ck_assert_int_eq(get(first), 1);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(next, NULL), 0);
    ck_assert_int_eq(get(first), 4);
    done();
    return 0;
}

TASK_TEST(a_select_that_was_overtaken_waits_again)
{
    with(0);
    coro_task *task = spawn(gets_either, NULL);
    passes(1);
    put(first, 1);
    ck_assert_int_eq(get(first), 1);
    passes(3);
    ck_assert(!coro_done(task));
    put(first, 2);
    ck_assert_int_eq(coro_join(task, NULL), 2);
    done();
    return 0;
}

TASK_TEST(a_cancel_of_the_caller_does_not_touch_the_tasks)
{
    coro_task *other = spawn(sleeps, ARG(1000));
    coro_clause clause = coro_clause_done(other);
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_MILLISECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_select(&clause, 1, CORO_FOREVER)), -ETIMEDOUT);
    ck_assert_int_eq(coro_cancelling(other), 0);
    ck_assert_int_eq(coro_join(other, NULL), 0);
    return 0;
}

TASK_TEST(of_several_that_can_happen_each_has_its_share)
{
    enum { ROUNDS = 3000 };
    int counts[3] = {0};
    with(0);
    for (int i = 0; i < ROUNDS; i++) {
        put(first, 1);
        put(second, 2);
        coro_event_set(&event);
        coro_clause clauses[] = {coro_clause_get(first), coro_clause_get(second),
                                 coro_clause_set(&event)};
        counts[coro_select(clauses, 3, CORO_FOREVER)]++;
    }
    for (int i = 0; i < 3; i++)
        ck_assert_msg(counts[i] > ROUNDS / 4, "clause %d happened %d times", i, counts[i]);
    done();
    return 0;
}

TASK_TEST(a_queue_that_is_shut_down_can_happen)
{
    with(1);
    coro_task *getter = spawn(gets_either, NULL);
    passes(1);
    coro_queue_shutdown(second, false);
    ck_assert_int_eq(coro_join(getter, NULL), -ESHUTDOWN);
    put(first, 1);
    ck_assert_int_eq(puts_either(ARG(1)), -ESHUTDOWN);
    get(first);
    done();
    with(0);
    getter = spawn(gets_either, NULL);
    passes(1);
    done();
    ck_assert_int_eq(coro_join(getter, NULL), -ESHUTDOWN);
    return 0;
}

TASK_TEST(a_queue_can_stand_on_both_sides)
{
    with(1);
    coro_clause clauses[] = {coro_clause_get(first), coro_clause_put(first, ARG(7))};
    ck_assert_int_eq(coro_select(clauses, 2, CORO_FOREVER), 1);
    ck_assert_int_eq(coro_select(clauses, 2, CORO_FOREVER), 0);
    ck_assert_int_eq(NUMBER(clauses[0].item), 7);
    done();
    return 0;
}

TASK_TEST(there_can_be_many_clauses)
{
    enum { MANY = 100 };
    coro_clause clauses[MANY + 1];
    coro_future *futures[MANY];
    for (int i = 0; i < MANY; i++) {
        futures[i] = coro_create_future();
        clauses[i] = coro_clause_done(futures[i]);
    }
    clauses[MANY] = (coro_clause){CORO_CLAUSE_NONE, 0, NULL, NULL};
    ck_assert_int_eq(coro_select(clauses, MANY + 1, CORO_SECOND), -ETIMEDOUT);
    coro_set_result(futures[77], 5, NULL);
    ck_assert_int_eq(coro_select(clauses, MANY + 1, CORO_SECOND), 77);
    ck_assert_int_eq(clauses[77].status, 5);
    for (int i = 0; i < MANY; i++)
        coro_release(futures[i]);
    return 0;
}

TASK_TEST(mistakes_are_errors)
{
    coro_clause clause = coro_clause_done(coro_current_task());
    ck_assert_int_eq(coro_select(&clause, 1, CORO_FOREVER), -EDEADLK);
    ck_assert_int_eq(coro_select(&clause, 0, CORO_FOREVER), -EINVAL);
    ck_assert_int_eq(coro_select(&clause, (size_t)INT_MAX + 1, CORO_FOREVER), -EINVAL);
    clause.kind = (enum coro_clause_kind)99;
    ck_assert_int_eq(coro_select(&clause, 1, CORO_FOREVER), -EINVAL);
    clause = coro_clause_set(NULL);
    ck_assert_int_eq(coro_select(&clause, 1, CORO_FOREVER), -EINVAL);
    coro_clause nulls[] = {coro_clause_get(NULL), coro_clause_put(NULL, NULL),
                           coro_clause_done(NULL)};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(coro_select(&nulls[i], 1, CORO_FOREVER), 0);
        ck_assert_int_eq(nulls[i].status, -ENOMEM);
    }
    return 0;
}

static void in_a_callback(coro_task *task, void *arg)
{
    ck_assert_int_eq(gets_either(NULL), -EPERM);
    put(first, 1);
    ck_assert_int_eq(gets_either(NULL), 1);
}

TASK_TEST(a_callback_cannot_wait)
{
    with(0);
    coro_task *task = spawn(returns, ARG(0));
    coro_add_done_callback(task, in_a_callback, NULL);
    passes(3);
    coro_release(task);
    done();
    return 0;
}

static int awaits_or_gets(void *other)
{
    coro_clause clauses[] = {coro_clause_get(first), coro_clause_done((coro_task *)other)};
    return coro_select(clauses, 2, CORO_FOREVER);
}

static int main_of_a_deadlock(void *arg)
{
    coro_future *future = coro_create_future();
    const int rc = awaits_or_gets(future);
    coro_release(future);
    return rc;
}

START_TEST(a_deadlock_report_shows_the_tasks)
{
    with(0);
    ck_assert_int_eq(run_test(main_of_a_deadlock, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in select");
    expect_log(CORO_LOG_DEADLOCK, 0, "future");
    done();
}
END_TEST

/* It never returns: who runs it releases the future. */
static int never_gives_up(void *future)
{
    *(coro_future **)future = coro_create_future();
    while (awaits_or_gets(*(coro_future **)future) != 0)
        continue;
    return 0;
}

START_TEST(destroyed_tasks_wait_no_longer)
{
    coro_future *future;
    with(0);
    ck_assert_int_eq(run_test(never_gives_up, &future), -EDEADLK);
    forget_log();
    coro_release(future);
    put(first, 1);
    ck_assert_int_eq(get(first), 1);
    done();
}
END_TEST

/* --- Under seeds ------------------------------------------------------------------------------ */
enum { TASKS = 6, ITEMS = 30, SCHEDULES = 1000 };
static unsigned chance;
static int put_items, got_items;
static bool seen[ITEMS];

static unsigned below(unsigned n)
{
    chance = chance * 1103515245 + 12345;
    return (chance >> 16) % n;
}

static void account_for(int item)
{
    ck_assert(!seen[item]);
    seen[item] = true;
    got_items++;
}

static int puts_items(void *arg)
{
    while (put_items < ITEMS) {
        const int item = put_items++;
        const int rc = puts_either(ARG(item));
        if (rc < 0) {
            account_for(item);
            return rc;
        }
        if (below(2) && coro_yield() < 0)
            return -ECANCELED;
    }
    return 0;
}

static int gets_items(void *arg)
{
    for (;;) {
        coro_clause clauses[] = {coro_clause_get(first), coro_clause_get(second)};
        const int index = coro_select(clauses, 2, below(3) ? CORO_FOREVER : CORO_MILLISECOND);
        if (index == -ETIMEDOUT)
            continue;
        if (index < 0)
            return index;
        if (clauses[index].status < 0)
            return 0;
        account_for(NUMBER(clauses[index].item));
        if (below(2) && coro_yield() < 0)
            return -ECANCELED;
    }
}

/* Every item that was put is got, once, by a task that is not cancelled. */
static int schedule(void *arg)
{
    coro_task *tasks[TASKS];
    with(1 + below(2));
    put_items = got_items = 0;
    memset(seen, 0, sizeof seen);
    coro_task *getter = spawn(gets_items, NULL), *putter = spawn(puts_items, NULL);
    for (int i = 0; i < TASKS; i++)
        tasks[i] = spawn(i % 2 ? gets_items : puts_items, NULL);
    for (int i = 0; i < TASKS; i++) {
        passes((int)below(5));
        coro_cancel(tasks[below(TASKS)]);
    }
    ck_assert_int_eq(coro_wait_for(putter, CORO_SECOND, NULL), 0);
    coro_sleep(CORO_SECOND);
    ck_assert_int_eq(got_items, ITEMS);
    coro_queue_shutdown(first, false);
    coro_queue_shutdown(second, false);
    ck_assert_int_eq(coro_join(getter, NULL), 0);
    ck_assert_int_eq(coro_gather(tasks, TASKS, CORO_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < TASKS; i++)
        coro_release(tasks[i]);
    coro_release(putter);
    done();
    return 0;
}

START_TEST(no_item_is_lost_or_doubled_in_any_schedule)
{
    for (int seed = 0; seed < many(SCHEDULES); seed++) {
        coro_run_options options = test_options();
        options.seed = (uint64_t)seed;
        chance = (unsigned)seed;
        ck_assert_int_eq(coro_run_with(&options, schedule, NULL), 0);
        ck_assert_uint_eq(logged(), 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_can_happen_at_once_does_not_suspend,
        a_get_waits_for_whichever_queue_has_an_item,
        a_put_waits_for_whichever_queue_has_room,
        the_end_of_a_task_hands_out_its_result,
        an_event_may_go_as_soon_as_it_is_set,
        the_time_can_be_limited,
        a_cancel_takes_nothing_and_passes_on_what_was_on_its_way,
        a_put_that_was_cancelled_passes_its_place_on,
        a_select_that_was_overtaken_waits_again,
        a_cancel_of_the_caller_does_not_touch_the_tasks,
        of_several_that_can_happen_each_has_its_share,
        a_queue_that_is_shut_down_can_happen,
        a_queue_can_stand_on_both_sides,
        there_can_be_many_clauses,
        mistakes_are_errors,
        a_callback_cannot_wait,
        a_deadlock_report_shows_the_tasks,
        destroyed_tasks_wait_no_longer,
        no_item_is_lost_or_doubled_in_any_schedule,
        NULL,
    };
    return run_suite("select", tests);
}
