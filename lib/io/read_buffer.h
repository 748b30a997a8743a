/* SPDX-License-Identifier: MIT */
/*
 * Bytes that have come in and were not taken yet: from begin to end. Pointers to what was taken can
 * be out ("lent"), until they are taken back; the memory that they are in stays where it is until
 * then, if need be apart from the buffer.
 */
#ifndef CORO_IO_READ_BUFFER_H
#define CORO_IO_READ_BUFFER_H

#include "util/compiler.h"

#include <stdbool.h>
#include <sys/types.h>

enum { CORO__READ_BUFFER_FIRST_ROOM = 4096 };

struct coro__read_buffer {
    char *memory;
    size_t begin, end, room;
    char *lent;  /* the memory that pointers are out to: this, or the last one */
    bool filled; /* the last read took all the room that there was */
};

void coro__read_buffer_destroy(struct coro__read_buffer *buffer);

CORO__INLINE size_t coro__read_buffer_size(const struct coro__read_buffer *buffer)
{
    return buffer->end - buffer->begin;
}

/* Has there be room, from end to room, behind what is there; nothing is lent. 0 or -ENOMEM. */
int coro__read_buffer_make_room(struct coro__read_buffer *buffer);

/* The same where something may be lent. */
int coro__read_buffer_make_room_beside(struct coro__read_buffer *buffer);

/* As many bytes were read into the room; nothing is noted of 0 or an error. */
CORO__INLINE void coro__read_buffer_note(struct coro__read_buffer *buffer, ssize_t n)
{
    if (n <= 0)
        return;
    buffer->end += (size_t)n;
    buffer->filled = buffer->end == buffer->room;
}

/* Takes n of the bytes, which are there; they stay where they are until there has to be room. */
CORO__INLINE char *coro__read_buffer_take(struct coro__read_buffer *buffer, size_t n)
{
    char *data = buffer->memory + buffer->begin;
    buffer->begin += n;
    return data;
}

/* Takes n of them; they stay where they are until they are taken back. NULL for none. */
char *coro__read_buffer_lend(struct coro__read_buffer *buffer, size_t n);

/* Takes up to n of them, as a copy. How many. */
size_t coro__read_buffer_copy(struct coro__read_buffer *buffer, void *to, size_t n);

/* Pointers that are out are not valid any more. */
void coro__read_buffer_take_back(struct coro__read_buffer *buffer);

#endif
