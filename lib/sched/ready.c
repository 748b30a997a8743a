/* SPDX-License-Identifier: MIT */
#include "sched/ready.h"
#include "util/memory.h"

#include <stdlib.h>
#include <string.h>

CORO__THREAD_LOCAL struct coro__ready *coro__ready_here;

enum {
    FIRST_CAPACITY = 64,
    /* Places in front of a pass, for tasks that start others eagerly and go to its head. */
    HEADROOM = 32,
    /* How far prefetching reads, without looking at what it finds there. */
    READ_AHEAD = 4,
    /* Entries whose structs and stacks cannot all be in the nearest cache; and when the loop has
     * looked for what is ready, which may not have run for long. */
    LARGE_PASS = 64,
    LARGE_PASS_OF_LOOP = 4,
    /* Small passes follow each other in the array up to here. */
    SMALL_END = HEADROOM + 4 * LARGE_PASS,
};

/* This pass ends before SMALL_END, or is longer than what is in front of it and so begins within
 * the first `capacity` entries; and the next one can have as many holes as entries. */
static uintptr_t *allocate(size_t capacity)
{
    return coro__malloc((HEADROOM + SMALL_END + 4 * capacity + HEADROOM + READ_AHEAD) *
                        sizeof(uintptr_t));
}

int coro__ready_init(struct coro__ready *ready, struct coro__task_pool *pool)
{
    memset(ready, 0, sizeof *ready);
    ready->entries = allocate(FIRST_CAPACITY);
    if (!ready->entries)
        return -ENOMEM;
    ready->at = ready->stop = ready->end = ready->entries + HEADROOM;
    ready->pool = pool;
    ready->capacity = pool->places = FIRST_CAPACITY;
    ready->errno_location = &errno;
    ready->running = &ready->idle.context;
    ready->callback_number = UINT64_C(1) << 63;
    coro__annotate_thread(&ready->idle.context.annotation);
    return 0;
}

void coro__ready_destroy(struct coro__ready *ready)
{
    free(ready->entries);
}

static uintptr_t entry_of(const struct coro__callback *callback)
{
    return (uintptr_t)callback | CORO__ENTRY_CALLBACK;
}

static struct coro__callback *callback_of(uintptr_t entry)
{
    return (struct coro__callback *)(entry & ~(uintptr_t)CORO__ENTRY_CALLBACK);
}

static bool is_callback(uintptr_t entry)
{
    return (entry & CORO__ENTRY_CALLBACK) && entry > CORO__ENTRY_HOLE;
}

/* Where there may be callbacks, which have to know their places; their holes are left out. */
static void move_with_callbacks(struct coro__ready *ready, uintptr_t *to)
{
    const uintptr_t *stop = ready->stop;
    const uintptr_t *from = ready->at;
    ready->at = to;
    ready->callbacks = false;
    for (; from < ready->end; from++) {
        if (from == stop)
            ready->stop = to;
        const uintptr_t entry = *from;
        *to = entry;
        if (is_callback(entry)) {
            callback_of(entry)->entry = to;
            ready->callbacks = true;
        }
        to += entry != CORO__ENTRY_HOLE;
    }
    if (from == stop)
        ready->stop = to;
    ready->end = to;
    ready->holes = 0;
}

/* Moves both passes, without holes, to another place, which is not behind where they are in the
 * same array. The next turn takes a closer look where they then are. */
static void move(struct coro__ready *ready, uintptr_t *to)
{
    if (ready->callbacks) {
        move_with_callbacks(ready, to);
    } else {
        const uintptr_t *from = ready->at;
        memmove(to, from, (size_t)(ready->end - from) * sizeof *to);
        ready->stop = to + (ready->stop - from);
        ready->end = to + (ready->end - from);
        ready->at = to;
    }
    *ready->end = CORO__ENTRY_END;
    ready->small_end = NULL;
}

