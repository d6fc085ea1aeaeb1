/* GET /events: the long poll, and the same events as a stream.
 *
 * A poll is answered at once when there is something after its cursor; otherwise the connection is
 * parked at the hub, with the position PostgreSQL has just confirmed. The next poll's cursor is a
 * receipt for everything up to it.
 *
 * A stream begins with what there is after its cursor, and the hub goes on with it. What is too
 * much for a socket's buffer to take at once is brought in pieces: the stream ends, and the browser
 * comes back for more by itself, so no worker ever waits for a slow reader. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/store_event.h"
#include "lease.h"
#include "render.h"
#include "response.h"
#include "stream.h"
#include "worker.h"

enum {
    WAIT_MAX_S = 50,
    WAIT_DEFAULT_S = 25,
    BATCH_BYTES_MAX = 256 * 1024,
    STREAM_BYTES_MAX = 64 * 1024, /* HANDOFF_ROOM takes this and goes on taking events */
    AFTER_BUSY_MS = 1000, /* where the hub cannot take another poll; up to three times that */
};

struct poll_query {
    bool stream;
    const char *from; /* the cursor's text, NULL: none */
    struct cursor cursor;
    const char *tab;
    int64_t wait_s;
    enum handoff_presence presence;
};

/* A page is somebody there, whatever it says; a program is only if it says so. */
static int read_state(const struct request *request, enum handoff_presence *ret_presence)
{
    const char *state = request_param(request, "state");
    if (state == NULL)
        *ret_presence = request->caller.bearer ? PRESENCE_NONE : PRESENCE_IDLE;
    else if (strcmp(state, "active") == 0)
        *ret_presence = PRESENCE_ACTIVE;
    else if (strcmp(state, "idle") == 0)
        *ret_presence = PRESENCE_IDLE;
    else
        return ERR_BAD_PARAMETER;
    return 0;
}

static int read_query(struct request *request, struct poll_query *ret_query)
{
    struct poll_query query = {0};
    const char *cursor = request_param(request, "cursor");
    query.tab = request_param(request, "tab");
    const char *last_id = request_env(request, "HTTP_LAST_EVENT_ID");
    query.stream = stream_is_accepted(request_env(request, "HTTP_ACCEPT"));
    /* A browser that comes back asks for the same address as before and says how far it got. */
    if (query.stream && last_id != NULL && last_id[0] != '\0')
        cursor = last_id;
    query.from = cursor;
    int err = cursor != NULL ? cursor_parse(cursor, &query.cursor) : 0;
    if (err == 0)
        err = request_param_int(request, "wait", 0, WAIT_MAX_S, WAIT_DEFAULT_S, &query.wait_s);
    if (err == 0)
        err = read_state(request, &query.presence);
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

/* Hands the connection to the hub; ERR_BUSY: it takes no more, *ret_after_ms is when to come back.
 */
static int park(struct request *request, struct response *response, const struct poll_query *query,
                const struct cursor *at, int *ret_after_ms)
{
    struct worker *worker = request->worker;
    struct handoff_park park = {
        .kind = HANDOFF_PARK,
        .fcgi_id = request->fcgx->requestId,
        .stream = query->stream,
        .user_id = request->caller.user_id,
        .session_id = request->caller.session_id,
        .deadline_ms = clock_mono_ms() + query->wait_s * 1000,
        .cursor = *at,
        .presence = query->presence,
    };
    snprintf(park.tab, sizeof park.tab, "%s", query->tab ? query->tab : "");
    snprintf(park.request_id, sizeof park.request_id, "%s", request->id);
    int err = handoff_park(worker->hub_fds[park.user_id % worker->hub_count], &park,
                           request->fcgx->ipcFd);
    if (err == 0)
        response->parked = true;
    else
        *ret_after_ms = AFTER_BUSY_MS + (int)randombytes_uniform(2 * AFTER_BUSY_MS);
    return err;
}

/* Nothing new: the hub waits on. */
static void reply_later(struct request *request, struct response *response,
                        const struct poll_query *query)
{
    int after_ms = 0;
    handoff_make_room(request->fcgx->ipcFd);
    if (park(request, response, query, &query->cursor, &after_ms) != 0) {
        render_poll_head(&response->body, query->from, query->from, false, after_ms, false);
        buf_adds(&response->body, "]}");
    }
}

/* As many events as fit; where they end. */
static struct cursor add_stream(struct buf *body, const char *from, const struct store_events *log)
{
    struct cursor at = {.seq = log->count > 0 ? log->events[0].seq - 1 : log->seq};
    char cursor[CURSOR_TEXT_MAX];
    snprintf(at.epoch, sizeof at.epoch, "%s", log->epoch);
    stream_add_start(body, from, STREAM_RETRY_MS);
    for (int i = 0; i < log->count; i++) {
        const struct store_event *event = &log->events[i];
        if (i > 0 && body->length + strlen(event->json) > STREAM_BYTES_MAX)
            break;
        at.seq = event->seq;
        cursor_format(&at, cursor);
        stream_add_event(body, cursor, event->json);
    }
    return at;
}

static void reply_stream(struct request *request, struct response *response,
                         const struct poll_query *query, const char *from,
                         const struct store_events *log)
{
    struct cursor at = add_stream(&response->body, from, log);
    int after_ms = STREAM_AGAIN_MS;
    response->type = STREAM_TYPE;
    /* Each block at once; and then nginx takes no more of a stream than its reader does. */
    buf_adds(&response->headers, "X-Accel-Buffering: no\r\n");
    handoff_make_room(request->fcgx->ipcFd);
    if (at.seq < log->seq || (response_open(response, request) == 0 &&
                              park(request, response, query, &at, &after_ms) != 0))
        stream_add_end(&response->body, after_ms);
}

/* The device is there, and about to ask again. */
static void tell_seen(struct request *request, const struct poll_query *query)
{
    struct handoff_lease lease = {.change = LEASE_SEEN,
                                  .user_id = request->caller.user_id,
                                  .session_id = request->caller.session_id,
                                  .seq = query->cursor.seq,
                                  .presence = query->presence};
    snprintf(lease.tab, sizeof lease.tab, "%s", query->tab ? query->tab : "");
    if (query->presence != PRESENCE_NONE)
        lease_tell(request->worker, &lease);
}

int event_poll(struct request *request, struct response *response)
{
    struct poll_query query;
    struct store_events log;
    int err = read_query(request, &query);
    /* Without a cursor only the position is wanted: nothing lies after the end. */
    if (err == 0)
        err = store_event_poll(request->worker->pg, request->arena, request->caller.user_id,
                               query.from != NULL ? query.cursor.seq : STORE_ID_MAX, &log);
    if (err != 0)
        return err;
    const char *present = arena_printf(request->arena, "%s-%lld", log.epoch, (long long)log.seq);
    const char *reason = query.from != NULL ? reset_reason(&query.cursor, &log) : NULL;
    const char *from = query.from != NULL ? query.from : present;
    if (reason != NULL)
        return reply_reset(response, reason, present);
    if (query.stream)
        reply_stream(request, response, &query, from, &log);
    else if (query.from == NULL || log.count > 0 || query.wait_s == 0)
        reply_events(response, from, &log);
    else
        reply_later(request, response, &query);
    if (query.from != NULL && !query.stream && !response->parked)
        tell_seen(request, &query);
    return 0;
}
