/* SPDX-License-Identifier: MIT */
/* Stacks: their sizes, guard pages and tops, the cache, trimming, and the high-water mark. */
#include "support.h"
#include "support_stacks.h"

#include <time.h>

enum { SIZE = 64 * 1024 };

START_TEST(a_size_is_rounded_to_whole_pages_and_not_too_small)
{
    set_up_stacks();
    const size_t page = stacks.guards.page;
    for (size_t size = 0; size < 300000; size += 1111) {
        const size_t rounded = coro__stack_round(&stacks, size);
        ck_assert_uint_ge(rounded, size);
        ck_assert_uint_ge(rounded, CORO__STACK_MINIMUM);
        ck_assert_uint_eq(rounded % page, 0);
        ck_assert_uint_lt(rounded, size + CORO__STACK_MINIMUM + 2 * page);
        ck_assert_uint_eq(coro__stack_round(&stacks, rounded), rounded);
        /* With the guard page an odd number of pages. */
        ck_assert_uint_eq((rounded + page) / page % 2, 1);
    }
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(a_stack_can_be_written_from_end_to_end)
{
    set_up_stacks();
    struct coro__stack *a = get_stack(SIZE), *b = get_stack(SIZE);
    memset(a->low, 'a', (size_t)(coro__stack_top(a) - a->low));
    memset(b->low, 'b', (size_t)(coro__stack_top(b) - b->low));
    ck_assert_int_eq(a->low[0], 'a');
    ck_assert_int_eq(coro__stack_top(a)[-1], 'a');
    ck_assert_uint_gt((size_t)(coro__stack_top(a) - a->low), SIZE - 4096);
    coro__stack_put_dead(a);
    coro__stack_put_dead(b);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(the_tops_of_stacks_fall_on_different_cache_sets)
{
    set_up_stacks();
    unsigned sets[64] = {0};
    struct coro__stack *all[64];
    for (int i = 0; i < 64; i++) {
        all[i] = get_stack(SIZE);
        sets[(uintptr_t)coro__stack_top(all[i]) / 64 % 64]++;
    }
    for (int i = 0; i < 64; i++) {
        ck_assert_uint_le(sets[i], 8);
        coro__stack_put(all[i]);
    }
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(there_is_a_guard_page_below_every_stack)
{
    if (under_valgrind()) {
        skip("there_is_a_guard_page_below_every_stack: Valgrind does not honour it");
        return;
    }
    set_up_stacks();
    struct coro__stack *all[100];
    for (int i = 0; i < 100; i++)
        all[i] = get_stack(SIZE);
    for (int i = 0; i < 100; i += 9) {
        ck_assert(writing_kills(all[i]->low - 1));
        ck_assert(writing_kills(all[i]->low - stacks.guards.page));
        ck_assert(!writing_kills(all[i]->low));
        ck_assert(!writing_kills(coro__stack_top(all[i]) - 1));
    }
    for (int i = 0; i < 100; i++)
        coro__stack_put(all[i]);
    ck_assert_uint_eq(logged(), 0);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(a_guard_page_outlives_a_trim)
{
    if (under_valgrind()) {
        skip("a_guard_page_outlives_a_trim: Valgrind does not honour it");
        return;
    }
    set_up_stacks();
    struct coro__stack *stack = get_stack(SIZE);
    coro__stack_put(stack);
    coro__stacks_watch(&stacks);
    coro__stacks_trim(&stacks, 0, 10);
    stack = get_stack(SIZE);
    ck_assert(writing_kills(stack->low - 1));
    coro__stack_put(stack);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(an_address_in_the_guard_page_is_known)
{
    set_up_stacks();
    struct coro__stack *stack = get_stack(SIZE);
    ck_assert(coro__stack_guards(stack, stack->low - 1));
    ck_assert(coro__stack_guards(stack, stack->low - stacks.guards.page));
    ck_assert(!coro__stack_guards(stack, stack->low - stacks.guards.page - 1));
    ck_assert(!coro__stack_guards(stack, stack->low));
    ck_assert(!coro__stack_guards(stack, NULL));
    coro__stack_put(stack);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(the_stack_put_last_is_got_first)
{
    set_up_stacks();
    struct coro__stack *a = get_stack(SIZE), *b = get_stack(SIZE), *c = get_stack(SIZE);
    coro__stack_put(b);
    coro__stack_put(a);
    coro__stack_put(c);
    ck_assert_ptr_eq(get_stack(SIZE), c);
    ck_assert_ptr_eq(get_stack(SIZE), a);
    ck_assert_ptr_eq(get_stack(SIZE), b);
    coro__stack_put(a);
    ck_assert_ptr_eq(get_stack(SIZE), a);
    coro__stack_put(a);
    coro__stack_put(b);
    coro__stack_put(c);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(stacks_of_one_size_are_not_given_for_another)
{
    set_up_stacks();
    struct coro__stack *small = get_stack(SIZE);
    coro__stack_put(small);
    struct coro__stack *large = get_stack(2 * SIZE);
    ck_assert_ptr_ne(large, small);
    ck_assert_uint_eq(large->of->size, 2 * SIZE);
    ck_assert_ptr_eq(get_stack(SIZE), small);
    coro__stack_put(large);
    coro__stack_put(small);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(many_stacks_do_not_overlap)
{
    enum { MANY = 300 };
    set_up_stacks();
    static struct coro__stack *all[MANY];
    for (int i = 0; i < MANY; i++) {
        all[i] = get_stack(CORO__STACK_MINIMUM);
        *(int *)(void *)all[i]->low = i;
        ((int *)(void *)coro__stack_top(all[i]))[-64 / 4] = i;
    }
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(*(int *)(void *)all[i]->low, i);
        ck_assert_int_eq(((int *)(void *)coro__stack_top(all[i]))[-64 / 4], i);
        coro__stack_put_dead(all[i]);
    }
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(a_stack_that_does_not_fit_into_memory_is_refused)
{
    set_up_stacks();
    ck_assert_ptr_null(coro__stack_get(&stacks, (size_t)1 << 62));
    coro__stack_put(get_stack(SIZE));
    coro__stacks_destroy(&stacks);
}
END_TEST

/* --- Trimming --------------------------------------------------------------------------------- */
/* All of them have been used to the end. */
static void use_and_put(struct coro__stack *all[5])
{
    set_up_stacks();
    for (int i = 0; i < 5; i++) {
        all[i] = get_stack(SIZE);
        *all[i]->low = 1;
    }
    for (int i = 0; i < 5; i++)
        coro__stack_put(all[i]);
}

START_TEST(trimming_takes_the_memory_of_those_unused_longest)
{
    struct coro__stack *all[5];
    use_and_put(all);
    coro__stacks_watch(&stacks);
    ck_assert(coro__stacks_exceed(&stacks, 2));
    coro__stacks_trim(&stacks, 2, 10); /* 0, 1 and 2 go */
    ck_assert(!coro__stacks_exceed(&stacks, 2));
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(*(volatile char *)all[i]->low, i >= 3);
    ck_assert_ptr_eq(get_stack(SIZE), all[4]);
    ck_assert_ptr_eq(get_stack(SIZE), all[3]);
    struct coro__stack *cold = get_stack(SIZE); /* born again */
    ck_assert(cold == all[0] || cold == all[1] || cold == all[2]);
    coro__stack_put(all[3]);
    coro__stack_put(all[4]);
    coro__stack_put(cold);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(trimming_takes_no_more_than_it_may)
{
    struct coro__stack *all[5];
    use_and_put(all);
    coro__stacks_watch(&stacks);
    coro__stacks_trim(&stacks, 0, 2);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(*(volatile char *)all[i]->low, i >= 2);
    coro__stacks_trim(&stacks, 5, 5); /* as many are to be kept as there are */
    ck_assert_int_eq(*(volatile char *)all[2]->low, 1);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(trimming_leaves_as_many_as_were_needed)
{
    struct coro__stack *all[5];
    use_and_put(all);
    ck_assert(!coro__stacks_unneeded(&stacks, 0));
    coro__stacks_watch(&stacks);
    struct coro__stack *needed[3];
    for (int i = 0; i < 3; i++)
        needed[i] = get_stack(SIZE);
    for (int i = 0; i < 3; i++)
        coro__stack_put(needed[i]);
    ck_assert(coro__stacks_unneeded(&stacks, 4));
    ck_assert(!coro__stacks_unneeded(&stacks, 5));
    coro__stacks_trim(&stacks, 0, 10);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(*(volatile char *)all[i]->low, i >= 2);
    ck_assert(!coro__stacks_unneeded(&stacks, 0));
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(stacks_of_all_sizes_are_trimmed)
{
    set_up_stacks();
    struct coro__stack *small[3], *large[3];
    for (int i = 0; i < 3; i++) {
        small[i] = get_stack(SIZE);
        large[i] = get_stack(2 * SIZE);
        *small[i]->low = *large[i]->low = 1;
    }
    for (int i = 0; i < 3; i++) {
        coro__stack_put(small[i]);
        coro__stack_put(large[i]);
    }
    coro__stacks_watch(&stacks);
    for (int left = 4; left > 0; left -= 2) {
        ck_assert(coro__stacks_unneeded(&stacks, 1));
        coro__stacks_trim(&stacks, 1, 2);
    }
    ck_assert(!coro__stacks_unneeded(&stacks, 1));
    ck_assert(!coro__stacks_exceed(&stacks, 1));
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(*(volatile char *)small[i]->low, i == 2);
        ck_assert_int_eq(*(volatile char *)large[i]->low, i == 2);
    }
    coro__stacks_destroy(&stacks);
}
END_TEST

/* --- The high-water mark ---------------------------------------------------------------------- */
START_TEST(the_high_water_mark_is_the_deepest_byte_used)
{
    set_up_stacks();
    struct coro__stack *stack = get_stack(SIZE);
    char *top = coro__stack_top(stack);
    const size_t birth = coro__stack_high_water(stack);
    ck_assert_uint_lt(birth, 4096);
    top[-30000] = 1;
    ck_assert_uint_ge(coro__stack_high_water(stack), 30000);
    ck_assert_uint_lt(coro__stack_high_water(stack), 30000 + 16);
    top[-10000] = 1;
    ck_assert_uint_lt(coro__stack_high_water(stack), 30000 + 16);
    stack->low[0] = 1;
    ck_assert_uint_eq(coro__stack_high_water(stack), (size_t)(top - stack->low));
    coro__stack_put(stack);
    coro__stacks_destroy(&stacks);
}
END_TEST

START_TEST(the_high_water_mark_of_a_large_stack_takes_no_time)
{
    if (sanitized() || under_valgrind()) {
        skip("the_high_water_mark_of_a_large_stack_takes_no_time: it looks at each byte");
        return;
    }
    set_up_stacks();
    struct coro__stack *stack = coro__stack_get(&stacks, (size_t)64 << 30);
    if (!stack) {
        skip("the_high_water_mark_of_a_large_stack_takes_no_time: it cannot be had");
        return;
    }
    const clock_t start = clock();
    coro__stack_top(stack)[-30000] = 1;
    const size_t used = coro__stack_high_water(stack);
    ck_assert(clock() - start < 10 * CLOCKS_PER_SEC);
    ck_assert_uint_ge(used, 30000);
    ck_assert_uint_lt(used, 30000 + 16);
    coro__stack_put(stack);
    coro__stacks_destroy(&stacks);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_size_is_rounded_to_whole_pages_and_not_too_small,
        a_stack_can_be_written_from_end_to_end,
        the_tops_of_stacks_fall_on_different_cache_sets,
        there_is_a_guard_page_below_every_stack,
        a_guard_page_outlives_a_trim,
        an_address_in_the_guard_page_is_known,
        the_stack_put_last_is_got_first,
        stacks_of_one_size_are_not_given_for_another,
        many_stacks_do_not_overlap,
        a_stack_that_does_not_fit_into_memory_is_refused,
        trimming_takes_the_memory_of_those_unused_longest,
        trimming_takes_no_more_than_it_may,
        trimming_leaves_as_many_as_were_needed,
        stacks_of_all_sizes_are_trimmed,
        the_high_water_mark_is_the_deepest_byte_used,
        the_high_water_mark_of_a_large_stack_takes_no_time,
        NULL,
    };
    return run_suite("stack", tests);
}
