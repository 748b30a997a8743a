/* SPDX-License-Identifier: MIT */
/* Connections, servers, datagrams, pipes and terminals as CPython's cases of loops have them. */
#include "../support_stream.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* CPython, does not apply: the name and the limit of time for a handshake mean nothing without a
 * context:
 * test_events.EventLoopTestsMixin.test_connect_accepted_socket_ssl_timeout_for_plain_socket
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_server_ssl_timeout_for_plain_socket
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_ssl_timeout_for_plain_socket
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_no_ssl_server_hostname_errors
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_server_ssl_timeout_with_plain_sock
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_connection_nossl_serverhost
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_connection_ssl_timeout_with_plain_sock
 */
/* CPython, does not apply: a context has a type of its own:
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_server_ssl_bool */
/* CPython, does not apply: each kind of socket, and a path, has a call of its own: there is
 * nothing to mix up or to leave out:
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_host_port_sock
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_server_host_port_sock
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_server_no_host_port_sock
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_wrong_sock
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_sock
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_sock_unix
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_existing_sock_unix
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_sock_sockopts
 * test_events.EventLoopTestsMixin.test_create_datagram_endpoint_sock
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_server_path_inetsock
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_connection_path_inetsock
 * test_unix_events.SelectorEventLoopUnixSocketTests.test_create_unix_connection_path_sock */
/* CPython, does not apply: a struct of C has no representation as a text, no traceback, and no
 * equality or order of its own:
 * test_events.HandleTests.test_handle_weakref
 * test_events.HandleTests.test_handle_repr
 * test_events.HandleTests.test_handle_repr_debug
 * test_events.HandleTests.test_handle_source_traceback
 * test_events.HandleTests.test_coroutine_like_object_debug_formatting
 * test_events.TimerTests.test_hash
 * test_events.TimerTests.test_timer_repr
 * test_events.TimerTests.test_timer_repr_debug
 * test_events.TimerTests.test_timer_comparison
 * test_pep492.CoroutineTests.test_task_print_stack */
/* CPython, does not apply: no loop is set that does not run, and there are no policies and no
 * abstract classes:
 * test_events.AbstractEventLoopTests.test_not_implemented
 * test_events.AbstractEventLoopTests.test_not_implemented_async
 * test_events.PolicyTests.test_event_loop_policy
 * test_events.PolicyTests.test_get_event_loop
 * test_events.PolicyTests.test_get_event_loop_calls_set_event_loop
 * test_events.PolicyTests.test_get_event_loop_after_set_none
 * test_events.PolicyTests.test_get_event_loop_thread
 * test_events.PolicyTests.test_new_event_loop
 * test_events.PolicyTests.test_set_event_loop
 * test_events.PolicyTests.test_get_event_loop_policy
 * test_events.PolicyTests.test_set_event_loop_policy
 * test_events.GetEventLoopTestsMixin.test_get_event_loop_returns_running_loop
 * test_events.GetEventLoopTestsMixin.test_get_event_loop_returns_running_loop2
 * test_events.TestServer.test_get_loop
 * test_events.TestAbstractServer.test_close
 * test_events.TestAbstractServer.test_wait_closed
 * test_events.TestAbstractServer.test_get_loop
 * test_unix_events.AbstractChildWatcherTests.test_warns_on_subclassing
 * test_unix_events.AbstractChildWatcherTests.test_not_implemented
 * test_unix_events.BaseChildWatcherTests.test_not_implemented
 * test_unix_events.PolicyTests.test_get_default_child_watcher
 * test_unix_events.PolicyTests.test_get_child_watcher_after_set
 * test_unix_events.PolicyTests.test_get_child_watcher_thread
 * test_unix_events.PolicyTests.test_child_watcher_replace_mainloop_existing
 * test_base_events.BaseEventLoopTests.test_not_implemented */
/* CPython, does not apply: they are for macOS and Windows:
 * test_events.ProactorEventLoopTests.test_reader_callback
 * test_events.ProactorEventLoopTests.test_reader_callback_cancel
 * test_events.ProactorEventLoopTests.test_writer_callback
 * test_events.ProactorEventLoopTests.test_writer_callback_cancel
 * test_events.ProactorEventLoopTests.test_remove_fds_after_closing
 * test_events.KqueueEventLoopTests.test_read_pty_output
 * test_events.KqueueEventLoopTests.test_write_pty */
/* CPython, does not apply: there are no coroutine objects and no locks in a with statement:
 * test_pep492.LockTests.test_context_manager_async_with
 * test_pep492.LockTests.test_context_manager_with_await
 * test_pep492.CoroutineTests.test_iscoroutine
 * test_pep492.CoroutineTests.test_iscoroutine_generator
 * test_pep492.CoroutineTests.test_iscoroutinefunction
 * test_pep492.CoroutineTests.test_async_def_coroutines
 * test_pep492.CoroutineTests.test_debug_mode_manages_coroutine_origin_tracking
 * test_pep492.CoroutineTests.test_types_coroutine
 * test_pep492.CoroutineTests.test_double_await
 * test_base_events.BaseEventLoopWithSelectorTests.test_call_coroutine
 * test_unix_events.SelectorEventLoopSignalTests.test_add_signal_handler_coroutine_error */
