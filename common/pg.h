/* One connection to PostgreSQL that cannot hang its process: libpq's non-blocking calls under a
 * deadline.
 *
 * Everything goes through pg_step(), which never blocks: loop_pg.c calls it from an event loop,
 * and pg_run() is the same step with poll(2) around it. A connection that broke, or did not answer
 * in time, is dropped; the next use opens a new one, but not within PG_RETRY_MS of the last
 * failure, so a dead database costs its callers nothing but an error. Every statement is prepared
 * on connect. Open after fork, never before. */
#ifndef PERCH_PG_H
#define PERCH_PG_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PG_CONNECT_MS = 2000, /* to connect and prepare everything */
    PG_QUERY_MS = 5000,   /* for one statement; the server gives up itself a little earlier */
    PG_RETRY_MS = 1000,
    PG_PARAMS_MAX = 16,
};

struct pg_statement {
    const char *name; /* unique in the program */
    const char *sql;
};

/* What a program's connections have in common. */
struct pg_profile {
    const char *setup; /* SQL run on every connect */
    /* NULL-terminated list of NULL-terminated lists; every statement is prepared on connect. */
    const struct pg_statement *const *const *tables;
};

struct pg; /* one connection, used by one process */

/* Parameters in text form; texts are borrowed until the statement has ended. `= {0}` is an empty
 * list. */
struct pg_params {
    int count;
    const char *values[PG_PARAMS_MAX];
    char numbers[PG_PARAMS_MAX][24];
};

void pg_add_text(struct pg_params *params, const char *text); /* NULL is SQL NULL */
void pg_add_int(struct pg_params *params, int64_t number);

/* Rows of text. `= {0}` is empty; pg_result_clear() frees and empties. */
struct pg_result {
    void *handle; /* PGresult */
    int rows;
};

bool pg_is_null(const struct pg_result *result, int row, int column);
const char *pg_text(const struct pg_result *result, int row,
                    int column); /* "" for NULL; borrowed from the result */
int64_t pg_int(const struct pg_result *result, int row, int column); /* 0 for NULL */
bool pg_bool(const struct pg_result *result, int row, int column);
void pg_result_clear(struct pg_result *result);

/* Connects to nothing yet. `url` and `profile` must outlive it. `application` is shown in
 * pg_stat_activity. */
struct pg *pg_new(const char *url, const char *application, const struct pg_profile *profile);
void pg_free(struct pg *pg);

/* Runs one prepared statement to its end; blocks for PG_CONNECT_MS + PG_QUERY_MS at most.
 * ERR_UNAVAILABLE: no answer was had, and whether the statement took effect is unknown.
 * ERR_INTERNAL: PostgreSQL refused it (logged). ret_result
 * may be NULL; otherwise clear it. */
int pg_run(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params,
           struct pg_result *ret_result) __attribute__((warn_unused_result));

/* The same without blocking. pg_start() begins a statement (and the connection, when there is
 * none); then pg_step() until it no longer says ERR_BUSY, each time pg_socket() is ready for
 * ret_events (POLLIN, POLLOUT). The caller keeps the deadline and calls pg_drop() when it is over.
 */
int pg_start(struct pg *pg, const struct pg_statement *statement, const struct pg_params *params)
    __attribute__((warn_unused_result));
int pg_step(struct pg *pg, short *ret_events, struct pg_result *ret_result)
    __attribute__((warn_unused_result));
int pg_socket(const struct pg *pg);
/* Did the last attempt to connect fail because a statement does not fit the schema? */
bool pg_is_misfit(const struct pg *pg);
/* Did PostgreSQL cancel the last statement, which took too long? Nothing came of it then
 * (ERR_UNAVAILABLE), and the connection is good. */
bool pg_is_cancelled(const struct pg *pg);
void pg_drop(struct pg *pg);

#endif
