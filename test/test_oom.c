/* SPDX-License-Identifier: MIT */
/*
 * Out of memory at every allocation of a scenario, one after another: nothing crashes, nothing is
 * lost, and every call either does what it is for or says -ENOMEM.
 *
 * The program is linked so that the allocating calls of the library come here (-Wl,--wrap=malloc
 * and so on; see the Makefile).
 */
#include "support_io.h"

#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* NULL where the program was linked without --wrap. */
#define REAL __attribute__((weak))
void *__real_malloc(size_t size) REAL;
void *__real_calloc(size_t count, size_t size) REAL;
void *__real_realloc(void *block, size_t size) REAL;
void *__real_aligned_alloc(size_t alignment, size_t size) REAL;
char *__real_strdup(const char *text) REAL;
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) REAL;
void __real_free(void *block) REAL;
int __real_munmap(void *at, size_t size) REAL;

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void __wrap_free(void *block);
int __wrap_munmap(void *at, size_t size);

static bool armed;      /* between the beginning and the end of a run */
static bool for_good;   /* all that follow fail as well */
static size_t attempts; /* so far */
static size_t fail_at;  /* the attempt that fails; 0 is none */
static size_t failures;
static long alive; /* blocks and mappings */

static bool fails_now(void)
{
    if (!armed)
        return false;
    attempts++;
    if (fail_at == 0 || (for_good ? attempts < fail_at : attempts != fail_at))
        return false;
    failures++;
    errno = ENOMEM;
    return true;
}

