/* SPDX-License-Identifier: MIT */
#include "thread/pool.h"
#include "util/compiler.h"
#include "util/memory.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct worker {
    struct worker *next;
    struct coro__pool *pool;
    pthread_t thread;
    unsigned number;
};

struct coro__pool {
    struct coro__inbox *inbox;
    const char *name;
    unsigned most;
    unsigned count;
    struct worker *workers;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t job_came;
    struct coro__list jobs;
    unsigned waiting; /* jobs */
    unsigned idle;    /* threads */
    bool ending;
};

static unsigned default_most(void)
{
    const int saved_errno = errno;
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    errno = saved_errno;
    return processors < 1 ? 5 : processors > 28 ? 32 : (unsigned)processors + 4;
}

struct coro__pool *coro__pool_create(struct coro__inbox *inbox, const char *name, unsigned most)
{
    struct coro__pool *pool = coro__calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->inbox = inbox;
    pool->name = name;
    pool->most = most ? most : default_most();
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->job_came, NULL);
    coro__list_init(&pool->jobs);
    return pool;
}

/* The next job, with the mutex held; NULL at the end. */
static struct coro__job *next_job(struct coro__pool *pool)
{
    pool->idle++;
    while (coro__list_empty(&pool->jobs) && !pool->ending)
        pthread_cond_wait(&pool->job_came, &pool->mutex);
    pool->idle--;
    if (coro__list_empty(&pool->jobs))
        return NULL;
    struct coro__list *link = pool->jobs.next;
    coro__list_remove(link);
    pool->waiting--;
    return CORO__CONTAINER_OF(link, struct coro__job, link);
}

static void *work(void *arg)
{
    const struct worker *worker = arg;
    struct coro__pool *pool = worker->pool;
    struct coro__job *job;
    char name[16];
    snprintf(name, sizeof name, "%s-%u", pool->name, worker->number % 1000);
    pthread_setname_np(pthread_self(), name);
    pthread_mutex_lock(&pool->mutex);
    while ((job = next_job(pool))) {
        pthread_mutex_unlock(&pool->mutex);
        job->run(job);
        coro__inbox_post(pool->inbox, &job->post);
        pthread_mutex_lock(&pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* A signal is for the threads of the program itself to handle, but for those of a fault, which the
 * thread itself has made: blocked, they would end the program past all handlers. */
static int start_unsignalled(struct worker *worker)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    sigset_t others, before;
    sigfillset(&others);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&others, faults[i]);
    pthread_sigmask(SIG_SETMASK, &others, &before);
    const int error = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* 0, or -EAGAIN. */
static int start_worker(struct coro__pool *pool)
{
    struct worker *worker = coro__malloc(sizeof *worker);
    if (!worker)
        return -EAGAIN;
    worker->pool = pool;
    worker->number = pool->count;
    const int saved_errno = errno;
    const int error = start_unsignalled(worker);
    errno = saved_errno;
    if (error) {
        free(worker);
        return -EAGAIN;
    }
    worker->next = pool->workers;
    pool->workers = worker;
    pool->count++;
    return 0;
}

int coro__pool_submit(struct coro__pool *pool, struct coro__job *job)
{
    pthread_mutex_lock(&pool->mutex);
    coro__list_push_back(&pool->jobs, &job->link);
    const bool short_of_threads = ++pool->waiting > pool->idle && pool->count < pool->most;
    pthread_cond_signal(&pool->job_came);
    pthread_mutex_unlock(&pool->mutex);
    if (!short_of_threads || start_worker(pool) == 0 || pool->count > 0)
        return 0;
    coro__pool_withdraw(pool, job);
    return -EAGAIN;
}

bool coro__pool_withdraw(struct coro__pool *pool, struct coro__job *job)
{
    pthread_mutex_lock(&pool->mutex);
    const bool waits = !coro__list_empty(&job->link);
    if (waits) {
        coro__list_remove(&job->link);
        pool->waiting--;
    }
    pthread_mutex_unlock(&pool->mutex);
    return waits;
}

void coro__pool_destroy(struct coro__pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->ending = true;
    pthread_cond_broadcast(&pool->job_came);
    pthread_mutex_unlock(&pool->mutex);
    while (pool->workers) {
        struct worker *worker = pool->workers;
        pool->workers = worker->next;
        pthread_join(worker->thread, NULL);
        free(worker);
    }
    pthread_cond_destroy(&pool->job_came);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}
