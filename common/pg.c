#include "pg.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "log.h"
#include "memory.h"

enum pg_state {
    PG_CLOSED,
    PG_CONNECTING,
    PG_SETTING_UP, /* the profile's setup statement is running */
    PG_PREPARING,  /* the profile's statement `index` of table `table` is being prepared */
    PG_READY,
    PG_RUNNING, /* the caller's statement is running */
};

struct pg {
    const char *url;
    const char *application;
    const struct pg_profile *profile;
    PGconn *conn;
    enum pg_state state;
    PostgresPollingStatusType polling; /* while PG_CONNECTING */
    int table;
    int index;
    int64_t retry_at;                     /* monotonic; no connection attempt before */
    const struct pg_statement *statement; /* waits for the connection, or runs */
    struct pg_params params;
    struct pg_result result; /* of the running statement */
    bool misfit;
    bool cancelled;
};

/* The server ends a statement before the client would have to drop the connection. Every statement
 * has an index to go by; a plan made while a table was small, and cached, would read all of it ever
 * after. Pages are in memory, or on disks that do not mind where they are. Each statement has one
 * good plan whatever its parameters, made once for the connection. */
static const char session_settings[] =
    "SET statement_timeout = 4500; SET client_min_messages = warning; "
    "SET default_transaction_isolation = 'read committed'; SET enable_seqscan = off; "
    "SET TimeZone = 'UTC'; SET jit = off; SET random_page_cost = 1.1; "
    "SET plan_cache_mode = force_generic_plan; ";

void pg_add_text(struct pg_params *params, const char *text)
{
    params->values[params->count++] = text;
}

void pg_add_int(struct pg_params *params, int64_t number)
{
    char *text = params->numbers[params->count];
    snprintf(text, sizeof params->numbers[0], "%" PRId64, number);
    params->values[params->count++] = text;
}

bool pg_is_null(const struct pg_result *result, int row, int column)
{
    return PQgetisnull(result->handle, row, column) != 0;
}

const char *pg_text(const struct pg_result *result, int row, int column)
{
    return PQgetvalue(result->handle, row, column);
}

int64_t pg_int(const struct pg_result *result, int row, int column)
{
    return strtoll(pg_text(result, row, column), NULL, 10);
}

bool pg_bool(const struct pg_result *result, int row, int column)
{
    return pg_text(result, row, column)[0] == 't';
}

void pg_result_clear(struct pg_result *result)
{
    PQclear(result->handle);
    *result = (struct pg_result){0};
}

struct pg *pg_new(const char *url, const char *application, const struct pg_profile *profile)
{
    struct pg *pg = memory_new(sizeof *pg);
    pg->url = url;
    pg->application = application;
    pg->profile = profile;
    return pg;
}

void pg_free(struct pg *pg)
{
    if (pg == NULL)
        return;
    pg_drop(pg);
    free(pg);
}

int pg_socket(const struct pg *pg)
{
    return PQsocket(pg->conn);
}

bool pg_is_misfit(const struct pg *pg)
{
    return pg->misfit;
}

bool pg_is_cancelled(const struct pg *pg)
{
    return pg->cancelled;
}

void pg_drop(struct pg *pg)
{
    pg_result_clear(&pg->result);
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->state = PG_CLOSED;
    pg->statement = NULL;
}

/* Drops the connection after a failure and keeps away from the server for a while. */
static int pg_fail(struct pg *pg, const char *what)
{
    const char *message = PQerrorMessage(pg->conn);
    log_warn("PostgreSQL: %s: %.*s", what, (int)strcspn(message, "\n"), message);
    pg_drop(pg);
    pg->retry_at = clock_mono_ms() + PG_RETRY_MS;
    return ERR_UNAVAILABLE;
}

