/* People as others see them, and one's own account. */
#ifndef PERCH_STORE_USER_H
#define PERCH_STORE_USER_H

#include "store.h"

/* Times are RFC 3339 texts. A deleted account has neither names nor times of presence. */
struct store_user {
    int64_t id;
    const char *username;
    const char *display_name; /* NULL where none was chosen */
    const char *created_at;
    const char *last_seen_at; /* NULL: never */
    bool online;              /* false, until it is looked up (online.h) */
    bool deleted;
};

struct store_settings {
    const char *locale;
    const char *time_zone;
    const char *preview;
    const char *quiet_from; /* "HH:MM" or NULL */
    const char *quiet_to;
    int delay_s;
    const char *telegram; /* NULL where none was given */
};

enum store_user_sort { STORE_USERS_BY_NAME, STORE_USERS_BY_CREATION, STORE_USERS_BY_SEEN };

/* Where a page ends: the sort's key of the last row, of which only the sort's own members matter.
 */
struct store_user_key {
    const char *name; /* folded; "" before the first */
    int64_t id;       /* STORE_ID_MAX before the first */
    int64_t seen_us;  /* microseconds since 1970, -1: never; STORE_ID_MAX before the first */
};

#define STORE_ID_MAX INT64_C(9007199254740991) /* 53 bits */

struct store_user_page {
    int count;
    struct store_user *users;
    struct store_user_key *keys; /* of each row */
};

/* Columns that store_user_read() expects from column `first` on, of perch.users u; STORE_USER_WIDTH
 * of them. */
#define STORE_USER_COLUMNS                                        \
    "u.id, u.username, u.display_name, perch.iso(u.created_at), " \
    "perch.iso(u.last_seen_at), u.deleted_at IS NOT NULL"
enum { STORE_USER_WIDTH = 6 };

void store_user_read(struct arena *arena, const struct pg_result *result, int row, int first,
                     struct store_user *ret_user);

/* Everyone with an account whose folded names contain `part` (NULL: all), after `after`. */
int store_user_list(struct pg *pg, struct arena *arena, const char *part, enum store_user_sort sort,
                    const struct store_user_key *after, int limit, struct store_user_page *ret_page)
    __attribute__((warn_unused_result));

/* ERR_NOT_FOUND. */
int store_user_get(struct pg *pg, struct arena *arena, int64_t user_id, struct store_user *ret_user)
    __attribute__((warn_unused_result));

/* One's own account; ERR_UNAUTHORIZED when it is gone. */
int store_user_me(struct pg *pg, struct arena *arena, int64_t user_id, struct store_user *ret_user,
                  struct store_settings *ret_settings) __attribute__((warn_unused_result));

/* Changes what the JSON object `fields` names (the keys of perch.update_me). ERR_TELEGRAM_TAKEN;
 * ERR_INVALID: the time zone is unknown. */
int store_user_update(struct pg *pg, struct arena *arena, int64_t user_id, const char *fields,
                      struct store_change *ret_change) __attribute__((warn_unused_result));

/* Those who have a dialog with the user. */
int store_user_partners(struct pg *pg, struct arena *arena, int64_t user_id,
                        struct store_ids *ret_partners) __attribute__((warn_unused_result));

#endif
