#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "store_internal.h"

static const struct pg_statement *const *const tables[] = {
    store_user_statements,     store_account_statements,
    store_session_statements,  store_dialog_statements,
    store_message_statements,  store_event_statements,
    store_clean_statements,    store_presence_statements,
    store_telegram_statements, NULL,
};

const struct pg_profile store_profile = {.setup = "SELECT perch.epoch_check()", .tables = tables};

const char *store_text(struct arena *arena, const struct pg_result *result, int row, int column)
{
    if (pg_is_null(result, row, column))
        return NULL;
    const char *text = pg_text(result, row, column);
    return arena_copy(arena, text, strlen(text));
}

void store_ids_read(struct arena *arena, const struct pg_result *result, int row, int column,
                    struct store_ids *ret_ids)
{
    const char *text = pg_text(result, row, column);
    int count = 0;
    for (const char *c = text; *c != '\0'; c++)
        count += *c == ',' || *c == '{';
    ret_ids->count = 0;
    ret_ids->ids = arena_alloc(arena, (size_t)count * sizeof *ret_ids->ids);
    while (*text != '\0' && *text != '}') {
        char *end = NULL;
        int64_t id = strtoll(text + 1, &end, 10);
        if (end == text + 1)
            break;
        ret_ids->ids[ret_ids->count++] = id;
        text = end;
    }
}

const char *store_ids_text(struct arena *arena, const struct store_ids *ids)
{
    enum { ID_MAX = sizeof ",-9223372036854775808" };
    size_t size = ((size_t)ids->count + 1) * ID_MAX;
    char *text = arena_alloc(arena, size);
    size_t length = (size_t)snprintf(text, size, "{");
    for (int i = 0; i < ids->count; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%" PRId64, i > 0 ? "," : "",
                                   ids->ids[i]);
    snprintf(text + length, size - length, "}");
    return text;
}

int store_status(const char *status)
{
    if (strcmp(status, "ok") == 0 || strcmp(status, "repeat") == 0)
        return 0;
    return err_by_code(status);
}

int store_mutate(struct pg *pg, struct arena *arena, const struct pg_statement *statement,
                 const struct pg_params *params, struct store_change *ret_change)
{
    struct pg_result result = {0};
    int err = pg_run(pg, statement, params, &result);
    if (err == 0)
        err = result.rows > 0 ? store_status(pg_text(&result, 0, 0)) : ERR_INTERNAL;
    if (err != 0)
        goto out;
    *ret_change = (struct store_change){
        .repeat = strcmp(pg_text(&result, 0, 0), "repeat") == 0,
        .result = store_text(arena, &result, 0, 1),
        .epoch = store_text(arena, &result, 0, 2),
    };
    for (int row = 0; row < result.rows && row < STORE_WAKES_MAX && !pg_is_null(&result, row, 3);
         row++) {
        ret_change->notify = ret_change->notify || strcmp(pg_text(&result, row, 0), "notify") == 0;
        ret_change->wakes[ret_change->wake_count++] = (struct store_wake){
            .user_id = pg_int(&result, row, 3),
            .seq = pg_int(&result, row, 4),
            .event = store_text(arena, &result, row, 5),
        };
    }
out:
    pg_result_clear(&result);
    return err;
}
