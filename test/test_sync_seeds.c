/* SPDX-License-Identifier: MIT */
/* Locks, semaphores, conditions, events, barriers and queues in thousands of shuffled schedules,
 * with cancels at random moments: nothing is lost, nobody is overtaken, and every task ends. */
#include "support.h"

enum { TASKS = 8, STEPS = 6, ITEMS = 24, SCHEDULES = 400 };

/* --- Chance ----------------------------------------------------------------------------------- */
static uint64_t chance;

static unsigned below(unsigned n)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (unsigned)((chance >> 20) % n);
}

/* Lets up to two passes go by. A cancel that comes meanwhile is taken. */
static int lingers(void)
{
    int rc = 0;
    for (unsigned n = below(3); n > 0 && rc == 0; n--)
        rc = coro_yield();
    return rc;
}

/* --- A schedule: tasks, and one that cancels some of them at random --------------------------- */
static coro_task *tasks[TASKS];
static int number_of_tasks;
static bool victims[TASKS]; /* have been cancelled at least once */

static int cancels_some(void *arg)
{
    for (int n = 0; n < TASKS; n++) {
        passes((int)below(4));
        const unsigned number = below((unsigned)number_of_tasks);
        coro_task *victim = tasks[number];
        victims[number] = true;
        if (below(2))
            coro_cancel(victim);
        /* Twice in one pass, or taken back at once. */
        if (below(4) == 0 && coro_cancel(victim))
            coro_uncancel(victim);
    }
    return 0;
}

/* Runs n tasks, with their number as argument, until all have ended; no more than a second of the
 * virtual clock, which only a task that waits for ever lets go by. */
static void run_tasks(coro_fn *const fns[], int n)
{
    number_of_tasks = n;
    for (int i = 0; i < n; i++)
        tasks[i] = spawn(fns[i], ARG(i));
    coro_task *canceller = spawn(cancels_some, NULL);
    ck_assert_int_eq(coro_wait(tasks, (size_t)n, CORO_ALL_COMPLETED, CORO_SECOND), n);
    ck_assert_int_eq(coro_join(canceller, NULL), 0);
    for (int i = 0; i < n; i++) {
        ck_assert(coro_result(tasks[i], NULL) == 0 || coro_cancelled(tasks[i]));
        coro_release(tasks[i]);
    }
}

static void run_same(coro_fn *fn)
{
    coro_fn *fns[TASKS];
    for (int i = 0; i < TASKS; i++)
        fns[i] = fn;
    run_tasks(fns, TASKS);
}

static void run_schedules(coro_fn *fn)
{
    for (uint64_t seed = 1; seed <= (uint64_t)many(SCHEDULES); seed++) {
        coro_run_options options = test_options();
        options.seed = seed % 4 ? seed : 0; /* FIFO as well */
        memset(victims, 0, sizeof victims);
        chance = seed * 0x9e3779b97f4a7c15;
        ck_assert_int_eq(coro_run_with(&options, fn, NULL), 0);
        ck_assert_uint_eq(logged(), 0);
    }
}

/* --- Who came first --------------------------------------------------------------------------- */
static int line[TASKS], in_line;

static void queue_up(int number)
{
    line[in_line++] = number;
}

/* Whether nobody stands before it who was never cancelled. */
static bool is_its_turn(int number)
{
    int ahead = 0;
    while (line[ahead] != number && victims[line[ahead]])
        ahead++;
    return line[ahead] == number;
}

static void leave_line(int number)
{
    for (int i = 0; i < in_line; i++) {
        if (line[i] == number) {
            memmove(line + i, line + i + 1, (size_t)(--in_line - i) * sizeof line[0]);
            return;
        }
    }
    ck_abort_msg("not in line");
}

/* --- Locks ------------------------------------------------------------------------------------ */
static coro_lock lock;
static int inside;

