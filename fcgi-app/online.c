#include "online.h"

#include "common/buf.h"
#include "common/log.h"
#include "common/store_presence.h"
#include "lease.h"
#include "worker.h"

/* The ids whose state is unknown, as a PostgreSQL array. */
static void unknown_ids(const int64_t *ids, const enum lease_state *states, int count,
                        struct buf *list)
{
    for (int i = 0; i < count; i++) {
        if (states[i] == LEASE_UNKNOWN) {
            buf_adds(list, list->length > 0 ? "," : "{");
            buf_addi(list, ids[i]);
        }
    }
    if (list->length > 0)
        buf_adds(list, "}");
}

void online_look(struct worker *worker, struct arena *arena, const int64_t *ids, int count,
                 bool *ret_online)
{
    enum lease_state *states = arena_alloc(arena, (size_t)count * sizeof *states);
    struct store_presence_list found = {0};
    struct buf unknown = {0};
    int next = 0;
    lease_look(worker, ids, count, states);
    unknown_ids(ids, states, count, &unknown);
    if (unknown.length > 0 && store_presence_list(worker->pg, arena, unknown.data, &found) != 0)
        log_debug("PostgreSQL does not tell either who is online");
    for (int i = 0; i < count; i++) {
        ret_online[i] = states[i] == LEASE_IDLE || states[i] == LEASE_ACTIVE;
        /* What was found is in the order of the ids, too. */
        if (states[i] == LEASE_UNKNOWN && next < found.count && found.people[next].id == ids[i])
            ret_online[i] = found.people[next++].online;
    }
    buf_release(&unknown);
}

void online_look_users(struct worker *worker, struct arena *arena, struct store_user *const *users,
                       int count)
{
    int64_t *ids = arena_alloc(arena, (size_t)count * sizeof *ids);
    bool *online = arena_alloc(arena, (size_t)count * sizeof *online);
    for (int i = 0; i < count; i++)
        ids[i] = users[i]->id;
    online_look(worker, arena, ids, count, online);
    for (int i = 0; i < count; i++)
        users[i]->online = online[i] && !users[i]->deleted;
}

void online_look_user(struct worker *worker, struct store_user *user)
{
    online_look_users(worker, &worker->arena, &user, 1);
}
