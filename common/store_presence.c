#include "store_presence.h"

#include "store_internal.h"

/* A session is noted at most 55 s after it was used, is then believed for 60 s without being asked,
 * and a poll may wait for 50. */
static const struct pg_statement list = {
    "presence_list", "SELECT u.id, EXISTS (SELECT FROM perch.sessions s "
                     "WHERE s.user_id = u.id AND s.present_at > now() - "
                     "interval '3 minutes'), u.deleted_at IS NOT NULL, perch.iso(u.last_seen_at) "
                     "FROM perch.users u WHERE u.id = ANY ($1::bigint[]) "
                     "ORDER BY array_position($1::bigint[], u.id)"};
static const struct pg_statement note = {
    "presence_note", "SELECT user_id, partners FROM perch.note_presence($1, $2)"};

const struct pg_statement *const store_presence_statements[] = {&list, &note, NULL};

int store_presence_list(struct pg *pg, struct arena *arena, const char *ids,
                        struct store_presence_list *ret_list)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_text(&params, ids);
    int err = pg_run(pg, &list, &params, &result);
    if (err == 0) {
        ret_list->count = result.rows;
        ret_list->people = arena_alloc(arena, (size_t)result.rows * sizeof *ret_list->people);
        for (int row = 0; row < result.rows; row++)
            ret_list->people[row] = (struct store_presence){
                .id = pg_int(&result, row, 0),
                .online = pg_bool(&result, row, 1),
                .deleted = pg_bool(&result, row, 2),
                .last_seen_at = store_text(arena, &result, row, 3),
            };
    }
    pg_result_clear(&result);
    return err;
}

int store_presence_note_start(struct pg *pg, const char *ids, const char *gone)
{
    struct pg_params params = {0};
    pg_add_text(&params, ids);
    pg_add_text(&params, gone);
    return pg_start(pg, &note, &params);
}

void store_presence_noted(const struct pg_result *result, int row,
                          struct store_presence_noted *ret_noted)
{
    *ret_noted = (struct store_presence_noted){
        .user_id = pg_int(result, row, 0),
        .partners = pg_text(result, row, 1),
    };
}
