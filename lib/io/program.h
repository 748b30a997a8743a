/* SPDX-License-Identifier: MIT */
/* Where a program may be. */
#ifndef CORO_IO_PROGRAM_H
#define CORO_IO_PROGRAM_H

/*
 * The files to try for a program, in their order, up to a NULL: the name itself if it is empty or
 * there is a slash in it, else one in each folder of PATH. The environment ("NAME=value" up to a
 * NULL) is the one that the program gets; NULL is this process's. One block, for free(); NULL
 * without memory.
 */
char **coro__program_files(const char *name, const char *const *environment);

#endif
