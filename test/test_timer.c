/* SPDX-License-Identifier: MIT */
/* The timer heap: order, ties, and taking timers out, against a plain array. */
#include "support.h"

#include "sched/timer.h"

#include <stdlib.h>

enum { TIMERS = 500 };

struct alarm {
    struct coro__timer timer;
    coro_time deadline;
    uint64_t number; /* in the order of starting */
    bool started;
};

static struct coro__ready ready;
static struct coro__timers timers;
static struct alarm alarms[TIMERS];
static uint64_t started;
static const struct alarm *fired[TIMERS];
static size_t fired_count;

static void on_fire(struct coro__ready *here, struct coro__callback *callback)
{
    struct coro__timer *timer = CORO__CONTAINER_OF(callback, struct coro__timer, callback);
    struct alarm *alarm = CORO__CONTAINER_OF(timer, struct alarm, timer);
    ck_assert(alarm->started);
    alarm->started = false;
    fired[fired_count++] = alarm;
}

static void set_up(void)
{
    const struct coro__log log = {.fn = record_log};
    struct coro__task_pool *pool = coro__task_pool_create(log);
    ck_assert_int_eq(coro__ready_init(&ready, pool), 0);
    ck_assert_int_eq(coro__ready_reserve(&ready, TIMERS), 0);
    for (size_t i = 0; i < TIMERS; i++)
        coro__timer_init(&alarms[i].timer, on_fire);
}

static void tear_down(void)
{
    struct coro__task_pool *pool = ready.pool;
    coro__timers_destroy(&timers);
    coro__ready_destroy(&ready);
    coro__task_pool_abandon(pool);
}

static void start(struct alarm *alarm, coro_time deadline)
{
    alarm->deadline = deadline;
    alarm->number = started++;
    alarm->started = true;
    ck_assert_int_eq(coro__timer_start(&timers, &alarm->timer, deadline), 0);
}

static void stop(struct alarm *alarm)
{
    alarm->started = false;
    coro__timer_stop(&timers, &ready, &alarm->timer);
}

/* Runs what has been made ready. */
static void run_pass(void)
{
    uint64_t seed = 0;
    coro__ready_turn(&ready, &seed);
    for (;;) {
        coro__ready_run_tasks(&ready);
        if (ready.entry == CORO__ENTRY_END)
            return;
        coro__ready_run_callback(&ready, ready.entry);
    }
}

static void fire(coro_time now)
{
    fired_count = 0;
    coro__timers_fire(&timers, &ready, now);
    run_pass();
}

