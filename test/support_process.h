/* SPDX-License-Identifier: MIT */
/* What the suites of processes share: short ways to start them, and what must be left after them.
 */
#ifndef SUPPORT_PROCESS_H
#define SUPPORT_PROCESS_H

#include "support_io.h"

/* A process that must start: of a program and its argument, or of a shell command. */
coro_process *execute(const char *program, const char *argument,
                      const coro_process_options *options);
coro_process *shell(const char *command, const coro_process_options *options);

/* Waits for its end, and closes it. */
int end_of(coro_process *process);

/* What such a shell command ends with. */
int run_shell(const char *command, const coro_process_options *options);

/* Reads from its stdout to the end; the text is valid until the next call. */
const char *read_output(coro_process *process);

/* The whole stdout of a shell command that must succeed. */
const char *output_of(const char *command, const coro_process_options *options);

/* How many fds this process has open. */
int count_fds(void);

/* No child is left, be it a zombie. */
void expect_no_children(void);

/* Lets real time go by until the child of this process, which nobody waits for, is no zombie any
 * more. */
void let_loop_reap(const coro_process *process);

#endif
