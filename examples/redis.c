/* SPDX-License-Identifier: MIT */
/* Redis with hiredis: tasks share a connection, and what they ask at once is sent at once.
 *
 *     redis ADDRESS PORT
 *
 * hiredis has the buffers and the protocol, and never blocks here. A connection has two tasks: one
 * writes what has come together, the other hands each reply to the future that its command waits
 * for, in their order. */
#include <coro.h>
#include <errno.h>
#include <hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct redis {
    redisContext *context;
    coro_task *writer, *reader;
    coro_event unwritten;
    coro_queue *awaited; /* futures of replies */
    unsigned writes;
};

/* --- The tasks of a connection ---------------------------------------------------------------- */
static int write_commands(void *arg)
{
    struct redis *redis = arg;
    int rc, all = 1;
    do {
        rc = all ? coro_event_wait(&redis->unwritten) : coro_poll(redis->context->fd, POLLOUT);
        coro_event_clear(&redis->unwritten);
        redis->writes++;
    } while (rc >= 0 && redisBufferWrite(redis->context, &all) == REDIS_OK);
    return rc < 0 ? rc : 0; /* a lost connection is for the reader to find */
}

static int read_replies(void *arg)
{
    struct redis *redis = arg;
    void *reply;
    int rc;
    while ((rc = coro_poll(redis->context->fd, POLLIN)) >= 0 &&
           redisBufferRead(redis->context) == REDIS_OK) {
        while (redisGetReply(redis->context, &reply) == REDIS_OK && reply) {
            void *future = NULL;
            if (coro_queue_get_nowait(redis->awaited, &future) < 0 || /* nobody has asked */
                coro_set_result(future, 0, reply) < 0)                /* the task was cancelled */
                freeReplyObject(reply);
            coro_release(future);
        }
    }
    coro_queue_shutdown(redis->awaited, true); /* nobody waits any more, now or later */
    return rc < 0 ? rc : 0;
}

static void lost(void *future, void *redis)
{
    const char *error = ((struct redis *)redis)->context->errstr;
    coro_set_error(future, -ECONNRESET, "%s", *error ? error : "closed");
    coro_release(future);
}

/* --- What tasks call -------------------------------------------------------------------------- */
static void close_redis(struct redis *redis)
{
    coro_cancel(redis->writer);
    coro_cancel(redis->reader);
    coro_join(redis->writer, NULL);
    coro_join(redis->reader, NULL);
    coro_queue_destroy(redis->awaited);
    if (redis->context)
        coro_close(redisFreeKeepFd(redis->context));
}

/* Commands find out if there is no connection. To look up a name hiredis would block. */
static int open_redis(struct redis *redis, char **address)
{
    const coro_queue_options options = {.discard = lost, .arg = redis};
    redis->context = redisConnectNonBlock(address[0], atoi(address[1]));
    if (!redis->context)
        return -ENOMEM;
    redis->awaited = coro_queue_create(&options);
    redis->writer = coro_create_task(write_commands, redis);
    redis->reader = coro_create_task(read_replies, redis);
    return redis->awaited && redis->writer && redis->reader ? 0 : -ENOMEM;
}

/* The reply is the caller's to free. A command that is cancelled may still be carried out. */
static int command(struct redis *redis, redisReply **reply, const char *format, ...)
{
    void *value = NULL;
    va_list arguments;
    coro_future *future = coro_create_future();
    int rc = future ? coro_queue_put_nowait(redis->awaited, future) : -ENOMEM;
    if (rc == 0) {
        coro_retain(future);
        va_start(arguments, format);
        if (redisvAppendCommand(redis->context, format, arguments) != REDIS_OK)
            shutdown(redis->context->fd, SHUT_RDWR); /* replies would go to the wrong tasks */
        va_end(arguments);
        coro_event_set(&redis->unwritten);
        rc = coro_await(future, &value);
        if (rc == -ECANCELED && coro_result(future, &value) == 0) /* both came at once */
            freeReplyObject(value);
    }
    coro_release(future);
    *reply = rc == 0 ? value : NULL;
    if (rc == -ESHUTDOWN)
        return coro_fail(-ECONNRESET, "%s", redis->context->errstr);
    if (rc == 0 && (*reply)->type == REDIS_REPLY_ERROR)
        rc = coro_fail(-EPROTO, "%s", (*reply)->str);
    return rc;
}

/* --- The program ------------------------------------------------------------------------------ */
static struct redis shared, other;

static int increment(void *sum)
{
    redisReply *reply;
    const int rc = command(&shared, &reply, "INCR %s", "coro:counter");
    if (rc == 0)
        *(long long *)sum += reply->integer;
    freeReplyObject(reply);
    return rc;
}

static void show(struct redis *redis, coro_duration limit, const char *text)
{
    redisReply *reply;
    coro_timeout scope;
    coro_timeout_begin(&scope, limit);
    const int rc = coro_timeout_end(&scope, command(redis, &reply, text));
    const redisReply *last = rc == 0 && reply->elements ? reply->element[1] : reply;
    const char *result = rc == 0 ? last->str : coro_error_message(coro_current_task());
    printf("%s: %s\n", text, result ? result : rc == 0 ? "done" : strerror(-rc));
    freeReplyObject(reply);
}

/* The server does nothing else for this connection meanwhile. */
static int take(void *arg)
{
    (void)arg;
    show(&other, CORO_FOREVER, "BLPOP coro:fruit 0");
    return 0;
}

static int increment_together(void)
{
    long long sum = 0;
    coro_group group;
    show(&shared, CORO_FOREVER, "DEL coro:counter coro:fruit");
    const unsigned before = shared.writes;
    int rc = coro_group_begin(&group);
    for (int i = 0; rc == 0 && i < 100; i++)
        rc = coro_group_create_task(&group, increment, &sum);
    rc = coro_group_end(&group, rc);
    if (rc == 0)
        printf("100 tasks, writes: %u, sum of the replies: %lld\n", shared.writes - before, sum);
    return rc;
}

static void talk(void)
{
    coro_task *taker = coro_create_task(take, NULL);
    show(&shared, CORO_FOREVER, "RPUSH coro:fruit apple");
    coro_join(taker, NULL);
    show(&shared, CORO_SECOND / 10, "BLPOP coro:fruit 0"); /* the reply will be nobody's */
    show(&other, CORO_FOREVER, "RPUSH coro:fruit pear");
    show(&shared, CORO_FOREVER, "PING");
    show(&shared, CORO_FOREVER, "PING too many");
    show(&other, CORO_FOREVER, "QUIT");
    coro_await(other.reader, NULL);
    show(&other, CORO_FOREVER, "PING");
}

static int start(void *address)
{
    int rc = open_redis(&shared, address);
    if (rc == 0)
        rc = open_redis(&other, address);
    if (rc == 0)
        rc = increment_together();
    if (rc == 0)
        talk();
    close_redis(&other);
    close_redis(&shared);
    return rc;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* hiredis leaves that to the program */
    const int rc = argc == 3 ? coro_run(start, argv + 1) : -EINVAL;
    if (rc < 0)
        fprintf(stderr, "redis: %s\n", strerror(-rc));
    return rc < 0;
}
