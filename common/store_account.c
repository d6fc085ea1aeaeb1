#include "store_account.h"

#include "err.h"
#include "store_internal.h"

static const struct pg_statement create = {
    "account_create",
    "SELECT * FROM perch.create_account($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};
static const struct pg_statement credentials = {"account_credentials",
                                                "SELECT * FROM perch.credentials_by_name($1)"};
static const struct pg_statement hash_by_id = {"account_hash",
                                               "SELECT * FROM perch.credentials_by_id($1)"};
static const struct pg_statement log_in = {
    "account_log_in", "SELECT perch.create_session($1, $2, $3, $4, $5, $6, $7)"};
static const struct pg_statement change_password = {"account_change_password",
                                                    "SELECT perch.change_password($1, $2, $3, $4)"};
static const struct pg_statement delete_account = {"account_delete",
                                                   "SELECT * FROM perch.delete_account($1, $2)"};

const struct pg_statement *const store_account_statements[] = {
    &create, &credentials, &hash_by_id, &log_in, &change_password, &delete_account, NULL};

static void add_session(struct pg_params *params, const struct store_session_start *session)
{
    pg_add_int(params, session->id);
    pg_add_int(params, session->days);
    pg_add_text(params, session->user_agent);
    pg_add_text(params, session->ip);
}

int store_account_create(struct pg *pg, const struct store_account_new *account,
                         const struct store_session_start *session, int64_t *ret_user_id)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_text(&params, account->username);
    pg_add_text(&params, account->username_key);
    pg_add_text(&params, account->display_name);
    pg_add_text(&params, account->search_key);
    pg_add_text(&params, account->password_hash);
    pg_add_text(&params, account->telegram);
    pg_add_text(&params, account->telegram_key);
    add_session(&params, session);
    int err = pg_run(pg, &create, &params, &result);
    if (err == 0)
        err = store_status(pg_text(&result, 0, 0));
    if (err == 0)
        *ret_user_id = pg_int(&result, 0, 1);
    pg_result_clear(&result);
    return err;
}

int store_account_credentials(struct pg *pg, struct arena *arena, const char *username_key,
                              int64_t *ret_user_id, const char **ret_hash)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_text(&params, username_key);
    int err = pg_run(pg, &credentials, &params, &result);
    if (err == 0) {
        *ret_user_id = result.rows > 0 ? pg_int(&result, 0, 0) : 0;
        *ret_hash = result.rows > 0 ? store_text(arena, &result, 0, 1) : NULL;
    }
    pg_result_clear(&result);
    return err;
}

int store_account_hash(struct pg *pg, struct arena *arena, int64_t user_id, const char **ret_hash)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    int err = pg_run(pg, &hash_by_id, &params, &result);
    if (err == 0)
        *ret_hash = result.rows > 0 ? store_text(arena, &result, 0, 0) : NULL;
    pg_result_clear(&result);
    return err;
}

int store_account_log_in(struct pg *pg, int64_t user_id, const char *hash,
                         const struct store_session_start *session, bool present)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_text(&params, hash);
    add_session(&params, session);
    pg_add_text(&params, present ? "true" : "false");
    int err = pg_run(pg, &log_in, &params, &result);
    if (err == 0 && !pg_bool(&result, 0, 0))
        err = ERR_BAD_CREDENTIALS;
    pg_result_clear(&result);
    return err;
}

/* Runs a function whose first column is NULL when the hash is no longer the account's. */
static int run_with_hash(struct pg *pg, const struct pg_statement *statement,
                         const struct pg_params *params, struct pg_result *ret_result)
{
    int err = pg_run(pg, statement, params, ret_result);
    return err == 0 && pg_is_null(ret_result, 0, 0) ? ERR_BAD_CREDENTIALS : err;
}

int store_account_change_password(struct pg *pg, struct arena *arena, int64_t user_id,
                                  int64_t keep_session, const char *old_hash, const char *new_hash,
                                  struct store_ids *ret_ended)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, keep_session);
    pg_add_text(&params, old_hash);
    pg_add_text(&params, new_hash);
    int err = run_with_hash(pg, &change_password, &params, &result);
    if (err == 0)
        store_ids_read(arena, &result, 0, 0, ret_ended);
    pg_result_clear(&result);
    return err;
}

int store_account_delete(struct pg *pg, struct arena *arena, int64_t user_id, const char *hash,
                         struct store_ids *ret_ended, struct store_ids *ret_partners)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_text(&params, hash);
    int err = run_with_hash(pg, &delete_account, &params, &result);
    if (err == 0) {
        store_ids_read(arena, &result, 0, 0, ret_ended);
        store_ids_read(arena, &result, 0, 1, ret_partners);
    }
    pg_result_clear(&result);
    return err;
}
