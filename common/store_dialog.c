#include "store_dialog.h"

#include "err.h"
#include "store_internal.h"

/* One row per dialog, and one with no peer where there is none, for the position. */
static const struct pg_statement list = {
    "dialog_list", "SELECT (SELECT epoch FROM perch.epoch), m.seq, d.peer_id, d.last_message_id, "
                   "perch.message_json(l), "
                   "(SELECT count(*) FROM (SELECT FROM perch.messages n WHERE n.sender_id = "
                   "d.peer_id AND n.recipient_id = m.user_id "
                   "AND n.id > d.read_upto AND n.deleted_at IS NULL AND d.peer_id <> m.user_id "
                   "LIMIT 100) AS counted), d.read_upto, "
                   "coalesce(p.read_upto, 0), perch.muted_json(d.muted_until), " STORE_USER_COLUMNS
                   " FROM perch.mailboxes m "
                   "LEFT JOIN LATERAL (SELECT * FROM perch.dialogs "
                   "WHERE user_id = m.user_id AND last_message_id < $2 ORDER BY "
                   "last_message_id DESC LIMIT $3) AS d ON true "
                   "LEFT JOIN perch.messages l ON l.id = d.last_message_id "
                   "LEFT JOIN perch.dialogs p ON p.user_id = d.peer_id AND p.peer_id = m.user_id "
                   "LEFT JOIN perch.users u ON u.id = d.peer_id "
                   "WHERE m.user_id = $1 ORDER BY d.last_message_id DESC"};
static const struct pg_statement read = {"dialog_read",
                                         "SELECT * FROM perch.mark_read($1, $2, $3)"};
static const struct pg_statement mute = {"dialog_mute",
                                         "SELECT * FROM perch.mute_dialog($1, $2, $3)"};
static const struct pg_statement known = {
    "dialog_known",
    "SELECT EXISTS (SELECT FROM perch.dialogs WHERE user_id = u.id AND peer_id = $1 "
    "AND last_message_id IS NOT NULL) "
    "FROM perch.users u WHERE u.id = $2 AND u.deleted_at IS NULL"};

const struct pg_statement *const store_dialog_statements[] = {&list, &read, &mute, &known, NULL};

int store_dialog_list(struct pg *pg, struct arena *arena, int64_t user_id, int64_t after, int limit,
                      struct store_dialog_page *ret_page)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, after);
    pg_add_int(&params, limit);
    int err = pg_run(pg, &list, &params, &result);
    if (err == 0 && result.rows == 0)
        err = ERR_UNAUTHORIZED;
    if (err != 0)
        goto out;
    *ret_page = (struct store_dialog_page){
        .epoch = store_text(arena, &result, 0, 0),
        .seq = pg_int(&result, 0, 1),
        .dialogs = arena_alloc(arena, (size_t)result.rows * sizeof *ret_page->dialogs),
    };
    for (int row = 0; row < result.rows && !pg_is_null(&result, row, 2); row++) {
        struct store_dialog *dialog = &ret_page->dialogs[ret_page->count++];
        *dialog = (struct store_dialog){
            .last_message_id = pg_int(&result, row, 3),
            .last_message = store_text(arena, &result, row, 4),
            .unread = (int)pg_int(&result, row, 5),
            .read_upto = pg_int(&result, row, 6),
            .peer_read_upto = pg_int(&result, row, 7),
            .muted_until = store_text(arena, &result, row, 8),
        };
        store_user_read(arena, &result, row, 9, &dialog->peer);
    }
out:
    pg_result_clear(&result);
    return err;
}

int store_dialog_read(struct pg *pg, struct arena *arena, int64_t user_id, int64_t peer_id,
                      int64_t upto, struct store_change *ret_change)
{
    struct pg_params params = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, peer_id);
    pg_add_int(&params, upto);
    return store_mutate(pg, arena, &read, &params, ret_change);
}

int store_dialog_mute(struct pg *pg, struct arena *arena, int64_t user_id, int64_t peer_id,
                      const char *until, struct store_change *ret_change)
{
    struct pg_params params = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, peer_id);
    pg_add_text(&params, until);
    return store_mutate(pg, arena, &mute, &params, ret_change);
}

int store_dialog_known(struct pg *pg, int64_t user_id, int64_t peer_id, bool *ret_known)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, peer_id);
    int err = pg_run(pg, &known, &params, &result);
    if (err == 0 && result.rows == 0)
        err = ERR_NOT_FOUND;
    if (err == 0)
        *ret_known = pg_bool(&result, 0, 0);
    pg_result_clear(&result);
    return err;
}
