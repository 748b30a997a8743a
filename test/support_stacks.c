/* SPDX-License-Identifier: MIT */
#include "support_stacks.h"
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct coro__stacks stacks;
static struct coro__log log_hook = {.fn = record_log};

static void entry(void)
{
    coro__context_entered();
    abort();
}

void set_up_stacks(void)
{
    coro__stacks_init(&stacks, entry, &log_hook);
}

struct coro__stack *get_stack(size_t size)
{
    struct coro__stack *stack = coro__stack_get(&stacks, size);
    ck_assert_ptr_nonnull(stack);
    return stack;
}

bool writing_kills(char *address)
{
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        *(volatile char *)address = 1;
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
}
