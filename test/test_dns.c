/* SPDX-License-Identifier: MIT */
/*
 * Names that the library asks a server for, with c-ares. The program is linked so that what the
 * library calls comes here (--wrap; see the Makefile): its connections to name servers go to the
 * test's own, and it reads the test's nsswitch.conf. Time is real: on the virtual clock names are
 * looked up in threads.
 */
#include "support_dns.h"
#include "support_io.h"
#include "support_process.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* NULL in a library without c-ares. */
int ares_init_options(void **channel, void *options, int mask) __attribute__((weak));

/* NULL where the program was linked without --wrap. */
#define REAL __attribute__((weak))
int __real_connect(int fd, const struct sockaddr *address, socklen_t size) REAL;
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags) REAL;
FILE *__real_fopen(const char *path, const char *mode) REAL;
void *__real_coro__calloc(size_t count, size_t size) REAL;
char *__real_coro__strdup(const char *text) REAL;
int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **result) REAL;
int __real_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                       socklen_t host_size, char *service, socklen_t service_size, int flags) REAL;
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
FILE *__wrap_fopen(const char *path, const char *mode);
void *__wrap_coro__calloc(size_t count, size_t size);
char *__wrap_coro__strdup(const char *text);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **result);
int __wrap_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                       socklen_t host_size, char *service, socklen_t service_size, int flags);

/* nsswitch.conf, resolv.conf and gai.conf as the library, but not c-ares, reads them; NULL: there
 * is none. */
static const char *sources, *resolver, *ranks;
static in_port_t server_port;
static struct sockaddr_in wanted_server; /* that was to be asked */
static pthread_t loop_thread;
static atomic_int in_threads; /* lookups that libc made there: of nothing */

static struct sockaddr_in loopback(void)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = server_port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    const struct sockaddr_in *given = (const void *)address, own = loopback();
    if (given->sin_family != AF_INET || given->sin_port != htons(53))
        return __real_connect(fd, address, size);
    wanted_server = *given;
    return __real_connect(fd, (const struct sockaddr *)&own, sizeof own);
}

/* c-ares takes answers from whom it has asked alone. */
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    const ssize_t n = __real_recvmsg(fd, message, flags);
    struct sockaddr_in *from = message->msg_name;
    if (n > 0 && from && from->sin_port == server_port)
        *from = wanted_server;
    return n;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    const bool is_sources = strcmp(path, "/etc/nsswitch.conf") == 0;
    const bool is_resolver = strcmp(path, "/etc/resolv.conf") == 0;
    const char *text = is_sources ? sources : is_resolver ? resolver : ranks;
    if (!is_sources && !is_resolver && strcmp(path, "/etc/gai.conf") != 0)
        return __real_fopen(path, mode);
    if (text)
        return fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    errno = ENOENT;
    return NULL;
}

static int allocations, fail_at; /* the library's; the first is 1 */

static bool is_to_fail(void)
{
    return ++allocations == fail_at;
}

void *__wrap_coro__calloc(size_t count, size_t size)
{
    return is_to_fail() ? NULL : __real_coro__calloc(count, size);
}

char *__wrap_coro__strdup(const char *text)
{
    return is_to_fail() ? NULL : __real_coro__strdup(text);
}

static bool in_a_thread(void)
{
    const bool elsewhere = !pthread_equal(pthread_self(), loop_thread);
    atomic_fetch_add(&in_threads, elsewhere);
    return elsewhere;
}

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **result)
{
    return in_a_thread() ? EAI_FAIL : __real_getaddrinfo(node, service, hints, result);
}

int __wrap_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                       socklen_t host_size, char *service, socklen_t service_size, int flags)
{
    return in_a_thread()
               ? EAI_FAIL
               : __real_getnameinfo(address, length, host, host_size, service, service_size, flags);
}

static void start(void)
{
    loop_thread = pthread_self();
    sources = "passwd: files\nservices: db files\nhosts:\tfiles dns\n";
    server_port = dns_start();
    coro_yield();
}

static int run_with_server(coro_fn *fn)
{
    start();
    const int fds = count_fds();
    const int rc = fn(NULL);
    /* The server's end of a connection goes later. */
    for (int tries = 1000; count_fds() > fds && tries > 0; tries--)
        coro_sleep(CORO_MILLISECOND);
    ck_assert_int_eq(count_fds(), fds);
    return rc;
}

