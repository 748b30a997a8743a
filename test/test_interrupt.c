/* SPDX-License-Identifier: MIT */
/* SIGINT during a run. Where it must end a process, that is a child. */
#include "support.h"
#include "support_child.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void nap(int milliseconds)
{
    const struct timespec time = {.tv_nsec = milliseconds * 1000000L};
    nanosleep(&time, NULL);
}

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        _exit(1);
}

/* The child died of it, and said this last. */
static void expect_interrupted_after(const struct outcome *outcome, const char *said)
{
    expect_signal(outcome, SIGINT);
    const char *found = strstr(outcome->text, said); /* sanitizers may say something before */
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found, said);
}

/* libcheck has a handler of its own. */
static void set_default(void)
{
    signal(SIGINT, SIG_DFL);
}

static int run_default(coro_fn *fn, void *arg)
{
    set_default();
    return run_test(fn, arg);
}

static int run_on_the_real_clock(coro_fn *fn, void *arg)
{
    coro_run_options options = test_options();
    options.virtual_clock = false;
    set_default();
    return coro_run_with(&options, fn, arg);
}

static coro_runner *create(void)
{
    const coro_run_options options = test_options();
    coro_runner *runner = coro_runner_create(&options);
    ck_assert_ptr_nonnull(runner);
    return runner;
}

static void (*handler(void))(int)
{
    struct sigaction now;
    sigaction(SIGINT, NULL, &now);
    return now.sa_handler;
}

/* --- The first one ---------------------------------------------------------------------------- */
static coro_task *kept;

static int is_interrupted(void *arg)
{
    kept = coro_retain(coro_current_task());
    raise(SIGINT);
    ck_assert_int_eq(coro_cancelling(kept), 0);
    const int rc = sleeps(ARG(1000));
    ck_assert_int_eq(rc, -ECANCELED);
    ck_assert_int_eq(coro_now(), 0);
    ck_assert_int_eq(coro_cancelling(kept), 1);
    return rc;
}

START_TEST(the_first_one_cancels_the_main_task)
{
    ck_assert_int_eq(run_default(is_interrupted, NULL), -EINTR);
    ck_assert(coro_cancelled(kept));
    ck_assert_int_eq(coro_cancelling(kept), 0);
    coro_release(kept);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int raises_and(void *fn)
{
    raise(SIGINT);
    return (*(coro_fn **)fn)(ARG(1000));
}

static int fails_at_the_cancel(void *arg)
{
    return sleeps(arg) == -ECANCELED ? coro_fail(-EIO, "could not save") : 0;
}

static int cleans_up_for_long(void *arg)
{
    const int rc = sleeps(arg);
    ck_assert_int_eq(sleeps(arg), 0);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    return rc;
}

START_TEST(what_the_main_task_makes_of_it_is_the_result)
{
    coro_fn *fn = refuses;
    ck_assert_int_eq(run_default(raises_and, &fn), 7);
    fn = fails_at_the_cancel;
    ck_assert_int_eq(run_default(raises_and, &fn), -EIO);
    fn = cleans_up_for_long;
    ck_assert_int_eq(run_default(raises_and, &fn), -EINTR);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

START_TEST(it_comes_before_a_deadlock)
{
    coro_fn *fn = forever;
    ck_assert_int_eq(run_default(raises_and, &fn), -EINTR);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int traces_and_sleeps(void *milliseconds)
{
    const int rc = sleeps(milliseconds);
    trace("%d@%d", rc, (int)(coro_now() / CORO_MILLISECOND));
    return rc;
}

static int awaits_another(void *arg)
{
    kept = spawn(traces_and_sleeps, arg);
    return coro_await(kept, NULL);
}

START_TEST(what_the_main_task_awaits_is_cancelled_with_it)
{
    coro_fn *fn = awaits_another;
    ck_assert_int_eq(run_default(raises_and, &fn), -EINTR);
    expect_trace(""); /* it had not begun */
    ck_assert(coro_cancelled(kept));
    ck_assert_int_eq(coro_cancelling(kept), 1);
    coro_release(kept);
}
END_TEST

static int interrupts(void *arg)
{
    return raise(SIGINT);
}

static int has_others(void *arg)
{
    kept = spawn(traces_and_sleeps, ARG(500));
    coro_release(spawn(interrupts, NULL));
    return sleeps(ARG(1000));
}

START_TEST(other_tasks_are_not_cancelled_and_go_on_in_the_next_run)
{
    coro_runner *runner = create();
    set_default();
    ck_assert_int_eq(coro_runner_run(runner, has_others, NULL), -EINTR);
    ck_assert(!coro_done(kept));
    ck_assert_int_eq(coro_cancelling(kept), 0);
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1000)), 0);
    expect_trace("0@500");
    ck_assert_int_eq(coro_runner_close(runner), 0);
    coro_release(kept);
}
END_TEST