static int locks_again_and_again(void *arg)
{
    int rc = 0;
    for (int step = 0; step < STEPS && rc == 0; step++) {
        queue_up(NUMBER(arg));
        rc = coro_lock_acquire(&lock);
        if (rc == 0)
            ck_assert(is_its_turn(NUMBER(arg)));
        leave_line(NUMBER(arg));
        if (rc < 0)
            return rc;
        ck_assert_int_eq(++inside, 1);
        rc = lingers();
        inside--;
        ck_assert_int_eq(coro_lock_release(&lock), 0);
        if (rc == 0)
            rc = lingers();
    }
    return rc;
}

static int lock_main(void *arg)
{
    run_same(locks_again_and_again);
    ck_assert(!coro_lock_locked(&lock));
    ck_assert_ptr_null(lock.waiters);
    return 0;
}

START_TEST(a_lock_is_held_by_one_in_order_and_never_lost)
{
    run_schedules(lock_main);
}
END_TEST

/* --- Semaphores ------------------------------------------------------------------------------- */
enum { PERMITS = 3 };
static coro_semaphore semaphore;

static int takes_permits(void *arg)
{
    int rc = 0;
    for (int step = 0; step < STEPS && rc == 0; step++) {
        queue_up(NUMBER(arg));
        rc = coro_semaphore_acquire(&semaphore);
        leave_line(NUMBER(arg));
        if (rc < 0)
            return rc;
        ck_assert_int_le(++inside, PERMITS);
        rc = lingers();
        inside--;
        ck_assert_int_eq(coro_semaphore_release(&semaphore), 0);
        if (rc == 0)
            rc = lingers();
    }
    return rc;
}

static int semaphore_main(void *arg)
{
    semaphore = (coro_semaphore)CORO_BOUNDED_SEMAPHORE_INITIALIZER(PERMITS);
    run_same(takes_permits);
    for (int i = 0; i < PERMITS; i++)
        ck_assert_int_eq(coro_semaphore_acquire(&semaphore), 0);
    ck_assert(coro_semaphore_locked(&semaphore));
    ck_assert_ptr_null(semaphore.waiters);
    ck_assert_uint_eq(semaphore.woken, 0);
    return 0;
}

START_TEST(no_permit_is_lost)
{
    run_schedules(semaphore_main);
}
END_TEST

/* --- Conditions ------------------------------------------------------------------------------- */
static coro_condition condition;
static int produced, consumed, consumers;

static bool anything_there(void *arg)
{
    return produced > consumed || consumers == 0;
}

/* Adds items, each with a notify for one. */
static int produces(void *arg)
{
    int rc = 0;
    for (int step = 0; step < STEPS && rc == 0; step++) {
        rc = coro_condition_acquire(&condition);
        if (rc < 0)
            break;
        produced++;
        ck_assert_int_eq(coro_condition_notify(&condition, 1), 0);
        rc = lingers();
        ck_assert_int_eq(coro_condition_release(&condition), 0);
    }
    return rc;
}

static int consumes(void *arg)
{
    int rc = coro_condition_acquire(&condition);
    if (rc < 0)
        return rc;
    while (rc == 0) {
        rc = coro_condition_wait_for(&condition, anything_there, NULL);
        ck_assert(coro_condition_locked(&condition));
        if (rc < 0 || produced == consumed)
            break;
        consumed++;
        rc = lingers();
    }
    ck_assert_int_eq(coro_condition_release(&condition), 0);
    return rc;
}

static coro_task *last_consumer;

