/* SPDX-License-Identifier: MIT */
/*
 * A million tasks asleep at once, each on a stack with a guard page, that wake over a second: how
 * long that takes, what memory it takes, and whether they wake in the order of their deadlines. The
 * first touch of a page, which each of them costs, stands beside it. An argument is another number
 * of tasks. Prints name, value and unit, separated by tabs.
 */
#include <coro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum { LONGEST_MS = 1000 };

static size_t count = 1000000;
static coro_future *all_there;
static coro_time first_deadline;
static coro_time last_deadline; /* of those that woke */
static size_t asleep, woken, out_of_order, failed;

static double seconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A figure of this process in KiB, such as "VmRSS:". */
static double kib(const char *name)
{
    char line[256];
    double value = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtod(line + strlen(name), NULL);
    if (file)
        fclose(file);
    return value;
}

static void print(const char *name, double value, const char *unit)
{
    printf("%s\t%.2f\t%s\n", name, value, unit);
}

static int sleeper(void *arg)
{
    const size_t number = (size_t)arg;
    asleep++;
    coro_await(all_there, NULL);
    const coro_time deadline =
        first_deadline + (coro_time)(number * 7919 % LONGEST_MS) * CORO_MILLISECOND;
    const int rc = coro_sleep(deadline - coro_now());
    woken++;
    failed += rc < 0;
    out_of_order += deadline < last_deadline;
    last_deadline = deadline;
    return rc;
}

/* Returns how long it took. */
static coro_duration create_all(void)
{
    const double memory = kib("VmRSS:");
    const double tables = kib("VmPTE:");
    const double began = seconds(CLOCK_MONOTONIC);
    for (size_t i = 0; i < count; i++) {
        coro_task *task = coro_create_task(sleeper, (void *)i);
        failed += !task;
        coro_release(task);
    }
    while (asleep + failed < count)
        coro_yield();
    const double ended = seconds(CLOCK_MONOTONIC);
    print("create and park", (ended - began) / (double)count * 1e9, "ns each");
    print("resident memory", (kib("VmRSS:") - memory) / (double)count, "KiB each");
    print("page tables", (kib("VmPTE:") - tables) / (double)count, "KiB each");
    return (coro_duration)((ended - began) * (double)CORO_SECOND);
}

static int sleepers(void *arg)
{
    (void)arg;
    all_there = coro_create_future();
    const coro_duration creation = create_all();
    /* Time enough for all to start their timers. */
    first_deadline = coro_now() + creation / 2;
    coro_set_result(all_there, 0, NULL);
    while (woken + failed < count)
        coro_sleep(CORO_MILLISECOND);
    coro_release(all_there);
    return 0;
}

/* What the system takes for the first touch of a page, apart from the others. */
static void print_first_touch(void)
{
    enum { PAGES = 20000, STRIDE = 65 * 4096 };
    char *memory = mmap(NULL, (size_t)PAGES * STRIDE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return;
    const double began = seconds(CLOCK_MONOTONIC);
    for (size_t i = 0; i < PAGES; i++)
        memory[i * STRIDE] = 1;
    print("first touch of a page", (seconds(CLOCK_MONOTONIC) - began) / PAGES * 1e9, "ns each");
    munmap(memory, (size_t)PAGES * STRIDE);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        count = strtoul(argv[1], NULL, 10);
    print_first_touch();
    const double began = seconds(CLOCK_MONOTONIC);
    const int rc = coro_run(sleepers, NULL);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    print("woken", (double)woken, "tasks");
    print("woken before an earlier deadline", (double)out_of_order, "tasks");
    print("peak memory", (double)usage.ru_maxrss / 1024, "MiB");
    print("CPU in all", seconds(CLOCK_PROCESS_CPUTIME_ID), "s");
    print("time in all", seconds(CLOCK_MONOTONIC) - began, "s");
    return rc < 0 || failed > 0 || woken != count;
}
