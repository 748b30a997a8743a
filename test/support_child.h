/* SPDX-License-Identifier: MIT */
/* Tests of what ends a process: it happens in a child. */
#ifndef SUPPORT_CHILD_H
#define SUPPORT_CHILD_H

#include <stdbool.h>

/* What a child did: its stderr and how it ended. */
struct outcome {
    char text[4096];
    int status;
};

/* Calls fn in a child, which exits with 0 where fn returns. */
struct outcome run_in_child(void (*fn)(void));

void expect_exit(const struct outcome *outcome, int code);
void expect_signal(const struct outcome *outcome, int number);

/* How often the child wrote this to stderr. */
int times_written(const struct outcome *outcome, const char *text);

/* A task that uses its stack up. */
int overflows(void *arg);

/* Whether faults are not the program's to handle; says then aloud that the test is skipped. */
bool cannot_fault(const char *test);

#endif
