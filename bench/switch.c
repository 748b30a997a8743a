/* SPDX-License-Identifier: MIT */
/* A bare context switch, beside a plain call and the system's own swapcontext. */
#include "context/context.h"

#include "bench_coro.h"

enum { CALLS = 10000000, BATCH = 100000 };

/* Switches go on for 20 ms: one with a system call in it takes 200 times as long as one without. */
static const double LONG_ENOUGH = 20e6;

static __attribute__((noinline)) size_t call(size_t value)
{
    bench_barrier();
    return value;
}

static void bench_call(const struct bench_row *row)
{
    const double began = bench_now();
    for (size_t i = 0; i < CALLS; i++)
        call(i);
    bench_print(row, (bench_now() - began) / CALLS, "ns");
}

static _Alignas(64) char stack[64 * 1024];
static ucontext_t outside, inside;

static void bounce_ucontext(void)
{
    for (;;)
        swapcontext(&inside, &outside);
}

static void bench_swapcontext(const struct bench_row *row)
{
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = sizeof stack;
    makecontext(&inside, bounce_ucontext, 0);
    double taken = 0;
    size_t switches = 0;
    const double began = bench_now();
    for (; taken < LONG_ENOUGH; taken = bench_now() - began, switches += BATCH)
        for (size_t i = 0; i < BATCH; i += 2)
            swapcontext(&outside, &inside);
    bench_print(row, taken / (double)switches, "ns");
}

static struct coro__context here, there;
static struct coro__birthplace birthplace;

static void bounce(void)
{
    coro__context_entered();
    for (;;)
        coro__context_switch(&there, &here);
}

static void bench_switch(const struct bench_row *row)
{
    coro__context_birth(&birthplace, &there, stack, sizeof stack, bounce);
    double taken = 0;
    size_t switches = 0;
    const double began = bench_now();
    for (; taken < LONG_ENOUGH; taken = bench_now() - began, switches += BATCH)
        for (size_t i = 0; i < BATCH; i += 2)
            coro__context_switch(&here, &there);
    bench_print(row, taken / (double)switches, "ns");
}

static const struct bench_row rows[] = {
    {"plain call", bench_call, 0, "function call and return", false},
    {"swapcontext", bench_swapcontext, 0, "one way", false},
    {"raw switch", bench_switch, 0, "one way", false},
};

int main(int argc, char **argv)
{
    (void)argc;
    return bench_run(argv, bench_about(), rows, BENCH_COUNT(rows));
}
