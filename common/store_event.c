#include "store_event.h"

#include "err.h"
#include "store_internal.h"

/* One statement, so one snapshot: the position and the events agree. Where nothing is newer, the
 * events are not even looked for. They come in order, being joined to a single row. greatest()
 * tells the planner nothing about $2, so it keeps one plan instead of making a new one for each
 * poll. Messages are rendered by functions that become part of the plan; event_json() says the
 * same, and whatever else happened, in a call of its own for each event. */
static const struct pg_statement poll = {
    "event_poll", "SELECT (SELECT epoch FROM perch.epoch), m.seq, m.floor_seq, e.seq, e.json "
                  "FROM perch.mailboxes m "
                  "LEFT JOIN LATERAL (SELECT e.seq, coalesce(("
                  "SELECT perch.event_text(e.seq, e.type, e.at, perch.message_payload(w)) "
                  "FROM perch.messages w WHERE w.id = e.message_id "
                  "AND e.type IN ('message.new', 'message.edited', 'message.deleted')"
                  "), perch.event_json(e)) AS json "
                  "FROM perch.events e WHERE m.seq > $2 AND e.user_id = m.user_id "
                  "AND e.seq > greatest($2, m.floor_seq) "
                  "ORDER BY e.seq LIMIT 200) AS e "
                  "ON true WHERE m.user_id = $1"};
static const struct pg_statement verify = {
    "event_verify", "SELECT w.user_id, w.session_id, coalesce(m.seq, -1), s.id IS NOT NULL, "
                    "(SELECT epoch FROM perch.epoch) "
                    "FROM unnest($1::bigint[], $2::bigint[]) AS w(user_id, session_id) "
                    "LEFT JOIN perch.mailboxes m ON m.user_id = w.user_id "
                    "LEFT JOIN perch.sessions s ON s.id = w.session_id AND s.user_id = w.user_id "
                    "AND s.expires_at > now()"};

static const struct pg_statement renew = {"event_renew", "SELECT perch.epoch_renew($1)"};

const struct pg_statement *const store_event_statements[] = {&poll, &verify, &renew, NULL};

int store_event_poll(struct pg *pg, struct arena *arena, int64_t user_id, int64_t after,
                     struct store_events *ret_events)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, after);
    int err = pg_run(pg, &poll, &params, &result);
    if (err == 0 && result.rows == 0)
        err = ERR_UNAUTHORIZED;
    if (err != 0)
        goto out;
    *ret_events = (struct store_events){
        .epoch = store_text(arena, &result, 0, 0),
        .seq = pg_int(&result, 0, 1),
        .floor = pg_int(&result, 0, 2),
        .events = arena_alloc(arena, (size_t)result.rows * sizeof *ret_events->events),
    };
    for (int row = 0; row < result.rows && !pg_is_null(&result, row, 3); row++)
        ret_events->events[ret_events->count++] = (struct store_event){
            .seq = pg_int(&result, row, 3),
            .json = store_text(arena, &result, row, 4),
        };
out:
    pg_result_clear(&result);
    return err;
}

int store_event_verify_start(struct pg *pg, const char *user_ids, const char *session_ids)
{
    struct pg_params params = {0};
    pg_add_text(&params, user_ids);
    pg_add_text(&params, session_ids);
    return pg_start(pg, &verify, &params);
}

int store_event_renew_start(struct pg *pg, const char *epoch)
{
    struct pg_params params = {0};
    pg_add_text(&params, epoch);
    return pg_start(pg, &renew, &params);
}

void store_event_verified(const struct pg_result *result, int row,
                          struct store_verified *ret_verified)
{
    *ret_verified = (struct store_verified){
        .user_id = pg_int(result, row, 0),
        .session_id = pg_int(result, row, 1),
        .seq = pg_int(result, row, 2),
        .alive = pg_bool(result, row, 3),
        .epoch = pg_text(result, row, 4),
    };
}
