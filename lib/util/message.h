/* SPDX-License-Identifier: MIT */
/*
 * The text that goes with an error. It is shared by all the tasks that the error passes through,
 * and says which error it belongs to, so that it is never shown with another.
 */
#ifndef CORO_UTIL_MESSAGE_H
#define CORO_UTIL_MESSAGE_H

#include <stdarg.h>

struct coro__message {
    unsigned references;
    int error;
    char text[];
};

/* A message with one reference; NULL without memory. */
struct coro__message *coro__message_format(int error, const char *format, va_list args);
struct coro__message *coro__message_copy(int error, const char *text);

/* Both take NULL. */
struct coro__message *coro__message_retain(struct coro__message *message);
void coro__message_release(struct coro__message *message);

/* The system's text for a negative errno, good for ever. */
const char *coro__error_text(int error);

/* Lets *slot refer to the message (or to none, for NULL), whose reference it takes over. */
void coro__message_set(struct coro__message **slot, struct coro__message *message);

#endif