/* CPython, does not apply: the compiler finds what is no path, no number or no address:
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_addr_error
 * test_base_events.BaseEventTests.test_port_parameter_types
 * test_unix_events.TestFunctional.test_add_reader_invalid_argument
 * test_events.SubprocessTestsMixin.test_subprocess_exec_invalid_args
 * test_events.SubprocessTestsMixin.test_subprocess_shell_invalid_args
 * test_base_events.BaseEventLoopTests.test_subprocess_exec_invalid_args
 * test_base_events.BaseEventLoopTests.test_subprocess_shell_invalid_args */
/* CPython, does not apply: a system has SO_REUSEPORT and inet_pton() here:
 * test_base_events.BaseEventTests.test_ipaddr_info_no_inet_pton
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_no_inet_pton
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_server_nosoreuseport
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_server_soreuseport_only_defined
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_nosoreuseport */
/* CPython, does not apply: there is one loop a thread, which runs a function to its end: nothing
 * stops it, swaps its poller, or closes it beside:
 * test_base_events.BaseEventLoopTests.test__run_once
 * test_base_events.BaseEventLoopTests.test_run_until_complete_loop
 * test_base_events.BaseEventLoopTests.test_run_until_complete_loop_orphan_future_close_loop
 * test_base_events.BaseEventLoopTests.test_single_selecter_event_callback_after_stopping
 * test_base_events.BaseEventLoopTests.test_run_forever_pre_stopped
 * test_base_events.BaseEventLoopTests.test_custom_run_forever_integration
 * test_events.EventLoopTestsMixin.test_run_until_complete_stopped
 * test_events.EventLoopTestsMixin.test_internal_fds
 * test_events.EventLoopTestsMixin.test_remove_fds_after_closing
 * test_events.EventLoopTestsMixin.test_add_fds_after_closing
 * test_selector_events.BaseSelectorEventLoopTests.test_close_no_selector
 * test_selector_events.BaseSelectorEventLoopTests.test_read_from_self_exception
 * test_selector_events.BaseSelectorEventLoopTests.test_write_to_self_exception
 * test_unix_events.SelectorEventLoopSignalTests.test_close_on_finalizing */
/* CPython, does not apply: threads come from the loop alone, with a limit and without a time
 * limit:
 * test_base_events.BaseEventLoopTests.test_set_default_executor
 * test_base_events.BaseEventLoopTests.test_set_default_executor_error
 * test_base_events.BaseEventLoopTests.test_shutdown_default_executor_timeout */
/* CPython, does not apply: a callback returns nothing, so none can fail, and no exception goes
 * through a loop:
 * test_base_events.BaseEventLoopTests.test_default_exc_handler_callback
 * test_base_events.BaseEventLoopTests.test_set_exc_handler_invalid
 * test_base_events.BaseEventLoopTests.test_set_exc_handler_broken
 * test_base_events.BaseEventLoopTests.test_default_exc_handler_broken
 * test_base_events.BaseEventLoopTests.test_run_forever_keyboard_interrupt
 * test_base_events.BaseEventLoopTests.test_run_until_complete_baseexception
 * test_events.HandleTests.test_callback_with_exception */
/* CPython, does not apply: tasks have no factory, and functions are not closed:
 * test_base_events.BaseEventLoopTests.test_set_task_factory_invalid
 * test_base_events.BaseEventLoopTests.test_set_task_factory
 * test_base_events.BaseEventLoopTests.test_create_task
 * test_base_events.BaseEventLoopTests.test_create_task_error_closes_coro
 * test_base_events.BaseEventLoopTests.test_create_named_task_with_default_factory
 * test_base_events.BaseEventLoopTests.test_create_named_task_with_custom_factory
 * test_base_events.BaseEventLoopTests.test_asyncgen_finalization_by_gc
 * test_base_events.BaseEventLoopTests.test_asyncgen_finalization_by_gc_in_other_thread */
/* CPython, does not apply: a private function of asyncio:
 * test_base_events.BaseEventLoopTests.test__add_callback_handle
 * test_base_events.BaseEventTests.test_ipaddr_info
 * test_selector_events.BaseSelectorEventLoopTests.test_make_socket_transport
 * test_selector_events.BaseSelectorEventLoopTests.test_sock_connect_resolve_using_socket_params */
