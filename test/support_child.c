/* SPDX-License-Identifier: MIT */
#include "support_child.h"

#include "support.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* An emulator says of its own accord what the program dies of. */
static void leave_out_emulator(char *text)
{
    static const char saying[] = "qemu: uncaught target signal";
    char *line = strstr(text, saying);
    char *next = line ? strchr(line, '\n') : NULL;
    if (next)
        memmove(line, next + 1, strlen(next + 1) + 1);
}

struct outcome run_in_child(void (*fn)(void))
{
    struct outcome outcome;
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        fn();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    ssize_t got;
    while ((got = read(ends[0], outcome.text + length, sizeof outcome.text - 1 - length)) > 0)
        length += (size_t)got;
    outcome.text[length] = '\0';
    leave_out_emulator(outcome.text);
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &outcome.status, 0), child);
    return outcome;
}

void expect_exit(const struct outcome *outcome, int code)
{
    ck_assert_msg(WIFEXITED(outcome->status), "it ended with %#x: %s", (unsigned)outcome->status,
                  outcome->text);
    ck_assert_int_eq(WEXITSTATUS(outcome->status), code);
}

void expect_signal(const struct outcome *outcome, int number)
{
    ck_assert_msg(WIFSIGNALED(outcome->status), "it ended with %#x: %s", (unsigned)outcome->status,
                  outcome->text);
    ck_assert_int_eq(WTERMSIG(outcome->status), number);
}

int times_written(const struct outcome *outcome, const char *text)
{
    int times = 0;
    for (const char *at = outcome->text; (at = strstr(at, text)); at += strlen(text))
        times++;
    return times;
}

#if defined(__clang__)
#pragma clang diagnostic ignored "-Winfinite-recursion"
#elif __GNUC__ >= 12
#pragma GCC diagnostic ignored "-Winfinite-recursion"
#endif

static int dive(int depth)
{
    volatile char space[256];
    space[depth % 256] = (char)depth;
    return dive(depth + 1) + space[depth % 256];
}

int overflows(void *arg)
{
    return dive(NUMBER(arg));
}

bool cannot_fault(const char *test)
{
    if (!sanitized() && !under_valgrind())
        return false;
    char why[128];
    snprintf(why, sizeof why, "%s: %s handles the signal itself", test,
             sanitized() ? "the sanitizer" : "Valgrind");
    skip(why);
    return true;
}