static int cleans_up(void *arg)
{
    const int rc = coro_sleep(CORO_FOREVER);
    traces_and_sleeps(ARG(100));
    return rc;
}

static int has_others_to_clean_up(void *arg)
{
    coro_release(spawn(cleans_up, NULL));
    coro_release(spawn(interrupts, NULL));
    return sleeps(ARG(1000));
}

START_TEST(left_over_tasks_are_cleaned_up_after_it)
{
    ck_assert_int_eq(run_default(has_others_to_clean_up, NULL), -EINTR);
    expect_trace("0@100");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

START_TEST(each_run_of_a_runner_has_its_own_first_one)
{
    coro_fn *fn = sleeps;
    coro_runner *runner = create();
    set_default();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(coro_runner_run(runner, raises_and, &fn), -EINTR);
        ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1)), 0);
    }
    ck_assert_int_eq(coro_runner_close(runner), 0);
}
END_TEST

static int keeps_errno(void *arg)
{
    errno = EDOM;
    raise(SIGINT);
    ck_assert_int_eq(errno, EDOM);
    ck_assert_int_eq(coro_yield(), -ECANCELED);
    return errno == EDOM ? 0 : 1;
}

static int yields_until_cancelled(void *arg)
{
    raise(SIGINT);
    while (coro_yield() == 0)
        ;
    return -ECANCELED;
}

START_TEST(a_main_task_that_only_yields_gets_it)
{
    ck_assert_int_eq(run_default(yields_until_cancelled, NULL), -EINTR);
}
END_TEST

/* --- Other cancels beside it ------------------------------------------------------------------ */
static int cancels_main(void *main)
{
    return coro_cancel(main) ? 0 : 1;
}

static int is_also_cancelled_before(void *arg)
{
    coro_release(spawn(cancels_main, coro_current_task()));
    coro_release(spawn(interrupts, NULL));
    ck_assert_int_eq(sleeps(ARG(1000)), -ECANCELED);
    while (coro_cancelling(coro_current_task()) < 2)
        coro_yield();
    return -ECANCELED;
}

static int is_also_cancelled_after(void *arg)
{
    coro_release(spawn(interrupts, NULL));
    ck_assert_int_eq(sleeps(ARG(1000)), -ECANCELED);
    coro_cancel(coro_current_task());
    return sleeps(ARG(1000));
}

START_TEST(a_main_task_that_others_have_cancelled_too_ends_cancelled)
{
    ck_assert_int_eq(run_default(is_also_cancelled_after, NULL), -ECANCELED);
    ck_assert_int_eq(run_default(is_also_cancelled_before, NULL), -ECANCELED);
}
END_TEST

static int is_cancelled_and_then_interrupted(void *arg)
{
    coro_cancel(coro_current_task());
    const int rc = coro_yield();
    raise(SIGINT);
    return rc;
}

START_TEST(a_main_task_that_ends_cancelled_before_it_is_delivered_was_not_interrupted)
{
    ck_assert_int_eq(run_default(is_cancelled_and_then_interrupted, NULL), -ECANCELED);
}
END_TEST