CORO__COLD int coro__ready_grow(struct coro__ready *ready, size_t n)
{
    const size_t reserved = ready->capacity - ready->pool->places;
    if (n > SIZE_MAX / 128 - reserved)
        return -ENOMEM;
    size_t capacity = ready->capacity;
    while (capacity < reserved + n)
        capacity *= 2;
    uintptr_t *larger = allocate(capacity);
    if (!larger)
        return -ENOMEM;
    uintptr_t *old = ready->entries;
    move(ready, larger + HEADROOM);
    free(old);
    ready->entries = larger;
    ready->capacity = capacity;
    ready->pool->places = capacity - reserved - n;
    return 0;
}

void coro__ready_push_callback(struct coro__ready *ready, struct coro__callback *callback)
{
    if (callback->of)
        coro__task_retain(callback->of);
    callback->entry = ready->end;
    ready->callbacks = true;
    *ready->end++ = entry_of(callback);
}

void coro__callback_cancel(struct coro__ready *ready, struct coro__callback *callback)
{
    coro__list_remove(&callback->link);
    uintptr_t *entry = callback->entry;
    if (!entry)
        return;
    callback->entry = NULL;
    *entry = CORO__ENTRY_HOLE;
    if (entry >= ready->stop && entry < ready->end) {
        ready->small_end = NULL;
        if (++ready->holes == ready->capacity)
            move(ready, ready->at);
    }
    if (callback->of)
        coro__task_release(callback->of);
}

void coro__ready_run_callback(struct coro__ready *ready, uintptr_t entry)
{
    if (CORO__UNLIKELY(entry == CORO__ENTRY_HOLE))
        return;
    struct coro__callback *callback = callback_of(entry);
    coro_task *of = callback->of;
    callback->entry = NULL;
    callback->run(ready, callback);
    if (of)
        coro__task_release(of);
}

static uint64_t random_below(uint64_t *seed, uint64_t limit)
{
    /* splitmix64 */
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % limit;
}

/* Shuffles the tasks of this pass among their places. Callbacks stay: theirs is the order in which
 * they were added. */
static void shuffle(struct coro__ready *ready, uint64_t *seed)
{
    for (uintptr_t *last = ready->stop - 1; last > ready->at; last--) {
        if (*last & CORO__ENTRY_CALLBACK)
            continue;
        uintptr_t *other;
        do
            other = ready->at + random_below(seed, (uint64_t)(last - ready->at) + 1);
        while (*other & CORO__ENTRY_CALLBACK);
        const uintptr_t task = *other;
        *other = *last;
        *last = task;
    }
}

/* Spends up to n of the entries that are left, and returns how many. A signal handler may say
 * meanwhile that there is none left, so that the number is read once. */
CORO__INLINE unsigned spend(struct coro__ready *ready, ptrdiff_t n)
{
    const unsigned left = *(volatile unsigned *)&ready->budget;
    const unsigned spent = n < (ptrdiff_t)left ? (unsigned)n : left;
    ready->budget = left - spent;
    return spent;
}

/* Makes the next pass the one that is run. Those that may follow it without a closer look are paid
 * for from the budget now. */
CORO__INLINE void turn(struct coro__ready *ready, bool by_loop)
{
    uintptr_t *start = ready->entries + HEADROOM;
    if (CORO__UNLIKELY(ready->holes > 0))
        move(ready, ready->at);
    if (ready->end - ready->entries >= SMALL_END && ready->at - start >= ready->end - ready->at)
        move(ready, start);

    uintptr_t *end = ready->end;
    const ptrdiff_t count = end - ready->at;
    if (!by_loop)
        spend(ready, count);
    *end = CORO__ENTRY_END;
    ready->stop = end;
    ready->large = count > (by_loop ? LARGE_PASS_OF_LOOP : LARGE_PASS);
    ready->small_end = NULL;
    if (!by_loop && !ready->large)
        ready->small_end = end + spend(ready, ready->entries + SMALL_END - end);
}

void coro__ready_turn(struct coro__ready *ready, uint64_t *seed)
{
    turn(ready, true);
    if (*seed)
        shuffle(ready, seed);
}

/* `idle`, for an entry that is the loop's. */
static coro_task *enter_loop(struct coro__ready *ready, uintptr_t entry)
{
    /* Until the loop runs it, a hook may still take it out. */
    if (is_callback(entry))
        callback_of(entry)->entry = &ready->entry;
    ready->entry = entry;
    return &ready->idle;
}

