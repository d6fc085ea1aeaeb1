#include "store_leader.h"

#include <stddef.h>

/* Taken again by who has it, it only counts. */
static const struct pg_statement take = {"leader_take", "SELECT pg_try_advisory_lock(29800, 0)"};

static const struct pg_statement *const statements[] = {&take, NULL};
static const struct pg_statement *const *const tables[] = {statements, NULL};

const struct pg_profile store_leader_profile = {
    .setup = "SET tcp_keepalives_idle = 2; SET tcp_keepalives_interval = 1; "
             "SET tcp_keepalives_count = 2",
    .tables = tables,
};

int store_leader_start(struct pg *pg)
{
    const struct pg_params params = {0};
    return pg_start(pg, &take, &params);
}

bool store_leader_has(const struct pg_result *result)
{
    return pg_bool(result, 0, 0);
}