/* --- When the main task ends ------------------------------------------------------------------ */
static int raises_and_returns(void *status)
{
    raise(SIGINT);
    return NUMBER(status);
}

static void raises_after_the_end(coro_task *task, void *arg)
{
    raise(SIGINT);
}

static int is_interrupted_after_its_end(void *status)
{
    coro_add_done_callback(coro_current_task(), raises_after_the_end, NULL);
    return NUMBER(status);
}

START_TEST(a_main_task_that_ends_anyway_keeps_its_result)
{
    coro_runner *runner = create();
    set_default();
    ck_assert_int_eq(coro_runner_run(runner, raises_and_returns, ARG(5)), 5);
    ck_assert_int_eq(coro_runner_run(runner, is_interrupted_after_its_end, ARG(6)), 6);
    /* It is not kept for the next main task. */
    ck_assert_int_eq(coro_runner_run(runner, sleeps, ARG(1)), 0);
    ck_assert_int_eq(coro_runner_close(runner), 0);
}
END_TEST

static atomic_bool started;

static void *interrupts_at_some_time(void *turns)
{
    while (!atomic_load(&started))
        ;
    for (atomic_int i = 0; atomic_load(&i) < NUMBER(turns); atomic_fetch_add(&i, 1))
        ;
    kill(getpid(), SIGINT);
    return NULL;
}

static int yields_some_times(void *arg)
{
    atomic_store(&started, true);
    for (int i = 0; i < 10; i++)
        if (coro_yield() < 0)
            return -ECANCELED;
    return 0;
}

static int turns;

static void interrupted_at_some_time(void)
{
    pthread_t thread;
    set_default();
    pthread_create(&thread, NULL, interrupts_at_some_time, ARG(turns));
    const int rc = run_test(yields_some_times, NULL);
    pthread_join(thread, NULL); /* the default action, unless it came during the run */
    if (rc != 0 && rc != -EINTR)
        _exit(1);
}

START_TEST(at_any_moment_it_cancels_or_ends_the_program)
{
    for (turns = 0; turns < 2000; turns += 50) {
        const struct outcome outcome = run_in_child(interrupted_at_some_time);
        if (WIFSIGNALED(outcome.status))
            expect_signal(&outcome, SIGINT);
        else
            expect_exit(&outcome, 0);
    }
}
END_TEST

/* --- The second one --------------------------------------------------------------------------- */
static int raises_twice(void *arg)
{
    raise(SIGINT);
    say("once\n");
    raise(SIGINT);
    say("twice\n");
    return 0;
}

static void is_raised_twice(void)
{
    run_default(raises_twice, NULL);
}

START_TEST(the_second_one_ends_the_program_before_anything_else)
{
    const struct outcome outcome = run_in_child(is_raised_twice);
    expect_interrupted_after(&outcome, "once\n");
}
END_TEST

static int refuses_once(void *arg)
{
    raise(SIGINT);
    if (sleeps(ARG(1000)) == -ECANCELED)
        say("refused\n");
    sleeps(ARG(1000));
    raise(SIGINT);
    say("twice\n");
    return 0;
}

static void refuses_the_first(void)
{
    run_default(refuses_once, NULL);
}

START_TEST(the_second_one_ends_a_program_that_refused_the_first)
{
    const struct outcome outcome = run_in_child(refuses_the_first);
    expect_interrupted_after(&outcome, "refused\n");
}
END_TEST

static void *interrupts_until_it_dies(void *arg)
{
    while (!atomic_load(&started))
        nap(1);
    for (;;) {
        kill(getpid(), SIGINT);
        nap(1);
    }
    return NULL;
}

static int is_busy(void *arg)
{
    say("busy\n");
    atomic_store(&started, true);
    for (;;)
        nap(0);
    return 0;
}

static void is_busy_for_ever(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, interrupts_until_it_dies, NULL);
    run_default(is_busy, NULL);
    say("over\n");
}

