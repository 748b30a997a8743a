/* SPDX-License-Identifier: MIT */
/* PostgreSQL with libpq: a query is a plain call, and its cancel reaches the server.
 *
 *     postgres CONNINFO
 *
 * libpq never blocks here: where it has to wait for its socket, the task does. Only its request to
 * cancel knows no other way, and is made in a thread. */
#define _POSIX_C_SOURCE 200809L
#include <coro.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct database {
    PGconn *connection;
    int fd; /* a copy of its socket, which libpq closes when it likes */
};

static int lost(const struct database *db)
{
    const char *text = PQerrorMessage(db->connection);
    return coro_fail(-ECONNRESET, "%.*s", (int)strcspn(text, "\n"), text);
}

/* --- Connections ------------------------------------------------------------------------------ */
static int copy_socket(struct database *db)
{
    coro_close(db->fd);
    db->fd = fcntl(PQsocket(db->connection), F_DUPFD_CLOEXEC, 0);
    return db->fd < 0 ? -errno : 0;
}

static void close_database(struct database *db)
{
    coro_close(db->fd);
    PQfinish(db->connection);
}

/* Each step may come with another socket. Use hostaddr: to look up a name libpq would block. */
static int open_database(struct database *db, const char *conninfo)
{
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    int rc = 0;
    *db = (struct database){.connection = PQconnectStart(conninfo), .fd = -1};
    if (PQstatus(db->connection) == CONNECTION_BAD)
        rc = lost(db);
    while (rc >= 0 && next != PGRES_POLLING_OK) {
        rc = copy_socket(db);
        if (rc == 0)
            rc = coro_poll(db->fd, next == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        if (rc >= 0 && (next = PQconnectPoll(db->connection)) == PGRES_POLLING_FAILED)
            rc = lost(db);
    }
    if (rc >= 0)
        rc = copy_socket(db);
    if (rc == 0 && PQsetnonblocking(db->connection, 1) < 0)
        rc = lost(db);
    if (rc < 0)
        close_database(db);
    return rc;
}

/* --- Queries ---------------------------------------------------------------------------------- */
/* Waits for the next result and takes it: NULL after the last. */
static int next_result(struct database *db, PGresult **result)
{
    int unsent, rc = 0;
    *result = NULL;
    while ((unsent = PQflush(db->connection)) > 0 || PQisBusy(db->connection)) {
        rc = coro_poll(db->fd, unsent > 0 ? POLLIN | POLLOUT : POLLIN);
        if (rc < 0)
            return rc;
        if (!PQconsumeInput(db->connection))
            return lost(db);
    }
    *result = PQgetResult(db->connection);
    return 0;
}

static int request_cancel(void *cancel)
{
    char error[256];
    return PQcancel(cancel, error, sizeof error) ? 0 : -EIO;
}

/* The task has had its -ECANCELED, and may wait again. */
static void cancel_query(struct database *db)
{
    const coro_thread_options options = {.wait_on_cancel = true};
    PGcancel *cancel = PQgetCancel(db->connection);
    coro_to_thread_with(&options, request_cancel, cancel);
    PQfreeCancel(cancel);
}

/* The last statement's result; the caller clears it, also after an error. Not for COPY. */
static int query(struct database *db, const char *sql, PGresult **result)
{
    PGresult *next;
    int rc;
    *result = NULL;
    while ((rc = next_result(db, &next)) == 0 && next) /* left by a query that was cancelled */
        PQclear(next);
    if (rc < 0)
        return rc;
    if (!PQsendQuery(db->connection, sql))
        return lost(db);
    while ((rc = next_result(db, &next)) == 0 && next) {
        PQclear(*result);
        *result = next;
    }
    if (rc == -ECANCELED)
        cancel_query(db);
    else if (rc == 0 && PQstatus(db->connection) == CONNECTION_BAD)
        rc = lost(db);
    else if (rc == 0 && PQresultStatus(*result) == PGRES_FATAL_ERROR)
        rc = coro_fail(-EPROTO, "%s", PQresultErrorField(*result, PG_DIAG_MESSAGE_PRIMARY));
    return rc;
}

/* --- The program ------------------------------------------------------------------------------ */
/* A number of at least 0 from the database, or an error. */
static int ask(struct database *db, const char *sql)
{
    PGresult *result;
    const int rc = query(db, sql, &result);
    const int number = rc == 0 ? atoi(PQgetvalue(result, 0, 0)) : rc;
    PQclear(result);
    return number;
}

static int work(void *conninfo)
{
    struct database db;
    int rc = open_database(&db, conninfo);
    if (rc < 0)
        return rc;
    rc = ask(&db, "SELECT pg_advisory_lock_shared(4711)");
    close_database(&db);
    return rc;
}

/* The server has all three wait for a lock that we hold. */
static int work_at_once(struct database *db, void *conninfo)
{
    int waiting = 0, rc = ask(db, "SELECT pg_advisory_lock(4711)");
    coro_group group;
    coro_group_begin(&group);
    for (int i = 0; rc >= 0 && i < 3; i++)
        rc = coro_group_create_task(&group, work, conninfo);
    while (rc >= 0 && waiting < 3) {
        waiting = ask(db, "SELECT count(*) FROM pg_locks WHERE objid = 4711 AND NOT granted");
        rc = waiting < 0 ? waiting : coro_sleep(CORO_MILLISECOND);
    }
    printf("%d queries wait in the server\n", waiting);
    if (rc >= 0)
        rc = ask(db, "SELECT pg_advisory_unlock(4711)");
    return coro_group_end(&group, rc);
}

static void show(struct database *db, coro_duration limit, const char *sql)
{
    coro_timeout scope;
    coro_timeout_begin(&scope, limit);
    const int rc = coro_timeout_end(&scope, ask(db, sql));
    const char *error = coro_error_message(coro_current_task());
    if (rc >= 0)
        printf("%s: %d\n", sql, rc);
    else
        printf("%s: %s\n", sql, error ? error : strerror(-rc));
}

static int start(void *conninfo)
{
    struct database db;
    int rc = open_database(&db, conninfo);
    if (rc < 0)
        printf("no connection: %s\n", coro_error_message(coro_current_task()));
    if (rc == 0) {
        rc = work_at_once(&db, conninfo);
        show(&db, CORO_SECOND / 10, "SELECT 1 FROM pg_sleep(60)");
        show(&db, CORO_FOREVER, "SELECT 6 * 7");
        show(&db, CORO_FOREVER, "SELECT 6 / 0");
        show(&db, CORO_FOREVER, "SELECT pg_terminate_backend(pg_backend_pid())");
        show(&db, CORO_FOREVER, "SELECT 6 * 7");
        close_database(&db);
    }
    return rc;
}

int main(int argc, char **argv)
{
    const int rc = argc == 2 ? coro_run(start, argv[1]) : -EINVAL;
    if (rc < 0)
        fprintf(stderr, "postgres: %s\n", strerror(-rc));
    return rc < 0;
}
