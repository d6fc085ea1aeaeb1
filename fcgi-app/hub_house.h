/* The hub's work for PostgreSQL that nobody waits for: one connection, one statement at a time, in
 * the order it came. Looks (hub_verify.c) have a connection of their own and never queue here. */
#ifndef PERCH_HUB_HOUSE_H
#define PERCH_HUB_HOUSE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "common/loop_pg.h"

struct hub;
struct hub_house;

/* Part of whoever wants it done, who frees it only after hub_house_free(). */
struct hub_job {
    loop_pg_begin *begin;
    loop_pg_done *done; /* also told of failures; may add the job again, later is better */
    void *argument;
    bool queued; /* the house's own, as the next */
    STAILQ_ENTRY(hub_job) of_house;
};

struct hub_house *hub_house_new(struct hub *hub);
/* Forgets what was to be done. */
void hub_house_free(struct hub_house *house);
/* A job that waits or runs already is not added twice. An ending hub begins nothing. */
void hub_house_add(struct hub_house *house, struct hub_job *job);

#endif
