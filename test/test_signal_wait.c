/* SPDX-License-Identifier: MIT */
/* Waiting for signals: what comes is not lost, goes to all, and leaves no trace behind. */
#include "support_threads.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t counted;

static void counts(int number)
{
    counted++;
}

static void counts_with_info(int number, siginfo_t *info, void *context)
{
    counted++;
}

static void (*handler_of(int number))(int)
{
    struct sigaction now;
    ck_assert_int_eq(sigaction(number, NULL, &now), 0);
    return now.sa_handler;
}

static const int usr1[] = {SIGUSR1};
static const int usr2_and_usr1[] = {SIGUSR2, SIGUSR1};
static const int interrupt[] = {SIGINT};

static coro_signal begin(const int *numbers, size_t n)
{
    coro_signal signals;
    ck_assert_int_eq(coro_signal_begin(&signals, numbers, n), 0);
    return signals;
}

static int wait_once(int number)
{
    coro_signal signals = begin(&number, 1);
    const int rc = coro_signal_wait(&signals);
    coro_signal_end(&signals);
    return rc;
}

static int waits_once(void *number)
{
    return wait_once(NUMBER(number));
}

static int raises(void *number)
{
    return raise(NUMBER(number));
}

/* --- Waiting ---------------------------------------------------------------------------------- */
TASK_TEST(what_has_come_is_there_at_once)
{
    coro_signal signals = begin(usr1, 1);
    raise(SIGUSR1);
    coro_cancel(coro_current_task());
    ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR1);
    ck_assert_int_eq(coro_yield(), -ECANCELED);
    coro_uncancel(coro_current_task());
    coro_signal_end(&signals);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_add_signal_handler
 * test_unix_events.SelectorEventLoopSignalTests.test_add_signal_handler */
TASK_TEST(what_comes_wakes_the_task)
{
    coro_task *task = spawn(waits_once, ARG(SIGUSR1));
    passes(3);
    ck_assert(!coro_done(task));
    raise(SIGUSR1);
    ck_assert_int_eq(coro_join(task, NULL), SIGUSR1);
    return 0;
}

TASK_TEST(the_main_task_may_wait_for_what_another_raises)
{
    coro_signal signals = begin(usr1, 1);
    coro_release(spawn(raises, ARG(SIGUSR1)));
    ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR1);
    coro_signal_end(&signals);
    return 0;
}

TASK_TEST(none_is_lost_between_two_waits)
{
    coro_signal signals = begin(usr2_and_usr1, 2);
    for (int i = 0; i < 3; i++) {
        raise(SIGUSR1);
        passes(2);
        ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR1);
        raise(SIGUSR2);
        ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR2);
    }
    coro_signal_end(&signals);
    return 0;
}

static int waits_for_three(void *arg)
{
    coro_signal signals = begin(usr2_and_usr1, 2);
    for (int i = 0; i < 3; i++)
        trace("%s", coro_signal_wait(&signals) == SIGUSR1 ? "usr1" : "usr2");
    coro_signal_end(&signals);
    return 0;
}

TASK_TEST(of_several_the_first_in_the_list_comes_first_and_each_counts_once)
{
    coro_task *task = spawn(waits_for_three, NULL);
    passes(2);
    raise(SIGUSR1);
    raise(SIGUSR2);
    raise(SIGUSR1);
    raise(SIGUSR2);
    passes(5);
    expect_trace("usr2 usr1");
    raise(SIGUSR1);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("usr1");
    return 0;
}

TASK_TEST(a_number_may_stand_twice)
{
    const int numbers[] = {SIGUSR1, SIGUSR1};
    coro_timeout scope;
    coro_signal signals = begin(numbers, 2);
    raise(SIGUSR1);
    ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR1);
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_signal_wait(&signals)), -ETIMEDOUT);
    coro_signal_end(&signals);
    return 0;
}

enum { MANY = 50 };

TASK_TEST(all_that_have_subscribed_get_it)
{
    coro_task *tasks[MANY];
    for (int i = 0; i < MANY; i++)
        tasks[i] = spawn(waits_once, ARG(SIGUSR1));
    passes(2);
    raise(SIGUSR1);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), SIGUSR1);
    return 0;
}

TASK_TEST(a_task_may_have_several_subscriptions)
{
    coro_signal outer = begin(usr2_and_usr1, 2);
    coro_signal inner = begin(usr1, 1);
    raise(SIGUSR1);
    ck_assert_int_eq(coro_signal_wait(&inner), SIGUSR1);
    coro_signal_end(&inner);
    raise(SIGUSR2);
    ck_assert_int_eq(coro_signal_wait(&outer), SIGUSR2);
    ck_assert_int_eq(coro_signal_wait(&outer), SIGUSR1);
    coro_signal_end(&outer);
    return 0;
}

