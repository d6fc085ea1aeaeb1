/* One statement at a time on a connection of its own, from an event loop and without ever blocking
 * it. */
#ifndef PERCH_LOOP_PG_H
#define PERCH_LOOP_PG_H

#include <stdbool.h>

#include "pg.h"

struct event_base;
struct loop_pg;

/* Begins a statement with pg_start(), as the store's *_start() functions do. Texts given to it must
 * live until done(). */
typedef int loop_pg_begin(struct pg *pg, void *argument);

/* The statement has ended. `err` is what pg_step() or begin() returned, or ERR_UNAVAILABLE when the
 * deadline (PG_CONNECT_MS + PG_QUERY_MS) was over; then the result is empty. It is cleared after
 * this call, which may start the next statement. */
typedef void loop_pg_done(void *argument, int err, const struct pg_result *result);

/* Connects when it is first used. Everything given must outlive it; `application` is shown in
 * pg_stat_activity. */
struct loop_pg *loop_pg_new(struct event_base *base, const char *url, const char *application,
                            const struct pg_profile *profile);
/* Without calling done(). */
void loop_pg_free(struct loop_pg *link);

/* Calls lost() from the loop when the connection breaks (or the server says something unasked,
 * which it does before it ends one) while no statement runs; one that runs says so itself. For
 * whoever holds something that lives as long as the connection. */
typedef void loop_pg_lost(void *argument);
void loop_pg_watch(struct loop_pg *link, loop_pg_lost *lost, void *argument);

/* pg_is_cancelled() */
bool loop_pg_is_cancelled(const struct loop_pg *link);

bool loop_pg_is_idle(const struct loop_pg *link);
/* Only while it is idle. done() is called once, from the loop. */
void loop_pg_start(struct loop_pg *link, loop_pg_begin *begin, loop_pg_done *done, void *argument);

#endif
