/* SPDX-License-Identifier: MIT */
/*
 * Streams under tasks that read, write, drain, close and abort them at random, and are cancelled at
 * random: what is read is what was written, in its order, and all of it where the end was read.
 */
#include "support_process.h"
#include "support_stream.h"

#include <stdlib.h>
#include <unistd.h>

enum { PAIRS = 4, TASKS_AN_END = 2, STEPS = 25, MOST = 60000, SCHEDULES = 300 };
enum { TASKS = PAIRS * 2 * TASKS_AN_END };

/* --- Chance ----------------------------------------------------------------------------------- */
static uint64_t chance;

static unsigned below(unsigned n)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (unsigned)((chance >> 20) % n);
}

/* --- What tasks do ---------------------------------------------------------------------------- */
struct direction {
    size_t written, got;
    bool torn;    /* something of what was written may never arrive */
    bool dropped; /* a line that was too long: the rest is not compared */
};

struct end {
    coro_stream *stream;
    struct direction *out, *in;
    int users;
};

static char bytes[MOST];

static void take(struct end *end, const char *data, ssize_t n)
{
    if (n <= 0)
        return;
    ck_assert(end->in->dropped || filled(data, (size_t)n, end->in->got));
    end->in->got += (size_t)n;
}

static size_t some(void)
{
    return 1 + below(below(3) ? 300 : MOST - 1);
}

static int write_some(struct end *end)
{
    const size_t n = some(), first = below((unsigned)n);
    const struct iovec pieces[] = {{bytes, first}, {NULL, 0}, {bytes + first, n - first}};
    fill(bytes, n, end->out->written);
    const int rc = below(2) ? coro_stream_write(end->stream, bytes, n)
                            : coro_stream_writelines(end->stream, pieces, 3);
    memset(bytes, 0, n);
    if (rc == 0)
        end->out->written += n;
    else
        end->out->torn = true;
    return 0;
}

/* Reads into memory that is this task's alone. */
static ssize_t read_some(struct end *end)
{
    char *data = malloc(MOST);
    const size_t n = some();
    const ssize_t rc = coro_stream_read(end->stream, data, n);
    take(end, data, rc);
    free(data);
    return rc;
}

static ssize_t read_exactly(struct end *end)
{
    char *data = malloc(MOST);
    const size_t n = some();
    size_t partial = 0;
    const ssize_t rc = coro_stream_readexactly(end->stream, data, n, &partial);
    take(end, data, rc == -ENODATA ? (ssize_t)partial : rc);
    free(data);
    return rc == -ENODATA ? 0 : rc;
}

static ssize_t read_line(struct end *end)
{
    char *line;
    const ssize_t n = coro_stream_readline(end->stream, &line);
    take(end, line, n);
    if (n == -EMSGSIZE)
        end->in->dropped = true;
    return n;
}

static ssize_t read_until(struct end *end)
{
    const char separator[] = {pattern(below(5000)), pattern(below(5000))};
    char *data;
    size_t n;
    const int rc = coro_stream_readuntil(end->stream, separator, 1 + below(2), &data, &n);
    take(end, data, rc == 0 || rc == -ENODATA ? (ssize_t)n : 0);
    return rc == 0 ? (ssize_t)n : rc == -ENODATA ? 0 : rc;
}

/* The end comes behind all that the peer has written, if it did not reset the connection. */
static int read_in_some_way(struct end *end)
{
    static ssize_t (*const ways[])(struct end *) = {read_some, read_exactly, read_line, read_until};
    const struct direction *in = end->in;
    const ssize_t rc = ways[below(4)](end);
    if (rc == 0 && coro_stream_at_eof(end->stream) && !coro_stream_is_closing(end->stream))
        ck_assert(in->torn || in->dropped || in->got == in->written);
    return (int)rc;
}

static int close_or_abort(struct end *end)
{
    if (below(8))
        return 0;
    if (below(4))
        return coro_stream_close(end->stream);
    end->out->torn = true;
    return coro_stream_abort(end->stream);
}

