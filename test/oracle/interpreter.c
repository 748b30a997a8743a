/* SPDX-License-Identifier: MIT */
/*
 * Runs the programs of the oracle on libcoro, under the virtual clock, and traces them: from
 * standard input to standard output. README.md describes both formats; reference.py is this
 * program's twin on asyncio.
 */
#include <coro.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TASKS = 16,
    FUTURES = 3,
    OPS = 1024,
    IDS = 512, /* of scopes, groups and callbacks */
    ARGS = 12,
    KINDS = 3,         /* of each kind of synchronization, at most */
    PASSES_AT_END = 3, /* how often main cancels what is left */
};

static const coro_duration LONG = 1000 * CORO_MILLISECOND; /* what main waits each time */

struct body;
struct op;
typedef int call_fn(struct body *body, const struct op *op);

struct op {
    char mark; /* which errors go no further: - none, ? all but cancels, ~ cancels, ! all */
    call_fn *call;
    int argc;
    char *args[ARGS];
    char *words; /* as in the program */
    struct op *inside, *next;
};

/* A task's function while it runs. */
struct body {
    int index;
    bool returned; /* nothing more is to run; value is the result */
    int value;
};

/* The program that runs. */
static struct {
    struct op ops[OPS], *bodies[TASKS];
    int op_count, task_count, start;

    coro_task *tasks[TASKS];
    bool created[TASKS];
    const char *reports[TASKS]; /* what was reported of the task's failure; NULL if nothing */
    coro_future *futures[FUTURES];
    coro_timeout scopes[IDS];
    coro_group groups[IDS];
    const struct op *callbacks[IDS];
    coro_lock locks[KINDS];
    coro_semaphore semaphores[KINDS];
    coro_event events[KINDS];
    coro_condition conditions[KINDS];
    coro_barrier barriers[KINDS];
    coro_queue *queues[KINDS];
    bool scope_begun[IDS], group_begun[IDS];
    bool live; /* until main ends: what happens then is not traced */
} now;

/* --- The trace -------------------------------------------------------------------------------- */
static int index_of(const coro_task *task)
{
    for (int i = 0; i < TASKS; i++)
        if (task && now.tasks[i] == task)
            return i;
    return -1;
}

/* A line: the time in ms, who, what, and how many cancels the task has had. */
static void trace(const char *format, ...)
{
    if (!now.live)
        return;
    coro_task *task = coro_current_task();
    const int index = index_of(task);
    printf("%lld ", (long long)(coro_now() / CORO_MILLISECOND));
    if (index >= 0)
        printf("t%d ", index);
    else
        fputs(task ? "main " : "- ", stdout);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    if (task)
        printf(" [%d]", coro_cancelling(task));
    putchar('\n');
}

struct text {
    char text[160];
};

/* How the trace shows a result. The system's text for an error is what asyncio has no text for. */
static struct text outcome(int rc, const char *message)
{
    struct text shown;
    char number[32] = "";
    const char *kind = "error";
    /* These come of the call itself, not of a task: without a text. */
    const bool bare = rc == -EPERM || rc == -EPIPE || rc == -ESHUTDOWN;
    if (rc >= 0) {
        snprintf(shown.text, sizeof shown.text, "%d", rc);
        return shown;
    }
    if (rc == -ECANCELED)
        kind = "cancelled";
    else if (rc == -ETIMEDOUT)
        kind = "timeout";
    else if (rc == -EPIPE)
        kind = "broken";
    else if (rc == -ESHUTDOWN)
        kind = "shut down";
    else if (rc != -EPERM)
        snprintf(number, sizeof number, " %d", -rc);
    if (!message || strcmp(message, strerror(-rc)) == 0 || bare)
        message = "";
    snprintf(shown.text, sizeof shown.text, "%s%s%s%s", kind, number, *message ? " " : "", message);
    return shown;
}

/* Traces how a call of the current task went, and hands it on. */
static int traced(const struct op *op, int rc)
{
    trace("%s -> %s", op->words, outcome(rc, coro_error_message(coro_current_task())).text);
    return rc;
}

static int absent(void)
{
    trace("absent");
    return 0;
}