/* --- Cancels and time limits ------------------------------------------------------------------ */
static int waits_twice(void *arg)
{
    coro_signal signals = begin(usr1, 1);
    trace("%d", coro_signal_wait(&signals));
    const int rc = coro_signal_wait(&signals);
    coro_signal_end(&signals);
    return rc;
}

TASK_TEST(a_cancel_ends_the_wait_and_takes_no_signal)
{
    coro_task *task = spawn(waits_twice, NULL);
    passes(2);
    coro_cancel(task);
    passes(2);
    expect_trace("-125");
    raise(SIGUSR1);
    ck_assert_int_eq(coro_join(task, NULL), SIGUSR1);

    task = spawn(waits_twice, NULL);
    passes(2);
    raise(SIGUSR1);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), SIGUSR1);
    expect_trace("-125");
    return 0;
}

TASK_TEST(a_timeout_ends_the_wait)
{
    coro_timeout scope;
    coro_signal signals = begin(usr1, 1);
    coro_timeout_begin(&scope, CORO_SECOND);
    ck_assert_int_eq(coro_timeout_end(&scope, coro_signal_wait(&signals)), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), CORO_SECOND);
    raise(SIGUSR1);
    ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR1);
    coro_signal_end(&signals);
    return 0;
}

static int leaves_a_waiter(void *arg)
{
    coro_release(spawn(waits_once, ARG(SIGUSR1)));
    return coro_yield();
}

START_TEST(a_task_that_waits_is_cancelled_at_the_end)
{
    signal(SIGUSR1, counts);
    ck_assert_int_eq(run_test(leaves_a_waiter, NULL), 0);
    ck_assert(handler_of(SIGUSR1) == counts);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* --- The action before ------------------------------------------------------------------------ */
/* CPython: test_unix_events.SelectorEventLoopSignalTests.test_remove_signal_handler
 * test_unix_events.SelectorEventLoopSignalTests.test_remove_signal_handler_2 */
TASK_TEST(the_action_before_is_back_exactly)
{
    struct sigaction action, now;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = counts_with_info;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaddset(&action.sa_mask, SIGUSR2);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    coro_signal signals = begin(usr1, 1);
    raise(SIGUSR1);
    ck_assert_int_eq(counted, 0);
    coro_signal_end(&signals);
    ck_assert_int_eq(sigaction(SIGUSR1, NULL, &now), 0);
    ck_assert(now.sa_sigaction == counts_with_info);
    ck_assert_int_eq(now.sa_flags & (SA_SIGINFO | SA_NODEFER | SA_RESTART | SA_ONSTACK),
                     SA_SIGINFO | SA_NODEFER);
    ck_assert_int_eq(sigismember(&now.sa_mask, SIGUSR2), 1);
    ck_assert_int_eq(sigismember(&now.sa_mask, SIGTERM), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(counted, 1);
    return 0;
}

TASK_TEST(ignored_and_default_ones_are_so_again)
{
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_DFL);
    coro_signal signals = begin(usr2_and_usr1, 2);
    ck_assert(handler_of(SIGUSR1) != SIG_IGN);
    ck_assert(handler_of(SIGUSR2) != SIG_DFL);
    coro_signal_end(&signals);
    ck_assert(handler_of(SIGUSR1) == SIG_IGN);
    ck_assert(handler_of(SIGUSR2) == SIG_DFL);
    return 0;
}

TASK_TEST(it_is_back_after_the_last_subscription_whichever_that_is)
{
    signal(SIGUSR1, counts);
    coro_signal first = begin(usr1, 1), second = begin(usr1, 1), third = begin(usr1, 1);
    coro_signal_end(&second);
    coro_signal_end(&first);
    ck_assert(handler_of(SIGUSR1) != counts);
    raise(SIGUSR1);
    ck_assert_int_eq(coro_signal_wait(&third), SIGUSR1);
    coro_signal_end(&third);
    ck_assert(handler_of(SIGUSR1) == counts);
    ck_assert_int_eq(counted, 0);
    return 0;
}

TASK_TEST(a_handler_that_the_program_sets_meanwhile_stays)
{
    signal(SIGUSR1, SIG_IGN);
    coro_signal signals = begin(usr1, 1);
    signal(SIGUSR1, counts);
    raise(SIGUSR1);
    ck_assert_int_eq(counted, 1);
    coro_signal again = begin(usr1, 1);
    raise(SIGUSR1);
    ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR1);
    ck_assert_int_eq(coro_signal_wait(&again), SIGUSR1);
    coro_signal_end(&signals);
    coro_signal_end(&again);
    ck_assert(handler_of(SIGUSR1) == counts);
    ck_assert_int_eq(counted, 1);
    return 0;
}

