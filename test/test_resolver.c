/* SPDX-License-Identifier: MIT */
/*
 * Lookups of names. The program is linked so that the library's getaddrinfo, getnameinfo and
 * freeaddrinfo come here (--wrap; see the Makefile): hosts whose names begin with "slow" wait at a
 * gate, others have the code that the test says, and the rest is real.
 */
#include "support_dns.h"
#include "support_threads.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

/* NULL where the program was linked without --wrap. */
#define REAL __attribute__((weak))
int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **result) REAL;
int __real_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                       socklen_t host_size, char *service, socklen_t service_size, int flags) REAL;
void __real_freeaddrinfo(struct addrinfo *found) REAL;
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **result);
int __wrap_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                       socklen_t host_size, char *service, socklen_t service_size, int flags);
void __wrap_freeaddrinfo(struct addrinfo *found);

enum { MOST_THREADS = 8 };

static atomic_bool gate_open;
static atomic_int waiting, begun_in_threads, held; /* held: results that are not freed */
static int code, system_error;                     /* of a host "failing" */
static pthread_t loop_thread;

static void wait_at_the_gate(void)
{
    atomic_fetch_add(&waiting, 1);
    until(&gate_open);
}

static void count_thread(void)
{
    if (!pthread_equal(pthread_self(), loop_thread))
        atomic_fetch_add(&begun_in_threads, 1);
}

static bool is_numeric(const struct addrinfo *hints)
{
    return hints->ai_flags & AI_NUMERICHOST;
}

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **result)
{
    count_thread();
    if (node && !is_numeric(hints) && strcmp(node, "failing") == 0) {
        errno = system_error;
        return code;
    }
    if (node && !is_numeric(hints) && strncmp(node, "slow", 4) == 0) {
        wait_at_the_gate();
        node = "127.0.0.1";
    }
    const int rc = __real_getaddrinfo(node, service, hints, result);
    atomic_fetch_add(&held, rc == 0);
    errno = EXFULL;
    return rc;
}

int __wrap_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                       socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    count_thread();
    if (!(flags & NI_NUMERICHOST)) {
        if (code)
            return code;
        wait_at_the_gate();
        flags |= NI_NUMERICHOST;
    }
    const int rc =
        __real_getnameinfo(address, length, host, host_size, service, service_size, flags);
    errno = EXFULL;
    return rc;
}

void __wrap_freeaddrinfo(struct addrinfo *found)
{
    atomic_fetch_sub(&held, 1);
    __real_freeaddrinfo(found);
}

static bool cannot_work(const char *test)
{
    loop_thread = pthread_self();
    if (__real_getaddrinfo && __real_getnameinfo && __real_freeaddrinfo)
        return false;
    char why[128];
    snprintf(why, sizeof why, "%s: linked without --wrap", test);
    skip(why);
    return true;
}

/* A task test of what needs the functions above. */
#define LOOKUP_TEST(name)                        \
    static int name##_body(void);                \
    TASK_TEST(name)                              \
    {                                            \
        if (cannot_work(#name))                  \
            return 0;                            \
        const int rc = name##_body();            \
        ck_assert_int_eq(atomic_load(&held), 0); \
        return rc;                               \
    }                                            \
    static int name##_body(void)

static void open_gate(void)
{
    atomic_store(&gate_open, true);
}

/* --- Numbers ---------------------------------------------------------------------------------- */
static void expect_found(const char *node, const char *service, const struct addrinfo *hints,
                         const char *text, int port)
{
    struct addrinfo *found;
    ck_assert_int_eq(coro_getaddrinfo(node, service, hints, &found), 0);
    expect_address(found, text, port);
    ck_assert_ptr_null(found->ai_next);
    coro_freeaddrinfo(found);
}

/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_ip_addr
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_service_name
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_ip_addr */
LOOKUP_TEST(numbers_need_no_thread)
{
    struct addrinfo hints = stream_hints(AF_UNSPEC);
    expect_found("127.0.0.1", "80", &hints, "127.0.0.1", 80);
    expect_found("::1", "443", &hints, "::1", 443);
    expect_found("192.0.2.7", NULL, &hints, "192.0.2.7", 0);
    hints = stream_hints(AF_INET);
    expect_found(NULL, "8080", &hints, "127.0.0.1", 8080);
    hints.ai_flags = AI_PASSIVE;
    expect_found(NULL, "8080", &hints, "0.0.0.0", 8080);
    ck_assert_int_eq(atomic_load(&begun_in_threads), 0);
    return 0;
}

LOOKUP_TEST(numbers_are_no_cancellation_point)
{
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    coro_cancel(coro_current_task());
    expect_found("127.0.0.1", "80", &hints, "127.0.0.1", 80);
    ck_assert_int_eq(coro_yield(), -ECANCELED);
    coro_uncancel(coro_current_task());
    return 0;
}

LOOKUP_TEST(without_hints_all_types_are_found)
{
    struct addrinfo *found;
    size_t count = 0;
    ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "80", NULL, &found), 0);
    for (const struct addrinfo *at = found; at; at = at->ai_next)
        count++;
    ck_assert_uint_ge(count, 2);
    coro_freeaddrinfo(found);
    return 0;
}

