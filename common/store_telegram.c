#include "store_telegram.h"

#include <sodium.h>
#include <string.h>

#include "err.h"
#include "store_internal.h"

static const struct pg_statement code_set = {
    "telegram_code_set",
    "SELECT status, bot, perch.iso(expires_at) FROM perch.telegram_code_set($1, $2)"};
static const struct pg_statement get = {
    "telegram_get", "SELECT linked, blocked, name, username, pending_id, pending_name, "
                    "pending_username, bot, claim FROM perch.telegram_state($1)"};
static const struct pg_statement confirm = {"telegram_confirm",
                                            "SELECT * FROM perch.telegram_confirm($1, $2)"};
static const struct pg_statement refuse = {"telegram_refuse",
                                           "SELECT * FROM perch.telegram_refuse($1)"};
static const struct pg_statement unlink_chat = {"telegram_unlink",
                                                "SELECT * FROM perch.telegram_unlink($1)"};
static const struct pg_statement webhook = {"telegram_webhook",
                                            "SELECT perch.telegram_webhook_put($1, $2, $3)"};

const struct pg_statement *const store_telegram_statements[] = {
    &code_set, &get, &confirm, &refuse, &unlink_chat, &webhook, NULL};

void store_telegram_hash(const char *code, char ret_hash[STORE_TELEGRAM_HASH_MAX])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)code, strlen(code));
    ret_hash[0] = '\\';
    ret_hash[1] = 'x';
    sodium_bin2hex(ret_hash + 2, STORE_TELEGRAM_HASH_MAX - 2, hash, sizeof hash);
}

int store_telegram_code_set(struct pg *pg, struct arena *arena, int64_t user_id, const char *hash,
                            struct store_telegram_code *ret_code)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_text(&params, hash);
    int err = pg_run(pg, &code_set, &params, &result);
    if (err == 0)
        err = store_status(pg_text(&result, 0, 0));
    if (err == 0)
        *ret_code = (struct store_telegram_code){
            .bot = store_text(arena, &result, 0, 1),
            .expires_at = store_text(arena, &result, 0, 2),
        };
    pg_result_clear(&result);
    return err;
}

int store_telegram_get(struct pg *pg, struct arena *arena, int64_t user_id,
                       struct store_telegram *ret_telegram)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    int err = pg_run(pg, &get, &params, &result);
    if (err == 0)
        *ret_telegram = (struct store_telegram){
            .linked = pg_bool(&result, 0, 0),
            .blocked = pg_bool(&result, 0, 1),
            .chat = {store_text(arena, &result, 0, 2), store_text(arena, &result, 0, 3)},
            .pending_id = pg_int(&result, 0, 4),
            .pending = {store_text(arena, &result, 0, 5), store_text(arena, &result, 0, 6)},
            .bot = store_text(arena, &result, 0, 7),
            .claim = store_text(arena, &result, 0, 8),
        };
    pg_result_clear(&result);
    return err;
}

int store_telegram_confirm(struct pg *pg, struct arena *arena, int64_t user_id, int64_t chat_id,
                           struct store_change *ret_change)
{
    struct pg_params params = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, chat_id);
    return store_mutate(pg, arena, &confirm, &params, ret_change);
}

static int mutate(struct pg *pg, struct arena *arena, const struct pg_statement *statement,
                  int64_t user_id, struct store_change *ret_change)
{
    struct pg_params params = {0};
    pg_add_int(&params, user_id);
    return store_mutate(pg, arena, statement, &params, ret_change);
}

int store_telegram_refuse(struct pg *pg, struct arena *arena, int64_t user_id,
                          struct store_change *ret_change)
{
    return mutate(pg, arena, &refuse, user_id, ret_change);
}

int store_telegram_unlink(struct pg *pg, struct arena *arena, int64_t user_id,
                          struct store_change *ret_change)
{
    return mutate(pg, arena, &unlink_chat, user_id, ret_change);
}

int store_telegram_webhook(struct pg *pg, const char *hash, int64_t update_id, const char *update)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_text(&params, hash);
    pg_add_int(&params, update_id);
    pg_add_text(&params, update);
    int err = pg_run(pg, &webhook, &params, &result);
    if (err == 0)
        err = store_status(pg_text(&result, 0, 0));
    pg_result_clear(&result);
    return err;
}
