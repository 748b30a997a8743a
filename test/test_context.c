/* SPDX-License-Identifier: MIT */
/* Contexts: what a switch keeps, on stacks of all kinds. */
#include "support.h"

#include "context/context.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { SIZE = 256 * 1024 };

static struct coro__birthplace birthplace;
static struct coro__context main_context, contexts[3];
static char *memories[3];
static void (*body)(int number);
static int entered;

static void entry(void)
{
    coro__context_entered();
    const int number = entered;
    body(number);
    coro__context_switch(&contexts[number], &main_context);
    abort();
}

static void set_up(void (*fn)(int), int count)
{
    body = fn;
    coro__annotate_thread(&main_context.annotation);
    for (int i = 0; i < count; i++) {
        memories[i] = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(memories[i], MAP_FAILED);
        coro__context_birth(&birthplace, &contexts[i], memories[i], SIZE, entry);
    }
}

static void tear_down(int count)
{
    for (int i = 0; i < count; i++) {
        coro__annotate_death(&contexts[i].annotation, memories[i], SIZE);
        munmap(memories[i], SIZE);
    }
}

static void enter(int number)
{
    entered = number;
    coro__context_switch(&main_context, &contexts[number]);
}

static void leave(int number)
{
    coro__context_switch(&contexts[number], &main_context);
}

/* --- Control ---------------------------------------------------------------------------------- */
static void traces_twice(int number)
{
    trace("a%d", number);
    leave(number);
    trace("b%d", number);
}

START_TEST(a_context_goes_on_where_it_left)
{
    set_up(traces_twice, 2);
    expect_trace(""); /* born is not entered */
    enter(0);
    enter(1);
    enter(1);
    enter(0);
    expect_trace("a0 a1 b1 b0");
    tear_down(2);
}
END_TEST

static void passes_it_on(int number)
{
    trace("%d", number);
    if (number < 2) {
        entered = number + 1;
        coro__context_switch(&contexts[number], &contexts[number + 1]);
    }
}

START_TEST(a_context_may_enter_another_directly)
{
    set_up(passes_it_on, 3);
    enter(0); /* the last one comes back here */
    expect_trace("0 1 2");
    tear_down(3);
}
END_TEST

static void enters_itself(int number)
{
    coro__context_switch(&contexts[number], &contexts[number]);
    trace("still-here");
}

START_TEST(a_context_may_enter_itself)
{
    set_up(enters_itself, 1);
    enter(0);
    expect_trace("still-here");
    tear_down(1);
}
END_TEST

/* --- Registers -------------------------------------------------------------------------------- */
/* More values than there are registers live over each switch; whatever is lost changes the sum. */
static uint64_t mix(uint64_t seed, void (*between)(int), int number)
{
    uint64_t a = seed, b = a * 3 + 1, c = b * 5 + 1, d = c * 7 + 1, e = d * 11 + 1;
    uint64_t f = e * 13 + 1, g = f * 17 + 1, h = g * 19 + 1, i = h * 23 + 1, j = i * 29 + 1;
    uint64_t k = j * 31 + 1, l = k * 37 + 1, m = l * 41 + 1, n = m * 43 + 1, o = n * 47 + 1;
    double p = (double)(a % 1000), q = p * 1.5 + 1, r = q * 1.25 + 1, s = r * 1.75 + 1;
    double t = s * 1.125 + 1, u = t * 1.0625 + 1, v = u * 1.5 + 1, w = v * 1.25 + 1;
    long double x = (long double)w * 1.5L + 1;
    for (int round = 0; round < 100; round++) {
        between(number);
        a += b ^ o, b += c ^ a, c += d ^ b, d += e ^ c, e += f ^ d, f += g ^ e, g += h ^ f;
        h += i ^ g, i += j ^ h, j += k ^ i, k += l ^ j, l += m ^ k, m += n ^ l, n += o ^ m, o += a;
        p = q + 1, q = r / 1.5, r = s / 1.25, s = t / 1.125, t = u / 1.75, u = v, v = w, w = p * 2;
        x = x / 1.5L + (long double)w;
    }
    a ^= b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l ^ m ^ n ^ o;
    const double sum = p + q + r + s + t + u + v + w + (double)x;
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    return a ^ bits;
}