/* What was produced is consumed although consumers are cancelled: one, which is not, is left. */
static int condition_main(void *arg)
{
    coro_fn *const fns[] = {consumes, produces, consumes, produces, consumes};
    produced = consumed = 0;
    consumers = 1;
    last_consumer = spawn(consumes, NULL);
    number_of_tasks = 5;
    for (int i = 0; i < 5; i++)
        tasks[i] = spawn(fns[i], NULL);
    coro_task *canceller = spawn(cancels_some, NULL);
    ck_assert_int_eq(coro_join(canceller, NULL), 0);
    ck_assert_int_ge(coro_sleep(CORO_MILLISECOND), 0);
    ck_assert_int_eq(produced, consumed);
    ck_assert(!coro_condition_locked(&condition));
    ck_assert_int_eq(coro_condition_acquire(&condition), 0);
    consumers = 0;
    ck_assert_int_eq(coro_condition_notify_all(&condition), 0);
    ck_assert_int_eq(coro_condition_release(&condition), 0);
    ck_assert_int_eq(coro_wait(tasks, 5, CORO_ALL_COMPLETED, CORO_SECOND), 5);
    for (int i = 0; i < 5; i++)
        coro_release(tasks[i]);
    ck_assert_int_eq(coro_join(last_consumer, NULL), 0);
    ck_assert_ptr_null(condition.waiters);
    return 0;
}

START_TEST(no_notify_is_lost)
{
    run_schedules(condition_main);
}
END_TEST

/* --- Barriers --------------------------------------------------------------------------------- */
enum { PARTIES = 3 };
static coro_barrier barrier;
static int rounds[TASKS];

static int goes_through(void *arg)
{
    const int number = NUMBER(arg);
    for (;;) {
        const int rc = coro_barrier_wait(&barrier);
        if (rc < 0)
            return rc == -EPIPE ? 0 : rc;
        ck_assert_int_lt(rc, PARTIES);
        rounds[number]++;
        const int lingered = lingers();
        if (lingered < 0)
            return lingered;
    }
}

static int breaks_the_barrier(void *arg)
{
    int rc = 0;
    while (rc >= 0 && !coro_barrier_broken(&barrier))
        rc = coro_barrier_abort(&barrier);
    return rc;
}

/* As many as there are parties are never cancelled, and so go on round after round. */
static int barrier_main(void *arg)
{
    coro_task *always[PARTIES];
    barrier = (coro_barrier)CORO_BARRIER_INITIALIZER(PARTIES);
    memset(rounds, 0, sizeof rounds);
    for (int i = 0; i < PARTIES; i++)
        always[i] = spawn(goes_through, ARG(TASKS - 1 - i));
    number_of_tasks = TASKS - PARTIES;
    for (int i = 0; i < number_of_tasks; i++)
        tasks[i] = spawn(goes_through, ARG(i));
    coro_task *canceller = spawn(cancels_some, NULL);
    ck_assert_int_eq(coro_join(canceller, NULL), 0);
    const int before = rounds[0] + rounds[TASKS - 1];
    passes(100);
    ck_assert_int_gt(rounds[0] + rounds[TASKS - 1], before);
    coro_task *breaker = spawn(breaks_the_barrier, NULL);
    ck_assert_int_eq(coro_wait(tasks, (size_t)number_of_tasks, CORO_ALL_COMPLETED, CORO_SECOND),
                     number_of_tasks);
    ck_assert_int_eq(coro_gather(always, PARTIES, 0), 0);
    for (int i = 0; i < number_of_tasks; i++)
        coro_release(tasks[i]);
    for (int i = 0; i < PARTIES; i++)
        coro_release(always[i]);
    ck_assert_int_eq(coro_join(breaker, NULL), 0);
    ck_assert_uint_eq(barrier.count, 0);
    ck_assert(!coro_condition_locked(&barrier.condition));
    return 0;
}

START_TEST(a_barrier_lets_those_through_that_stay)
{
    run_schedules(barrier_main);
}
END_TEST

/* --- Queues ----------------------------------------------------------------------------------- */
static coro_queue *queue;
static int put_items, got_items;
static bool got[ITEMS];

/* Puts items with growing numbers until there are enough of them, or it is cancelled. */
static int puts_items(void *arg)
{
    while (put_items < ITEMS) {
        const int item = put_items++;
        const int rc = coro_queue_put(queue, ARG(item));
        if (rc < 0) {
            /* It is not in the queue. */
            ck_assert(!got[item]);
            got[item] = true;
            got_items++;
            return rc == -ESHUTDOWN ? 0 : rc;
        }
        const int lingered = lingers();
        if (lingered < 0)
            return lingered;
    }
    return 0;
}

