/* SPDX-License-Identifier: MIT */
/*
 * A name server, as tasks of the test, on loopback. What it says of a name its first label tells:
 *
 *   one       192.0.2.1                      empty    it is there, and has no addresses
 *   both      192.0.2.1 and 2001:db8::1      missing  there is no such name
 *   local     192.0.2.1 and fd00::1          broken   the server has failed
 *   alias     is "one.test", and 192.0.2.1   slow     as "one", when dns_answer() was called
 *   long      192.0.2.1 to .100, over TCP
 *
 * 192.0.2.1 and 2001:db8::1 have the name "one.test"; for 192.0.2.66 the server fails, and other
 * addresses have no name.
 */
#ifndef SUPPORT_DNS_H
#define SUPPORT_DNS_H

#include <netdb.h>
#include <netinet/in.h>

enum { DNS_LONG = 100 };

/* Starts it in this loop, until the run ends; returns its port. */
in_port_t dns_start(void);

/* Questions that have come so far, and those for IPv4 among them that are not answered yet. */
int dns_questions(void);
int dns_waiting(void);

/* Lets go what waits, and answers at once from now on. */
void dns_answer(void);

struct addrinfo stream_hints(int family);

/* One that was found for such hints. */
void expect_address(const struct addrinfo *found, const char *text, int port);

/* Two lists that must be the same, in their order. */
void expect_same_addresses(const struct addrinfo *found, const struct addrinfo *expected);

#endif
