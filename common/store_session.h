/* Sessions: the truth about who is logged in. */
#ifndef PERCH_STORE_SESSION_H
#define PERCH_STORE_SESSION_H

#include "store.h"

struct store_session {
    int64_t id;
    const char *created_at;
    const char *last_seen_at;
    const char *user_agent;
    const char *ip;
};

struct store_session_list {
    int count;
    struct store_session *sessions; /* the latest first */
};

/* Does it live, and is it this user's? Notes that it was seen, and with `present` that the person
 * was there. */
int store_session_check(struct pg *pg, int64_t session_id, int64_t user_id, bool present,
                        bool *ret_alive) __attribute__((warn_unused_result));

int store_session_list(struct pg *pg, struct arena *arena, int64_t user_id,
                       struct store_session_list *ret_list) __attribute__((warn_unused_result));

/* Ends one of the user's sessions; ERR_NOT_FOUND. */
int store_session_end(struct pg *pg, int64_t user_id, int64_t session_id)
    __attribute__((warn_unused_result));

/* Ends all of them but one. */
int store_session_end_others(struct pg *pg, struct arena *arena, int64_t user_id, int64_t keep,
                             struct store_ids *ret_ended) __attribute__((warn_unused_result));

#endif