/* Gives a fresh task that is not cancelled a stack that is at hand; false without one. */
CORO__INLINE bool give_cached_stack(struct coro__ready *ready, coro_task *task)
{
    if (CORO__UNLIKELY(task->must_cancel))
        return false;
    struct coro__stack *stack = ready->spare;
    if (stack && CORO__LIKELY(stack->of->size == task->stack_size))
        ready->spare = NULL;
    else if (CORO__UNLIKELY(!(stack = coro__stack_get_hot(&ready->stacks, task->stack_size))))
        return false;
    coro__task_take_stack(task, stack);
    return true;
}

__attribute__((noinline)) coro_task *coro__ready_next_slowly(struct coro__ready *ready)
{
    for (;;) {
        if (ready->at == ready->stop) {
            if (!coro__ready_any(ready) || *(volatile unsigned *)&ready->budget == 0)
                return enter_loop(ready, CORO__ENTRY_END);
            turn(ready, false);
            continue; /* there may have been nothing but holes */
        }
        const uintptr_t entry = *ready->at++;
        if (CORO__LIKELY(!(entry & CORO__ENTRY_TAGS)))
            return (coro_task *)entry;
        if (entry & CORO__ENTRY_CALLBACK) {
            if (entry != CORO__ENTRY_HOLE)
                return enter_loop(ready, entry);
        } else {
            coro_task *task = (coro_task *)(entry - CORO__ENTRY_FRESH);
            if (give_cached_stack(ready, task) || ready->start(ready, task))
                return task;
        }
    }
}

coro_task *coro__ready_next_tagged(struct coro__ready *ready, uintptr_t entry)
{
    if (CORO__LIKELY((entry & CORO__ENTRY_TAGS) == CORO__ENTRY_FRESH)) {
        coro_task *task = (coro_task *)(entry - CORO__ENTRY_FRESH);
        if (CORO__LIKELY(give_cached_stack(ready, task)))
            return task;
    }
    ready->at--;
    return coro__ready_next_slowly(ready);
}

/* Moves all entries up, to make room in front. There is room behind when the holes are closed: what
 * goes in front has its place reserved, like all that is queued. */
static void make_headroom(struct coro__ready *ready)
{
    move(ready, ready->at);
    memmove(ready->at + HEADROOM, ready->at, (size_t)(ready->end - ready->at) * sizeof *ready->at);
    ready->at += HEADROOM;
    ready->stop += HEADROOM;
    ready->end += HEADROOM;
    move(ready, ready->at);
}

/* Puts an entry at the head of the pass that is being run. */
static void push_front(struct coro__ready *ready, uintptr_t entry)
{
    if (ready->at == ready->entries)
        make_headroom(ready);
    *--ready->at = entry;
}

void coro__ready_run_eagerly(struct coro__ready *ready, coro_task *task)
{
    coro_task *creator = ready->current;
    if (!task->stack && !ready->start(ready, task))
        return;
    push_front(ready, creator ? (uintptr_t)creator : (uintptr_t)CORO__ENTRY_RESUME_LOOP);
    coro__ready_switch(ready, creator ? creator : &ready->idle, task);
    ready->current = creator;
    if (!creator)
        ready->running = &ready->idle.context;
}

void coro__ready_call_hook(const struct coro__log *log, const coro_log_record *record)
{
    struct coro__ready *ready = coro__ready_here;
    coro_task *current = coro__ready_current(ready);
    if (current) {
        ready->running = &current->context;
        ready->current = NULL;
    }
    if (ready)
        ready->hooks++;
    log->fn(log->arg, record);
    if (ready)
        ready->hooks--;
    if (current)
        ready->current = current;
}

void coro__ready_call_with_locals(struct coro__ready *ready, struct coro__locals *locals,
                                  void (*fn)(void *arg), void *arg)
{
    ready->callback_locals = &locals;
    ready->callback_number++;
    fn(arg);
    ready->callback_locals = NULL;
    coro__locals_release(locals);
}
