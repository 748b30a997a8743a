/* SPDX-License-Identifier: MIT */
/*
 * What every benchmark begins with, libcoro's and its peers': a table of rows, a clock, the touch
 * of a stack, and the way results are printed. C11 and C++17.
 *
 *     PROGRAM [NAME...]   measures these rows (all, if none is named) once each, and prints for
 * each result: name<TAB>value<TAB>unit[<TAB>note] PROGRAM -l          lists the names of its rows,
 * those that take seconds with <TAB>long PROGRAM -v          says what is measured: name, version,
 * configuration
 *
 * bench/run starts one process for each row of each round, so no row finds what another one left.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct bench_row {
    const char *name;
    void (*run)(const struct bench_row *row); /* measures one round and prints it */
    size_t count;     /* of tasks, timers and so on; 0 if there is no such */
    const char *note; /* may be NULL */
    bool takes_long;
};

/* What the rows of all programs agree on. */
enum {
    BENCH_SLEEP_MAX_MS = 1000,
    BENCH_QUEUE_CAPACITY = 64,
    BENCH_BURSTS = 100,
    BENCH_PAUSE_MS = 2, /* between two of them */
};

/* Nanoseconds of a clock. */
static inline double bench_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static inline double bench_now(void)
{
    return bench_clock(CLOCK_MONOTONIC);
}

/* Processor time of the whole process. */
static inline double bench_cpu(void)
{
    return bench_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/* A figure of a process in KiB, such as "VmRSS:", from its /proc/PID/status. */
static inline double bench_kib_of(const char *path, const char *name)
{
    char line[256];
    double value = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtod(line + strlen(name), NULL);
    if (file)
        fclose(file);
    return value;
}

static inline double bench_kib(const char *name)
{
    return bench_kib_of("/proc/self/status", name);
}

static inline double bench_peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* Has the compiler forget what it knows of memory, as between any two calls in a program. */
static inline void bench_barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

/* What every task does first: it uses its stack as a function with a few locals would. */
static __attribute__((noinline, unused)) void bench_touch_stack(void)
{
    volatile char locals[256];
    for (size_t i = 0; i < sizeof locals; i += 64)
        locals[i] = 0;
    (void)locals[0];
}

/* How many rounds of `count` operations make about `total`; at least one. */
static inline size_t bench_rounds(size_t total, size_t count)
{
    return total > count ? total / count : 1;
}

/* How long the sleeper with this number sleeps: 1 to 1,000 ms, scattered. */
static inline unsigned bench_sleep_ms(size_t number)
{
    return (unsigned)(number * 7919 % BENCH_SLEEP_MAX_MS) + 1;
}

/* Numbers 0 to count - 1 in an order that is random, and the same every time. */
static inline size_t *bench_shuffled(size_t count)
{
    size_t *order = (size_t *)malloc(count * sizeof *order);
    unsigned long long state = 88172645463325252ull;
    for (size_t i = 0; order && i < count; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        const size_t j = (size_t)(state % (i + 1));
        order[i] = order[j];
        order[j] = i;
    }
    return order;
}

/* A benchmark whose work fails has no result. */
static inline void bench_check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "benchmark failed: %s\n", what);
    exit(EXIT_FAILURE);
}

/* One of several results of a row: `suffix` is appended to its name. */
static inline void bench_print_as(const struct bench_row *row, const char *suffix, double value,
                                  const char *unit)
{
    printf("%s%s\t%.3f\t%s%s%s\n", row->name, suffix, value, unit, row->note ? "\t" : "",
           row->note ? row->note : "");
}

static inline void bench_print(const struct bench_row *row, double value, const char *unit)
{
    bench_print_as(row, "", value, unit);
}

/* What all that sleep cost since cpu and time were read. */
static inline void bench_print_sleepers(const struct bench_row *row, double cpu, double time)
{
    bench_print_as(row, ": CPU", (bench_cpu() - cpu) / 1e6, "ms");
    bench_print_as(row, ": time", (bench_now() - time) / 1e6, "ms");
    bench_print_as(row, ": peak memory", bench_peak_mib(), "MiB");
}

/* The resident memory and page tables of row->count tasks, given those of before. */
static inline void bench_print_memory(const struct bench_row *row, double rss, double tables)
{
    const double each = (bench_kib("VmRSS:") - rss) / (double)row->count;
    bench_print_as(row, ": resident", each, "KiB");
    bench_print_as(row, ": with page tables",
                   each + (bench_kib("VmPTE:") - tables) / (double)row->count, "KiB");
}

/* Measures the rows that argv[1] and on name. Returns the status for main(). */
static inline int bench_run(char **argv, const char *about, const struct bench_row *rows, size_t n)
{
    const char *option = argv[1] ? argv[1] : "";
    if (strcmp(option, "-v") == 0) {
        puts(about);
        return EXIT_SUCCESS;
    }
    size_t chosen = 0, named = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(option, "-l") == 0) {
            printf("%s%s\n", rows[i].name, rows[i].takes_long ? "\tlong" : "");
            continue;
        }
        bool wanted = !argv[1];
        for (named = 0; argv[1] && argv[1 + named]; named++)
            wanted |= strcmp(argv[1 + named], rows[i].name) == 0;
        if (!wanted)
            continue;
        chosen++;
        rows[i].run(&rows[i]);
        fflush(stdout);
    }
    if (strcmp(option, "-l") != 0 && chosen < named)
        fprintf(stderr, "%s: has not all of these rows\n", argv[0]);
    return strcmp(option, "-l") != 0 && chosen < named ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define BENCH_COUNT(array) (sizeof(array) / sizeof(array)[0])

#endif