START_TEST(the_second_one_ends_a_program_that_never_yields)
{
    const struct outcome outcome = run_in_child(is_busy_for_ever);
    expect_interrupted_after(&outcome, "busy\n");
}
END_TEST

static int raises_while_it_cleans_up(void *arg)
{
    const int rc = coro_sleep(CORO_FOREVER);
    say("cleaning\n");
    raise(SIGINT);
    say("clean\n");
    return rc;
}

static int leaves_one_that_raises(void *arg)
{
    coro_release(spawn(raises_while_it_cleans_up, NULL));
    return coro_yield();
}

static void is_interrupted_while_it_ends(void)
{
    run_default(leaves_one_that_raises, NULL);
}

START_TEST(when_there_is_no_main_task_any_more_the_first_one_ends_the_program)
{
    const struct outcome outcome = run_in_child(is_interrupted_while_it_ends);
    expect_interrupted_after(&outcome, "cleaning\n");
}
END_TEST

/* --- What the program has set itself ---------------------------------------------------------- */
static volatile sig_atomic_t counted;

static void counts(int number)
{
    counted++;
}

static void counts_with_info(int number, siginfo_t *info, void *context)
{
    counted++;
}

static int raises_thrice(void *arg)
{
    for (int i = 0; i < 3; i++) {
        raise(SIGINT);
        ck_assert_int_eq(sleeps(ARG(1)), 0);
    }
    return 3;
}

START_TEST(a_handler_of_the_program_is_left_alone)
{
    signal(SIGINT, counts);
    ck_assert_int_eq(run_test(raises_thrice, NULL), 3);
    ck_assert_int_eq(counted, 3);
    ck_assert(handler() == counts);

    struct sigaction action, now;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = counts_with_info;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGINT, &action, NULL);
    ck_assert_int_eq(run_test(raises_thrice, NULL), 3);
    ck_assert_int_eq(counted, 6);
    sigaction(SIGINT, NULL, &now);
    ck_assert(now.sa_sigaction == counts_with_info);
    ck_assert(now.sa_flags & SA_SIGINFO);
}
END_TEST

START_TEST(an_ignored_signal_stays_ignored)
{
    signal(SIGINT, SIG_IGN);
    ck_assert_int_eq(run_test(raises_thrice, NULL), 3);
    ck_assert(handler() == SIG_IGN);
}
END_TEST

static int sets_a_handler(void *arg)
{
    signal(SIGINT, counts);
    return raises_thrice(NULL);
}

START_TEST(a_handler_that_is_set_during_a_run_stays)
{
    ck_assert_int_eq(run_default(sets_a_handler, NULL), 3);
    ck_assert_int_eq(counted, 3);
    ck_assert(handler() == counts);
    ck_assert_int_eq(run_test(raises_thrice, NULL), 3);
    ck_assert_int_eq(counted, 6);
}
END_TEST

static int is_handled(void *arg)
{
    return handler() != SIG_DFL;
}

START_TEST(the_default_action_is_back_after_each_run)
{
    coro_runner *runner = create();
    set_default();
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(coro_runner_run(runner, is_handled, NULL), true);
        ck_assert(handler() == SIG_DFL);
    }
    ck_assert_int_eq(coro_runner_close(runner), 0);
    ck_assert(handler() == SIG_DFL);
    ck_assert_int_eq(run_test(is_interrupted, NULL), -EINTR);
    ck_assert(handler() == SIG_DFL);
    coro_release(kept);
}
END_TEST

static void is_raised_between_runs(void)
{
    coro_runner *runner = create();
    set_default();
    coro_runner_run(runner, is_interrupted, NULL);
    say("run\n");
    raise(SIGINT);
    say("on\n");
}

START_TEST(between_runs_it_ends_the_program)
{
    const struct outcome outcome = run_in_child(is_raised_between_runs);
    expect_interrupted_after(&outcome, "run\n");
}
END_TEST

