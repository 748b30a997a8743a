/* SPDX-License-Identifier: MIT */
/*
 * A stream over TLS that runs out of memory. The program is linked so that the malloc() of the
 * library, not that of OpenSSL, comes here (-Wl,--wrap=malloc; see the Makefile). OpenSSL is given
 * functions of its own.
 */
#include "support_tls.h"

#include <stdlib.h>

/* NULL where the program was linked without --wrap. */
void *__real_malloc(size_t size) __attribute__((weak));
void *__wrap_malloc(size_t size);

static bool fails;

void *__wrap_malloc(size_t size)
{
    if (!fails)
        return __real_malloc(size);
    errno = ENOMEM;
    return NULL;
}

/* How many bytes, each a record, the socket below takes. */
static int fill_with_records(coro_stream *stream, int most)
{
    int count = 0;
    while (count < most && coro_stream_write(stream, "x", 1) == 0 &&
           coro_stream_get_write_buffer_size(stream) == 0)
        count++;
    return count;
}

/* OpenSSL keeps the record that the socket does not take, and would send it in place of the next.
 */
TASK_TEST(what_was_not_written_is_not_sent)
{
    enum { MOST = 20000 };
    char bytes[MOST];
    struct tls_ends ends = pair_tls();
    const int count = fill_with_records(ends.client, MOST);
    abort_ends(&ends);

    ends = pair_tls();
    ck_assert_int_eq(fill_with_records(ends.client, count), count);
    fails = true;
    const int rc = coro_stream_write(ends.client, "no", 2);
    fails = false;
    ck_assert_int_eq(rc, -ENOMEM);
    ck_assert_int_eq(coro_stream_write(ends.client, "yes", 3), -ENOMEM);
    ck_assert_int_eq(coro_stream_wait_closed(ends.client), -ENOMEM);
    ck_assert_int_eq(coro_stream_readexactly(ends.server, bytes, (size_t)count, NULL), count);
    ck_assert_int_eq(coro_stream_read(ends.server, bytes, 1), -ECONNRESET);
    abort_ends(&ends);
    return 0;
}

/* --- OpenSSL's own ---------------------------------------------------------------------------- */
int CRYPTO_set_mem_functions(void *(*allocate)(size_t size, const char *file, int line),
                             void *(*reallocate)(void *at, size_t size, const char *file, int line),
                             void (*release)(void *at, const char *file, int line))
    __attribute__((weak));

static int left = -1; /* allocations until one fails; below 0: none does */
static coro_task *failed;

static bool is_to_fail(void)
{
    if (left < 0 || left-- > 0)
        return false;
    failed = coro_current_task();
    return true;
}

static void *allocate(size_t size, const char *file, int line)
{
    return is_to_fail() ? NULL : malloc(size);
}

static void *reallocate(void *at, size_t size, const char *file, int line)
{
    return is_to_fail() ? NULL : realloc(at, size);
}

static void release(void *at, const char *file, int line)
{
    free(at);
}

struct end {
    struct tls_start start;
    coro_task *task;
    int rc;
};

static int starts_or_aborts(void *arg)
{
    struct end *end = arg;
    end->rc = starts_tls(&end->start);
    if (end->rc < 0)
        coro_stream_abort(end->start.stream);
    return 0;
}

/* The result of the end for which this allocation fails; 0 where that does no harm. */
static int shake_hands_without(int allocation, coro_tls *client, coro_tls *server)
{
    const struct tls_ends ends = connect_ends();
    struct end pair[] = {{.start = {ends.client, client, "localhost"}},
                         {.start = {ends.server, server, NULL}}};
    int rc = 0;
    failed = NULL;
    left = allocation;
    for (int i = 0; i < 2; i++)
        pair[i].task = spawn(starts_or_aborts, &pair[i]);
    for (int i = 0; i < 2; i++) {
        coro_await(pair[i].task, NULL);
        if (pair[i].task == failed)
            rc = pair[i].rc;
    }
    left = -1;
    ck_assert_ptr_nonnull(failed);
    coro_release(pair[0].task);
    coro_release(pair[1].task);
    abort_ends(&ends);
    return rc;
}

/* It does not say so in all cases itself. */
TASK_TEST(that_openssl_has_no_memory_is_said)
{
    enum { ALLOCATIONS = 90 };
    coro_tls *client = client_tls(), *server = server_tls("server");
    int failures = 0, said = 0;
    for (int i = 0; i < ALLOCATIONS; i++) {
        const int rc = shake_hands_without(i, client, server);
        failures += rc < 0;
        said += rc == -ENOMEM;
    }
    ck_assert_int_gt(failures, ALLOCATIONS / 2);
    ck_assert_int_gt(said, failures * 3 / 4);
    coro_tls_release(client);
    coro_tls_release(server);
    return 0;
}

int main(void)
{
    const TTest *const none[] = {NULL};
    const TTest *const tests[] = {what_was_not_written_is_not_sent,
                                  that_openssl_has_no_memory_is_said, NULL};
    if (CRYPTO_set_mem_functions)
        CRYPTO_set_mem_functions(allocate, reallocate, release);
    return run_tls_suite("tls_memory", have_tls() && __real_malloc ? tests : none);
}
