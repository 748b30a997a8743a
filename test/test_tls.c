/* SPDX-License-Identifier: MIT */
/* Streams over TLS: contexts, handshakes, what goes through, and every end. */
#include "support_tls.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* OpenSSL's own, which the library is linked with if it has TLS. */
#define OPENSSL __attribute__((weak))

enum { MUCH = 3 * 1000 * 1000 };

/* The same, when the loop has its own. By a task. */
static int first_fd(void)
{
    int fds[2];
    make_tcp(fds);
    close_both(fds);
    return next_fd();
}

static void expect_hello(coro_stream *from, coro_stream *to)
{
    ck_assert_int_eq(coro_stream_write(from, "hello\n", 6), 0);
    expect_line(to, "hello\n");
}

static void expect_open(const struct tls_ends *ends)
{
    expect_hello(ends->client, ends->server);
    expect_hello(ends->server, ends->client);
}

/* --- Contexts --------------------------------------------------------------------------------- */
static int fails_to_make(const coro_tls_options *options)
{
    coro_tls *tls;
    const int rc = coro_tls_create(&tls, options);
    ck_assert_ptr_null(tls);
    return rc;
}

TASK_TEST(contexts_that_cannot_be_made)
{
    static const char *const no_name[] = {"h2", "", NULL};
    const char *server = pem_file("server");
    static const struct {
        coro_tls_options options;
        int error;
        const char *text;
    } cases[] = {
        {{.certificate = "/no/such/file"}, -ENOENT, "certificate /no/such/file: No such file"},
        {{.ca_file = "/no/such/file"}, -ENOENT, "trusted certificates /no/such/file: No such file"},
        {{.certificate = "/dev/null"}, -EINVAL, "certificate /dev/null: "},
        {{.ca_file = "/dev/null"}, -EINVAL, "trusted certificates /dev/null: "},
        {{.key = "/dev/null"}, -EINVAL, "a key without a certificate"},
        {{.server = true, .verify = CORO_TLS_VERIFY_REQUIRED}, -EINVAL, "there is no ca_file"},
        {{.alpn = no_name}, -EINVAL, "a protocol's name has 1 to 255 bytes"},
        {{.min_version = CORO_TLS_1_3, .max_version = CORO_TLS_1_2}, -EINVAL, "no version of TLS"},
        {{.max_version = (enum coro_tls_version)7}, -EINVAL, "no version of TLS"},
        {{.select = (coro_tls_select_fn *)abort}, -EINVAL, "a client selects no context"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_failure(fails_to_make(&cases[i].options), cases[i].error, cases[i].text);
    const coro_tls_options wrong_key = {.certificate = server, .key = pem_file("client")};
    expect_failure(fails_to_make(&wrong_key), -EINVAL, "key values mismatch");
    const coro_tls_options other_file = {.certificate = server, .key = pem_file("ca")};
    expect_failure(fails_to_make(&other_file), -EINVAL, "key ");
    return 0;
}

/* OpenSSL keeps one of each type, and would have neither be used. */
TASK_TEST(a_key_of_another_type_is_another_certificate_s)
{
    static const char ed25519[] =
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIDgI068zGGZbYgn1ZtDfKW5acI+kezDLdNSa9/ZUrUzG\n"
        "-----END PRIVATE KEY-----\n";
    char path[] = "/tmp/coro-key-XXXXXX";
    const int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, ed25519, strlen(ed25519)), (ssize_t)strlen(ed25519));
    close(fd);
    const coro_tls_options options = {.certificate = pem_file("server"), .key = path};
    expect_failure(fails_to_make(&options), -EINVAL, "type");
    unlink(path);
    return 0;
}

TASK_TEST(the_password_of_a_key)
{
    coro_tls_options options = {.server = true, .certificate = pem_file("locked")};
    ck_assert_int_eq(fails_to_make(&options), -EINVAL);
    options.password = "mellon";
    ck_assert_int_eq(fails_to_make(&options), -EINVAL);
    options.password = "sesame";
    const struct tls_ends ends = connect_tls(client_tls(), make_tls(&options));
    expect_open(&ends);
    close_ends(&ends);
    return 0;
}

/* CPython: test_sslproto.SslProtoHandshakeTests.test_handshake_timeout_negative
 * test_sslproto.BaseStartTLS.test_start_tls_wrong_args
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_ssl_server_hostname_errors
 */
TASK_TEST(contexts_where_they_do_not_belong)
{
    coro_tls *client = client_tls(), *server = server_tls("server");
    coro_connection_options options = with_tls(server, NULL);
    const coro_server_options serving = {.tls = client};
    const coro_server_options negative = {.tls = server, .tls_handshake_timeout = -1};
    coro_server *none;
    coro_stream *stream;
    int peer;
    expect_failure(coro_open_connection(&stream, "127.0.0.1", "1", &options), -EINVAL,
                   "the TLS context is one for servers");
    ck_assert_ptr_null(stream);
    ck_assert_int_eq(coro_open_unix_connection(&stream, "/tmp", &options), -EINVAL);
    expect_failure(
        coro_start_server(&none, "127.0.0.1", NULL, (coro_client_fn *)abort, NULL, &serving),
        -EINVAL, "the TLS context is one for clients");
    ck_assert_int_eq(
        coro_start_server(&none, "127.0.0.1", NULL, (coro_client_fn *)abort, NULL, &negative),
        -EINVAL);
    ck_assert_int_eq(coro_open_stream(&stream, 0, &options), -EINVAL);

    stream = open_tcp_stream(&peer);
    ck_assert_int_eq(coro_stream_start_tls(stream, NULL, NULL), -EINVAL);
    expect_failure(coro_stream_start_tls(stream, client, NULL), -EINVAL, "no name to verify");
    options = with_tls(NULL, "");
    expect_failure(coro_stream_start_tls(stream, client, &options), -EINVAL, "no name to verify");
    options.tls_shutdown_timeout = -1;
    ck_assert_int_eq(coro_stream_start_tls(stream, server, &options), -EINVAL);
    ck_assert_int_eq(coro_stream_start_tls(NULL, server, NULL), -ENOMEM);
    ck_assert_ptr_null(coro_stream_tls_version(stream));
    ck_assert_ptr_null(coro_stream_tls_ssl(stream));
    ck_assert_int_eq(coro_stream_tls_peer_certificate(stream, NULL, 0), -EOPNOTSUPP);
    feed(peer, "plain\n");
    expect_line(stream, "plain\n");
    expect_rest(stream, peer, "");
    coro_tls_release(client);
    coro_tls_release(server);
    return 0;
}

/* --- Round trips ------------------------------------------------------------------------------ */
static int echoes(coro_stream *stream, void *arg)
{
    char *line;
    ssize_t n;
    while ((n = coro_stream_readline(stream, &line)) > 0) {
        coro_stream_write(stream, line, (size_t)n);
        n = coro_stream_drain(stream);
        if (n < 0)
            break;
    }
    return (int)n;
}

static coro_server *start_with(coro_tls *tls)
{
    const coro_server_options options = {.tls = tls};
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.1", NULL, echoes, NULL, &options), 0);
    coro_tls_release(tls);
    return server;
}

static int try_to_connect(coro_stream **stream, const coro_server *server, coro_tls *tls,
                          const char *name)
{
    const coro_connection_options options = with_tls(tls, name);
    const int rc = coro_open_connection(stream, "127.0.0.1", port_of(server), &options);
    coro_tls_release(tls);
    return rc;
}