static void *count(void *block)
{
    alive += armed && block;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size)
{
    return fails_now() ? NULL : count(__real_calloc(number, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (fails_now())
        return NULL;
    void *moved = __real_realloc(block, size);
    return block ? moved : count(moved);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : count(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *text)
{
    return fails_now() ? NULL : count(__real_strdup(text));
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (fails_now())
        return MAP_FAILED;
    void *memory = __real_mmap(at, size, protection, flags, fd, offset);
    alive += armed && memory != MAP_FAILED;
    return memory;
}

void __wrap_free(void *block)
{
    alive -= armed && block;
    __real_free(block);
}

int __wrap_munmap(void *at, size_t size)
{
    alive -= armed;
    return __real_munmap(at, size);
}

/* --- The scenario ----------------------------------------------------------------------------- */
/* libcheck allocates too: what is checked here comes to it only when it does not hold. */
static void must(bool holds, const char *what, int rc)
{
    if (holds)
        return;
    armed = false;
    ck_abort_msg("attempt %zu: %s: %d", fail_at, what, rc);
}

/* Whether a call did what it is for; else it must have been for want of memory. */
static bool did(int rc, int expected)
{
    must(rc == expected || rc == -ENOMEM, "neither the expected result nor -ENOMEM", rc);
    return rc == expected;
}

static void ignore(void *arg, const coro_log_record *record)
{
}

static void count_end(coro_task *task, void *ends)
{
    ++*(int *)ends;
}

static int fails_with_text(void *arg)
{
    const int *number = arg;
    const int rc = coro_yield();
    return rc < 0 ? rc : coro_fail(-EIO, "number %d", *number);
}

static void create_and_name(void)
{
    int number = 7, ends = 0, expected_ends = 0;
    const coro_task_options options = {
        .name = "named", .stack_size = 64 * 1024, .arg_size = sizeof number, .fp_env = true};
    coro_task *task = coro_create_task_with(&options, fails_with_text, &number);
    if (task)
        expected_ends = did(coro_add_done_callback(task, count_end, &ends), 0);
    if (did(coro_await(task, NULL), -EIO))
        must(coro_error_message(task) != NULL, "no error message", 0);
    must(ends == expected_ends, "callbacks run", ends);
    if (task)
        did(coro_set_name(task, "renamed"), 0);
    must(coro_get_name(coro_current_task()) != NULL, "no name", 0);
    coro_release(task);
}

static void start_eagerly(void)
{
    const coro_task_options options = {.eager_start = true};
    did(coro_join(coro_create_task_with(&options, yields_and_returns, ARG(3)), NULL), 3);
}

enum { MANY = 150 };

static void sleep_together(void)
{
    coro_task *tasks[MANY];
    for (int i = 0; i < MANY; i++)
        tasks[i] = coro_create_task(sleeps, ARG(i % 7));
    did(coro_gather(tasks, MANY, 0), 0);
    did(coro_gather(tasks, MANY, CORO_RETURN_EXCEPTIONS), 0);
    for (int i = 0; i < MANY; i++)
        coro_release(tasks[i]);
}

static void wait_for_some(void)
{
    coro_task *tasks[6];
    for (int i = 0; i < 6; i++)
        tasks[i] = coro_create_task(i ? sleeps : forever, ARG(i * 1000));
    const int done = coro_wait(tasks, 6, CORO_ALL_COMPLETED, 2 * CORO_SECOND);
    must(done == -ENOMEM || (done >= 1 && done <= 6), "how many are done", done);
    did(coro_wait_for(tasks[0], CORO_SECOND, NULL), -ETIMEDOUT);
    did(coro_wait_for(tasks[5], 0, NULL), -ETIMEDOUT);
    for (int i = 0; i < 6; i++) {
        if (tasks[i])
            coro_cancel_with(tasks[i], "no longer needed");
        coro_release(tasks[i]);
    }
}

static int sets_error(void *future)
{
    return coro_set_error((coro_future *)future, -EPIPE, "broken by %s", "design");
}

static void settle_future(void)
{
    coro_future *future = coro_create_future();
    coro_task *task = coro_create_task(sets_error, future);
    if (future && task) {
        const int rc = coro_await(future, NULL);
        must(rc == -EPIPE, "the error of the future", rc);
    }
    coro_await(task, NULL);
    coro_release(task);
    coro_release(future);
}

static void limit_time(void)
{
    coro_timeout scope;
    coro_task *task = coro_create_task(sleeps, ARG(3000));
    const bool active = did(coro_timeout_begin(&scope, CORO_SECOND), 0);
    int rc = active ? coro_shield(task, NULL) : 0;
    rc = coro_timeout_end(&scope, rc);
    did(rc, active ? -ETIMEDOUT : 0);
    const int end = coro_join(task, NULL);
    did(end, 0);

    if (did(coro_timeout_begin(&scope, CORO_FOREVER), 0)) {
        rc = coro_timeout_reschedule(&scope, coro_now() + CORO_SECOND);
        did(rc, 0);
        rc = coro_timeout_end(&scope, rc == 0 ? coro_sleep(CORO_FOREVER) : 0);
        must(rc == -ETIMEDOUT || rc == 0, "the rescheduled scope", rc);
    }
}

static void group_tasks(void)
{
    coro_group group;
    coro_group_error errors[3];
    int rc = coro_group_begin(&group);
    const bool active = did(rc, 0);
    int failing = 0;
    for (int i = 0; active && i < 3; i++)
        failing +=
            did(coro_group_create_task(&group, returns, ARG(i == 1 ? -EIO : 0)), 0) && i == 1;
    rc = coro_group_end(&group, 0);
    must(rc == 0 || rc == -ENOMEM || (failing && rc == -EIO), "the end of the group", rc);
    if (rc < 0 && active)
        must(coro_group_errors(&group, errors, 3) >= 1, "no error of the group", rc);
}

static void hand_out_completed(void)
{
    coro_task *tasks[6];
    coro_completed completed;
    for (int i = 0; i < 6; i++)
        tasks[i] = coro_create_task(sleeps, ARG(i));
    if (did(coro_completed_begin(&completed, tasks, 6, CORO_SECOND), 0)) {
        coro_task *task;
        int count = 0;
        while (coro_completed_next(&completed, &task) == 1)
            count++;
        must(count >= 1 && count <= 6, "how many were handed out", count);
        coro_completed_end(&completed);
    }
    for (int i = 0; i < 6; i++)
        coro_join(tasks[i], NULL);
}

static const coro_local local = CORO_LOCAL_INITIALIZER(NULL);

static void add_one(void *sum)
{
    ++*(int *)sum;
}

static void call_back(void)
{
    int sum = 0, expected = 0;
    coro_handle handle;
    const bool set = did(coro_local_set(&local, &sum, NULL), 0);
    must(coro_local_get(&local) == (set ? &sum : NULL), "the local", set);
    expected += did(coro_call_soon(add_one, &sum, NULL), 0);
    expected += did(coro_call_later(CORO_SECOND, add_one, &sum, NULL), 0);
    expected += did(coro_call_soon_threadsafe(coro_current_loop(), add_one, &sum), 0);
    if (did(coro_call_later(CORO_SECOND, add_one, &sum, &handle), 0))
        must(coro_handle_cancel(&handle), "cancel", 0);
    if (did(coro_sleep(2 * CORO_SECOND), 0))
        must(sum == expected, "calls", sum);
    while (sum < expected)
        did(coro_sleep(CORO_MILLISECOND), 0);
}

static int gets_three(void *arg)
{
    coro_queue *queue = arg;
    for (int i = 0; i < 3; i++) {
        const int rc = coro_queue_get(queue, NULL);
        if (rc < 0)
            return rc;
        coro_queue_task_done(queue);
    }
    return 0;
}

static void queue_up(void)
{
    int items[40];
    coro_queue *queue = coro_queue_create(NULL);
    coro_task *getter = queue ? coro_create_task(gets_three, queue) : NULL;
    size_t count = 0;
    for (int i = 0; queue && i < 40; i++)
        count += did(coro_queue_put_nowait(queue, &items[i]), 0);
    if (getter && count >= 3) {
        did(coro_await(getter, NULL), 0);
        count -= 3;
    }
    must(!queue || !getter || count < 3 || coro_queue_size(queue) == count, "items", (int)count);
    if (getter)
        coro_cancel(getter);
    coro_join(getter, NULL);
    coro_queue_destroy(queue);
}

static void select_first(void)
{
    coro_event event = CORO_EVENT_INITIALIZER;
    coro_queue *queues[7];
    coro_clause clauses[8] = {coro_clause_set(&event)};
    for (int i = 0; i < 7; i++) {
        queues[i] = coro_queue_create(NULL);
        clauses[i + 1] = coro_clause_get(queues[i]);
    }
    const int rc = coro_select(clauses, 8, CORO_SECOND);
    must(rc == -ETIMEDOUT || rc == -ENOMEM || (rc >= 0 && clauses[rc].status == -ENOMEM), "select",
         rc);
    for (int i = 0; i < 7; i++)
        coro_queue_destroy(queues[i]);
}

static void use_threads(void)
{
    const coro_thread_options options = {.arg_size = sizeof(int)};
    int rc = coro_to_thread(returns, ARG(3));
    must(rc == 3 || rc == -ENOMEM || rc == -EAGAIN, "to_thread", rc);
    rc = coro_to_thread_with(&options, returns, &rc);
    coro_loop *loop = coro_loop_retain(coro_current_loop());
    coro_concurrent_future *concurrent = coro_run_coroutine_threadsafe(loop, returns, ARG(4));
    coro_future *future = coro_wrap_future(concurrent);
    did(coro_join(future, NULL), 4);
    coro_concurrent_release(concurrent);
    coro_loop_release(loop);
}

static int fds[2];

static int reads_a_byte(void *arg)
{
    char byte;
    return (int)coro_read(fds[0], &byte, 1);
}

static void use_fds(void)
{
    char byte;
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair", 0);
    coro_task *reader = coro_create_task(reads_a_byte, NULL);
    coro_yield();
    if (!did((int)coro_write(fds[1], "x", 1), 1))
        must(write(fds[1], "x", 1) == 1, "write", 0);
    if (!did(coro_join(reader, NULL), 1))
        must(read(fds[0], &byte, 1) == 1, "read", 0);
    did(coro_poll(fds[0], POLLOUT), POLLOUT);
    const int fd = coro_socket(AF_INET, SOCK_STREAM, 0);
    must(fd >= 0, "socket", fd);
    coro_close(fd);
    coro_close(fds[0]);
    coro_close(fds[1]);
}

static void look_up_names(void)
{
    struct addrinfo *found;
    if (did(coro_getaddrinfo("127.0.0.1", "80", NULL, &found), 0))
        coro_freeaddrinfo(found);
    const int rc = coro_getaddrinfo("127.0.0.1", "http", NULL, &found);
    must(rc == 0 || rc == -ENOMEM || rc == -EAGAIN || rc == -EPROTONOSUPPORT, "a lookup", rc);
    if (rc == 0)
        coro_freeaddrinfo(found);
}

static void use_files(void)
{
    void *data;
    size_t size;
    int rc = coro_open("/dev/null", O_RDWR, 0);
    must(rc >= 0 || rc == -ENOMEM || rc == -EAGAIN, "open", rc);
    if (rc >= 0)
        close(rc);
    rc = coro_read_file("/dev/null", &data, &size);
    must(rc == 0 || rc == -ENOMEM || rc == -EAGAIN, "read_file", rc);
    if (rc == 0)
        free(data);
}

static void wait_for_signals(void)
{
    static const int numbers[] = {SIGUSR1, SIGUSR2};
    coro_signal signals;
    if (!did(coro_signal_begin(&signals, numbers, 2), 0))
        return;
    raise(SIGUSR2);
    must(coro_signal_wait(&signals) == SIGUSR2, "the signal", 0);
    coro_signal_end(&signals);
}

static int scenario(void *arg)
{
    static void (*const steps[])(void) = {
        create_and_name, start_eagerly, sleep_together,   wait_for_some,
        settle_future,   limit_time,    group_tasks,      hand_out_completed,
        call_back,       queue_up,      select_first,     use_threads,
        look_up_names,   use_files,     wait_for_signals, use_fds,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        errno = 99;
        steps[i]();
        must(errno == 99, "errno after step", (int)i);
    }
    coro_release(coro_create_task(fails_with_text, &(int){1})); /* left over, and not read */
    return 5;
}

/* One of its own, because it takes its time. */
static int scenario_of_a_process(void *arg)
{
    const char *const argv[] = {"cat", NULL};
    const coro_process_options options = {
        .in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE, .err = CORO_STDIO_PIPE};
    coro_communication c = {.input = "text", .input_size = 4};
    coro_process *process;
    errno = 99;
    const int rc = coro_create_subprocess_exec(&process, argv, &options);
    if (rc == -EAGAIN || !did(rc, 0)) /* the thread that does for a pidfd could not be started */
        return 5;
    did(coro_process_communicate(process, &c), 0);
    must(coro_process_close(process) == 0, "close", 0);
    free(c.output);
    free(c.error);
    must(errno == 99, "errno", errno);
    return 5;
}

/* --- Streams and servers ---------------------------------------------------------------------- */
enum { MUCH = 400000, TRIES = 3 };

static char sent[MUCH], received[MUCH];

/* A read that had no memory has taken nothing: it is made again. Who gives up tells the writer. */
static int reads_all(void *stream)
{
    size_t got = 0;
    int tries = 0;
    while (got < MUCH && tries < TRIES) {
        const size_t n = got < MUCH / 2 ? 1000 : MUCH - got; /* through the buffer, or past it */
        const ssize_t rc = coro_stream_read((coro_stream *)stream, received + got, n);
        if (rc == -ENOMEM)
            tries++;
        else if (rc > 0)
            got += (size_t)rc;
        else
            break;
    }
    must(memcmp(sent, received, got) == 0, "what was read", (int)got);
    if (got < MUCH)
        coro_stream_abort((coro_stream *)stream);
    return (int)got;
}

/* A write that had no memory has sent nothing, or loses the connection. */
static bool write_all(coro_stream *stream)
{
    int rc = -ENOMEM;
    for (int i = 0; i < TRIES && rc == -ENOMEM && !coro_stream_is_closing(stream); i++)
        rc = coro_stream_write(stream, sent, MUCH);
    must(rc == 0 || failures > 0, "write", rc);
    return rc == 0;
}

static void exchange(coro_stream *streams[2])
{
    coro_task *reader = coro_create_task(reads_all, streams[1]);
    if (!reader)
        coro_stream_abort(streams[1]);
    const bool written = write_all(streams[0]);
    const int rc = coro_stream_drain(streams[0]);
    coro_stream_close(streams[0]);
    const int rc_of_close = coro_stream_wait_closed(streams[0]);
    const int got = coro_join(reader, NULL);
    const bool complete = written && got == MUCH;
    must(complete || failures > 0, "the bytes", got);
    must(!complete || (rc == 0 && rc_of_close == 0) || failures > 0, "the end", rc);
    must(complete || !written || for_good || got == -ENOMEM, "what one failure loses", got);
}

static void use_streams(void)
{
    coro_stream *streams[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair", 0);
    for (int i = 0; i < 2; i++)
        if (!did(coro_open_stream(&streams[i], fds[i], NULL), 0))
            close(fds[i]);
    if (streams[0] && streams[1])
        exchange(streams);
    coro_stream_release(streams[0]);
    coro_stream_release(streams[1]);
}

static int answers(coro_stream *stream, void *arg)
{
    char *line;
    const ssize_t n = coro_stream_readline(stream, &line);
    return n < 0 ? (int)n : coro_stream_write(stream, line, (size_t)n);
}

/* It is answered, or the server had no memory for it, and may have been closed by that. */
static int asks(void *port)
{
    const coro_connection_options options = {.happy_eyeballs_delay = CORO_SECOND,
                                             .local_host = "127.0.0.1"};
    coro_stream *stream;
    char *line;
    ssize_t rc = coro_open_connection(&stream, "127.0.0.1", (const char *)port, &options);
    if (rc == 0)
        rc = coro_stream_write(stream, "line\n", 5);
    if (rc == 0)
        rc = coro_stream_readline(stream, &line);
    must(rc == 5 || failures > 0, "the answer", (int)rc);
    coro_stream_release(stream);
    return 0;
}

static void use_servers(void)
{
    coro_server *server;
    char port[8];
    if (!did(coro_start_server(&server, "127.0.0.1", NULL, answers, NULL, NULL), 0))
        return;
    snprintf(port, sizeof port, "%d", coro_server_port(server));
    coro_task *clients[] = {coro_create_task(asks, port), coro_create_task(asks, port)};
    for (int i = 0; i < 2; i++)
        did(coro_join(coro_create_task(asks, port), NULL), 0);
    for (int i = 0; i < 2; i++)
        did(coro_join(clients[i], NULL), 0);
    coro_server_close(server);
    must(coro_server_wait_closed(server) == 0, "wait_closed", 0);
    coro_server_destroy(server);
}

static int scenario_of_streams(void *arg)
{
    errno = 99;
    use_streams();
    use_servers();
    must(errno == 99, "errno", errno);
    return 5;
}

static int (*chosen)(void *arg);

/* Runs the scenario with this attempt failing; false if it did not come to that. */
static bool survive(size_t attempt)
{
    const coro_run_options options = {.virtual_clock = true, .log = ignore};
    attempts = failures = 0;
    fail_at = attempt;
    alive = 0;
    armed = true;
    const int rc = coro_run_with(&options, chosen, NULL);
    armed = false;
    ck_assert_msg(rc == 5 || rc == -ENOMEM, "attempt %zu: the run returned %d", attempt, rc);
    /* Known only if what is given back comes here too. */
    if (__real_free && __real_munmap)
        ck_assert_msg(alive == 0, "attempt %zu: %ld blocks were lost", attempt, alive);
    return failures > 0;
}

static bool cannot_work(const char *test)
{
    if (__real_malloc && __real_calloc && __real_realloc && __real_aligned_alloc && __real_strdup &&
        __real_mmap)
        return false;
    skip(test);
    return true;
}

static void survive_each(int (*fn)(void *arg), size_t least, bool all_that_follow)
{
    chosen = fn;
    for_good = all_that_follow;
    ck_assert(!survive(0));
    const size_t all = attempts;
    ck_assert_uint_gt(all, least);
    size_t attempt = 1;
    while (survive(attempt))
        attempt++;
    ck_assert_uint_gt(attempt, least);
}

START_TEST(each_allocation_may_fail)
{
    if (!cannot_work("each_allocation_may_fail: linked without --wrap"))
        survive_each(scenario, 30, false);
}
END_TEST

START_TEST(memory_may_run_out_for_good)
{
    if (!cannot_work("memory_may_run_out_for_good: linked without --wrap"))
        survive_each(scenario, 30, true);
}
END_TEST

START_TEST(each_allocation_for_a_process_may_fail)
{
    if (!cannot_work("each_allocation_for_a_process_may_fail: linked without --wrap"))
        survive_each(scenario_of_a_process, 15, false);
}
END_TEST

START_TEST(each_allocation_for_streams_may_fail)
{
    for (size_t i = 0; i < MUCH; i++)
        sent[i] = pattern(i);
    if (!cannot_work("each_allocation_for_streams_may_fail: linked without --wrap"))
        for (int all_that_follow = 0; all_that_follow < 2; all_that_follow++)
            survive_each(scenario_of_streams, 20, all_that_follow);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_allocation_may_fail,
        memory_may_run_out_for_good,
        each_allocation_for_a_process_may_fail,
        each_allocation_for_streams_may_fail,
        NULL,
    };
    const int rc = run_suite("oom", tests);
    if (!have_poller("io_uring"))
        return rc;
    setenv("CORO_POLLER", "io_uring", 1);
    return rc | run_suite("oom (io_uring)", tests);
}
