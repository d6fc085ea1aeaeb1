/* Sessions that ended lately: a worker may have found one alive just before, and its hand-off
 * arrives after the news. Kept as long as a worker may go on believing a cached session. */
#include <stdlib.h>

#include "common/clock.h"
#include "common/memory.h"
#include "hub_state.h"

struct hub_ended {
    UT_hash_handle hh; /* in the order in which they ended */
    int64_t session_id;
    int64_t at;
};

static struct hub_ended *find(const struct hub *hub, int64_t session_id)
{
    struct hub_ended *ended = NULL;
    HASH_FIND(hh, hub->ended, &session_id, sizeof session_id, ended);
    return ended;
}

static void forget(struct hub *hub, struct hub_ended *ended)
{
    HASH_DEL(hub->ended, ended);
    free(ended);
}

bool hub_ended_has(const struct hub *hub, int64_t session_id)
{
    const struct hub_ended *ended = find(hub, session_id);
    return ended != NULL && clock_mono_ms() - ended->at < HUB_FOLLOW_MS;
}

void hub_ended_add(struct hub *hub, int64_t session_id)
{
    struct hub_ended *ended = find(hub, session_id);
    if (ended != NULL)
        return; /* told twice */
    ended = memory_new(sizeof *ended);
    ended->session_id = session_id;
    ended->at = clock_mono_ms();
    HASH_ADD(hh, hub->ended, session_id, sizeof ended->session_id, ended);
}

void hub_ended_expire(struct hub *hub, int64_t now)
{
    while (hub->ended != NULL && now - hub->ended->at >= HUB_FOLLOW_MS)
        forget(hub, hub->ended);
}
