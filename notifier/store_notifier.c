#include "store_notifier.h"

#include <string.h>

#include "store_notifier_internal.h"

static const struct pg_statement bot_set = {"bot_set", "SELECT perch.telegram_bot_set($1, $2)"};
static const struct pg_statement counts = {
    "notifier_counts", "SELECT outbox, outbox_oldest_at, says, says_oldest_at, dead, updates "
                       "FROM perch.notifier_counts()"};
static const struct pg_statement dead_list = {
    "dead_list", "SELECT id, message_id, sender_id, sender, recipient_id, recipient, created_at, "
                 "died_at, reason FROM perch.dead_list($1, $2)"};
static const struct pg_statement redrive = {
    "dead_redrive", "SELECT queued, removed FROM perch.dead_redrive($1, $2)"};

static const struct pg_statement *const statements[] = {&bot_set, &counts, &dead_list, &redrive,
                                                        NULL};
static const struct pg_statement *const *const tables[] = {
    store_notify_statements, store_update_statements, store_webhook_statements, statements, NULL,
};

/* The server ends the connection of a notifier whose host vanished within seconds, so that another
 * one can go on. Over a unix socket these settings mean nothing. */
const struct pg_profile store_notifier_profile = {
    .setup = "SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; "
             "SET tcp_keepalives_count = 2; SELECT perch.epoch_check()",
    .tables = tables,
};

int store_notifier_bot_start(struct pg *pg, int64_t bot_id, const char *username)
{
    struct pg_params params = {0};
    if (username != NULL)
        pg_add_int(&params, bot_id);
    else
        pg_add_text(&params, NULL);
    pg_add_text(&params, username);
    return pg_start(pg, &bot_set, &params);
}

int64_t store_notifier_bot_offset(const struct pg_result *result)
{
    return pg_int(result, 0, 0);
}

const char *store_notifier_status(const struct pg_result *result)
{
    return result->rows > 0 ? pg_text(result, 0, 0) : "";
}

bool store_notifier_wake(const struct pg_result *result, int row,
                         struct store_notifier_wake *ret_wake)
{
    if (pg_is_null(result, row, 3))
        return false;
    *ret_wake = (struct store_notifier_wake){
        .epoch = pg_text(result, row, 2),
        .wake = {.user_id = pg_int(result, row, 3),
                 .seq = pg_int(result, row, 4),
                 .event = pg_text(result, row, 5)},
    };
    return true;
}

int store_notifier_counts_start(struct pg *pg)
{
    struct pg_params params = {0};
    return pg_start(pg, &counts, &params);
}

void store_notifier_counted(const struct pg_result *result,
                            struct store_notifier_counts *ret_counts)
{
    *ret_counts = (struct store_notifier_counts){
        .outbox = pg_int(result, 0, 0),
        .outbox_oldest_at = pg_int(result, 0, 1),
        .says = pg_int(result, 0, 2),
        .says_oldest_at = pg_int(result, 0, 3),
        .dead = pg_int(result, 0, 4),
        .updates = pg_int(result, 0, 5),
    };
}

int store_notifier_dead_start(struct pg *pg, int64_t before, int limit)
{
    struct pg_params params = {0};
    pg_add_int(&params, before);
    pg_add_int(&params, limit);
    return pg_start(pg, &dead_list, &params);
}

void store_notifier_dead(const struct pg_result *result, int row,
                         struct store_notifier_dead *ret_dead)
{
    *ret_dead = (struct store_notifier_dead){
        .id = pg_int(result, row, 0),
        .message_id = pg_int(result, row, 1),
        .sender_id = pg_int(result, row, 2),
        .sender = pg_is_null(result, row, 3) ? NULL : pg_text(result, row, 3),
        .recipient_id = pg_int(result, row, 4),
        .recipient = pg_is_null(result, row, 5) ? NULL : pg_text(result, row, 5),
        .created_at = pg_int(result, row, 6),
        .died_at = pg_int(result, row, 7),
        .reason = pg_text(result, row, 8),
    };
}

int store_notifier_redrive_start(struct pg *pg, int64_t id, int64_t now)
{
    struct pg_params params = {0};
    pg_add_int(&params, id);
    pg_add_int(&params, now);
    return pg_start(pg, &redrive, &params);
}

void store_notifier_redriven(const struct pg_result *result, int64_t *ret_queued,
                             int64_t *ret_removed)
{
    *ret_queued = pg_int(result, 0, 0);
    *ret_removed = pg_int(result, 0, 1);
}
