/* SPDX-License-Identifier: MIT */
/* A task that overflows its stack is named, and then what would have happened happens. */
#include "support.h"
#include "support_child.h"

#include <signal.h>
#include <unistd.h>

static int has_overflowing_task(void *arg)
{
    const coro_task_options options = {.name = "diver", .stack_size = 32 * 1024};
    return coro_join(coro_create_task_with(&options, overflows, ARG(1)), NULL);
}

static void runs_overflowing_task(void)
{
    coro_run(has_overflowing_task, NULL);
}

START_TEST(an_overflowing_task_is_named_and_dies_of_the_signal)
{
    if (cannot_fault("an_overflowing_task_is_named_and_dies_of_the_signal"))
        return;
    const struct outcome outcome = run_in_child(runs_overflowing_task);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_ptr_nonnull(
        strstr(outcome.text, "stack overflow in task 'diver' (entry: overflows)"));
    ck_assert_ptr_nonnull(strstr(outcome.text, "32768 bytes"));
    ck_assert_ptr_nonnull(strstr(outcome.text, "stack_size"));
}
END_TEST

static void runs_overflowing_main(void)
{
    coro_run(overflows, ARG(1));
}

START_TEST(the_main_task_is_named_too)
{
    if (cannot_fault("the_main_task_is_named_too"))
        return;
    const struct outcome outcome = run_in_child(runs_overflowing_main);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_ptr_nonnull(strstr(outcome.text, "'Task-1' (entry: overflows)"));
}
END_TEST

/* --- The application's own handler ------------------------------------------------------------ */
static void own_handler(int number, siginfo_t *info, void *context)
{
    static const char text[] = "own handler\n";
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(1);
    _exit(info->si_addr ? 42 : 1);
}

static void plain_handler(int number)
{
    _exit(number == SIGSEGV ? 43 : 1);
}

static void runs_with_own_handler(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = own_handler;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, NULL);
    runs_overflowing_task();
}

static void runs_with_plain_handler(void)
{
    signal(SIGSEGV, plain_handler);
    runs_overflowing_task();
}

START_TEST(the_applications_handler_is_called_after_the_report)
{
    if (cannot_fault("the_applications_handler_is_called_after_the_report"))
        return;
    struct outcome outcome = run_in_child(runs_with_own_handler);
    expect_exit(&outcome, 42);
    const char *report = strstr(outcome.text, "'diver'"),
               *own = strstr(outcome.text, "own handler");
    ck_assert(report && own && report < own);

    outcome = run_in_child(runs_with_plain_handler);
    expect_exit(&outcome, 43);
}
END_TEST

static void runs_on_own_signal_stack(void)
{
    static char memory[64 * 1024];
    const stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    sigaltstack(&stack, NULL);
    runs_overflowing_task();
}

START_TEST(the_applications_signal_stack_will_do)
{
    if (cannot_fault("the_applications_signal_stack_will_do"))
        return;
    const struct outcome outcome = run_in_child(runs_on_own_signal_stack);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_ptr_nonnull(strstr(outcome.text, "'diver'"));
}
END_TEST

/* --- Other faults ----------------------------------------------------------------------------- */
static int reads_nothing(void *arg)
{
    return *(volatile int *)arg;
}

static void runs_reading_nothing(void)
{
    coro_run(reads_nothing, ARG(8));
}

START_TEST(another_fault_is_not_called_an_overflow)
{
    if (cannot_fault("another_fault_is_not_called_an_overflow"))
        return;
    const struct outcome outcome = run_in_child(runs_reading_nothing);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_str_eq(outcome.text, "");
}
END_TEST

static int raises(void *number)
{
    return raise(NUMBER(number));
}

static void runs_raising(void)
{
    coro_run(raises, ARG(SIGSEGV));
}

START_TEST(a_signal_that_somebody_sent_still_kills)
{
    if (cannot_fault("a_signal_that_somebody_sent_still_kills"))
        return;
    const struct outcome outcome = run_in_child(runs_raising);
    expect_signal(&outcome, SIGSEGV);
    ck_assert_str_eq(outcome.text, "");
}
END_TEST

/* --- Before and after ------------------------------------------------------------------------- */
START_TEST(a_run_puts_back_what_was_there)
{
    struct sigaction before[2], after[2];
    stack_t stack_before, stack_after;
    for (int round = 0; round < 2; round++) {
        if (round == 1)
            signal(SIGSEGV, plain_handler);
        sigaction(SIGSEGV, NULL, &before[0]);
        sigaction(SIGBUS, NULL, &before[1]);
        sigaltstack(NULL, &stack_before);
        ck_assert_int_eq(run_test(sleeps, ARG(1)), 0);
        sigaction(SIGSEGV, NULL, &after[0]);
        sigaction(SIGBUS, NULL, &after[1]);
        sigaltstack(NULL, &stack_after);
        ck_assert(before[0].sa_handler == after[0].sa_handler);
        ck_assert(before[1].sa_handler == after[1].sa_handler);
        ck_assert_int_eq(stack_before.ss_flags, stack_after.ss_flags);
        if (!(stack_before.ss_flags & SS_DISABLE)) /* else the address is anything */
            ck_assert_ptr_eq(stack_before.ss_sp, stack_after.ss_sp);
    }
}
END_TEST

static int installs_handler(void *arg)
{
    signal(SIGSEGV, plain_handler);
    return 0;
}

START_TEST(a_handler_that_the_program_installs_meanwhile_stays)
{
    struct sigaction after;
    ck_assert_int_eq(run_test(installs_handler, NULL), 0);
    sigaction(SIGSEGV, NULL, &after);
    ck_assert(after.sa_handler == plain_handler);
    signal(SIGSEGV, SIG_DFL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_overflowing_task_is_named_and_dies_of_the_signal,
        the_main_task_is_named_too,
        the_applications_handler_is_called_after_the_report,
        the_applications_signal_stack_will_do,
        another_fault_is_not_called_an_overflow,
        a_signal_that_somebody_sent_still_kills,
        a_run_puts_back_what_was_there,
        a_handler_that_the_program_installs_meanwhile_stays,
        NULL,
    };
    return run_suite("overflow", tests);
}
