/* SPDX-License-Identifier: MIT */
/* The ready queue: order, places that are taken out, growth, and tasks that go to its head. */
#include "support.h"

#include "sched/ready.h"

#include <stdlib.h>

struct call {
    struct coro__callback callback;
    int number;
};

static struct coro__ready ready;

static void set_up(void)
{
    const struct coro__log log = {.fn = record_log};
    struct coro__task_pool *pool = coro__task_pool_create(log);
    ck_assert_int_eq(coro__ready_init(&ready, pool), 0);
}

static void tear_down(void)
{
    struct coro__task_pool *pool = ready.pool;
    coro__ready_destroy(&ready);
    coro__task_pool_abandon(pool);
}

static void trace_call(struct coro__ready *here, struct coro__callback *callback)
{
    ck_assert_ptr_eq(here, &ready);
    trace("%d", CORO__CONTAINER_OF(callback, struct call, callback)->number);
}

static struct call *calls_of(int count)
{
    struct call *calls = calloc((size_t)count, sizeof *calls);
    for (int i = 0; i < count; i++) {
        coro__callback_init(&calls[i].callback, trace_call);
        calls[i].number = i;
    }
    ck_assert_int_eq(coro__ready_reserve(&ready, (size_t)count), 0);
    return calls;
}

static void run_pass_with(uint64_t *seed)
{
    coro__ready_turn(&ready, seed);
    for (;;) {
        coro__ready_run_tasks(&ready);
        if (ready.entry == CORO__ENTRY_END)
            return;
        coro__ready_run_callback(&ready, ready.entry);
    }
}

static void run_pass(void)
{
    uint64_t seed = 0;
    run_pass_with(&seed);
}

START_TEST(callbacks_run_first_come_first_served)
{
    set_up();
    struct call *calls = calls_of(4);
    for (int i = 3; i >= 0; i--)
        coro__ready_push_callback(&ready, &calls[i].callback);
    run_pass();
    expect_trace("3 2 1 0");
    run_pass();
    expect_trace("");
    free(calls);
    tear_down();
}
END_TEST

static void push_again(struct coro__ready *here, struct coro__callback *callback)
{
    trace_call(here, callback);
    callback->run = trace_call;
    coro__ready_push_callback(here, callback);
}

START_TEST(what_becomes_ready_meanwhile_waits_for_the_next_pass)
{
    set_up();
    struct call *calls = calls_of(2);
    calls[0].callback.run = push_again;
    coro__ready_push_callback(&ready, &calls[0].callback);
    coro__ready_push_callback(&ready, &calls[1].callback);
    run_pass();
    expect_trace("0 1");
    run_pass();
    expect_trace("0");
    free(calls);
    tear_down();
}
END_TEST

START_TEST(a_callback_can_be_taken_out)
{
    set_up();
    struct call *calls = calls_of(5);
    for (int i = 0; i < 5; i++)
        coro__ready_push_callback(&ready, &calls[i].callback);
    coro__callback_cancel(&ready, &calls[0].callback);
    coro__callback_cancel(&ready, &calls[3].callback);
    coro__callback_cancel(&ready, &calls[3].callback); /* it is nowhere now */
    coro__ready_push_callback(&ready, &calls[0].callback);
    run_pass();
    expect_trace("1 2 4 0");
    free(calls);
    tear_down();
}
END_TEST

static struct call *victim;

static void take_out(struct coro__ready *here, struct coro__callback *callback)
{
    trace_call(here, callback);
    coro__callback_cancel(here, &victim->callback);
}

START_TEST(a_callback_can_be_taken_out_of_the_pass_that_is_being_run)
{
    set_up();
    struct call *calls = calls_of(4);
    victim = &calls[2];
    calls[0].callback.run = take_out;
    for (int i = 0; i < 4; i++)
        coro__ready_push_callback(&ready, &calls[i].callback);
    run_pass();
    expect_trace("0 1 3");
    coro__ready_push_callback(&ready, &victim->callback);
    run_pass();
    expect_trace("2");
    free(calls);
    tear_down();
}
END_TEST

START_TEST(taking_out_and_putting_in_for_long_needs_no_more_places)
{
    set_up();
    struct call *calls = calls_of(3);
    for (int i = 0; i < 3; i++)
        coro__ready_push_callback(&ready, &calls[i].callback);
    for (int i = 0; i < 100000; i++) {
        coro__callback_cancel(&ready, &calls[1].callback);
        coro__ready_push_callback(&ready, &calls[1].callback);
    }
    run_pass();
    expect_trace("0 2 1");
    free(calls);
    tear_down();
}
END_TEST

START_TEST(growing_keeps_order_and_places)
{
    set_up();
    enum { FIRST = 10 };
    struct call *first = calls_of(FIRST);
    for (int i = 0; i < FIRST; i++)
        coro__ready_push_callback(&ready, &first[i].callback);
    coro__callback_cancel(&ready, &first[4].callback);
    struct call *many = calls_of(5000);
    coro__callback_cancel(&ready, &first[7].callback);
    for (int i = 0; i < 5000; i++) {
        coro__ready_push_callback(&ready, &many[i].callback);
        if (i >= 2)
            coro__callback_cancel(&ready, &many[i].callback);
    }
    run_pass();
    expect_trace("0 1 2 3 5 6 8 9 0 1");
    free(first);
    free(many);
    tear_down();
}
END_TEST

static struct call *grown;

