/* SPDX-License-Identifier: MIT */
#include "coro/group.h"
#include "coro/io.h"
#include "io/process.h"
#include "util/memory.h"

#include <stdlib.h>
#include <unistd.h>

enum { FIRST_ROOM = 4096 };

/* What one of the pipes is to transfer. */
struct part {
    coro_process *process;
    int number;
    /* To the process. */
    const char *input;
    size_t input_size;
    size_t *written;
    /* From it. */
    char **data;
    size_t *size;
    size_t limit;
};

static int feed(void *arg)
{
    const struct part *part = arg;
    ssize_t rc = 0;
    while (rc >= 0 && *part->written < part->input_size) {
        rc = coro_process_pipe(part->process, part->number);
        if (rc >= 0)
            rc = coro_write((int)rc, part->input + *part->written,
                            part->input_size - *part->written);
        if (rc > 0)
            *part->written += (size_t)rc;
    }
    if (rc < 0 && rc != -EPIPE)
        return (int)rc;
    return coro_process_close_pipe(part->process, part->number);
}

/* Room for at least one byte more, and a 0. */
static int make_room(const struct part *part, size_t *room)
{
    if (*part->data && *part->size + 1 < *room)
        return 0;
    const size_t more = *room ? *room : *part->size + FIRST_ROOM;
    char *data = coro__realloc(*part->data, *room + more);
    if (!data)
        return -ENOMEM;
    data[*part->size] = '\0';
    *part->data = data;
    *room += more;
    return 0;
}

/* At the limit: the end of the file is all that may come. */
static int expect_end(int fd)
{
    const int events = coro_poll(fd, POLLIN);
    if (events < 0)
        return events;
    return events & POLLIN ? -EMSGSIZE : 0;
}

/* How many bytes were read; 0 is the end. */
static ssize_t collect_some(const struct part *part, size_t *room)
{
    const int fd = coro_process_pipe(part->process, part->number);
    int rc = fd < 0 ? fd : make_room(part, room);
    if (rc < 0)
        return rc;
    size_t most = *room - 1 - *part->size;
    if (part->limit > 0) {
        if (*part->size >= part->limit)
            return expect_end(fd);
        if (most > part->limit - *part->size)
            most = part->limit - *part->size;
    }
    const ssize_t n = coro_read(fd, *part->data + *part->size, most);
    if (n > 0) {
        *part->size += (size_t)n;
        (*part->data)[*part->size] = '\0';
    }
    return n;
}

static int collect(void *arg)
{
    const struct part *part = arg;
    size_t room = 0;
    ssize_t rc;
    do
        rc = collect_some(part, &room);
    while (rc > 0);
    return rc < 0 ? (int)rc : coro_process_close_pipe(part->process, part->number);
}

/* All at once, one of them by the caller itself. */
static int transfer(struct part parts[], int count)
{
    coro_group group;
    int rc = coro_group_begin(&group);
    for (int i = 1; i < count && rc == 0; i++)
        rc = coro_group_create_task(&group, parts[i].data ? collect : feed, &parts[i]);
    if (rc == 0)
        rc = (parts[0].data ? collect : feed)(&parts[0]);
    return coro_group_end(&group, rc);
}

static int transfer_all(coro_process *process, coro_communication *communication)
{
    const struct part all[CORO__STDIO] = {
        {.process = process,
         .number = STDIN_FILENO,
         .input = communication->input,
         .input_size = communication->input_size,
         .written = &communication->input_written},
        {.process = process,
         .number = STDOUT_FILENO,
         .data = &communication->output,
         .size = &communication->output_size,
         .limit = communication->output_limit},
        {.process = process,
         .number = STDERR_FILENO,
         .data = &communication->error,
         .size = &communication->error_size,
         .limit = communication->error_limit},
    };
    struct part parts[CORO__STDIO];
    int count = 0;
    for (int i = 0; i < CORO__STDIO; i++)
        if (coro_process_pipe(process, i) >= 0)
            parts[count++] = all[i];
    return count > 0 ? transfer(parts, count) : 0;
}

int coro_process_communicate(coro_process *process, coro_communication *communication)
{
    int rc = coro__process_check(process);
    if (rc < 0)
        return rc;
    if (!coro__caller())
        return -EPERM;
    if (!communication || (communication->input_size > 0 && !communication->input))
        return -EINVAL;
    coro__process_retain(process);
    rc = transfer_all(process, communication);
    if (rc == 0)
        rc = coro_process_wait(process, &communication->returncode);
    coro__process_release(process);
    return rc;
}