LOOKUP_TEST(of_the_hints_only_the_documented_ones_count)
{
    char garbage;
    struct addrinfo hints = stream_hints(AF_INET);
    hints.ai_addrlen = 77;
    hints.ai_addr = (void *)&garbage;
    hints.ai_canonname = &garbage;
    hints.ai_next = (void *)&garbage;
    expect_found("127.0.0.1", "80", &hints, "127.0.0.1", 80);
    open_gate();
    expect_found("slow", "80", &hints, "127.0.0.1", 80);
    return 0;
}

static int looks_up_numbers(void *arg)
{
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    expect_found("2001:db8::5", "80", &hints, "2001:db8::5", 80);
    return 0;
}

TASK_TEST(the_smallest_stack_is_enough_for_numbers)
{
    if (sanitized())
        return 0; /* its functions take more */
    const coro_task_options options = {.stack_size = 1};
    return coro_join(coro_create_task_with(&options, looks_up_numbers, NULL), NULL);
}

/* --- Names ------------------------------------------------------------------------------------ */
static void expect_as_plainly(const char *node, const char *service)
{
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    struct addrinfo *found, *plain;
    const int plain_code = getaddrinfo(node, service, &hints, &plain);
    if (plain_code != 0) {
        printf("ok - this machine does not know %s port %s # SKIP\n", node, service);
        return;
    }
    ck_assert_int_eq(coro_getaddrinfo(node, service, &hints, &found), 0);
    expect_same_addresses(found, plain);
    coro_freeaddrinfo(found);
    freeaddrinfo(plain);
}

LOOKUP_TEST(names_are_found_as_plainly)
{
    expect_as_plainly("localhost", "80");
    expect_as_plainly("127.0.0.1", "http");
    return 0;
}

struct request {
    const char *node;
    int rc;
    struct addrinfo *found;
};

static int looks_up(void *arg)
{
    struct request *request = arg;
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    request->rc = coro_getaddrinfo(request->node, "80", &hints, &request->found);
    return request->rc;
}

static coro_task *spawn_lookup(struct request *request, const char *node)
{
    *request = (struct request){.node = node};
    return spawn(looks_up, request);
}

static void join_found(coro_task *task, struct request *request)
{
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_address(request->found, "127.0.0.1", 80);
    coro_freeaddrinfo(request->found);
}

LOOKUP_TEST(other_tasks_run_during_a_lookup)
{
    struct request request;
    coro_task *task = spawn_lookup(&request, "slow.example");
    until_count(&waiting, 1);
    passes(5);
    ck_assert_int_eq(atomic_load(&begun_in_threads), 1);
    ck_assert(!coro_done(task));
    open_gate();
    join_found(task, &request);
    return 0;
}

LOOKUP_TEST(the_names_are_copied)
{
    struct request request;
    char name[] = "slow.example";
    coro_task *task = spawn_lookup(&request, name);
    until_count(&waiting, 1);
    memset(name, 'x', sizeof name - 1);
    open_gate();
    join_found(task, &request);
    return 0;
}

enum { MANY = 30 };

static void look_up_many(struct request requests[MANY], coro_task *tasks[MANY])
{
    for (int i = 0; i < MANY; i++)
        tasks[i] = spawn_lookup(&requests[i], "slow.example");
    until_count(&waiting, MOST_THREADS);
    nap(3); /* for more, which must not come */
    ck_assert_int_eq(atomic_load(&waiting), MOST_THREADS);
}

