/* libpq without a server: a test that calls these functions is linked with stand-ins for every
 * PQ*() that common/pg.c uses. What is sent is remembered, answers are given beforehand. */
#ifndef PERCH_FAKE_PG_H
#define PERCH_FAKE_PG_H

#include <stdbool.h>

enum { FAKE_PG_PARAMS = 16, FAKE_PG_PARAM_MAX = 256 };

struct fake_pg {
    bool refuses; /* connections */
    bool slow;    /* connecting takes a second step */
    bool silent;  /* no answer comes */
    bool lost;    /* the connection breaks at the next answer */
    int connects;
    int prepares;
    int runs;
    int open_connections;
    int open_results;
    const char *statement; /* the last that ran, by name */
    int param_count;
    char params[FAKE_PG_PARAMS][FAKE_PG_PARAM_MAX];
    bool nulls[FAKE_PG_PARAMS];
};

extern struct fake_pg fake_pg;

void fake_pg_begin(void);
void fake_pg_end(void);

/* The answer to a statement from now on ("setup" is the one on connect): rows of `columns` texts,
 * NULL for SQL NULL; borrowed. Without an answer a statement succeeds and has no rows. */
void fake_pg_answer(const char *statement, int rows, int columns, const char *const *cells);

/* It fails, also to be prepared. */
void fake_pg_fail(const char *statement, const char *sqlstate);

/* The server says something nobody asked for. */
void fake_pg_speak(void);

#endif
