/* SPDX-License-Identifier: MIT */
#include "util/message.h"
#include "config.h"
#include "util/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct coro__message *allocate(int error, size_t length)
{
    struct coro__message *message = coro__malloc(sizeof *message + length + 1);
    if (!message)
        return NULL;
    message->references = 1;
    message->error = error;
    return message;
}

struct coro__message *coro__message_format(int error, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    struct coro__message *message = length < 0 ? NULL : allocate(error, (size_t)length);
    if (message)
        vsnprintf(message->text, (size_t)length + 1, format, again);
    va_end(again);
    return message;
}

struct coro__message *coro__message_copy(int error, const char *text)
{
    size_t length = strlen(text);
    struct coro__message *message = allocate(error, length);
    if (message)
        memcpy(message->text, text, length + 1);
    return message;
}

struct coro__message *coro__message_retain(struct coro__message *message)
{
    if (message)
        message->references++;
    return message;
}

void coro__message_release(struct coro__message *message)
{
    if (message && --message->references == 0)
        free(message);
}

void coro__message_set(struct coro__message **slot, struct coro__message *message)
{
    coro__message_release(*slot);
    *slot = message;
}

const char *coro__error_text(int error)
{
#if HAVE_STRERRORDESC_NP
    const char *text = strerrordesc_np(-error);
    return text ? text : "Unknown error";
#else
    return strerror(-error);
#endif
}
