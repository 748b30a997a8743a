/* SPDX-License-Identifier: MIT */
/*
 * Context-switch throughput: a plain call, a bare swapcontext, the raw switch, and yields through
 * the scheduler. The rounds of all are interleaved, and each figure is the median of its rounds,
 * because machines are noisy. Prints name, ns per operation and a note, separated by tabs.
 */
#include "context/context.h"

#include <coro.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static __attribute__((noinline)) int call(int value)
{
    __asm__ volatile("" ::: "memory");
    return value;
}

static double bench_call(void)
{
    enum { CALLS = 1000000 };
    const double began = now();
    for (int i = 0; i < CALLS; i++)
        call(i);
    return (now() - began) / CALLS;
}

static _Alignas(64) char stack[64 * 1024];
static ucontext_t outside, inside;

static void bounce_ucontext(void)
{
    for (;;)
        swapcontext(&inside, &outside);
}

static double bench_swapcontext(void)
{
    enum { SWITCHES = 20000 };
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = sizeof stack;
    makecontext(&inside, bounce_ucontext, 0);
    const double began = now();
    for (int i = 0; i < SWITCHES; i += 2)
        swapcontext(&outside, &inside);
    return (now() - began) / SWITCHES;
}

static _Alignas(64) char switch_stack[64 * 1024];
static struct coro__context here, there;
static struct coro__birthplace birthplace;

static void bounce(void)
{
    coro__context_entered();
    for (;;)
        coro__context_switch(&there, &here);
}

static double bench_switch(void)
{
    enum { SWITCHES = 1000000 };
    coro__context_birth(&birthplace, &here, &there, switch_stack, sizeof switch_stack, bounce);
    const double began = now();
    for (int i = 0; i < SWITCHES; i += 2)
        coro__context_switch(&here, &there);
    return (now() - began) / SWITCHES;
}

static int yield_often(void *arg)
{
    for (int i = *(int *)arg; i > 0; i--)
        coro_yield();
    return 0;
}

static double bench_yield(size_t count, int rounds)
{
    static coro_task *tasks[1000];
    for (size_t i = 0; i < count; i++)
        tasks[i] = coro_create_task(yield_often, &rounds);
    coro_yield();
    const double began = now();
    coro_gather(tasks, count, 0);
    const double taken = now() - began;
    for (size_t i = 0; i < count; i++)
        coro_release(tasks[i]);
    return taken / ((double)count * rounds);
}

static double bench_yield_two(void)
{
    return bench_yield(2, 20000);
}

static double bench_yield_thousand(void)
{
    return bench_yield(1000, 40);
}

static const struct {
    const char *name;
    const char *note;
    double (*run)(void);
} benches[] = {
    {"plain call", "function call and return", bench_call},
    {"swapcontext", "bare, one way", bench_swapcontext},
    {"raw switch", "one way", bench_switch},
    {"yield, 2 tasks", "one way", bench_yield_two},
    {"yield, 1000 tasks", "one way", bench_yield_thousand},
};

enum { ROUNDS = 21, BENCHES = sizeof benches / sizeof benches[0] };

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int bench_all(void *arg)
{
    static double taken[BENCHES][ROUNDS];
    (void)arg;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < BENCHES; i++)
            taken[i][round] = benches[i].run();
    for (int i = 0; i < BENCHES; i++) {
        qsort(taken[i], ROUNDS, sizeof taken[i][0], compare);
        printf("%s\t%.2f\t%s\n", benches[i].name, taken[i][ROUNDS / 2], benches[i].note);
    }
    return 0;
}

int main(void)
{
    return coro_run(bench_all, NULL);
}
