/* SPDX-License-Identifier: MIT */
/* Queues: order, limits, waiting puts and gets, cancels that lose nothing, join and shutdown. */
#include "support.h"

#include <stdlib.h>

/* CPython, does not apply: no text form of a queue, no generic alias and no fractional maxsize in
 * C: test_queues.QueueBasicTests.test_repr test_queues.QueueBasicTests.test_str
 * test_queues.QueueBasicTests.test_generic_alias
 * test_queues.QueuePutTests.test_float_maxsize
 * test_queues.QueueJoinTests.test_format
 * test_queues.LifoQueueJoinTests.test_format
 * test_queues.PriorityQueueJoinTests.test_format
 * test_queues.QueueShutdownTests.test_format
 * test_queues.LifoQueueShutdownTests.test_format
 * test_queues.PriorityQueueShutdownTests.test_format */

static coro_queue *queue;

static int compare(const void *a, const void *b, void *arg)
{
    return (NUMBER(a) > NUMBER(b)) - (NUMBER(a) < NUMBER(b));
}

static void with_kind(enum coro_queue_kind kind, size_t maxsize)
{
    const coro_queue_options options = {.kind = kind, .maxsize = maxsize, .compare = compare};
    coro_queue_destroy(queue);
    queue = coro_queue_create(&options);
    ck_assert_ptr_nonnull(queue);
}

static void with(size_t maxsize)
{
    with_kind(CORO_QUEUE_FIFO, maxsize);
}

static void done(void)
{
    coro_queue_destroy(queue);
    queue = NULL;
}

static void put(int number)
{
    ck_assert_int_eq(coro_queue_put_nowait(queue, ARG(number)), 0);
}

/* The number, or an error. */
static int get(void)
{
    void *item = NULL;
    const int rc = coro_queue_get_nowait(queue, &item);
    return rc < 0 ? rc : NUMBER(item);
}

static int puts_one(void *number)
{
    return coro_queue_put(queue, number);
}

static int gets_one(void *arg)
{
    void *item = ARG(-1);
    const int rc = coro_queue_get(queue, &item);
    if (rc < 0)
        ck_assert_ptr_null(item);
    return rc < 0 ? rc : NUMBER(item);
}

static int joins(void *arg)
{
    return coro_queue_join(queue);
}

static void release_done(coro_task *task, int status)
{
    ck_assert(coro_done(task));
    ck_assert_int_eq(coro_join(task, NULL), status);
}

/* --- Basics ----------------------------------------------------------------------------------- */

/* CPython: test_queues.QueueBasicTests.test_empty */
TASK_TEST(a_queue_is_empty_until_something_is_put)
{
    with(0);
    ck_assert(coro_queue_empty(queue));
    ck_assert_int_eq(coro_queue_put(queue, ARG(1)), 0);
    ck_assert(!coro_queue_empty(queue));
    ck_assert_uint_eq(coro_queue_size(queue), 1);
    ck_assert_int_eq(gets_one(NULL), 1);
    ck_assert(coro_queue_empty(queue));
    done();
    return 0;
}

/* CPython: test_queues.QueueBasicTests.test_full */
TASK_TEST(a_queue_is_full_at_its_limit)
{
    with(0);
    ck_assert(!coro_queue_full(queue));
    with(1);
    put(1);
    ck_assert(coro_queue_full(queue));
    done();
    return 0;
}

static void in_and_out(enum coro_queue_kind kind, const char *order)
{
    with_kind(kind, 0);
    put(1);
    put(3);
    put(2);
    for (int i = 0; i < 3; i++)
        trace("%d", get());
    expect_trace(order);
    done();
}

/* CPython: test_queues.QueueBasicTests.test_order */
/* CPython: test_queues.LifoQueueTests.test_order */
/* CPython: test_queues.PriorityQueueTests.test_order */
TASK_TEST(each_kind_has_its_order)
{
    in_and_out(CORO_QUEUE_FIFO, "1 3 2");
    in_and_out(CORO_QUEUE_LIFO, "2 3 1");
    in_and_out(CORO_QUEUE_PRIORITY, "1 2 3");
    return 0;
}

static int puts_three(void *arg)
{
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(coro_queue_put(queue, ARG(i)), 0);
        trace("%d", i);
    }
    return 0;
}

