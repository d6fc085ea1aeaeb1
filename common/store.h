/* What the store's files share: the statements a connection prepares, and the shape of a mutation.
 *
 * The store is the only place with SQL, one file per entity. Each function is one round trip,
 * blocks as pg_run() does and passes on its errors; others are named at the function. Texts it
 * returns are in the caller's arena; JSON texts are complete values, ready to be put into a reply.
 */
#ifndef PERCH_STORE_H
#define PERCH_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "pg.h"

enum {
    STORE_EPOCH_MAX = 16,
    STORE_WAKES_MAX = 2,
    STORE_PAGE_MAX = 100,
};

/* For pg_new(): every statement of the store. */
extern const struct pg_profile store_profile;

/* An event that was appended to somebody's log, as a wake-up carries it. */
struct store_wake {
    int64_t user_id;
    int64_t seq;
    const char *event; /* JSON */
};

/* What a mutation did. */
struct store_change {
    bool repeat;        /* nothing: it had been done before */
    bool notify;        /* queued a notification: the notifier has something to look at */
    const char *result; /* JSON of the thing that changed, NULL where there is none */
    const char *epoch;
    int wake_count;
    struct store_wake wakes[STORE_WAKES_MAX];
};

/* A list of ids, in the caller's arena. */
struct store_ids {
    int count;
    int64_t *ids;
};

#endif
