#include "store_message.h"

#include <string.h>

#include "err.h"
#include "store_internal.h"

static const struct pg_statement send = {"message_send",
                                         "SELECT * FROM perch.send_message($1, $2, $3, $4)"};
static const struct pg_statement edit = {"message_edit",
                                         "SELECT * FROM perch.edit_message($1, $2, $3)"};
static const struct pg_statement delete_message = {"message_delete",
                                                   "SELECT * FROM perch.delete_message($1, $2)"};

/* Both directions of the dialog, each from its index, merged. The first row, with a NULL id, says
 * that the peer exists and which version of the dialog this is; where that is the one the caller
 * knows, it is the only row. */
static const struct pg_statement history = {
    "message_history",
    "WITH v AS MATERIALIZED (SELECT (SELECT epoch FROM perch.epoch) || '-' || "
    "coalesce((SELECT changed_seq FROM perch.dialogs WHERE user_id = $1 AND peer_id = $2), 0) AS "
    "version) "
    "SELECT d.id, CASE WHEN d.id IS NULL THEN (SELECT version FROM v) ELSE "
    "perch.message_json(d.message) END FROM ("
    "(SELECT NULL::bigint AS id, NULL::perch.messages AS message FROM perch.users WHERE id = $2) "
    "UNION ALL "
    "(SELECT m.id, m FROM perch.messages m WHERE m.sender_id = $1 AND "
    "m.recipient_id = $2 AND m.id < $3 AND (SELECT version FROM v) <> $5 "
    "ORDER BY m.id DESC LIMIT $4) UNION ALL "
    "(SELECT m.id, m FROM perch.messages m WHERE m.sender_id = $2 AND "
    "m.recipient_id = $1 AND $1 <> $2 AND m.id < $3 AND (SELECT version FROM v) <> $5 "
    "ORDER BY m.id DESC LIMIT $4)"
    ") AS d ORDER BY d.id DESC NULLS FIRST LIMIT $4 + 1"};

/* The same the other way round, without a version: the page just newer than an id. */
static const struct pg_statement history_newer = {
    "message_history_newer",
    "SELECT d.id, CASE WHEN d.id IS NOT NULL THEN perch.message_json(d.message) END FROM ("
    "(SELECT NULL::bigint AS id, NULL::perch.messages AS message FROM perch.users WHERE id = $2) "
    "UNION ALL "
    "(SELECT m.id, m FROM perch.messages m WHERE m.sender_id = $1 AND "
    "m.recipient_id = $2 AND m.id > $3 ORDER BY m.id LIMIT $4) UNION ALL "
    "(SELECT m.id, m FROM perch.messages m WHERE m.sender_id = $2 AND "
    "m.recipient_id = $1 AND $1 <> $2 AND m.id > $3 ORDER BY m.id LIMIT $4)"
    ") AS d ORDER BY d.id NULLS FIRST LIMIT $4 + 1"};

/* The people are in the words (perch.message_words), the plain conditions only make it certain. The
 * sum keeps the planner from walking the index of all ids. */
static const struct pg_statement search = {
    "message_search", "SELECT m.id, perch.message_json(m) FROM perch.messages m "
                      "WHERE m.deleted_at IS NULL "
                      "AND perch.message_words(m.sender_id, m.recipient_id, m.body) @@ "
                      "perch.search_query($1, $2, $3) "
                      "AND $1 IN (m.sender_id, m.recipient_id) "
                      "AND ($3::bigint = 0 OR (m.sender_id = $3 AND m.recipient_id = $1) OR "
                      "(m.sender_id = $1 AND m.recipient_id = $3)) "
                      "AND m.id + 0 < $4 ORDER BY m.id DESC LIMIT $5"};

const struct pg_statement *const store_message_statements[] = {
    &send, &edit, &delete_message, &history, &history_newer, &search, NULL};

int store_message_send(struct pg *pg, struct arena *arena, int64_t sender_id, int64_t peer_id,
                       const char *client_id, const char *body, struct store_change *ret_change)
{
    struct pg_params params = {0};
    pg_add_int(&params, sender_id);
    pg_add_int(&params, peer_id);
    pg_add_text(&params, client_id);
    pg_add_text(&params, body);
    return store_mutate(pg, arena, &send, &params, ret_change);
}

int store_message_edit(struct pg *pg, struct arena *arena, int64_t user_id, int64_t message_id,
                       const char *body, struct store_change *ret_change)
{
    struct pg_params params = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, message_id);
    pg_add_text(&params, body);
    return store_mutate(pg, arena, &edit, &params, ret_change);
}

int store_message_delete(struct pg *pg, struct arena *arena, int64_t user_id, int64_t message_id,
                         struct store_change *ret_change)
{
    struct pg_params params = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, message_id);
    return store_mutate(pg, arena, &delete_message, &params, ret_change);
}

/* Rows of id and JSON, from row `first` on. */
static void page_read(struct arena *arena, const struct pg_result *result, int first,
                      struct store_message_page *ret_page)
{
    ret_page->count = result->rows - first;
    ret_page->messages = arena_alloc(arena, (size_t)ret_page->count * sizeof *ret_page->messages);
    for (int i = 0; i < ret_page->count; i++)
        ret_page->messages[i] = (struct store_message){
            .id = pg_int(result, first + i, 0),
            .json = store_text(arena, result, first + i, 1),
        };
}

int store_message_history(struct pg *pg, struct arena *arena, int64_t user_id, int64_t peer_id,
                          int64_t before, int limit, const char *known,
                          struct store_message_page *ret_page)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, peer_id);
    pg_add_int(&params, before);
    pg_add_int(&params, limit);
    pg_add_text(&params, known);
    int err = pg_run(pg, &history, &params, &result);
    if (err == 0 && result.rows == 0)
        err = ERR_NOT_FOUND;
    if (err == 0) {
        page_read(arena, &result, 1, ret_page);
        ret_page->version = store_text(arena, &result, 0, 1);
        ret_page->known = strcmp(ret_page->version, known) == 0;
    }
    pg_result_clear(&result);
    return err;
}

int store_message_history_newer(struct pg *pg, struct arena *arena, int64_t user_id,
                                int64_t peer_id, int64_t after, int limit,
                                struct store_message_page *ret_page)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, peer_id);
    pg_add_int(&params, after);
    pg_add_int(&params, limit);
    int err = pg_run(pg, &history_newer, &params, &result);
    if (err == 0 && result.rows == 0)
        err = ERR_NOT_FOUND;
    if (err == 0)
        page_read(arena, &result, 1, ret_page);
    pg_result_clear(&result);
    return err;
}

int store_message_search(struct pg *pg, struct arena *arena, int64_t user_id, const char *text,
                         int64_t peer_id, int64_t before, int limit,
                         struct store_message_page *ret_page)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_text(&params, text);
    pg_add_int(&params, peer_id);
    pg_add_int(&params, before);
    pg_add_int(&params, limit);
    int err = pg_run(pg, &search, &params, &result);
    if (err == 0)
        page_read(arena, &result, 0, ret_page);
    pg_result_clear(&result);
    return err;
}
