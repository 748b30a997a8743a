/* SPDX-License-Identifier: MIT */
/*
 * Starting a program in a child, from a process that may have other threads.
 *
 * The child shares the memory of the parent, which stands still, until it has become the program
 * (vfork). So all is prepared by the parent, no signal can come in, and the child makes system
 * calls only. What goes wrong there comes back through a pipe that closes when the program starts.
 */
#ifndef CORO_IO_SPAWN_H
#define CORO_IO_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { CORO__STDIO = 3 };

struct coro__spawn {
    char *const *files; /* to try, up to a NULL */
    char *const *argv;
    char *const *environment;
    const char *directory;  /* NULL is the parent's */
    int stdio[CORO__STDIO]; /* the fd to be each; -1 leaves it as it is */
    const int *pass_fds;
    size_t pass_fds_count;
    bool new_session;
    pid_t group; /* to join: 0 is the parent's, -1 one of its own */
    bool keep_signals;
};

/* What could not be done. */
enum coro__spawn_step {
    CORO__SPAWN_START, /* the child itself, or its pipe */
    CORO__SPAWN_GROUP,
    CORO__SPAWN_FDS,
    CORO__SPAWN_DIRECTORY,
    CORO__SPAWN_EXEC,
};

/* Returns the child's process ID; or a negative errno, with *failed, and there is no child. */
pid_t coro__spawn(const struct coro__spawn *spawn, enum coro__spawn_step *failed);

/* Has an fd of the library's be none of stdin, stdout, stderr, where these were closed. Returns it,
 * or a negative errno, and then it is closed. */
int coro__above_stdio(int fd);

#endif