static void grow(struct coro__ready *here, struct coro__callback *callback)
{
    trace_call(here, callback);
    grown = calls_of(5000);
    coro__callback_cancel(here, &victim->callback);
    coro__ready_push_callback(here, &grown[42].callback);
}

START_TEST(growing_while_a_pass_is_run_keeps_it)
{
    set_up();
    struct call *calls = calls_of(4);
    calls[1].callback.run = grow;
    victim = &calls[3];
    for (int i = 0; i < 4; i++)
        coro__ready_push_callback(&ready, &calls[i].callback);
    run_pass();
    expect_trace("0 1 2");
    run_pass();
    expect_trace("42");
    free(grown);
    free(calls);
    tear_down();
}
END_TEST

START_TEST(more_places_than_there_can_be_are_refused)
{
    set_up();
    const size_t places = ready.pool->places;
    ck_assert_int_eq(coro__ready_reserve(&ready, SIZE_MAX / 16), -ENOMEM);
    ck_assert_uint_eq(ready.pool->places, places);
    tear_down();
}
END_TEST

START_TEST(a_shuffled_pass_can_still_have_callbacks_taken_out)
{
    set_up();
    struct call *calls = calls_of(8);
    for (uint64_t seed = 1; seed < 50; seed++) {
        uint64_t state = seed;
        char order[64];
        victim = &calls[seed % 7 + 1];
        calls[0].callback.run = take_out;
        for (int i = 0; i < 8; i++)
            coro__ready_push_callback(&ready, &calls[i].callback);
        run_pass_with(&state);
        take_trace(order, sizeof order);
        const char *taker = strchr(order, '0'), *taken = strchr(order, '0' + victim->number);
        ck_assert_ptr_nonnull(taker);
        ck_assert(!taken || taken < taker);
        ck_assert_uint_eq(strlen(order), taken ? 15 : 13);
    }
    free(calls);
    tear_down();
}
END_TEST

/* --- Tasks at the head of the queue ----------------------------------------------------------- */
static int nests(void *depth)
{
    if (NUMBER(depth) == 0)
        return 0;
    const coro_task_options eager = {.eager_start = true};
    coro_release(coro_create_task_with(&eager, nests, ARG(NUMBER(depth) - 1)));
    trace("%d", NUMBER(depth));
    return 0;
}

static coro_timeout scope;

static int nests_in_the_middle(void *arg)
{
    passes(1);
    nests(ARG(40));
    return coro_timeout_reschedule(&scope, CORO_FOREVER);
}

static int traces(void *word)
{
    passes(1);
    trace("%s", (const char *)word);
    return 0;
}

TASK_TEST(eager_tasks_in_the_middle_of_a_pass_leave_the_rest_in_place)
{
    /* The next pass is: nesting, the expiry of the scope, this task, "rest". */
    coro_task *nesting = spawn(nests_in_the_middle, NULL);
    passes(1);
    coro_timeout_begin(&scope, 0);
    coro_task *rest = spawn(traces, (void *)"rest");
    ck_assert_int_eq(coro_yield(), 0); /* nesting has taken the expiry out of this pass */
    trace("main");
    ck_assert_int_eq(coro_join(rest, NULL), 0);
    ck_assert_int_eq(coro_join(nesting, NULL), 0);
    ck_assert_int_eq(coro_timeout_end(&scope, 0), 0);
    ck_assert(!coro_timeout_expired(&scope));
    expect_trace("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 "
                 "31 32 33 34 35 36 37 38 39 40 main rest");
    return 0;
}

static int nests_eagerly(void *depth)
{
    if (NUMBER(depth) == 0)
        return 0;
    const coro_task_options eager = {.eager_start = true};
    return coro_join(coro_create_task_with(&eager, nests_eagerly, ARG(NUMBER(depth) - 1)), NULL);
}

static void count_call(coro_task *task, void *calls)
{
    ++*(int *)calls;
}

TASK_TEST(a_full_pass_fits_behind_one_that_eager_tasks_have_moved)
{
    int calls = 0, added = 0;
    ck_assert_int_eq(nests_eagerly(ARG(200)), 0); /* the queue grows to 512 places */
    coro_future *future = coro_create_future();
    coro_set_result(future, 0, NULL);
    passes(3);                                    /* small passes follow each other in one array */
    ck_assert_int_eq(nests_eagerly(ARG(200)), 0); /* both move */
    for (int i = 0; i < 508; i++)
        added += coro_add_done_callback(future, count_call, &calls) == 0;
    for (int i = 0; i < 511; i++) { /* as many holes as there may be */
        coro_timeout short_lived;
        coro_timeout_begin(&short_lived, 0);
        coro_timeout_end(&short_lived, 0);
    }
    passes(2);
    ck_assert_int_eq(added, 508);
    ck_assert_int_eq(calls, 508);
    coro_release(future);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        callbacks_run_first_come_first_served,
        what_becomes_ready_meanwhile_waits_for_the_next_pass,
        a_callback_can_be_taken_out,
        a_callback_can_be_taken_out_of_the_pass_that_is_being_run,
        taking_out_and_putting_in_for_long_needs_no_more_places,
        growing_keeps_order_and_places,
        growing_while_a_pass_is_run_keeps_it,
        more_places_than_there_can_be_are_refused,
        a_shuffled_pass_can_still_have_callbacks_taken_out,
        eager_tasks_in_the_middle_of_a_pass_leave_the_rest_in_place,
        a_full_pass_fits_behind_one_that_eager_tasks_have_moved,
        NULL,
    };
    return run_suite("ready", tests);
}