/* --- Threads ---------------------------------------------------------------------------------- */
static void *runs_in_a_thread(void *fn)
{
    return ARG(run_test(*(coro_fn **)fn, NULL));
}

static int run_in_a_thread(coro_fn *fn)
{
    pthread_t thread;
    void *rc;
    ck_assert_int_eq(pthread_create(&thread, NULL, runs_in_a_thread, &fn), 0);
    ck_assert_int_eq(pthread_join(thread, &rc), 0);
    return NUMBER(rc);
}

static void raises_in_a_run_in_a_thread(void)
{
    set_default();
    run_in_a_thread(raises_twice);
}

START_TEST(a_run_in_another_thread_leaves_it_alone)
{
    set_default();
    ck_assert_int_eq(run_in_a_thread(is_handled), false);
    ck_assert(handler() == SIG_DFL);
    const struct outcome outcome = run_in_child(raises_in_a_run_in_a_thread);
    expect_signal(&outcome, SIGINT);
    ck_assert_int_eq(times_written(&outcome, "once"), 0);
}
END_TEST

static int sleeps_beside_a_run_in_a_thread(void *arg)
{
    ck_assert_int_eq(run_in_a_thread(returns), 0);
    return is_interrupted(NULL);
}

START_TEST(the_end_of_a_run_in_another_thread_changes_nothing)
{
    ck_assert_int_eq(run_default(sleeps_beside_a_run_in_a_thread, NULL), -EINTR);
    coro_release(kept);
}
END_TEST

static void block_it(bool block)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void *interrupts_the_process(void *arg)
{
    nap(5);
    kill(getpid(), SIGINT);
    return NULL;
}

static void *interrupts_itself(void *arg)
{
    block_it(false);
    nap(5);
    pthread_kill(pthread_self(), SIGINT);
    return NULL;
}

/* The thread begins with the signal blocked, so that the kernel does not give it to that. */
static int sleeps_beside(void *thread_fn)
{
    pthread_t thread;
    block_it(true);
    ck_assert_int_eq(pthread_create(&thread, NULL, *(void *(**)(void *))thread_fn, NULL), 0);
    block_it(false);
    const int rc = sleeps(ARG(25000)); /* real time, if nothing wakes it: the test then fails */
    pthread_join(thread, NULL);
    return rc;
}

START_TEST(it_wakes_a_loop_that_sleeps)
{
    void *(*fn)(void *) = interrupts_the_process;
    ck_assert_int_eq(run_on_the_real_clock(sleeps_beside, &fn), -EINTR);
}
END_TEST

START_TEST(it_may_be_handled_in_another_thread)
{
    void *(*fn)(void *) = interrupts_itself;
    ck_assert_int_eq(run_on_the_real_clock(sleeps_beside, &fn), -EINTR);
}
END_TEST

static atomic_bool gate_open;

static int interrupts_and_waits_at_the_gate(void *arg)
{
    kill(getpid(), SIGINT);
    while (!atomic_load(&gate_open))
        nap(1);
    return 3;
}

static int calls_in_a_thread(void *arg)
{
    const int rc = coro_to_thread(interrupts_and_waits_at_the_gate, NULL);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 1);
    atomic_store(&gate_open, true);
    return rc;
}

START_TEST(it_ends_the_wait_for_a_call_in_a_thread)
{
    ck_assert_int_eq(run_default(calls_in_a_thread, NULL), -EINTR);
    atomic_store(&gate_open, false);
    ck_assert_int_eq(run_on_the_real_clock(calls_in_a_thread, NULL), -EINTR);
}
END_TEST

static void opens_the_gate(void *arg)
{
    trace("open");
    atomic_store(&gate_open, true);
}

static int outwaits_it(void *arg)
{
    const coro_thread_options options = {.wait_on_cancel = true};
    coro_call_later(10 * CORO_MILLISECOND, opens_the_gate, NULL, NULL);
    const int rc = coro_to_thread_with(&options, interrupts_and_waits_at_the_gate, NULL);
    trace("%d", rc);
    return rc;
}

