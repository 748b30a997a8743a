/* SPDX-License-Identifier: MIT */
/* For a program that is linked so that the library's syscall() comes to it (--wrap=syscall). */
#ifndef SUPPORT_SYSCALL_H
#define SUPPORT_SYSCALL_H

#include <errno.h>
#include <stdarg.h>

/* The program's: the error that a call is to fail with; 0 if it is to be made. */
static int refusal(long number, const long given[5]);

/* Not weak, here: in a static program that would not fetch it from the C library's archive. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* Of calls with up to five numbers or pointers. */
long __wrap_syscall(long number, ...)
{
    va_list args;
    long given[5];
    va_start(args, number);
    for (int i = 0; i < 5; i++)
        given[i] = va_arg(args, long);
    va_end(args);
    const int error = refusal(number, given);
    if (error) {
        errno = error;
        return -1;
    }
    return __real_syscall(number, given[0], given[1], given[2], given[3], given[4]);
}

#endif
