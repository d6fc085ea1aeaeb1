/* The log: what a poll reads, and what a hub asks for many at once. */
#ifndef PERCH_STORE_EVENT_H
#define PERCH_STORE_EVENT_H

#include "store.h"

enum { STORE_EVENTS_MAX = 200 };

struct store_event {
    int64_t seq;
    const char *json;
};

struct store_events {
    const char *epoch;
    int64_t seq;   /* the newest position */
    int64_t floor; /* events up to here are no longer kept */
    int count;
    struct store_event *events; /* in seq order, without holes */
};

/* The user's position and at most STORE_EVENTS_MAX events after `after`, of one instant.
 * ERR_UNAUTHORIZED: no such account. */
int store_event_poll(struct pg *pg, struct arena *arena, int64_t user_id, int64_t after,
                     struct store_events *ret_events) __attribute__((warn_unused_result));

/* For the hub, without blocking: begins a statement that tells, for pairs of user and session given
 * as PostgreSQL arrays
 * ("{1,2}"), the epoch, where each user's log stands and whether the session lives. Step the
 * connection, then read rows. */
int store_event_verify_start(struct pg *pg, const char *user_ids, const char *session_ids)
    __attribute__((warn_unused_result));

/* Also without blocking: draws a new epoch, because positions of this one were seen to go back. The
 * text must live until the statement has ended. */
int store_event_renew_start(struct pg *pg, const char *epoch) __attribute__((warn_unused_result));

struct store_verified {
    int64_t user_id;
    int64_t session_id;
    int64_t seq; /* -1: the account is gone */
    bool alive;
    const char *epoch; /* borrowed from the result */
};

void store_event_verified(const struct pg_result *result, int row,
                          struct store_verified *ret_verified);

#endif