/* --- Arguments -------------------------------------------------------------------------------- */
static int number(const char *word)
{
    return (int)strtol(word, NULL, 10);
}

static coro_duration duration(const char *word)
{
    return strcmp(word, "none") == 0 ? CORO_FOREVER : number(word) * CORO_MILLISECOND;
}

static int id(const char *word)
{
    const int n = number(word);
    if (n < 0 || n >= IDS) {
        fprintf(stderr, "interpreter: id %d is too large\n", n);
        exit(2);
    }
    return n;
}

static coro_task *object(const char *name)
{
    const int n = number(name + 1);
    return name[0] == 'f' ? now.futures[n] : now.tasks[n];
}

/* Those of an operation's objects, from an argument on, that exist, with a reference to each: a
 * future may be renewed meanwhile. */
static size_t objects(const struct op *op, int from, coro_task *found[])
{
    size_t n = 0;
    for (int i = from; i < op->argc; i++)
        if (object(op->args[i]))
            found[n++] = coro_retain(object(op->args[i]));
    return n;
}

static void release_all(coro_task *found[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        coro_release(found[i]);
}

static bool has_word(const struct op *op, const char *word)
{
    return op->argc > 0 && strcmp(op->args[op->argc - 1], word) == 0;
}

/* --- Bodies ----------------------------------------------------------------------------------- */
static int run(struct body *body, const struct op *op)
{
    const int rc = op->call(body, op);
    const char *stopped = rc == -ECANCELED ? "~!" : "?!";
    /* An error at the end of a block takes the place of what it was to return. */
    if (rc < 0)
        body->returned = false;
    return rc < 0 && !strchr(stopped, op->mark) ? rc : 0;
}

static int run_block(struct body *body, const struct op *op)
{
    int rc = 0;
    for (; op && !body->returned && rc == 0; op = op->next)
        rc = run(body, op);
    return rc;
}

static int body_main(void *arg)
{
    struct body body = {.index = (int)(intptr_t)arg};
    now.tasks[body.index] = coro_current_task();
    trace("begin");
    int rc = run_block(&body, now.bodies[body.index]);
    if (body.returned)
        rc = body.value;
    trace("end %s", outcome(rc, coro_error_message(coro_current_task())).text);
    return rc;
}

/* --- Tasks and futures ------------------------------------------------------------------------ */
/* Creates a task, in a group or in none, unless there is one with its index already. */
static const char *make(coro_group *group, int index, bool eager)
{
    char name[16];
    snprintf(name, sizeof name, "t%d", index);
    const coro_task_options options = {.name = name, .eager_start = eager};
    void *arg = (void *)(intptr_t)index;
    coro_task *task = NULL;
    if (now.created[index])
        return "exists";
    now.created[index] = true;
    if (group)
        coro_group_create_task_with(group, &options, body_main, arg, &task);
    else
        task = coro_create_task_with(&options, body_main, arg);
    now.tasks[index] = task;
    now.created[index] = task != NULL;
    return task ? "0" : "refused";
}

static void create(const char *index, bool eager)
{
    trace("create %s %s", index, make(NULL, number(index), eager));
}

static int op_create(struct body *body, const struct op *op)
{
    (void)body;
    create(op->args[0], has_word(op, "eager"));
    return 0;
}

static int op_yield(struct body *body, const struct op *op)
{
    (void)body;
    return traced(op, coro_yield());
}

static int op_sleep(struct body *body, const struct op *op)
{
    (void)body;
    return traced(op, coro_sleep(duration(op->args[0])));
}

/* How coro_await(), coro_shield() and coro_wait_for() are called. */
typedef int wait_fn(coro_task *task, const struct op *op);

static int wait_for_object(const struct op *op, wait_fn *wait)
{
    coro_task *target = object(op->args[0]);
    if (!target)
        return absent();
    coro_retain(target);
    const int rc = traced(op, wait(target, op));
    coro_release(target);
    return rc;
}

static int await(coro_task *task, const struct op *op)
{
    (void)op;
    return coro_await(task, NULL);
}

static int op_await(struct body *body, const struct op *op)
{
    (void)body;
    return wait_for_object(op, await);
}

static void cancel(const char *name, const char *message)
{
    coro_task *target = object(name);
    if (!target) {
        absent();
        return;
    }
    const bool taken = message ? coro_cancel_with(target, message) : coro_cancel(target);
    trace("cancel %s %d %d", name, taken, name[0] == 't' ? coro_cancelling(target) : 0);
}

static int op_cancel(struct body *body, const struct op *op)
{
    (void)body;
    cancel(op->args[0], op->argc > 1 ? op->args[1] : NULL);
    return 0;
}

static void uncancel(const char *name)
{
    if (object(name))
        trace("uncancel %s %d", name, coro_uncancel(object(name)));
    else
        absent();
}

static int op_uncancel(struct body *body, const struct op *op)
{
    (void)body;
    uncancel(op->args[0]);
    return 0;
}

static void settled(const char *name, const char *call, int rc)
{
    trace("%s %s %s", call, name, rc == 0 ? "0" : rc == -EALREADY ? "refused" : "?");
}

static int op_set(struct body *body, const struct op *op)
{
    (void)body;
    settled(op->args[0], "set", coro_set_result(object(op->args[0]), number(op->args[1]), NULL));
    return 0;
}

static int op_fail(struct body *body, const struct op *op)
{
    (void)body;
    const int error = -number(op->args[1]);
    settled(op->args[0], "fail", coro_set_error(object(op->args[0]), error, "%s", op->args[2]));
    return 0;
}

static int op_renew(struct body *body, const struct op *op)
{
    (void)body;
    coro_future **future = &now.futures[number(op->args[0] + 1)];
    if (coro_done(*future)) {
        coro_release(*future);
        *future = coro_create_future();
    }
    return 0;
}

static int op_result(struct body *body, const struct op *op)
{
    (void)body;
    coro_task *target = object(op->args[0]);
    if (!target)
        return absent();
    const int rc = coro_result(target, NULL);
    const struct text shown = outcome(rc, coro_error_message(target));
    trace("result %s %s%s", op->args[0], rc == -EINPROGRESS ? "pending" : shown.text,
          coro_cancelled(target) ? " (cancelled)" : "");
    return 0;
}

static void on_done(coro_task *task, void *arg)
{
    (void)task;
    const struct op *op = *(const struct op **)arg;
    const char *action = op->argc > 2 ? op->args[2] : "";
    trace("callback %s", op->args[0]);
    if (strcmp(action, "cancel") == 0)
        cancel(op->args[3], NULL);
    else if (strcmp(action, "uncancel") == 0)
        uncancel(op->args[3]);
    else if (strcmp(action, "create") == 0)
        create(op->args[3], false);
    else if (strcmp(action, "set") == 0)
        settled(op->args[3], "set",
                coro_set_result(object(op->args[3]), number(op->args[4]), NULL));
}

static int op_callback(struct body *body, const struct op *op)
{
    (void)body;
    const struct op **callback = &now.callbacks[id(op->args[0])];
    if (!object(op->args[1]))
        return absent();
    *callback = op;
    coro_add_done_callback(object(op->args[1]), on_done, callback);
    return 0;
}

/* Adds or removes a callback that is known already. */
static int known_callback(const struct op *op, bool add)
{
    const struct op **callback = &now.callbacks[id(op->args[0])];
    coro_task *target = object(op->args[1]);
    if (!target || !*callback)
        return absent();
    if (add)
        coro_add_done_callback(target, on_done, callback);
    else
        trace("uncallback %zu", coro_remove_done_callback(target, on_done, callback));
    return 0;
}

static int op_again(struct body *body, const struct op *op)
{
    (void)body;
    return known_callback(op, true);
}

static int op_uncallback(struct body *body, const struct op *op)
{
    (void)body;
    return known_callback(op, false);
}

static int op_name(struct body *body, const struct op *op)
{
    (void)body;
    coro_task *target = object(op->args[0]);
    if (!target)
        return absent();
    char old[32];
    snprintf(old, sizeof old, "%s", coro_get_name(target));
    coro_set_name(target, op->args[1]);
    trace("name %s %s", old, coro_get_name(target));
    return 0;
}

static int op_tasks(struct body *body, const struct op *op)
{
    (void)body, (void)op;
    coro_task *all[TASKS + 1];
    const size_t n = coro_all_tasks(all, TASKS + 1);
    char line[TASKS * 4 + 8] = "main";
    for (int i = 0; i < TASKS; i++)
        for (size_t k = 0; k < n; k++)
            if (now.tasks[i] && all[k] == now.tasks[i])
                snprintf(line + strlen(line), 5, " t%d", i);
    trace("tasks %s", line);
    return 0;
}

static int op_return(struct body *body, const struct op *op)
{
    body->returned = true;
    body->value = number(op->args[0]);
    return 0;
}

static int op_raise(struct body *body, const struct op *op)
{
    (void)body;
    int error = -number(op->args[0]);
    if (strcmp(op->args[0], "cancel") == 0)
        error = -ECANCELED;
    else if (strcmp(op->args[0], "timeout") == 0)
        error = -ETIMEDOUT;
    return coro_fail(error, "%s", op->args[1]);
}

/* --- Waiting for several, or for a limited time ----------------------------------------------- */
static void trace_gathered(coro_task *const targets[], size_t n)
{
    char line[ARGS * sizeof(struct text)] = "";
    for (size_t i = 0; i < n; i++) {
        const struct text shown =
            outcome(coro_result(targets[i], NULL), coro_error_message(targets[i]));
        strcat(strcat(line, i > 0 ? ", " : ""), shown.text);
    }
    if (n > 0)
        trace("gathered %s", line);
}

static int op_gather(struct body *body, const struct op *op)
{
    (void)body;
    coro_task *targets[ARGS];
    const size_t n = objects(op, 1, targets);
    const unsigned flags = strcmp(op->args[0], "all") == 0 ? CORO_RETURN_EXCEPTIONS : 0;
    const int rc = traced(op, coro_gather(targets, n, flags));
    if (rc == 0)
        trace_gathered(targets, n);
    release_all(targets, n);
    return rc;
}

static int op_wait(struct body *body, const struct op *op)
{
    (void)body;
    coro_task *targets[ARGS];
    const size_t n = objects(op, 2, targets);
    enum coro_when when = CORO_ALL_COMPLETED;
    if (strcmp(op->args[0], "first") == 0)
        when = CORO_FIRST_COMPLETED;
    else if (strcmp(op->args[0], "exception") == 0)
        when = CORO_FIRST_EXCEPTION;
    if (n == 0)
        return absent();
    const int rc = traced(op, coro_wait(targets, n, when, duration(op->args[1])));
    release_all(targets, n);
    return rc;
}

static int limited(coro_task *task, const struct op *op)
{
    return coro_wait_for(task, duration(op->args[1]), NULL);
}

static int op_wait_for(struct body *body, const struct op *op)
{
    (void)body;
    return wait_for_object(op, limited);
}

static int shield(coro_task *task, const struct op *op)
{
    (void)op;
    return coro_shield(task, NULL);
}

static int op_shield(struct body *body, const struct op *op)
{
    (void)body;
    return wait_for_object(op, shield);
}

/* --- Blocks ----------------------------------------------------------------------------------- */
static int op_timeout(struct body *body, const struct op *op)
{
    const int n = id(op->args[0]);
    now.scope_begun[n] = true;
    coro_timeout_begin(&now.scopes[n], duration(op->args[1]));
    return traced(op, coro_timeout_end(&now.scopes[n], run_block(body, op->inside)));
}

static int op_timeout_at(struct body *body, const struct op *op)
{
    const int n = id(op->args[0]);
    now.scope_begun[n] = true;
    coro_timeout_begin_at(&now.scopes[n], duration(op->args[1]));
    return traced(op, coro_timeout_end(&now.scopes[n], run_block(body, op->inside)));
}

static int op_reschedule(struct body *body, const struct op *op)
{
    (void)body;
    const int n = id(op->args[0]);
    const coro_duration limit = duration(op->args[1]);
    if (!now.scope_begun[n])
        return absent();
    const int rc = coro_timeout_reschedule(
        &now.scopes[n], limit == CORO_FOREVER ? CORO_FOREVER : coro_now() + limit);
    trace("reschedule %d %s", n, rc == 0 ? "0" : "refused");
    return 0;
}

static int op_expired(struct body *body, const struct op *op)
{
    (void)body;
    const int n = id(op->args[0]);
    if (!now.scope_begun[n])
        return absent();
    char when[32] = "None";
    const coro_time deadline = coro_timeout_when(&now.scopes[n]);
    if (deadline != CORO_FOREVER)
        snprintf(when, sizeof when, "%lld", (long long)(deadline / CORO_MILLISECOND));
    trace("expired %d %d %s", n, coro_timeout_expired(&now.scopes[n]), when);
    return 0;
}

static void trace_errors(int n)
{
    coro_group_error errors[TASKS + 1];
    const size_t count = coro_group_errors(&now.groups[n], errors, TASKS + 1);
    char line[(TASKS + 1) * (sizeof(struct text) + 8)] = "";
    for (size_t i = 0; i < count; i++)
        snprintf(line + strlen(line), sizeof(struct text) + 8, "%st%d %s", i > 0 ? ", " : "",
                 index_of(errors[i].task), outcome(errors[i].error, errors[i].message).text);
    if (count > 0)
        trace("errors %d %s", n, line);
}

static int op_group(struct body *body, const struct op *op)
{
    const int n = id(op->args[0]);
    now.group_begun[n] = true;
    coro_group_begin(&now.groups[n]);
    const int rc = coro_group_end(&now.groups[n], run_block(body, op->inside));
    trace_errors(n);
    return traced(op, rc);
}

static int op_spawn(struct body *body, const struct op *op)
{
    (void)body;
    const int n = id(op->args[0]);
    if (!now.group_begun[n])
        return absent();
    const char *made = make(&now.groups[n], number(op->args[1]), has_word(op, "eager"));
    trace("spawn %d %s %s", n, op->args[1], made);
    return 0;
}

/* --- Synchronization -------------------------------------------------------------------------- */
static int acquire(const char *name)
{
    const int n = number(name + 1);
    if (name[0] == 'l')
        return coro_lock_acquire(&now.locks[n]);
    if (name[0] == 's')
        return coro_semaphore_acquire(&now.semaphores[n]);
    return coro_condition_acquire(&now.conditions[n]);
}

/* Traces a call that does not wait, and that may refuse. */
static int at_once(const char *call, const char *name, int rc)
{
    if (rc >= 0)
        trace("%s %s %d", call, name, rc);
    else
        trace("%s %s %s", call, name, rc == -ESHUTDOWN ? "shut down" : "refused");
    return 0;
}

static int release(const char *name)
{
    const int n = number(name + 1);
    if (name[0] == 'l')
        return coro_lock_release(&now.locks[n]);
    if (name[0] == 's')
        return coro_semaphore_release(&now.semaphores[n]);
    return coro_condition_release(&now.conditions[n]);
}

static int op_with(struct body *body, const struct op *op)
{
    int rc = traced(op, acquire(op->args[0]));
    if (rc < 0)
        return rc;
    rc = run_block(body, op->inside);
    at_once("release", op->args[0], release(op->args[0]));
    return rc;
}

static int op_acquire(struct body *body, const struct op *op)
{
    (void)body;
    return traced(op, acquire(op->args[0]));
}

static int op_release(struct body *body, const struct op *op)
{
    (void)body;
    return at_once("release", op->args[0], release(op->args[0]));
}

static int op_locked(struct body *body, const struct op *op)
{
    (void)body;
    const char *name = op->args[0];
    const int n = number(name + 1);
    bool locked = false;
    if (name[0] == 'l')
        locked = coro_lock_locked(&now.locks[n]);
    else if (name[0] == 's')
        locked = coro_semaphore_locked(&now.semaphores[n]);
    else
        locked = coro_condition_locked(&now.conditions[n]);
    trace("locked %s %d", name, locked);
    return 0;
}

static coro_event *event(const char *name)
{
    return &now.events[number(name + 1)];
}

static int op_event_wait(struct body *body, const struct op *op)
{
    (void)body;
    return traced(op, coro_event_wait(event(op->args[0])));
}

static int op_event_set(struct body *body, const struct op *op)
{
    (void)body;
    return coro_event_set(event(op->args[0]));
}

static int op_event_clear(struct body *body, const struct op *op)
{
    (void)body;
    trace("event_clear %s %d", op->args[0], coro_event_is_set(event(op->args[0])));
    coro_event_clear(event(op->args[0]));
    return 0;
}

static coro_condition *condition(const struct op *op)
{
    return &now.conditions[number(op->args[0] + 1)];
}

static int op_condition_wait(struct body *body, const struct op *op)
{
    (void)body;
    return traced(op, coro_condition_wait(condition(op)));
}

static bool is_set(void *arg)
{
    return coro_event_is_set((const coro_event *)arg);
}

static int op_condition_wait_for(struct body *body, const struct op *op)
{
    (void)body;
    return traced(op, coro_condition_wait_for(condition(op), is_set, event(op->args[1])));
}

static int op_notify(struct body *body, const struct op *op)
{
    (void)body;
    const int rc = strcmp(op->args[1], "all") == 0
                       ? coro_condition_notify_all(condition(op))
                       : coro_condition_notify(condition(op), (size_t)number(op->args[1]));
    return at_once("notify", op->args[0], rc);
}

static coro_barrier *barrier(const struct op *op)
{
    return &now.barriers[number(op->args[0] + 1)];
}

static void trace_barrier(const struct op *op)
{
    trace("barrier %s %zu %d", op->args[0], coro_barrier_n_waiting(barrier(op)),
          coro_barrier_broken(barrier(op)));
}

static int op_barrier_wait(struct body *body, const struct op *op)
{
    (void)body;
    trace_barrier(op);
    return traced(op, coro_barrier_wait(barrier(op)));
}

static int op_barrier_reset(struct body *body, const struct op *op)
{
    (void)body;
    const int rc = traced(op, coro_barrier_reset(barrier(op)));
    if (rc == 0)
        trace_barrier(op);
    return rc;
}

static int op_barrier_abort(struct body *body, const struct op *op)
{
    (void)body;
    const int rc = traced(op, coro_barrier_abort(barrier(op)));
    if (rc == 0)
        trace_barrier(op);
    return rc;
}

static coro_queue *queue(const struct op *op)
{
    return now.queues[number(op->args[0] + 1)];
}

static void *item(const struct op *op)
{
    return (void *)(intptr_t)number(op->args[1]);
}

/* The item, if there is one, as what the call returned. */
static int got(int rc, const void *found)
{
    return rc == 0 ? (int)(intptr_t)found : rc;
}

static int op_put(struct body *body, const struct op *op)
{
    (void)body;
    return traced(op, coro_queue_put(queue(op), item(op)));
}

static int op_get(struct body *body, const struct op *op)
{
    (void)body;
    void *found = NULL;
    const int rc = coro_queue_get(queue(op), &found);
    traced(op, got(rc, found));
    return rc;
}

static int op_join(struct body *body, const struct op *op)
{
    (void)body;
    return traced(op, coro_queue_join(queue(op)));
}

static int op_put_nowait(struct body *body, const struct op *op)
{
    (void)body;
    return at_once("put_nowait", op->args[0], coro_queue_put_nowait(queue(op), item(op)));
}

static int op_get_nowait(struct body *body, const struct op *op)
{
    (void)body;
    void *found = NULL;
    const int rc = coro_queue_get_nowait(queue(op), &found);
    return at_once("get_nowait", op->args[0], got(rc, found));
}

static int op_task_done(struct body *body, const struct op *op)
{
    (void)body;
    return at_once("task_done", op->args[0], coro_queue_task_done(queue(op)));
}

static int op_shutdown(struct body *body, const struct op *op)
{
    (void)body;
    trace("shutdown %s %zu", op->args[0], coro_queue_size(queue(op)));
    return coro_queue_shutdown(queue(op), has_word(op, "now"));
}

static int compare_items(const void *a, const void *b, void *arg)
{
    (void)arg;
    return ((intptr_t)a > (intptr_t)b) - ((intptr_t)a < (intptr_t)b);
}

static void make_synchronization(void)
{
    const coro_queue_options options[] = {
        {.kind = CORO_QUEUE_FIFO, .maxsize = 1},
        {.kind = CORO_QUEUE_LIFO, .maxsize = 2},
        {.kind = CORO_QUEUE_PRIORITY, .compare = compare_items},
    };
    for (int i = 0; i < KINDS; i++)
        now.queues[i] = coro_queue_create(&options[i]);
    now.semaphores[0] = (coro_semaphore)CORO_SEMAPHORE_INITIALIZER(1);
    now.semaphores[1] = (coro_semaphore)CORO_BOUNDED_SEMAPHORE_INITIALIZER(2);
    now.conditions[1] = (coro_condition)CORO_CONDITION_INITIALIZER(&now.locks[1]);
    now.barriers[0] = (coro_barrier)CORO_BARRIER_INITIALIZER(2);
    now.barriers[1] = (coro_barrier)CORO_BARRIER_INITIALIZER(3);
}

/* --- The whole -------------------------------------------------------------------------------- */
static size_t cancel_what_is_left(coro_task *left[])
{
    size_t n = 0;
    for (int i = 0; i < TASKS; i++)
        if (now.tasks[i] && !coro_done(now.tasks[i]))
            left[n++] = now.tasks[i];
    for (size_t i = 0; i < n; i++)
        coro_cancel(left[i]);
    return n;
}

/* How each task ended; where all have, also whether its failure was reported. */
static void trace_ends(bool all_ended)
{
    for (int i = 0; i < TASKS; i++) {
        coro_task *task = now.tasks[i];
        if (!task)
            continue;
        const char *end = coro_cancelled(task) ? "cancelled" : coro_done(task) ? "done" : "pending";
        if (all_ended) {
            /* The last reference: an unread failure is logged. */
            coro_release(task);
            now.tasks[i] = NULL;
        }
        printf("t%d %s%s\n", i, end, now.reports[i] ? now.reports[i] : "");
    }
}

static int main_task(void *arg)
{
    (void)arg;
    for (int i = 0; i < FUTURES; i++)
        now.futures[i] = coro_create_future();
    for (int i = 0; i < now.start; i++)
        make(NULL, i, false);
    coro_sleep(LONG);
    coro_task *left[TASKS];
    size_t n = 0;
    for (int pass = 0; pass < PASSES_AT_END; pass++) {
        n = cancel_what_is_left(left);
        if (n > 0)
            coro_wait(left, n, CORO_ALL_COMPLETED, LONG);
    }
    trace("over");
    bool all_ended = true;
    for (int i = 0; i < TASKS; i++)
        all_ended = all_ended && (!now.tasks[i] || coro_done(now.tasks[i]));
    trace_ends(all_ended);
    now.live = false;
    return 0;
}

static void on_log(void *arg, const coro_log_record *record)
{
    (void)arg;
    const int index = index_of(record->task);
    if (index >= 0 && record->event == CORO_LOG_NEVER_RETRIEVED)
        now.reports[index] = " unread";
    else if (index >= 0 && record->event == CORO_LOG_SHIELD_ERROR)
        now.reports[index] = " shielded";
}

static void run_program(void)
{
    const coro_run_options options = {.log = on_log, .virtual_clock = true};
    now.live = true;
    make_synchronization();
    coro_run_with(&options, main_task, NULL);
    release_all(now.tasks, TASKS);
    release_all(now.futures, FUTURES);
    for (int i = 0; i < KINDS; i++)
        coro_queue_destroy(now.queues[i]);
}

/* --- Reading programs ------------------------------------------------------------------------- */
static const struct {
    const char *name;
    call_fn *call;
    bool block;
} calls[] = {
    {"acquire", op_acquire, false},
    {"again", op_again, false},
    {"await", op_await, false},
    {"barrier_abort", op_barrier_abort, false},
    {"barrier_reset", op_barrier_reset, false},
    {"barrier_wait", op_barrier_wait, false},
    {"callback", op_callback, false},
    {"cancel", op_cancel, false},
    {"condition_wait", op_condition_wait, false},
    {"condition_wait_for", op_condition_wait_for, false},
    {"create", op_create, false},
    {"event_clear", op_event_clear, false},
    {"event_set", op_event_set, false},
    {"event_wait", op_event_wait, false},
    {"expired", op_expired, false},
    {"fail", op_fail, false},
    {"gather", op_gather, false},
    {"get", op_get, false},
    {"get_nowait", op_get_nowait, false},
    {"group", op_group, true},
    {"join", op_join, false},
    {"locked", op_locked, false},
    {"name", op_name, false},
    {"notify", op_notify, false},
    {"put", op_put, false},
    {"put_nowait", op_put_nowait, false},
    {"raise", op_raise, false},
    {"release", op_release, false},
    {"renew", op_renew, false},
    {"reschedule", op_reschedule, false},
    {"result", op_result, false},
    {"return", op_return, false},
    {"set", op_set, false},
    {"shield", op_shield, false},
    {"shutdown", op_shutdown, false},
    {"sleep", op_sleep, false},
    {"spawn", op_spawn, false},
    {"task_done", op_task_done, false},
    {"tasks", op_tasks, false},
    {"timeout", op_timeout, true},
    {"timeout_at", op_timeout_at, true},
    {"uncallback", op_uncallback, false},
    {"uncancel", op_uncancel, false},
    {"wait", op_wait, false},
    {"wait_for", op_wait_for, false},
    {"with", op_with, true},
    {"yield", op_yield, false},
};

static char *next_line(char **rest)
{
    char *line = strsep(rest, "\n");
    return line ? line + strspn(line, " ") : NULL;
}

static void bad_line(const char *line)
{
    fprintf(stderr, "interpreter: cannot read: %s\n", line);
    exit(2);
}

/* A line "MARK NAME ARG...", taken apart in place; whether it opens a block. */
static bool read_op(char *line, struct op *op)
{
    op->mark = line[0];
    op->words = strdup(line + 2);
    char *rest = line + 2;
    const char *name = strsep(&rest, " ");
    while (rest && op->argc < ARGS)
        op->args[op->argc++] = strsep(&rest, " ");
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        if (strcmp(calls[i].name, name) == 0) {
            op->call = calls[i].call;
            return calls[i].block;
        }
    bad_line(op->words);
    return false;
}

/* The operations up to the end of a block, or of a task's body. */
static struct op *read_block(char **rest)
{
    struct op *first = NULL, **last = &first;
    while (*rest && **rest == ' ') {
        char *line = next_line(rest);
        if (strcmp(line, "- end") == 0)
            break;
        if (now.op_count == OPS)
            bad_line("too many operations");
        struct op *op = &now.ops[now.op_count++];
        if (read_op(line, op))
            op->inside = read_block(rest);
        *last = op;
        last = &op->next;
    }
    return first;
}

static void read_program(char **rest)
{
    int program = 0;
    char *line = next_line(rest);
    memset(&now, 0, sizeof now);
    if (sscanf(line, "program %d %d", &program, &now.start) != 2)
        bad_line(line);
    while (*rest && strncmp(*rest, "task", 4) == 0) {
        if (now.task_count == TASKS)
            bad_line("too many tasks");
        next_line(rest);
        now.bodies[now.task_count++] = read_block(rest);
    }
    printf("program %d\n", program);
}

static char *read_all(FILE *file)
{
    size_t size = 0, capacity = 1 << 16;
    char *text = malloc(capacity);
    while (text) {
        size += fread(text + size, 1, capacity - size - 1, file);
        if (size < capacity - 1)
            break;
        text = realloc(text, capacity *= 2);
    }
    if (text)
        text[size] = '\0';
    return text;
}

int main(void)
{
    /* By line: what a program traced is there even if it takes the process down. */
    setvbuf(stdout, NULL, _IOLBF, 1 << 16);
    char *text = read_all(stdin), *rest = text;
    while (rest && *rest) {
        read_program(&rest);
        run_program();
        for (int i = 0; i < now.op_count; i++)
            free(now.ops[i].words);
    }
    free(text);
    return 0;
}
