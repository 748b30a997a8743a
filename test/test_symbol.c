/* SPDX-License-Identifier: MIT */
/* Names of functions, for reports. */
#include "support.h"

#include "util/symbol.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int hidden(int number)
{
    return number + getpid();
}

int visible(int number);

int visible(int number)
{
    return number - getpid();
}

static const char *name_of(coro__code *function)
{
    static char buffer[64];
    return coro__symbol_name(function, buffer, sizeof buffer);
}

START_TEST(a_function_has_a_name_also_a_static_one)
{
    ck_assert_str_eq(name_of((coro__code *)visible), "visible");
    ck_assert_str_eq(name_of((coro__code *)hidden), "hidden");
}
END_TEST

START_TEST(a_function_of_a_shared_library_has_a_name)
{
    ck_assert_ptr_nonnull(strstr(name_of((coro__code *)qsort), "qsort"));
}
END_TEST

START_TEST(the_name_is_found_from_another_directory)
{
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_str_eq(name_of((coro__code *)hidden), "hidden");
}
END_TEST

START_TEST(a_place_within_a_function_is_given_as_file_and_offset)
{
    const char *name = name_of((coro__code *)((uintptr_t)hidden + 1));
    ck_assert_ptr_nonnull(strstr(name, "test_symbol+0x"));
}
END_TEST

START_TEST(an_address_in_no_file_is_a_number)
{
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    ck_assert_int_eq(strncmp(name_of((coro__code *)page), "0x", 2), 0);
    munmap(page, 4096);
}
END_TEST

START_TEST(a_long_name_is_cut)
{
    char buffer[5];
    ck_assert_str_eq(coro__symbol_name((coro__code *)visible, buffer, sizeof buffer), "visi");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_function_has_a_name_also_a_static_one,
        a_function_of_a_shared_library_has_a_name,
        the_name_is_found_from_another_directory,
        a_place_within_a_function_is_given_as_file_and_offset,
        an_address_in_no_file_is_a_number,
        a_long_name_is_cut,
        NULL,
    };
    return run_suite("symbol", tests);
}
