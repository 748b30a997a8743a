/* SPDX-License-Identifier: MIT */
/* Handlers, ignored signals and signal stacks of the program beside the library's own. */
#include "support.h"
#include "support_child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        _exit(1);
}

static volatile int *volatile nowhere;

static int faults(void *arg)
{
    return *nowhere;
}

static int raises(void *number)
{
    return raise(NUMBER(number));
}

/* --- A handler that hands on to the one before it --------------------------------------------- */
static struct sigaction before_reporter;

static void reporter(int number, siginfo_t *info, void *context)
{
    static int calls;
    if (++calls > 10)
        _exit(99);
    say("reporter\n");
    if (before_reporter.sa_flags & SA_SIGINFO)
        before_reporter.sa_sigaction(number, info, context);
    else if (before_reporter.sa_handler == SIG_DFL)
        signal(number, SIG_DFL);
}

static int installs_reporter(void *arg)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = reporter;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    return sigaction(SIGSEGV, &action, &before_reporter);
}

static int installs_reporter_and_faults(void *arg)
{
    installs_reporter(NULL);
    return faults(NULL);
}

static int installs_reporter_and_overflows(void *arg)
{
    installs_reporter(NULL);
    return overflows(ARG(1));
}

static int installs_reporter_and_raises(void *arg)
{
    installs_reporter(NULL);
    return raises(ARG(SIGSEGV));
}

static void faults_with_reporter(void)
{
    coro_run(installs_reporter_and_faults, NULL);
}

static void overflows_with_reporter(void)
{
    coro_run(installs_reporter_and_overflows, NULL);
}

static void raises_with_reporter(void)
{
    coro_run(installs_reporter_and_raises, NULL);
}

START_TEST(a_handler_in_front_of_the_librarys_hands_on_to_it)
{
    if (cannot_fault("a_handler_in_front_of_the_librarys_hands_on_to_it"))
        return;
    struct outcome outcome = run_in_child(faults_with_reporter);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_str_eq(outcome.text, "reporter\n");

    outcome = run_in_child(overflows_with_reporter);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_int_eq(times_written(&outcome, "reporter\n"), 1);
    ck_assert_int_eq(times_written(&outcome, "stack overflow in task 'Task-1'"), 1);

    outcome = run_in_child(raises_with_reporter);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_str_eq(outcome.text, "reporter\n");
}
END_TEST

/* The handler stays when the first run ends; to the second it is the one before the library's. */
static void faults_in_a_second_run(void)
{
    coro_run(installs_reporter, NULL);
    coro_run(faults, NULL);
}

static void overflows_in_a_second_run(void)
{
    coro_run(installs_reporter, NULL);
    coro_run(overflows, ARG(1));
}

static void raises_in_a_second_run(void)
{
    coro_run(installs_reporter, NULL);
    coro_run(raises, ARG(SIGSEGV));
}

START_TEST(two_handlers_that_hand_on_to_each_other_come_to_an_end)
{
    if (cannot_fault("two_handlers_that_hand_on_to_each_other_come_to_an_end"))
        return;
    struct outcome outcome = run_in_child(faults_in_a_second_run);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_str_eq(outcome.text, "reporter\n");

    outcome = run_in_child(overflows_in_a_second_run);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_int_eq(times_written(&outcome, "reporter\n"), 1);
    ck_assert_int_eq(times_written(&outcome, "stack overflow in task 'Task-1'"), 1);

    outcome = run_in_child(raises_in_a_second_run);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_str_eq(outcome.text, "reporter\n");
}
END_TEST

/* --- A handler that recovers ------------------------------------------------------------------ */
static sigjmp_buf recovery;

static void recover(int number)
{
    siglongjmp(recovery, 1);
}

/* The function faults, and is left by the handler. */
static void recovers_from(coro_fn *fn, void *arg)
{
    if (sigsetjmp(recovery, 1) == 0)
        fn(arg);
    else
        say("recovered\n");
}

