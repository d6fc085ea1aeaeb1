/* Presence, as far as it is kept: when people were last seen, and who hears of it. */
#ifndef PERCH_STORE_PRESENCE_H
#define PERCH_STORE_PRESENCE_H

#include "store.h"

struct store_presence {
    int64_t id;
    bool online; /* lately, as far as PostgreSQL can tell: what counts while Redis does not know */
    bool deleted;
    const char *last_seen_at;
};

struct store_presence_list {
    int count;
    struct store_presence *people; /* in the order of the ids */
};

/* Those of the ids, a PostgreSQL array ("{1,2}"), that belong or belonged to an account. */
int store_presence_list(struct pg *pg, struct arena *arena, const char *ids,
                        struct store_presence_list *ret_list) __attribute__((warn_unused_result));

/* For the hub, without blocking: begins a statement that notes who went offline (`gone`, an array
 * as long as `ids`, has milliseconds since 1970 for them and NULL for the others) and tells whose
 * partners are to hear of the change. */
int store_presence_note_start(struct pg *pg, const char *ids, const char *gone)
    __attribute__((warn_unused_result));

struct store_presence_noted {
    int64_t user_id;
    const char *partners; /* "{1,2}"; borrowed from the result */
};

void store_presence_noted(const struct pg_result *result, int row,
                          struct store_presence_noted *ret_noted);

#endif
