/* GET /events: the long poll.
 *
 * Answers at once when there is something after the cursor; otherwise parks the connection at the
 * hub, with the position PostgreSQL has just confirmed. The next poll's cursor is a receipt for
 * everything up to it. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/store_event.h"
#include "render.h"
#include "response.h"
#include "worker.h"

enum {
    WAIT_MAX_S = 50,
    WAIT_DEFAULT_S = 25,
    BATCH_BYTES_MAX = 256 * 1024,
    AFTER_BUSY_MS = 1000, /* where the hub cannot take another poll; up to three times that */
};

struct poll_query {
    bool has_cursor;
    struct cursor cursor;
    const char *tab;
    int64_t wait_s;
};

static int read_query(struct request *request, struct poll_query *ret_query)
{
    struct poll_query query = {0};
    const char *cursor = request_param(request, "cursor");
    const char *state = request_param(request, "state");
    query.tab = request_param(request, "tab");
    query.has_cursor = cursor != NULL;
    int err = cursor != NULL ? cursor_parse(cursor, &query.cursor) : 0;
    if (err == 0)
        err = request_param_int(request, "wait", 0, WAIT_MAX_S, WAIT_DEFAULT_S, &query.wait_s);
    if (err == 0 && state != NULL && strcmp(state, "active") != 0 && strcmp(state, "idle") != 0)
        err = ERR_BAD_PARAMETER;
    if (err == 0 && query.tab != NULL &&
        (strlen(query.tab) < 1 || strlen(query.tab) > HANDOFF_TAB_MAX))
        err = ERR_BAD_PARAMETER;
    if (err == 0)
        *ret_query = query;
    return err;
}

/* Why does this cursor not fit this log? NULL when it does. */
static const char *reset_reason(const struct cursor *cursor, const struct store_events *log)
{
    if (strcmp(cursor->epoch, log->epoch) != 0)
        return "epoch";
    if (cursor->seq > log->seq)
        return "ahead";
    return cursor->seq < log->floor ? "expired" : NULL;
}

static int reply_reset(struct response *response, const char *reason, const char *present)
{
    buf_addf(&response->members, ",\"reason\":\"%s\",\"cursor\":\"%s\"", reason, present);
    return ERR_CURSOR_RESET;
}

/* The events, as many as fit into one batch. */
static void reply_events(struct response *response, const char *from,
                         const struct store_events *log)
{
    struct cursor at = {.seq = 0};
    char cursor[CURSOR_TEXT_MAX];
    size_t bytes = 0;
    int count = 0;
    while (count < log->count &&
           (count == 0 || bytes + strlen(log->events[count].json) <= BATCH_BYTES_MAX))
        bytes += strlen(log->events[count++].json);
    snprintf(at.epoch, sizeof at.epoch, "%s", log->epoch);
    at.seq = count > 0 ? log->events[count - 1].seq : log->seq;
    cursor_format(&at, cursor);
    render_poll_head(&response->body, from ? from : cursor, cursor, at.seq < log->seq, 0, false);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            buf_adds(&response->body, ",");
        buf_adds(&response->body, log->events[i].json);
    }
    buf_adds(&response->body, "]}");
}

/* Nothing new: the hub waits on. */
static void park(struct request *request, struct response *response, const struct poll_query *query,
                 const char *from)
{
    struct worker *worker = request->worker;
    struct handoff_park park = {
        .kind = HANDOFF_PARK,
        .fcgi_id = request->fcgx->requestId,
        .user_id = request->caller.user_id,
        .session_id = request->caller.session_id,
        .deadline_ms = clock_mono_ms() + query->wait_s * 1000,
        .cursor = query->cursor,
    };
    snprintf(park.tab, sizeof park.tab, "%s", query->tab ? query->tab : "");
    snprintf(park.request_id, sizeof park.request_id, "%s", request->id);
    if (handoff_park(worker->hub_fds[park.user_id % worker->hub_count], &park,
                     request->fcgx->ipcFd) == 0) {
        response->parked = true;
        return;
    }
    int after_ms = AFTER_BUSY_MS + (int)randombytes_uniform(2 * AFTER_BUSY_MS);
    render_poll_head(&response->body, from, from, false, after_ms, false);
    buf_adds(&response->body, "]}");
}

int event_poll(struct request *request, struct response *response)
{
    struct poll_query query;
    struct store_events log;
    int err = read_query(request, &query);
    /* Without a cursor only the position is wanted: nothing lies after the end. */
    if (err == 0)
        err = store_event_poll(request->worker->pg, request->arena, request->caller.user_id,
                               query.has_cursor ? query.cursor.seq : STORE_ID_MAX, &log);
    if (err != 0)
        return err;
    const char *present = arena_printf(request->arena, "%s-%lld", log.epoch, (long long)log.seq);
    const char *reason = query.has_cursor ? reset_reason(&query.cursor, &log) : NULL;
    const char *from = query.has_cursor ? request_param(request, "cursor") : present;
    if (reason != NULL)
        return reply_reset(response, reason, present);
    if (!query.has_cursor || log.count > 0 || query.wait_s == 0)
        reply_events(response, from, &log);
    else
        park(request, response, &query, from);
    return 0;
}