/* A task test in real time, beside the server. */
#define DNS_TEST(name)                                      \
    static int name##_body(void *arg);                      \
    static int name##_main(void *arg)                       \
    {                                                       \
        return run_with_server(name##_body);                \
    }                                                       \
    START_TEST(name)                                        \
    {                                                       \
        ck_assert_int_eq(run_in_real_time(name##_main), 0); \
    }                                                       \
    END_TEST                                                \
    static int name##_body(void *arg)

/* --- Addresses of names ----------------------------------------------------------------------- */
static const struct addrinfo *find_family(const struct addrinfo *found, int family)
{
    while (found && found->ai_family != family)
        found = found->ai_next;
    return found;
}

static char one[] = "one.test", slow[] = "slow.test";

static int looks_up(void *node)
{
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    struct addrinfo *found;
    const int rc = coro_getaddrinfo(node, "80", &hints, &found);
    if (rc == 0)
        expect_address(found, "192.0.2.1", 80);
    coro_freeaddrinfo(found);
    return rc;
}

DNS_TEST(a_name_is_asked_for)
{
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    struct addrinfo *found;
    ck_assert_int_eq(coro_getaddrinfo("one.test", "80", &hints, &found), 0);
    expect_address(found, "192.0.2.1", 80);
    ck_assert_int_eq(found->ai_socktype, SOCK_STREAM);
    ck_assert_int_eq(found->ai_protocol, IPPROTO_TCP);
    ck_assert_int_eq(found->ai_flags, 0);
    ck_assert_ptr_null(found->ai_canonname);
    ck_assert_ptr_null(found->ai_next);
    coro_freeaddrinfo(found);
    ck_assert_int_eq(dns_questions(), 2);
    ck_assert_int_eq(atomic_load(&in_threads), 0);
    return 0;
}

DNS_TEST(a_name_may_have_addresses_of_both_families)
{
    struct addrinfo hints = stream_hints(AF_UNSPEC), *found;
    ck_assert_int_eq(coro_getaddrinfo("both.test", "443", &hints, &found), 0);
    expect_address(find_family(found, AF_INET), "192.0.2.1", 443);
    expect_address(find_family(found, AF_INET6), "2001:db8::1", 443);
    coro_freeaddrinfo(found);
    hints.ai_family = AF_INET6;
    ck_assert_int_eq(coro_getaddrinfo("both.test", "443", &hints, &found), 0);
    expect_address(found, "2001:db8::1", 443);
    ck_assert_ptr_null(found->ai_next);
    coro_freeaddrinfo(found);
    ck_assert_int_eq(dns_questions(), 3);
    return 0;
}

/* libc, asked for an address that is a number, tells which types there are. */
DNS_TEST(types_of_sockets_are_as_plainly)
{
    struct addrinfo *found, *plain;
    ck_assert_int_eq(coro_getaddrinfo("one.test", "80", NULL, &found), 0);
    ck_assert_int_eq(getaddrinfo("192.0.2.1", "80", &(struct addrinfo){0}, &plain), 0);
    expect_same_addresses(found, plain);
    coro_freeaddrinfo(found);
    freeaddrinfo(plain);
    return 0;
}

DNS_TEST(services_may_be_names)
{
    struct addrinfo hints = stream_hints(AF_UNSPEC), *found;
    ck_assert_int_eq(coro_getaddrinfo("one.test", "no-such-service", &hints, &found),
                     -EPROTONOSUPPORT);
    ck_assert_int_eq(dns_questions(), 0);
    if (coro_getaddrinfo("one.test", "http", &hints, &found) == -EPROTONOSUPPORT) {
        skip("this machine does not know the service http");
        return 0;
    }
    expect_address(found, "192.0.2.1", 80);
    coro_freeaddrinfo(found);
    ck_assert_int_eq(coro_getaddrinfo("192.0.2.9", "http", &hints, &found), 0);
    expect_address(found, "192.0.2.9", 80);
    coro_freeaddrinfo(found);
    ck_assert_int_eq(dns_questions(), 2);
    return 0;
}

DNS_TEST(no_service_is_port_0)
{
    const struct addrinfo hints = stream_hints(AF_INET);
    struct addrinfo *found;
    ck_assert_int_eq(coro_getaddrinfo("one.test", NULL, &hints, &found), 0);
    expect_address(found, "192.0.2.1", 0);
    coro_freeaddrinfo(found);
    return 0;
}

static void expect_canonical(const char *node, const char *name)
{
    struct addrinfo hints = stream_hints(AF_INET), *found;
    hints.ai_flags = AI_CANONNAME;
    ck_assert_int_eq(coro_getaddrinfo(node, "80", &hints, &found), 0);
    expect_address(found, "192.0.2.1", 80);
    ck_assert_str_eq(found->ai_canonname, name);
    ck_assert_int_eq(found->ai_flags, AI_CANONNAME);
    coro_freeaddrinfo(found);
}

DNS_TEST(the_canonical_name_can_be_asked_for)
{
    expect_canonical("alias.test", "one.test");
    expect_canonical("one.test", "one.test");
    return 0;
}

DNS_TEST(a_long_answer_comes_over_tcp)
{
    const struct addrinfo hints = stream_hints(AF_INET);
    struct addrinfo *found;
    int count = 0;
    ck_assert_int_eq(coro_getaddrinfo("long.test", "80", &hints, &found), 0);
    for (const struct addrinfo *at = found; at; at = at->ai_next)
        count++;
    ck_assert_int_eq(count, DNS_LONG);
    coro_freeaddrinfo(found);
    return 0;
}

/* A name with one IPv4 address in the hosts file that is not "localhost"; false if there is none.
 */
static bool find_in_file(char name[256], char address[64])
{
    char line[512];
    FILE *file = __real_fopen("/etc/hosts", "r");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, "%63[0-9.] %255s", address, name) == 2 && !strstr(name, "localhost");
    if (file)
        fclose(file);
    return found;
}

DNS_TEST(the_hosts_file_is_read)
{
    const struct addrinfo hints = stream_hints(AF_INET);
    struct addrinfo *found;
    char name[256], address[64];
    if (!find_in_file(name, address)) {
        skip("the hosts file has no names but localhost");
        return 0;
    }
    ck_assert_int_eq(coro_getaddrinfo(name, "80", &hints, &found), 0);
    expect_address(found, address, 80);
    coro_freeaddrinfo(found);
    ck_assert_int_eq(dns_questions(), 0);
    ck_assert_int_eq(atomic_load(&in_threads), 0);
    return 0;
}

/* An address of either family in what has room for any. */
static int name_of(const char *text, char *host, socklen_t host_size, char *service, int flags)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_storage storage;
    } address = {.storage = {.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET}};
    const bool is_ipv6 = address.any.sa_family == AF_INET6;
    address.ipv4.sin_port = htons(8080); /* in the same place in both */
    ck_assert_int_eq(
        inet_pton(address.any.sa_family, text,
                  is_ipv6 ? (void *)&address.ipv6.sin6_addr : (void *)&address.ipv4.sin_addr),
        1);
    return coro_getnameinfo(&address.any, sizeof address, host, host_size, service,
                            service ? NI_MAXSERV : 0, flags);
}