LOOKUP_TEST(many_at_once_have_a_few_threads)
{
    struct request requests[MANY];
    coro_task *tasks[MANY];
    look_up_many(requests, tasks);
    open_gate();
    for (int i = 0; i < MANY; i++)
        join_found(tasks[i], &requests[i]);
    ck_assert_int_eq(atomic_load(&waiting), MANY);
    return 0;
}

static int reads_its_name(void *name)
{
    return -pthread_getname_np(pthread_self(), name, 16);
}

LOOKUP_TEST(lookups_hold_up_no_other_calls_in_threads)
{
    struct request requests[MANY];
    coro_task *tasks[MANY];
    char name[16];
    look_up_many(requests, tasks);
    ck_assert_int_eq(coro_to_thread(reads_its_name, name), 0);
    ck_assert_str_eq(name, "coro-thread-0");
    open_gate();
    for (int i = 0; i < MANY; i++)
        join_found(tasks[i], &requests[i]);
    return 0;
}

static atomic_bool other_gate_open, at_the_other_gate;

static int waits_at_the_other_gate(void *arg)
{
    atomic_store(&at_the_other_gate, true);
    until(&other_gate_open);
    return 5;
}

static int fills_the_threads(void *arg)
{
    return coro_to_thread(waits_at_the_other_gate, NULL);
}

static int looks_up_with_all_threads_taken(void *arg)
{
    struct request request;
    coro_task *call = spawn(fills_the_threads, NULL);
    while (!atomic_load(&at_the_other_gate))
        coro_yield();
    open_gate();
    join_found(spawn_lookup(&request, "slow.example"), &request);
    ck_assert(!coro_done(call));
    atomic_store(&other_gate_open, true);
    return coro_join(call, NULL);
}

START_TEST(other_calls_in_threads_hold_up_no_lookups)
{
    if (cannot_work("other_calls_in_threads_hold_up_no_lookups"))
        return;
    coro_run_options options = test_options();
    options.threads = 1;
    ck_assert_int_eq(coro_run_with(&options, looks_up_with_all_threads_taken, NULL), 5);
}
END_TEST

/* --- Errors ----------------------------------------------------------------------------------- */
static void expect_failure(int rc, int expected, const char *text)
{
    ck_assert_int_eq(rc, expected);
    ck_assert_str_eq(coro_error_message(coro_current_task()), text);
}

static void expect_code(int given, int expected)
{
    struct addrinfo *found = (void *)&code;
    char text[256];
    snprintf(text, sizeof text, "failing:80: %s", gai_strerror(given));
    code = given;
    expect_failure(coro_getaddrinfo("failing", "80", NULL, &found), expected, text);
    ck_assert_ptr_null(found);
}

/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_no_getaddrinfo
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_server_no_getaddrinfo
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_no_addrinfo */
LOOKUP_TEST(codes_become_errors_with_a_text)
{
    expect_code(EAI_NONAME, -ENOENT);
    expect_code(EAI_NODATA, -ENODATA);
    expect_code(EAI_AGAIN, -EAGAIN);
    expect_code(EAI_FAMILY, -EAFNOSUPPORT);
    expect_code(EAI_ADDRFAMILY, -EAFNOSUPPORT);
    expect_code(EAI_SERVICE, -EPROTONOSUPPORT);
    expect_code(EAI_SOCKTYPE, -ESOCKTNOSUPPORT);
    expect_code(EAI_BADFLAGS, -EINVAL);
    expect_code(EAI_OVERFLOW, -EOVERFLOW);
    expect_code(EAI_MEMORY, -ENOMEM);
    expect_code(EAI_FAIL, -EIO);
    expect_code(-77777, -EIO);
    return 0;
}

LOOKUP_TEST(errors_of_the_system_are_themselves)
{
    struct addrinfo *found;
    code = EAI_SYSTEM;
    system_error = EMFILE;
    expect_failure(coro_getaddrinfo("failing", NULL, NULL, &found), -EMFILE,
                   "failing: Too many open files");
    system_error = 0;
    ck_assert_int_eq(coro_getaddrinfo("failing", NULL, NULL, &found), -EIO);
    return 0;
}

