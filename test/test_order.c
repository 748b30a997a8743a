/* SPDX-License-Identifier: MIT */
/*
 * In which pass of the loop each step runs. The traces are those of the same programs under
 * CPython's asyncio: "a>@4" says that `a` went on in pass 4. In them
 *     a<  a has started, or its call has begun
 *     a>  it went on, with a result
 *     a!  it got a cancel;   ax  an error;   at  a timeout
 */
#include "support.h"

static int pass;

static void mark(const char *name, const char *what)
{
    trace("%s%s@%d", name, what, pass);
}

/* The first entry of every pass. */
static int ticker(void *arg)
{
    do
        pass++;
    while (coro_yield() == 0);
    return -ECANCELED;
}

static void run_counted(coro_fn *body, const char *expected)
{
    ck_assert_int_eq(run_test(body, NULL), 0);
    expect_trace(expected);
    ck_assert_uint_eq(logged(), 0);
}

#define ORDER_TEST(name, expected)          \
    static void name##_body(void);          \
    static int name##_main(void *arg)       \
    {                                       \
        pass = 0;                           \
        coro_release(spawn(ticker, NULL));  \
        passes(1);                          \
        name##_body();                      \
        return 0;                           \
    }                                       \
    START_TEST(name)                        \
    {                                       \
        run_counted(name##_main, expected); \
    }                                       \
    END_TEST                                \
    static void name##_body(void)

/* What a marked task does. */
struct part {
    const char *name;
    int passes;   /* so many yields, or */
    bool forever; /* a wait that only a cancel ends */
    int status;   /* that it ends with */
    coro_task *awaited;
};

static int end(const char *name, int rc)
{
    mark(name, rc >= 0 ? ">" : rc == -ECANCELED ? "!" : rc == -ETIMEDOUT ? "t" : "x");
    return rc;
}

static int child(void *arg)
{
    const struct part *part = arg;
    int rc = 0;
    mark(part->name, "<");
    for (int i = 0; i < part->passes && rc == 0; i++)
        rc = coro_yield();
    if (part->forever)
        rc = coro_sleep(CORO_FOREVER);
    end(part->name, rc);
    return rc < 0 ? rc : part->status;
}

static int awaiter(void *arg)
{
    const struct part *part = arg;
    mark(part->name, "<");
    return end(part->name, coro_await(part->awaited, NULL));
}

static void marks_done(coro_task *task, void *name)
{
    mark((const char *)name, "");
}

static coro_task *start(coro_fn *fn, struct part part)
{
    const coro_task_options options = {.arg_size = sizeof part};
    return coro_create_task_with(&options, fn, &part);
}

static coro_task *start_child(const char *name, int count)
{
    return start(child, (struct part){.name = name, .passes = count});
}

static coro_task *start_forever(const char *name)
{
    return start(child, (struct part){.name = name, .forever = true});
}

static coro_task *start_awaiter(const char *name, coro_task *awaited)
{
    return start(awaiter, (struct part){.name = name, .awaited = awaited});
}

static void join(coro_task *task)
{
    coro_join(task, NULL);
    mark("main", "");
}

/* --- Await ------------------------------------------------------------------------------------ */
ORDER_TEST(an_awaiter_goes_on_in_the_pass_after_the_end, "c<@2 w<@2 c>@3 w>@4 main@5")
{
    coro_task *c = start_child("c", 1);
    join(start_awaiter("w", c));
    coro_release(c);
}

ORDER_TEST(a_task_that_ends_before_it_is_awaited_costs_no_pass,
           "a<@2 a>@2 b<@2 b>@2 c<@2 c>@2 main@3")
{
    coro_task *a = start_child("a", 0), *b = start_awaiter("b", a);
    join(start_awaiter("c", b));
    coro_release(a);
    coro_release(b);
}

ORDER_TEST(each_link_of_a_chain_costs_a_pass, "a<@2 b<@2 c<@2 set@3 a>@4 b>@5 c>@6 main@7")
{
    coro_future *future = coro_create_future();
    coro_task *a = start_awaiter("a", future), *b = start_awaiter("b", a);
    coro_task *c = start_awaiter("c", b);
    passes(2);
    coro_set_result(future, 1, NULL);
    mark("set", "");
    join(c);
    coro_release(a);
    coro_release(b);
    coro_release(future);
}

ORDER_TEST(an_eager_task_goes_on_after_its_first_suspension, "a<@1 created@1 o<@2 o>@2 a>@2 main@3")
{
    const coro_task_options eager = {.eager_start = true};
    struct part part = {.name = "a", .passes = 1};
    coro_task *o = start_child("o", 0);
    coro_task *a = coro_create_task_with(&eager, child, &part);
    mark("created", "");
    join(a);
    coro_release(o);
}

/* --- Done callbacks --------------------------------------------------------------------------- */
ORDER_TEST(callbacks_and_waiters_of_a_future, "w<@2 set@2 cb1@3 w>@3 cb2@3 main@3")
{
    coro_future *future = coro_create_future();
    coro_add_done_callback(future, marks_done, (void *)"cb1");
    coro_task *w = start_awaiter("w", future);
    passes(1);
    coro_add_done_callback(future, marks_done, (void *)"cb2");
    coro_set_result(future, 0, NULL);
    mark("set", "");
    passes(1);
    join(w);
    coro_release(future);
}

ORDER_TEST(callbacks_of_a_task, "a<@2 a>@2 w<@2 w>@2 cb1@3 cb2@3 main@3")
{
    coro_task *a = start_child("a", 0);
    coro_add_done_callback(a, marks_done, (void *)"cb1");
    coro_task *w = start_awaiter("w", a);
    coro_add_done_callback(a, marks_done, (void *)"cb2");
    join(a);
    coro_join(w, NULL);
}

ORDER_TEST(a_callback_on_what_is_done, "a<@2 a>@2 added@2 cb@3 main@3")
{
    coro_task *a = start_child("a", 0);
    passes(1);
    coro_add_done_callback(a, marks_done, (void *)"cb");
    mark("added", "");
    passes(1);
    join(a);
}

/* --- Gather ----------------------------------------------------------------------------------- */
struct gathering {
    const char *name;
    coro_task *tasks[2];
    unsigned flags;
};

static int gathers(void *arg)
{
    const struct gathering *gathering = arg;
    mark(gathering->name, "<");
    return end(gathering->name, coro_gather(gathering->tasks, 2, gathering->flags));
}

static void release_two(struct gathering *gathering)
{
    coro_release(gathering->tasks[0]);
    coro_release(gathering->tasks[1]);
}

ORDER_TEST(a_gather_takes_two_passes_from_the_last_end, "a<@2 b<@2 b>@3 a>@4 main@6")
{
    struct gathering both = {.tasks = {start_child("a", 2), start_child("b", 1)}};
    coro_gather(both.tasks, 2, 0);
    mark("main", "");
    release_two(&both);
}

ORDER_TEST(a_gather_of_what_is_done_takes_none, "a<@2 a>@2 b<@2 b>@2 before@4 main@4")
{
    struct gathering both = {.tasks = {start_child("a", 0), start_child("b", 0)}};
    passes(3);
    mark("before", "");
    coro_gather(both.tasks, 2, 0);
    mark("main", "");
    release_two(&both);
}

ORDER_TEST(an_error_ends_a_gather, "g<@1 a<@2 b<@2 b>@3 a>@5 gx@5 main@5 end@5")
{
    const struct part failing = {.name = "b", .passes = 1, .status = -EIO};
    struct gathering both = {.name = "g", .tasks = {start_child("a", 3), start(child, failing)}};
    gathers(&both);
    mark("main", "");
    coro_await(both.tasks[0], NULL);
    mark("end", "");
    release_two(&both);
}

static void cancel_gather(unsigned flags)
{
    struct gathering both = {"g", {start_forever("a"), start_forever("b")}, flags};
    coro_task *task = spawn(gathers, &both);
    passes(2);
    coro_cancel(task);
    mark("cancel", "");
    join(task);
    release_two(&both);
}

ORDER_TEST(a_gather_is_cancelled, "a<@2 b<@2 g<@2 cancel@3 a!@4 b!@4 g!@6 main@7")
{
    cancel_gather(0);
}

ORDER_TEST(a_gather_that_returns_exceptions_is_cancelled,
           "a<@2 b<@2 g<@2 cancel@3 a!@4 b!@4 g!@6 main@7")
{
    cancel_gather(CORO_RETURN_EXCEPTIONS);
}

static int gathers_two_of_its_own(void *arg)
{
    struct gathering both = {.tasks = {start_child("a", 1), start_child("b", 0)}};
    mark("i", "<");
    const int rc = end("i", coro_gather(both.tasks, 2, 0));
    release_two(&both);
    return rc;
}

ORDER_TEST(gathers_nest, "i<@2 c<@2 a<@3 b<@3 b>@3 a>@4 c>@4 i>@6 main@8")
{
    struct gathering both = {.tasks = {spawn(gathers_two_of_its_own, NULL), start_child("c", 2)}};
    coro_gather(both.tasks, 2, 0);
    mark("main", "");
    release_two(&both);
}

/* --- Wait ------------------------------------------------------------------------------------- */
ORDER_TEST(a_wait_takes_two_passes_from_the_last_end, "a<@2 b<@2 b>@3 a>@4 main@6")
{
    struct gathering both = {.tasks = {start_child("a", 2), start_child("b", 1)}};
    coro_wait(both.tasks, 2, CORO_ALL_COMPLETED, CORO_FOREVER);
    mark("main", "");
    release_two(&both);
}

ORDER_TEST(a_wait_for_the_first_takes_two_passes_from_its_end, "a<@2 b<@2 b>@3 a>@5 main@5")
{
    struct gathering both = {.tasks = {start_child("a", 3), start_child("b", 1)}};
    coro_wait(both.tasks, 2, CORO_FIRST_COMPLETED, CORO_FOREVER);
    mark("main", "");
    release_two(&both);
}

ORDER_TEST(a_wait_for_what_is_done_takes_two_passes, "a<@2 a>@2 before@4 main@6")
{
    coro_task *a = start_child("a", 0);
    passes(3);
    mark("before", "");
    coro_wait(&a, 1, CORO_ALL_COMPLETED, CORO_FOREVER);
    mark("main", "");
    coro_release(a);
}

static int waits(void *arg)
{
    const struct part *part = arg;
    mark(part->name, "<");
    return end(part->name, coro_wait(&part->awaited, 1, CORO_ALL_COMPLETED, CORO_FOREVER));
}

ORDER_TEST(a_wait_is_cancelled, "a<@2 w<@2 cancel@3 w!@4 main@5 a!@6")
{
    coro_task *a = start_forever("a");
    coro_task *w = start(waits, (struct part){.name = "w", .awaited = a});
    passes(2);
    coro_cancel(w);
    mark("cancel", "");
    join(w);
    coro_cancel(a);
    passes(2);
    coro_release(a);
}

/* --- Shield ----------------------------------------------------------------------------------- */
static int shields(void *arg)
{
    const struct part *part = arg;
    mark(part->name, "<");
    return end(part->name, coro_shield(part->awaited, NULL));
}

ORDER_TEST(a_shield_takes_two_passes, "a<@2 a>@3 main@5")
{
    coro_task *a = start_child("a", 1);
    coro_shield(a, NULL);
    mark("main", "");
    coro_release(a);
}

ORDER_TEST(a_shield_is_cancelled, "a<@2 s<@2 cancel@3 s!@4 main@5 a>@6 end@7")
{
    coro_task *a = start_child("a", 4);
    coro_task *s = start(shields, (struct part){.name = "s", .awaited = a});
    passes(2);
    coro_cancel(s);
    mark("cancel", "");
    join(s);
    coro_join(a, NULL);
    mark("end", "");
}

ORDER_TEST(what_is_shielded_is_cancelled, "a<@2 s<@2 cancel@3 a!@4 s!@6 main@7")
{
    coro_task *a = start_forever("a");
    coro_task *s = start(shields, (struct part){.name = "s", .awaited = a});
    passes(2);
    coro_cancel(a);
    mark("cancel", "");
    join(s);
    coro_release(a);
}

/* --- Time limits ------------------------------------------------------------------------------ */
static void wait_for(coro_task *task, coro_duration limit)
{
    mark("w", "<");
    end("w", coro_wait_for(task, limit, NULL));
    mark("main", "");
    coro_release(task);
}

ORDER_TEST(a_wait_for_in_time_takes_one_pass, "w<@1 a<@2 a>@3 w>@4 main@4")
{
    wait_for(start_child("a", 1), 100 * CORO_SECOND);
}

ORDER_TEST(a_wait_for_no_time_cancels_a_fresh_task, "before@1 w<@1 wt@4 main@4")
{
    coro_task *a = start_child("a", 1);
    mark("before", "");
    wait_for(a, 0);
}

ORDER_TEST(a_wait_for_no_time_cancels_a_started_task, "a<@2 before@2 w<@2 a!@3 wt@5 main@5")
{
    coro_task *a = start_forever("a");
    passes(1);
    mark("before", "");
    wait_for(a, 0);
}

ORDER_TEST(a_timeout_of_no_time_fires_in_the_next_pass, "w<@1 w!@3 wt@3 main@3")
{
    coro_timeout scope;
    mark("w", "<");
    coro_timeout_begin(&scope, 0);
    const int rc = end("w", coro_sleep(CORO_FOREVER));
    end("w", coro_timeout_end(&scope, rc));
    mark("main", "");
}

ORDER_TEST(a_timeout_of_no_time_around_an_await, "a<@2 w<@2 a!@4 wt@5 main@5")
{
    coro_timeout scope;
    coro_task *a = start_forever("a");
    passes(1);
    mark("w", "<");
    coro_timeout_begin(&scope, 0);
    end("w", coro_timeout_end(&scope, coro_await(a, NULL)));
    mark("main", "");
    coro_release(a);
}

/* --- Cancelling ------------------------------------------------------------------------------- */
ORDER_TEST(a_cancel_arrives_in_the_next_pass, "a<@2 cancel@2 a!@3 main@4")
{
    coro_task *a = start_forever("a");
    passes(1);
    coro_cancel(a);
    mark("cancel", "");
    join(a);
}

ORDER_TEST(a_cancel_comes_back_up_a_chain, "a<@2 b<@2 c<@2 cancel@3 a!@4 b!@5 c!@6 main@7")
{
    coro_task *a = start_forever("a"), *b = start_awaiter("b", a), *c = start_awaiter("c", b);
    passes(2);
    coro_cancel(c);
    mark("cancel", "");
    join(c);
    coro_release(a);
    coro_release(b);
}

ORDER_TEST(a_fresh_task_is_cancelled_in_its_turn, "cancel@1 main@3")
{
    coro_task *a = start_child("a", 0);
    coro_cancel(a);
    mark("cancel", "");
    join(a);
}

ORDER_TEST(a_yielding_task_is_cancelled_in_its_turn, "a<@2 cancel@3 a!@4 main@5")
{
    coro_task *a = start_child("a", 5);
    passes(2);
    coro_cancel(a);
    mark("cancel", "");
    join(a);
}

ORDER_TEST(a_woken_task_is_cancelled_in_its_turn, "w<@2 cancel@2 w!@3 main@4")
{
    coro_future *future = coro_create_future();
    coro_task *w = start_awaiter("w", future);
    passes(1);
    coro_set_result(future, 1, NULL);
    coro_cancel(w);
    mark("cancel", "");
    join(w);
    coro_release(future);
}

static int cancels_itself(void *arg)
{
    coro_task *const *awaited = arg;
    coro_cancel(coro_current_task());
    mark("self", "");
    return end("c", awaited ? coro_await(*awaited, NULL) : coro_yield());
}

ORDER_TEST(a_task_that_cancels_itself_gets_it_in_the_next_pass, "self@2 c!@3 main@4")
{
    join(spawn(cancels_itself, NULL));
}

ORDER_TEST(a_task_that_cancels_itself_hands_it_on, "f<@2 self@3 f!@4 c!@5 main@6")
{
    coro_task *f = start_forever("f");
    passes(1);
    join(spawn(cancels_itself, &f));
    coro_release(f);
}

int main(void)
{
    const TTest *const tests[] = {
        an_awaiter_goes_on_in_the_pass_after_the_end,
        a_task_that_ends_before_it_is_awaited_costs_no_pass,
        each_link_of_a_chain_costs_a_pass,
        an_eager_task_goes_on_after_its_first_suspension,
        callbacks_and_waiters_of_a_future,
        callbacks_of_a_task,
        a_callback_on_what_is_done,
        a_gather_takes_two_passes_from_the_last_end,
        a_gather_of_what_is_done_takes_none,
        an_error_ends_a_gather,
        a_gather_is_cancelled,
        a_gather_that_returns_exceptions_is_cancelled,
        gathers_nest,
        a_wait_takes_two_passes_from_the_last_end,
        a_wait_for_the_first_takes_two_passes_from_its_end,
        a_wait_for_what_is_done_takes_two_passes,
        a_wait_is_cancelled,
        a_shield_takes_two_passes,
        a_shield_is_cancelled,
        what_is_shielded_is_cancelled,
        a_wait_for_in_time_takes_one_pass,
        a_wait_for_no_time_cancels_a_fresh_task,
        a_wait_for_no_time_cancels_a_started_task,
        a_timeout_of_no_time_fires_in_the_next_pass,
        a_timeout_of_no_time_around_an_await,
        a_cancel_arrives_in_the_next_pass,
        a_cancel_comes_back_up_a_chain,
        a_fresh_task_is_cancelled_in_its_turn,
        a_yielding_task_is_cancelled_in_its_turn,
        a_woken_task_is_cancelled_in_its_turn,
        a_task_that_cancels_itself_gets_it_in_the_next_pass,
        a_task_that_cancels_itself_hands_it_on,
        NULL,
    };
    return run_suite("order", tests);
}