/* --- Many, and errors ------------------------------------------------------------------------- */
enum { MANY = 100 };

DNS_TEST(many_are_asked_for_at_once)
{
    coro_task *tasks[MANY];
    for (int i = 0; i < MANY; i++)
        tasks[i] = spawn(looks_up, slow);
    while (dns_waiting() < MANY)
        ck_assert_int_eq(coro_sleep(CORO_MILLISECOND), 0);
    dns_answer();
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(coro_join(tasks[i], NULL), 0);
    ck_assert_int_eq(atomic_load(&in_threads), 0);
    return 0;
}

static void expect_failure(const char *node, int error, int code)
{
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    struct addrinfo *found = (void *)&in_threads;
    char text[256];
    snprintf(text, sizeof text, "%s:80: %s", node, gai_strerror(code));
    ck_assert_int_eq(coro_getaddrinfo(node, "80", &hints, &found), error);
    ck_assert_ptr_null(found);
    ck_assert_str_eq(coro_error_message(coro_current_task()), text);
}

DNS_TEST(errors_of_servers_are_told)
{
    errno = EXFULL;
    expect_failure("missing.test", -ENOENT, EAI_NONAME);
    expect_failure("empty.test", -ENODATA, EAI_NODATA);
    expect_failure("broken.test", -EAGAIN, EAI_AGAIN);
    ck_assert_int_eq(looks_up(one), 0);
    ck_assert_int_eq(errno, EXFULL);
    ck_assert_int_eq(atomic_load(&in_threads), 0);
    return 0;
}