LOOKUP_TEST(real_ones_fail_as_documented)
{
    struct addrinfo *found;
    struct addrinfo hints = stream_hints(AF_INET6);
    ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "80", &hints, &found), -EAFNOSUPPORT);
    hints = stream_hints(12345);
    ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "80", &hints, &found), -EAFNOSUPPORT);
    hints = stream_hints(AF_UNSPEC);
    hints.ai_socktype = 12345;
    ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "80", &hints, &found), -ESOCKTNOSUPPORT);
    hints = stream_hints(AF_UNSPEC);
    hints.ai_flags = 1 << 30;
    ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "80", &hints, &found), -EINVAL);
    hints = stream_hints(AF_UNSPEC);
    hints.ai_flags = AI_NUMERICHOST;
    ck_assert_int_eq(coro_getaddrinfo("localhost", "80", &hints, &found), -ENOENT);
    hints = stream_hints(AF_UNSPEC);
    expect_failure(coro_getaddrinfo("127.0.0.1", "no-such-service", &hints, &found),
                   -EPROTONOSUPPORT,
                   "127.0.0.1:no-such-service: Servname not supported for ai_socktype");
    return 0;
}

LOOKUP_TEST(errno_is_kept)
{
    struct addrinfo *found;
    open_gate();
    errno = EDOM;
    ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "80", NULL, &found), 0);
    coro_freeaddrinfo(found);
    ck_assert_int_eq(coro_getaddrinfo("slow", "80", NULL, &found), 0);
    coro_freeaddrinfo(found);
    code = EAI_FAIL;
    ck_assert_int_eq(coro_getaddrinfo("failing", "80", NULL, &found), -EIO);
    ck_assert_int_eq(errno, EDOM);
    return 0;
}

/* libc takes the rest of a division by 65536. */
TASK_TEST(there_are_ports_up_to_a_number)
{
    struct addrinfo *found;
    ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "65535", NULL, &found), 0);
    coro_freeaddrinfo(found);
    ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "65536", NULL, &found), -EINVAL);
    ck_assert_str_eq(coro_error_message(coro_current_task()), "there is no port 65536");
    ck_assert_ptr_null(found);
    ck_assert_int_eq(coro_getaddrinfo("localhost", "99999999999999999999999999999", NULL, &found),
                     -EINVAL);
    return 0;
}

TASK_TEST(misuse_is_refused)
{
    struct addrinfo *found = (void *)&code;
    struct sockaddr_in address = {.sin_family = AF_INET};
    const struct sockaddr *any = (const struct sockaddr *)&address;
    char host[NI_MAXHOST];
    ck_assert_int_eq(coro_getaddrinfo("localhost", "80", NULL, NULL), -EINVAL);
    ck_assert_int_eq(coro_getaddrinfo(NULL, NULL, NULL, &found), -EINVAL);
    ck_assert_ptr_null(found);
    ck_assert_int_eq(coro_getnameinfo(NULL, sizeof address, host, sizeof host, NULL, 0, 0),
                     -EINVAL);
    ck_assert_int_eq(
        coro_getnameinfo(any, sizeof(struct sockaddr_storage) + 1, host, sizeof host, NULL, 0, 0),
        -EINVAL);
    ck_assert_int_eq(coro_getnameinfo(any, sizeof address, NULL, 1, NULL, 0, 0), -EINVAL);
    ck_assert_int_eq(coro_getnameinfo(any, sizeof address, host, sizeof host, NULL, 1, 0), -EINVAL);
    ck_assert_int_eq(coro_getnameinfo(any, sizeof address, host, 0, host, 0, 0), -EINVAL);
    return 0;
}

START_TEST(outside_a_task_it_is_refused)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct addrinfo *found;
    char host[NI_MAXHOST];
    ck_assert_int_eq(coro_getaddrinfo("127.0.0.1", "80", NULL, &found), -EPERM);
    ck_assert_int_eq(coro_getnameinfo((const struct sockaddr *)&address, sizeof address, host,
                                      sizeof host, NULL, 0, NI_NUMERICHOST),
                     -EPERM);
}
END_TEST

/* --- Cancels ---------------------------------------------------------------------------------- */
static int cancels_a_lookup(void *arg)
{
    struct request request;
    coro_task *task = spawn_lookup(&request, "slow.example");
    until_count(&waiting, 1);
    coro_cancel_with(task, "enough");
    ck_assert_int_eq(coro_await(task, NULL), -ECANCELED);
    ck_assert_str_eq(coro_error_message(task), "enough");
    ck_assert_ptr_null(request.found);
    coro_release(task);
    ck_assert_int_eq(atomic_load(&held), 0);
    open_gate();
    return 0;
}

