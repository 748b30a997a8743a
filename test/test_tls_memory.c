/* SPDX-License-Identifier: MIT */
/*
 * A stream over TLS that runs out of memory. The program is linked so that the malloc() of the
 * library, not that of OpenSSL, comes here (-Wl,--wrap=malloc; see the Makefile).
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

int main(void)
{
    const TTest *const none[] = {NULL};
    const TTest *const tests[] = {what_was_not_written_is_not_sent, NULL};
    return run_tls_suite("tls_memory", have_tls() && __real_malloc ? tests : none);
}