/* CPython: test_queues.QueueBasicTests.test_maxsize */
TASK_TEST(a_put_waits_at_the_limit)
{
    with(2);
    ck_assert_uint_eq(coro_queue_maxsize(queue), 2);
    coro_task *task = spawn(puts_three, NULL);
    passes(2);
    expect_trace("0 1");
    ck_assert_int_eq(gets_one(NULL), 0);
    passes(1);
    expect_trace("2");
    ck_assert_int_eq(gets_one(NULL), 1);
    ck_assert_int_eq(gets_one(NULL), 2);
    release_done(task, 0);
    done();
    return 0;
}

static int compare_tens(const void *a, const void *b, void *arg)
{
    return NUMBER(a) / 10 - NUMBER(b) / 10;
}

TASK_TEST(equal_priorities_keep_their_order)
{
    const coro_queue_options options = {.kind = CORO_QUEUE_PRIORITY, .compare = compare_tens};
    queue = coro_queue_create(&options);
    for (int i = 99; i >= 0; i--)
        put(i);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(get(), i / 10 * 10 + 9 - i % 10);
    done();
    return 0;
}

/* Against a plain array, through growth and wrapping around. */
static void compare_with_model(enum coro_queue_kind kind)
{
    enum { MOST = 300 };
    int model[MOST], count = 0;
    unsigned random = 1;
    with_kind(kind, 0);
    for (int step = 0; step < many(20000) + 500; step++) {
        random = random * 1103515245 + 12345;
        const bool filling = step / 1000 % 2 == 0;
        if (count < MOST && (random >> 16) % 3 < (filling ? 2u : 1u)) {
            const int number = (int)(random >> 8 & 0xff);
            put(number);
            model[count++] = number;
            continue;
        }
        int at = kind == CORO_QUEUE_LIFO ? count - 1 : 0;
        for (int i = 0; kind == CORO_QUEUE_PRIORITY && i < count; i++)
            if (model[i] < model[at])
                at = i;
        ck_assert_int_eq(get(), count ? model[at] : -EAGAIN);
        if (count > 0)
            memmove(model + at, model + at + 1, (size_t)(--count - at) * sizeof model[0]);
        ck_assert_int_eq((int)coro_queue_size(queue), count);
    }
    done();
}

START_TEST(many_puts_and_gets_agree_with_a_model)
{
    compare_with_model(CORO_QUEUE_FIFO);
    compare_with_model(CORO_QUEUE_LIFO);
    compare_with_model(CORO_QUEUE_PRIORITY);
}
END_TEST

START_TEST(options_that_cannot_be_met_make_no_queue)
{
    const coro_queue_options no_order = {.kind = CORO_QUEUE_PRIORITY};
    const coro_queue_options unknown = {.kind = (enum coro_queue_kind)7};
    ck_assert_ptr_null(coro_queue_create(&no_order));
    ck_assert_ptr_null(coro_queue_create(&unknown));
}
END_TEST

START_TEST(a_queue_that_could_not_be_created_is_out_of_memory)
{
    void *item = ARG(1);
    ck_assert_int_eq(coro_queue_put(NULL, NULL), -ENOMEM);
    ck_assert_int_eq(coro_queue_put_nowait(NULL, NULL), -ENOMEM);
    ck_assert_int_eq(coro_queue_get(NULL, &item), -ENOMEM);
    ck_assert_ptr_null(item);
    ck_assert_int_eq(coro_queue_get_nowait(NULL, NULL), -ENOMEM);
    ck_assert_int_eq(coro_queue_task_done(NULL), -ENOMEM);
    ck_assert_int_eq(coro_queue_join(NULL), -ENOMEM);
    ck_assert_int_eq(coro_queue_shutdown(NULL, true), -ENOMEM);
    ck_assert(coro_queue_empty(NULL) && !coro_queue_full(NULL));
    ck_assert_uint_eq(coro_queue_size(NULL) + coro_queue_maxsize(NULL), 0);
    coro_queue_destroy(NULL);
}
END_TEST

/* --- Getting ---------------------------------------------------------------------------------- */

/* CPython: test_queues.QueueGetTests.test_blocking_get */
TASK_TEST(a_get_that_need_not_wait_is_no_cancellation_point)
{
    with(0);
    put(1);
    coro_cancel(coro_current_task());
    ck_assert_int_eq(gets_one(NULL), 1);
    ck_assert_int_eq(coro_queue_put(queue, ARG(2)), 0);
    ck_assert_int_eq(coro_yield(), -ECANCELED);
    done();
    return 0;
}