static int gets_items(void *arg)
{
    for (;;) {
        void *item = ARG(-1);
        const int rc = coro_queue_get(queue, &item);
        if (rc < 0)
            return rc == -ESHUTDOWN ? 0 : rc;
        ck_assert(!got[NUMBER(item)]);
        got[NUMBER(item)] = true;
        got_items++;
        ck_assert_int_eq(coro_queue_task_done(queue), 0);
        const int lingered = lingers();
        if (lingered < 0)
            return lingered;
    }
}

static int compare(const void *a, const void *b, void *arg)
{
    return NUMBER(a) - NUMBER(b);
}

static int queue_main(void *arg)
{
    coro_fn *const fns[] = {puts_items, gets_items, puts_items, gets_items, gets_items, puts_items};
    const coro_queue_options options = {
        .kind = (enum coro_queue_kind)below(3), .maxsize = below(4), .compare = compare};
    queue = coro_queue_create(&options);
    put_items = got_items = 0;
    memset(got, 0, sizeof got);
    coro_task *getter = spawn(gets_items, NULL), *putter = spawn(puts_items, NULL);
    number_of_tasks = 6;
    for (int i = 0; i < 6; i++)
        tasks[i] = spawn(fns[i], NULL);
    coro_task *canceller = spawn(cancels_some, NULL);
    /* The two that are not cancelled see to the rest. */
    ck_assert_int_eq(coro_wait_for(putter, CORO_SECOND, NULL), 0);
    coro_timeout scope;
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_queue_join(queue)), 0);
    ck_assert_int_eq(coro_join(canceller, NULL), 0);
    ck_assert_int_eq(coro_queue_shutdown(queue, false), 0);
    ck_assert_int_eq(coro_wait(tasks, 6, CORO_ALL_COMPLETED, CORO_SECOND), 6);
    ck_assert_int_eq(coro_join(getter, NULL), 0);
    ck_assert_int_eq(got_items, ITEMS);
    for (int i = 0; i < 6; i++)
        coro_release(tasks[i]);
    coro_release(putter);
    coro_queue_destroy(queue);
    return 0;
}

START_TEST(no_item_is_lost_or_doubled)
{
    for (int round = 0; round < 5; round++)
        run_schedules(queue_main);
}
END_TEST

/* --- Events ----------------------------------------------------------------------------------- */
static coro_event event;

static int waits(void *arg)
{
    int rc = 0;
    for (int step = 0; step < STEPS && rc == 0; step++) {
        rc = coro_event_wait(&event);
        if (rc == 0)
            rc = lingers();
    }
    return rc;
}

static int sets_again_and_again(void *arg)
{
    int rc = 0;
    for (int step = 0; step < 100 && rc == 0; step++) {
        ck_assert_int_eq(coro_event_set(&event), 0);
        if (below(2))
            coro_event_clear(&event);
        rc = coro_yield();
    }
    ck_assert_int_eq(coro_event_set(&event), 0);
    return rc;
}

static int event_main(void *arg)
{
    coro_task *setter = spawn(sets_again_and_again, NULL);
    run_same(waits);
    ck_assert_int_eq(coro_join(setter, NULL), 0);
    coro_event_clear(&event);
    ck_assert_ptr_null(event.waiters);
    return 0;
}

START_TEST(every_task_that_waits_for_an_event_ends)
{
    run_schedules(event_main);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_lock_is_held_by_one_in_order_and_never_lost,
        no_permit_is_lost,
        no_notify_is_lost,
        a_barrier_lets_those_through_that_stay,
        no_item_is_lost_or_doubled,
        every_task_that_waits_for_an_event_ends,
        NULL,
    };
    return run_suite("sync_seeds", tests);
}