static coro_stream *connect_to(const coro_server *server, coro_tls *tls, const char *name)
{
    coro_stream *stream;
    ck_assert_int_eq(try_to_connect(&stream, server, tls, name), 0);
    return stream;
}

/* CPython: test_ssl.TestSSL.test_create_connection_memory_leak
 * test_sslproto.BaseStartTLS.test_create_connection_memory_leak
 * test_events.EventLoopTestsMixin.test_create_ssl_connection
 * test_events.EventLoopTestsMixin.test_create_server_ssl */
TASK_TEST(a_client_and_a_server)
{
    char text[64], der[2048];
    const int fd = first_fd();
    errno = 77;
    coro_server *server = start_with(server_tls("server"));
    coro_stream *stream = connect_to(server, client_tls(), "localhost");
    expect_hello(stream, stream);
    ck_assert_str_eq(coro_stream_tls_version(stream), "TLSv1.3");
    ck_assert_ptr_nonnull(coro_stream_tls_cipher(stream));
    ck_assert_ptr_null(coro_stream_tls_alpn(stream));
    ck_assert_str_eq(coro_stream_tls_server_name(stream), "localhost");
    ck_assert_ptr_nonnull(coro_stream_tls_ssl(stream));
    ck_assert_int_eq(coro_stream_tls_peer_subject(stream, text, sizeof text), 12);
    ck_assert_str_eq(text, "CN=localhost");
    ck_assert_int_eq(coro_stream_tls_peer_subject(stream, text, 4), 12);
    ck_assert_str_eq(text, "CN=");
    ck_assert_int_eq(coro_stream_tls_peer_subject(stream, NULL, 0), 12);
    const ssize_t size = coro_stream_tls_peer_certificate(stream, NULL, 0);
    ck_assert_int_gt(size, 200);
    ck_assert_int_eq(coro_stream_tls_peer_certificate(stream, der, sizeof der), size);
    ck_assert_int_eq(der[0], 0x30);
    ck_assert(!coro_stream_can_write_eof(stream));
    ck_assert_int_eq(coro_stream_write_eof(stream), -EOPNOTSUPP);
    expect_hello(stream, stream);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_stream_wait_closed(stream), 0);
    ck_assert_str_eq(coro_stream_tls_version(stream), "TLSv1.3"); /* also then */
    coro_stream_release(stream);
    close_server(server);
    ck_assert_int_eq(errno, 77);
    ck_assert_int_eq(next_fd(), fd);
    ck_assert_int_eq(coro_now(), 0);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_create_ssl_unix_connection
 * test_events.EventLoopTestsMixin.test_create_unix_server_ssl
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_connection_ssl_noserverhost */
TASK_TEST(over_a_unix_socket)
{
    const char *path = socket_path();
    coro_tls *tls = server_tls("server");
    const coro_server_options serving = {.tls = tls};
    coro_connection_options options = with_tls(client_tls(), NULL);
    coro_server *server;
    coro_stream *stream;
    ck_assert_int_eq(coro_start_unix_server(&server, path, echoes, NULL, &serving), 0);
    expect_failure(coro_open_unix_connection(&stream, path, &options), -EINVAL,
                   "no name to verify the server's certificate with");
    options.server_name = "localhost";
    ck_assert_int_eq(coro_open_unix_connection(&stream, path, &options), 0);
    expect_hello(stream, stream);
    close_stream(stream);
    close_server(server);
    coro_tls_release(tls);
    coro_tls_release(options.tls);
    return 0;
}

static int writes_much(void *arg)
{
    coro_stream *stream = arg;
    static const size_t sizes[] = {1, 5, 4095, 4096, 4097, 16384, 16385, 100000, 300};
    char *bytes = malloc(100000);
    size_t done = 0;
    int rc = 0;
    for (size_t i = 0; done < MUCH && rc == 0; i++) {
        size_t n = sizes[i % (sizeof sizes / sizeof sizes[0])];
        if (n > MUCH - done)
            n = MUCH - done;
        fill(bytes, n, done);
        const struct iovec pieces[] = {{bytes, n / 3}, {bytes, 0}, {bytes + n / 3, n - n / 3}};
        rc = coro_stream_writelines(stream, pieces, 3);
        if (rc == 0)
            rc = coro_stream_drain(stream);
        done += n;
    }
    free(bytes);
    return rc;
}

static int reads_much(void *arg)
{
    coro_stream *stream = arg;
    static const size_t sizes[] = {40000, 1, 7, 5000};
    char *bytes = malloc(40000);
    size_t done = 0;
    ssize_t n = 1;
    for (size_t i = 0; done < MUCH && n > 0; i++) {
        n = coro_stream_read(stream, bytes, sizes[i % (sizeof sizes / sizeof sizes[0])]);
        if (n > 0 && !filled(bytes, (size_t)n, done))
            n = -EIO;
        done += n > 0 ? (size_t)n : 0;
    }
    free(bytes);
    return n > 0 ? 0 : (int)n;
}

/* In all four directions at once, through buffers that fill up. */
static void exchange_much(const struct tls_ends *ends)
{
    coro_task *tasks[] = {spawn(writes_much, ends->client), spawn(writes_much, ends->server),
                          spawn(reads_much, ends->client), spawn(reads_much, ends->server)};
    ck_assert_int_eq(coro_gather(tasks, 4, 0), 0);
    for (int i = 0; i < 4; i++)
        coro_release(tasks[i]);
}

TASK_TEST(much_in_both_directions)
{
    const struct tls_ends ends = connect_default_tls();
    exchange_much(&ends);
    close_ends(&ends);
    return 0;
}

/* The loop reads ahead for one that waits for something else. */
TASK_TEST(a_peer_that_writes_as_well_is_not_held_up)
{
    const struct tls_ends ends = connect_default_tls();
    char bytes[100000];
    fill(bytes, sizeof bytes, 0);
    coro_task *task = spawn(waits_closed, ends.client);
    passes(1);
    ck_assert_int_eq(coro_stream_write(ends.server, bytes, sizeof bytes), 0);
    ck_assert_int_eq(coro_stream_set_write_buffer_limits(ends.server, 0, 0), 0);
    ck_assert_int_eq(coro_stream_drain(ends.server), 0);
    char read[sizeof bytes];
    ck_assert_int_eq(coro_stream_readexactly(ends.client, read, sizeof read, NULL), sizeof read);
    ck_assert_mem_eq(read, bytes, sizeof read);
    close_ends(&ends);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    return 0;
}

TASK_TEST(what_comes_in_one_go_is_read_in_many)
{
    const struct tls_ends ends = connect_default_tls();
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(coro_stream_write(ends.client, "line\n", 5), 0);
    for (int i = 0; i < 100; i++)
        expect_line(ends.server, "line\n");
    close_ends(&ends);
    return 0;
}

/* Each costs a system call, and is read by itself. */
TASK_TEST(small_pieces_become_one_record)
{
    enum { COUNT = 64, RECORD = 16 * 1024 };
    const struct tls_ends ends = connect_default_tls();
    char written[RECORD], read[2 * RECORD];
    struct iovec pieces[COUNT];
    fill(written, RECORD, 0);
    for (int i = 0; i < COUNT; i++)
        pieces[i] = (struct iovec){written + i * (RECORD / COUNT), RECORD / COUNT};
    ck_assert_int_eq(coro_stream_writelines(ends.client, pieces, COUNT), 0);
    ck_assert_int_eq(coro_stream_read(ends.server, read, sizeof read), RECORD);
    ck_assert_mem_eq(read, written, RECORD);
    close_ends(&ends);
    return 0;
}

