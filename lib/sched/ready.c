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
    /* Marks behind a pass: of its end, and another for prefetching, which looks at the entry after
     * the one that is taken. */
    MARKS = 2,
    /* How far prefetching reads, without looking at what it finds there. */
    READ_AHEAD = 4,
    /* Entries whose structs and stacks cannot all be in the nearest cache; and when the loop has
     * looked for what is ready, which may not have run for long. */
    LARGE_PASS = 64,
    LARGE_PASS_OF_LOOP = 4,
    /* Small passes follow each other in the same array up to here. */
    SMALL_END = HEADROOM + 4 * LARGE_PASS,
};

static uintptr_t *allocate(size_t capacity)
{
    return coro__malloc((HEADROOM + SMALL_END + 2 * capacity + HEADROOM + READ_AHEAD) *
                        sizeof(uintptr_t));
}

static void mark_end(struct coro__pass *pass)
{
    for (size_t i = 0; i < MARKS; i++)
        pass->end[i] = CORO__ENTRY_END;
}

static void clear(struct coro__pass *pass, uintptr_t *array)
{
    pass->entries = array;
    pass->at = pass->end = array + HEADROOM;
}

int coro__ready_init(struct coro__ready *ready, struct coro__task_pool *pool)
{
    memset(ready, 0, sizeof *ready);
    ready->pool = pool;
    ready->capacity = ready->pool->places = FIRST_CAPACITY;
    ready->errno_location = &errno;
    for (int i = 0; i < 2; i++)
        ready->arrays[i] = allocate(ready->capacity);
    if (!ready->arrays[0] || !ready->arrays[1]) {
        coro__ready_destroy(ready);
        return -ENOMEM;
    }
    clear(&ready->now, ready->arrays[0]);
    clear(&ready->next, ready->arrays[1]);
    mark_end(&ready->now);
    ready->running = &ready->idle.context;
    ready->callback_number = UINT64_C(1) << 63;
    coro__annotate_thread(&ready->idle.context.annotation);
    return 0;
}

