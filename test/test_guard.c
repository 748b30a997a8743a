/* SPDX-License-Identifier: MIT */
/*
 * Guard pages where the kernel is old, or will make no more of them.
 *
 * The program is linked so that the library's madvise, mprotect and syscall come here (--wrap; see
 * the Makefile).
 */
#include "support.h"
#include "support_stacks.h"
#include "support_syscall.h"

#include "sched/advice.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise (-1) /* which nothing calls, then */
#endif

int __real_madvise(void *at, size_t size, int advice);
int __real_mprotect(void *at, size_t size, int protection);
int __wrap_madvise(void *at, size_t size, int advice);
int __wrap_mprotect(void *at, size_t size, int protection);

/* What the kernel does, and how often it was asked for guard pages. */
static bool old_kernel, no_more_mappings, only_one_by_one;
static int by_madvise, by_mprotect, by_many;
static ptrdiff_t widest; /* from the first to the last piece of one call */

int __wrap_madvise(void *at, size_t size, int advice)
{
    by_madvise += advice == MADV_GUARD_INSTALL;
    if (old_kernel && (advice == MADV_GUARD_INSTALL || advice == MADV_NOHUGEPAGE)) {
        errno = EINVAL;
        return -1;
    }
    return __real_madvise(at, size, advice);
}

int __wrap_mprotect(void *at, size_t size, int protection)
{
    by_mprotect += protection == PROT_NONE;
    if (no_more_mappings && protection == PROT_NONE) {
        errno = ENOMEM;
        return -1;
    }
    return __real_mprotect(at, size, protection);
}

static int refusal(long number, const long given[5])
{
    if (number != SYS_process_madvise)
        return 0;
    by_many++;
    const struct iovec *pieces = (const struct iovec *)given[1];
    const char *first = pieces[0].iov_base, *last = pieces[given[2] - 1].iov_base;
    widest = last - first > widest ? last - first : widest;
    return only_one_by_one ? EPERM : 0;
}

/* --- mprotect for what madvise cannot do ------------------------------------------------------ */
enum { SIZE = 64 * 1024 };

START_TEST(on_an_old_kernel_mprotect_makes_the_guard_pages)
{
    set_up_stacks();
    old_kernel = true;
    struct coro__stack *all[50];
    for (int i = 0; i < 50; i++)
        all[i] = get_stack(i % 2 ? SIZE : 2 * SIZE);
    ck_assert_int_eq(by_madvise, 1); /* it is not asked for what it does not know again */
    ck_assert_int_eq(by_mprotect, 50);
    for (int i = 0; i < 50; i += 7) {
        memset(all[i]->low, 'x', (size_t)(coro__stack_top(all[i]) - all[i]->low));
        if (under_valgrind())
            continue;
        ck_assert(writing_kills(all[i]->low - 1));
        ck_assert(writing_kills(all[i]->low - stacks.guards.page));
    }
    for (int i = 0; i < 50; i++)
        coro__stack_put_dead(all[i]);
    ck_assert_uint_eq(logged(), 0);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(a_guard_page_is_made_once_for_each_stack)
{
    set_up_stacks();
    old_kernel = true;
    for (int i = 0; i < 10; i++) {
        struct coro__stack *stack = get_stack(SIZE);
        if (i % 2)
            coro__stack_put_dead(stack);
        else
            coro__stack_put(stack);
    }
    ck_assert_int_eq(by_mprotect, 1);
    coro__stacks_destroy(&stacks);
}
END_TEST

/* --- Many at a time -----------------------------------------------------------------------------
 */
enum { MANY = 1000 };

static struct coro__stack *guarded[MANY];

static void get_many(void)
{
    set_up_stacks();
    for (int i = 0; i < MANY; i++)
        guarded[i] = get_stack(i % 5 == 0 ? 2 * SIZE : SIZE);
}

static void put_many(void)
{
    for (int i = 0; i < MANY; i += 37) {
        memset(guarded[i]->low, 'x', (size_t)(coro__stack_top(guarded[i]) - guarded[i]->low));
        if (!under_valgrind())
            ck_assert(writing_kills(guarded[i]->low - 1));
    }
    for (int i = 0; i < MANY; i++)
        coro__stack_put_dead(guarded[i]);
    ck_assert_uint_eq(logged(), 0);
    coro__stacks_destroy(&stacks);
}

START_TEST(of_many_stacks_each_has_its_guard_page)
{
    get_many();
    put_many();
}
END_TEST

START_TEST(many_guard_pages_take_few_calls)
{
    get_many();
    if (stacks.guards.one_by_one || !stacks.guards.by_advice)
        skip("many_guard_pages_take_few_calls: this kernel makes each alone");
    else
        ck_assert_int_lt(by_madvise + by_many, MANY / 4);
    put_many();
}
END_TEST

/* More than that, and some hosts would drop what they know of the guest's pages. */
START_TEST(no_call_is_about_more_than_two_page_tables)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), table = page / 8 * page;
    set_up_stacks();
    for (int i = 0; i < MANY; i++)
        get_stack(4 * SIZE);
    if (stacks.guards.one_by_one || !stacks.guards.by_advice)
        skip("no_call_is_about_more_than_two_page_tables: this kernel makes each alone");
    else
        ck_assert_int_gt(widest, 0);
    ck_assert_int_lt(widest, (ptrdiff_t)(2 * table));
    coro__stacks_destroy(&stacks);
}
END_TEST

