#include "store_update.h"

#include "store_notifier_internal.h"

/* What all updates have, as add_update() gives it. */
#define UPDATE                                                                 \
    "ROW($1::bigint, $2::bigint, $3::bigint, $4::text, $5::text, $6::bigint, " \
    "$7::bigint)::perch.telegram_update"

static const struct pg_statement answer = {"update_answer",
                                           "SELECT * FROM perch.update_answer(" UPDATE ", $8, $9)"};
static const struct pg_statement start = {"update_start", "SELECT * FROM perch.update_start(" UPDATE
                                                          ", $8, $9, $10, false)"};
static const struct pg_statement unblock = {
    "update_unblock", "SELECT * FROM perch.update_unblock(" UPDATE ", $8, $9)"};
static const struct pg_statement block = {"update_block",
                                          "SELECT * FROM perch.update_block(" UPDATE ")"};
static const struct pg_statement unlink_chat = {"update_unlink",
                                                "SELECT * FROM perch.update_unlink(" UPDATE ")"};
static const struct pg_statement mute = {"update_mute",
                                         "SELECT * FROM perch.update_mute(" UPDATE ", $8)"};
static const struct pg_statement status = {"update_status",
                                           "SELECT * FROM perch.update_status(" UPDATE ")"};
static const struct pg_statement reply = {"update_reply", "SELECT * FROM perch.update_reply(" UPDATE
                                                          ", $8, $9, $10)"};
static const struct pg_statement text = {"update_text",
                                         "SELECT * FROM perch.update_text(" UPDATE ", $8, $9)"};
static const struct pg_statement offer = {"update_offer",
                                          "SELECT * FROM perch.update_offer(" UPDATE ", $8)"};
static const struct pg_statement inbox = {"update_inbox",
                                          "SELECT update_id, body FROM perch.update_inbox($1)"};
static const struct pg_statement say_next = {
    "say_next", "SELECT id, chat_id, kind, arguments, locale, callback_id, reply_to, failures, "
                "retry_at FROM perch.say_next($1, $2, $3)"};
static const struct pg_statement say_claim = {"say_claim", "SELECT perch.say_claim($1, $2)"};
static const struct pg_statement say_drop = {"say_drop", "SELECT perch.say_drop($1)"};
static const struct pg_statement say_retry = {"say_retry",
                                              "SELECT perch.say_retry($1, $2, $3, $4)"};

const struct pg_statement *const store_update_statements[] = {
    &answer, &start, &unblock, &block,    &unlink_chat, &mute,     &status,    &reply,
    &text,   &offer, &inbox,   &say_next, &say_claim,   &say_drop, &say_retry, NULL};

static void add_update(struct pg_params *params, const struct store_update *update)
{
    pg_add_int(params, update->offset_before);
    pg_add_int(params, update->offset_after);
    pg_add_int(params, update->chat_id);
    pg_add_text(params, update->locale);
    pg_add_text(params, update->callback_id);
    pg_add_int(params, update->message_id);
    pg_add_int(params, update->now);
}

int64_t store_update_offset(const struct pg_result *result)
{
    return pg_int(result, 0, 1);
}

int store_update_skip_start(struct pg *pg, const struct store_update *update)
{
    return store_update_answer_start(pg, update, NULL, NULL);
}

int store_update_answer_start(struct pg *pg, const struct store_update *update, const char *kind,
                              const char *arguments)
{
    struct pg_params params = {0};
    add_update(&params, update);
    pg_add_text(&params, kind);
    pg_add_text(&params, arguments);
    return pg_start(pg, &answer, &params);
}

int store_update_start_start(struct pg *pg, const struct store_update *update, const char *name,
                             const char *username, const char *code_hash)
{
    struct pg_params params = {0};
    add_update(&params, update);
    pg_add_text(&params, name);
    pg_add_text(&params, username);
    pg_add_text(&params, code_hash);
    return pg_start(pg, &start, &params);
}

int store_update_unblock_start(struct pg *pg, const struct store_update *update, const char *name,
                               const char *username)
{
    struct pg_params params = {0};
    add_update(&params, update);
    pg_add_text(&params, name);
    pg_add_text(&params, username);
    return pg_start(pg, &unblock, &params);
}

/* One without anything of its own. */
static int plain_start(struct pg *pg, const struct store_update *update,
                       const struct pg_statement *statement)
{
    struct pg_params params = {0};
    add_update(&params, update);
    return pg_start(pg, statement, &params);
}