static int recovers(void *times)
{
    for (volatile int i = 0; i < NUMBER(times); i++)
        recovers_from(faults, NULL);
    return 0;
}

static int recovers_in_tasks(void *arg)
{
    recovers(ARG(2));
    for (int i = 0; i < 3; i++)
        coro_join(coro_create_task(recovers, ARG(2)), NULL);
    return recovers(ARG(2));
}

static void runs_recovering(void)
{
    signal(SIGSEGV, recover);
    coro_run(recovers_in_tasks, NULL);
}

START_TEST(a_handler_may_be_left_by_siglongjmp_any_number_of_times)
{
    if (cannot_fault("a_handler_may_be_left_by_siglongjmp_any_number_of_times"))
        return;
    const struct outcome outcome = run_in_child(runs_recovering);
    expect_exit(&outcome, 0);
    ck_assert_int_eq(times_written(&outcome, "recovered\n"), 10);
}
END_TEST

static void recovers_in_two_runs(void)
{
    runs_recovering();
    runs_recovering();
}

/* A handler in front of the library's, on the stack of whoever faulted. */
static void hands_on(int number, siginfo_t *info, void *context)
{
    before_reporter.sa_sigaction(number, info, context);
}

static int faults_in_depth(void *depth)
{
    volatile char space[1000];
    space[0] = (char)NUMBER(depth);
    return NUMBER(depth) == 0 ? faults(NULL) : faults_in_depth(ARG(NUMBER(depth) - 1)) + space[0];
}

static int recovers_at_several_depths(void *arg)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = hands_on;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, &before_reporter);
    for (volatile int i = 0; i < 3; i++)
        recovers_from(faults_in_depth, ARG(5 * i));
    return 0;
}

static void runs_recovering_at_several_depths(void)
{
    signal(SIGSEGV, recover);
    coro_run(recovers_at_several_depths, NULL);
}

START_TEST(a_recovery_is_forgotten_with_its_stack)
{
    if (cannot_fault("a_recovery_is_forgotten_with_its_stack"))
        return;
    struct outcome outcome = run_in_child(recovers_in_two_runs);
    expect_exit(&outcome, 0);
    ck_assert_int_eq(times_written(&outcome, "recovered\n"), 20);

    outcome = run_in_child(runs_recovering_at_several_depths);
    expect_exit(&outcome, 0);
    ck_assert_int_eq(times_written(&outcome, "recovered\n"), 3);
}
END_TEST

static int recovers_from_overflows(void *arg)
{
    recovers_from(overflows, ARG(1));
    recovers_from(faults, NULL);
    recovers_from(overflows, ARG(1));
    return 0;
}

static void runs_recovering_from_overflows(void)
{
    signal(SIGSEGV, recover);
    coro_run(recovers_from_overflows, NULL);
}

START_TEST(an_overflow_after_a_recovery_is_still_named)
{
    if (cannot_fault("an_overflow_after_a_recovery_is_still_named"))
        return;
    const struct outcome outcome = run_in_child(runs_recovering_from_overflows);
    expect_exit(&outcome, 0);
    ck_assert_int_eq(times_written(&outcome, "recovered\n"), 3);
    ck_assert_int_eq(times_written(&outcome, "stack overflow in task 'Task-1'"), 2);
}
END_TEST

/* --- Signals that somebody sends -------------------------------------------------------------- */
static int raises_both(void *arg)
{
    for (int i = 0; i < 2; i++) {
        raise(SIGBUS);
        raise(SIGSEGV);
    }
    say("alive\n");
    return 0;
}

static void ignores_both(void)
{
    signal(SIGBUS, SIG_IGN);
    signal(SIGSEGV, SIG_IGN);
    coro_run(raises_both, NULL);
    raise(SIGBUS);
    raise(SIGSEGV);
}