static int execs(const char *command)
{
    int status;
    const pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

TASK_TEST(a_program_that_is_executed_has_the_default_actions)
{
    signal(SIGUSR1, SIG_DFL);
    coro_signal signals = begin(usr1, 1);
    const int status = execs("kill -USR1 $$");
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGUSR1);
    coro_signal_end(&signals);
    return 0;
}

/* --- SIGINT ----------------------------------------------------------------------------------- */
static int takes_sigint_for_a_time(void *arg)
{
    coro_signal signals = begin(interrupt, 1);
    for (int i = 0; i < 3; i++) {
        raise(SIGINT);
        ck_assert_int_eq(coro_signal_wait(&signals), SIGINT);
    }
    coro_signal_end(&signals);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    raise(SIGINT);
    return coro_sleep(CORO_SECOND);
}

START_TEST(a_subscription_takes_sigint_from_the_run_until_it_ends)
{
    signal(SIGINT, SIG_DFL);
    ck_assert_int_eq(run_test(takes_sigint_for_a_time, NULL), -EINTR);
    ck_assert(handler_of(SIGINT) == SIG_DFL);
}
END_TEST

static int begins_for_the_next_run(void *task)
{
    *(coro_task **)task = spawn(waits_once, ARG(SIGINT));
    return coro_yield();
}

static int raises_twice(void *task)
{
    raise(SIGINT);
    ck_assert_int_eq(coro_join(*(coro_task **)task, NULL), SIGINT);
    ck_assert_int_eq(coro_cancelling(coro_current_task()), 0);
    raise(SIGINT);
    return coro_sleep(CORO_SECOND);
}

START_TEST(a_subscription_may_last_over_several_runs)
{
    const coro_run_options options = test_options();
    coro_runner *runner = coro_runner_create(&options);
    coro_task *task;
    signal(SIGINT, SIG_DFL);
    ck_assert_int_eq(coro_runner_run(runner, begins_for_the_next_run, &task), 0);
    ck_assert(handler_of(SIGINT) != SIG_DFL);
    ck_assert_int_eq(coro_runner_run(runner, raises_twice, &task), -EINTR);
    ck_assert(handler_of(SIGINT) == SIG_DFL);
    ck_assert_int_eq(coro_runner_close(runner), 0);
}
END_TEST

/* --- Threads ---------------------------------------------------------------------------------- */
static int run_on_the_real_clock(coro_fn *fn, void *arg)
{
    coro_run_options options = test_options();
    options.virtual_clock = false;
    return coro_run_with(&options, fn, arg);
}

static void *signals_the_process(void *arg)
{
    nap(5);
    kill(getpid(), SIGUSR1);
    return NULL;
}

static void *signals_itself(void *arg)
{
    nap(5);
    pthread_kill(pthread_self(), SIGUSR1);
    return NULL;
}

/* Nothing else can wake the loop, which sleeps meanwhile: that is no deadlock. */
static int waits_beside(void *thread_fn)
{
    coro_signal signals = begin(usr1, 1);
    pthread_t thread = start_thread(*(void *(**)(void *))thread_fn, NULL);
    const int rc = coro_signal_wait(&signals);
    join_thread(thread);
    coro_signal_end(&signals);
    return rc;
}

/* CPython: test_events.EventLoopTestsMixin.test_signal_handling_while_selecting */
START_TEST(it_wakes_a_loop_that_sleeps)
{
    void *(*fn)(void *) = signals_the_process;
    ck_assert_int_eq(run_on_the_real_clock(waits_beside, &fn), SIGUSR1);
    ck_assert_int_eq(run_test(waits_beside, &fn), SIGUSR1);
}
END_TEST

START_TEST(it_may_be_handled_in_another_thread)
{
    void *(*fn)(void *) = signals_itself;
    ck_assert_int_eq(run_on_the_real_clock(waits_beside, &fn), SIGUSR1);
    ck_assert_int_eq(run_test(waits_beside, &fn), SIGUSR1);
}
END_TEST

static int subscribes_and_waits_for_ever(void *arg)
{
    coro_signal signals = begin(usr1, 1);
    const int rc = coro_sleep(CORO_FOREVER);
    coro_signal_end(&signals);
    return rc == -ECANCELED ? 0 : rc;
}

