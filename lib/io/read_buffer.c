/* SPDX-License-Identifier: MIT */
#include "io/read_buffer.h"
#include "util/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Up to which it grows because the peer is fast. */
    MOST_FOR_SPEED = 64 * 1024,
};

void coro__read_buffer_destroy(struct coro__read_buffer *buffer)
{
    coro__read_buffer_take_back(buffer);
    free(buffer->memory);
}

/* --- Room ------------------------------------------------------------------------------------- */
static int grow(struct coro__read_buffer *buffer)
{
    const size_t room = buffer->room ? 2 * buffer->room : CORO__READ_BUFFER_FIRST_ROOM;
    char *memory = coro__realloc(buffer->memory, room);
    if (!memory)
        return -ENOMEM;
    buffer->memory = memory;
    buffer->room = room;
    return 0;
}

/* What is there is moved only where at least as much has been taken since it was moved last, so
 * that it costs no more than the reading. */
int coro__read_buffer_make_room(struct coro__read_buffer *buffer)
{
    const size_t size = coro__read_buffer_size(buffer);
    if (size == 0) {
        buffer->begin = buffer->end = 0;
        if (!buffer->memory || (buffer->filled && buffer->room < MOST_FOR_SPEED))
            return grow(buffer);
    }
    if (buffer->end < buffer->room)
        return 0;
    if (buffer->begin < size)
        return grow(buffer);
    memmove(buffer->memory, buffer->memory + buffer->begin, size);
    buffer->end -= buffer->begin;
    buffer->begin = 0;
    return 0;
}

int coro__read_buffer_make_room_beside(struct coro__read_buffer *buffer)
{
    if (!buffer->lent || buffer->lent != buffer->memory)
        return coro__read_buffer_make_room(buffer);
    if (buffer->end < buffer->room)
        return 0;
    const size_t size = coro__read_buffer_size(buffer);
    const size_t room = size > buffer->room / 2 ? 2 * buffer->room : buffer->room;
    char *memory = coro__malloc(room);
    if (!memory)
        return -ENOMEM;
    memcpy(memory, buffer->memory + buffer->begin, size);
    buffer->memory = memory;
    buffer->begin = 0;
    buffer->end = size;
    buffer->room = room;
    return 0;
}

/* --- Taking ----------------------------------------------------------------------------------- */
char *coro__read_buffer_lend(struct coro__read_buffer *buffer, size_t n)
{
    buffer->lent = n > 0 ? buffer->memory : NULL;
    return n > 0 ? coro__read_buffer_take(buffer, n) : NULL;
}

size_t coro__read_buffer_copy(struct coro__read_buffer *buffer, void *to, size_t n)
{
    const size_t size = coro__read_buffer_size(buffer);
    const size_t count = n < size ? n : size;
    if (count > 0)
        memcpy(to, coro__read_buffer_take(buffer, count), count);
    return count;
}

void coro__read_buffer_take_back(struct coro__read_buffer *buffer)
{
    if (buffer->lent != buffer->memory)
        free(buffer->lent);
    buffer->lent = NULL;
}
