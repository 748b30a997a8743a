/* SPDX-License-Identifier: MIT */
/* The reader of a stream beside a model of it, for random scripts: see fuzz/reader.h. */
#include "fuzz/reader.h"
#include "support.h"

static void run_scripts(unsigned first, int count, bool large)
{
    uint8_t script[3000];
    uint64_t state = first;
    for (int k = 0; k < count; k++) {
        for (size_t i = 0; i < sizeof script; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            script[i] = (uint8_t)(state >> 56);
        }
        script[0] = (uint8_t)(large ? 0 : 1 + k * 7 % 255);
        reader_check(script, large ? sizeof script / 4 : sizeof script);
    }
}

START_TEST(small_pieces)
{
    run_scripts(1, many(200), false);
}
END_TEST

START_TEST(large_pieces)
{
    run_scripts(2, many(100), true);
}
END_TEST

START_TEST(scripts_that_say_little)
{
    static const uint8_t script[] = {5, 7, 16, 4, 4, 5, 2, 9};
    for (size_t n = 0; n <= sizeof script; n++)
        reader_check(script, n);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {small_pieces, large_pieces, scripts_that_say_little, NULL};
    return run_suite("reader_model", tests);
}
