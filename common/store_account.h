/* What needs a password: making an account, proving who one is, changing the password, leaving. */
#ifndef PERCH_STORE_ACCOUNT_H
#define PERCH_STORE_ACCOUNT_H

#include "store.h"

/* A session about to begin. */
struct store_session_start {
    int64_t id; /* random, 1 to 2^53 - 1 */
    int days;
    const char *user_agent;
    const char *ip;
};

struct store_account_new {
    const char *username;
    const char *username_key; /* folded */
    const char *display_name; /* NULL: none */
    const char *search_key;   /* folded names, what store_user_list() looks in */
    const char *password_hash;
    const char *telegram; /* NULL: none */
    const char *telegram_key;
};

/* The account and its first session. ERR_NAME_TAKEN, ERR_TELEGRAM_TAKEN. */
int store_account_create(struct pg *pg, const struct store_account_new *account,
                         const struct store_session_start *session, int64_t *ret_user_id)
    __attribute__((warn_unused_result));

/* ret_user_id 0 and ret_hash NULL when there is no such account: the caller goes on hashing all the
 * same. */
int store_account_credentials(struct pg *pg, struct arena *arena, const char *username_key,
                              int64_t *ret_user_id, const char **ret_hash)
    __attribute__((warn_unused_result));
int store_account_hash(struct pg *pg, struct arena *arena, int64_t user_id, const char **ret_hash)
    __attribute__((warn_unused_result));

/* ERR_BAD_CREDENTIALS when the hash that was checked is no longer the account's: for these three.
 * `present`: a person logs in, not a program. */
int store_account_log_in(struct pg *pg, int64_t user_id, const char *hash,
                         const struct store_session_start *session, bool present)
    __attribute__((warn_unused_result));
int store_account_change_password(struct pg *pg, struct arena *arena, int64_t user_id,
                                  int64_t keep_session, const char *old_hash, const char *new_hash,
                                  struct store_ids *ret_ended) __attribute__((warn_unused_result));
int store_account_delete(struct pg *pg, struct arena *arena, int64_t user_id, const char *hash,
                         struct store_ids *ret_ended, struct store_ids *ret_partners)
    __attribute__((warn_unused_result));

#endif