/* CPython, does not apply: addresses are those of IP:
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_bluetooth */
/* CPython, does not apply: a socket that may broadcast is connected where a remote address is
 * asked for, as coro_send() needs it:
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_allow_broadcast */
/* CPython, does not apply: a socket is non-blocking from the start:
 * test_base_events.BaseEventLoopWithSelectorTests.test_create_datagram_endpoint_setblk_err */
/* CPython, does not apply: what a task waits for has no callback to replace, remove or give
 * arguments:
 * test_selector_events.BaseSelectorEventLoopTests.test_add_reader_existing
 * test_selector_events.BaseSelectorEventLoopTests.test_remove_reader_unknown
 * test_selector_events.BaseSelectorEventLoopTests.test_add_writer_existing
 * test_selector_events.BaseSelectorEventLoopTests.test_remove_writer_unknown
 * test_events.EventLoopTestsMixin.test_signal_handling_args
 * test_unix_events.SelectorEventLoopSignalTests.test_handle_signal_cancelled_handler */
/* CPython, does not apply: a server hands out its fd itself, which is closed to children:
 * test_events.EventLoopTestsMixin.test_create_server_trsock */
/* CPython, does not apply: passes of the loop are not counted:
 * test_events.EventLoopTestsMixin.test_timeout_rounding */
/* CPython, does not apply: there are no transports and protocols: tasks read when they want to,
 * and nothing is paused, exchanged or called back:
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_ctor
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_get_buffer_error
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_get_buffer_zerosized
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_proto_type_switch
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_buffer_updated_error
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_read_eof_received_error
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_read_ready
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_read_ready_eof
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_read_ready_eof_keep_open
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_read_ready_tryagain
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_read_ready_tryagain_interrupted
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_read_ready_conn_reset
 * test_selector_events.SelectorSocketTransportBufferedProtocolTests.test_read_ready_err
 * test_unix_events.UnixReadPipeTransportTests.test_ctor
 * test_unix_events.UnixReadPipeTransportTests.test__read_ready_blocked
 * test_unix_events.UnixReadPipeTransportTests.test__read_ready_error
 * test_unix_events.UnixReadPipeTransportTests.test_pause_reading
 * test_unix_events.UnixReadPipeTransportTests.test_resume_reading
 * test_unix_events.UnixReadPipeTransportTests.test_close
 * test_unix_events.UnixReadPipeTransportTests.test_close_already_closing
 * test_unix_events.UnixReadPipeTransportTests.test__close
 * test_unix_events.UnixReadPipeTransportTests.test__call_connection_lost
 * test_unix_events.UnixReadPipeTransportTests.test__call_connection_lost_with_err
 * test_unix_events.UnixReadPipeTransportTests.test_pause_reading_on_closed_pipe
 * test_unix_events.UnixReadPipeTransportTests.test_pause_reading_on_paused_pipe
 * test_unix_events.UnixReadPipeTransportTests.test_resume_reading_on_closed_pipe
 * test_unix_events.UnixReadPipeTransportTests.test_resume_reading_on_paused_pipe
 * test_selector_events.SelectorTransportTests.test_ctor
 * test_selector_events.SelectorTransportTests.test_fatal_error_custom_exception
 * test_selector_events.SelectorTransportTests.test__add_reader
 * test_selector_events.SelectorSocketTransportTests.test_ctor
 * test_selector_events.SelectorSocketTransportTests.test_ctor_with_waiter
 * test_selector_events.SelectorSocketTransportTests.test_pause_resume_reading
 * test_selector_events.SelectorSocketTransportTests.test_pause_reading_connection_made
 * test_selector_events.SelectorSocketTransportTests.test_read_eof_received_error
 * test_selector_events.SelectorSocketTransportTests.test_data_received_error
 * test_selector_events.SelectorSocketTransportTests.test_read_ready_tryagain_interrupted
 * test_selector_events.SelectorSocketTransportTests.test_write_ready_no_data
 * test_selector_events.SelectorSocketTransportTests.test_transport_close_remove_writer
 * test_selector_events.SelectorDatagramTransportTests.test_transport_inheritance
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_connected_addr
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_closing
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_ready_closing
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_ready_no_data
 * test_selector_events.SelectorDatagramTransportTests.test_fatal_error_connected
 * test_selector_events.SelectorDatagramTransportTests.test_fatal_error_connected_custom_error
 * test_unix_events.UnixWritePipeTransportTests.test_ctor
 * test_unix_events.UnixWritePipeTransportTests.test__write_ready_empty
 * test_unix_events.UnixWritePipeTransportTests.test__call_connection_lost
 * test_unix_events.UnixWritePipeTransportTests.test__call_connection_lost_with_err
 * test_unix_events.TestFunctional.test_add_reader_or_writer_transport_fd */
