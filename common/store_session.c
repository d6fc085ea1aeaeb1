#include "store_session.h"

#include "err.h"
#include "store_internal.h"

static const struct pg_statement check = {"session_check",
                                          "SELECT perch.check_session($1, $2, $3)"};
static const struct pg_statement list = {
    "session_list",
    "SELECT id, perch.iso(created_at), perch.iso(last_seen_at), user_agent, ip FROM perch.sessions "
    "WHERE user_id = $1 AND expires_at > now() ORDER BY perch.sessions.last_seen_at DESC, id "
    "LIMIT 500"};
static const struct pg_statement end = {"session_end",
                                        "SELECT ARRAY(SELECT perch.end_sessions($1, $2, NULL))"};
static const struct pg_statement end_others = {
    "session_end_others", "SELECT ARRAY(SELECT perch.end_sessions($1, NULL, $2))"};

const struct pg_statement *const store_session_statements[] = {&check, &list, &end, &end_others,
                                                               NULL};

int store_session_check(struct pg *pg, int64_t session_id, int64_t user_id, bool present,
                        bool *ret_alive)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, session_id);
    pg_add_int(&params, user_id);
    pg_add_text(&params, present ? "true" : "false");
    int err = pg_run(pg, &check, &params, &result);
    if (err == 0)
        *ret_alive = pg_bool(&result, 0, 0);
    pg_result_clear(&result);
    return err;
}

int store_session_list(struct pg *pg, struct arena *arena, int64_t user_id,
                       struct store_session_list *ret_list)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    int err = pg_run(pg, &list, &params, &result);
    if (err == 0) {
        ret_list->count = result.rows;
        ret_list->sessions = arena_alloc(arena, (size_t)result.rows * sizeof *ret_list->sessions);
        for (int row = 0; row < result.rows; row++)
            ret_list->sessions[row] = (struct store_session){
                .id = pg_int(&result, row, 0),
                .created_at = store_text(arena, &result, row, 1),
                .last_seen_at = store_text(arena, &result, row, 2),
                .user_agent = store_text(arena, &result, row, 3),
                .ip = store_text(arena, &result, row, 4),
            };
    }
    pg_result_clear(&result);
    return err;
}

int store_session_end(struct pg *pg, int64_t user_id, int64_t session_id)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, session_id);
    int err = pg_run(pg, &end, &params, &result);
    if (err == 0 && pg_text(&result, 0, 0)[1] == '}')
        err = ERR_NOT_FOUND;
    pg_result_clear(&result);
    return err;
}

int store_session_end_others(struct pg *pg, struct arena *arena, int64_t user_id, int64_t keep,
                             struct store_ids *ret_ended)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, keep);
    int err = pg_run(pg, &end_others, &params, &result);
    if (err == 0)
        store_ids_read(arena, &result, 0, 0, ret_ended);
    pg_result_clear(&result);
    return err;
}
