#include "store_webhook.h"

#include "store_notifier_internal.h"

static const struct pg_statement set = {"webhook_set", "SELECT perch.telegram_changeover($1)"};

const struct pg_statement *const store_webhook_statements[] = {&set, NULL};

int store_webhook_set_start(struct pg *pg, const char *hash)
{
    struct pg_params params = {0};
    pg_add_text(&params, hash);
    return pg_start(pg, &set, &params);
}

int64_t store_webhook_offset(const struct pg_result *result)
{
    return pg_int(result, 0, 0);
}