START_TEST(a_cancel_ends_the_call_and_the_result_is_freed)
{
    if (cannot_work("a_cancel_ends_the_call_and_the_result_is_freed"))
        return;
    ck_assert_int_eq(run_test(cancels_a_lookup, NULL), 0);
    ck_assert_int_eq(atomic_load(&waiting), 1);
    ck_assert_int_eq(atomic_load(&held), 0);
}
END_TEST

LOOKUP_TEST(what_has_not_begun_never_does)
{
    struct request requests[MANY];
    coro_task *tasks[MANY];
    look_up_many(requests, tasks);
    for (int i = MOST_THREADS; i < MANY; i++) {
        coro_cancel(tasks[i]);
        ck_assert_int_eq(coro_join(tasks[i], NULL), -ECANCELED);
    }
    open_gate();
    for (int i = 0; i < MOST_THREADS; i++)
        join_found(tasks[i], &requests[i]);
    ck_assert_int_eq(atomic_load(&waiting), MOST_THREADS);
    return 0;
}

/* The lookup has ended, and the cancel comes before the caller runs again. */
LOOKUP_TEST(a_cancel_that_comes_with_the_result_wins_and_it_is_freed)
{
    struct request request;
    coro_task *task = spawn_lookup(&request, "slow.example");
    until_count(&waiting, 1);
    open_gate();
    while (atomic_load(&held) == 0)
        nap(1);
    nap(2);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    while (atomic_load(&held) > 0)
        coro_yield();
    return 0;
}

LOOKUP_TEST(a_timeout_ends_a_lookup)
{
    coro_timeout scope;
    struct addrinfo *found;
    ck_assert_int_eq(coro_timeout_begin(&scope, 0), 0);
    const int rc = coro_getaddrinfo("slow.example", "80", NULL, &found);
    ck_assert_int_eq(coro_timeout_end(&scope, rc), -ETIMEDOUT);
    open_gate();
    while (atomic_load(&held) > 0 || atomic_load(&waiting) != atomic_load(&begun_in_threads))
        coro_yield();
    return 0;
}

static int looks_up_until_cancelled(void *request)
{
    const int rc = looks_up(request);
    ck_assert_int_eq(atomic_load(&held), 0);
    open_gate();
    return rc;
}

static int leaves_a_lookup(void *request)
{
    coro_release(spawn(looks_up_until_cancelled, request));
    until_count(&waiting, 1);
    return 0;
}

START_TEST(a_lookup_that_is_left_over_is_waited_for)
{
    if (cannot_work("a_lookup_that_is_left_over_is_waited_for"))
        return;
    struct request request = {.node = "slow.example"};
    ck_assert_int_eq(run_test(leaves_a_lookup, &request), 0);
    ck_assert_int_eq(request.rc, -ECANCELED);
    ck_assert_int_eq(atomic_load(&waiting), 1);
    ck_assert_int_eq(atomic_load(&held), 0);
    ck_assert_uint_eq(logged(), 0);
}
END_TEST

/* --- Names of addresses ----------------------------------------------------------------------- */
static struct sockaddr_in address_of(const char *text, unsigned short port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    ck_assert_int_eq(inet_pton(AF_INET, text, &address.sin_addr), 1);
    return address;
}

LOOKUP_TEST(numbers_of_addresses_need_no_thread)
{
    const struct sockaddr_in address = address_of("192.0.2.7", 8080);
    const struct sockaddr *given = (const struct sockaddr *)&address;
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    ck_assert_int_eq(coro_getnameinfo(given, sizeof address, host, sizeof host, service,
                                      sizeof service, NI_NUMERICHOST | NI_NUMERICSERV),
                     0);
    ck_assert_str_eq(host, "192.0.2.7");
    ck_assert_str_eq(service, "8080");
    host[0] = '\0';
    ck_assert_int_eq(
        coro_getnameinfo(given, sizeof address, host, sizeof host, NULL, 0, NI_NUMERICHOST), 0);
    ck_assert_str_eq(host, "192.0.2.7");
    expect_failure(coro_getnameinfo(given, sizeof address, host, 4, NULL, 0, NI_NUMERICHOST),
                   -EOVERFLOW, gai_strerror(EAI_OVERFLOW));
    expect_failure(coro_getnameinfo(given, 1, host, sizeof host, NULL, 0, NI_NUMERICHOST),
                   -EAFNOSUPPORT, gai_strerror(EAI_FAMILY));
    ck_assert_int_eq(atomic_load(&begun_in_threads), 0);
    return 0;
}