START_TEST(a_subscription_that_nobody_waits_for_hides_no_deadlock)
{
    expect_deadlock(subscribes_and_waits_for_ever);
}
END_TEST

static atomic_int subscribed;

static int counts_and_waits(void *arg)
{
    coro_signal signals = begin(usr1, 1);
    atomic_fetch_add(&subscribed, 1);
    const int rc = coro_signal_wait(&signals);
    coro_signal_end(&signals);
    return rc;
}

enum { LOOPS = 4 };

START_TEST(several_loops_get_it)
{
    struct server servers[LOOPS];
    coro_concurrent_future *futures[LOOPS];
    signal(SIGUSR1, SIG_IGN);
    for (int i = 0; i < LOOPS; i++) {
        coro_loop *loop = start_server(&servers[i]);
        futures[i] = coro_run_coroutine_threadsafe(loop, counts_and_waits, NULL);
    }
    while (atomic_load(&subscribed) < LOOPS)
        nap(1);
    raise(SIGUSR1);
    for (int i = 0; i < LOOPS; i++) {
        ck_assert_int_eq(coro_concurrent_result(futures[i], CORO_FOREVER, NULL), SIGUSR1);
        coro_concurrent_release(futures[i]);
        stop_server(&servers[i]);
    }
    ck_assert(handler_of(SIGUSR1) == SIG_IGN);
}
END_TEST

static atomic_bool over;

static void *keeps_signalling(void *arg)
{
    while (!atomic_load(&over)) {
        kill(getpid(), SIGUSR1);
        sched_yield();
    }
    return NULL;
}

static int subscribes_often(void *arg)
{
    for (int i = 0; i < many(200); i++) {
        coro_signal signals = begin(usr1, 1);
        for (int waits = i % 3; waits > 0; waits--)
            ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR1);
        coro_signal_end(&signals);
    }
    return 0;
}

static void *runs_often(void *arg)
{
    return ARG(run_test(subscribes_often, NULL));
}

/* They meet handlers at any moment. */
START_TEST(subscriptions_may_begin_and_end_in_a_hail_of_signals)
{
    signal(SIGUSR1, SIG_IGN);
    pthread_t sender = start_thread(keeps_signalling, NULL);
    pthread_t other = start_thread(runs_often, NULL);
    ck_assert_int_eq(run_test(subscribes_often, NULL), 0);
    join_thread(other);
    atomic_store(&over, true);
    join_thread(sender);
    ck_assert(handler_of(SIGUSR1) == SIG_IGN);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* --- What a handler may disturb --------------------------------------------------------------- */
TASK_TEST(errno_is_kept)
{
    errno = EDOM;
    coro_signal signals = begin(usr1, 1);
    raise(SIGUSR1);
    ck_assert_int_eq(errno, EDOM);
    ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR1);
    coro_signal_end(&signals);
    const int kill_number = SIGKILL;
    ck_assert_int_eq(coro_signal_begin(&signals, &kill_number, 1), -EINVAL);
    ck_assert_int_eq(errno, EDOM);
    return 0;
}

static int ends[2];

static void *signals_and_writes(void *reader)
{
    nap(5);
    pthread_kill(*(pthread_t *)reader, SIGUSR1);
    nap(5);
    return ARG(write(ends[1], "x", 1));
}

TASK_TEST(a_system_call_is_restarted_after_it)
{
    char found = 0;
    pthread_t reader = pthread_self();
    ck_assert_int_eq(pipe(ends), 0);
    coro_signal signals = begin(usr1, 1);
    pthread_t thread = start_thread(signals_and_writes, &reader);
    ck_assert_int_eq(read(ends[0], &found, 1), 1);
    join_thread(thread);
    ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR1);
    coro_signal_end(&signals);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* --- Ends ------------------------------------------------------------------------------------- */
static int raises_and_ends(void *arg)
{
    coro_signal signals = begin(usr1, 1);
    raise(SIGUSR1);
    coro_signal_end(&signals);
    return 0;
}

static int raises_and_ends_and_goes_on(void *arg)
{
    raises_and_ends(NULL);
    passes(40);
    return 0;
}