/* CPython, does not apply: bytes are bytes, in whatever memory:
 * test_selector_events.SelectorSocketTransportTests.test_write_bytearray
 * test_selector_events.SelectorSocketTransportTests.test_write_memoryview
 * test_selector_events.SelectorSocketTransportTests.test_write_partial_bytearray
 * test_selector_events.SelectorSocketTransportTests.test_write_partial_memoryview
 * test_selector_events.SelectorSocketTransportTests.test_write_str
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_bytearray
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_memoryview
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_buffer_bytearray
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_buffer_memoryview
 * test_selector_events.SelectorDatagramTransportTests.test_sendto_str */
/* CPython, does not apply: a pipe is not ended but closed:
 * test_unix_events.UnixWritePipeTransportTests.test_can_write_eof
 * test_unix_events.UnixWritePipeTransportTests.test_write_eof
 * test_unix_events.UnixWritePipeTransportTests.test_write_eof_pending */
/* CPython, does not apply: there is no wakeup fd of signals that could fail:
 * test_unix_events.SelectorEventLoopSignalTests.test_add_signal_handler_setup_error
 * test_unix_events.SelectorEventLoopSignalTests.test_remove_signal_handler_cleanup_error
 * test_unix_events.SelectorEventLoopSignalTests.test_remove_signal_handler_error2 */
/* CPython, does not apply: a race has at least one address:
 * test_staggered.StaggeredTests.test_empty */
/* CPython, does not apply: there are no child watchers with handlers: a process is waited for by
 * its handle:
 * test_unix_events.ChildWatcherTestsMixin.test_create_watcher
 * test_unix_events.ChildWatcherTestsMixin.test_sigchld_replace_handler
 * test_unix_events.ChildWatcherTestsMixin.test_sigchld_remove_handler
 * test_unix_events.ChildWatcherTestsMixin.test_remove_child_handler
 * test_unix_events.ChildWatcherTestsMixin.test_sigchld_unhandled_exception
 * test_unix_events.ChildWatcherTestsMixin.test_sigchld_unknown_pid_during_registration
 * test_unix_events.ChildWatcherTestsMixin.test_set_loop
 * test_unix_events.ChildWatcherTestsMixin.test_set_loop_race_condition
 * test_unix_events.ChildWatcherTestsMixin.test_close */
/* CPython, does not apply: how a loop wakes itself is its own:
 * test_selector_events.BaseSelectorEventLoopTests.test_read_from_self_tryagain
 * test_selector_events.BaseSelectorEventLoopTests.test_write_to_self_tryagain */
/* CPython, does not apply: a subscription ends without an error, and nothing comes behind it:
 * test_unix_events.SelectorEventLoopSignalTests.test_remove_signal_handler_error
 * test_unix_events.SelectorEventLoopSignalTests.test_handle_signal_no_handler */
/* CPython, does not apply: the close frees the loop, which must not be used after it:
 * test_events.EventLoopTestsMixin.test_close
 * test_base_events.BaseEventLoopTests.test_close */
/* CPython, does not apply: there are no classes of transports and protocols:
 * test_buffered_proto.BaseTestBufferedProtocol.test_buffered_proto_create_connection
 * test_protocols.ProtocolsAbsTests.test_base_protocol
 * test_protocols.ProtocolsAbsTests.test_protocol
 * test_protocols.ProtocolsAbsTests.test_buffered_protocol
 * test_protocols.ProtocolsAbsTests.test_datagram_protocol
 * test_protocols.ProtocolsAbsTests.test_subprocess_protocol
 * test_transports.TransportTests.test_ctor_extra_is_none
 * test_transports.TransportTests.test_get_extra_info
 * test_transports.TransportTests.test_writelines
 * test_transports.TransportTests.test_not_implemented
 * test_transports.TransportTests.test_dgram_not_implemented
 * test_transports.TransportTests.test_subprocess_transport_not_implemented */
/* CPython, does not apply: an error has no traceback, a future no text, and a report has its
 * task in place of a context:
 * test_futures2.FutureTests.test_future_traceback
 * test_futures2.FutureTests.test_task_exc_handler_correct_context
 * test_futures2.FutureTests.test_handle_exc_handler_correct_context
 * test_futures2.FutureReprTests.test_recursive_repr_for_pending_tasks */

static coro_server *start(const char *host, coro_client_fn *fn, void *arg)
{
    coro_server *server;
    ck_assert_int_eq(coro_start_server(&server, host, NULL, fn, arg, NULL), 0);
    return server;
}

static int reads_to_the_end(coro_stream *stream, void *count)
{
    char buffer[64];
    ssize_t n;
    while ((n = coro_stream_read(stream, buffer, sizeof buffer)) > 0)
        *(int *)count += (int)n;
    return (int)n;
}