/* The one and only copy, so that both sides round alike. */
static uint64_t (*volatile mixer)(uint64_t, void (*)(int), int) = mix;

static void stay(int number)
{
}

static uint64_t mixed[3];

static void mixes(int number)
{
    mixed[number] = mixer((uint64_t)number + 1, leave, number);
}

START_TEST(a_switch_keeps_all_that_is_live)
{
    set_up(mixes, 3);
    for (int round = 0; round <= 100; round++)
        for (int i = 0; i < 3; i++)
            enter(i);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(mixed[i], mixer((uint64_t)i + 1, stay, i));
    tear_down(3);
}
END_TEST

static double roots[3];

static void sums_roots(int number)
{
    double sum = 0;
    for (int i = 1; i <= 200; i++) {
        sum += sqrt(i * (number + 1));
        leave(number);
    }
    roots[number] = sum;
}

START_TEST(floating_point_sums_go_on)
{
    set_up(sums_roots, 3);
    for (int round = 0; round <= 200; round++)
        for (int i = 2; i >= 0; i--)
            enter(i);
    for (int i = 0; i < 3; i++) {
        double sum = 0;
        for (int k = 1; k <= 200; k++)
            sum += sqrt(k * (i + 1));
        ck_assert_double_eq(roots[i], sum);
    }
    tear_down(3);
}
END_TEST

/* --- The stack -------------------------------------------------------------------------------- */
static int deepest(int depth, int number)
{
    volatile int here = depth;
    if (depth > 0)
        return deepest(depth - 1, number) + here;
    leave(number);
    return here;
}

static void recurses(int number)
{
    trace("%d", deepest(1000, number));
}

START_TEST(a_deep_recursion_is_left_and_entered)
{
    set_up(recurses, 2);
    enter(0);
    enter(1);
    enter(0);
    enter(1);
    expect_trace("500500 500500");
    tear_down(2);
}
END_TEST

static void checks_alignment(int number)
{
    _Alignas(16) volatile char aligned[16] = {0};
    _Alignas(64) volatile char more[64] = {0};
    ck_assert_uint_eq((uintptr_t)aligned % 16, 0);
    ck_assert_uint_eq((uintptr_t)more % 64, 0);
    char text[64];
    snprintf(text, sizeof text, "%.3f", 1.0 / 8); /* calls that need an aligned stack */
    trace("%s", text);
}

START_TEST(the_stack_is_aligned)
{
    set_up(checks_alignment, 1);
    enter(0);
    expect_trace("0.125");
    tear_down(1);
}
END_TEST

static void uses_its_stack(int number)
{
    volatile char here = (char)number;
    const char *at = (const char *)(uintptr_t)&here;
    if (!sanitized()) /* which may put locals elsewhere */
        ck_assert(at >= memories[number] && at < memories[number] + SIZE);
    trace("%d", here);
}

START_TEST(it_runs_on_its_own_stack)
{
    set_up(uses_its_stack, 2);
    enter(1);
    enter(0);
    expect_trace("1 0");
    tear_down(2);
}
END_TEST

/* --- Many births on one stack ----------------------------------------------------------------- */
START_TEST(a_stack_can_be_born_on_again)
{
    set_up(traces_twice, 1);
    for (int i = 0; i < 3; i++) {
        enter(0); /* and is left in the middle */
        coro__annotate_death(&contexts[0].annotation, memories[0], SIZE);
        coro__context_birth(&birthplace, &contexts[0], memories[0], SIZE, entry);
    }
    enter(0);
    enter(0);
    expect_trace("a0 a0 a0 a0 b0");
    tear_down(1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_context_goes_on_where_it_left,
        a_context_may_enter_another_directly,
        a_context_may_enter_itself,
        a_switch_keeps_all_that_is_live,
        floating_point_sums_go_on,
        a_deep_recursion_is_left_and_entered,
        the_stack_is_aligned,
        it_runs_on_its_own_stack,
        a_stack_can_be_born_on_again,
        NULL,
    };
    return run_suite("context", tests);
}