struct naming {
    struct sockaddr_in address;
    char host[NI_MAXHOST];
    char service[NI_MAXSERV];
};

static int names(void *arg)
{
    struct naming *naming = arg;
    return coro_getnameinfo((const struct sockaddr *)&naming->address, sizeof naming->address,
                            naming->host, sizeof naming->host, naming->service,
                            sizeof naming->service, NI_NUMERICSERV);
}

/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_getnameinfo */
LOOKUP_TEST(names_of_addresses_are_looked_up_in_a_thread)
{
    struct naming naming = {.address = address_of("192.0.2.7", 80)};
    coro_task *task = spawn(names, &naming);
    until_count(&waiting, 1);
    memset(&naming.address, 0, sizeof naming.address);
    open_gate();
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_str_eq(naming.host, "192.0.2.7");
    ck_assert_str_eq(naming.service, "80");
    ck_assert_int_eq(atomic_load(&begun_in_threads), 1);
    return 0;
}

LOOKUP_TEST(a_service_alone_can_be_asked_for)
{
    const struct sockaddr_in address = address_of("192.0.2.7", 80);
    char service[NI_MAXSERV] = "", plain[NI_MAXSERV] = "";
    const int flags = NI_NUMERICHOST;
    ck_assert_int_eq(coro_getnameinfo((const struct sockaddr *)&address, sizeof address, NULL, 0,
                                      service, sizeof service, flags),
                     0);
    ck_assert_int_eq(__real_getnameinfo((const struct sockaddr *)&address, sizeof address, NULL, 0,
                                        plain, sizeof plain, flags),
                     0);
    ck_assert_str_eq(service, plain);
    ck_assert_int_eq(atomic_load(&begun_in_threads), 1);
    return 0;
}

LOOKUP_TEST(an_address_without_a_name_is_an_error)
{
    struct naming naming = {.address = address_of("192.0.2.7", 80), .host = "before"};
    code = EAI_NONAME;
    expect_failure(names(&naming), -ENOENT, gai_strerror(EAI_NONAME));
    ck_assert_str_eq(naming.host, "before");
    return 0;
}

LOOKUP_TEST(a_cancelled_call_leaves_the_buffers_alone)
{
    struct naming naming = {.address = address_of("192.0.2.7", 80), .host = "mine"};
    coro_task *task = spawn(names, &naming);
    until_count(&waiting, 1);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    open_gate();
    nap(3);
    passes(3);
    ck_assert_str_eq(naming.host, "mine");
    ck_assert_str_eq(naming.service, "");
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        numbers_need_no_thread,
        numbers_are_no_cancellation_point,
        without_hints_all_types_are_found,
        of_the_hints_only_the_documented_ones_count,
        the_smallest_stack_is_enough_for_numbers,
        names_are_found_as_plainly,
        other_tasks_run_during_a_lookup,
        the_names_are_copied,
        many_at_once_have_a_few_threads,
        lookups_hold_up_no_other_calls_in_threads,
        other_calls_in_threads_hold_up_no_lookups,
        codes_become_errors_with_a_text,
        errors_of_the_system_are_themselves,
        real_ones_fail_as_documented,
        errno_is_kept,
        there_are_ports_up_to_a_number,
        misuse_is_refused,
        outside_a_task_it_is_refused,
        a_cancel_ends_the_call_and_the_result_is_freed,
        what_has_not_begun_never_does,
        a_cancel_that_comes_with_the_result_wins_and_it_is_freed,
        a_timeout_ends_a_lookup,
        a_lookup_that_is_left_over_is_waited_for,
        numbers_of_addresses_need_no_thread,
        names_of_addresses_are_looked_up_in_a_thread,
        a_service_alone_can_be_asked_for,
        an_address_without_a_name_is_an_error,
        a_cancelled_call_leaves_the_buffers_alone,
        NULL,
    };
    return run_suite("resolver", tests);
}