static bool lacks_ipv6(const char *test)
{
    const int fd = socket(AF_INET6, SOCK_STREAM, 0);
    const struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                         .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const bool lacks = bind(fd, (const struct sockaddr *)&address, sizeof address) < 0;
    close(fd);
    errno = 0;
    if (lacks)
        skip(test);
    return lacks;
}

/* --- Connections ------------------------------------------------------------------------------ */
/* CPython: test_events.EventLoopTestsMixin.test_create_connection_local_addr */
TASK_TEST(a_connection_has_the_port_that_it_is_to_come_from)
{
    int count = 0;
    char port[8];
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    coro_stream *stream;
    coro_server *server = start("127.0.0.1", reads_to_the_end, &count);
    coro_server *other = start("127.0.0.1", reads_to_the_end, &count);
    snprintf(port, sizeof port, "%s", port_of(other));
    close_server(other); /* its port is free now */
    const coro_connection_options options = {.local_host = "127.0.0.1", .local_port = port};
    ck_assert_int_eq(coro_open_connection(&stream, "127.0.0.1", port_of(server), &options), 0);
    ck_assert_int_eq(coro_stream_sockname(stream, (struct sockaddr *)&own, &size), 0);
    ck_assert_int_eq(ntohs(own.sin_port), atoi(port));
    close_stream(stream);
    close_server(server);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_create_connection_local_addr_in_use */
TASK_TEST(a_connection_cannot_come_from_a_port_that_is_taken)
{
    int count = 0;
    char expected[64];
    coro_stream *stream;
    coro_server *server = start("127.0.0.1", reads_to_the_end, &count);
    const coro_connection_options options = {.local_host = "127.0.0.1",
                                             .local_port = port_of(server)};
    ck_assert_int_eq(coro_open_connection(&stream, "127.0.0.1", port_of(server), &options),
                     -EADDRINUSE);
    snprintf(expected, sizeof expected, "127.0.0.1:%s: ", port_of(server));
    ck_assert_ptr_nonnull(strstr(coro_error_message(coro_current_task()), expected));
    close_server(server);
    return 0;
}

static int sends_and_waits(void *fd)
{
    char answer[8];
    ck_assert_int_eq(coro_send_all(NUMBER(fd), "test data", 9, 0, NULL), 9);
    ck_assert_int_eq(coro_read_all(NUMBER(fd), answer, sizeof answer, NULL), 5);
    ck_assert_mem_eq(answer, "roger", 5);
    return coro_close(NUMBER(fd));
}

/* CPython: test_events.EventLoopTestsMixin.test_connect_accepted_socket */
TASK_TEST(a_socket_that_was_accepted_elsewhere_becomes_a_stream)
{
    struct sockaddr_storage address;
    socklen_t size;
    coro_stream *stream;
    const int listener = listen_tcp(&address, &size), client = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&address, size), 0);
    const int fd = accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    coro_task *task = spawn(sends_and_waits, ARG(client));
    ck_assert_int_eq(coro_open_stream(&stream, fd, NULL), 0);
    expect_bytes(stream, 9, "test data");
    ck_assert_int_eq(coro_stream_write(stream, "roger", 5), 0);
    close_stream(stream);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert_int_eq(coro_close(listener), 0);
    return 0;
}

/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_create_connection_ipv6_scope */
TASK_TEST(an_address_may_have_a_scope)
{
    const struct addrinfo hints = {.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    struct sockaddr_in6 address;
    ck_assert_int_eq(coro_getaddrinfo("fe80::1%1", "80", &hints, &found), 0);
    memcpy(&address, found->ai_addr, sizeof address);
    ck_assert_uint_eq(address.sin6_scope_id, 1);
    ck_assert_int_eq(ntohs(address.sin6_port), 80);
    coro_freeaddrinfo(found);
    return 0;
}

static int nodelay_of(int fd)
{
    int value = -1;
    socklen_t size = sizeof value;
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    return value;
}

/* CPython: test_base_events.TestSelectorUtils.test_set_nodelay */
TASK_TEST(a_stream_does_not_delay_small_writes)
{
    int fds[2];
    coro_stream *stream;
    make_tcp(fds);
    ck_assert_int_eq(nodelay_of(fds[0]), 0);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], NULL), 0);
    ck_assert_int_ne(nodelay_of(fds[0]), 0);
    close_stream(stream);
    ck_assert_int_eq(coro_close(fds[1]), 0);
    return 0;
}

/* --- Servers ---------------------------------------------------------------------------------- */
struct client {
    coro_event connected;
    struct sockaddr_in own, peer;
    char text[4];
};

