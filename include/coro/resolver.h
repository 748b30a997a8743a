/* SPDX-License-Identifier: MIT */
/*
 * Names of hosts and services, looked up as getaddrinfo(3) and getnameinfo(3) do it, but without
 * holding up other tasks. What needs no lookup, because it is all numbers, is done at once.
 *
 * A library that was built with c-ares looks names of hosts up in the calling task: it reads the
 * hosts file, and then waits for the servers of resolv.conf(5), without a thread and without a
 * limit to how many lookups there are at once. It does so where it finds what libc would: where
 * nsswitch.conf(5) has the hosts in "files", in "dns" or in "files dns", and names of services, if
 * they are asked for, in "files" and "db"; where there are no resolver options that c-ares does not
 * know, and nothing in gai.conf(5); for no flags but AI_PASSIVE, AI_CANONNAME, AI_NUMERICSERV,
 * NI_NAMEREQD, NI_NUMERICSERV and NI_DGRAM; and not for "localhost".
 *
 * In all other cases libc does it, in threads, eight at most in each loop, which are not those of
 * coro_to_thread(); and so it does in tasks with less than 48 KiB of stack left, and on a virtual
 * clock, which stands still meanwhile.
 *
 * Results. An EAI_ code comes back as the errno below, with its text and what was looked up as the
 * message of the error (coro_error_message()).
 *
 *   -ENOENT           EAI_NONAME: there is no such name
 *   -ENODATA          EAI_NODATA: the name is known, and has no address
 *   -EAGAIN           EAI_AGAIN: no server has answered; later it may. Or no thread could be
 *                     started
 *   -EAFNOSUPPORT     EAI_FAMILY, EAI_ADDRFAMILY: no such family, or no address of it
 *   -EPROTONOSUPPORT  EAI_SERVICE: no such service for this type of socket
 *   -ESOCKTNOSUPPORT  EAI_SOCKTYPE: no such type of socket
 *   -EINVAL           EAI_BADFLAGS, or an argument that cannot be
 *   -EOVERFLOW        EAI_OVERFLOW: a buffer is too small
 *   -ENOMEM           EAI_MEMORY, or without memory for the call itself
 *   -EIO              EAI_FAIL: a server has failed; and codes that are not known here
 *   any other         EAI_SYSTEM: the errno of a system call
 *   -ECANCELED        the caller was cancelled: at once. In a thread the lookup may still go on:
 *                     what it finds is freed, and the run does not end before it has ended
 *   -EPERM            the caller is no task
 */
#ifndef CORO_RESOLVER_H
#define CORO_RESOLVER_H

#include "base.h"

#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

struct addrinfo;

/*
 * The addresses of a host and a service, either of which may be NULL, in *result, which
 * coro_freeaddrinfo() frees. Of the hints, ai_flags, ai_family, ai_socktype and ai_protocol are
 * looked at; NULL is all zeros. loop.getaddrinfo().
 *
 * Returns 0, or an error as above, with *result NULL.
 */
CORO_API int coro_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                              struct addrinfo **result);

/* Frees what coro_getaddrinfo() has found, as a whole; NULL is nothing. It can be called anywhere.
 */
CORO_API void coro_freeaddrinfo(struct addrinfo *result);

/*
 * The names of an address: its host in host[0..host_size), its service in
 * service[0..service_size); a size of 0 leaves one out. The flags are those of getnameinfo(3).
 * loop.getnameinfo().
 *
 * Returns 0, or an error as above, and then what is in the buffers has no meaning.
 */
CORO_API int coro_getnameinfo(const struct sockaddr *address, socklen_t length, char *host,
                              socklen_t host_size, char *service, socklen_t service_size,
                              int flags);

#ifdef __cplusplus
}
#endif

#endif