START_TEST(a_call_that_outwaits_cancels_outwaits_it)
{
    ck_assert_int_eq(run_on_the_real_clock(outwaits_it, NULL), -EINTR);
    expect_trace("open -125");
}
END_TEST

/* --- The stack and what else a handler may disturb -------------------------------------------- */
static char own_stack[64 * 1024];

static bool untouched(void)
{
    for (size_t i = 0; i < sizeof own_stack; i++)
        if (own_stack[i] != 'x')
            return false;
    return true;
}

START_TEST(it_is_handled_on_the_signal_stack)
{
    if (under_valgrind()) {
        skip("it_is_handled_on_the_signal_stack: Valgrind lets nobody read what was such a stack");
        return;
    }
    coro_fn *fn = sleeps;
    stack_t before;
    const stack_t stack = {.ss_sp = own_stack, .ss_size = sizeof own_stack};
    ck_assert_int_eq(sigaltstack(&stack, &before), 0);
    memset(own_stack, 'x', sizeof own_stack);
    ck_assert_int_eq(run_default(returns, NULL), 0);
    ck_assert(untouched());
    ck_assert_int_eq(run_default(raises_and, &fn), -EINTR);
    ck_assert(!untouched());
    sigaltstack(&before, NULL);
}
END_TEST

START_TEST(errno_is_kept)
{
    ck_assert_int_eq(run_default(keeps_errno, NULL), 0);
}
END_TEST

static int ends[2];

static void *interrupts_and_writes(void *arg)
{
    nap(5);
    kill(getpid(), SIGINT);
    nap(5);
    return ARG(write(ends[1], "x", 1));
}

static int reads(void *arg)
{
    char got = 0;
    pthread_t thread;
    block_it(true);
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupts_and_writes, NULL), 0);
    block_it(false);
    ck_assert_int_eq(read(ends[0], &got, 1), 1);
    ck_assert_int_eq(got, 'x');
    pthread_join(thread, NULL);
    return coro_sleep(CORO_SECOND);
}

START_TEST(a_system_call_is_restarted_after_it)
{
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(run_default(reads, NULL), -EINTR);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_first_one_cancels_the_main_task,
        what_the_main_task_makes_of_it_is_the_result,
        it_comes_before_a_deadlock,
        what_the_main_task_awaits_is_cancelled_with_it,
        other_tasks_are_not_cancelled_and_go_on_in_the_next_run,
        left_over_tasks_are_cleaned_up_after_it,
        each_run_of_a_runner_has_its_own_first_one,
        a_main_task_that_only_yields_gets_it,
        a_main_task_that_others_have_cancelled_too_ends_cancelled,
        a_main_task_that_ends_cancelled_before_it_is_delivered_was_not_interrupted,
        a_main_task_that_ends_anyway_keeps_its_result,
        at_any_moment_it_cancels_or_ends_the_program,
        the_second_one_ends_the_program_before_anything_else,
        the_second_one_ends_a_program_that_refused_the_first,
        the_second_one_ends_a_program_that_never_yields,
        when_there_is_no_main_task_any_more_the_first_one_ends_the_program,
        a_handler_of_the_program_is_left_alone,
        an_ignored_signal_stays_ignored,
        a_handler_that_is_set_during_a_run_stays,
        the_default_action_is_back_after_each_run,
        between_runs_it_ends_the_program,
        a_run_in_another_thread_leaves_it_alone,
        the_end_of_a_run_in_another_thread_changes_nothing,
        it_wakes_a_loop_that_sleeps,
        it_may_be_handled_in_another_thread,
        it_ends_the_wait_for_a_call_in_a_thread,
        a_call_that_outwaits_cancels_outwaits_it,
        it_is_handled_on_the_signal_stack,
        errno_is_kept,
        a_system_call_is_restarted_after_it,
        NULL,
    };
    return run_suite("interrupt", tests);
}