static int notes_its_client(coro_stream *stream, void *arg)
{
    struct client *client = arg;
    socklen_t own = sizeof client->own, peer = sizeof client->peer;
    ck_assert_int_eq(coro_stream_sockname(stream, (struct sockaddr *)&client->own, &own), 0);
    ck_assert_int_eq(coro_stream_peername(stream, (struct sockaddr *)&client->peer, &peer), 0);
    ck_assert_int_eq(coro_stream_readexactly(stream, client->text, 3, NULL), 3);
    coro_event_set(&client->connected);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_create_server */
TASK_TEST(a_server_at_any_address_knows_who_comes)
{
    struct client client = {.connected = CORO_EVENT_INITIALIZER};
    coro_server *server = start("0.0.0.0", notes_its_client, &client);
    ck_assert_uint_eq(coro_server_socket_count(server), 1);
    coro_stream *stream = connect_to_server(server);
    ck_assert_int_eq(coro_stream_write(stream, "xxx", 3), 0);
    ck_assert_int_eq(coro_event_wait(&client.connected), 0);
    ck_assert_mem_eq(client.text, "xxx", 3);
    ck_assert_int_eq(ntohs(client.own.sin_port), coro_server_port(server));
    ck_assert_uint_eq(client.peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    expect_bytes(stream, 1, "");
    close_stream(stream);
    close_server(server);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_create_server_sock */
/* CPython: test_base_events.BaseEventLoopWithSelectorTests.test_create_server_stream_bittype */
TASK_TEST(a_server_has_the_socket_that_it_was_given)
{
    int count = 0;
    coro_server *server;
    struct sockaddr_in address = {.sin_family = AF_INET};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(coro_start_fd_server(&server, fd, reads_to_the_end, &count, NULL), 0);
    ck_assert_uint_eq(coro_server_socket_count(server), 1);
    ck_assert_int_eq(coro_server_fd(server, 0), fd);
    coro_stream *stream = connect_to_server(server);
    ck_assert_int_eq(coro_stream_write(stream, "xxx", 3), 0);
    passes(3);
    close_stream(stream);
    close_server(server);
    ck_assert_int_eq(count, 3);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_create_server_addr_in_use */
TASK_TEST(a_port_has_one_server)
{
    int count = 0;
    coro_server *other, *server = start("0.0.0.0", reads_to_the_end, &count);
    ck_assert_int_eq(
        coro_start_server(&other, "0.0.0.0", port_of(server), reads_to_the_end, &count, NULL),
        -EADDRINUSE);
    close_server(server);
    return 0;
}

static int says_where(coro_stream *stream, void *arg)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    ck_assert_int_eq(coro_stream_peername(stream, (struct sockaddr *)&address, &size), 0);
    return coro_stream_write(stream, address.ss_family == AF_INET ? "4" : "6", 1);
}

/* CPython: test_events.EventLoopTestsMixin.test_create_server_dual_stack */
TASK_TEST(a_server_without_a_host_serves_both_families)
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    coro_server *server;
    coro_stream *stream;
    if (lacks_ipv6("a_server_without_a_host_serves_both_families: without IPv6"))
        return 0;
    coro_server *other = start("127.0.0.1", says_where, NULL);
    char port[8];
    snprintf(port, sizeof port, "%s", port_of(other));
    close_server(other); /* one port for both */
    ck_assert_int_eq(coro_start_server(&server, NULL, port, says_where, NULL, NULL), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(coro_open_connection(&stream, hosts[i], port, NULL), 0);
        expect_bytes(stream, 1, i == 0 ? "4" : "6");
        close_stream(stream);
    }
    close_server(server);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_server_close */
TASK_TEST(nobody_listens_when_a_server_is_closed)
{
    int count = 0;
    char port[8];
    coro_server *server = start("0.0.0.0", reads_to_the_end, &count);
    coro_stream *stream = connect_to_server(server);
    ck_assert_int_eq(coro_stream_write(stream, "xxx", 3), 0);
    close_stream(stream);
    snprintf(port, sizeof port, "%s", port_of(server));
    close_server(server);
    ck_assert_int_eq(coro_open_connection(&stream, "127.0.0.1", port, NULL), -ECONNREFUSED);
    return 0;
}

/* --- Datagrams -------------------------------------------------------------------------------- */
static int answers_one(void *arg)
{
    const int fd = NUMBER(arg);
    char datagram[64] = "resp:";
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    const ssize_t n = coro_recvfrom(fd, datagram + 5, 16, 0, (struct sockaddr *)&address, &size);
    ck_assert_int_eq(n, 3);
    return (int)coro_sendto(fd, datagram, 8, 0, (struct sockaddr *)&address, size);
}

static void exchange_datagrams(const char *host, int family)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char port[8], answer[64];
    const coro_datagram_options here = {.local_host = host, .local_port = "0", .family = family};
    const int server = coro_open_datagram(&here);
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(getsockname(server, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(coro_getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof port,
                                      NI_NUMERICSERV),
                     0);
    const coro_datagram_options there = {.remote_host = host, .remote_port = port};
    const int client = coro_open_datagram(&there);
    ck_assert_int_ge(client, 0);
    coro_task *task = spawn(answers_one, ARG(server));
    ck_assert_int_eq(coro_send(client, "xxx", 3, 0), 3);
    ck_assert_int_eq(coro_recv(client, answer, sizeof answer, 0), 8);
    ck_assert_mem_eq(answer, "resp:xxx", 8);
    ck_assert_int_eq(coro_join(task, NULL), 8);
    ck_assert_int_eq(coro_close(client), 0);
    ck_assert_int_eq(coro_close(server), 0);
}

/* CPython: test_events.EventLoopTestsMixin.test_create_datagram_endpoint */
TASK_TEST(datagrams_are_exchanged)
{
    exchange_datagrams("127.0.0.1", AF_INET);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_create_datagram_endpoint_ipv6 */
TASK_TEST(datagrams_are_exchanged_by_ipv6)
{
    if (!lacks_ipv6("datagrams_are_exchanged_by_ipv6: without IPv6"))
        exchange_datagrams("::1", AF_INET6);
    return 0;
}

/* --- Pipes ------------------------------------------------------------------------------------ */
/* CPython: test_events.EventLoopTestsMixin.test_read_pipe */
/* CPython: test_unix_events.UnixReadPipeTransportTests.test__read_ready
 * test_unix_events.UnixReadPipeTransportTests.test__read_ready_eof */
TASK_TEST(a_pipe_is_read)
{
    int fds[2];
    coro_stream *stream;
    make_pipe(fds);
    ck_assert_int_eq(coro_open_stream(&stream, fds[0], NULL), 0);
    feed(fds[1], "1");
    expect_bytes(stream, 16, "1");
    feed(fds[1], "2345");
    expect_bytes(stream, 16, "2345");
    ck_assert(!coro_stream_at_eof(stream));
    ck_assert_int_eq(close(fds[1]), 0);
    expect_bytes(stream, 16, "");
    ck_assert(coro_stream_at_eof(stream));
    close_stream(stream);
    return 0;
}

static void expect_read(int fd, const char *text)
{
    char buffer[64];
    ck_assert_int_eq(coro_read(fd, buffer, sizeof buffer), (ssize_t)strlen(text));
    ck_assert_mem_eq(buffer, text, strlen(text));
}

/* CPython: test_events.EventLoopTestsMixin.test_write_pipe */
TASK_TEST(a_pipe_is_written)
{
    int reader;
    coro_stream *stream = open_pipe(&reader);
    ck_assert_int_eq(coro_stream_write(stream, "1", 1), 0);
    expect_read(reader, "1");
    ck_assert_int_eq(coro_stream_write(stream, "2345", 4), 0);
    expect_read(reader, "2345");
    ck_assert_int_eq(coro_close(reader), 0);
    close_stream(stream);
    return 0;
}

/* It is a pipe here: a socket could still be read from. */
/* CPython: test_events.EventLoopTestsMixin.test_write_pipe_disconnect_on_close */
TASK_TEST(a_pipe_that_is_written_is_lost_with_its_reader)
{
    int reader;
    coro_stream *stream = open_pipe(&reader);
    ck_assert_int_eq(coro_stream_write(stream, "1", 1), 0);
    expect_read(reader, "1");
    coro_task *task = spawn(waits_closed, stream);
    passes(3);
    ck_assert_int_eq(coro_close(reader), 0);
    ck_assert_int_eq(coro_join(task, NULL), 0);
    ck_assert(coro_stream_is_closing(stream));
    coro_stream_release(stream);
    return 0;
}

/* CPython: test_unix_events.UnixWritePipeTransportTests.test_abort */
TASK_TEST(an_abort_leaves_bytes_of_a_pipe_unsent)
{
    static char bytes[1024 * 1024];
    int reader;
    coro_stream *stream = open_pipe(&reader);
    ck_assert_int_eq(coro_stream_write(stream, bytes, sizeof bytes), 0);
    const size_t unsent = coro_stream_get_write_buffer_size(stream);
    ck_assert_uint_gt(unsent, 0);
    ck_assert_int_eq(coro_stream_abort(stream), 0);
    ck_assert_int_eq(coro_stream_wait_closed(stream), 0);
    ck_assert_int_eq(coro_read_all(reader, bytes, sizeof bytes, NULL),
                     (ssize_t)(sizeof bytes - unsent));
    coro_stream_release(stream);
    ck_assert_int_eq(coro_close(reader), 0);
    return 0;
}

/* CPython: test_events.SubprocessTestsMixin.test_subprocess_close_client_stream */
TASK_TEST(a_process_learns_that_nobody_reads_its_output)
{
    static const char script[] = "trap '' PIPE; read a; echo OUT:$a; read b;"
                                 "echo $b 2>/dev/null || echo broken >&2";
    coro_process *process;
    const coro_process_options options = {
        .in = CORO_STDIO_PIPE, .out = CORO_STDIO_PIPE, .err = CORO_STDIO_PIPE};
    ck_assert_int_eq(coro_create_subprocess_shell(&process, script, &options), 0);
    const int in = coro_process_pipe(process, STDIN_FILENO);
    ck_assert_int_eq(coro_write_all(in, "test\n", 5, NULL), 5);
    expect_read(coro_process_pipe(process, STDOUT_FILENO), "OUT:test\n");
    ck_assert_int_eq(coro_process_close_pipe(process, STDOUT_FILENO), 0);
    ck_assert_int_eq(coro_write_all(in, "xxx\n", 4, NULL), 4);
    expect_read(coro_process_pipe(process, STDERR_FILENO), "broken\n");
    ck_assert_int_eq(coro_process_wait(process, NULL), 0);
    ck_assert_int_eq(coro_process_close(process), 0);
    return 0;
}

/* --- Terminals -------------------------------------------------------------------------------- */
static int open_terminal(int *other)
{
    struct termios raw;
    char name[64];
    const int fd = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(grantpt(fd), 0);
    ck_assert_int_eq(unlockpt(fd), 0);
    ck_assert_int_eq(ptsname_r(fd, name, sizeof name), 0);
    *other = open(name, O_RDWR | O_NOCTTY);
    ck_assert_int_ge(*other, 0);
    ck_assert_int_eq(tcgetattr(*other, &raw), 0);
    cfmakeraw(&raw);
    ck_assert_int_eq(tcsetattr(*other, TCSANOW, &raw), 0);
    errno = 0;
    return fd;
}

/* CPython: test_events.EventLoopTestsMixin.test_read_pty_output */
TASK_TEST(what_a_terminal_shows_is_read)
{
    int other;
    coro_stream *stream;
    const int fd = open_terminal(&other);
    ck_assert_int_eq(coro_open_stream(&stream, fd, NULL), 0);
    feed(other, "1");
    expect_bytes(stream, 16, "1");
    feed(other, "2345");
    expect_bytes(stream, 16, "2345");
    ck_assert_int_eq(close(other), 0);
    close_stream(stream);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_write_pty */
TASK_TEST(a_terminal_is_written)
{
    int other;
    coro_stream *stream;
    const int fd = open_terminal(&other);
    ck_assert_int_eq(coro_open_stream(&stream, other, NULL), 0);
    ck_assert_int_eq(coro_stream_write(stream, "1", 1), 0);
    expect_read(fd, "1");
    ck_assert_int_eq(coro_stream_write(stream, "2345", 4), 0);
    expect_read(fd, "2345");
    ck_assert_int_eq(coro_close(fd), 0);
    close_stream(stream);
    return 0;
}

/* CPython: test_events.EventLoopTestsMixin.test_bidirectional_pty */
TASK_TEST(a_terminal_is_read_and_written)
{
    int other;
    coro_stream *reader, *writer;
    const int fd = open_terminal(&other);
    ck_assert_int_eq(coro_open_stream(&reader, other, NULL), 0);
    ck_assert_int_eq(coro_open_stream(&writer, dup(other), NULL), 0);
    ck_assert_int_eq(coro_stream_write(writer, "1", 1), 0);
    expect_read(fd, "1");
    feed(fd, "a");
    expect_bytes(reader, 16, "a");
    ck_assert_int_eq(coro_stream_write(writer, "2345", 4), 0);
    expect_read(fd, "2345");
    feed(fd, "bcde");
    expect_bytes(reader, 16, "bcde");
    ck_assert_int_eq(coro_close(fd), 0);
    close_stream(reader);
    close_stream(writer);
    return 0;
}

int main(void)
{
    const TTest *const tests[] = {
        a_connection_has_the_port_that_it_is_to_come_from,
        a_connection_cannot_come_from_a_port_that_is_taken,
        a_socket_that_was_accepted_elsewhere_becomes_a_stream,
        an_address_may_have_a_scope,
        a_stream_does_not_delay_small_writes,
        a_server_at_any_address_knows_who_comes,
        a_server_has_the_socket_that_it_was_given,
        a_port_has_one_server,
        a_server_without_a_host_serves_both_families,
        nobody_listens_when_a_server_is_closed,
        datagrams_are_exchanged,
        datagrams_are_exchanged_by_ipv6,
        a_pipe_is_read,
        a_pipe_is_written,
        a_pipe_that_is_written_is_lost_with_its_reader,
        an_abort_leaves_bytes_of_a_pipe_unsent,
        a_process_learns_that_nobody_reads_its_output,
        what_a_terminal_shows_is_read,
        a_terminal_is_written,
        a_terminal_is_read_and_written,
        NULL,
    };
    return run_suite_on_pollers("asyncio_events", tests);
}
