#include "lease.h"

#include <stdio.h>

#include "common/lease_script.h"
#include "common/log.h"
#include "worker.h"

static enum lease_state state_of(char letter, bool known)
{
    if (letter == 'a')
        return LEASE_ACTIVE;
    if (letter == 'i')
        return LEASE_IDLE;
    return known ? LEASE_OFFLINE : LEASE_UNKNOWN;
}

void lease_look(struct worker *worker, const int64_t *ids, int count, enum lease_state *ret_states)
{
    struct redis_value value = {0};
    struct buf list = {0};
    for (int i = 0; i < count; i++) {
        buf_addi(&list, ids[i]);
        buf_adds(&list, ",");
        ret_states[i] = LEASE_UNKNOWN;
    }
    if (count == 0)
        return;
    redis_add(worker->redis, "EVAL", lease_script_look, "0", worker->conf->redis_prefix, list.data,
              NULL);
    if (redis_exchange(worker->redis, &value, 1) == 0 && value.type == REDIS_TEXT &&
        value.length == (size_t)count + 1)
        for (int i = 0; i < count; i++)
            ret_states[i] = state_of(value.text[i + 1], value.text[0] == 'k');
    else if (value.type == REDIS_FAULT)
        log_warn("Redis does not tell who is online: %s", value.text);
    buf_release(&list);
}

void lease_tell(struct worker *worker, const struct handoff_lease *lease)
{
    if (handoff_lease(worker->hub_fds[lease->user_id % worker->hub_count], lease) != 0)
        log_debug("the hub did not hear of a lease; it ends by itself");
}