static int step(struct end *end)
{
    switch (below(12)) {
    case 0:
    case 1:
    case 2:
        return write_some(end);
    case 3:
    case 4:
    case 5:
    case 6:
        return read_in_some_way(end);
    case 7:
    case 8:
        return coro_stream_drain(end->stream);
    case 9:
        return below(4) ? coro_yield() : coro_stream_write_eof(end->stream);
    case 10:
        return coro_sleep(below(3) * CORO_MILLISECOND);
    default:
        return close_or_abort(end);
    }
}

static int step_in_time(struct end *end)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, below(3) * CORO_MILLISECOND);
    return coro_timeout_end(&scope, step(end));
}

/* The last one gives the stream up, and there may still be something to send. */
static void leave(struct end *end)
{
    if (--end->users == 0)
        coro_stream_release(end->stream);
}

static int acts(void *arg)
{
    struct end *end = arg;
    int rc = 0;
    for (unsigned n = below(STEPS); n > 0 && rc != -ECANCELED; n--)
        rc = below(4) ? step(end) : step_in_time(end);
    if (rc != -ECANCELED && below(3) == 0) {
        coro_stream_close(end->stream);
        rc = coro_stream_wait_closed(end->stream);
    }
    leave(end);
    return rc == -ECANCELED ? rc : 0;
}

/* --- A schedule ------------------------------------------------------------------------------- */
static struct end ends[PAIRS][2];
static struct direction directions[PAIRS][2];
static coro_task *tasks[TASKS];

static void open_pair(int pair)
{
    int fds[2];
    if (below(2))
        make_tcp(fds);
    else
        make_pair(fds);
    for (int i = 0; i < 2; i++) {
        const coro_connection_options options = {.limit = below(2) ? 0 : 1 + below(20000)};
        const int room = 4096 + (int)below(60000);
        struct end *end = &ends[pair][i];
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        directions[pair][i] = (struct direction){0};
        *end = (struct end){
            .out = &directions[pair][i], .in = &directions[pair][1 - i], .users = TASKS_AN_END};
        ck_assert_int_eq(coro_open_stream(&end->stream, fds[i], &options), 0);
        if (below(3) == 0)
            coro_stream_set_write_buffer_limits(end->stream, below(9000), 0);
    }
}

static struct end *end_of_task(int i)
{
    return &ends[i % PAIRS][i / PAIRS % 2];
}

/* Tasks that are cancelled before they begin leave their ends to this one. */
static int schedule(void *arg)
{
    for (int i = 0; i < PAIRS; i++)
        open_pair(i);
    for (int i = 0; i < TASKS; i++)
        tasks[i] = spawn(acts, end_of_task(i));
    for (int i = 0; i < 40; i++) {
        coro_cancel(tasks[below(TASKS)]);
        coro_sleep(below(3) * 100 * CORO_MICROSECOND);
    }
    for (int i = 0; i < TASKS; i++)
        coro_cancel(tasks[i]);
    for (int i = 0; i < TASKS; i++)
        coro_join(tasks[i], NULL);
    for (int i = 0; i < TASKS; i++)
        if (end_of_task(i)->users > 0)
            leave(end_of_task(i));
    return 0;
}

START_TEST(no_byte_is_lost_and_no_fd)
{
    const int before = count_fds();
    for (uint64_t seed = 1; seed <= (uint64_t)many(SCHEDULES); seed++) {
        coro_run_options options = test_options();
        chance = seed * 0x9e3779b97f4a7c15;
        options.seed = below(2) ? seed : 0;
        options.eager_start = below(3) == 0;
        ck_assert_int_eq(coro_run_with(&options, schedule, NULL), 0);
        ck_assert_msg(count_fds() == before, "seed %d leaves fds", (int)seed);
        ck_assert_uint_eq(logged(), 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {no_byte_is_lost_and_no_fd, NULL};
    return run_suite_on_pollers("stream_seeds", tests);
}
