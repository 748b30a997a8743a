/* SPDX-License-Identifier: MIT */
#include "support_dns.h"
#include "support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { HEADER = 12, MOST = 4096, MOST_WAITING = 256, UDP_MOST = 512 };
enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_PTR = 12, TYPE_AAAA = 28 };
enum { SERVER_FAILURE = 2, NO_SUCH_NAME = 3 };

struct message {
    unsigned char bytes[MOST];
    size_t size;
};

/* Where a question came from, which waits for its answer. */
struct asked {
    struct message question;
    struct sockaddr_storage from;
    socklen_t from_size;
};

static struct {
    int udp, tcp;
    bool answering;
    int questions, waiting;
    struct asked *asked[MOST_WAITING];
    size_t count;
} server;

/* --- Messages --------------------------------------------------------------------------------- */
static void put(struct message *to, const void *bytes, size_t size)
{
    ck_assert_uint_le(to->size + size, sizeof to->bytes);
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void put_number(struct message *to, unsigned value)
{
    const unsigned char bytes[] = {(unsigned char)(value >> 8), (unsigned char)value};
    put(to, bytes, sizeof bytes);
}

/* The header of a record, about the name at this place. */
static void put_record(struct message *to, size_t name, unsigned type, size_t size)
{
    put_number(to, 0xc000 | (unsigned)name);
    put_number(to, type);
    put_number(to, 1);
    put_number(to, 0);
    put_number(to, 60);
    put_number(to, (unsigned)size);
    to->bytes[7]++; /* of the answers */
}

static void put_ipv4(struct message *to, size_t name, unsigned last)
{
    const unsigned char address[] = {192, 0, 2, (unsigned char)last};
    put_record(to, name, TYPE_A, sizeof address);
    put(to, address, sizeof address);
}

/* Returns where "one.test" is. */
static size_t put_name(struct message *to, unsigned type)
{
    static const char name[] = "\3one\4test";
    put_record(to, HEADER, type, sizeof name);
    put(to, name, sizeof name);
    return to->size - sizeof name;
}

static unsigned type_of(const struct message *question)
{
    return question->bytes[question->size - 3];
}

static bool asks_for(const struct message *question, const char *label)
{
    const unsigned char *name = question->bytes + HEADER;
    return name[0] == strlen(label) && memcmp(name + 1, label, name[0]) == 0;
}

/* The question alone, as an answer. */
static void begin_answer(const struct message *question, struct message *answer)
{
    const unsigned char header[] = {question->bytes[0], question->bytes[1], 0x81, 0x80, 0, 1};
    memset(answer, 0, sizeof *answer);
    put(answer, question->bytes, question->size);
    memcpy(answer->bytes, header, sizeof header);
    memset(answer->bytes + sizeof header, 0, HEADER - sizeof header);
}

static void answer_address(const struct message *question, struct message *answer)
{
    static const unsigned char global[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
    static const unsigned char local[16] = {0xfd, [15] = 1};
    const bool is_local = asks_for(question, "local");
    const bool is_ipv4 = type_of(question) == TYPE_A;
    if (asks_for(question, "missing")) {
        answer->bytes[3] |= NO_SUCH_NAME;
    } else if (asks_for(question, "broken")) {
        answer->bytes[3] |= SERVER_FAILURE;
    } else if ((asks_for(question, "both") || is_local) && !is_ipv4) {
        put_record(answer, HEADER, TYPE_AAAA, sizeof global);
        put(answer, is_local ? local : global, sizeof global);
    } else if (asks_for(question, "long") && is_ipv4) {
        for (unsigned i = 1; i <= DNS_LONG; i++)
            put_ipv4(answer, HEADER, i);
    } else if (is_ipv4 && !asks_for(question, "empty")) {
        put_ipv4(answer, asks_for(question, "alias") ? put_name(answer, TYPE_CNAME) : HEADER, 1);
    }
}

static void answer_question(const struct message *question, struct message *answer)
{
    begin_answer(question, answer);
    if (type_of(question) != TYPE_PTR)
        answer_address(question, answer);
    else if (asks_for(question, "1"))
        put_name(answer, TYPE_PTR);
    else if (asks_for(question, "66"))
        answer->bytes[3] |= SERVER_FAILURE;
    else
        answer->bytes[3] |= NO_SUCH_NAME;
}

static void note(const struct message *question)
{
    ck_assert_uint_gt(question->size, HEADER + 4);
    server.questions++;
}

/* --- UDP -------------------------------------------------------------------------------------- */
static void send_answer(const struct asked *asked)
{
    struct message answer;
    answer_question(&asked->question, &answer);
    if (answer.size > UDP_MOST) {
        begin_answer(&asked->question, &answer);
        answer.bytes[2] |= 2; /* truncated */
    }
    ck_assert_int_eq(coro_sendto(server.udp, answer.bytes, answer.size, 0,
                                 (const struct sockaddr *)&asked->from, asked->from_size),
                     (ssize_t)answer.size);
}

static void put_off(const struct asked *asked)
{
    ck_assert_uint_lt(server.count, MOST_WAITING);
    struct asked *copy = malloc(sizeof *copy);
    ck_assert_ptr_nonnull(copy);
    *copy = *asked;
    server.asked[server.count++] = copy;
    server.waiting += type_of(&asked->question) == TYPE_A;
}

void dns_answer(void)
{
    server.answering = true;
    for (size_t i = 0; i < server.count; i++) {
        send_answer(server.asked[i]);
        free(server.asked[i]);
    }
    server.count = 0;
    server.waiting = 0;
}

static int serves_udp(void *arg)
{
    for (;;) {
        struct asked asked = {.from_size = sizeof asked.from};
        const ssize_t n =
            coro_recvfrom(server.udp, asked.question.bytes, sizeof asked.question.bytes, 0,
                          (struct sockaddr *)&asked.from, &asked.from_size);
        if (n < 0)
            break;
        asked.question.size = (size_t)n;
        note(&asked.question);
        if (asks_for(&asked.question, "slow") && !server.answering)
            put_off(&asked);
        else
            send_answer(&asked);
    }
    for (size_t i = 0; i < server.count; i++)
        free(server.asked[i]);
    return coro_close(server.udp);
}

/* --- TCP -------------------------------------------------------------------------------------- */
static bool receive_all(int fd, void *buffer, size_t n)
{
    return coro_read_all(fd, buffer, n, NULL) == (ssize_t)n;
}

static void serve_client(int client)
{
    unsigned char size[2];
    struct message question, answer;
    while (receive_all(client, size, sizeof size)) {
        question.size = (size_t)size[0] << 8 | size[1];
        if (!receive_all(client, question.bytes, question.size))
            break;
        note(&question);
        answer_question(&question, &answer);
        const unsigned char answer_size[] = {(unsigned char)(answer.size >> 8),
                                             (unsigned char)answer.size};
        coro_write_all(client, answer_size, sizeof answer_size, NULL);
        coro_write_all(client, answer.bytes, answer.size, NULL);
    }
}

static int serves_tcp(void *arg)
{
    int client;
    while ((client = coro_accept(server.tcp, NULL, NULL)) >= 0) {
        serve_client(client);
        coro_close(client);
    }
    return coro_close(server.tcp);
}

in_port_t dns_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server.udp = coro_socket(AF_INET, SOCK_DGRAM, 0);
    server.tcp = coro_socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(server.tcp, (const struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(server.tcp, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(bind(server.udp, (const struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(server.tcp, 8), 0);
    coro_release(spawn(serves_udp, NULL));
    coro_release(spawn(serves_tcp, NULL));
    return address.sin_port;
}

int dns_questions(void)
{
    return server.questions;
}

int dns_waiting(void)
{
    return server.waiting;
}

struct addrinfo stream_hints(int family)
{
    struct addrinfo hints;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    return hints;
}

void expect_address(const struct addrinfo *found, const char *text, int port)
{
    char host[NI_MAXHOST], service[NI_MAXSERV];
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(found->ai_family, found->ai_addr->sa_family);
    ck_assert_int_eq(found->ai_socktype, SOCK_STREAM);
    ck_assert_int_eq(getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, service,
                                 sizeof service, NI_NUMERICHOST | NI_NUMERICSERV),
                     0);
    ck_assert_str_eq(host, text);
    ck_assert_int_eq(atoi(service), port);
}

void expect_same_addresses(const struct addrinfo *found, const struct addrinfo *expected)
{
    for (; expected; expected = expected->ai_next, found = found->ai_next) {
        ck_assert_ptr_nonnull(found);
        ck_assert_int_eq(found->ai_family, expected->ai_family);
        ck_assert_int_eq(found->ai_socktype, expected->ai_socktype);
        ck_assert_int_eq(found->ai_protocol, expected->ai_protocol);
        ck_assert_uint_eq(found->ai_addrlen, expected->ai_addrlen);
        ck_assert_mem_eq(found->ai_addr, expected->ai_addr, expected->ai_addrlen);
    }
    ck_assert_ptr_null(found);
}
