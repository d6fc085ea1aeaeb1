/* One statement at a time on a connection of its own, from the hub's loop and without ever blocking
 * it. */
#ifndef PERCH_HUB_QUERY_H
#define PERCH_HUB_QUERY_H

#include <stdbool.h>

#include "common/pg.h"

struct hub;
struct hub_query;

/* Begins a statement with pg_start(), as the store's *_start() functions do. Texts given to it must
 * live until done(). */
typedef int hub_query_begin(struct pg *pg, void *argument);

/* The statement has ended. `err` is what pg_step() or begin() returned, or ERR_UNAVAILABLE when the
 * deadline (PG_CONNECT_MS + PG_QUERY_MS) was over; then the result is empty. It is cleared after
 * this call, which may start the next statement. */
typedef void hub_query_done(void *argument, int err, const struct pg_result *result);

/* Connects when it is first used. `application` is shown in pg_stat_activity and must live on. */
struct hub_query *hub_query_new(struct hub *hub, const char *application);
/* Without calling done(). */
void hub_query_free(struct hub_query *query);

bool hub_query_is_idle(const struct hub_query *query);
/* Only while it is idle. done() is called once, from the loop. */
void hub_query_start(struct hub_query *query, hub_query_begin *begin, hub_query_done *done,
                     void *argument);

#endif