/* CPython: test_queues.QueueGetTests.test_get_with_putters */
TASK_TEST(a_get_wakes_a_waiting_put)
{
    with(1);
    put(1);
    coro_task *putter = spawn(puts_one, ARG(2));
    passes(1);
    ck_assert_int_eq(gets_one(NULL), 1);
    ck_assert(coro_queue_empty(queue));
    passes(1);
    release_done(putter, 0);
    ck_assert_int_eq(get(), 2);
    done();
    return 0;
}

static int puts_later(void *number)
{
    coro_sleep(10 * CORO_MILLISECOND);
    return coro_queue_put_nowait(queue, number);
}

/* CPython: test_queues.QueueGetTests.test_blocking_get_wait */
TASK_TEST(a_get_waits_for_an_item)
{
    with(0);
    coro_task *getter = spawn(gets_one, NULL), *putter = spawn(puts_later, ARG(1));
    passes(5);
    ck_assert(!coro_done(getter));
    ck_assert_int_eq(coro_join(getter, NULL), 1);
    ck_assert_int_eq(coro_now(), 10 * CORO_MILLISECOND);
    coro_release(putter);
    done();
    return 0;
}

/* CPython: test_queues.QueueGetTests.test_nonblocking_get */
/* CPython: test_queues.QueueGetTests.test_nonblocking_get_exception */
/* CPython: test_queues.QueuePutTests.test_nonblocking_put */
/* CPython: test_queues.QueuePutTests.test_nonblocking_put_exception */
START_TEST(outside_of_a_run_nothing_waits)
{
    with(1);
    put(1);
    ck_assert_int_eq(coro_queue_put_nowait(queue, ARG(2)), -EAGAIN);
    ck_assert_int_eq(coro_queue_put(queue, ARG(2)), -EPERM);
    ck_assert_int_eq(coro_queue_join(queue), -EPERM);
    ck_assert_int_eq(get(), 1);
    ck_assert_int_eq(get(), -EAGAIN);
    ck_assert_int_eq(coro_queue_get(queue, NULL), -EPERM);
    done();
}
END_TEST

/* CPython: test_queues.QueueGetTests.test_get_cancelled_race */
TASK_TEST(a_put_passes_over_a_cancelled_get)
{
    with(0);
    coro_task *first = spawn(gets_one, NULL), *second = spawn(gets_one, NULL);
    passes(1);
    coro_cancel(first);
    passes(1);
    release_done(first, -ECANCELED);
    ck_assert_int_eq(coro_queue_put(queue, ARG(7)), 0);
    passes(1);
    ck_assert_int_eq(coro_join(second, NULL), 7);
    done();
    return 0;
}

/* CPython: test_queues.QueueGetTests.test_get_with_waiting_putters */
TASK_TEST(a_get_and_waiting_puts_keep_the_order)
{
    with(1);
    coro_task *first = spawn(puts_one, ARG(1)), *second = spawn(puts_one, ARG(2));
    ck_assert_int_eq(gets_one(NULL), 1);
    ck_assert_int_eq(gets_one(NULL), 2);
    release_done(first, 0);
    release_done(second, 0);
    done();
    return 0;
}

static int puts_many(void *count)
{
    for (int i = 0; i < NUMBER(count); i++)
        ck_assert_int_eq(coro_queue_put(queue, ARG(i)), 0);
    return 0;
}

static int gets_many(void *count)
{
    for (int i = 0; i < NUMBER(count); i++)
        ck_assert_int_eq(gets_one(NULL), i);
    return 0;
}

/* CPython: test_queues.QueueGetTests.test_why_are_getters_waiting */
TASK_TEST(a_producer_and_a_consumer_take_turns)
{
    coro_group group;
    with(1);
    coro_group_begin(&group);
    coro_group_create_task(&group, puts_many, ARG(5));
    coro_group_create_task(&group, gets_many, ARG(5));
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert(coro_queue_empty(queue));
    done();
    return 0;
}

