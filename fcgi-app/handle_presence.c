/* Who is there: GET /presence, POST /presence/bye. */
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/store_presence.h"
#include "field.h"
#include "lease.h"
#include "worker.h"

enum { IDS_MAX = 200 };

/* "1,2,3" -> {1,2,3}, each once. */
static int ids_parse(const struct request *request, struct store_ids *ret_ids)
{
    const char *text = request_param(request, "ids");
    struct store_ids ids = {.ids = arena_alloc(request->arena, IDS_MAX * sizeof *ids.ids)};
    for (const char *rest = text; rest != NULL;) {
        char number[20] = "";
        size_t length = strcspn(rest, ",");
        if (length >= sizeof number || ids.count == IDS_MAX)
            return ERR_BAD_PARAMETER;
        memcpy(number, rest, length);
        if (id_parse(number, &ids.ids[ids.count]) != 0)
            return ERR_BAD_PARAMETER;
        for (int i = 0; i < ids.count; i++)
            if (ids.ids[i] == ids.ids[ids.count])
                return ERR_BAD_PARAMETER;
        ids.count++;
        rest = rest[length] == ',' ? rest + length + 1 : NULL;
    }
    *ret_ids = ids;
    return ids.count > 0 ? 0 : ERR_BAD_PARAMETER;
}

static void render_presence(struct buf *body, const struct store_presence *person,
                            enum lease_state state)
{
    bool online = state == LEASE_UNKNOWN ? person->online : state != LEASE_OFFLINE;
    online = online && !person->deleted;
    buf_adds(body, "{\"id\":");
    buf_addi(body, person->id);
    buf_addf(body, ",\"online\":%s,\"active\":%s,\"last_seen_at\":", online ? "true" : "false",
             online && state == LEASE_ACTIVE ? "true" : "false");
    buf_add_json(body, person->last_seen_at);
    buf_adds(body, "}");
}

int presence_list(struct request *request, struct response *response)
{
    struct store_presence_list list;
    struct store_ids ids;
    int err = ids_parse(request, &ids);
    if (err == 0)
        err = store_presence_list(
            request->worker->pg, request->arena,
            arena_printf(request->arena, "{%s}", request_param(request, "ids")), &list);
    if (err != 0)
        return err;
    enum lease_state *states = arena_alloc(request->arena, (size_t)list.count * sizeof *states);
    for (int i = 0; i < list.count; i++)
        ids.ids[i] = list.people[i].id;
    lease_look(request->worker, ids.ids, list.count, states);
    buf_adds(&response->body, "{\"presence\":[");
    for (int i = 0; i < list.count; i++) {
        if (i > 0)
            buf_adds(&response->body, ",");
        render_presence(&response->body, &list.people[i], states[i]);
    }
    buf_adds(&response->body, "]}");
    return 0;
}

/* What a page sends when it is closed: the person is gone at once, not after the grace. */
int presence_bye(struct request *request, struct response *response)
{
    struct handoff_lease lease = {.change = LEASE_BYE,
                                  .user_id = request->caller.user_id,
                                  .session_id = request->caller.session_id};
    const char *tab = NULL;
    int err = field_text(request, response, "tab", 1, HANDOFF_TAB_MAX, true, &tab);
    if (err == 0 && strlen(tab) > HANDOFF_TAB_MAX)
        err = response_invalid(response, "tab");
    if (err != 0)
        return err;
    snprintf(lease.tab, sizeof lease.tab, "%s", tab);
    lease_tell(request->worker, &lease);
    response_empty(response);
    return 0;
}