/* --- What is agreed on ------------------------------------------------------------------------ */
static void connect_versions(coro_tls_options *client, coro_tls_options *server)
{
    client->ca_file = pem_file("ca");
    server->server = true;
    server->certificate = pem_file("server");
}

TASK_TEST(an_older_version)
{
    coro_tls_options client = {.max_version = CORO_TLS_1_2}, server = {0};
    connect_versions(&client, &server);
    const struct tls_ends ends = connect_tls(make_tls(&client), make_tls(&server));
    ck_assert_str_eq(coro_stream_tls_version(ends.server), "TLSv1.2");
    expect_open(&ends);
    exchange_much(&ends);
    close_ends(&ends);
    return 0;
}

TASK_TEST(no_version_in_common)
{
    coro_tls_options client = {.max_version = CORO_TLS_1_2},
                     options = {.min_version = CORO_TLS_1_3};
    coro_stream *stream;
    connect_versions(&client, &options);
    coro_server *server = start_with(make_tls(&options));
    expect_failure(try_to_connect(&stream, server, make_tls(&client), NULL), -EPROTO,
                   "TLS: tlsv1 alert protocol version");
    close_server(server);
    return 0;
}

static const char *agreed_on(const char *const *of_client, const char *const *of_server,
                             struct tls_ends *ends)
{
    coro_tls_options client = {.alpn = of_client}, server = {.alpn = of_server};
    connect_versions(&client, &server);
    *ends = connect_tls(make_tls(&client), make_tls(&server));
    const char *alpn = coro_stream_tls_alpn(ends->client);
    if (alpn)
        ck_assert_str_eq(coro_stream_tls_alpn(ends->server), alpn);
    else
        ck_assert_ptr_null(coro_stream_tls_alpn(ends->server));
    return alpn;
}

TASK_TEST(protocols_above)
{
    static const char *const web[] = {"h2", "http/1.1", NULL};
    static const char *const old[] = {"http/1.1", "h2", NULL};
    static const char *const mail[] = {"imap", NULL};
    static const char *const none[] = {NULL};
    struct tls_ends ends;
    ck_assert_str_eq(agreed_on(web, old, &ends), "http/1.1"); /* the server's first */
    close_ends(&ends);
    ck_assert_str_eq(agreed_on(old, web, &ends), "h2");
    close_ends(&ends);
    ck_assert_ptr_null(agreed_on(mail, web, &ends));
    expect_open(&ends);
    close_ends(&ends);
    ck_assert_ptr_null(agreed_on(web, NULL, &ends));
    close_ends(&ends);
    ck_assert_ptr_null(agreed_on(none, web, &ends));
    close_ends(&ends);
    return 0;
}

/* --- Names of servers ------------------------------------------------------------------------- */
static coro_tls *other_tls;

static coro_tls *selects(const char *name, void *arg)
{
    trace("%s", name ? name : "(none)");
    if (name && strcmp(name, "other.test") == 0)
        return other_tls;
    return name && strcmp(name, "nobody.test") == 0 ? NULL : *(coro_tls **)arg;
}

TASK_TEST(a_server_with_several_names)
{
    static coro_tls *tls;
    const coro_tls_options options = {
        .server = true, .certificate = pem_file("server"), .select = selects, .select_arg = &tls};
    char text[64];
    coro_stream *stream;
    other_tls = server_tls("other");
    tls = make_tls(&options);
    coro_server *server = start_with(coro_tls_retain(tls));

    stream = connect_to(server, client_tls(), "other.test");
    coro_stream_tls_peer_subject(stream, text, sizeof text);
    ck_assert_str_eq(text, "CN=other.test");
    expect_hello(stream, stream);
    close_stream(stream);
    close_stream(connect_to(server, client_tls(), "localhost"));
    close_stream(connect_to(server, client_tls(), NULL)); /* an address is not asked for */
    expect_failure(try_to_connect(&stream, server, client_tls(), "nobody.test"), -EPROTO,
                   "unrecognized name");
    ck_assert_ptr_null(stream);
    expect_trace("other.test localhost (none) nobody.test");
    close_server(server);
    coro_tls_release(tls);
    coro_tls_release(other_tls);
    return 0;
}

/* Whose number is that of the fd that was closed. */
static int others[8][2];

static coro_tls *aborts_clients(const char *name, void *server)
{
    ck_assert_int_eq(coro_server_abort_clients(*(coro_server **)server), 0);
    for (int i = 0; i < 8; i++)
        make_pair(others[i]);
    return other_tls;
}

TASK_TEST(a_stream_that_is_aborted_inside_its_handshake_sends_no_more)
{
    coro_server *server;
    coro_stream *stream;
    char byte;
    const coro_tls_options options = {.server = true,
                                      .certificate = pem_file("server"),
                                      .select = aborts_clients,
                                      .select_arg = &server};
    other_tls = server_tls("other");
    server = start_with(make_tls(&options));
    const int rc = try_to_connect(&stream, server, client_tls(), "localhost");
    ck_assert_msg(rc == -ECONNRESET, "connecting: %d", rc);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_lt(recv(others[i][0], &byte, 1, MSG_DONTWAIT), 0);
        ck_assert_int_lt(recv(others[i][1], &byte, 1, MSG_DONTWAIT), 0);
        close_both(others[i]);
    }
    close_server(server);
    coro_tls_release(other_tls);
    return 0;
}

static int says_its_name(coro_stream *stream, void *arg)
{
    trace("%s", coro_stream_tls_server_name(stream));
    return 0;
}

TASK_TEST(the_server_knows_which_name_was_asked_for)
{
    coro_tls *tls = server_tls("server");
    const coro_server_options options = {.tls = tls};
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, "127.0.0.1", NULL, says_its_name, NULL, &options),
                     0);
    close_stream(connect_to(server, client_tls(), "a.example.test"));
    close_server(server);
    expect_trace("a.example.test");
    coro_tls_release(tls);
    return 0;
}

/* --- Verification ----------------------------------------------------------------------------- */
static coro_tls *unverified(bool no_host_check)
{
    const coro_tls_options options = {.ca_file = pem_file("ca"),
                                      .verify = no_host_check ? CORO_TLS_VERIFY_DEFAULT
                                                              : CORO_TLS_VERIFY_NONE,
                                      .no_host_check = no_host_check};
    return make_tls(&options);
}

/* What the server has is refused, and the reason is in the message. */
static void expect_refusal(const char *certificate, const char *name, const char *text)
{
    coro_stream *stream;
    const int fd = first_fd();
    coro_server *server = start_with(server_tls(certificate));
    expect_failure(try_to_connect(&stream, server, client_tls(), name), -EACCES, text);
    ck_assert_ptr_null(stream);
    close_stream(connect_to(server, unverified(false), name));
    close_server(server);
    ck_assert_int_eq(next_fd(), fd);
}

/* CPython: test_ssl.TestSSL.test_create_connection_ssl_failed_certificate
 * test_sslproto.BaseStartTLS.test_create_connection_ssl_failed_certificate
 * test_events.EventLoopTestsMixin.test_create_server_ssl_verify_failed
 * test_events.EventLoopTestsMixin.test_create_unix_server_ssl_verify_failed
 * test_events.EventLoopTestsMixin.test_create_server_ssl_match_failed */