/* CPython: test_queues.QueueGetTests.test_cancelled_getters_not_being_held_in_self_getters */
TASK_TEST(a_get_that_timed_out_waits_no_longer)
{
    coro_timeout scope;
    with(5);
    coro_timeout_begin(&scope, 100 * CORO_MILLISECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_queue_get(queue, NULL)), -ETIMEDOUT);
    put(1);
    ck_assert_int_eq(get(), 1);
    done();
    return 0;
}

/* CPython: test_queues.QueuePutTests.test_get_cancel_drop_one_pending_reader */
TASK_TEST(a_cancelled_get_drops_no_item)
{
    with(0);
    coro_task *reader = spawn(gets_one, NULL);
    passes(1);
    put(1);
    put(2);
    coro_cancel(reader);
    ck_assert_int_eq(coro_join(reader, NULL), -ECANCELED);
    reader = spawn(gets_one, NULL);
    ck_assert_int_eq(coro_join(reader, NULL), 1);
    done();
    return 0;
}

/* CPython: test_queues.QueuePutTests.test_get_cancel_drop_many_pending_readers */
TASK_TEST(a_cancelled_get_passes_its_item_on)
{
    coro_task *readers[3];
    with(0);
    for (int i = 0; i < 3; i++)
        readers[i] = spawn(gets_one, NULL);
    passes(1);
    put(1);
    put(2);
    coro_cancel(readers[0]);
    ck_assert_int_eq(coro_join(readers[0], NULL), -ECANCELED);
    const int third = coro_join(readers[2], NULL), second = coro_join(readers[1], NULL);
    ck_assert_int_eq(second + third, 3);
    ck_assert(coro_queue_empty(queue));
    done();
    return 0;
}

TASK_TEST(a_get_that_was_overtaken_waits_again)
{
    with(0);
    coro_task *first = spawn(gets_one, NULL), *second = spawn(gets_one, NULL);
    passes(1);
    put(1);
    ck_assert_int_eq(get(), 1);
    passes(2);
    put(2);
    put(3);
    /* Which makes it the last, as in asyncio. */
    ck_assert_int_eq(coro_join(second, NULL), 2);
    ck_assert_int_eq(coro_join(first, NULL), 3);
    done();
    return 0;
}

/* --- Putting ---------------------------------------------------------------------------------- */