static int earlier(const void *a, const void *b)
{
    const struct alarm *x = *(const struct alarm *const *)a, *y = *(const struct alarm *const *)b;
    if (x->deadline != y->deadline)
        return x->deadline < y->deadline ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

/* What is to fire by now, sorted. */
static size_t due(coro_time now, const struct alarm *sorted[])
{
    size_t count = 0;
    for (size_t i = 0; i < TIMERS; i++)
        if (alarms[i].started && alarms[i].deadline <= now)
            sorted[count++] = &alarms[i];
    qsort(sorted, count, sizeof sorted[0], earlier);
    return count;
}

static void fire_and_compare(coro_time now)
{
    const struct alarm *expected[TIMERS];
    const size_t count = due(now, expected);
    fire(now);
    ck_assert_uint_eq(fired_count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_ptr_eq(fired[i], expected[i]);
}

START_TEST(timers_fire_in_the_order_of_their_deadlines)
{
    set_up();
    ck_assert_int_eq(coro__timers_next(&timers), CORO_FOREVER);
    for (int i = 0; i < TIMERS; i++)
        start(&alarms[i], (i * 7919) % 1000);
    ck_assert_int_eq(coro__timers_next(&timers), 0);
    fire_and_compare(500);
    ck_assert_int_gt(coro__timers_next(&timers), 500);
    fire_and_compare(1000);
    ck_assert_int_eq(coro__timers_next(&timers), CORO_FOREVER);
    tear_down();
}
END_TEST

START_TEST(equal_deadlines_fire_first_come_first_served)
{
    set_up();
    for (int i = 0; i < TIMERS; i++)
        start(&alarms[i], i % 3);
    for (int i = 0; i < TIMERS; i += 5)
        stop(&alarms[i]);
    for (int i = 0; i < TIMERS; i += 10)
        start(&alarms[i], 1); /* now the last of its kind */
    fire_and_compare(2);
    tear_down();
}
END_TEST

START_TEST(a_timer_is_due_at_its_deadline_and_not_before)
{
    set_up();
    start(&alarms[0], 10);
    fire(9);
    ck_assert_uint_eq(fired_count, 0);
    fire(10);
    ck_assert_uint_eq(fired_count, 1);
    tear_down();
}
END_TEST

START_TEST(any_order_of_starting_stopping_and_firing_is_survived)
{
    set_up();
    srand(1);
    coro_time now = 0;
    for (int round = 0; round < 20000; round++) {
        struct alarm *alarm = &alarms[rand() % TIMERS];
        if (round % 100 == 99)
            fire_and_compare(now += rand() % 50);
        else if (alarm->started)
            stop(alarm);
        else
            start(alarm, now + rand() % 200);
    }
    fire_and_compare(now + 200);
    ck_assert(!coro__timers_any(&timers));
    tear_down();
}
END_TEST

START_TEST(timers_that_are_stopped_and_started_again_take_no_more_room)
{
    set_up();
    for (int i = 0; i < TIMERS; i++)
        start(&alarms[i], 1000 + i);
    const size_t capacity = timers.capacity;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < TIMERS; i++) {
            stop(&alarms[i]);
            start(&alarms[i], 2000 + (i * 7919) % 1000 + round);
        }
    }
    ck_assert_uint_le(timers.capacity, 4 * capacity);
    ck_assert_int_eq(coro__timers_next(&timers), 2019);
    fire_and_compare(2500);
    fire_and_compare(4000);
    tear_down();
}
END_TEST

START_TEST(equal_deadlines_keep_their_order_when_the_numbers_begin_anew)
{
    set_up();
    timers.started = UINT32_MAX - TIMERS / 2;
    for (int i = 0; i < TIMERS; i++)
        start(&alarms[i], 1 + i % 3);
    stop(&alarms[7]);
    start(&alarms[7], 1);
    fire_and_compare(1);
    fire_and_compare(3);
    tear_down();
}
END_TEST

START_TEST(a_timer_that_is_nowhere_may_be_stopped)
{
    set_up();
    stop(&alarms[0]);
    start(&alarms[0], 5);
    stop(&alarms[0]);
    stop(&alarms[0]);
    fire(10);
    ck_assert_uint_eq(fired_count, 0);
    tear_down();
}
END_TEST

START_TEST(a_timer_that_is_due_can_be_stopped_until_its_callback_has_run)
{
    set_up();
    fired_count = 0;
    for (int i = 0; i < 5; i++)
        start(&alarms[i], i);
    coro__timers_fire(&timers, &ready, 10);
    ck_assert_int_eq(coro__timers_next(&timers), CORO_FOREVER);
    stop(&alarms[1]);
    stop(&alarms[4]);
    run_pass();
    ck_assert_uint_eq(fired_count, 3);
    ck_assert_ptr_eq(fired[0], &alarms[0]);
    ck_assert_ptr_eq(fired[1], &alarms[2]);
    ck_assert_ptr_eq(fired[2], &alarms[3]);
    tear_down();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        timers_fire_in_the_order_of_their_deadlines,
        equal_deadlines_fire_first_come_first_served,
        a_timer_is_due_at_its_deadline_and_not_before,
        any_order_of_starting_stopping_and_firing_is_survived,
        timers_that_are_stopped_and_started_again_take_no_more_room,
        equal_deadlines_keep_their_order_when_the_numbers_begin_anew,
        a_timer_that_is_nowhere_may_be_stopped,
        a_timer_that_is_due_can_be_stopped_until_its_callback_has_run,
        NULL,
    };
    return run_suite("timer", tests);
}