/* Whether the stack that is behind this one in memory has the page that it is first used in. */
static bool next_is_resident(const struct coro__stack *stack)
{
    const size_t stride = SIZE + stacks.guards.page;
    return is_resident(stack->low + SIZE - stacks.guards.page + stride);
}

START_TEST(of_many_stacks_most_have_their_first_page_before_they_are_used)
{
    set_up_stacks();
    int before_use = 0;
    for (int i = 0; i < MANY; i++)
        before_use += next_is_resident(get_stack(SIZE));
    if (stacks.guards.one_by_one || !stacks.guards.by_advice)
        skip("of_many_stacks_most_have_their_first_page_before_they_are_used: not on this kernel");
    else
        ck_assert_int_gt(before_use, MANY / 2);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(a_kernel_that_makes_each_guard_page_alone_is_not_asked_for_many_again)
{
    only_one_by_one = true;
    get_many();
    ck_assert_int_le(by_many, 1);
    if (stacks.guards.by_advice)
        ck_assert_int_eq(by_madvise, MANY);
    put_many();
}
END_TEST

/* --- Without a guard page --------------------------------------------------------------------- */
static int fills(void *letter)
{
    char space[4096];
    memset(space, NUMBER(letter), sizeof space);
    for (int i = 0; i < 3; i++) {
        const int rc = coro_yield();
        if (rc < 0)
            return rc;
        ck_assert(is_filled(space, sizeof space, NUMBER(letter)));
    }
    return NUMBER(letter);
}

static int fills_many_stacks(void *arg)
{
    const coro_task_options larger = {.stack_size = 512 * 1024};
    coro_task *tasks[100];
    for (int i = 0; i < 100; i++)
        tasks[i] = i % 2 ? spawn(fills, ARG(i)) : coro_create_task_with(&larger, fills, ARG(i));
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), i);
    return 0;
}

static void refuse_guard_pages(void)
{
    old_kernel = true;
    no_more_mappings = true;
}

START_TEST(a_missing_guard_page_is_reported_once_a_run)
{
    refuse_guard_pages();
    for (int run = 0; run < 2; run++) {
        ck_assert_int_eq(run_test(fills_many_stacks, NULL), 0);
        expect_log(CORO_LOG_NO_GUARD_PAGE, -ENOMEM, "vm.max_map_count");
        ck_assert_uint_eq(logged(), 0);
    }
    ck_assert_int_gt(by_mprotect, 200); /* asked for each stack: there may be room again */
}
END_TEST

/* A process can have so many mappings and no more, and a guard page makes two of one. */
START_TEST(guard_pages_leave_mappings_to_others)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    int most = 0;
    if (!file || fscanf(file, "%d", &most) != 1 || most > 100000 || sanitized() ||
        under_valgrind()) {
        skip("guard_pages_leave_mappings_to_others: it would take too many stacks");
        most = 0;
    }
    if (file)
        fclose(file);
    if (most == 0)
        return;
    set_up_stacks();
    old_kernel = true;
    for (int i = 0; i < most / 2; i++)
        ck_assert_ptr_nonnull(get_stack(16 * 1024));
    ck_assert_int_eq(by_mprotect, most / 8 * 3);
    expect_log(CORO_LOG_NO_GUARD_PAGE, -ENOMEM, "vm.max_map_count");
    ck_assert_uint_eq(logged(), 0);
    for (int i = 0; i < most / 5; i++) {
        void *at =
            mmap(NULL, 4096, i % 2 ? PROT_NONE : PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(at, MAP_FAILED);
    }
}
END_TEST

static int runs_out_of_guard_pages(void *arg)
{
    const int before = by_mprotect;
    coro_release(spawn(fills, ARG(1)));
    passes(5);
    ck_assert_int_eq(by_mprotect, before + 1);
    no_more_mappings = true;
    return fills_many_stacks(NULL);
}