/* CPython: test_queues.QueuePutTests.test_blocking_put */
TASK_TEST(without_a_limit_a_put_does_not_wait)
{
    coro_task *other = spawn(returns, ARG(0));
    with(0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(coro_queue_put(queue, ARG(i)), 0);
    ck_assert(!coro_done(other));
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(gets_one(NULL), i);
    coro_release(other);
    done();
    return 0;
}

static int gets_later(void *arg)
{
    coro_sleep(10 * CORO_MILLISECOND);
    return get();
}

/* CPython: test_queues.QueuePutTests.test_blocking_put_wait */
TASK_TEST(a_put_waits_for_a_free_place)
{
    with(1);
    put(1);
    coro_task *putter = spawn(puts_one, ARG(2)), *getter = spawn(gets_later, NULL);
    passes(5);
    ck_assert(!coro_done(putter));
    ck_assert_int_eq(coro_join(putter, NULL), 0);
    ck_assert_int_eq(coro_now(), 10 * CORO_MILLISECOND);
    release_done(getter, 1);
    done();
    return 0;
}

/* CPython: test_queues.QueuePutTests.test_put_cancel_drop */
TASK_TEST(a_cancelled_put_can_be_made_again)
{
    with(1);
    put(1);
    coro_task *writer = spawn(puts_one, ARG(2));
    passes(1);
    ck_assert_int_eq(get(), 1);
    coro_cancel(writer);
    ck_assert_int_eq(coro_join(writer, NULL), -ECANCELED);
    writer = spawn(puts_one, ARG(2));
    ck_assert_int_eq(coro_join(writer, NULL), 0);
    ck_assert_int_eq(get(), 2);
    ck_assert_uint_eq(coro_queue_size(queue), 0);
    done();
    return 0;
}

/* CPython: test_queues.QueuePutTests.test_put_cancelled */
TASK_TEST(a_put_by_a_task_ends_with_the_get)
{
    with(0);
    coro_task *putter = spawn(puts_one, ARG(1));
    ck_assert_int_eq(gets_one(NULL), 1);
    release_done(putter, 0);
    done();
    return 0;
}

/* CPython: test_queues.QueuePutTests.test_put_cancelled_race */
TASK_TEST(a_cancelled_put_is_in_nobodys_way)
{
    with(1);
    coro_task *a = spawn(puts_one, ARG(1)), *b = spawn(puts_one, ARG(2));
    coro_task *c = spawn(puts_one, ARG(3));
    passes(1);
    ck_assert(coro_done(a) && !coro_done(b));
    coro_cancel(c);
    passes(1);
    release_done(c, -ECANCELED);
    ck_assert_int_eq(get(), 1);
    passes(1);
    ck_assert_int_eq(get(), 2);
    release_done(a, 0);
    release_done(b, 0);
    done();
    return 0;
}

/* CPython: test_queues.QueuePutTests.test_put_with_waiting_getters */
TASK_TEST(a_put_wakes_a_waiting_get)
{
    with(0);
    coro_task *getter = spawn(gets_one, NULL);
    passes(1);
    ck_assert_int_eq(coro_queue_put(queue, ARG(7)), 0);
    ck_assert_int_eq(coro_join(getter, NULL), 7);
    done();
    return 0;
}

static int gets_all_there_are(void *arg)
{
    passes(1);
    for (size_t n = coro_queue_size(queue); n > 0; n--)
        ck_assert_int_ge(get(), 0);
    return 0;
}

/* CPython: test_queues.QueuePutTests.test_why_are_putters_waiting */
TASK_TEST(each_get_lets_one_put_through)
{
    coro_group group;
    with(2);
    coro_group_begin(&group);
    coro_group_create_task(&group, gets_all_there_are, NULL);
    for (int i = 0; i < 4; i++)
        coro_group_create_task(&group, puts_one, ARG(i));
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    ck_assert_uint_eq(coro_queue_size(queue), 2);
    done();
    return 0;
}

/* CPython: test_queues.QueuePutTests.test_cancelled_puts_not_being_held_in_self_putters */
TASK_TEST(a_cancelled_put_waits_no_longer)
{
    with(1);
    put(1);
    coro_task *putter = spawn(puts_one, ARG(2));
    passes(1);
    coro_cancel(putter);
    ck_assert_int_eq(coro_join(putter, NULL), -ECANCELED);
    ck_assert_int_eq(get(), 1);
    passes(2);
    ck_assert(coro_queue_empty(queue));
    done();
    return 0;
}

/* CPython: test_queues.QueuePutTests.test_cancelled_put_silence_value_error_exception */
TASK_TEST(a_put_can_be_cancelled_when_its_place_is_free)
{
    with(1);
    put(1);
    coro_task *first = spawn(puts_one, ARG(2)), *second = spawn(puts_one, ARG(3));
    passes(1);
    ck_assert_int_eq(get(), 1);
    coro_cancel(first);
    ck_assert_int_eq(coro_join(first, NULL), -ECANCELED);
    ck_assert_int_eq(coro_join(second, NULL), 0);
    ck_assert_int_eq(get(), 3);
    done();
    return 0;
}

/* --- Join ------------------------------------------------------------------------------------- */

static int sum;
static bool running;

static int works(void *arg)
{
    while (running) {
        const int number = gets_one(NULL);
        ck_assert_int_ge(number, 0);
        sum += number;
        ck_assert_int_eq(coro_queue_task_done(queue), 0);
    }
    return 0;
}

static void work(enum coro_queue_kind kind)
{
    coro_group group;
    with_kind(kind, 0);
    sum = 0;
    running = true;
    for (int i = 0; i < 100; i++)
        put(i);
    coro_group_begin(&group);
    for (int i = 0; i < 2; i++)
        coro_group_create_task(&group, works, NULL);
    ck_assert_int_eq(coro_queue_join(queue), 0);
    ck_assert_int_eq(sum, 4950);
    running = false;
    for (int i = 0; i < 2; i++)
        put(0);
    ck_assert_int_eq(coro_group_end(&group, 0), 0);
    done();
}

/* CPython: test_queues.QueueJoinTests.test_task_done */
/* CPython: test_queues.LifoQueueJoinTests.test_task_done */
/* CPython: test_queues.PriorityQueueJoinTests.test_task_done */
TASK_TEST(join_waits_until_all_has_been_dealt_with)
{
    for (int kind = CORO_QUEUE_FIFO; kind <= CORO_QUEUE_PRIORITY; kind++)
        work((enum coro_queue_kind)kind);
    return 0;
}

/* CPython: test_queues.QueueJoinTests.test_task_done_underflow */
/* CPython: test_queues.LifoQueueJoinTests.test_task_done_underflow */
/* CPython: test_queues.PriorityQueueJoinTests.test_task_done_underflow */
/* CPython: test_queues.QueueJoinTests.test_join_empty_queue */
/* CPython: test_queues.LifoQueueJoinTests.test_join_empty_queue */
/* CPython: test_queues.PriorityQueueJoinTests.test_join_empty_queue */
START_TEST(an_unused_queue_has_nothing_to_be_dealt_with)
{
    for (int kind = CORO_QUEUE_FIFO; kind <= CORO_QUEUE_PRIORITY; kind++) {
        with_kind((enum coro_queue_kind)kind, 0);
        ck_assert_int_eq(coro_queue_task_done(queue), -EINVAL);
        ck_assert_int_eq(coro_queue_join(queue), 0);
        ck_assert_int_eq(coro_queue_join(queue), 0);
        done();
    }
}
END_TEST

TASK_TEST(a_join_can_be_cancelled_and_sees_a_zero_that_was_short)
{
    with(0);
    put(1);
    coro_task *first = spawn(joins, NULL), *second = spawn(joins, NULL);
    passes(1);
    coro_cancel(first);
    get();
    ck_assert_int_eq(coro_queue_task_done(queue), 0);
    put(2);
    passes(1);
    release_done(first, -ECANCELED);
    release_done(second, 0);
    done();
    return 0;
}

/* --- Shutdown --------------------------------------------------------------------------------- */

static void expect_shut_down(void)
{
    ck_assert_int_eq(coro_queue_put(queue, ARG(1)), -ESHUTDOWN);
    ck_assert_int_eq(coro_queue_put_nowait(queue, ARG(1)), -ESHUTDOWN);
    ck_assert_int_eq(coro_queue_get(queue, NULL), -ESHUTDOWN);
    ck_assert_int_eq(get(), -ESHUTDOWN);
}

static void shut_down_empty(enum coro_queue_kind kind)
{
    with_kind(kind, 0);
    coro_task *getter = spawn(gets_one, NULL);
    passes(1);
    ck_assert_int_eq(coro_queue_shutdown(queue, false), 0);
    ck_assert_uint_eq(coro_queue_size(queue), 0);
    ck_assert_int_eq(coro_queue_join(queue), 0);
    passes(1);
    release_done(getter, -ESHUTDOWN);
    expect_shut_down();
    ck_assert_int_eq(coro_queue_shutdown(queue, true), 0);
    done();
}

/* CPython: test_queues.QueueShutdownTests.test_shutdown_empty */
/* CPython: test_queues.LifoQueueShutdownTests.test_shutdown_empty */
/* CPython: test_queues.PriorityQueueShutdownTests.test_shutdown_empty */
TASK_TEST(a_shutdown_ends_waiting_gets)
{
    for (int kind = CORO_QUEUE_FIFO; kind <= CORO_QUEUE_PRIORITY; kind++)
        shut_down_empty((enum coro_queue_kind)kind);
    return 0;
}

static void shut_down_nonempty(enum coro_queue_kind kind)
{
    with_kind(kind, 1);
    put(7);
    coro_task *join = spawn(joins, NULL), *putter = spawn(puts_one, ARG(8));
    passes(1);
    ck_assert(!coro_done(putter));
    ck_assert_int_eq(coro_queue_shutdown(queue, false), 0);
    ck_assert_uint_eq(coro_queue_size(queue), 1);
    passes(1);
    release_done(putter, -ESHUTDOWN);
    ck_assert_int_eq(gets_one(NULL), 7);
    passes(1);
    ck_assert(!coro_done(join));
    expect_shut_down();
    ck_assert_int_eq(coro_queue_task_done(queue), 0);
    passes(1);
    release_done(join, 0);
    ck_assert_int_eq(coro_queue_task_done(queue), -EINVAL);
    done();
}

/* CPython: test_queues.QueueShutdownTests.test_shutdown_nonempty */
/* CPython: test_queues.LifoQueueShutdownTests.test_shutdown_nonempty */
/* CPython: test_queues.PriorityQueueShutdownTests.test_shutdown_nonempty */
TASK_TEST(after_a_shutdown_what_is_left_can_be_got)
{
    for (int kind = CORO_QUEUE_FIFO; kind <= CORO_QUEUE_PRIORITY; kind++)
        shut_down_nonempty((enum coro_queue_kind)kind);
    return 0;
}

static void shut_down_at_once(enum coro_queue_kind kind)
{
    with_kind(kind, 0);
    put(7);
    coro_task *join = spawn(joins, NULL);
    ck_assert_int_eq(coro_queue_shutdown(queue, true), 0);
    ck_assert_uint_eq(coro_queue_size(queue), 0);
    passes(1);
    release_done(join, 0);
    expect_shut_down();
    ck_assert_int_eq(coro_queue_task_done(queue), -EINVAL);
    done();
}

/* CPython: test_queues.QueueShutdownTests.test_shutdown_immediate */
/* CPython: test_queues.LifoQueueShutdownTests.test_shutdown_immediate */
/* CPython: test_queues.PriorityQueueShutdownTests.test_shutdown_immediate */
TASK_TEST(an_immediate_shutdown_removes_what_is_left)
{
    for (int kind = CORO_QUEUE_FIFO; kind <= CORO_QUEUE_PRIORITY; kind++)
        shut_down_at_once((enum coro_queue_kind)kind);
    return 0;
}

static void shut_down_with_unfinished(enum coro_queue_kind kind)
{
    with_kind(kind, 0);
    put(7);
    put(7);
    coro_task *join = spawn(joins, NULL);
    ck_assert_int_eq(gets_one(NULL), 7);
    ck_assert_int_eq(coro_queue_shutdown(queue, true), 0);
    ck_assert_uint_eq(coro_queue_size(queue), 0);
    passes(1);
    ck_assert(!coro_done(join));
    expect_shut_down();
    ck_assert_int_eq(coro_queue_task_done(queue), 0);
    ck_assert_int_eq(coro_queue_task_done(queue), -EINVAL);
    passes(1);
    release_done(join, 0);
    done();
}

/* CPython: test_queues.QueueShutdownTests.test_shutdown_immediate_with_unfinished */
/* CPython: test_queues.LifoQueueShutdownTests.test_shutdown_immediate_with_unfinished */
/* CPython: test_queues.PriorityQueueShutdownTests.test_shutdown_immediate_with_unfinished */
TASK_TEST(an_immediate_shutdown_waits_for_what_was_taken_out)
{
    for (int kind = CORO_QUEUE_FIFO; kind <= CORO_QUEUE_PRIORITY; kind++)
        shut_down_with_unfinished((enum coro_queue_kind)kind);
    return 0;
}

/* --- Destroying ------------------------------------------------------------------------------- */

static void free_item(void *item, void *arg)
{
    free(item);
    ++*(int *)arg;
}

START_TEST(what_is_removed_is_discarded)
{
    int discarded = 0;
    const coro_queue_options options = {.discard = free_item, .arg = &discarded};
    coro_queue *own = coro_queue_create(&options);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(coro_queue_put(own, malloc(10)), 0);
    void *item;
    ck_assert_int_eq(coro_queue_get(own, &item), 0);
    free(item);
    coro_queue_shutdown(own, true);
    ck_assert_int_eq(discarded, 9);
    coro_queue_destroy(own);
    own = coro_queue_create(&options);
    coro_queue_put(own, malloc(10));
    coro_queue_destroy(own);
    ck_assert_int_eq(discarded, 10);
}
END_TEST

TASK_TEST(tasks_that_wait_when_a_queue_is_destroyed_get_an_error)
{
    coro_task *tasks[4];
    with(1);
    tasks[0] = spawn(gets_one, NULL);
    passes(1);
    done();
    ck_assert_int_eq(coro_join(tasks[0], NULL), -ESHUTDOWN);
    with(1);
    put(1);
    get();
    put(2);
    tasks[0] = spawn(puts_one, ARG(3));
    tasks[1] = spawn(joins, NULL);
    tasks[2] = spawn(puts_one, ARG(4));
    tasks[3] = spawn(joins, NULL);
    passes(1);
    coro_cancel(tasks[2]);
    coro_cancel(tasks[3]);
    done();
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), i < 2 ? -ESHUTDOWN : -ECANCELED);
    return 0;
}

