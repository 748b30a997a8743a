/* SPDX-License-Identifier: MIT */
/* What the suites of lib/io share: pairs of fds, and each test once for each poller. */
#ifndef SUPPORT_IO_H
#define SUPPORT_IO_H

#include "support.h"

#include <sys/socket.h>

bool have_poller(const char *name);

/* Whether CORO_POLLER chooses that. */
bool on_io_uring(void);

/* run_suite() for each poller that there is, which CORO_POLLER chooses; under Valgrind not on poll.
 */
int run_suite_on_pollers(const char *name, const TTest *const tests[]);

/* The two ends, blocking, as a program makes them; of a pipe the first is for reading. */
void make_pair(int fds[2]);
void make_pipe(int fds[2]);
void close_both(const int fds[2]);

/* A pipe for 1 MiB; and how many bytes are in one. */
enum { LARGE_PIPE = 1024 * 1024 };
void make_large_pipe(int fds[2]);
size_t pipe_size(int fd);

/* The lowest number that is free. */
int next_fd(void);

/* A connection over the loopback, its ends made by the library. By a task. */
void make_tcp(int fds[2]);

/* A listening socket there, and its address. */
int listen_tcp(struct sockaddr_storage *address, socklen_t *size);

/* A file that has no name, with n bytes of the pattern below. */
int make_file(size_t n);

/* Where its own offset is. */
off_t place_of(int file);

/* The byte of the pattern at a place. */
char pattern(size_t at);
void fill(char *buffer, size_t n, size_t from);
bool filled(const char *buffer, size_t n, size_t from);

/* Writes until it would block; returns how many bytes that was. */
size_t fill_up(int fd);

/* Takes all that can be read; returns how many bytes that was. */
size_t drain(int fd);

/* Has the loop look at the fds that are waited for. Whoever it wakes runs after the caller. */
void let_loop_look(void);

/* coro_recv(), which must not wait. */
ssize_t receive_at_once(int fd, void *buffer, size_t n, int flags);

/* --- Tasks for tests -------------------------------------------------------------------------- */
int reads_one(void *fd);  /* the byte, 1000 for the end of the file, or an error */
int writes_one(void *fd); /* "y" */
int closes(void *fd);     /* after two passes */

/* Has the main task of a run wait in real time, on the system's clock. */
int run_in_real_time(coro_fn *fn);

#endif