TASK_TEST(certificates_that_are_refused)
{
    expect_refusal("stranger", "localhost", "certificate verify failed: self-signed certificate");
    expect_refusal("expired", "localhost", "certificate verify failed: certificate has expired");
    expect_refusal("server", "other.test",
                   "certificate verify failed: hostname mismatch, it is not for other.test");
    expect_refusal("server", "a.b.example.test", "hostname mismatch");
    expect_refusal("server", "example.test", "hostname mismatch");
    expect_refusal("server", "127.0.0.2", "certificate verify failed: IP address mismatch");
    expect_refusal("other", NULL, "IP address mismatch");
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_create_server_ssl_verified
 * test_events.EventLoopTestsMixin.test_create_unix_server_ssl_verified
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_ssl_server_hostname_default
 */
TASK_TEST(certificates_that_are_taken)
{
    static const char *const names[] = {"localhost", "a.example.test", "127.0.0.1", "::1", NULL};
    coro_server *server = start_with(server_tls("server"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) /* the host of NULL is an address */
        close_stream(connect_to(server, client_tls(), names[i]));
    close_stream(connect_to(server, unverified(true), "other.test"));
    close_stream(connect_to(server, unverified(true), ""));
    close_server(server);
    server = start_with(server_tls("chained"));
    close_stream(connect_to(server, client_tls(), "localhost"));
    close_server(server);
    return 0;
}

/* OpenSSL takes a dot at the beginning for any name below. */
TASK_TEST(names_that_no_server_has)
{
    char too_long[257] = {0};
    coro_stream *stream;
    coro_server *server = start_with(server_tls("server"));
    memset(too_long, 'a', sizeof too_long - 1);
    expect_failure(try_to_connect(&stream, server, client_tls(), ".example.test"), -EINVAL,
                   "no name of a server");
    expect_failure(try_to_connect(&stream, server, client_tls(), too_long), -EINVAL,
                   "no name of a server");
    ck_assert_ptr_null(stream);
    close_server(server);
    return 0;
}

int SSL_CTX_get_security_level(const void *ctx) OPENSSL;

/* Also where OpenSSL was built, or is configured, for less. */
START_TEST(weak_keys_are_refused)
{
    coro_tls *tls = client_tls();
    ck_assert_int_ge(SSL_CTX_get_security_level(coro_tls_ssl_ctx(tls)), 2);
    coro_tls_release(tls);
}
END_TEST

TASK_TEST(the_system_trusts_none_of_these)
{
    coro_stream *stream;
    coro_server *server = start_with(server_tls("server"));
    expect_failure(try_to_connect(&stream, server, make_tls(NULL), "localhost"), -EACCES,
                   "certificate verify failed: ");
    close_server(server);
    return 0;
}

static coro_server *start_that_verifies(enum coro_tls_verify verify)
{
    const coro_tls_options options = {.server = true,
                                      .certificate = pem_file("server"),
                                      .ca_file = pem_file("ca"),
                                      .verify = verify};
    return start_with(make_tls(&options));
}

static coro_tls *client_with(const char *certificate)
{
    const coro_tls_options options = {.ca_file = pem_file("ca"),
                                      .certificate = pem_file(certificate)};
    return make_tls(&options);
}

/* In TLS 1.3 the client learns of it when it reads. */
static void expect_client_refused(const coro_server *server, coro_tls *tls, const char *text)
{
    char byte;
    coro_stream *stream = connect_to(server, tls, "localhost");
    expect_failure((int)coro_stream_read(stream, &byte, 1), -EPROTO, text);
    expect_failure(coro_stream_wait_closed(stream), -EPROTO, text);
    expect_failure(coro_stream_write(stream, "", 1), -EPROTO, text);
    expect_failure(coro_stream_drain(stream), -EPROTO, text);
    coro_stream_release(stream);
}

TASK_TEST(certificates_of_clients)
{
    coro_server *server = start_that_verifies(CORO_TLS_VERIFY_REQUIRED);
    coro_stream *stream = connect_to(server, client_with("client"), "localhost");
    expect_hello(stream, stream);
    close_stream(stream);
    expect_client_refused(server, client_tls(), "certificate required");
    expect_client_refused(server, client_with("stranger"), "unknown ca");
    close_server(server);

    server = start_that_verifies(CORO_TLS_VERIFY_OPTIONAL);
    stream = connect_to(server, client_tls(), "localhost");
    expect_hello(stream, stream);
    close_stream(stream);
    expect_client_refused(server, client_with("stranger"), "unknown ca");
    close_server(server);
    return 0;
}

TASK_TEST(a_server_sees_whom_it_has_verified)
{
    const coro_tls_options options = {.server = true,
                                      .certificate = pem_file("server"),
                                      .ca_file = pem_file("ca"),
                                      .verify = CORO_TLS_VERIFY_OPTIONAL};
    char text[64];
    struct tls_ends ends = connect_tls(client_with("client"), make_tls(&options));
    ck_assert_int_gt(coro_stream_tls_peer_subject(ends.server, text, sizeof text), 0);
    ck_assert_str_eq(text, "CN=a client");
    close_ends(&ends);
    ends = connect_tls(client_tls(), make_tls(&options));
    ck_assert_int_eq(coro_stream_tls_peer_subject(ends.server, text, sizeof text), -ENODATA);
    close_ends(&ends);
    return 0;
}

/* --- From some point on ----------------------------------------------------------------------- */
/* CPython: test_ssl.TestSSL.test_start_tls_client_reg_proto_1
 * test_sslproto.BaseStartTLS.test_start_tls_client_reg_proto_1 */
TASK_TEST(what_was_written_before_goes_out_as_it_is)
{
    int peer;
    char *bytes = malloc(MUCH);
    struct tls_start client = {open_tcp_stream(&peer), client_tls(), "localhost"};
    limit_buffers(peer);
    limit_buffers(coro_stream_fd(client.stream));
    fill(bytes, MUCH, 0);
    ck_assert_int_eq(coro_stream_write(client.stream, bytes, MUCH), 0);
    ck_assert_uint_gt(coro_stream_get_write_buffer_size(client.stream), 0);
    coro_task *task = spawn(starts_tls, &client);
    passes(2);
    ck_assert_int_eq(coro_stream_read(client.stream, bytes, 1), -EBUSY);
    ck_assert_int_eq(coro_read_all(peer, bytes, MUCH, NULL), MUCH);
    ck_assert(filled(bytes, MUCH, 0));

    struct tls_start server = {NULL, server_tls("server"), NULL};
    ck_assert_int_eq(coro_open_stream(&server.stream, peer, NULL), 0);
    ck_assert_int_eq(starts_tls(&server), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    const struct tls_ends ends = {client.stream, server.stream};
    expect_open(&ends);
    close_ends(&ends);
    coro_tls_release(client.tls);
    coro_tls_release(server.tls);
    free(bytes);
    return 0;
}

static int serves_starttls(void *arg)
{
    struct tls_start *start = arg;
    expect_line(start->stream, "STARTTLS\n");
    ck_assert_int_eq(coro_stream_write(start->stream, "OK\n", 3), 0);
    return starts_tls(start);
}

/* CPython: test_streams.StreamTests.test_start_tls
 * test_ssl.TestSSL.test_ssl_connect_accepted_socket
 * test_ssl.TestSSL.test_connect_accepted_socket
 * test_ssl.TestSSL.test_start_tls_server_1
 * test_ssl.TestSSL.test_create_server_ssl_over_ssl
 * test_sslproto.BaseStartTLS.test_start_tls_server_1
 * test_sslproto.SslProtoHandshakeTests.test_close_during_ssl_over_ssl
 * test_events.EventLoopTestsMixin.test_ssl_connect_accepted_socket */
TASK_TEST(both_sides_agree_to_encrypt)
{
    const struct tls_ends ends = connect_ends();
    struct tls_start server = {ends.server, server_tls("server"), NULL};
    struct tls_start client = {ends.client, client_tls(), "localhost"};
    coro_task *task = spawn(serves_starttls, &server);
    coro_stream_write(ends.client, "STARTTLS\n", 9);
    expect_line(ends.client, "OK\n");
    ck_assert_int_eq(starts_tls(&client), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_open(&ends);

    /* And once more, over that. */
    task = spawn(starts_tls, &server);
    ck_assert_int_eq(starts_tls(&client), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_open(&ends);
    exchange_much(&ends);
    close_ends(&ends);
    coro_tls_release(client.tls);
    coro_tls_release(server.tls);
    return 0;
}

TASK_TEST(bytes_from_before_are_not_taken_for_encrypted_ones)
{
    int peer;
    coro_stream *stream = open_tcp_stream(&peer);
    struct tls_start start = {stream, server_tls("server"), NULL};
    feed(peer, "STARTTLS\nslipped in\n");
    expect_line(stream, "STARTTLS\n");
    expect_failure(starts_tls(&start), -EPROTO, "there are bytes from before the TLS handshake");
    expect_line(stream, "slipped in\n"); /* it is as it was */
    expect_rest(stream, peer, "");
    coro_tls_release(start.tls);
    return 0;
}

TASK_TEST(streams_that_have_ended_are_not_encrypted)
{
    int peer;
    char byte;
    coro_stream *stream = open_tcp_stream(&peer);
    struct tls_start start = {stream, server_tls("server"), NULL};
    feed_eof(peer);
    ck_assert_int_eq(coro_stream_read(stream, &byte, 1), 0);
    ck_assert_int_eq(starts_tls(&start), -EPIPE);
    ck_assert_int_eq(coro_stream_write_eof(stream), 0);
    ck_assert_int_eq(starts_tls(&start), -EPIPE);
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(starts_tls(&start), -EPIPE);
    coro_stream_release(stream);
    close(peer);
    coro_tls_release(start.tls);
    return 0;
}

/* --- Handshakes that fail --------------------------------------------------------------------- */
/* CPython: test_ssl.TestSSL.test_create_connection_ssl_slow_handshake
 * test_sslproto.BaseStartTLS.test_create_connection_ssl_slow_handshake */
TASK_TEST(a_silent_server_does_not_hold_a_client)
{
    int peer;
    coro_stream *stream = open_tcp_stream(&peer);
    struct tls_start start = {stream, client_tls(), "localhost"};
    expect_failure(starts_tls(&start), -ETIMEDOUT, "the TLS handshake has taken too long");
    ck_assert_int_eq(coro_now(), 60 * CORO_SECOND);
    ck_assert_int_eq(coro_stream_wait_closed(stream), -ETIMEDOUT);
    coro_stream_release(stream);
    close(peer);

    stream = open_tcp_stream(&peer);
    coro_connection_options options = with_tls(NULL, "localhost");
    options.tls_handshake_timeout = CORO_SECOND;
    ck_assert_int_eq(coro_stream_start_tls(stream, start.tls, &options), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 61 * CORO_SECOND);
    coro_stream_release(stream);
    close(peer);
    coro_tls_release(start.tls);
    return 0;
}

static coro_stream *connect_plainly(const coro_server *server)
{
    coro_stream *stream = connect_to_server(server);
    passes(2);
    return stream;
}

TASK_TEST(a_silent_client_does_not_hold_a_server)
{
    char byte;
    coro_server *server = start_with(server_tls("server"));
    coro_stream *silent = connect_plainly(server);
    coro_stream *stream = connect_to(server, client_tls(), "localhost");
    ck_assert_int_eq(coro_stream_read(silent, &byte, 1), 0);
    ck_assert_int_eq(coro_now(), 60 * CORO_SECOND);
    expect_hello(stream, stream);
    coro_stream_release(silent);
    close_stream(stream);
    close_server(server);
    return 0;
}

TASK_TEST(a_server_goes_on_after_clients_that_do_not_speak_tls)
{
    char answer[64];
    coro_server *server = start_with(server_tls("server"));
    coro_stream *plain = connect_plainly(server);
    ck_assert_int_eq(coro_stream_write(plain, "GET / HTTP/1.0\r\n\r\n", 18), 0);
    while (coro_stream_read(plain, answer, sizeof answer) > 0)
        ; /* an alert */
    coro_stream_release(plain);
    plain = connect_plainly(server);
    ck_assert_int_eq(coro_stream_abort(plain), 0);
    coro_stream_release(plain);
    coro_stream *stream = connect_to(server, client_tls(), "localhost");
    expect_hello(stream, stream);
    close_stream(stream);
    close_server(server);
    return 0;
}

static int fails_with_a_server(void *arg)
{
    coro_stream *stream;
    coro_server *server = start_with(server_tls("server"));
    ck_assert_int_eq(try_to_connect(&stream, server, client_tls(), "other.test"), -EACCES);
    close_server(server);
    return 0;
}

START_TEST(debug_mode_reports_handshakes_that_fail)
{
    coro_run_options options = test_options();
    options.debug = true;
    ck_assert_int_eq(coro_run_with(&options, fails_with_a_server, NULL), 0);
    expect_log(CORO_LOG_TLS_ERROR, -EPROTO, "the TLS handshake with a client failed: TLS: ");
}
END_TEST

TASK_TEST(a_server_that_does_not_speak_tls)
{
    int peer;
    coro_stream *stream = open_tcp_stream(&peer);
    struct tls_start start = {stream, client_tls(), "localhost"};
    feed(peer, "220 mail.example.test ESMTP\r\n");
    expect_failure(starts_tls(&start), -EPROTO, "TLS: wrong version number");
    coro_stream_release(stream);
    close(peer);
    coro_tls_release(start.tls);
    return 0;
}

/* CPython: test_ssl.TestSSL.test_ssl_handshake_connection_lost
 * test_sslproto.SslProtoHandshakeTests.test_eof_received_waiter
 * test_sslproto.SslProtoHandshakeTests.test_connection_lost */
TASK_TEST(the_peer_goes_during_the_handshake)
{
    for (int rudely = 0; rudely < 2; rudely++) {
        int peer;
        coro_stream *stream = open_tcp_stream(&peer);
        struct tls_start start = {stream, client_tls(), "localhost"};
        const struct linger linger = {.l_onoff = 1};
        coro_task *task = spawn(starts_tls, &start);
        passes(2);
        if (rudely)
            setsockopt(peer, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        else
            drain(peer);
        close(peer);
        ck_assert_int_eq(coro_join(task, NULL), -ECONNRESET);
        ck_assert_int_eq(coro_stream_wait_closed(stream), -ECONNRESET);
        coro_stream_release(stream);
        coro_tls_release(start.tls);
    }
    return 0;
}

/* CPython: test_ssl.TestSSL.test_ssl_handshake_timeout
 * test_ssl.TestSSL.test_start_tls_slow_client_cancel
 * test_ssl.TestSSL.test_connect_timeout_warning
 * test_ssl.TestSSL.test_handshake_timeout_handler_leak
 * test_sslproto.BaseStartTLS.test_handshake_timeout
 * test_sslproto.BaseStartTLS.test_start_tls_slow_client_cancel */
TASK_TEST(a_handshake_is_cancelled)
{
    const int fd = first_fd();
    int peer;
    coro_stream *stream = open_tcp_stream(&peer);
    struct tls_start start = {stream, client_tls(), "localhost"};
    coro_task *task = spawn(starts_tls, &start);
    passes(2);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_stream_wait_closed(stream), -ECONNABORTED);
    coro_stream_release(stream);
    close(peer);
    coro_tls_release(start.tls);
    ck_assert_int_eq(next_fd(), fd);
    return 0;
}

/* CPython: test_sslproto.SslProtoHandshakeTests.test_close_during_handshake
 * test_sslproto.SslProtoHandshakeTests.test_get_extra_info_on_closed_connection */
TASK_TEST(a_stream_is_closed_during_its_handshake)
{
    int peer;
    coro_stream *stream = open_tcp_stream(&peer);
    struct tls_start start = {stream, client_tls(), "localhost"};
    coro_task *task = spawn(starts_tls, &start);
    passes(2);
    ck_assert_ptr_null(coro_stream_tls_version(stream)); /* nothing is agreed on */
    ck_assert_ptr_null(coro_stream_tls_cipher(stream));
    ck_assert_int_eq(coro_stream_close(stream), 0);
    ck_assert_int_eq(coro_join(task, NULL), -ECONNABORTED);
    ck_assert_int_eq(coro_stream_wait_closed(stream), 0);
    ck_assert_int_eq(coro_stream_fd(stream), -EBADF);
    coro_stream_release(stream);
    close(peer);
    coro_tls_release(start.tls);
    return 0;
}

static int encrypts(void *stream)
{
    coro_tls *tls = client_tls();
    const coro_connection_options options = {.server_name = "localhost"};
    const int rc = coro_stream_start_tls((coro_stream *)stream, tls, &options);
    coro_tls_release(tls);
    return rc;
}

TASK_TEST(a_stream_is_closed_while_what_was_written_before_is_sent)
{
    static char much[1 << 20];
    coro_stream *stream;
    int fds[2];
    make_pair(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], NULL), 0);
    ck_assert_int_eq(coro_stream_write(stream, much, sizeof much), 0);
    coro_task *task = spawn(encrypts, stream);
    passes(3);
    ck_assert(!coro_done(task));
    ck_assert_int_eq(coro_stream_close(stream), 0);
    passes(3);
    while (coro_recv(fds[1], much, sizeof much, 0) > 0)
        continue;
    ck_assert_int_lt(coro_join(task, NULL), 0);
    coro_stream_release(stream);
    coro_close(fds[1]);
    return 0;
}

TASK_TEST(what_is_written_during_a_handshake_is_sent_behind_it)
{
    const struct tls_ends ends = connect_ends();
    struct tls_start server = {ends.server, server_tls("server"), NULL};
    struct tls_start client = {ends.client, client_tls(), "localhost"};
    coro_task *task = spawn(starts_tls, &client);
    passes(1);
    ck_assert_int_eq(coro_stream_write(ends.client, "early\n", 6), 0);
    ck_assert_int_eq(starts_tls(&server), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_line(ends.server, "early\n");
    expect_open(&ends);
    close_ends(&ends);
    coro_tls_release(client.tls);
    coro_tls_release(server.tls);
    return 0;
}

TASK_TEST(a_server_ends_clients_that_shake_hands)
{
    coro_server *server = start_with(server_tls("server"));
    coro_stream *silent = connect_plainly(server), *other = connect_plainly(server);
    ck_assert_int_eq(coro_server_close_clients(server), 0);
    ck_assert_int_eq(coro_server_abort_clients(server), 0);
    close_server(server);
    ck_assert_int_eq(coro_now(), 0);
    coro_stream_release(silent);
    coro_stream_release(other);
    return 0;
}

/* --- Cancels ---------------------------------------------------------------------------------- */
TASK_TEST(a_cancel_loses_no_byte)
{
    const struct tls_ends ends = connect_default_tls();
    coro_task *task = spawn(reads_line, ends.client);
    ck_assert_int_eq(coro_stream_write(ends.server, "half a ", 7), 0);
    passes(3);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_stream_write(ends.server, "line\n", 5), 0);
    expect_line(ends.client, "half a line\n");
    close_ends(&ends);
    return 0;
}

TASK_TEST(waits_for_a_peer_that_does_not_read_are_cancelled)
{
    const struct tls_ends ends = connect_default_tls();
    char *bytes = calloc(1, MUCH);
    ck_assert_int_eq(coro_stream_write(ends.client, bytes, MUCH), 0);
    coro_task *task = spawn(drains, ends.client);
    passes(2);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    task = spawn(waits_closed, ends.client);
    passes(2);
    coro_cancel(task);
    ck_assert_int_eq(coro_join(task, NULL), -ECANCELED);
    ck_assert_int_eq(coro_stream_readexactly(ends.server, bytes, MUCH, NULL), MUCH);
    free(bytes);
    close_ends(&ends);
    return 0;
}

/* --- Ends ------------------------------------------------------------------------------------- */
/* CPython: test_ssl.TestSSL.test_shutdown_cleanly
 * test_ssl.TestSSL.test_flush_before_shutdown
 * test_sslproto.SslProtoHandshakeTests.test_data_received_after_closing
 * test_sslproto.SslProtoHandshakeTests.test_write_after_closing */
TASK_TEST(the_end_comes_behind_what_was_written)
{
    const struct tls_ends ends = connect_default_tls();
    char *bytes = malloc(MUCH);
    fill(bytes, MUCH, 0);
    ck_assert_int_eq(coro_stream_write(ends.client, bytes, MUCH), 0);
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    ck_assert(coro_stream_is_closing(ends.client));
    ck_assert_int_eq(coro_stream_write(ends.client, "more", 4), -EPIPE);
    ck_assert_int_eq(reads_much(ends.server), 0);
    ck_assert_int_eq(coro_stream_read(ends.server, bytes, 1), 0);
    ck_assert(coro_stream_at_eof(ends.server));
    ck_assert_int_eq(coro_stream_write(ends.server, "late", 4), 0); /* nobody reads it */
    free(bytes);
    close_ends(&ends);
    ck_assert_int_eq(coro_now(), 0);
    return 0;
}

TASK_TEST(a_reader_hears_of_a_close)
{
    const struct tls_ends ends = connect_default_tls();
    coro_task *task = spawn(reads_line, ends.client);
    passes(2);
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    expect_trace("");
    close_ends(&ends);
    return 0;
}

/* CPython: test_ssl.TestSSL.test_shutdown_timeout_handler_leak */
TASK_TEST(a_peer_that_does_not_answer_the_end)
{
    const struct tls_ends ends = connect_default_tls();
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    ck_assert_int_eq(coro_stream_wait_closed(ends.client), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 30 * CORO_SECOND);
    coro_stream_release(ends.client);
    expect_line(ends.server, "");
    close_stream(ends.server);
    return 0;
}

TASK_TEST(a_peer_that_does_not_read_the_rest)
{
    const struct tls_ends ends = connect_default_tls();
    char *bytes = calloc(1, MUCH);
    ck_assert_int_eq(coro_stream_write(ends.client, bytes, MUCH), 0);
    free(bytes);
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    ck_assert_int_eq(coro_stream_wait_closed(ends.client), -ETIMEDOUT);
    ck_assert_int_eq(coro_now(), 30 * CORO_SECOND);
    coro_stream_release(ends.client);
    coro_stream_abort(ends.server);
    coro_stream_release(ends.server);
    return 0;
}

/* It is closed in its face. */
TASK_TEST(a_peer_that_goes_on_writing_after_the_end)
{
    const struct tls_ends ends = connect_default_tls();
    char *bytes = calloc(1, MUCH);
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    ck_assert_int_eq(coro_stream_write(ends.server, bytes, MUCH), 0);
    free(bytes);
    ck_assert_int_eq(coro_stream_wait_closed(ends.client), 0);
    ck_assert_int_eq(coro_now(), 0);
    coro_stream_release(ends.client);
    ck_assert_int_lt(coro_stream_wait_closed(ends.server), 0);
    coro_stream_release(ends.server);
    return 0;
}

TASK_TEST(a_stream_that_is_given_up_says_so)
{
    const struct tls_ends ends = connect_default_tls();
    coro_stream_release(ends.client);
    expect_line(ends.server, "");
    close_stream(ends.server);
    return 0;
}

/* An end without close_notify, as of somebody who cuts a wire. */
static coro_stream *cut_off(coro_tls *client)
{
    struct tls_ends ends = connect_tls(client, server_tls("server"));
    ck_assert_int_eq(coro_stream_write(ends.server, "whole\npart", 10), 0);
    ck_assert_int_eq(coro_stream_abort(ends.server), 0);
    coro_stream_release(ends.server);
    return ends.client;
}

TASK_TEST(an_end_that_the_peer_has_not_told_is_an_error)
{
    char *line;
    coro_stream *stream = cut_off(client_tls());
    expect_line(stream, "whole\n");
    expect_failure((int)coro_stream_readline(stream, &line), -ECONNRESET,
                   "the connection ended without TLS close_notify");
    expect_failure(coro_stream_wait_closed(stream), -ECONNRESET, "close_notify");
    coro_stream_release(stream);
    return 0;
}

/* CPython: test_ssl.TestSSL.test_shutdown_timeout_handler_not_set */
TASK_TEST(an_end_that_the_peer_has_not_told_may_be_allowed)
{
    const coro_tls_options options = {.ca_file = pem_file("ca"), .allow_truncation = true};
    coro_stream *stream = cut_off(make_tls(&options));
    expect_line(stream, "whole\n");
    expect_line(stream, "part");
    expect_line(stream, "");
    close_stream(stream);
    return 0;
}

TASK_TEST(a_connection_is_reset)
{
    const struct tls_ends ends = connect_default_tls();
    const struct linger linger = {.l_onoff = 1};
    char byte;
    setsockopt(coro_stream_fd(ends.server), SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    coro_stream_abort(ends.server);
    ck_assert_int_eq(coro_stream_read(ends.client, &byte, 1), -ECONNRESET);
    ck_assert_ptr_null(coro_error_message(coro_current_task()));
    ck_assert_int_lt(coro_stream_write(ends.client, "x", 1), 0);
    coro_stream_release(ends.client);
    coro_stream_release(ends.server);
    return 0;
}

static int leaves_streams(void *arg)
{
    const struct tls_ends ends = connect_default_tls();
    char *bytes = calloc(1, MUCH);
    ck_assert_int_eq(coro_stream_write(ends.client, bytes, MUCH), 0);
    free(bytes);
    coro_stream_close(ends.client);
    coro_stream_release(ends.client);
    *(coro_stream **)arg = ends.server;
    return 0;
}

START_TEST(a_stream_outlives_its_loop)
{
    const int fd = next_fd();
    coro_stream *left;
    ck_assert_int_eq(run_test(leaves_streams, &left), 0);
    ck_assert_int_eq(next_fd(), fd);
    ck_assert_str_eq(coro_stream_tls_version(left), "TLSv1.3");
    coro_stream_release(left);
}
END_TEST

/* --- New keys --------------------------------------------------------------------------------- */
int SSL_key_update(void *ssl, int type) OPENSSL;
int SSL_renegotiate(void *ssl) OPENSSL;
uint64_t SSL_CTX_set_options(void *ctx, uint64_t options) OPENSSL;
uint64_t SSL_CTX_clear_options(void *ctx, uint64_t options) OPENSSL;

enum {
    KEY_UPDATE_REQUESTED = 1,
    ALLOW_CLIENT_RENEGOTIATION = 1 << 8,
    NO_RENEGOTIATION = 1 << 30,
};

/* Once: OpenSSL 3.0 fails if another message comes before the answer could be sent. It refuses
 * while a record is half sent. */
static int changes_keys(void *stream)
{
    do
        passes(3);
    while (!SSL_key_update(coro_stream_tls_ssl((coro_stream *)stream), KEY_UPDATE_REQUESTED));
    return 0;
}

/* One end asks for it, and the other has to answer in the midst of its own writes. */
TASK_TEST(keys_change_while_bytes_go_through)
{
    const struct tls_ends ends = connect_default_tls();
    coro_stream *const streams[] = {ends.client, ends.server, ends.client};
    for (int i = 0; i < 3; i++) {
        coro_task *task = spawn(changes_keys, streams[i]);
        exchange_much(&ends);
        ck_assert_int_eq(coro_join(task, NULL), 0);
    }
    expect_open(&ends);
    close_ends(&ends);
    return 0;
}

/* Writes a byte for each record, until the socket below is full. How many it has taken. */
static int fill_with_records(coro_stream *stream, int most)
{
    int count = 0;
    for (; count < most; count++) {
        ck_assert_int_eq(coro_stream_write(stream, "x", 1), 0);
        if (coro_stream_get_write_buffer_size(stream) > 0)
            break;
    }
    return count;
}

/* There is just no room for the message that changes the keys, and the write behind it is shorter
 * than that. */
TASK_TEST(a_short_write_behind_a_change_of_keys)
{
    struct tls_ends ends = pair_tls();
    char bytes[20000];
    const int count = fill_with_records(ends.server, sizeof bytes);
    coro_stream_abort(ends.server);
    coro_stream_abort(ends.client);
    coro_stream_release(ends.server);
    coro_stream_release(ends.client);

    ends = pair_tls();
    ck_assert_int_eq(fill_with_records(ends.server, count), count);
    ck_assert_int_eq(SSL_key_update(coro_stream_tls_ssl(ends.client), KEY_UPDATE_REQUESTED), 1);
    expect_hello(ends.client, ends.server);
    ck_assert_int_eq(coro_stream_write(ends.server, "\n", 1), 0);
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(ends.server), 1);
    ck_assert_int_eq(coro_stream_readexactly(ends.client, bytes, (size_t)count, NULL), count);
    expect_line(ends.client, "\n");
    close_ends(&ends);
    return 0;
}

/* A message of OpenSSL's own that could not be sent yet goes before the end. */
TASK_TEST(an_end_behind_a_change_of_keys)
{
    const struct tls_ends ends = connect_default_tls();
    ck_assert_int_eq(SSL_key_update(coro_stream_tls_ssl(ends.client), KEY_UPDATE_REQUESTED), 1);
    ck_assert_int_eq(coro_stream_close(ends.client), 0);
    expect_line(ends.server, "");
    close_ends(&ends);
    return 0;
}

/* Contexts for TLS 1.2. */
static void make_older(coro_tls **client, coro_tls **server)
{
    coro_tls_options of_client = {.max_version = CORO_TLS_1_2}, of_server = {0};
    connect_versions(&of_client, &of_server);
    *client = make_tls(&of_client);
    *server = make_tls(&of_server);
}

/* A peer could have one make any number of them. */
TASK_TEST(there_is_one_handshake)
{
    for (int i = 0; i < 2; i++) {
        coro_tls *client, *server;
        make_older(&client, &server);
        SSL_CTX_clear_options(coro_tls_ssl_ctx(i ? client : server), NO_RENEGOTIATION);
        struct tls_ends ends = connect_tls(client, server);
        coro_stream *asks = i ? ends.client : ends.server, *other = i ? ends.server : ends.client;
        ck_assert_int_eq(SSL_renegotiate(coro_stream_tls_ssl(asks)), 1);
        coro_task *task = spawn(reads_line, other);
        ck_assert_int_eq(coro_stream_write(asks, "again\n", 6), 0);
        expect_failure((int)coro_stream_read(asks, &(char){0}, 1), -EPROTO, "no renegotiation");
        ck_assert_int_eq(coro_join(task, NULL), i ? -EPROTO : 6);
        expect_trace(i ? "" : "again\n");
        coro_stream_abort(other);
        coro_stream_release(other);
        coro_stream_release(asks);
    }
    return 0;
}

/* Where it is allowed, a write can have to wait for what is read. */
TASK_TEST(a_write_waits_for_a_handshake)
{
    coro_tls *client, *server;
    make_older(&client, &server);
    SSL_CTX_clear_options(coro_tls_ssl_ctx(client), NO_RENEGOTIATION);
    SSL_CTX_clear_options(coro_tls_ssl_ctx(server), NO_RENEGOTIATION);
    SSL_CTX_set_options(coro_tls_ssl_ctx(server), ALLOW_CLIENT_RENEGOTIATION);
    const struct tls_ends ends = connect_tls(client, server);
    ck_assert_int_eq(SSL_renegotiate(coro_stream_tls_ssl(ends.client)), 1);
    ck_assert_int_eq(coro_stream_write(ends.client, "written\n", 8), 0);
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(ends.client), 8);
    expect_line(ends.server, "written\n");
    ck_assert_uint_eq(coro_stream_get_write_buffer_size(ends.client), 0);
    expect_open(&ends);

    /* Also where somebody reads at the same time. */
    ck_assert_int_eq(SSL_renegotiate(coro_stream_tls_ssl(ends.client)), 1);
    coro_task *task = spawn(reads_line, ends.client);
    ck_assert_int_eq(coro_stream_write(ends.client, "written\n", 8), 0);
    expect_line(ends.server, "written\n");
    ck_assert_int_eq(coro_stream_write(ends.server, "read\n", 5), 0);
    ck_assert_int_eq(coro_join(task, NULL), 5);
    expect_trace("read\n");
    close_ends(&ends);
    return 0;
}

/* --- Several threads -------------------------------------------------------------------------- */
static coro_tls *shared_client, *shared_server;

static int connects_often(void *arg)
{
    for (int i = 0; i < 10; i++) {
        const struct tls_ends ends =
            connect_tls(coro_tls_retain(shared_client), coro_tls_retain(shared_server));
        expect_open(&ends);
        close_ends(&ends);
    }
    return 0;
}

static void *runs_a_loop(void *arg)
{
    ck_assert_int_eq(run_test(connects_often, NULL), 0);
    return NULL;
}

START_TEST(loops_of_several_threads_share_contexts)
{
    pthread_t threads[3];
    shared_client = client_tls();
    shared_server = server_tls("server");
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, runs_a_loop, NULL), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    coro_tls_release(shared_client);
    coro_tls_release(shared_server);
}
END_TEST

/* --- Without it ------------------------------------------------------------------------------- */
/* CPython:
 * test_selector_events.BaseSelectorEventLoopTests.test_make_ssl_transport_without_ssl_error */
TASK_TEST(without_openssl_there_are_no_contexts)
{
    coro_tls *tls = (coro_tls *)&tls;
    ck_assert_int_eq(coro_tls_create(&tls, NULL), -EOPNOTSUPP);
    ck_assert_ptr_null(tls);
    ck_assert_ptr_null(coro_tls_ssl_ctx(coro_tls_retain(tls)));
    coro_tls_release(tls);
    return 0;
}

int main(void)
{
    const TTest *const without[] = {without_openssl_there_are_no_contexts, NULL};
    const TTest *const tests[] = {
        contexts_that_cannot_be_made,
        a_key_of_another_type_is_another_certificate_s,
        the_password_of_a_key,
        contexts_where_they_do_not_belong,
        a_client_and_a_server,
        over_a_unix_socket,
        much_in_both_directions,
        a_peer_that_writes_as_well_is_not_held_up,
        what_comes_in_one_go_is_read_in_many,
        small_pieces_become_one_record,
        an_older_version,
        no_version_in_common,
        protocols_above,
        a_server_with_several_names,
        a_stream_that_is_aborted_inside_its_handshake_sends_no_more,
        the_server_knows_which_name_was_asked_for,
        certificates_that_are_refused,
        certificates_that_are_taken,
        names_that_no_server_has,
        weak_keys_are_refused,
        the_system_trusts_none_of_these,
        certificates_of_clients,
        a_server_sees_whom_it_has_verified,
        what_was_written_before_goes_out_as_it_is,
        both_sides_agree_to_encrypt,
        bytes_from_before_are_not_taken_for_encrypted_ones,
        streams_that_have_ended_are_not_encrypted,
        a_silent_server_does_not_hold_a_client,
        a_silent_client_does_not_hold_a_server,
        a_server_goes_on_after_clients_that_do_not_speak_tls,
        debug_mode_reports_handshakes_that_fail,
        a_server_that_does_not_speak_tls,
        the_peer_goes_during_the_handshake,
        a_handshake_is_cancelled,
        a_stream_is_closed_during_its_handshake,
        a_stream_is_closed_while_what_was_written_before_is_sent,
        what_is_written_during_a_handshake_is_sent_behind_it,
        a_server_ends_clients_that_shake_hands,
        a_cancel_loses_no_byte,
        waits_for_a_peer_that_does_not_read_are_cancelled,
        the_end_comes_behind_what_was_written,
        a_reader_hears_of_a_close,
        a_peer_that_does_not_answer_the_end,
        a_peer_that_does_not_read_the_rest,
        a_peer_that_goes_on_writing_after_the_end,
        a_stream_that_is_given_up_says_so,
        an_end_that_the_peer_has_not_told_is_an_error,
        an_end_that_the_peer_has_not_told_may_be_allowed,
        a_connection_is_reset,
        a_stream_outlives_its_loop,
        keys_change_while_bytes_go_through,
        a_short_write_behind_a_change_of_keys,
        an_end_behind_a_change_of_keys,
        there_is_one_handshake,
        a_write_waits_for_a_handshake,
        loops_of_several_threads_share_contexts,
        NULL,
    };
    return have_tls() ? run_tls_suite("tls", tests) : run_suite("tls", without);
}
