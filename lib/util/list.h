/* SPDX-License-Identifier: MIT */
/*
 * Doubly linked lists through a link in each member. An empty list is a head that points to
 * itself, and so does a link that is in no list: removing it again changes nothing.
 */
#ifndef CORO_UTIL_LIST_H
#define CORO_UTIL_LIST_H

#include <stdbool.h>

struct coro__list {
    struct coro__list *next;
    struct coro__list *previous;
};

static inline void coro__list_init(struct coro__list *list)
{
    list->next = list->previous = list;
}

static inline bool coro__list_empty(const struct coro__list *list)
{
    return list->next == list;
}

/* Puts a link in front of another; in front of the head is the end of the list. */
static inline void coro__list_insert_before(struct coro__list *at, struct coro__list *link)
{
    link->next = at;
    link->previous = at->previous;
    at->previous->next = link;
    at->previous = link;
}

static inline void coro__list_push_back(struct coro__list *list, struct coro__list *link)
{
    coro__list_insert_before(list, link);
}

static inline void coro__list_push_front(struct coro__list *list, struct coro__list *link)
{
    coro__list_insert_before(list->next, link);
}

/* Takes a link out of its list and leaves it as it is: it is not to be removed again. */
static inline void coro__list_unlink(struct coro__list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
}

static inline void coro__list_remove(struct coro__list *link)
{
    coro__list_unlink(link);
    coro__list_init(link);
}

/* Moves all members of a list to the end of another. */
static inline void coro__list_move_all(struct coro__list *to, struct coro__list *from)
{
    if (coro__list_empty(from))
        return;
    from->next->previous = to->previous;
    from->previous->next = to;
    to->previous->next = from->next;
    to->previous = from->previous;
    coro__list_init(from);
}

#endif