static void pg_notice_ignore(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

static int pg_connect_start(struct pg *pg)
{
    if (clock_mono_ms() < pg->retry_at)
        return ERR_UNAVAILABLE;
    const char *keywords[] = {"dbname", "fallback_application_name", NULL};
    const char *values[] = {pg->url, pg->application, NULL};
    pg->misfit = false;
    pg->conn = PQconnectStartParams(keywords, values, 1);
    if (pg->conn == NULL || PQstatus(pg->conn) == CONNECTION_BAD)
        return pg_fail(pg, "cannot connect");
    PQsetNoticeReceiver(pg->conn, pg_notice_ignore, NULL);
    pg->state = PG_CONNECTING;
    pg->polling = PGRES_POLLING_WRITING;
    return 0;
}

/* Sends what the new state needs. */
static int pg_enter(struct pg *pg, enum pg_state state)
{
    int sent = 1;
    pg->state = state;
    if (state == PG_SETTING_UP) {
        char sql[512];
        snprintf(sql, sizeof sql, "%s%s", session_settings, pg->profile->setup);
        sent = PQsendQuery(pg->conn, sql);
    } else if (state == PG_PREPARING) {
        const struct pg_statement *statement = pg->profile->tables[pg->table][pg->index];
        sent = PQsendPrepare(pg->conn, statement->name, statement->sql, 0, NULL);
    } else if (state == PG_RUNNING) {
        sent = PQsendQueryPrepared(pg->conn, pg->statement->name, pg->params.count,
                                   pg->params.values, NULL, NULL, 0);
    }
    return sent ? 0 : pg_fail(pg, "cannot send");
}

/* One PQconnectPoll() for each readiness of the socket. */
static int pg_step_connecting(struct pg *pg, short *ret_events)
{
    struct pollfd ready = {.fd = PQsocket(pg->conn),
                           .events = pg->polling == PGRES_POLLING_READING ? POLLIN : POLLOUT};
    if (poll(&ready, 1, 0) <= 0) {
        *ret_events = ready.events;
        return ERR_BUSY;
    }
    pg->polling = PQconnectPoll(pg->conn);
    if (pg->polling == PGRES_POLLING_FAILED)
        return pg_fail(pg, "cannot connect");
    if (pg->polling != PGRES_POLLING_OK) {
        *ret_events = pg->polling == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        return ERR_BUSY;
    }
    if (PQsetnonblocking(pg->conn, 1) != 0)
        return pg_fail(pg, "cannot connect");
    pg->table = pg->index = 0;
    return pg_enter(pg, PG_SETTING_UP);
}

/* Collects the results of what is running: ERR_BUSY until the last one is in. */
static int pg_step_results(struct pg *pg, short *ret_events)
{
    int unsent = PQflush(pg->conn);
    if (unsent < 0 || !PQconsumeInput(pg->conn))
        return pg_fail(pg, "connection lost");
    for (;;) {
        if (PQisBusy(pg->conn)) {
            *ret_events = (short)(unsent ? POLLIN | POLLOUT : POLLIN);
            return ERR_BUSY;
        }
        PGresult *result = PQgetResult(pg->conn);
        if (result == NULL)
            return 0;
        pg_result_clear(&pg->result);
        pg->result = (struct pg_result){.handle = result, .rows = PQntuples(result)};
        if (PQresultStatus(result) == PGRES_FATAL_ERROR && PQstatus(pg->conn) == CONNECTION_BAD)
            return pg_fail(pg, "connection lost");
    }
}

/* Is this the server's trouble (away, overloaded, standing by), and not the statement's? */
static bool sqlstate_is_outage(const char *sqlstate)
{
    /* Also: read-only now (25006); a plan or statement that a migration has made stale (0A000,
     * 26000). */
    static const char *const prefixes[] = {"08", "53", "57P", "58", "25006", "0A000", "26000"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(sqlstate, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static int pg_judge(struct pg *pg)
{
    ExecStatusType status = PQresultStatus(pg->result.handle);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return 0;
    const char *sqlstate = PQresultErrorField(pg->result.handle, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(pg->result.handle, PG_DIAG_MESSAGE_PRIMARY);
    if (sqlstate == NULL || sqlstate_is_outage(sqlstate))
        return pg_fail(pg, "refused");
    /* Cancelled by statement_timeout: that statement's trouble, the connection is good. */
    if (strcmp(sqlstate, "57014") == 0) {
        pg->cancelled = pg->state == PG_RUNNING;
        log_warn("PostgreSQL: %s took too long", pg->statement ? pg->statement->name : "setup");
        return ERR_UNAVAILABLE;
    }
    log_error("PostgreSQL: %s failed: %s %s", pg->statement ? pg->statement->name : "setup",
              sqlstate, message ? message : "");
    return ERR_INTERNAL;
}

/* The results of setup or of a PREPARE are in: go on with the next. */
static int pg_step_on(struct pg *pg)
{
    int err = pg_judge(pg);
    if (err == ERR_UNAVAILABLE)
        return err;
    pg->misfit = err != 0;
    if (err != 0)
        return pg_fail(pg, "the schema does not fit; deploy the migrations");
    if (pg->state == PG_PREPARING)
        pg->index++;
    if (pg->profile->tables[pg->table] != NULL &&
        pg->profile->tables[pg->table][pg->index] == NULL) {
        pg->table++;
        pg->index = 0;
    }
    if (pg->profile->tables[pg->table] != NULL)
        return pg_enter(pg, PG_PREPARING);
    return pg_enter(pg, pg->statement ? PG_RUNNING : PG_READY);
}

int pg_step(struct pg *pg, short *ret_events, struct pg_result *ret_result)
{
    int err = 0;
    while (err == 0 && pg->state != PG_READY) {
        enum pg_state state = pg->state;
        if (state == PG_CLOSED)
            return ERR_UNAVAILABLE;
        err = state == PG_CONNECTING ? pg_step_connecting(pg, ret_events)
                                     : pg_step_results(pg, ret_events);
        if (err != 0 || state == PG_CONNECTING)
            continue;
        if (state != PG_RUNNING) {
            err = pg_step_on(pg);
            continue;
        }
        err = pg_judge(pg);
        pg->statement = NULL;
        if (err == 0 && ret_result != NULL) {
            *ret_result = pg->result;
            pg->result = (struct pg_result){0};
        }
        pg_result_clear(&pg->result);
        if (pg->state == PG_RUNNING)
            pg->state = PG_READY;
    }
    return err;
}

/* An idle connection has nothing to say, unless the server ended it meanwhile. */
static bool pg_is_stale(const struct pg *pg)
{
    struct pollfd idle = {.fd = PQsocket(pg->conn), .events = POLLIN};
    return poll(&idle, 1, 0) != 0;
}

int pg_start(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params)
{
    int err = 0;
    pg->cancelled = false;
    if (pg->state != PG_CLOSED && (pg->state != PG_READY || pg_is_stale(pg)))
        pg_drop(pg);
    if (pg->state == PG_CLOSED)
        err = pg_connect_start(pg);
    if (err != 0)
        return err;
    pg->statement = statement;
    pg->params = *params;
    /* Numbers live inside the list: point at the copy's. */
    for (int i = 0; i < params->count; i++)
        if (params->values[i] == params->numbers[i])
            pg->params.values[i] = pg->params.numbers[i];
    return pg->state == PG_READY ? pg_enter(pg, PG_RUNNING) : 0;
}

int pg_run(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params,
           struct pg_result *ret_result)
{
    short events = 0;
    int err = pg_start(pg, statement, params);
    if (err != 0)
        return err;
    int64_t deadline = clock_mono_ms() + (pg->state == PG_RUNNING ? PG_QUERY_MS : PG_CONNECT_MS);
    bool running = pg->state == PG_RUNNING;
    while ((err = pg_step(pg, &events, ret_result)) == ERR_BUSY) {
        if (!running && pg->state == PG_RUNNING) {
            running = true;
            deadline = clock_mono_ms() + PG_QUERY_MS;
        }
        struct pollfd ready = {.fd = PQsocket(pg->conn), .events = events};
        int64_t left = deadline - clock_mono_ms();
        int count = left > 0 ? poll(&ready, 1, (int)left) : 0;
        if (count == 0 || (count < 0 && errno != EINTR))
            return pg_fail(pg, running ? "no answer in time" : "no connection in time");
    }
    return err;
}