START_TEST(a_sent_signal_that_the_program_ignores_is_ignored)
{
    if (cannot_fault("a_sent_signal_that_the_program_ignores_is_ignored"))
        return;
    const struct outcome outcome = run_in_child(ignores_both);
    expect_exit(&outcome, 0);
    ck_assert_str_eq(outcome.text, "alive\n");
}
END_TEST

static void faults_ignoring(void)
{
    signal(SIGSEGV, SIG_IGN);
    coro_run(faults, NULL);
}

START_TEST(a_fault_cannot_be_ignored)
{
    if (cannot_fault("a_fault_cannot_be_ignored"))
        return;
    const struct outcome outcome = run_in_child(faults_ignoring);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_str_eq(outcome.text, "");
}
END_TEST

static void notes(int number)
{
    say(number == SIGBUS ? "bus\n" : "segv\n");
}

static void handles_both(void)
{
    signal(SIGBUS, notes);
    signal(SIGSEGV, notes);
    coro_run(raises_both, NULL);
}

START_TEST(a_sent_signal_goes_to_the_programs_handler)
{
    if (cannot_fault("a_sent_signal_goes_to_the_programs_handler"))
        return;
    const struct outcome outcome = run_in_child(handles_both);
    expect_exit(&outcome, 0);
    ck_assert_str_eq(outcome.text, "bus\nsegv\nbus\nsegv\nalive\n");
}
END_TEST

/* --- Signal stacks ---------------------------------------------------------------------------- */
static char own_stack[64 * 1024];

static int sets_own_stack(void *arg)
{
    const stack_t stack = {.ss_sp = own_stack, .ss_size = sizeof own_stack};
    return sigaltstack(&stack, NULL);
}

static int sets_no_stack(void *arg)
{
    const stack_t none = {.ss_flags = SS_DISABLE};
    return sigaltstack(&none, NULL);
}

START_TEST(a_signal_stack_that_the_program_sets_meanwhile_stays)
{
    stack_t before, after;
    sigaltstack(NULL, &before);
    ck_assert_int_eq(run_test(sets_own_stack, NULL), 0);
    sigaltstack(NULL, &after);
    ck_assert_ptr_eq(after.ss_sp, own_stack);
    ck_assert_uint_eq(after.ss_size, sizeof own_stack);
    ck_assert_int_eq(after.ss_flags & SS_DISABLE, 0);

    ck_assert_int_eq(run_test(sets_no_stack, NULL), 0);
    sigaltstack(NULL, &after);
    ck_assert_int_ne(after.ss_flags & SS_DISABLE, 0);
    sigaltstack(&before, NULL);
}
END_TEST

static int sets_own_stack_and_overflows(void *arg)
{
    sets_own_stack(NULL);
    return overflows(arg);
}

static void overflows_on_own_stack(void)
{
    coro_run(sets_own_stack_and_overflows, ARG(1));
}

START_TEST(an_overflow_is_named_on_a_signal_stack_set_meanwhile)
{
    if (cannot_fault("an_overflow_is_named_on_a_signal_stack_set_meanwhile"))
        return;
    const struct outcome outcome = run_in_child(overflows_on_own_stack);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_int_eq(times_written(&outcome, "stack overflow in task 'Task-1'"), 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_handler_in_front_of_the_librarys_hands_on_to_it,
        two_handlers_that_hand_on_to_each_other_come_to_an_end,
        a_handler_may_be_left_by_siglongjmp_any_number_of_times,
        a_recovery_is_forgotten_with_its_stack,
        an_overflow_after_a_recovery_is_still_named,
        a_sent_signal_that_the_program_ignores_is_ignored,
        a_fault_cannot_be_ignored,
        a_sent_signal_goes_to_the_programs_handler,
        a_signal_stack_that_the_program_sets_meanwhile_stays,
        an_overflow_is_named_on_a_signal_stack_set_meanwhile,
        NULL,
    };
    return run_suite("signals", tests);
}
