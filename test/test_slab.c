/* SPDX-License-Identifier: MIT */
/* Slabs: what is carved from them is whole cache lines of its own, and mostly made beforehand. */
#include "support.h"

#include "sched/advice.h"
#include "sched/slab.h"
#include "util/compiler.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { SIZE = 3 * CORO__CACHE_LINE, MANY = 5000 };

static struct coro__slabs slabs;

static unsigned char *carve(void)
{
    errno = EXDEV;
    unsigned char *carved = coro__slab_carve(&slabs, SIZE);
    ck_assert_ptr_nonnull(carved);
    ck_assert_int_eq(errno, EXDEV);
    return carved;
}

START_TEST(things_are_whole_cache_lines_and_do_not_overlap)
{
    static unsigned char *all[MANY];
    for (int i = 0; i < MANY; i++) {
        all[i] = carve();
        ck_assert_uint_eq((uintptr_t)all[i] % CORO__CACHE_LINE, 0);
        memset(all[i], i % 251, SIZE);
    }
    for (int i = 0; i < MANY; i++)
        ck_assert(is_filled(all[i], SIZE, i % 251));
    coro__slabs_free(&slabs);
}
END_TEST

START_TEST(slabs_that_were_freed_can_be_carved_from_anew)
{
    for (int round = 0; round < 2; round++) {
        memset(carve(), round, SIZE);
        coro__slabs_free(&slabs);
        ck_assert_ptr_null(slabs.newest);
    }
}
END_TEST

/* Emulators accept advice that they do not know, and do nothing. */
static bool makes_pages(size_t page)
{
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(two, MAP_FAILED);
    coro__advise_writing(two + 1, 2 * page - 1);
    const bool makes = !is_resident(two) && is_resident(two + page);
    munmap(two, 2 * page);
    return makes;
}

/* The pages that are resident from the one that this address is on, as far as `end`. */
static size_t resident_from(const char *at, const char *end, size_t page)
{
    size_t n = 0;
    const uintptr_t first = (uintptr_t)at & ~(uintptr_t)(page - 1);
    for (const char *from = (const char *)first; from < end && is_resident(from); from += page)
        n++;
    return n;
}

START_TEST(of_many_things_the_next_ones_are_made_and_those_after_them_are_not)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), share = 4096 / 8 * SIZE / page;
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* one touch would make many pages */
    if (share < 2 || !makes_pages(page)) {
        skip("of_many_things_the_next_ones_are_made_and_those_after_them_are_not: not here");
        return;
    }
    size_t largest = 0;
    for (int i = 0; i < MANY; i++) {
        carve();
        const size_t made = resident_from(slabs.unused, slabs.end, page);
        largest = made > largest ? made : largest;
    }
    ck_assert_uint_ge(largest, share - 1);
    ck_assert_uint_le(largest, share * 2);
    coro__slabs_free(&slabs);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        things_are_whole_cache_lines_and_do_not_overlap,
        slabs_that_were_freed_can_be_carved_from_anew,
        of_many_things_the_next_ones_are_made_and_those_after_them_are_not,
        NULL,
    };
    return run_suite("slab", tests);
}