static void in_a_callback(coro_task *task, void *arg)
{
    ck_assert_int_eq(coro_queue_get(queue, NULL), -EPERM);
    put(7);
    ck_assert_int_eq(coro_queue_join(queue), -EPERM);
}

TASK_TEST(a_callback_may_put_and_not_wait)
{
    with(0);
    coro_task *task = spawn(returns, ARG(0));
    coro_add_done_callback(task, in_a_callback, NULL);
    ck_assert_int_eq(gets_one(NULL), 7);
    coro_release(task);
    done();
    return 0;
}

static int main_of_a_deadlock(void *arg)
{
    with(1);
    coro_task *getter = spawn(gets_one, NULL);
    passes(1);
    ck_assert_int_eq(coro_join(getter, NULL), -ECANCELED);
    return 0;
}

static int fills_the_queue(void *arg)
{
    with(1);
    put(1);
    coro_release(spawn(joins, NULL));
    return coro_queue_put(queue, ARG(2));
}

START_TEST(a_deadlock_report_names_what_is_waited_for)
{
    ck_assert_int_eq(run_test(main_of_a_deadlock, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in await");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in queue get");
    ck_assert_int_eq(run_test(fills_the_queue, NULL), -EDEADLK);
    expect_log(CORO_LOG_DEADLOCK, -EDEADLK, "deadlock");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in queue put");
    expect_log(CORO_LOG_DEADLOCK, 0, "waits in queue join");
    done();
}
END_TEST

static int never_gives_up(void *arg)
{
    while (coro_queue_get(queue, NULL) != 0)
        continue;
    return 0;
}

static int keeps_joining(void *arg)
{
    while (coro_queue_join(queue) != 0)
        continue;
    return 0;
}

static int main_that_leaves_waiting_tasks(void *arg)
{
    coro_release(spawn(keeps_joining, NULL));
    return never_gives_up(NULL);
}

START_TEST(destroyed_tasks_wait_no_longer)
{
    with(0);
    put(1);
    get();
    ck_assert_int_eq(run_test(main_that_leaves_waiting_tasks, NULL), -EDEADLK);
    forget_log();
    put(2);
    ck_assert_int_eq(get(), 2);
    done();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_queue_is_empty_until_something_is_put,
        a_queue_is_full_at_its_limit,
        each_kind_has_its_order,
        a_put_waits_at_the_limit,
        equal_priorities_keep_their_order,
        many_puts_and_gets_agree_with_a_model,
        options_that_cannot_be_met_make_no_queue,
        a_queue_that_could_not_be_created_is_out_of_memory,
        a_get_that_need_not_wait_is_no_cancellation_point,
        a_get_wakes_a_waiting_put,
        a_get_waits_for_an_item,
        outside_of_a_run_nothing_waits,
        a_put_passes_over_a_cancelled_get,
        a_get_and_waiting_puts_keep_the_order,
        a_producer_and_a_consumer_take_turns,
        a_get_that_timed_out_waits_no_longer,
        a_cancelled_get_drops_no_item,
        a_cancelled_get_passes_its_item_on,
        a_get_that_was_overtaken_waits_again,
        without_a_limit_a_put_does_not_wait,
        a_put_waits_for_a_free_place,
        a_cancelled_put_can_be_made_again,
        a_put_by_a_task_ends_with_the_get,
        a_cancelled_put_is_in_nobodys_way,
        a_put_wakes_a_waiting_get,
        each_get_lets_one_put_through,
        a_cancelled_put_waits_no_longer,
        a_put_can_be_cancelled_when_its_place_is_free,
        join_waits_until_all_has_been_dealt_with,
        an_unused_queue_has_nothing_to_be_dealt_with,
        a_join_can_be_cancelled_and_sees_a_zero_that_was_short,
        a_shutdown_ends_waiting_gets,
        after_a_shutdown_what_is_left_can_be_got,
        an_immediate_shutdown_removes_what_is_left,
        an_immediate_shutdown_waits_for_what_was_taken_out,
        what_is_removed_is_discarded,
        tasks_that_wait_when_a_queue_is_destroyed_get_an_error,
        a_callback_may_put_and_not_wait,
        a_deadlock_report_names_what_is_waited_for,
        destroyed_tasks_wait_no_longer,
        NULL,
    };
    return run_suite("queue", tests);
}
