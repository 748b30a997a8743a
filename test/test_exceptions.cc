// SPDX-License-Identifier: MIT
// C++ exceptions: thrown and caught inside tasks, and across suspensions.
#include "support.h"

#include <exception>
#include <stdexcept>
#include <string>

namespace
{

int throws_and_catches(void *text)
{
    try {
        throw std::runtime_error(static_cast<const char *>(text));
    } catch (const std::exception &error) {
        trace("%s", error.what());
    }
    return 0;
}

TASK_TEST(an_exception_is_thrown_and_caught_inside_a_task)
{
    ck_assert_int_eq(coro_join(spawn(throws_and_catches, ARG("caught")), nullptr), 0);
    expect_trace("caught");
    return 0;
}

[[gnu::noinline]] void dive(int depth)
{
    std::string local(100, 'x'); // whose destructor is run on the way out
    if (depth == 0) {
        coro_yield();
        throw std::logic_error("from below");
    }
    dive(depth - 1);
}

int catches_from_below(void *)
{
    try {
        dive(20);
    } catch (const std::logic_error &error) {
        return std::string(error.what()) == "from below";
    }
    return -1;
}

TASK_TEST(an_exception_passes_frames_that_have_suspended)
{
    coro_task *a = spawn(catches_from_below, nullptr), *b = spawn(catches_from_below, nullptr);
    ck_assert_int_eq(coro_join(a, nullptr), 1);
    ck_assert_int_eq(coro_join(b, nullptr), 1);
    return 0;
}

// Suspended inside a catch block, where the exception that is being handled is the task's own.
int suspends_in_catch(void *arg)
{
    const std::string text = "exception " + std::to_string(NUMBER(arg));
    try {
        throw std::runtime_error(text);
    } catch (const std::exception &error) {
        for (int i = 0; i <= NUMBER(arg); i++) {
            ck_assert_int_eq(coro_yield(), 0);
            ck_assert_str_eq(error.what(), text.c_str());
            try {
                std::rethrow_exception(std::current_exception());
            } catch (const std::exception &again) {
                ck_assert_str_eq(again.what(), text.c_str());
            }
        }
        try {
            throw; // the task's own, whatever others have thrown meanwhile
        } catch (const std::exception &again) {
            return text == again.what() ? NUMBER(arg) : -1;
        }
    }
    return -1;
}

TASK_TEST(tasks_suspended_in_catch_blocks_keep_their_exceptions_apart)
{
    coro_task *tasks[8];
    for (int i = 0; i < 8; i++)
        tasks[i] = spawn(suspends_in_catch, ARG(i));
    ck_assert_int_eq(coro_gather(tasks, 8, 0), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(coro_join(tasks[i], nullptr), i);
    ck_assert(!std::current_exception());
    return 0;
}

int has_no_exception(void *)
{
    return !std::current_exception() && std::uncaught_exceptions() == 0 ? 0 : -1;
}

TASK_TEST(a_task_that_starts_meanwhile_has_no_exception)
{
    const coro_task_options eager = {nullptr, 0, 0, true, false};
    try {
        throw 1;
    } catch (int) {
        ck_assert_int_eq(coro_join(spawn(has_no_exception, nullptr), nullptr), 0);
        coro_task *task = coro_create_task_with(&eager, has_no_exception, nullptr);
        ck_assert_int_eq(coro_join(task, nullptr), 0);
        ck_assert(std::current_exception() != nullptr);
    }
    return 0;
}

// Suspends while an exception unwinds through it.
struct Suspender {
    explicit Suspender(int yields) : number(yields)
    {
    }
    ~Suspender()
    {
        ck_assert_int_eq(std::uncaught_exceptions(), 1);
        for (int i = 0; i < number; i++) {
            coro_yield();
            ck_assert_int_eq(std::uncaught_exceptions(), 1);
        }
    }
    Suspender(const Suspender &) = delete;
    Suspender &operator=(const Suspender &) = delete;
    int number;
};

int unwinds_slowly(void *arg)
{
    try {
        Suspender suspender(NUMBER(arg));
        throw NUMBER(arg);
    } catch (int number) {
        ck_assert_int_eq(std::uncaught_exceptions(), 0);
        coro_yield();
        ck_assert_int_eq(std::uncaught_exceptions(), 0);
        return number;
    }
}

TASK_TEST(tasks_suspended_while_unwinding_keep_their_counts_apart)
{
    coro_task *tasks[6];
    for (int i = 0; i < 6; i++)
        tasks[i] = spawn(i % 2 ? unwinds_slowly : has_no_exception, ARG(i));
    ck_assert_int_eq(coro_gather(tasks, 6, 0), 0);
    ck_assert_int_eq(std::uncaught_exceptions(), 0);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(coro_join(tasks[i], nullptr), i % 2 ? i : 0);
    return 0;
}

// A cancel as an exception of the program's own.
struct Cancelled {
};

void sleep_or_throw(coro_duration duration)
{
    if (coro_sleep(duration) == -ECANCELED)
        throw Cancelled();
}

int sleeps_throwing(void *)
{
    try {
        sleep_or_throw(CORO_FOREVER);
    } catch (const Cancelled &) {
        coro_sleep(CORO_SECOND); // cleaning up
        return -ECANCELED;
    }
    return 0;
}

TASK_TEST(a_cancel_may_become_an_exception)
{
    coro_task *task = spawn(sleeps_throwing, nullptr);
    ck_assert_int_eq(coro_wait_for(task, CORO_SECOND, nullptr), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 2 * CORO_SECOND);
    coro_release(task);
    return 0;
}

START_TEST(a_run_inside_a_catch_block_leaves_its_exception)
{
    try {
        throw std::runtime_error("outside");
    } catch (const std::exception &error) {
        ck_assert_int_eq(run_test(suspends_in_catch, ARG(3)), 3);
        try {
            throw;
        } catch (const std::exception &again) {
            ck_assert_str_eq(again.what(), "outside");
        }
        ck_assert_str_eq(error.what(), "outside");
    }
}
END_TEST

int has_none_and_leaves_a_task(void *)
{
    ck_assert(!std::current_exception());
    coro_release(spawn(forever, nullptr)); // which is the last to run
    return coro_yield();
}

START_TEST(a_run_inside_a_catch_block_starts_without_its_exception)
{
    bool rethrown = false;
    try {
        try {
            throw std::runtime_error("outside");
        } catch (...) {
            ck_assert_int_eq(run_test(has_none_and_leaves_a_task, nullptr), 0);
            ck_assert(std::current_exception() != nullptr);
            throw;
        }
    } catch (const std::exception &error) {
        ck_assert_str_eq(error.what(), "outside");
        rethrown = true;
    }
    ck_assert(rethrown);
    ck_assert(!std::current_exception());
}
END_TEST

} // namespace

int main()
{
    const TTest *const tests[] = {
        an_exception_is_thrown_and_caught_inside_a_task,
        an_exception_passes_frames_that_have_suspended,
        tasks_suspended_in_catch_blocks_keep_their_exceptions_apart,
        a_task_that_starts_meanwhile_has_no_exception,
        tasks_suspended_while_unwinding_keep_their_counts_apart,
        a_cancel_may_become_an_exception,
        a_run_inside_a_catch_block_leaves_its_exception,
        a_run_inside_a_catch_block_starts_without_its_exception,
        NULL,
    };
    return run_suite("exceptions", tests);
}