int store_update_block_start(struct pg *pg, const struct store_update *update)
{
    return plain_start(pg, update, &block);
}

int store_update_unlink_start(struct pg *pg, const struct store_update *update)
{
    return plain_start(pg, update, &unlink_chat);
}

int store_update_mute_start(struct pg *pg, const struct store_update *update, int minutes)
{
    struct pg_params params = {0};
    add_update(&params, update);
    pg_add_int(&params, minutes);
    return pg_start(pg, &mute, &params);
}

int store_update_status_start(struct pg *pg, const struct store_update *update)
{
    return plain_start(pg, update, &status);
}

int store_update_reply_start(struct pg *pg, const struct store_update *update, int64_t reply_to,
                             const char *client_id, const char *body)
{
    struct pg_params params = {0};
    add_update(&params, update);
    pg_add_int(&params, reply_to);
    pg_add_text(&params, client_id);
    pg_add_text(&params, body);
    return pg_start(pg, &reply, &params);
}

int store_update_text_start(struct pg *pg, const struct store_update *update, const char *client_id,
                            const char *body)
{
    struct pg_params params = {0};
    add_update(&params, update);
    pg_add_text(&params, client_id);
    pg_add_text(&params, body);
    return pg_start(pg, &text, &params);
}

int store_update_offer_start(struct pg *pg, const struct store_update *update, const char *offer_id)
{
    struct pg_params params = {0};
    add_update(&params, update);
    pg_add_text(&params, offer_id);
    return pg_start(pg, &offer, &params);
}

int store_update_inbox_start(struct pg *pg, int limit)
{
    struct pg_params params = {0};
    pg_add_int(&params, limit);
    return pg_start(pg, &inbox, &params);
}

void store_update_inbox(const struct pg_result *result, int row,
                        struct store_update_inbox *ret_inbox)
{
    *ret_inbox = (struct store_update_inbox){
        .update_id = pg_int(result, row, 0),
        .body = pg_text(result, row, 1),
    };
}

int store_say_next_start(struct pg *pg, struct arena *arena, int64_t now,
                         const struct store_ids *busy, int limit)
{
    struct pg_params params = {0};
    pg_add_int(&params, now);
    pg_add_text(&params, store_ids_text(arena, busy));
    pg_add_int(&params, limit);
    return pg_start(pg, &say_next, &params);
}

void store_say_next(struct arena *arena, const struct pg_result *result,
                    struct store_say_list *ret_list)
{
    int count = result->rows - 1; /* before them, a row that says when there will be others */
    ret_list->count = count;
    ret_list->says = arena_alloc(arena, (size_t)count * sizeof *ret_list->says);
    ret_list->next_at = pg_int(result, 0, 8);
    for (int i = 0; i < count; i++)
        ret_list->says[i] = (struct store_say){
            .id = pg_int(result, i + 1, 0),
            .chat_id = pg_int(result, i + 1, 1),
            .kind = store_text(arena, result, i + 1, 2),
            .arguments = store_text(arena, result, i + 1, 3),
            .locale = store_text(arena, result, i + 1, 4),
            .callback_id = store_text(arena, result, i + 1, 5),
            .reply_to = pg_int(result, i + 1, 6),
            .failures = (int)pg_int(result, i + 1, 7),
        };
}

int store_say_claim_start(struct pg *pg, int64_t id, int64_t now)
{
    struct pg_params params = {0};
    pg_add_int(&params, id);
    pg_add_int(&params, now);
    return pg_start(pg, &say_claim, &params);
}

bool store_say_claimed(const struct pg_result *result)
{
    return pg_bool(result, 0, 0);
}

int store_say_drop_start(struct pg *pg, int64_t id)
{
    struct pg_params params = {0};
    pg_add_int(&params, id);
    return pg_start(pg, &say_drop, &params);
}

int store_say_retry_start(struct pg *pg, int64_t id, int64_t retry_at, bool waits,
                          int64_t bot_retry_at)
{
    struct pg_params params = {0};
    pg_add_int(&params, id);
    pg_add_int(&params, retry_at);
    pg_add_text(&params, waits ? "true" : "false");
    pg_add_int(&params, bot_retry_at);
    return pg_start(pg, &say_retry, &params);
}