void coro__ready_destroy(struct coro__ready *ready)
{
    free(ready->arrays[0]);
    free(ready->arrays[1]);
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

/* The entries of a pass have moved. */
static void renumber(const struct coro__pass *pass)
{
    for (uintptr_t *entry = pass->at; entry < pass->end; entry++)
        if (is_callback(*entry))
            callback_of(*entry)->entry = entry;
}

/* Makes the end of this pass valid, which is where the next one begins if both lie in one array. */
static void find_end(struct coro__ready *ready)
{
    if (ready->now.entries == ready->next.entries)
        ready->now.end = ready->next.at - 1;
}

/* Copies a pass to another array, where its entries have the same places. */
static void copy_pass(struct coro__pass *pass, uintptr_t *array)
{
    uintptr_t *at = array + (pass->at - pass->entries);
    uintptr_t *end = array + (pass->end - pass->entries);
    memcpy(at, pass->at, (size_t)(end - at) * sizeof *at);
    pass->at = at;
    pass->end = end;
    pass->entries = array;
    renumber(pass);
}

CORO__COLD int coro__ready_grow(struct coro__ready *ready, size_t n)
{
    const size_t reserved = ready->capacity - ready->pool->places;
    if (n > SIZE_MAX / 64 - reserved)
        return -ENOMEM;
    size_t capacity = ready->capacity;
    while (capacity < reserved + n)
        capacity *= 2;
    uintptr_t *larger[2] = {allocate(capacity), allocate(capacity)};
    if (!larger[0] || !larger[1]) {
        free(larger[0]);
        free(larger[1]);
        return -ENOMEM;
    }
    find_end(ready);
    copy_pass(&ready->now, larger[0]);
    copy_pass(&ready->next, larger[1]);
    ready->small_end = NULL;
    mark_end(&ready->now);
    coro__ready_destroy(ready);
    ready->arrays[0] = larger[0];
    ready->arrays[1] = larger[1];
    ready->capacity = capacity;
    ready->pool->places = capacity - reserved - n;
    return 0;
}

void coro__ready_push_callback(struct coro__ready *ready, struct coro__callback *callback)
{
    if (callback->of)
        coro__task_retain(callback->of);
    callback->entry = ready->next.end;
    *ready->next.end++ = entry_of(callback);
}

/* To be numbered anew. */
static void close_holes(struct coro__pass *pass)
{
    uintptr_t *end = pass->at;
    for (const uintptr_t *entry = pass->at; entry < pass->end; entry++)
        if (*entry != CORO__ENTRY_HOLE)
            *end++ = *entry;
    pass->end = end;
}

void coro__callback_cancel(struct coro__ready *ready, struct coro__callback *callback)
{
    coro__list_remove(&callback->link);
    uintptr_t *entry = callback->entry;
    if (!entry)
        return;
    callback->entry = NULL;
    *entry = CORO__ENTRY_HOLE;
    if (entry >= ready->next.at && entry < ready->next.end) {
        ready->small_end = NULL;
        if (++ready->holes == ready->capacity) {
            close_holes(&ready->next);
            renumber(&ready->next);
            ready->holes = 0;
        }
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

/* Shuffles the tasks of a pass among their places. Callbacks stay: theirs is the order in which
 * they were added. */
static void shuffle(struct coro__pass *pass, uint64_t *seed)
{
    for (uintptr_t *last = pass->end - 1; last > pass->at; last--) {
        if (*last & CORO__ENTRY_CALLBACK)
            continue;
        uintptr_t *other;
        do
            other = pass->at + random_below(seed, (uint64_t)(last - pass->at) + 1);
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

/* Makes the next pass the one that is run. The one after it goes behind it while both are small,
 * else to the start of the other array. */
CORO__INLINE void turn(struct coro__ready *ready, bool by_loop)
{
    uintptr_t *array = ready->next.entries;
    uintptr_t *at = ready->next.at;
    uintptr_t *end = ready->next.end;
    /* Each in a register of its own: one wide load of what was just stored in parts would have to
     * wait until it is in the cache. Likewise below, where a wide store would make the next load
     * wait. */
    __asm__("" : "+r"(array), "+r"(at), "+r"(end));
    ready->now.entries = array;
    ready->now.at = at;
    ready->now.end = end;
    ready->holes = 0;
    if (!by_loop)
        spend(ready, end - at);
    if (CORO__LIKELY(!by_loop) && CORO__LIKELY(end - at <= LARGE_PASS) &&
        CORO__LIKELY(end - array < SMALL_END)) {
        *end = CORO__ENTRY_END;
        end++;
        ready->next.at = end;
        __asm__("" : "+r"(end));
        ready->next.end = end;
        ready->small_end = end + spend(ready, array + SMALL_END - end);
        ready->large = false;
    } else {
        mark_end(&ready->now);
        clear(&ready->next, ready->arrays[array == ready->arrays[0]]);
        ready->small_end = NULL;
        ready->large = end - at > (by_loop ? LARGE_PASS_OF_LOOP : LARGE_PASS);
    }
}

void coro__ready_turn(struct coro__ready *ready, uint64_t *seed)
{
    turn(ready, true);
    if (*seed)
        shuffle(&ready->now, seed);
}

/* `idle`, for an entry that is the loop's. */
static coro_task *enter_loop(struct coro__ready *ready, uintptr_t entry)
{
    /* The mark of the end stays, until the loop turns to the next pass. */
    if (entry == CORO__ENTRY_END)
        ready->now.at--;
    /* Until the loop runs it, a hook may still take it out. */
    else if (is_callback(entry))
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

static __attribute__((noinline)) coro_task *next_tagged_slowly(struct coro__ready *ready,
                                                               uintptr_t entry)
{
    for (;;) {
        if (CORO__LIKELY(entry == CORO__ENTRY_END) && ready->next.end != ready->next.at &&
            *(volatile unsigned *)&ready->budget > 0) {
            turn(ready, false);
        } else if (entry & CORO__ENTRY_CALLBACK) {
            if (entry != CORO__ENTRY_HOLE)
                return enter_loop(ready, entry);
        } else {
            coro_task *task = (coro_task *)(entry - CORO__ENTRY_FRESH);
            if (give_cached_stack(ready, task) || ready->start(ready, task))
                return task;
        }
        entry = *ready->now.at++;
        if (CORO__LIKELY(!(entry & CORO__ENTRY_TAGS)))
            return (coro_task *)entry;
    }
}

coro_task *coro__ready_next_tagged(struct coro__ready *ready, uintptr_t entry)
{
    if (CORO__LIKELY((entry & CORO__ENTRY_TAGS) == CORO__ENTRY_FRESH)) {
        coro_task *task = (coro_task *)(entry - CORO__ENTRY_FRESH);
        if (CORO__LIKELY(give_cached_stack(ready, task)))
            return task;
    }
    return next_tagged_slowly(ready, entry);
}

/* Takes the next pass, which lies behind this one in the same array, to the start of the other. */
static void part(struct coro__ready *ready)
{
    struct coro__pass *next = &ready->next;
    const struct coro__pass old = *next;
    clear(next, ready->arrays[old.entries == ready->arrays[0]]);
    ready->small_end = NULL;
    memcpy(next->at, old.at, (size_t)(old.end - old.at) * sizeof *old.at);
    next->end += old.end - old.at;
    renumber(next);
}

/* Moves this pass up in its array, to make room at the start. There is room at the end when the
 * holes are closed: what goes in front has its place reserved, like all that is left. */
static void make_headroom(struct coro__ready *ready)
{
    struct coro__pass *now = &ready->now;
    find_end(ready);
    if (now->entries == ready->next.entries)
        part(ready);
    close_holes(now);
    memmove(now->at + HEADROOM, now->at, (size_t)(now->end - now->at) * sizeof *now->at);
    now->at += HEADROOM;
    now->end += HEADROOM;
    mark_end(now);
    renumber(now);
}

/* Puts an entry at the head of the pass that is being run. */
static void push_front(struct coro__ready *ready, uintptr_t entry)
{
    if (ready->now.at == ready->now.entries)
        make_headroom(ready);
    *--ready->now.at = entry;
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