DNS_TEST(a_silent_server_is_given_up)
{
    resolver = "nameserver 192.0.2.53\noptions edns0 timeout:1 attempts:1\n";
    ck_assert_int_eq(looks_up(slow), -EAGAIN);
    ck_assert_int_eq(dns_questions(), 2);
    return 0;
}

static int names_one(void *arg)
{
    char host[NI_MAXHOST];
    return name_of("192.0.2.1", host, sizeof host, NULL, 0);
}

/* Returns in how many places one could. */
static int survive_each(coro_fn *fn)
{
    int failed = 0;
    fail_at = 0;
    do {
        fail_at++;
        allocations = 0;
        errno = EXFULL;
        const int rc = fn(one);
        ck_assert_int_eq(errno, EXFULL);
        ck_assert(rc == 0 || (rc == -ENOMEM && allocations >= fail_at));
        failed += rc == -ENOMEM;
    } while (allocations >= fail_at);
    return failed;
}

DNS_TEST(each_allocation_may_fail)
{
    ck_assert_int_ge(survive_each(looks_up), 3);
    ck_assert_int_ge(survive_each(names_one), 2);
    return 0;
}

DNS_TEST(without_fds_it_fails)
{
    struct rlimit limit, none;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = (rlim_t)next_fd();
    ck_assert_int_eq(looks_up(one), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    const int rc = looks_up(one);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(rc, -EMFILE);
    return 0;
}

/* --- Ends ------------------------------------------------------------------------------------- */
static coro_task *spawn_slow_lookup(void)
{
    coro_task *task = spawn(looks_up, slow);
    while (dns_waiting() < 1)
        ck_assert_int_eq(coro_sleep(CORO_MILLISECOND), 0);
    return task;
}

DNS_TEST(a_cancel_ends_it_and_closes_the_sockets)
{
    const int fds = count_fds();
    coro_task *task = spawn_slow_lookup();
    ck_assert_int_gt(count_fds(), fds);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(count_fds(), fds);
    dns_answer();
    passes(3);
    return 0;
}

DNS_TEST(a_cancel_that_comes_with_the_answer_wins)
{
    coro_task *task = spawn_slow_lookup();
    dns_answer();
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    return 0;
}

DNS_TEST(a_timeout_ends_it)
{
    coro_timeout timeout;
    coro_timeout_begin(&timeout, 5 * CORO_MILLISECOND);
    int rc = looks_up(slow);
    ck_assert_int_eq(coro_timeout_end(&timeout, rc), -ETIMEDOUT);
    return 0;
}

/* Its sockets' fds are those of the next one. */
DNS_TEST(lookups_follow_each_other)
{
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(looks_up(one), 0);
    ck_assert_int_eq(dns_questions(), 40);
    return 0;
}

static int leaves_a_lookup(void *arg)
{
    start();
    coro_release(spawn_slow_lookup());
    return 0;
}

START_TEST(one_that_is_left_over_is_cancelled)
{
    const int fds = count_fds();
    ck_assert_int_eq(run_in_real_time(leaves_a_lookup), 0);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* --- Names of addresses ----------------------------------------------------------------------- */
DNS_TEST(names_of_addresses_are_asked_for)
{
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    ck_assert_int_eq(name_of("192.0.2.1", host, sizeof host, service, NI_NUMERICSERV), 0);
    ck_assert_str_eq(host, "one.test");
    ck_assert_str_eq(service, "8080");
    ck_assert_int_eq(name_of("192.0.2.1", host, sizeof host, NULL, NI_NAMEREQD), 0);
    ck_assert_int_eq(name_of("192.0.2.1", host, 8, NULL, NI_NAMEREQD), -EOVERFLOW);
    ck_assert_int_eq(dns_questions(), 3);
    ck_assert_int_eq(atomic_load(&in_threads), 0);
    return 0;
}

DNS_TEST(names_of_ipv6_addresses_are_asked_for)
{
    char host[NI_MAXHOST] = "";
    ck_assert_int_eq(name_of("2001:db8::1", host, sizeof host, NULL, NI_NAMEREQD), 0);
    ck_assert_str_eq(host, "one.test");
    host[0] = '\0';
    ck_assert_int_eq(name_of("::ffff:192.0.2.1", host, sizeof host, NULL, NI_NAMEREQD), 0);
    ck_assert_str_eq(host, "one.test");
    ck_assert_int_eq(dns_questions(), 2);
    return 0;
}

DNS_TEST(an_error_is_not_the_lack_of_a_name)
{
    char host[NI_MAXHOST];
    ck_assert_int_eq(name_of("192.0.2.66", host, sizeof host, NULL, 0), -EAGAIN);
    ck_assert_int_eq(name_of("192.0.2.66", host, sizeof host, NULL, NI_NAMEREQD), -EAGAIN);
    return 0;
}

DNS_TEST(an_address_without_a_name_is_numbers)
{
    char host[NI_MAXHOST] = "before", service[NI_MAXSERV] = "";
    ck_assert_int_eq(name_of("192.0.2.2", host, sizeof host, NULL, NI_NAMEREQD), -ENOENT);
    ck_assert_str_eq(host, "before");
    ck_assert_int_eq(name_of("192.0.2.2", host, sizeof host, service, NI_NUMERICSERV), 0);
    ck_assert_str_eq(host, "192.0.2.2");
    ck_assert_str_eq(service, "8080");
    return 0;
}

/* --- What is not asked for so ----------------------------------------------------------------- */
static void expect_in_thread_of(const char *node, const char *service, const struct addrinfo *hints)
{
    struct addrinfo *found;
    const int before = atomic_load(&in_threads);
    ck_assert_int_eq(coro_getaddrinfo(node, service, hints, &found), -EIO);
    ck_assert_int_eq(atomic_load(&in_threads), before + 1);
}

static void expect_in_thread(const struct addrinfo *hints)
{
    const int asked = dns_questions();
    expect_in_thread_of("one.test", "80", hints);
    ck_assert_int_eq(dns_questions(), asked);
}

/* With this in one of the files. */
static void expect_in_thread_with(const char **file, const char *text)
{
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    *file = text;
    expect_in_thread(&hints);
}

DNS_TEST(other_sources_are_for_libc)
{
    expect_in_thread_with(&sources, "hosts: files mdns4_minimal [NOTFOUND=return] dns\n");
    expect_in_thread_with(&sources, "passwd: files\n hosts: files myhostname dns");
    expect_in_thread_with(&sources, "hosts: files [UNAVAIL=return] dns\n");
    expect_in_thread_with(&sources, "hosts: dns files\n");
    expect_in_thread_with(&sources, "hosts:nis\n");
    expect_in_thread_with(&sources, "passwd: files\n");
    expect_in_thread_with(&sources, NULL);
    sources = "#hosts: nis\nhosts: files dns # nis\n";
    ck_assert_int_eq(looks_up(one), 0);
    sources = "hosts: dns";
    ck_assert_int_eq(looks_up(one), 0);
    return 0;
}

DNS_TEST(services_elsewhere_are_for_libc)
{
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    char host[NI_MAXHOST], service[NI_MAXSERV];
    sources = "hosts: files dns\nservices: files sss\n";
    ck_assert_int_eq(looks_up(one), 0);
    ck_assert_int_eq(name_of("192.0.2.1", host, sizeof host, service, NI_NUMERICSERV), 0);
    ck_assert_int_eq(dns_questions(), 3);
    expect_in_thread_of("one.test", "http", &hints);
    ck_assert_int_eq(name_of("192.0.2.1", host, sizeof host, service, 0), -EIO);
    ck_assert_int_eq(dns_questions(), 3);
    return 0;
}

DNS_TEST(other_resolvers_are_for_libc)
{
    expect_in_thread_with(&resolver, "nameserver fe80::53%eth0\n");
    expect_in_thread_with(&resolver, "nameserver 192.0.2.53\noptions use-vc\n");
    expect_in_thread_with(&resolver, "sortlist 192.0.2.0\n");
    resolver =
        "search test\n# options use-vc\nnameserver 192.0.2.53 ; here\noptions rotate ndots:1\n";
    ck_assert_int_eq(looks_up(one), 0);
    return 0;
}

DNS_TEST(an_order_of_its_own_is_for_libc)
{
    struct addrinfo hints = stream_hints(AF_UNSPEC), *found;
    ranks = "# precedence ::/0 40\n\nprecedence ::ffff:0:0/96 100\n";
    expect_in_thread(&hints);
    ranks = "# precedence ::/0 40\n";
    ck_assert_int_eq(looks_up(one), 0);
    expect_in_thread_of("local.test", "80", &hints);
    hints.ai_family = AF_INET6;
    ck_assert_int_eq(coro_getaddrinfo("local.test", "80", &hints, &found), 0);
    expect_address(found, "fd00::1", 80);
    coro_freeaddrinfo(found);
    return 0;
}

DNS_TEST(localhost_is_for_libc)
{
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    expect_in_thread_of("localhost", "80", &hints);
    expect_in_thread_of("a.LocalHost.", "80", &hints);
    expect_in_thread_of("a.onion", "80", &hints);
    ck_assert_int_eq(dns_questions(), 0);
    return 0;
}

DNS_TEST(other_flags_are_for_libc)
{
    struct addrinfo hints = stream_hints(AF_UNSPEC);
    char host[NI_MAXHOST];
    hints.ai_flags = AI_ADDRCONFIG;
    expect_in_thread(&hints);
    ck_assert_int_eq(name_of("192.0.2.1", host, sizeof host, NULL, NI_NOFQDN), -EIO);
    ck_assert_int_eq(atomic_load(&in_threads), 2);
    ck_assert_int_eq(dns_questions(), 0);
    return 0;
}

static int looks_up_in_thread(void *arg)
{
    const struct addrinfo hints = stream_hints(AF_UNSPEC);
    expect_in_thread(&hints);
    return 0;
}

DNS_TEST(small_stacks_are_for_libc)
{
    const coro_task_options options = {.stack_size = 32 * 1024};
    return coro_join(coro_create_task_with(&options, looks_up_in_thread, NULL), NULL);
}

TASK_TEST(on_the_virtual_clock_it_is_for_libc)
{
    return run_with_server(looks_up_in_thread);
}

int main(void)
{
    const TTest *const tests[] = {
        a_name_is_asked_for,
        a_name_may_have_addresses_of_both_families,
        types_of_sockets_are_as_plainly,
        services_may_be_names,
        no_service_is_port_0,
        the_canonical_name_can_be_asked_for,
        a_long_answer_comes_over_tcp,
        the_hosts_file_is_read,
        many_are_asked_for_at_once,
        errors_of_servers_are_told,
        a_silent_server_is_given_up,
        each_allocation_may_fail,
        without_fds_it_fails,
        a_cancel_ends_it_and_closes_the_sockets,
        a_cancel_that_comes_with_the_answer_wins,
        a_timeout_ends_it,
        lookups_follow_each_other,
        one_that_is_left_over_is_cancelled,
        names_of_addresses_are_asked_for,
        names_of_ipv6_addresses_are_asked_for,
        an_error_is_not_the_lack_of_a_name,
        an_address_without_a_name_is_numbers,
        other_sources_are_for_libc,
        services_elsewhere_are_for_libc,
        other_resolvers_are_for_libc,
        an_order_of_its_own_is_for_libc,
        localhost_is_for_libc,
        other_flags_are_for_libc,
        small_stacks_are_for_libc,
        on_the_virtual_clock_it_is_for_libc,
        NULL,
    };
    const TTest *const without[] = {on_the_virtual_clock_it_is_for_libc, NULL};
    if (!__real_connect) {
        skip("dns: linked without --wrap");
        return 0;
    }
    return run_suite_on_pollers("dns", ares_init_options ? tests : without);
}