START_TEST(guard_pages_may_run_out_in_the_middle)
{
    old_kernel = true;
    ck_assert_int_eq(run_test(runs_out_of_guard_pages, NULL), 0);
    expect_log(CORO_LOG_NO_GUARD_PAGE, -ENOMEM, "no guard page for a stack");
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* --- A hook that does more than to log, while a stack is being made --------------------------- */
static coro_task *from_hook[3];

static int fills_with_argument(void *word)
{
    ck_assert_str_eq((const char *)word, "hello");
    const int rc = fills(ARG('h'));
    ck_assert_str_eq((const char *)word, "hello");
    return rc;
}

static void wants_stacks(void *arg, const coro_log_record *record)
{
    const char word[] = "hello";
    const coro_task_options with_argument = {.arg_size = sizeof word};
    const coro_task_options eager = {.eager_start = true};
    ck_assert_int_eq(record->event, CORO_LOG_NO_GUARD_PAGE);
    ck_assert_ptr_null(record->task);
    ck_assert_ptr_null(coro_current_task());
    ck_assert_int_eq(coro_yield(), -EPERM);
    ck_assert_int_eq(coro_sleep(CORO_SECOND), -EPERM);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_null(from_hook[i]);
    from_hook[0] = coro_create_task_with(&with_argument, fills_with_argument, (void *)word);
    from_hook[1] = coro_create_task_with(&eager, fills, ARG('e'));
    from_hook[2] = coro_create_task(fills, ARG('p'));
    for (int i = 0; i < 3; i++)
        ck_assert(from_hook[i] && !coro_done(from_hook[i]));
}

static void join_those_of_the_hook(void)
{
    static const int expected[] = {'h', 'e', 'p'};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(coro_join(from_hook[i], NULL), expected[i]);
        from_hook[i] = NULL;
    }
}

static int joins_those_of_the_hook(void *arg)
{
    ck_assert_int_eq(fills(ARG('m')), 'm');
    join_those_of_the_hook();
    return 0;
}

/* The loop starts the main task, and with it the first stack. */
START_TEST(a_hook_may_want_stacks_while_the_loop_starts_a_task)
{
    coro_run_options options = test_options();
    options.log = wants_stacks;
    refuse_guard_pages();
    ck_assert_int_eq(coro_run_with(&options, joins_those_of_the_hook, NULL), 0);
}
END_TEST

/* A task that parks, one that ends, and one that has another's argument copied. */
static int starts_one(void *how)
{
    char word[] = "hello";
    const coro_task_options larger = {.stack_size = 512 * 1024};
    const coro_task_options eager = {.stack_size = 512 * 1024, .eager_start = true};
    const coro_task_options with_argument = {.stack_size = 512 * 1024, .arg_size = sizeof word};
    char space[2048];
    memset(space, 's', sizeof space);
    no_more_mappings = true;
    coro_task *task = strcmp(how, "eagerly") == 0 ? coro_create_task_with(&eager, fills, ARG('t'))
                      : strcmp(how, "copies") == 0
                          ? coro_create_task_with(&with_argument, fills_with_argument, word)
                          : coro_create_task_with(&larger, fills, ARG('t'));
    ck_assert_ptr_nonnull(task);
    if (strcmp(how, "ends") != 0)
        ck_assert_int_eq(coro_join(coro_retain(task), NULL), strcmp(how, "copies") ? 't' : 'h');
    ck_assert(is_filled(space, sizeof space, 's'));
    coro_release(task);
    return 0;
}

static int lets_one_start_another(void *how)
{
    ck_assert_int_eq(coro_join(spawn(starts_one, how), NULL), 0);
    passes(2);
    join_those_of_the_hook();
    return 0;
}

static void test_hook_while_a_task(const char *how)
{
    coro_run_options options = test_options();
    options.log = wants_stacks;
    old_kernel = true;
    ck_assert_int_eq(coro_run_with(&options, lets_one_start_another, (void *)how), 0);
}

START_TEST(a_hook_may_want_stacks_while_a_task_waits)
{
    test_hook_while_a_task("waits");
}
END_TEST

START_TEST(a_hook_may_want_stacks_while_a_task_ends)
{
    test_hook_while_a_task("ends");
}
END_TEST

START_TEST(a_hook_may_want_stacks_while_a_task_starts_another_eagerly)
{
    test_hook_while_a_task("eagerly");
}
END_TEST

START_TEST(a_hook_may_want_stacks_while_an_argument_is_copied)
{
    test_hook_while_a_task("copies");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        on_an_old_kernel_mprotect_makes_the_guard_pages,
        a_guard_page_is_made_once_for_each_stack,
        of_many_stacks_each_has_its_guard_page,
        many_guard_pages_take_few_calls,
        no_call_is_about_more_than_two_page_tables,
        of_many_stacks_most_have_their_first_page_before_they_are_used,
        a_kernel_that_makes_each_guard_page_alone_is_not_asked_for_many_again,
        a_missing_guard_page_is_reported_once_a_run,
        guard_pages_may_run_out_in_the_middle,
        guard_pages_leave_mappings_to_others,
        a_hook_may_want_stacks_while_the_loop_starts_a_task,
        a_hook_may_want_stacks_while_a_task_waits,
        a_hook_may_want_stacks_while_a_task_ends,
        a_hook_may_want_stacks_while_a_task_starts_another_eagerly,
        a_hook_may_want_stacks_while_an_argument_is_copied,
        NULL,
    };
    return run_suite("guard", tests);
}