START_TEST(a_subscription_may_end_while_a_signal_is_on_its_way)
{
    ck_assert_int_eq(run_test(raises_and_ends, NULL), 0);
    ck_assert_int_eq(run_test(raises_and_ends_and_goes_on, NULL), 0);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

static int leaves_a_subscription(void *arg)
{
    coro_signal signals = begin(usr1, 1);
    raise(SIGUSR1);
    return signals.cell ? 3 : 0;
}

/* CPython: test_unix_events.SelectorEventLoopSignalTests.test_close */
TASK_TEST(one_that_is_left_behind_is_reported_and_ended)
{
    signal(SIGUSR1, counts);
    ck_assert_int_eq(coro_join(spawn(leaves_a_subscription, NULL), NULL), 3);
    expect_log(CORO_LOG_SIGNAL_NOT_ENDED, 0,
               "ended within a subscription of signals: coro_signal_end() was not called");
    ck_assert(handler_of(SIGUSR1) == counts);
    return 0;
}

/* --- Misuse ----------------------------------------------------------------------------------- */
/* CPython: test_unix_events.SelectorEventLoopSignalTests.test_check_signal
 * test_unix_events.SelectorEventLoopSignalTests.test_add_signal_handler_install_error
 * test_unix_events.SelectorEventLoopSignalTests.test_add_signal_handler_install_error2
 * test_unix_events.SelectorEventLoopSignalTests.test_add_signal_handler_install_error3 */
TASK_TEST(signals_that_cannot_be_waited_for_are_refused)
{
    const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, 0, -1, NSIG, 12345};
    signal(SIGUSR1, counts);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const int numbers[] = {SIGUSR1, refused[i]};
        coro_signal signals;
        ck_assert_int_eq(coro_signal_begin(&signals, numbers, 2), -EINVAL);
        ck_assert(handler_of(SIGUSR1) == counts);
        ck_assert_int_eq(coro_signal_wait(&signals), -EINVAL);
        coro_signal_end(&signals);
    }
    return 0;
}

static int uses_anothers(void *signals)
{
    ck_assert_int_eq(coro_signal_wait(signals), -EPERM);
    coro_signal_end(signals);
    return 0;
}

TASK_TEST(misuse_is_refused)
{
    coro_signal signals = {0};
    ck_assert_int_eq(coro_signal_wait(&signals), -EINVAL);
    coro_signal_end(&signals);
    ck_assert_int_eq(coro_signal_begin(&signals, usr1, 0), -EINVAL);
    ck_assert_int_eq(coro_signal_begin(&signals, NULL, 1), -EINVAL);
    signals = begin(usr1, 1);
    ck_assert_int_eq(coro_join(spawn(uses_anothers, &signals), NULL), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(coro_signal_wait(&signals), SIGUSR1);
    coro_signal_end(&signals);
    coro_signal_end(&signals);
    ck_assert_int_eq(coro_signal_wait(&signals), -EINVAL);
    return 0;
}

START_TEST(outside_a_task_it_is_refused)
{
    coro_signal signals;
    ck_assert_int_eq(coro_signal_begin(&signals, usr1, 1), -EPERM);
    ck_assert_int_eq(coro_signal_wait(&signals), -EPERM);
    coro_signal_end(&signals);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_has_come_is_there_at_once,
        what_comes_wakes_the_task,
        the_main_task_may_wait_for_what_another_raises,
        none_is_lost_between_two_waits,
        of_several_the_first_in_the_list_comes_first_and_each_counts_once,
        a_number_may_stand_twice,
        all_that_have_subscribed_get_it,
        a_task_may_have_several_subscriptions,
        a_cancel_ends_the_wait_and_takes_no_signal,
        a_timeout_ends_the_wait,
        a_task_that_waits_is_cancelled_at_the_end,
        the_action_before_is_back_exactly,
        ignored_and_default_ones_are_so_again,
        it_is_back_after_the_last_subscription_whichever_that_is,
        a_handler_that_the_program_sets_meanwhile_stays,
        a_program_that_is_executed_has_the_default_actions,
        a_subscription_takes_sigint_from_the_run_until_it_ends,
        a_subscription_may_last_over_several_runs,
        it_wakes_a_loop_that_sleeps,
        it_may_be_handled_in_another_thread,
        a_subscription_that_nobody_waits_for_hides_no_deadlock,
        several_loops_get_it,
        subscriptions_may_begin_and_end_in_a_hail_of_signals,
        errno_is_kept,
        a_system_call_is_restarted_after_it,
        a_subscription_may_end_while_a_signal_is_on_its_way,
        one_that_is_left_behind_is_reported_and_ended,
        signals_that_cannot_be_waited_for_are_refused,
        misuse_is_refused,
        outside_a_task_it_is_refused,
        NULL,
    };
    return run_suite("signal_wait", tests);
}
