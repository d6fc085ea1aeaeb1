#include "store_clean.h"

#include "store_internal.h"

static const struct pg_statement clean = {"clean", "SELECT perch.clean($1)"};

const struct pg_statement *const store_clean_statements[] = {&clean, NULL};

int store_clean_start(struct pg *pg, int event_days)
{
    struct pg_params params = {0};
    pg_add_int(&params, event_days);
    return pg_start(pg, &clean, &params);
}

bool store_clean_more(const struct pg_result *result)
{
    return result->rows > 0 && pg_bool(result, 0, 0);
}
