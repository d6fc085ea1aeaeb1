/* Announcing who came and went: for the users claimed in one turn (lease_script.h) asks PostgreSQL
 * who is to be told, which also notes when those who left were last seen, then publishes. A claim
 * that comes to nothing, because PostgreSQL is away or this hub dies, is another hub's 10 s later.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/memory.h"
#include "common/store_presence.h"
#include "hub_house.h"
#include "hub_state.h"

struct claim {
    int64_t user_id;
    int64_t until; /* what the claim is known by */
    int64_t seen_ms;
    char state[2];
};

struct hub_announce {
    struct hub *hub;
    struct hub_job job;
    int count; /* 0: idle */
    struct claim claims[HUB_CLAIMS_MAX];
    struct buf ids; /* of the running statement */
    struct buf gone;
};

bool hub_announce_is_idle(const struct hub_announce *announce)
{
    return announce->count == 0;
}

static int begin(struct pg *pg, void *argument)
{
    struct hub_announce *announce = argument;
    buf_clear(&announce->ids);
    buf_clear(&announce->gone);
    for (int i = 0; i < announce->count; i++) {
        const struct claim *claim = &announce->claims[i];
        buf_adds(&announce->ids, i > 0 ? "," : "{");
        buf_addi(&announce->ids, claim->user_id);
        buf_adds(&announce->gone, i > 0 ? "," : "{");
        if (claim->state[0] == '0')
            buf_addi(&announce->gone, claim->seen_ms);
        else
            buf_adds(&announce->gone, "NULL");
    }
    buf_adds(&announce->ids, "}");
    buf_adds(&announce->gone, "}");
    return store_presence_note_start(pg, announce->ids.data, announce->gone.data);
}

static const struct claim *claim_find(const struct hub_announce *announce, int64_t user_id)
{
    for (int i = 0; i < announce->count; i++)
        if (announce->claims[i].user_id == user_id)
            return &announce->claims[i];
    return NULL;
}

static void on_done(void *argument, int err, const struct pg_result *result)
{
    struct hub_announce *announce = argument;
    for (int row = 0; err == 0 && row < result->rows; row++) {
        struct store_presence_noted noted;
        store_presence_noted(result, row, &noted);
        const struct claim *claim = claim_find(announce, noted.user_id);
        if (claim != NULL)
            hub_lease_announce(announce->hub->lease, claim->user_id, claim->state, claim->until,
                               noted.partners);
    }
    announce->count = 0;
    hub_lease_turn(announce->hub->lease, err == 0 ? 0 : HUB_TURN_MS);
}

void hub_announce_claims(struct hub_announce *announce, const char *lines)
{
    while (lines != NULL && announce->count < HUB_CLAIMS_MAX) {
        struct claim *claim = &announce->claims[announce->count];
        if (sscanf(lines, "%" SCNd64 " %1[0ia] %" SCNd64 " %" SCNd64, &claim->user_id, claim->state,
                   &claim->until, &claim->seen_ms) != 4)
            log_warn("Redis told a change of presence that is none");
        else
            announce->count++;
        lines = strchr(lines, '\n');
        lines = lines ? lines + 1 : NULL;
    }
    if (announce->count > 0)
        hub_house_add(announce->hub->house, &announce->job);
}

struct hub_announce *hub_announce_new(struct hub *hub)
{
    struct hub_announce *announce = memory_new(sizeof *announce);
    announce->hub = hub;
    announce->job = (struct hub_job){.begin = begin, .done = on_done, .argument = announce};
    return announce;
}

void hub_announce_free(struct hub_announce *announce)
{
    buf_release(&announce->ids);
    buf_release(&announce->gone);
    free(announce);
}
